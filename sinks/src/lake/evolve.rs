//! A table that an older release made gains the columns that messages have since: one commit of metadata, which
//! rewrites nothing. Rows that were there before read null.

use super::location::{LakeError, table_schema};
use deltalake::DeltaTable;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{ArrayType, DataType, StructField, StructType};
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
        match delta.clone().add_columns().with_fields(fields).await {
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
