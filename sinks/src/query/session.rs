//! A client's own session: it sees what has landed when a statement is planned, and its `SET`s are its own.

use super::loaded::Loaded;
use super::yielding::Yielding;
use super::{Answer, Binds, Engine, QueryError, guard, travel, views};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider, TableProvider,
};
use datafusion::common::{DataFusionError, ParamValues};
use datafusion::datasource::TableType;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use std::sync::{Arc, PoisonError, RwLock};
use tidelake_schemas::Timestamp;

/// The catalogue that every table is in.
pub const CATALOG: &str = "tidelake";
/// The schema of that catalogue that the lake's tables and views are in.
pub const SCHEMA: &str = "public";

/// A client's session over an engine. Statements are planned one after the other, each over one version of every table.
pub struct Session {
    engine: Engine,
    context: SessionContext,
    tables: Arc<Pinned>,
    /// Held while a statement is planned, so that no other changes the tables under it.
    planning: tokio::sync::Mutex<()>,
    now: fn() -> Timestamp,
}

impl Engine {
    /// A session of its own for a client, whose queries take their memory from this pool. `now` gives the time, which `:now`
    /// stands for.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn session(&self, memory: Arc<dyn MemoryPool>, now: fn() -> Timestamp) -> Result<Session, QueryError> {
        let loaded = self.loaded();
        let newest = Arc::new(RwLock::new(Arc::clone(&loaded)));
        let pinned = |schema| Arc::new(Pinned { newest: Arc::clone(&newest), schema });
        let tables = pinned(SCHEMA);
        let catalog = MemoryCatalogProvider::new();
        for schema in [Arc::clone(&tables), pinned(views::TTSEARCH)] {
            catalog.register_schema(schema.schema, schema).map_err(QueryError::running)?;
        }
        let catalogs = MemoryCatalogProviderList::new();
        datafusion::catalog::CatalogProviderList::register_catalog(&catalogs, CATALOG.to_owned(), Arc::new(catalog));
        let shared = loaded.session.runtime_env();
        let runtime = RuntimeEnv { memory_pool: memory, ..shared.as_ref().clone() };
        let state = loaded.session.state();
        // Clients get texts as every reader knows them, not as views into buffers.
        let config = state.config().clone().set_bool("datafusion.optimizer.expand_views_at_output", true);
        let state = SessionStateBuilder::new_from_existing(state)
            .with_config(config.with_create_default_catalog_and_schema(false))
            .with_physical_optimizer_rule(Arc::new(Yielding))
            .with_session_id(uuid::Uuid::new_v4().to_string())
            .with_catalog_list(Arc::new(catalogs))
            .with_runtime_env(Arc::new(runtime))
            .build();
        let context = SessionContext::new_with_state(state);
        Ok(Session { engine: self.clone(), context, tables, planning: tokio::sync::Mutex::default(), now })
    }
}

impl Session {
    /// The DataFusion session, for what a door adds to it. Nothing but [`Self::plan`] makes plans that only read.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// The plan of one statement that only reads, over the newest tables that the engine has loaded. `:now` is the current
    /// instant; other names are left for [`Self::bind`].
    ///
    /// # Errors
    /// [`QueryError`], which says what to do.
    pub async fn plan(&self, query: &str) -> Result<LogicalPlan, QueryError> {
        self.plan_with(query, &Binds::at((self.now)())).await
    }

    /// As [`Self::plan`], with other values for names.
    ///
    /// # Errors
    /// [`QueryError`], which says what to do.
    pub async fn plan_with(&self, query: &str, binds: &Binds) -> Result<LogicalPlan, QueryError> {
        let _one = self.planning.lock().await;
        let loaded = self.follow();
        let explain = |error| loaded.explain(error);
        let mut statement = guard::statement(query).map_err(|refusal| refusal.explained(explain))?;
        binds.fill_known(&mut statement)?;
        let state = travel::state(self.context.state(), &loaded, self.engine.lake(), &statement).await?;
        let plan = guard::plan(&state, statement).await.map_err(|refusal| refusal.explained(explain))?;
        loaded.scope.visibility.check(&plan)?;
        Ok(plan)
    }

    /// Puts values in the place of `$1`, `$name` or `:name`.
    ///
    /// # Errors
    /// [`QueryError::Plan`] when one is missing.
    pub fn bind(&self, plan: LogicalPlan, values: impl Into<ParamValues>) -> Result<LogicalPlan, QueryError> {
        plan.with_param_values(values).map_err(|error| self.tables.loaded().explain(error))
    }

    /// The columns that a plan's answer has. While values are to be bound, types may still change.
    pub fn schema(&self, plan: &LogicalPlan) -> SchemaRef {
        let state = self.context.state();
        let bound = plan.get_parameter_names().is_ok_and(|names| names.is_empty());
        let analysed =
            bound.then(|| state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {}));
        match analysed {
            Some(Ok(analysed)) => Arc::clone(analysed.schema().inner()),
            _ => Arc::clone(plan.schema().inner()),
        }
    }

    /// Starts a query that was planned by [`Self::plan`]; it takes its memory from a pool, as a rule a part of the session's.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn run(&self, plan: LogicalPlan, memory: Arc<dyn MemoryPool>) -> Result<Answer, QueryError> {
        let explain = |error| self.tables.loaded().explain(error);
        let frame = self.context.execute_logical_plan(plan).await.map_err(explain)?;
        let task = frame.task_ctx();
        let runtime = RuntimeEnv { memory_pool: memory, ..task.runtime_env().as_ref().clone() };
        let task = Arc::new(task.with_runtime(Arc::new(runtime)));
        let plan = frame.create_physical_plan().await.map_err(explain)?;
        let stream = execute_stream(plan, task).map_err(explain)?;
        Ok(Answer { schema: stream.schema(), stream })
    }

    /// Takes the engine's newest tables, and the table functions that come with them; those that a door has put in the
    /// place of an engine's stay.
    fn follow(&self) -> Arc<Loaded> {
        let (newest, known) = (self.engine.loaded(), self.tables.loaded());
        if Arc::ptr_eq(&newest, &known) {
            return newest;
        }
        let before = known.session.state();
        for (name, function) in newest.session.state().table_functions() {
            let ours = self.context.state().table_functions().get(name).cloned();
            let theirs = before.table_functions().get(name);
            let same = ours.as_ref().zip(theirs).is_some_and(|(a, b)| Arc::ptr_eq(a.function(), b.function()));
            if ours.is_none() || same {
                self.context.register_udtf(name, Arc::clone(function.function()));
            }
        }
        *self.tables.newest.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&newest);
        newest
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// The tables and views as of one refresh of the engine.
struct Pinned {
    newest: Arc<RwLock<Arc<Loaded>>>,
    schema: &'static str,
}

impl Pinned {
    fn loaded(&self) -> Arc<Loaded> {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn schema(&self) -> Option<Arc<dyn SchemaProvider>> {
        self.loaded().session.catalog(CATALOG)?.schema(self.schema)
    }
}

impl std::fmt::Debug for Pinned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pinned")
    }
}

#[async_trait]
impl SchemaProvider for Pinned {
    fn table_names(&self) -> Vec<String> {
        self.schema().map(|schema| schema.table_names()).unwrap_or_default()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        match self.schema() {
            Some(schema) => schema.table(name).await,
            None => Ok(None),
        }
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>, DataFusionError> {
        match self.schema() {
            Some(schema) => schema.table_type(name).await,
            None => Ok(None),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.schema().is_some_and(|schema| schema.table_exist(name))
    }
}
