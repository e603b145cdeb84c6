//! A table as the Parquet files that one version of it lists.
//!
//! delta-rs's own scan stands between DataFusion and the files: it reads structures whole where one field is asked for
//! (`findings['language']`), reads footers again for every query, and cannot be sent to another process. This one leaves the
//! files to DataFusion, with what the log says of each: its partition, its rows, and the smallest and largest values.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, UInt64Type};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{
    Column, ColumnStatistics, DFSchema, DataFusionError, ScalarValue, Statistics, project_schema,
};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use deltalake::kernel::EagerSnapshot;
use deltalake::{DeltaTable, DeltaTableError};
use object_store::ObjectStore;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use url::Position;

/// The files of a version of a table.
#[derive(Clone, Debug)]
pub struct ParquetFiles {
    schema: SchemaRef,
    files: FileList,
    /// What the log says of the files; only in the process that read it.
    log: Option<EagerSnapshot>,
}

/// What goes over the wire; the schema goes beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileList {
    /// Scheme and bucket of the store they are in.
    store: String,
    /// The partition columns: the last of the schema, and in no file.
    partitions: Vec<String>,
    files: Vec<File>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    /// In the store.
    path: String,
    bytes: u64,
    /// A value for each partition column, as the table's log writes it.
    partition: Vec<Option<String>>,
    /// Which of the log's files it is.
    #[serde(skip)]
    place: usize,
}

impl ParquetFiles {
    /// The files of a table's version; `None` where their rows are not simply the table's: where another writer has marked rows
    /// as deleted, or given columns other names than the table's.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn of(table: &DeltaTable) -> Result<Option<Self>, DataFusionError> {
        let snapshot = table.snapshot().map_err(external)?;
        if snapshot.metadata().configuration().get(COLUMN_MAPPING).is_some_and(|mode| mode != "none") {
            return Ok(None);
        }
        let partitions = snapshot.metadata().partition_columns().to_vec();
        let log = snapshot.snapshot().try_log_data().map_err(external)?;
        let store = table.log_store();
        let root = store.root_url();
        let prefix = Path::from_url_path(root.path()).map_err(|e| DataFusionError::External(Box::new(e)))?;
        let mut files = Vec::new();
        for (place, file) in log.iter().enumerate() {
            if file.deletion_vector_descriptor().is_some() {
                return Ok(None);
            }
            let mut values = file.partition_values_map();
            let path = file.path().split('/').fold(prefix.clone(), |path, part| path.join(part));
            files.push(File {
                path: path.to_string(),
                bytes: u64::try_from(file.size()).unwrap_or(0),
                partition: partitions.iter().map(|column| values.remove(column).flatten()).collect(),
                place,
            });
        }
        // The same order every time: plans of equal queries are equal.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let schema = partitions_last(&snapshot.snapshot().arrow_schema(), &partitions);
        let files = FileList { store: root[..Position::BeforePath].to_owned(), partitions, files };
        Ok(Some(Self { schema, files, log: Some(snapshot.snapshot().clone()) }))
    }

    /// A table that nothing has landed in.
    pub fn none(schema: SchemaRef) -> Self {
        let files = FileList { store: "file://".to_owned(), partitions: Vec::new(), files: Vec::new() };
        Self::new(files, schema)
    }

    /// What a list that came over the wire stands for.
    pub fn new(files: FileList, schema: SchemaRef) -> Self {
        Self { schema, files, log: None }
    }

    /// What goes over the wire.
    pub fn list(&self) -> &FileList {
        &self.files
    }

    /// The files' own columns, and those of the partition.
    fn columns(&self) -> (&[FieldRef], &[FieldRef]) {
        self.schema.fields().split_at(self.schema.fields().len() - self.files.partitions.len())
    }

    /// The files that may hold rows for which all filters hold, as the log's statistics say.
    fn wanted(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<PartitionedFile>, DataFusionError> {
        let log = self.log.as_ref().map(|snapshot| snapshot.try_log_data()).transpose().map_err(external)?;
        let kept = match (&log, conjunction(filters.iter().cloned())) {
            (Some(log), Some(filter)) => self.kept(state, filter, log),
            _ => None,
        };
        let kept = |file: &&File| kept.as_ref().is_none_or(|kept| kept.get(file.place).copied().unwrap_or(true));
        let known = log.as_ref().map(|log| Known::of(self.columns().0, log));
        let files = self.files.files.iter().filter(kept).map(|file| {
            let mut one = PartitionedFile::new(file.path.clone(), file.bytes);
            one.partition_values = self.values(file)?;
            let whole = one.partition_values.iter().all(|value| !value.is_null());
            Ok(match known.as_ref().filter(|_| whole) {
                Some(known) => one.with_statistics(Arc::new(known.file(file.place, file.bytes)?)),
                None => one,
            })
        });
        files.collect()
    }

    /// Per file of the log, whether it may hold such rows; `None` where that cannot be told.
    fn kept(&self, state: &dyn Session, filter: Expr, log: &dyn PruningStatistics) -> Option<Vec<bool>> {
        let schema = DFSchema::try_from(Arc::clone(&self.schema)).ok()?;
        let filter = state.create_physical_expr(filter, &schema).ok()?;
        PruningPredicateBuilder::new().with_file_schema(Arc::clone(&self.schema)).build(filter)?.prune(log).ok()
    }

    fn values(&self, file: &File) -> Result<Vec<ScalarValue>, DataFusionError> {
        let value = |(field, text): (&FieldRef, &Option<String>)| match text {
            Some(text) => ScalarValue::try_from_string(text.clone(), field.data_type()),
            None => ScalarValue::try_from(field.data_type()),
        };
        self.columns().1.iter().zip(&file.partition).map(value).collect()
    }
}

