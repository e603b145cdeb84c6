//! Gives the rows of a table values in new columns, a few files at a time.
//!
//! A group of files of one date is read, completed and written anew; one commit removes the old files and adds the new
//! ones, so that every row has its value exactly once, whatever stops in between. Positions are not touched, and a
//! writer that lands records meanwhile only adds files. A group whose files somebody else has replaced is left: the
//! next look at the table finds its rows in other files. The column [`REPLAYED`] says of each row what it was given.

use super::location::LakeError;
use super::replace::{self, Replaced, Replacement, active, name_of};
use super::writer::{WriterOptions, properties};
use super::{Lake, location::PARTITION_COLUMN};
use arrow::array::{Array, ArrayRef, AsArray, ListArray, ListBuilder, RecordBatch, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::functions_nested::expr_fn::array_has;
use datafusion::prelude::{Expr, SessionContext, cast as cast_to, ident, lit};
use deltalake::DeltaTable;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{Remove, StructField, StructType};
use deltalake::protocol::DeltaOperation;
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidelake_schemas::Timestamp;
use tidelake_schemas::topics::Landed;

/// The column that lists, per row, the labels of the values it was given.
pub const REPLAYED: &str = "replayed";
/// Bytes of Parquet that are rewritten by one commit, unless one file has more.
const GROUP_BYTES: i64 = 128 * 1024 * 1024;
/// Files of one commit.
const GROUP_FILES: usize = 256;
/// How often columns are added while others commit.
const ATTEMPTS: u32 = 12;

/// A table whose rows are given values in new columns.
pub struct Rewriter {
    landed: Landed,
    table: DeltaTable,
    options: WriterOptions,
}

/// Which rows are to have values.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Labels of the values, as [`REPLAYED`] lists them.
    pub labels: Vec<String>,
    /// First and last `observed_date`, `YYYY-MM-DD`.
    pub dates: (String, String),
    /// Only what had landed by then: what goes on landing would never come to an end.
    pub landed_by: Timestamp,
}

/// Files of one date that are rewritten together.
pub struct Group {
    /// The date, as the table's partitions are named.
    pub date: String,
    files: Vec<Remove>,
}

impl Group {
    /// How many files.
    pub fn files(&self) -> usize {
        self.files.len()
    }
}

/// What became of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewritten {
    /// Its rows have their values.
    Done {
        /// How many rows.
        rows: usize,
    },
    /// Nothing was changed, for instance because somebody else has replaced some of its files: look again.
    Gone {
        /// What the table said.
        why: String,
    },
}

