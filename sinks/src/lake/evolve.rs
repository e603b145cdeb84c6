//! A table that an older release made gains the columns that messages have since: one commit of metadata, which
//! rewrites nothing. Rows that were there before read null. Larger types need all files written anew, which is upkeep
//! ([`widen`](super::upkeep::widen)): until then the table is not written to.

use super::commit::quietly;
use super::location::{LakeError, table_schema};
use deltalake::DeltaTable;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{ArrayType, DataType, MapType, PrimitiveType, StructField, StructType};
use tidelake_schemas::topics::Landed;

/// Writers that open the table at the same time may be first, each with columns of its own.
const ATTEMPTS: u32 = 4;

/// Adds what the table lacks.
///
/// # Errors
/// [`LakeError`] when the table cannot be read, or the columns cannot be committed.
pub(super) async fn evolve(delta: DeltaTable, landed: &Landed) -> Result<DeltaTable, LakeError> {
    let wanted = table_schema(landed)?;
    let wanted: StructType = wanted.as_ref().try_into_kernel().map_err(LakeError::arrow(landed.table))?;
    if let Some(column) = narrow(&schema(&delta, landed.table)?, &wanted).into_iter().next() {
        let Narrow { name, has, wants } = column;
        return Err(LakeError::Narrow { table: landed.table.to_owned(), column: name, has, wants });
    }
    evolve_to(delta, landed.table, &wanted).await
}

/// As [`evolve`], to the columns of any schema.
///
/// # Errors
/// As [`evolve`].
pub(super) async fn evolve_to(
    mut delta: DeltaTable,
    table: &str,
    wanted: &StructType,
) -> Result<DeltaTable, LakeError> {
    for attempt in 1.. {
        let fields = missing(&schema(&delta, table)?, wanted);
        if fields.is_empty() {
            break;
        }
        let names: Vec<_> = fields.iter().map(StructField::name).cloned().collect();
        match delta.clone().add_columns().with_fields(fields).with_commit_properties(quietly()).await {
            Ok(evolved) => {
                tracing::info!(table, columns = names.join(", "), "an older table gained columns");
                return Ok(evolved);
            }
            Err(error) if attempt == ATTEMPTS => return Err(LakeError::delta(table)(error)),
            Err(_) => delta.update_state().await.map_err(LakeError::delta(table))?,
        }
    }
    Ok(delta)
}

/// A table's columns.
pub(super) fn schema(delta: &DeltaTable, table: &str) -> Result<StructType, LakeError> {
    let snapshot = delta.snapshot().map_err(LakeError::delta(table))?;
    snapshot.metadata().parse_schema().map_err(|e| LakeError::delta(table)(e.into()))
}

/// What `wanted` has and `known` has not, nested fields too. All may be null: the rows that are there have none of it.
fn missing(known: &StructType, wanted: &StructType) -> Vec<StructField> {
    let lacks = |field: &StructField| match known.field(field.name()) {
        None => Some(StructField::nullable(field.name(), field.data_type().clone())),
        Some(has) => inner(has.data_type(), field.data_type())
            .map(|inner| StructField::new(field.name(), inner, has.is_nullable())),
    };
    wanted.fields().filter_map(lacks).collect()
}

/// The part of a nested type that is missing.
fn inner(known: &DataType, wanted: &DataType) -> Option<DataType> {
    match (known, wanted) {
        (DataType::Struct(known), DataType::Struct(wanted)) => {
            let fields = missing(known, wanted);
            if fields.is_empty() { None } else { StructType::try_new(fields).ok().map(DataType::from) }
        }
        (DataType::Array(known), DataType::Array(wanted)) => {
            let item = inner(known.element_type(), wanted.element_type())?;
            Some(ArrayType::new(item, known.contains_null()).into())
        }
        _ => None,
    }
}

/// A column whose type cannot hold what messages have.
pub(super) struct Narrow {
    /// Nested names joined by dots.
    pub name: String,
    pub has: String,
    pub wants: String,
}

