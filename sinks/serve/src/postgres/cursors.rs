//! `DECLARE`, `FETCH`, `CLOSE`: how clients take a large answer in parts. The query runs on as rows are fetched, and its
//! timeout with it.

use super::connection::Connection;
use super::statement::Statement;
use super::{encode, told};
use datafusion::sql::sqlparser::ast::{CloseCursor, Declare, DeclareType, FetchDirection, Value};
use datafusion_postgres::pgwire::api::ClientInfo;
use datafusion_postgres::pgwire::api::portal::{Format, Portal, PortalExecutionState};
use datafusion_postgres::pgwire::api::results::{QueryResponse, Response, Tag};
use datafusion_postgres::pgwire::api::stmt::StoredStatement;
use datafusion_postgres::pgwire::api::store::{MemPortalStore, PortalStore};
use datafusion_postgres::pgwire::error::PgWireResult;
use futures::{StreamExt, stream};
use std::sync::{Arc, PoisonError};

type Store = MemPortalStore<Statement>;

pub(super) async fn declare<C: ClientInfo>(
    of: &C,
    connection: &Connection,
    store: &Store,
    declared: &[Declare],
) -> PgWireResult<Response> {
    for one in declared {
        let (Some(DeclareType::Cursor), Some(name), Some(query)) =
            (&one.declare_type, one.names.first(), &one.for_query)
        else {
            return Err(told("ERROR", "42601", "write DECLARE name CURSOR FOR SELECT …"));
        };
        let statement = connection.understand(&query.to_string()).await?;
        let Statement::Query(query) = &statement else {
            return Err(told("ERROR", "42601", "a cursor is FOR a SELECT"));
        };
        let fields = encode::fields(&query.schema, &Format::UnifiedText, Some(of))?;
        let answer = encode::answer(&connection.client, query, query.plan.clone(), fields);
        let schema = Arc::clone(&query.schema);
        let stored = StoredStatement::new(name.value.clone(), statement, Vec::new());
        let portal = Portal::new_cursor(name.value.clone(), Arc::new(stored));
        portal.start(answer).await;
        store.put_portal(Arc::new(portal));
        connection.cursors.lock().unwrap_or_else(PoisonError::into_inner).insert(name.value.clone(), schema);
    }
    Ok(Response::Execution(Tag::new("DECLARE CURSOR")))
}

pub(super) async fn fetch(store: &Store, name: &str, direction: &FetchDirection) -> PgWireResult<Response> {
    let rows = match direction {
        FetchDirection::Next | FetchDirection::Forward { limit: None } => 1,
        FetchDirection::Forward { limit: Some(limit) } | FetchDirection::Count { limit } => count(limit)?,
        FetchDirection::ForwardAll | FetchDirection::All => u64::MAX,
        _ => return Err(told("ERROR", "55000", "cursor can only scan forward")),
    };
    let portal = store.get_portal(name).and_then(|entry| entry.value().cloned());
    let portal = portal.ok_or_else(|| told("ERROR", "34000", format!("cursor {name:?} does not exist")))?;
    let state = portal.state();
    let fields = match &*state.lock().await {
        PortalExecutionState::Suspended(answer) => answer.row_schema(),
        _ => Arc::default(),
    };
    let next = |(state, left): (Arc<tokio::sync::Mutex<PortalExecutionState>>, u64)| async move {
        if left == 0 {
            return None;
        }
        let row = match &mut *state.lock().await {
            PortalExecutionState::Suspended(answer) => answer.data_rows().next().await,
            _ => None,
        };
        row.map(|row| (row, (state, left - 1)))
    };
    let mut answer = QueryResponse::new(fields, stream::unfold((state, rows), next));
    answer.set_command_tag("FETCH");
    Ok(Response::Query(answer))
}

pub(super) fn close(connection: &Connection, store: &Store, cursor: &CloseCursor) -> Response {
    let mut cursors = connection.cursors.lock().unwrap_or_else(PoisonError::into_inner);
    match cursor {
        CloseCursor::All => cursors.drain().for_each(|(name, _)| store.rm_portal(&name)),
        CloseCursor::Specific { name } => {
            cursors.remove(&name.value);
            store.rm_portal(&name.value);
        }
    }
    Response::Execution(Tag::new("CLOSE CURSOR"))
}

/// As at the end of a transaction.
pub(super) fn close_all(connection: &Connection, store: &Store) {
    _ = close(connection, store, &CloseCursor::All);
}

fn count(limit: &Value) -> PgWireResult<u64> {
    let number = match limit {
        Value::Number(text, _) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| told("ERROR", "42601", format!("FETCH {limit}: a number of rows is expected")))
}
