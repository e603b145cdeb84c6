//! A table as the Parquet files that one version of it lists.

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, ScalarValue, plan_err, project_schema};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use deltalake::DeltaTable;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use url::Position;

/// The files of a version of a table.
#[derive(Clone, Debug)]
pub(super) struct ParquetFiles {
    schema: SchemaRef,
    files: FileList,
}

/// What goes over the wire; the schema goes beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileList {
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
}

impl ParquetFiles {
    /// The files of a table's version.
    pub(super) fn of(table: &DeltaTable) -> Result<Self, DataFusionError> {
        let external = |e: deltalake::DeltaTableError| DataFusionError::External(Box::new(e));
        let snapshot = table.snapshot().map_err(external)?;
        let partitions = snapshot.metadata().partition_columns().to_vec();
        let log = snapshot.snapshot().try_log_data().map_err(external)?;
        let store = table.log_store();
        let root = store.root_url();
        let prefix = Path::from_url_path(root.path()).map_err(|e| DataFusionError::External(Box::new(e)))?;
        let mut files = Vec::new();
        for file in log.iter() {
            if file.deletion_vector_descriptor().is_some() {
                return plan_err!("{root} has deletion vectors, which a cluster cannot read; rewrite its files first");
            }
            let mut values = file.partition_values_map();
            let path = file.path().split('/').fold(prefix.clone(), |path, part| path.join(part));
            files.push(File {
                path: path.to_string(),
                bytes: u64::try_from(file.size()).unwrap_or(0),
                partition: partitions.iter().map(|column| values.remove(column).flatten()).collect(),
            });
        }
        // The same order every time: plans of equal queries are equal.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let schema = partitions_last(&snapshot.snapshot().arrow_schema(), &partitions);
        Ok(Self { schema, files: FileList { store: root[..Position::BeforePath].to_owned(), partitions, files } })
    }

    /// A table that nothing has landed in.
    pub(super) fn none(schema: SchemaRef) -> Self {
        let files = FileList { store: "file://".to_owned(), partitions: Vec::new(), files: Vec::new() };
        Self { schema, files }
    }

    /// What a list that came over the wire stands for.
    pub(super) fn new(files: FileList, schema: SchemaRef) -> Self {
        Self { schema, files }
    }

    pub(super) fn list(&self) -> &FileList {
        &self.files
    }

    /// The files, in as many groups of about equal size.
    fn groups(&self, wanted: usize) -> Result<Vec<FileGroup>, DataFusionError> {
        let mut groups: Vec<(u64, Vec<PartitionedFile>)> =
            vec![(0, Vec::new()); wanted.clamp(1, self.files.files.len())];
        for file in &self.files.files {
            let mut one = PartitionedFile::new(file.path.clone(), file.bytes);
            one.partition_values = self.values(file)?;
            if let Some(least) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
                least.0 += file.bytes;
                least.1.push(one);
            }
        }
        Ok(groups.into_iter().map(|(_, files)| FileGroup::new(files)).collect())
    }

    fn values(&self, file: &File) -> Result<Vec<ScalarValue>, DataFusionError> {
        let value = |(column, text): (&String, &Option<String>)| {
            let kind = self.schema.field_with_name(column)?.data_type();
            match text {
                Some(text) => ScalarValue::try_from_string(text.clone(), kind),
                None => ScalarValue::try_from(kind),
            }
        };
        self.files.partitions.iter().zip(&file.partition).map(value).collect()
    }
}

/// The columns with those of the partition last, as a scan of files gives them.
fn partitions_last(schema: &Schema, partitions: &[String]) -> SchemaRef {
    let (last, first): (Vec<_>, Vec<_>) =
        schema.fields().iter().cloned().partition(|field| partitions.contains(field.name()));
    // The log's values are plain, whatever the scan of a Delta table makes of them.
    let plain = |field: Arc<Field>| match field.data_type() {
        arrow::datatypes::DataType::Dictionary(_, value) => {
            Arc::new(Field::new(field.name(), value.as_ref().clone(), field.is_nullable()))
        }
        _ => field,
    };
    Arc::new(Schema::new(first.into_iter().chain(last.into_iter().map(plain)).collect::<Vec<_>>()))
}

#[async_trait]
impl TableProvider for ParquetFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Files and row groups are skipped by statistics; rows are filtered above the scan.
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
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        if self.files.files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(&self.schema, projection)?)));
        }
        let (own, partitions) = self.schema.fields().split_at(self.schema.fields().len() - self.files.partitions.len());
        let schema = TableSchema::builder(Arc::new(Schema::new(own.to_vec())))
            .with_table_partition_cols(partitions.to_vec())
            .build();
        let global = state.config_options().execution.parquet.clone();
        let options = TableParquetOptions { global, ..TableParquetOptions::default() };
        let source = ParquetSource::new(schema).with_table_parquet_options(options);
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(&self.files.store)?, Arc::new(source))
            .with_file_groups(self.groups(state.config().target_partitions())?)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
