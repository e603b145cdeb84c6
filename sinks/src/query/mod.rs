//! SQL over the lake.
//!
//! [`Engine`] holds one DataFusion session whose tables are the lake's Delta tables ([`tables`]) and whose views give
//! them the flat names analysts use ([`views`]). It only reads ([`guard`]): nothing a query says changes the lake.
//!
//! A query sees one version of every table, the one loaded by [`Engine::open`] or the last [`Engine::refresh`]; a
//! refresh never disturbs a query that is running.

mod binds;
mod current;
mod dialect;
mod error;
mod faded;
pub mod functions;
mod guard;
pub mod named;
mod never;
mod origins;
mod reads;
mod session;
pub mod split;
mod tables;
mod travel;
mod unused_joins;
pub mod views;
mod visibility;
mod yielding;

pub use binds::{Bind, Binds};
pub use error::QueryError;
pub use origins::Origins;
pub use session::{CATALOG, SCHEMA, Session};
pub use tables::{TableInfo, TableKind};

use crate::lake::Lake;
use crate::lake::current::Current;
use crate::privacy::PseudonymKey;
use crate::privacy::gone::Faded;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::catalog::MemorySchemaProvider;
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use deltalake::DeltaTable;
use futures::TryStreamExt;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use tidelake_schemas::Timestamp;
use travel::Past;
use url::Url;
use visibility::Visibility;

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

/// Answers SQL from the lake. Cheap to clone: clones share one session.
#[derive(Clone)]
pub struct Engine {
    lake: Lake,
    current: Arc<RwLock<Arc<Loaded>>>,
    /// One refresh at a time.
    refreshing: Arc<tokio::sync::Mutex<()>>,
    /// As of an instant that has passed: a refresh brings nothing.
    fixed: bool,
}

/// The tables as of one refresh.
struct Loaded {
    session: SessionContext,
    scope: Scope,
    tables: BTreeMap<&'static str, DeltaTable>,
    /// Views that the tables at hand do not support, and why.
    broken_views: BTreeMap<&'static str, String>,
}

/// By whom queries run, and how tables are shown.
#[derive(Clone)]
struct Scope {
    backend: Option<Arc<dyn Backend>>,
    visibility: Visibility,
    /// Counts of videos that are erased.
    faded: Arc<[Faded]>,
}

impl Scope {
    /// A table's version, as it is shown; `None` = nothing has landed yet.
    async fn table(
        &self,
        name: &'static str,
        table: Option<&DeltaTable>,
        session: &SessionContext,
    ) -> Result<Arc<dyn TableProvider>, QueryError> {
        let provider = tables::provider(name, table, session, self.backend.as_deref()).await?;
        self.visibility.of_table(name, provider)
    }

    /// A version of the past, in the columns of today.
    async fn past(
        &self,
        name: &'static str,
        table: &DeltaTable,
        current: &DeltaTable,
        session: &SessionContext,
    ) -> Result<Arc<dyn TableProvider>, QueryError> {
        if self.backend.is_some() {
            return self.table(name, Some(table), session).await;
        }
        let provider = travel::provider(name, table, current, session).await?;
        self.visibility.of_table(name, provider)
    }
}

/// An answer underway.
pub struct Answer {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows. Dropping it cancels the query.
    pub stream: SendableRecordBatchStream,
}

/// A column of a table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// The name.
    pub name: String,
    /// The type, as Arrow writes it.
    pub kind: String,
    /// Whether it may be null.
    pub nullable: bool,
}

