//! Who sees what: everything, or pseudonyms in place of people.
//!
//! The tables are masked below the views, column by column as [`crate::privacy::classes`] says, nested ones too: so
//! that no view, whatever it does, can show more than the tables do. A column that nobody has classified shows nothing.

use super::{QueryError, TableInfo, TableKind};
use crate::privacy::{Class, PseudonymKey, classify};
use arrow::array::{
    Array, ArrayRef, AsArray, GenericListArray, Int64Array, OffsetSizeTrait, StringArray, StructArray, UInt32Array,
    new_null_array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::common::Result as Done;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Statement,
    Volatility,
};
use datafusion::logical_expr::{ExprSchemable, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::prelude::{Expr, SessionContext, ident};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A table of which columns are shown otherwise. Masking is part of the scan: planning must not see through it, since rules
/// that move the fields of structures or filters below a projection would move them below the mask.
#[derive(Debug)]
struct Masked {
    inner: Arc<dyn TableProvider>,
    /// What is shown, by column.
    shown: Vec<Expr>,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for Masked {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Done<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.shown.len()).collect();
        let wanted = projection.unwrap_or(&all);
        let below = self.inner.schema();
        let mut needed = wanted.clone();
        needed.extend(below.index_of(PLATFORM).ok().filter(|platform| !wanted.contains(platform)));
        let rows = self.inner.scan(state, Some(&needed), &[], limit).await?;
        let known = DFSchema::try_from(rows.schema())?;
        let shown = wanted.iter().map(|column| {
            let expr = self.shown[*column].clone().unalias();
            Ok((state.create_physical_expr(expr, &known)?, self.schema.field(*column).name().clone()))
        });
        Ok(Arc::new(ProjectionExec::try_new(shown.collect::<Done<Vec<_>>>()?, rows)?))
    }
}

/// The view that says whose each pseudonym is.
const MAPPING: &str = "creator_pseudonyms";
const PLATFORM: &str = "platform";

/// What an engine shows.
#[derive(Clone)]
pub(super) enum Visibility {
    /// Everything; with the key, also whose each pseudonym is.
    Everything(Option<PseudonymKey>),
    /// Pseudonyms.
    Pseudonymised(PseudonymKey),
}

impl Default for Visibility {
    fn default() -> Self {
        Self::Everything(None)
    }
}

impl Visibility {
    /// Are people hidden?
    pub(super) fn hides(&self) -> bool {
        matches!(self, Self::Pseudonymised(_))
    }

    /// A table as it is shown.
    pub(super) fn of_table(
        &self,
        name: &str,
        provider: Arc<dyn TableProvider>,
    ) -> Result<Arc<dyn TableProvider>, QueryError> {
        let Self::Pseudonymised(key) = self else { return Ok(provider) };
        let schema = provider.schema();
        let has_platform = schema.field_with_name(PLATFORM).is_ok();
        let columns = schema.fields().iter().map(|field| {
            if is_shown(name, &[field.name()], field.data_type()) {
                return ident(field.name());
            }
            let mask = Mask::new(name, field.name(), key.clone());
            let arguments = [field.name().as_str()].into_iter().chain(has_platform.then_some(PLATFORM));
            ScalarUDF::from(mask).call(arguments.map(ident).collect()).alias(field.name())
        });
        let shown: Vec<Expr> = columns.collect();
        let known = DFSchema::try_from(Arc::clone(&schema)).map_err(QueryError::running)?;
        let fields: Result<Vec<FieldRef>, DataFusionError> =
            shown.iter().map(|expr| Ok(expr.to_field(&known)?.1)).collect();
        let schema = Arc::new(Schema::new(fields.map_err(QueryError::running)?));
        Ok(Arc::new(Masked { inner: provider, shown, schema }))
    }