/// How a table says that its files name columns otherwise.
const COLUMN_MAPPING: &str = "delta.columnMapping.mode";
/// The log rounds instants to milliseconds, downwards.
const ROUNDED_MICROS: i64 = 999;

fn external(error: DeltaTableError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// What the log knows of each file.
struct Known {
    rows: Option<ArrayRef>,
    /// By column: smallest and largest value.
    ranges: Vec<Option<(ArrayRef, ArrayRef)>>,
}

impl Known {
    fn of(columns: &[FieldRef], log: &dyn PruningStatistics) -> Self {
        let range = |field: &FieldRef| {
            let (column, kind) = (Column::from_name(field.name()), field.data_type());
            if kind.is_nested() {
                return None;
            }
            let plain = |values: ArrayRef| arrow::compute::cast(&values, kind).ok();
            Some((plain(log.min_values(&column)?)?, plain(log.max_values(&column)?)?))
        };
        Self { rows: log.row_counts(), ranges: columns.iter().map(range).collect() }
    }

    /// Ranges are bounds, and may be wider than what the file holds; how many rows it has is exact.
    fn file(&self, place: usize, bytes: u64) -> Result<Statistics, DataFusionError> {
        let bound = |values: &ArrayRef, more: i64| {
            Ok::<_, DataFusionError>(match ScalarValue::try_from_array(values, place)? {
                value if value.is_null() => Precision::Absent,
                ScalarValue::TimestampMicrosecond(Some(at), zone) => {
                    Precision::Inexact(ScalarValue::TimestampMicrosecond(Some(at.saturating_add(more)), zone))
                }
                value => Precision::Inexact(value),
            })
        };
        let columns = self.ranges.iter().map(|range| match range {
            Some((least, most)) => Ok(ColumnStatistics {
                min_value: bound(least, 0)?,
                max_value: bound(most, ROUNDED_MICROS)?,
                ..ColumnStatistics::new_unknown()
            }),
            None => Ok(ColumnStatistics::new_unknown()),
        });
        let rows = self.rows.as_ref().and_then(|rows| rows.as_primitive_opt::<UInt64Type>());
        let rows = rows.filter(|rows| rows.is_valid(place)).map(|rows| rows.value(place));
        Ok(Statistics {
            num_rows: rows.and_then(|rows| usize::try_from(rows).ok()).map_or(Precision::Absent, Precision::Exact),
            total_byte_size: usize::try_from(bytes).map_or(Precision::Absent, Precision::Inexact),
            column_statistics: columns.collect::<Result<_, DataFusionError>>()?,
        })
    }
}

/// The files in as many groups of about equal size.
fn groups(files: Vec<PartitionedFile>, wanted: usize) -> Vec<FileGroup> {
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); wanted.clamp(1, files.len())];
    for file in files {
        if let Some(least) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            least.0 += file.object_meta.size;
            least.1.push(file);
        }
    }
    groups.into_iter().map(|(_, files)| FileGroup::new(files)).collect()
}

/// The columns with those of the partition last, as a scan of files gives them.
fn partitions_last(schema: &Schema, partitions: &[String]) -> SchemaRef {
    let (last, first): (Vec<_>, Vec<_>) =
        schema.fields().iter().cloned().partition(|field| partitions.contains(field.name()));
    // The log's values are plain, whatever the scan of a Delta table makes of them.
    let plain = |field: FieldRef| match field.data_type() {
        DataType::Dictionary(_, value) => {
            Arc::new(Field::new(field.name(), value.as_ref().clone(), field.is_nullable()))
        }
        _ => field,
    };
    let first = first.iter().map(as_views);
    Arc::new(Schema::new(first.chain(last.into_iter().map(plain)).collect::<Vec<_>>()))
}

/// Texts and bytes as views, which are compared and handed on without copies.
fn as_views(field: &FieldRef) -> FieldRef {
    let kind = match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(as_views).collect()),
        DataType::List(item) => DataType::List(as_views(item)),
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(kind))
}

#[async_trait]
impl TableProvider for ParquetFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Files, row groups and pages are skipped by statistics; rows are filtered above the scan.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let files = self.wanted(state, filters)?;
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(&self.schema, projection)?)));
        }
        let (own, partitions) = self.columns();
        let schema = TableSchema::builder(Arc::new(Schema::new(own.to_vec())))
            .with_table_partition_cols(partitions.to_vec())
            .build();
        let global = state.config_options().execution.parquet.clone();
        let options = TableParquetOptions { global, ..TableParquetOptions::default() };
        let mut source = ParquetSource::new(schema).with_table_parquet_options(options);
        let url = ObjectStoreUrl::parse(&self.files.store)?;
        if self.log.is_some() {
            let store: Arc<dyn ObjectStore> = state.runtime_env().object_store(&url)?;
            let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
            let reader = CachedParquetFileReaderFactory::new(store, footers);
            source = source.with_parquet_file_reader_factory(Arc::new(reader));
        }
        let statistics = whole(&files, &self.schema);
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups(files, state.config().target_partitions()))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_statistics(statistics)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// What is known of all files together: joins are planned by that, and rows counted.
fn whole(files: &[PartitionedFile], schema: &SchemaRef) -> Statistics {
    let known: Option<Vec<&Statistics>> = files.iter().map(|file| file.statistics.as_deref()).collect();
    known
        .and_then(|known| Statistics::try_merge_iter(known, schema).ok())
        .unwrap_or_else(|| Statistics::new_unknown(schema))
}
