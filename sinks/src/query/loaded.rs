//! The tables and views as of one refresh.

use super::options::{Backend, session};
use super::travel::{self, Past};
use super::visibility::Visibility;
use super::{QueryError, current, tables, views};
use crate::lake::Lake;
use crate::lake::current::Current;
use datafusion::catalog::TableProvider;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::{SessionConfig, SessionContext};
use deltalake::DeltaTable;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tables as of one refresh.
pub(super) struct Loaded {
    pub(super) session: SessionContext,
    pub(super) scope: Scope,
    pub(super) tables: BTreeMap<&'static str, DeltaTable>,
    /// Views that the tables at hand do not support, and why.
    pub(super) broken_views: BTreeMap<&'static str, String>,
}

/// By whom queries run, and how tables are shown.
#[derive(Clone)]
pub(super) struct Scope {
    pub(super) backend: Option<Arc<dyn Backend>>,
    pub(super) visibility: Visibility,
}

impl Scope {
    /// A table's version, as it is shown; `None` = nothing has landed yet.
    pub(super) async fn table(
        &self,
        name: &'static str,
        table: Option<&DeltaTable>,
        session: &SessionContext,
    ) -> Result<Arc<dyn TableProvider>, QueryError> {
        let provider = tables::provider(name, table, session, self.backend.as_deref()).await?;
        self.visibility.of_table(name, provider)
    }

    /// A version of the past, in the columns of today.
    pub(super) async fn past(
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

impl Loaded {
    pub(super) async fn new(
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
    pub(super) async fn of_past(current: &Self, mut past: BTreeMap<&'static str, Past>) -> Result<Self, QueryError> {
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
        scope.visibility.register_mapping(&session).await?;
        Ok(Self { session, scope, tables, broken_views })
    }

    /// There is no such table.
    pub(super) fn unknown(&self, name: &str) -> QueryError {
        self.explain(datafusion::error::DataFusionError::Plan(format!("table '{name}' not found")))
    }

    /// An error of DataFusion's in terms of these tables.
    pub(super) fn explain(&self, error: datafusion::error::DataFusionError) -> QueryError {
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

pub(super) async fn open_tables(lake: &Lake) -> Result<BTreeMap<&'static str, DeltaTable>, QueryError> {
    refresh_tables(lake, &BTreeMap::new()).await
}

pub(super) async fn refresh_tables(
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
