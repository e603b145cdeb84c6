//! Statements about the connection: settings, transactions, cursors.

use super::connection::Connection;
use super::statement::Statement;
use super::{cursors, encode, settings, told};
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::{DiscardObject, Statement as Ast};
use datafusion_postgres::arrow_pg::datatypes::encode_recordbatch;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{QueryResponse, Response, Tag};
use datafusion_postgres::pgwire::api::store::{MemPortalStore, PortalStore};
use datafusion_postgres::pgwire::api::{ClientInfo, ClientPortalStore};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::response::TransactionStatus;
use datafusion_postgres::pgwire::messages::startup::ParameterStatus;
use futures::{Sink, SinkExt, stream};
use std::sync::Arc;

/// In a transaction that has failed, only its end is listened to.
pub(super) fn check_transaction<C: ClientInfo>(of: &C, statement: &Statement) -> PgWireResult<()> {
    let ends =
        matches!(statement, Statement::Command(ast, _) if matches!(**ast, Ast::Commit { .. } | Ast::Rollback { .. }));
    if of.transaction_status() == TransactionStatus::Error && !ends {
        let why = "current transaction is aborted, commands ignored until end of transaction block";
        return Err(told("ERROR", "25P02", why));
    }
    Ok(())
}

/// Does what a statement asks.
pub(super) async fn run<C>(
    of: &mut C,
    connection: &Connection,
    ast: &Ast,
    columns: Option<&SchemaRef>,
) -> PgWireResult<Response>
where
    C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::PortalStore: PortalStore,
    PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
{
    let done = |what: &str| Ok(Response::Execution(Tag::new(what)));
    match ast {
        Ast::Set(_) | Ast::Reset(_) => {
            if let Some((name, value)) = settings::set(of, &connection.client, ast).await? {
                of.feed(PgWireBackendMessage::ParameterStatus(ParameterStatus::new(name.to_owned(), value))).await?;
            }
            done(if matches!(ast, Ast::Set(_)) { "SET" } else { "RESET" })
        }
        Ast::ShowVariable { variable } => {
            let value = settings::show(of, &connection.client, &settings::name(variable));
            show(value, columns)
        }
        Ast::StartTransaction { .. } => match of.transaction_status() {
            TransactionStatus::Idle => Ok(Response::TransactionStart(Tag::new("BEGIN"))),
            _ => done("BEGIN"),
        },
        Ast::Rollback { savepoint: Some(_), .. } => done("ROLLBACK"),
        Ast::Commit { .. } | Ast::Rollback { .. } => {
            cursors::close_all(connection, store(of)?);
            let failed = of.transaction_status() == TransactionStatus::Error;
            let tag = if matches!(ast, Ast::Commit { .. }) && !failed { "COMMIT" } else { "ROLLBACK" };
            Ok(Response::TransactionEnd(Tag::new(tag)))
        }
        // Nothing is written, so there is nothing to go back from.
        Ast::Savepoint { .. } => done("SAVEPOINT"),
        Ast::ReleaseSavepoint { .. } => done("RELEASE"),
        Ast::Declare { stmts } => cursors::declare(of, connection, store(of)?, stmts).await,
        Ast::Fetch { name, direction, .. } => cursors::fetch(store(of)?, &name.value, direction).await,
        Ast::Close { cursor } => Ok(cursors::close(connection, store(of)?, cursor)),
        Ast::Discard { object_type } => {
            if *object_type == DiscardObject::ALL {
                cursors::close_all(connection, store(of)?);
            }
            done("DISCARD")
        }
        Ast::Deallocate { name, .. } => {
            store(of)?.rm_statement(&name.value);
            done("DEALLOCATE")
        }
        other => Err(told("ERROR", "0A000", format!("{other} is not done here"))),
    }
}

fn show(value: String, columns: Option<&SchemaRef>) -> PgWireResult<Response> {
    let schema = columns.ok_or_else(|| told("ERROR", "XX000", "SHOW without a column"))?;
    let fields = Arc::new(encode::fields(schema, &Format::UnifiedText, None::<&Nobody>)?);
    let column: ArrayRef = Arc::new(StringArray::from(vec![value]));
    let batch = RecordBatch::try_new(Arc::clone(schema), vec![column])
        .map_err(|error| told("ERROR", "XX000", error.to_string()))?;
    let rows = encode_recordbatch(Arc::clone(&fields), batch).collect::<Vec<_>>();
    Ok(Response::Query(QueryResponse::new(fields, stream::iter(rows))))
}

/// The connection's portals, which pgwire keeps as ours.
fn store<C: ClientPortalStore>(of: &C) -> PgWireResult<&MemPortalStore<Statement>>
where
    C::PortalStore: PortalStore,
{
    let store = of.portal_store().as_any().downcast_ref();
    store.ok_or_else(|| told("ERROR", "XX000", "the connection's portals are not ours"))
}

/// No client: values in the form they have by default.
type Nobody = datafusion_postgres::pgwire::api::DefaultClient<Statement>;
