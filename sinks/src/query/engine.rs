//! Answers queries: [`Engine`].

use super::loaded::{Loaded, Scope, open_tables, refresh_tables};
use super::options::{config, runtime};
use super::visibility::Visibility;
use super::{Binds, QueryError, QueryOptions, TableInfo, TableKind, guard, tables, travel, views};
use crate::lake::Lake;
use crate::privacy::PseudonymKey;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use futures::TryStreamExt;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use tidelake_schemas::Timestamp;
use url::Url;

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
        let scope = Scope { backend: options.backend.clone(), visibility: Visibility::default() };
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
        let (session, scope) = (&before.session, before.scope.clone());
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
    pub(super) async fn plan(&self, loaded: &Loaded, query: &str, binds: &Binds) -> Result<LogicalPlan, QueryError> {
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

    pub(super) fn loaded(&self) -> Arc<Loaded> {
        self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("root", &self.lake.root().as_str()).finish_non_exhaustive()
    }
}
