//! Time travel: tables as they were.
//!
//! `VERSION AS OF n` is one table at one of its versions. `TIMESTAMP AS OF t` and `FOR SYSTEM_TIME AS OF t` are a table or a
//! view at an instant: every table is the newest version whose commit the store dates not after it. What was compacted
//! away is read from the files of then, as long as they are there; a version whose files were vacuumed or erased is
//! refused when it is scanned, with the oldest one that can still be read.

use super::loaded::Loaded;
use super::tables;
use super::{QueryError, binds};
use crate::lake::{Lake, LakeError};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Statistics, plan_err};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::provider_as_source;
use datafusion::error::{DataFusionError, Result as Planned};
use datafusion::execution::SessionState;
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, TableFactor, TableVersion, Visit, Visitor};
use deltalake::DeltaTable;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use tidelake_schemas::Timestamp;

/// Files whose presence is asked for at once.
const ASKED_AT_ONCE: usize = 32;

/// The state to plan a statement with: the session's, and the tables of the past that the statement names.
pub(super) async fn state(
    mut state: SessionState,
    loaded: &Loaded,
    lake: &Lake,
    statement: &Statement,
) -> Result<SessionState, QueryError> {
    let mut named = Named::default();
    let _: Option<ControlFlow<()>> = binds::inner(statement).map(|statement| statement.visit(&mut named));
    if named.0.is_empty() {
        return Ok(state);
    }
    let mut travellers = Travellers::default();
    let mut instants: HashMap<i64, Loaded> = HashMap::new();
    for (name, version) in named.0 {
        let key = (name.to_string(), version.to_string());
        let table = table_name(&name);
        let provider = match &version {
            TableVersion::VersionAsOf(expr) => at_version(loaded, &table, &expr.to_string()).await?,
            TableVersion::TimestampAsOf(expr) | TableVersion::ForSystemTimeAsOf(expr) => {
                let at = instant(loaded, expr).await?;
                let past = match instants.entry(at.0) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(as_of(loaded, lake, at).await?),
                };
                past.session.table_provider(table.as_str()).await.map_err(|error| past.explain(error))?
            }
            other => return Err(QueryError::NotSupported(format!("{other} behind the name of a table. {HOW}"))),
        };
        travellers.0.insert(key, provider);
    }
    state.register_relation_planner(Arc::new(travellers)).map_err(QueryError::running)?;
    Ok(state)
}

const HOW: &str = "Write VERSION AS OF 12, TIMESTAMP AS OF '2026-05-01T00:00:00Z' or FOR SYSTEM_TIME AS OF '…'";

/// The tables that a statement names with a version.
#[derive(Default)]
struct Named(Vec<(ast::ObjectName, TableVersion)>);

impl Visitor for Named {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, version: Some(version), .. } = factor {
            self.0.push((name.clone(), version.clone()));
        }
        ControlFlow::Continue(())
    }
}

/// The name as the catalogue has it: what is not quoted in lower case.
fn table_name(name: &ast::ObjectName) -> String {
    let part = |part: &ast::ObjectNamePart| match part.as_ident() {
        Some(ident) if ident.quote_style.is_none() => ident.value.to_lowercase(),
        Some(ident) => ident.value.clone(),
        None => part.to_string(),
    };
    name.0.iter().map(part).collect::<Vec<_>>().join(".")
}

/// The instant that an expression without columns stands for.
async fn instant(loaded: &Loaded, expr: &ast::Expr) -> Result<Timestamp, QueryError> {
    let query = format!("SELECT arrow_cast({expr}, 'Timestamp(Microsecond, Some(\"UTC\"))')");
    let wrong = |why: &str| QueryError::Plan(format!("{expr} is no instant to go back to: {why}. {HOW}"));
    let frame = loaded.session.sql(&query).await.map_err(|error| wrong(&error.strip_backtrace()))?;
    let rows = frame.collect().await.map_err(|error| wrong(&error.strip_backtrace()))?;
    let column = rows.first().filter(|batch| batch.num_rows() == 1).map(|batch| batch.column(0));
    let values = column.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    values
        .filter(|values| values.is_valid(0))
        .map(|values| Timestamp(values.value(0)))
        .ok_or_else(|| wrong("it is null"))
}