impl Engine {
    /// Opens the lake for queries. Tables that nothing has landed in yet are there, empty.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn open(
        root: &Url,
        storage_options: &HashMap<String, String>,
        options: QueryOptions,
    ) -> Result<Self, QueryError> {
        let lake = Lake::at(root.as_str(), storage_options.clone())?;
        Self::over(lake, options).await
    }

    /// As [`Self::open`], over a lake that is already at hand.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn over(lake: Lake, options: QueryOptions) -> Result<Self, QueryError> {
        let runtime = runtime(&options)?;
        let tables = open_tables(&lake).await?;
        let (backend, faded) = (options.backend.clone(), faded::load(&lake).await?);
        let scope = Scope { backend, visibility: Visibility::default(), faded };
        let loaded = Loaded::new(config(&options), runtime, tables, scope).await?;
        Ok(Self::of(lake, loaded, false))
    }

    fn of(lake: Lake, loaded: Loaded, fixed: bool) -> Self {
        Self { lake, current: Arc::new(RwLock::new(Arc::new(loaded))), refreshing: Arc::default(), fixed }
    }

    /// The lake as it was at an instant: every table at the newest version that was committed by then. Queries whose tables
    /// were vacuumed or erased since are refused.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn as_of(&self, at: Timestamp) -> Result<Self, QueryError> {
        let past = travel::as_of(&self.loaded(), &self.lake, at).await?;
        Ok(Self::of(self.lake.clone(), past, true))
    }

    /// The same tables and views with pseudonyms in place of creators' handles and ids, without names, self-descriptions,
    /// addresses and raw bytes, and with mentions masked: see [`crate::privacy::classes`]. Memory is shared with this one.
    ///
    /// # Errors
    /// [`QueryError`], also where a cluster runs the queries: the key stays in this process.
    pub async fn pseudonymised(&self, key: &PseudonymKey) -> Result<Self, QueryError> {
        if self.loaded().scope.backend.is_some() {
            let why = "pseudonyms on a cluster, which would need their key. Ask without --engine";
            return Err(QueryError::NotSupported(why.to_owned()));
        }
        self.seen_by(Visibility::Pseudonymised(key.clone())).await
    }

    /// The same with the view `creator_pseudonyms`, which says whose each pseudonym is.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn with_pseudonyms(&self, key: &PseudonymKey) -> Result<Self, QueryError> {
        self.seen_by(Visibility::Everything(Some(key.clone()))).await
    }

    async fn seen_by(&self, visibility: Visibility) -> Result<Self, QueryError> {
        let before = self.loaded();
        let (session, tables) = (&before.session, before.tables.clone());
        let scope = Scope { visibility, ..before.scope.clone() };
        let loaded = Loaded::new(session.copied_config(), session.runtime_env(), tables, scope).await?;
        Ok(Self::of(self.lake.clone(), loaded, self.fixed))
    }

    /// Loads what has landed since. Whether anything had.
    ///
    /// # Errors
    /// [`QueryError`]; queries then go on seeing what they saw.
    pub async fn refresh(&self) -> Result<bool, QueryError> {
        if self.fixed {
            return Ok(false);
        }
        let _one = self.refreshing.lock().await;
        let before = self.loaded();
        let tables = refresh_tables(&self.lake, &before.tables).await?;
        if tables::same_versions(&tables, &before.tables) {
            return Ok(false);
        }
        let scope = Scope { faded: faded::load(&self.lake).await?, ..before.scope.clone() };
        let session = &before.session;
        let loaded = Loaded::new(session.copied_config(), session.runtime_env(), tables, scope).await?;
        *self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(loaded);
        Ok(true)
    }

    /// Starts a query: one statement, with or without a closing semicolon.
    ///
    /// `SELECT`, `EXPLAIN`, `SHOW`, `DESCRIBE`, and `SET` of session options. Whatever would change something is
    /// refused. A `SET` holds for the whole engine until it is set again.
    ///
    /// # Errors
    /// [`QueryError`], which says what to do.
    pub async fn sql(&self, query: &str) -> Result<Answer, QueryError> {
        self.ask(query, &Binds::default()).await
    }

    /// As [`Self::sql`], with values for the names in the query (`:now`).
    ///
    /// # Errors
    /// [`QueryError`], which says what to do.
    pub async fn ask(&self, query: &str, binds: &Binds) -> Result<Answer, QueryError> {
        let loaded = self.loaded();
        let explain = |error| loaded.explain(error);
        let plan = self.plan(&loaded, query, binds).await?;
        let frame = loaded.session.execute_logical_plan(plan).await.map_err(explain)?;
        let stream = frame.execute_stream().await.map_err(explain)?;
        Ok(Answer { schema: stream.schema(), stream })
    }

    /// The plan of a statement that only reads.
    async fn plan(&self, loaded: &Loaded, query: &str, binds: &Binds) -> Result<LogicalPlan, QueryError> {
        let explain = |error| loaded.explain(error);
        let mut statement = guard::statement(query).map_err(|refusal| refusal.explained(explain))?;
        binds.fill(&mut statement)?;
        let state = travel::state(loaded.session.state(), loaded, &self.lake, &statement).await?;
        let plan = guard::plan(&state, statement).await.map_err(|refusal| refusal.explained(explain))?;
        loaded.scope.visibility.check(&plan)?;
        Ok(plan)
    }

    /// The whole answer at once, for answers that are known to be small.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn collect(&self, query: &str) -> Result<Vec<RecordBatch>, QueryError> {
        self.sql(query).await?.stream.try_collect().await.map_err(QueryError::running)
    }

    /// The first row as integers: for counts. No row is no integers; null is 0.
    ///
    /// # Errors
    /// [`QueryError`], also when a value is no integer.
    pub async fn integers(&self, query: &str) -> Result<Vec<i64>, QueryError> {
        let batches = self.collect(query).await?;
        let Some(first) = batches.iter().find(|b| b.num_rows() > 0) else { return Ok(Vec::new()) };
        let integer = |column: &ArrayRef| {
            let column =
                cast(&column.slice(0, 1), &DataType::Int64).map_err(|e| QueryError::Execution(e.to_string()))?;
            Ok(column.as_primitive::<Int64Type>().iter().next().flatten().unwrap_or(0))
        };
        first.columns().iter().map(integer).collect()
    }

    /// Tables and views, with what the tables' logs say about them.
    ///
    /// # Errors
    /// [`QueryError`] when a table's log cannot be read.
    pub async fn tables(&self) -> Result<Vec<TableInfo>, QueryError> {
        let loaded = self.loaded();
        let tables = tables::names().map(|name| tables::info(&self.lake, name, loaded.tables.get(name)));
        let views = views::VIEWS.iter().map(|view| TableInfo {
            name: view.name.to_owned(),
            kind: TableKind::View,
            rows: None,
            files: None,
            bytes: None,
            version: None,
            location: None,
            about: view.about.to_owned(),
        });
        tables.chain(views.chain(loaded.scope.visibility.mapping()).map(Ok)).collect()
    }

    /// The schema of a table or view.
    ///
    /// # Errors
    /// [`QueryError::UnknownTable`].
    pub async fn schema(&self, table: &str) -> Result<SchemaRef, QueryError> {
        let loaded = self.loaded();
        Ok(loaded.session.table_provider(table).await.map_err(|e| loaded.explain(e))?.schema())
    }

    /// The columns of a table or view.
    ///
    /// # Errors
    /// [`QueryError::UnknownTable`].
    pub async fn columns(&self, table: &str) -> Result<Vec<ColumnInfo>, QueryError> {
        let loaded = self.loaded();
        let provider = loaded.session.table_provider(table).await.map_err(|e| loaded.explain(e))?;
        let column = |f: &arrow::datatypes::FieldRef| ColumnInfo {
            name: f.name().clone(),
            kind: f.data_type().to_string(),
            nullable: f.is_nullable(),
        };
        Ok(provider.schema().fields().iter().map(column).collect())
    }

    /// The lake this reads.
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    fn loaded(&self) -> Arc<Loaded> {
        self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("root", &self.lake.root().as_str()).finish_non_exhaustive()
    }
}

