//! What pgwire calls: simple queries (a text with any number of statements) and extended ones (parse, bind, execute).

use super::connection::{Connection, Connections};
use super::startup::Startup;
use super::statement::{Query, Statement};
use super::{commands, encode, error, told};
use crate::core::Core;
use crate::error::ServeError;
use crate::tls::Tls;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use datafusion::logical_expr::LogicalPlan;
use datafusion_postgres::arrow_pg::datatypes::{df, into_pg_type};
use datafusion_postgres::pgwire::api::auth::StartupHandler;
use datafusion_postgres::pgwire::api::cancel::CancelHandler;
use datafusion_postgres::pgwire::api::portal::{Format, Portal, PortalExecutionState};
use datafusion_postgres::pgwire::api::query::{
    ExtendedQueryHandler, SimpleQueryHandler, send_execution_response, send_partial_query_response,
};
use datafusion_postgres::pgwire::api::results::{FieldInfo, Response, Tag};
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::store::{Entry, PortalStore};
use datafusion_postgres::pgwire::api::{
    ClientInfo, ClientPortalStore, DEFAULT_NAME, ErrorHandler, PgWireConnectionState, PgWireServerHandlers, Type,
};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::messages::extendedquery::Execute;
use datafusion_postgres::pgwire::messages::response::EmptyQueryResponse;
use futures::{Sink, SinkExt};
use std::fmt::Debug;
use std::sync::Arc;
use tidelake_sinks::query::split;
use tokio::sync::OwnedSemaphorePermit;

/// Makes the handlers of one connection.
pub(super) struct Handlers {
    pub core: Arc<Core>,
    pub connections: Arc<Connections>,
    pub certificate: Option<Arc<Tls>>,
    pub place: Option<Arc<OwnedSemaphorePermit>>,
    pub limit: usize,
}

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::new(Queries)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::new(Queries)
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        let tls = self.certificate.as_deref();
        Arc::new(Startup::new(&self.core, &self.connections, tls, self.place.as_ref(), self.limit))
    }

    fn error_handler(&self) -> Arc<impl ErrorHandler> {
        Arc::new(Queries)
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::clone(&self.connections)
    }
}

/// Answers queries of whoever is in.
pub(super) struct Queries;

impl ErrorHandler for Queries {
    fn on_error<C: ClientInfo>(&self, client: &C, error: &mut PgWireError) {
        tracing::debug!(%error, address = %client.socket_addr(), "postgres: told a client");
    }
}

#[async_trait]
impl SimpleQueryHandler for Queries {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let connection = Connection::of(client)?;
        let mut responses = Vec::new();
        for sql in split::statements(query) {
            let statement = connection.understand(sql).await?;
            commands::check_transaction(client, &statement)?;
            responses.push(match &statement {
                Statement::Query(query) => {
                    let fields = encode::fields(&query.schema, &Format::UnifiedText, Some(&*client))?;
                    Response::Query(encode::answer(&connection.client, query, query.plan.clone(), fields))
                }
                Statement::Command(ast, columns) => commands::run(client, &connection, ast, columns.as_ref()).await?,
            });
        }
        if responses.is_empty() {
            responses.push(Response::EmptyQuery);
        }
        Ok(responses)
    }
}

#[async_trait]
impl ExtendedQueryHandler for Queries {
    type Statement = Statement;
    type QueryParser = Self;

    fn query_parser(&self) -> Arc<Self> {
        Arc::new(Self)
    }

