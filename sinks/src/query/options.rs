//! What queries may use, and who runs them.

use super::{CATALOG, QueryError, SCHEMA, functions, never, unused_joins, views};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use deltalake::DeltaTable;
use std::path::PathBuf;
use std::sync::Arc;

/// What queries may use.
#[derive(Clone, Debug)]
pub struct QueryOptions {
    /// Memory for sorting, grouping and joining, over all queries together; beyond it they spill.
    pub memory_bytes: usize,
    /// Where they spill to (made if absent); `None` = the system's temporary directory.
    pub spill_dir: Option<PathBuf>,
    /// How many parts a query is worked on in at once; `None` = one per processor.
    pub target_partitions: Option<usize>,
    /// Who runs the queries; `None` = this process.
    pub backend: Option<Arc<dyn Backend>>,
}

/// Runs queries elsewhere.
pub trait Backend: std::fmt::Debug + Send + Sync {
    /// A session whose plans run there. The state has our functions; the session must have them too.
    ///
    /// # Errors
    /// When there is none to be had.
    fn session(&self, state: SessionState) -> Result<SessionContext, DataFusionError>;

    /// A table in a form that can be sent there: a version, or no rows where nothing has landed yet.
    ///
    /// # Errors
    /// When the table has none.
    fn provider(
        &self,
        table: Option<&DeltaTable>,
        schema: SchemaRef,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError>;
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, spill_dir: None, target_partitions: None, backend: None }
    }
}

pub(super) fn runtime(options: &QueryOptions) -> Result<Arc<RuntimeEnv>, QueryError> {
    let mode = match &options.spill_dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(|e| QueryError::SpillDir { path: dir.clone(), why: e.to_string() })?;
            DiskManagerMode::Directories(vec![dir.clone()])
        }
        None => DiskManagerMode::OsTmpDirectory,
    };
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_bytes)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
        .build_arc()
        .map_err(QueryError::running)
}

/// A session with our functions, and without tables.
pub(super) fn session(
    config: SessionConfig,
    runtime: Arc<RuntimeEnv>,
    backend: Option<&dyn Backend>,
) -> Result<SessionContext, QueryError> {
    let mut session = SessionContext::new_with_config_rt(config, runtime);
    session.add_optimizer_rule(Arc::new(unused_joins::UnusedJoins));
    session.add_optimizer_rule(Arc::new(never::Never));
    functions::register(&session);
    if let Some(backend) = backend {
        session = backend.session(session.state()).map_err(QueryError::running)?;
    }
    let catalog = session.catalog(CATALOG).ok_or_else(|| QueryError::Plan(format!("there is no catalog {CATALOG}")))?;
    catalog.register_schema(views::TTSEARCH, Arc::new(MemorySchemaProvider::new())).map_err(QueryError::running)?;
    Ok(session)
}

pub(super) fn config(options: &QueryOptions) -> SessionConfig {
    let config = SessionConfig::new()
        .with_information_schema(true)
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        // Reads Parquet texts as views, as the Delta scan does.
        .set_bool("datafusion.execution.parquet.schema_force_view_types", true)
        // delta-rs: pushing IN lists down can panic when join keys are dictionaries, as partition columns are.
        // Scans that wait for what a join has seen can wait for each other for ever: two sides of one query's joins, in one
        // thread (held by the test of videos that are gone).
        .set_bool("datafusion.optimizer.enable_join_dynamic_filter_pushdown", false)
        .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_size", 0)
        .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_distinct_values", 0);
    match options.target_partitions {
        Some(partitions) => config.with_target_partitions(partitions.max(1)),
        None => config,
    }
}