    /// Plans may show the smallest and largest values of a file's columns.
    pub(super) fn check(&self, plan: &LogicalPlan) -> Result<(), QueryError> {
        let hidden = self.hides();
        match plan {
            LogicalPlan::Statement(Statement::SetVariable(set))
                if hidden && set.variable.to_ascii_lowercase().starts_with("datafusion.explain") =>
            {
                Err(QueryError::FixedOption(set.variable.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Makes the view that says whose each pseudonym is, where that may be seen.
    pub(super) async fn register_mapping(&self, session: &SessionContext) -> Result<(), QueryError> {
        let Self::Everything(Some(key)) = self else { return Ok(()) };
        let accounts = session.sql(ACCOUNTS).await.map_err(QueryError::running)?;
        let of = |column: &str| {
            let mask = Mask::new(MAPPING, column, key.clone());
            ScalarUDF::from(mask).call(vec![ident(column), ident(PLATFORM)]).alias("pseudonym")
        };
        let [handles, ids] = ["handle", "numeric_id"].map(|column| {
            let named = accounts.clone().filter(ident(column).is_not_null())?;
            named.select(vec![of(column), ident(PLATFORM), ident("handle"), ident("numeric_id")])
        });
        let all = async { Ok::<_, DataFusionError>(handles?.union_distinct(ids?)?.into_view()) };
        session.register_table(MAPPING, all.await.map_err(QueryError::running)?).map_err(QueryError::running)?;
        Ok(())
    }

    /// The view for listings, where there is one.
    pub(super) fn mapping(&self) -> Option<TableInfo> {
        let Self::Everything(Some(_)) = self else { return None };
        Some(TableInfo {
            name: MAPPING.to_owned(),
            kind: TableKind::View,
            rows: None,
            files: None,
            bytes: None,
            version: None,
            location: None,
            about: "Whose each pseudonym is".to_owned(),
        })
    }
}

/// Every account there is, by handle and by id.
const ACCOUNTS: &str = "
SELECT DISTINCT platform, lower(handle) AS handle, numeric_id FROM (
  SELECT platform, author['handle'] AS handle, author['id'] AS numeric_id FROM video_observations
  UNION ALL SELECT platform, author['handle'] AS handle, author['id'] AS numeric_id FROM comments
  UNION ALL SELECT platform, handle, creator_id AS numeric_id FROM creator_observations)";

/// Whether a column, with all below it, is shown as it is.
fn is_shown(table: &str, path: &[&str], kind: &DataType) -> bool {
    let below = |field: &Field| {
        let path: Vec<&str> = path.iter().copied().chain([field.name().as_str()]).collect();
        is_shown(table, &path, field.data_type())
    };
    match kind {
        DataType::Struct(fields) => fields.iter().all(|field| below(field)),
        DataType::List(item) | DataType::LargeList(item) => is_shown(table, path, item.data_type()),
        _ => matches!(shown(table, path), Shown::AsIs),
    }
}

/// How a column is shown.
#[derive(Clone, Copy)]
enum Shown {
    AsIs,
    Pseudonym,
    /// Without those who are mentioned.
    Masked,
    /// As a word that is the same for the same text.
    Note,
    Nothing,
}

fn shown(table: &str, path: &[&str]) -> Shown {
    match classify(table, path) {
        Some(Class::Plain | Class::About | Class::VideoId | Class::VideoNativeId | Class::ThingId) => Shown::AsIs,
        Some(Class::Handle | Class::Id | Class::NativeId | Class::Mention) => Shown::Pseudonym,
        Some(Class::Words | Class::Topic) => Shown::Masked,
        Some(Class::Note | Class::Entity | Class::Digest) => Shown::Note,
        Some(Class::Name | Class::Link | Class::Title | Class::Raw) | None => Shown::Nothing,
    }
}

/// A column as it is shown: a function of it and of the platform.
struct Mask {
    name: String,
    table: String,
    column: String,
    key: PseudonymKey,
    signature: Signature,
}

impl Mask {
    fn new(table: &str, column: &str, key: PseudonymKey) -> Self {
        Self {
            name: format!("shown_{table}_{column}"),
            table: table.to_owned(),
            column: column.to_owned(),
            key,
            signature: Signature::variadic_any(Volatility::Immutable),
        }
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// One key an engine: table and column tell them apart.
impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Mask {}

impl Hash for Mask {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Mask {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Done<DataType> {
        let kind = arguments.first().ok_or_else(|| DataFusionError::Internal("no column".into()))?;
        Ok(kind_shown(&self.table, &[&self.column], kind))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Done<FieldRef> {
        let kinds: Vec<DataType> = arguments.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Arc::new(Field::new(&self.name, self.return_type(&kinds)?, true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Done<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let mut arrays = arrays.into_iter();
        let column = arrays.next().ok_or_else(|| DataFusionError::Internal("no column".into()))?;
        let platforms = match arrays.next() {
            Some(platforms) => cast(&platforms, &DataType::Utf8)?.as_string::<i32>().clone(),
            None => StringArray::from(vec![""; column.len()]),
        };
        let masker = Masker { table: &self.table, key: &self.key };
        Ok(ColumnarValue::Array(masker.mask(&mut vec![&self.column], &column, &platforms)?))
    }
}

/// The type of a column as it is shown.
fn kind_shown(table: &str, path: &[&str], kind: &DataType) -> DataType {
    let below = |field: &FieldRef| {
        let path: Vec<&str> = path.iter().copied().chain([field.name().as_str()]).collect();
        Arc::new(Field::new(field.name(), kind_shown(table, &path, field.data_type()), true))
    };
    let item = |item: &FieldRef| Arc::new(Field::new(item.name(), kind_shown(table, path, item.data_type()), true));
    match kind {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(below).collect()),
        DataType::List(inner) => DataType::List(item(inner)),
        DataType::LargeList(inner) => DataType::LargeList(item(inner)),
        _ => match shown(table, path) {
            Shown::AsIs | Shown::Nothing => kind.clone(),
            Shown::Pseudonym | Shown::Masked | Shown::Note => DataType::Utf8,
        },
    }
}

struct Masker<'a> {
    table: &'a str,
    key: &'a PseudonymKey,
}

impl Masker<'_> {
    fn mask<'p>(
        &self,
        path: &mut Vec<&'p str>,
        column: &'p ArrayRef,
        platforms: &StringArray,
    ) -> Result<ArrayRef, ArrowError> {
        match column.data_type() {
            DataType::Struct(_) => self.nested(path, column.as_struct(), platforms),
            DataType::List(_) => self.list(path, column.as_list::<i32>(), platforms),
            DataType::LargeList(_) => self.list(path, column.as_list::<i64>(), platforms),
            kind => match shown(self.table, path) {
                Shown::AsIs => Ok(column.clone()),
                Shown::Nothing => Ok(new_null_array(kind, column.len())),
                how => self.texts(how, column, platforms),
            },
        }
    }

    fn texts(&self, how: Shown, column: &ArrayRef, platforms: &StringArray) -> Result<ArrayRef, ArrowError> {
        // Numbers too: by their digits.
        let column = if column.data_type().is_integer() { cast(column, &DataType::Int64)? } else { column.clone() };
        let texts = match column.as_any().downcast_ref::<Int64Array>() {
            Some(numbers) => numbers.iter().map(|n| n.map(|n| n.to_string())).collect(),
            None => cast(&column, &DataType::Utf8)?.as_string::<i32>().clone(),
        };
        let shown = |(text, platform): (Option<&str>, Option<&str>)| {
            let text = text?;
            Some(match how {
                Shown::Pseudonym => self.key.creator(platform.unwrap_or_default(), text),
                Shown::Note => self.key.note(text),
                Shown::AsIs | Shown::Nothing | Shown::Masked => without_mentions(text),
            })
        };
        let texts: &StringArray = &texts;
        Ok(Arc::new(texts.iter().zip(platforms.iter()).map(shown).collect::<StringArray>()))
    }

    fn nested<'p>(
        &self,
        path: &mut Vec<&'p str>,
        nested: &'p StructArray,
        platforms: &StringArray,
    ) -> Result<ArrayRef, ArrowError> {
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (field, column) in nested.fields().iter().zip(nested.columns()) {
            path.push(field.name());
            let masked = self.mask(path, column, platforms)?;
            path.pop();
            fields.push(Field::new(field.name(), masked.data_type().clone(), true));
            columns.push(masked);
        }
        let (fields, nulls) = (Fields::from(fields), nested.nulls().cloned());
        Ok(Arc::new(StructArray::try_new_with_length(fields, columns, nulls, nested.len())?))
    }

    fn list<'p, O: OffsetSizeTrait>(
        &self,
        path: &mut Vec<&'p str>,
        list: &'p GenericListArray<O>,
        platforms: &StringArray,
    ) -> Result<ArrayRef, ArrowError> {
        // The platform of each element is its row's.
        let mut rows = vec![0_u32; list.values().len()];
        for (row, ends) in list.offsets().windows(2).enumerate() {
            let row = u32::try_from(row).map_err(|e| ArrowError::ComputeError(e.to_string()))?;
            rows[ends[0].as_usize()..ends[1].as_usize()].fill(row);
        }
        let of_elements = if platforms.is_empty() {
            StringArray::from(vec![""; rows.len()])
        } else {
            take(platforms, &UInt32Array::from(rows), None)?.as_string::<i32>().clone()
        };
        let values = self.mask(path, list.values(), &of_elements)?;
        let (DataType::List(item) | DataType::LargeList(item)) = list.data_type() else {
            return Err(ArrowError::SchemaError("a list of another kind".into()));
        };
        let item = Arc::new(Field::new(item.name(), values.data_type().clone(), true));
        let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
        Ok(Arc::new(GenericListArray::<O>::try_new(item, offsets, values, nulls)?))
    }
}

/// A text with `*` for each byte of a name after `@`: places in it stay where they were.
fn without_mentions(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut in_name = false;
    for c in text.chars() {
        in_name = matches!(c, '@' | '＠') || in_name && (c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if in_name && !matches!(c, '@' | '＠') {
            masked.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else {
            masked.push(c);
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_masked_in_place() {
        assert_eq!(without_mentions("hi @mia.b! see https://x.y/@zoë/1"), "hi @*****! see https://x.y/@****/1");
        assert_eq!(without_mentions("a@b @@c"), "a@* @@*");
        assert_eq!(without_mentions("no name"), "no name");
    }
}