    /// As pgwire does it, but rows are sent as they come: pgwire would first gather all that are asked for.
    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if !matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            return Err(PgWireError::NotReadyForQuery);
        }
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let rows = usize::try_from(message.max_rows).unwrap_or(0);
        let portal = match client.portal_store().get_portal(name) {
            Some(Entry::Value(portal)) => portal,
            Some(Entry::Empty) => {
                client.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
                return Ok(());
            }
            None => return Err(PgWireError::PortalNotFound(name.to_owned())),
        };
        let state = portal.state();
        if matches!(*state.lock().await, PortalExecutionState::Initial) {
            let status = client.transaction_status();
            match ExtendedQueryHandler::do_query(self, client, portal.as_ref(), rows).await? {
                Response::Query(answer) => portal.start(answer).await,
                Response::TransactionStart(tag) => {
                    client.set_transaction_status(status.to_in_transaction_state());
                    return send_execution_response(client, tag).await;
                }
                Response::TransactionEnd(tag) => {
                    client.set_transaction_status(status.to_idle_state());
                    client.portal_store().rm_portal(DEFAULT_NAME);
                    return send_execution_response(client, tag).await;
                }
                Response::Execution(tag) => return send_execution_response(client, tag).await,
                _ => return Err(told("ERROR", "XX000", "an answer of a kind that is not known")),
            }
        }
        let mut state = state.lock().await;
        let PortalExecutionState::Suspended(answer) = &mut *state else {
            return send_execution_response(client, Tag::new("SELECT").with_rows(0)).await;
        };
        if !send_partial_query_response(client, answer, rows).await? {
            *state = PortalExecutionState::Finished;
        }
        Ok(())
    }

    async fn do_query<C>(&self, client: &mut C, portal: &Portal<Statement>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let connection = Connection::of(client)?;
        let statement = &portal.statement.statement;
        commands::check_transaction(client, statement)?;
        match statement {
            Statement::Query(query) => {
                let plan = bound(&connection, query, portal)?;
                let fields = encode::fields(&query.schema, &portal.result_column_format, Some(&*client))?;
                Ok(Response::Query(encode::answer(&connection.client, query, plan, fields)))
            }
            Statement::Command(ast, columns) => commands::run(client, &connection, ast, columns.as_ref()).await,
        }
    }
}

#[async_trait]
impl QueryParser for Queries {
    type Statement = Statement;

    async fn parse_sql<C>(&self, client: &C, sql: &str, _: &[Option<Type>]) -> PgWireResult<Option<Statement>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let connection = Connection::of(client)?;
        match split::statements(sql).as_slice() {
            [] => Ok(None),
            [one] => connection.understand(one).await.map(Some),
            _ => Err(told("ERROR", "42601", "cannot insert multiple commands into a prepared statement")),
        }
    }

    fn get_parameter_types(&self, statement: &Statement) -> PgWireResult<Vec<Type>> {
        match statement {
            Statement::Query(query) => Ok(parameters(&query.plan)?.into_iter().map(|(_, wire)| wire).collect()),
            Statement::Command(..) => Ok(Vec::new()),
        }
    }

    fn get_result_schema(&self, statement: &Statement, format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        let format = format.unwrap_or(&Format::UnifiedText);
        let client = None::<&datafusion_postgres::pgwire::api::DefaultClient<Statement>>;
        statement.schema().map_or(Ok(Vec::new()), |schema| encode::fields(schema, format, client))
    }
}

/// The types of `$1`, `$2`, …: as DataFusion infers them, and as the client is told of them. A number that the plan has no
/// use for is of a type that is not known.
fn parameters(plan: &LogicalPlan) -> PgWireResult<Vec<(Option<DataType>, Type)>> {
    let wrong = |why: datafusion::error::DataFusionError| {
        error(&ServeError::Query(tidelake_sinks::query::QueryError::running(why)))
    };
    let types = plan.get_parameter_types().map_err(wrong)?;
    let number = |name: &str| name.trim_start_matches('$').parse::<usize>().ok().filter(|number| *number > 0);
    let last = types.keys().filter_map(|name| number(name)).max().unwrap_or(0);
    // Protocols count parameters with sixteen bits.
    let mut numbered = vec![(None, Type::UNKNOWN); last.min(usize::from(u16::MAX))];
    for (name, kind) in types {
        if let Some(place) = number(&name).and_then(|number| numbered.get_mut(number - 1)) {
            let told = kind.as_ref().map_or(Ok(Type::UNKNOWN), into_pg_type)?;
            *place = (kind, told);
        }
    }
    Ok(numbered)
}

/// The plan with the values that were bound.
fn bound(connection: &Connection, query: &Query, portal: &Portal<Statement>) -> PgWireResult<LogicalPlan> {
    let types = parameters(&query.plan)?;
    if types.is_empty() {
        return Ok(query.plan.clone());
    }
    let inferred: Vec<Option<&DataType>> = types.iter().map(|(kind, _)| kind.as_ref()).collect();
    let wire: Vec<Option<&Type>> = types.iter().map(|(_, told)| Some(told)).collect();
    let values = df::deserialize_parameters_with_server_types(portal, &inferred, &wire)?;
    connection.client.session().bind(query.plan.clone(), values).map_err(|e| error(&ServeError::Query(e)))
}