impl Rewriter {
    /// Opens a table for it; `None` when there is none yet.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn open(lake: &Lake, landed: Landed, options: WriterOptions) -> Result<Option<Self>, LakeError> {
        let Some(table) = lake.open(landed.table).await? else { return Ok(None) };
        Ok(Some(Self { landed, table, options }))
    }

    /// Sees what has landed since.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn refresh(&mut self) -> Result<(), LakeError> {
        self.table.update_state().await.map_err(LakeError::delta(self.landed.table))
    }

    /// Adds the columns that the table lacks; all may be null.
    ///
    /// # Errors
    /// [`LakeError`], also when the table has a column of that name and of another type.
    pub async fn add_columns(&mut self, columns: &[Field]) -> Result<(), LakeError> {
        for _ in 1..ATTEMPTS {
            match self.add_absent(columns).await {
                // Somebody else may have changed the table meanwhile, perhaps in the same way.
                Err(LakeError::Delta { .. }) => self.refresh().await?,
                other => return other,
            }
        }
        self.add_absent(columns).await
    }

    async fn add_absent(&mut self, columns: &[Field]) -> Result<(), LakeError> {
        let name = self.landed.table;
        let wanted: StructType = (&Schema::new(columns.to_vec())).try_into_kernel().map_err(LakeError::arrow(name))?;
        let known =
            self.table.snapshot().and_then(|s| Ok(s.metadata().parse_schema()?)).map_err(LakeError::delta(name))?;
        for field in wanted.fields() {
            if known.field(field.name()).is_some_and(|has| has.data_type() != field.data_type()) {
                let why = format!("column {:?} is there already, of another type", field.name());
                return Err(LakeError::arrow(name)(ArrowError::SchemaError(why)));
            }
        }
        let absent: Vec<StructField> =
            wanted.fields().filter(|field| known.field(field.name()).is_none()).cloned().collect();
        if !absent.is_empty() {
            let adding = self.table.clone().add_columns().with_fields(absent);
            self.table = adding.await.map_err(LakeError::delta(name))?;
        }
        Ok(())
    }

    /// The files of rows of `scope` that lack a value, in groups of one date, oldest first.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn groups(&self, scope: &Scope) -> Result<Vec<Group>, LakeError> {
        let lacking = self.lacking(scope).await?;
        let log = self.table.snapshot().and_then(|s| s.snapshot().try_log_data());
        let log = log.map_err(LakeError::delta(self.landed.table))?;
        let mut dates: BTreeMap<String, Vec<Remove>> = BTreeMap::new();
        for file in log.iter().filter(|file| lacking.contains(name_of(&file.path()))) {
            let date = file.partition_values_map().remove(PARTITION_COLUMN).flatten().unwrap_or_default();
            dates.entry(date).or_default().push(file.remove_action(true));
        }
        Ok(dates.into_iter().flat_map(|(date, files)| part(&date, files)).collect())
    }

    /// Names of the files that hold a row of `scope` which lacks a label.
    async fn lacking(&self, scope: &Scope) -> Result<BTreeSet<String>, LakeError> {
        const FILE: &str = "file of the row";
        let name = self.landed.table;
        let session = SessionContext::new();
        let names = async {
            self.table.update_datafusion_session(&session.state())?;
            let snapshot = self.table.snapshot()?.snapshot().clone();
            let provider = self.table.table_provider().with_eager_snapshot(snapshot).with_file_column(FILE).await?;
            let date = |day: &str| cast_to(lit(day), DataType::Date32);
            let by = ScalarValue::TimestampMicrosecond(Some(scope.landed_by.0), Some("UTC".into()));
            let asked = ident(PARTITION_COLUMN).between(date(&scope.dates.0), date(&scope.dates.1));
            let mut rows = session.read_table(provider)?.filter(asked.and(ident("landed_at").lt_eq(lit(by))))?;
            if rows.schema().has_column_with_unqualified_name(REPLAYED) {
                let has = |label: &String| array_has(ident(REPLAYED), lit(label.as_str())).is_true();
                if let Some(all) = scope.labels.iter().map(has).reduce(Expr::and) {
                    rows = rows.filter(all.is_not_true())?;
                }
            }
            let files = rows.select(vec![cast_to(ident(FILE), DataType::Utf8).alias(FILE)])?.distinct()?;
            Ok(files.collect().await?)
        };
        let batches: Vec<RecordBatch> = names.await.map_err(LakeError::delta(name))?;
        let paths = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten());
        Ok(paths.map(|path| name_of(path).to_owned()).collect())
    }

    /// Rewrites a group: `values` gives the new columns of each batch of the table's rows.
    ///
    /// # Errors
    /// [`LakeError`]; the table is as it was then, or the group is done, which the next look shows.
    pub async fn rewrite(
        &mut self,
        group: Group,
        columns: &[Field],
        mut values: impl FnMut(&RecordBatch) -> Result<Vec<ArrayRef>, ArrowError>,
    ) -> Result<Rewritten, LakeError> {
        let name = self.landed.table;
        let Some(old) = active(&self.table, name, &group.files, true)? else {
            return Ok(Rewritten::Gone { why: "its files are in the table no more".to_owned() });
        };
        let mut writer = RecordBatchWriter::for_table(&self.table)
            .map_err(LakeError::delta(name))?
            .with_writer_properties(properties(&self.landed, &self.options))
            .with_target_file_size(self.options.target_file_bytes);
        let schema = writer.arrow_schema();
        let mut rows = 0;
        let mut batches = replace::rows(&self.table, name, &old).await?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|e| LakeError::delta(name)(e.into()))?;
            let added = values(&batch).map_err(LakeError::arrow(name))?;
            let named = columns.iter().map(Field::name).zip(added);
            let batch = with_columns(&batch, named, &schema).map_err(LakeError::arrow(name))?;
            rows += batch.num_rows();
            writer.write(batch).await.map_err(LakeError::delta(name))?;
        }
        let files = writer.flush().await.map_err(LakeError::delta(name))?;
        let operation = DeltaOperation::Update { predicate: None };
        let replacement = Replacement { old: &old, new: &files, operation, metadata: Vec::new() };
        Ok(match replace::replace(&mut self.table, name, &replacement).await? {
            Replaced::Done => Rewritten::Done { rows },
            Replaced::Gone { why } => Rewritten::Gone { why },
        })
    }
}

/// Parts the files of a date into groups.
fn part(date: &str, files: Vec<Remove>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut bytes = 0;
    for file in files {
        let size = file.size.unwrap_or(0);
        bytes += size;
        match groups.last_mut() {
            Some(group) if bytes <= GROUP_BYTES && group.files.len() < GROUP_FILES => group.files.push(file),
            _ => {
                bytes = size;
                groups.push(Group { date: date.to_owned(), files: vec![file] });
            }
        }
    }
    groups
}

/// The batch in the table's columns and types, some of them given anew.
pub(super) fn with_columns<'a>(
    batch: &RecordBatch,
    given: impl Iterator<Item = (&'a String, ArrayRef)>,
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let known = batch.schema();
    let mut columns: BTreeMap<&str, ArrayRef> =
        known.fields().iter().map(|field| field.name().as_str()).zip(batch.columns().iter().cloned()).collect();
    columns.extend(given.map(|(name, column)| (name.as_str(), column)));
    let in_order = schema.fields().iter().map(|field| match columns.remove(field.name().as_str()) {
        Some(column) if column.data_type() == field.data_type() => Ok(column),
        Some(column) => cast(&column, field.data_type()),
        None => Ok(arrow::array::new_null_array(field.data_type(), batch.num_rows())),
    });
    RecordBatch::try_new(Arc::clone(schema), in_order.collect::<Result<_, _>>()?)
}

/// The field of [`REPLAYED`].
pub fn replayed_field() -> Field {
    Field::new_list(REPLAYED, Field::new_list_field(DataType::Utf8, true), true)
}

/// The batch's [`REPLAYED`], with labels added to each row's.
///
/// # Errors
/// When the column is there and is no list of texts.
pub fn replayed(batch: &RecordBatch, labels: &[String]) -> Result<ArrayRef, ArrowError> {
    let before = batch.column_by_name(REPLAYED).map(|column| cast(column, replayed_field().data_type())).transpose()?;
    let before: Option<&ListArray> = before.as_ref().map(|column| column.as_list());
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..batch.num_rows() {
        let own = before.filter(|lists| lists.is_valid(row)).map(|lists| lists.value(row));
        let own = own.iter().flat_map(|list| list.as_string::<i32>().iter().flatten());
        let all: BTreeSet<&str> = own.chain(labels.iter().map(String::as_str)).collect();
        lists.append_value(all.into_iter().map(Some));
    }
    Ok(Arc::new(lists.finish()))
}