/// One table at a version.
async fn at_version(loaded: &Loaded, name: &str, version: &str) -> Result<Arc<dyn TableProvider>, QueryError> {
    let Some(known) = tables::names().find(|known| *known == name) else {
        if loaded.session.table_exist(name).unwrap_or(false) {
            let why = format!("{name} is a view, and views have no versions. Write TIMESTAMP AS OF, or name a table");
            return Err(QueryError::Plan(why));
        }
        return Err(loaded.unknown(name));
    };
    let asked = version.parse::<u64>().map_err(|_| QueryError::Plan(format!("{version} is no version. {HOW}")))?;
    let newest = loaded.tables.get(known).and_then(|table| Some((table, table.version()?)));
    let Some((current, _)) = newest.filter(|(_, newest)| asked <= *newest) else {
        let newest = newest.map_or("it is empty".to_owned(), |(_, newest)| format!("its newest is {newest}"));
        return Err(QueryError::Plan(format!("table {known} has no version {asked}: {newest}")));
    };
    let mut past = current.clone();
    match past.load_version(asked).await {
        Ok(()) => loaded.scope.past(known, &past, current, &loaded.session).await,
        Err(_) => Err(too_old(known, current, asked).await?),
    }
}

/// Every table and view as of an instant.
pub(super) async fn as_of(loaded: &Loaded, lake: &Lake, at: Timestamp) -> Result<Loaded, QueryError> {
    let mut past = BTreeMap::new();
    for (name, current) in &loaded.tables {
        if let Some(table) = table_as_of(name, current, at).await? {
            past.insert(*name, table);
        }
    }
    tracing::debug!(root = %lake.root(), %at, tables = past.len(), "tables as of an instant");
    Loaded::of_past(loaded, past).await
}

/// A table of the past.
pub(super) enum Past {
    /// As it was.
    Table(DeltaTable),
    /// It cannot be read; said when it is scanned.
    Unreadable(Arc<QueryError>),
}

/// `None`: there was none yet.
async fn table_as_of(name: &str, current: &DeltaTable, at: Timestamp) -> Result<Option<Past>, QueryError> {
    let mut table = current.clone();
    if let Err(error) = table.load_with_datetime(at.to_chrono()).await {
        tracing::debug!(table = name, %error, "not readable as of an instant");
        return Ok(Some(Past::Unreadable(Arc::new(too_old(name, current, 0).await?))));
    }
    let version = table.version().unwrap_or_default();
    if dated(&table, version).is_none_or(|dated| dated.millis() <= at.millis()) {
        return Ok(Some(Past::Table(table)));
    }
    // The oldest version that the log knows is younger.
    Ok(match version {
        0 => None,
        _ => Some(Past::Unreadable(Arc::new(too_old(name, current, version.saturating_sub(1)).await?))),
    })
}

fn dated(table: &DeltaTable, version: u64) -> Option<Timestamp> {
    table.snapshot().ok()?.version_timestamp(version).and_then(Timestamp::from_millis)
}

/// The provider of a table of the past.
pub(super) async fn provider(
    name: &'static str,
    past: &DeltaTable,
    current: &DeltaTable,
    session: &datafusion::prelude::SessionContext,
) -> Result<Arc<dyn TableProvider>, QueryError> {
    let inner = tables::of_snapshot(name, past, session).await?;
    let checked = AsOf { inner, name, past: Some((past.clone(), current.clone())), fault: None };
    tables::completed(Arc::new(checked), name, session)
}

/// A provider that says why there is nothing to read.
pub(super) fn unreadable(name: &'static str, fault: Arc<QueryError>) -> Result<Arc<dyn TableProvider>, QueryError> {
    let inner = Arc::new(EmptyTable::new(tables::schema(name)?));
    Ok(Arc::new(AsOf { inner, name, past: None, fault: Some(fault) }))
}