/// Columns whose types are narrower than wanted.
pub(super) fn narrow(known: &StructType, wanted: &StructType) -> Vec<Narrow> {
    let mut found = Vec::new();
    widen_struct(known, wanted, "", &mut found);
    found
}

/// The known columns, with the wanted types where those are wider.
pub(super) fn widened(known: &StructType, wanted: &StructType) -> StructType {
    widen_struct(known, wanted, "", &mut Vec::new())
}

fn widen_struct(known: &StructType, wanted: &StructType, within: &str, found: &mut Vec<Narrow>) -> StructType {
    let fields = known.fields().map(|field| {
        let Some(wanted) = wanted.field(field.name()) else { return field.clone() };
        let name = if within.is_empty() { field.name().clone() } else { format!("{within}.{}", field.name()) };
        let kind = widen_type(field.data_type(), wanted.data_type(), &name, found);
        StructField::new(field.name(), kind, field.is_nullable()).with_metadata(field.metadata().clone())
    });
    // The names are those of a struct that there is.
    StructType::try_new(fields).unwrap_or_else(|_| known.clone())
}

fn widen_type(known: &DataType, wanted: &DataType, name: &str, found: &mut Vec<Narrow>) -> DataType {
    match (known, wanted) {
        (DataType::Struct(known), DataType::Struct(wanted)) => widen_struct(known, wanted, name, found).into(),
        (DataType::Array(known), DataType::Array(wanted)) => {
            let item = widen_type(known.element_type(), wanted.element_type(), name, found);
            ArrayType::new(item, known.contains_null()).into()
        }
        (DataType::Map(known), DataType::Map(wanted)) => {
            let value = widen_type(known.value_type(), wanted.value_type(), name, found);
            MapType::new(known.key_type().clone(), value, known.value_contains_null()).into()
        }
        (DataType::Primitive(has), DataType::Primitive(wants)) if is_wider(wants, has) => {
            found.push(Narrow { name: name.to_owned(), has: has.to_string(), wants: wants.to_string() });
            wanted.clone()
        }
        _ => known.clone(),
    }
}

/// Whether a type holds every value of another, and more. As Delta's type widening has it.
fn is_wider(wide: &PrimitiveType, than: &PrimitiveType) -> bool {
    use PrimitiveType::{Byte, Date, Decimal, Double, Float, Integer, Long, Short, TimestampNtz};
    match (than, wide) {
        (Byte, Short | Integer | Long | Double)
        | (Short, Integer | Long | Double)
        | (Integer, Long | Double)
        | (Float, Double)
        | (Date, TimestampNtz) => true,
        (Decimal(has), Decimal(wants)) => {
            let more = |of: fn(u8, u8) -> i16| of(wants.precision(), wants.scale()) - of(has.precision(), has.scale());
            let (whole, scale) =
                (more(|precision, scale| i16::from(precision) - i16::from(scale)), more(|_, s| i16::from(s)));
            whole >= 0 && scale >= 0 && (whole, scale) != (0, 0)
        }
        _ => false,
    }
}

/// Whether files of these columns may be in a table: it has each of them, of the same type.
pub(super) fn fits(files: &StructType, table: &StructType) -> bool {
    files
        .fields()
        .all(|field| table.field(field.name()).is_some_and(|has| fits_type(field.data_type(), has.data_type())))
}

fn fits_type(of_file: &DataType, of_table: &DataType) -> bool {
    match (of_file, of_table) {
        (DataType::Struct(file), DataType::Struct(table)) => fits(file, table),
        (DataType::Array(file), DataType::Array(table)) => fits_type(file.element_type(), table.element_type()),
        (DataType::Map(file), DataType::Map(table)) => {
            fits_type(file.key_type(), table.key_type()) && fits_type(file.value_type(), table.value_type())
        }
        (file, table) => file == table,
    }
}