impl Loaded {
    async fn new(
        config: SessionConfig,
        runtime: Arc<RuntimeEnv>,
        tables: BTreeMap<&'static str, DeltaTable>,
        scope: Scope,
    ) -> Result<Self, QueryError> {
        let session = session(config, runtime, scope.backend.as_deref())?;
        for name in tables::names() {
            let provider = scope.table(name, tables.get(name), &session).await?;
            session.register_table(name, provider).map_err(QueryError::running)?;
        }
        // What is kept holds people's names, and files that a cluster cannot be told of.
        if scope.backend.is_none() && !scope.visibility.hides() {
            current::register(&session, &tables).await;
        }
        Self::with_views(session, scope, tables).await
    }

    /// The same views over tables of the past; those that there were not yet are empty.
    async fn of_past(current: &Self, mut past: BTreeMap<&'static str, Past>) -> Result<Self, QueryError> {
        let scope = current.scope.clone();
        let backend = scope.backend.as_deref();
        let session = session(current.session.copied_config(), current.session.runtime_env(), backend)?;
        let mut tables = BTreeMap::new();
        for name in tables::names() {
            let provider = match (past.remove(name), current.tables.get(name)) {
                (Some(Past::Table(table)), Some(current)) => {
                    let provider = scope.past(name, &table, current, &session).await?;
                    tables.insert(name, table);
                    provider
                }
                (Some(Past::Unreadable(fault)), _) => travel::unreadable(name, fault)?,
                _ => scope.table(name, None, &session).await?,
            };
            session.register_table(name, provider).map_err(QueryError::running)?;
        }
        Self::with_views(session, scope, tables).await
    }