/// The refusal of a version, with the oldest that can be read.
async fn too_old(name: &str, current: &DeltaTable, version: u64) -> Result<QueryError, QueryError> {
    let newest = current.version().unwrap_or_default();
    let (mut refused, mut readable) = (version, newest);
    // Between the two, where one can be read all later ones can.
    while readable.saturating_sub(refused) > 1 {
        let middle = refused + (readable - refused) / 2;
        let mut table = current.clone();
        let loads = table.load_version(middle).await.is_ok();
        *(if loads && is_whole(name, &table, current).await? { &mut readable } else { &mut refused }) = middle;
    }
    let mut table = current.clone();
    let since = table.load_version(readable).await.ok().and_then(|()| dated(&table, readable));
    Ok(QueryError::TooOld { table: name.to_owned(), version, oldest: readable, since })
}

/// Whether every file of a version is still there.
async fn is_whole(name: &str, past: &DeltaTable, current: &DeltaTable) -> Result<bool, QueryError> {
    let kept = files(name, current)?;
    let removed: Vec<_> = files(name, past)?.into_iter().filter(|file| !kept.contains(file)).collect();
    let store = past.object_store();
    let present = stream::iter(removed).map(|file| {
        let store = Arc::clone(&store);
        async move {
            match store.head(&file).await {
                Ok(_) => Ok(true),
                Err(object_store::Error::NotFound { .. }) => Ok(false),
                Err(error) => Err(QueryError::Storage(error.to_string())),
            }
        }
    });
    present.buffer_unordered(ASKED_AT_ONCE).try_all(|present| async move { present }).await
}

fn files(name: &str, table: &DeltaTable) -> Result<HashSet<object_store::path::Path>, QueryError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
    Ok(log.iter().map(|file| file.object_store_path()).collect())
}

/// A table of the past, which is looked at before it is scanned.
#[derive(Debug)]
struct AsOf {
    inner: Arc<dyn TableProvider>,
    name: &'static str,
    /// The version and the newest one.
    past: Option<(DeltaTable, DeltaTable)>,
    fault: Option<Arc<QueryError>>,
}

impl AsOf {
    async fn refusal(&self) -> Result<Option<QueryError>, QueryError> {
        if let Some(QueryError::TooOld { table, version, oldest, since }) = self.fault.as_deref() {
            let (table, version, oldest, since) = (table.clone(), *version, *oldest, *since);
            return Ok(Some(QueryError::TooOld { table, version, oldest, since }));
        }
        let Some((past, current)) = &self.past else { return Ok(None) };
        if is_whole(self.name, past, current).await? {
            return Ok(None);
        }
        Ok(Some(too_old(self.name, current, past.version().unwrap_or_default()).await?))
    }
}

#[async_trait]
impl TableProvider for AsOf {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Planned<Arc<dyn ExecutionPlan>> {
        match self.refusal().await {
            Ok(None) => self.inner.scan(state, projection, filters, limit).await,
            Ok(Some(error)) | Err(error) => Err(DataFusionError::External(Box::new(error))),
        }
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Planned<Vec<TableProviderFilterPushDown>> {
        self.inner.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.inner.statistics()
    }
}

/// Plans the tables that stand with a version.
#[derive(Debug, Default)]
struct Travellers(HashMap<(String, String), Arc<dyn TableProvider>>);

impl RelationPlanner for Travellers {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Planned<RelationPlanning> {
        let TableFactor::Table { name, alias, args, version: Some(version), .. } = &relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let provider = self.0.get(&(name.to_string(), version.to_string())).filter(|_| args.is_none());
        let Some(provider) = provider else { return plan_err!("{name} has no versions: only tables and views have") };
        let reference = context.object_name_to_table_reference(name.clone())?;
        let plan = LogicalPlanBuilder::scan(reference, provider_as_source(Arc::clone(provider)), None)?.build()?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias.clone()))))
    }
}