    async fn with_views(
        session: SessionContext,
        scope: Scope,
        tables: BTreeMap<&'static str, DeltaTable>,
    ) -> Result<Self, QueryError> {
        let broken_views = views::register(&session).await;
        faded::register(&session, &scope.faded)?;
        scope.visibility.register_mapping(&session).await?;
        Ok(Self { session, scope, tables, broken_views })
    }

    /// There is no such table.
    fn unknown(&self, name: &str) -> QueryError {
        self.explain(datafusion::error::DataFusionError::Plan(format!("table '{name}' not found")))
    }

    /// An error of DataFusion's in terms of these tables.
    fn explain(&self, error: datafusion::error::DataFusionError) -> QueryError {
        let views = views::VIEWS.iter().map(|v| v.name).filter(|v| !self.broken_views.contains_key(v));
        let known: Vec<String> = tables::names().chain(views).map(str::to_owned).collect();
        match QueryError::planning(error, &known) {
            QueryError::UnknownTable { name, .. } if self.broken_views.contains_key(name.as_str()) => {
                let why = self.broken_views.get(name.as_str()).cloned().unwrap_or_default();
                QueryError::BrokenView { name, why }
            }
            other => other,
        }
    }
}

async fn open_tables(lake: &Lake) -> Result<BTreeMap<&'static str, DeltaTable>, QueryError> {
    refresh_tables(lake, &BTreeMap::new()).await
}

async fn refresh_tables(
    lake: &Lake,
    known: &BTreeMap<&'static str, DeltaTable>,
) -> Result<BTreeMap<&'static str, DeltaTable>, QueryError> {
    let newest = |name: &'static str| async move {
        let table = tables::newest(lake, name, known.get(name)).await?;
        Ok::<_, QueryError>((name, table))
    };
    // In this order: the observations are never older than what the tables of newest ones have seen of them.
    let mut newer = futures::future::try_join_all(Current::ALL.map(|which| newest(which.table()))).await?;
    newer.extend(futures::future::try_join_all(tables::names().map(newest)).await?);
    Ok(newer.into_iter().filter_map(|(name, table)| Some((name, table?))).collect())
}

fn runtime(options: &QueryOptions) -> Result<Arc<RuntimeEnv>, QueryError> {
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
fn session(
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

fn config(options: &QueryOptions) -> SessionConfig {
    let config = SessionConfig::new()
        .with_information_schema(true)
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        // Reads Parquet texts as views, as the Delta scan does.
        .set_bool("datafusion.execution.parquet.schema_force_view_types", true)
        // delta-rs: pushing IN lists down can panic when join keys are dictionaries, as partition columns are.
        .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_size", 0)
        .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_distinct_values", 0);
    match options.target_partitions {
        Some(partitions) => config.with_target_partitions(partitions.max(1)),
        None => config,
    }
}

#[cfg(test)]
mod tests;
