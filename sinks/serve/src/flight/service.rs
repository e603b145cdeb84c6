//! The protocol's calls. A ticket is the command that it answers: any server of the same lake could redeem it.

use super::metadata;
use super::sessions::{Guest, Prepared, Sessions, status};
use crate::error::ServeError;
use crate::rows::Rows;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    Any, CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys,
    CommandGetImportedKeys, CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandPreparedStatementQuery, CommandStatementQuery, DoPutPreparedStatementResult, SqlInfo,
};
use arrow_flight::{
    Action, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse, IpcMessage,
    SchemaAsIpc, Ticket,
};
use bytes::Bytes;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::LogicalPlan;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use std::pin::Pin;
use std::sync::Arc;
use tidelake_sinks::query::{CATALOG, QueryError};
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

/// The service.
pub(super) struct Service {
    sessions: Sessions,
}

type Answer = Result<Response<<Service as FlightService>::DoGetStream>, Status>;
type Info = Result<Response<FlightInfo>, Status>;
type Shaken = Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>;

impl Service {
    pub(super) fn new(sessions: Sessions) -> Self {
        Self { sessions }
    }

    fn guest<T>(&self, request: &Request<T>) -> Result<Arc<Guest>, Status> {
        self.sessions.guest(request).map_err(status)
    }

    /// Where to get rows of these columns: by the command itself.
    fn info(&self, schema: &Schema, request: Request<FlightDescriptor>) -> Info {
        self.guest(&request)?;
        let descriptor = request.into_inner();
        let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(descriptor.cmd.clone()));
        let info = FlightInfo::new().try_with_schema(&sent(schema)).map_err(internal)?;
        Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(descriptor)))
    }

    fn batch<T>(&self, request: &Request<T>, batch: RecordBatch) -> Answer {
        self.guest(request)?;
        let schema = batch.schema();
        Ok(answer(schema, stream::iter([Ok(batch)]).boxed()))
    }

    async fn rows(&self, guest: &Guest, sql: &str, plan: LogicalPlan) -> Answer {
        let rows: Rows = guest.client.run(sql, async move { Ok(plan) }).await.map_err(status)?;
        let schema = Arc::clone(&rows.schema);
        Ok(answer(schema, rows.map_err(|error| FlightError::Tonic(Box::new(status(error)))).boxed()))
    }
}

fn answer(schema: SchemaRef, batches: BoxStream<'static, Result<RecordBatch, FlightError>>) -> Response<Sent> {
    let encoded = FlightDataEncoderBuilder::new().with_schema(schema).build(batches);
    Response::new(Box::pin(encoded.map_err(Status::from)))
}

type Sent = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send>>;

/// The columns as the encoder sends them: dictionaries as their values.
fn sent(schema: &Schema) -> Schema {
    let encoder = FlightDataEncoderBuilder::new().with_schema(Arc::new(schema.clone())).build(stream::empty());
    encoder.known_schema().map_or_else(|| schema.clone(), |sent| sent.as_ref().clone())
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

fn encoded(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message: IpcMessage = SchemaAsIpc::new(schema, &options).try_into().map_err(internal)?;
    Ok(message.0)
}

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Self;

    async fn do_handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> Result<Response<Shaken>, Status> {
        let token = self.sessions.begin(request.metadata(), request.remote_addr()).map_err(status)?;
        let header = MetadataValue::try_from(format!("Bearer {token}")).map_err(internal)?;
        let shaken = HandshakeResponse { protocol_version: 0, payload: token.into() };
        let mut response = Response::new(stream::iter([Ok(shaken)]).boxed() as Shaken);
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Info {
        let guest = self.guest(&request)?;
        let plan = guest.plan(&query.query).await.map_err(status)?;
        let schema = guest.client.session().schema(&plan);
        self.info(&schema, request)
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Info {
        let guest = self.guest(&request)?;
        let prepared = guest.prepared(&query.prepared_statement_handle).map_err(status)?;
        let schema = guest.client.session().schema(prepared.bound.as_ref().unwrap_or(&prepared.plan));
        self.info(&schema, request)
    }

    /// Tickets of [`Self::get_flight_info_statement`] come here: they hold the command.
    async fn do_get_fallback(&self, request: Request<Ticket>, message: Any) -> Answer {
        let query: Option<CommandStatementQuery> = message.unpack().map_err(internal)?;
        let query =
            query.ok_or_else(|| Status::invalid_argument(format!("no ticket of ours: {}", message.type_url)))?;
        let guest = self.guest(&request)?;
        let plan = guest.plan(&query.query).await.map_err(status)?;
        self.rows(&guest, &query.query, plan).await
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Answer {
        let guest = self.guest(&request)?;
        let prepared = guest.prepared(&query.prepared_statement_handle).map_err(status)?;
        self.rows(&guest, &prepared.sql, prepared.bound.unwrap_or(prepared.plan)).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let guest = self.guest(&request)?;
        let plan = guest.plan(&query.query).await.map_err(status)?;
        let dataset = sent(&guest.client.session().schema(&plan));
        let parameters = parameters(&plan).map_err(status)?;
        let handle = guest.prepare(Prepared { sql: query.query, plan, bound: None }).map_err(status)?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle,
            dataset_schema: encoded(&dataset)?,
            parameter_schema: encoded(&parameters)?,
        })
    }

    /// Binds one row of values.
    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let guest = self.guest(&request)?;
        let prepared = guest.prepared(&query.prepared_statement_handle).map_err(status)?;
        let sent = request.into_inner().map_err(|error| FlightError::Tonic(Box::new(error)));
        let batches: Vec<RecordBatch> = FlightRecordBatchStream::new_from_flight_data(sent).try_collect().await?;
        let values = values(&batches).map_err(status)?;
        if values.is_empty() {
            return Ok(DoPutPreparedStatementResult::default());
        }
        let bound = guest.client.session().bind(prepared.plan, values).map_err(|e| status(e.into()))?;
        guest.bind(&query.prepared_statement_handle, bound);
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(query.prepared_statement_handle) })
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        self.guest(&request)?.close(&query.prepared_statement_handle);
        Ok(())
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Result<Response<<Self as FlightService>::DoActionStream>, Status> {
        if request.get_ref().r#type != "CloseSession" {
            return Err(Status::unimplemented(format!("action {:?} is not known here", request.get_ref().r#type)));
        }
        self.sessions.end(&request);
        // A CloseSessionResult whose field 1, the status, is 1: closed.
        let closed = arrow_flight::Result::new(vec![8_u8, 1]);
        Ok(Response::new(stream::iter([Ok(closed)]).boxed()))
    }

    async fn get_flight_info_catalogs(&self, query: CommandGetCatalogs, request: Request<FlightDescriptor>) -> Info {
        self.info(&query.into_builder().schema(), request)
    }

    async fn do_get_catalogs(&self, query: CommandGetCatalogs, request: Request<Ticket>) -> Answer {
        let mut builder = query.into_builder();
        builder.append(CATALOG);
        self.batch(&request, builder.build().map_err(internal)?)
    }

    async fn get_flight_info_schemas(&self, query: CommandGetDbSchemas, request: Request<FlightDescriptor>) -> Info {
        self.info(&query.into_builder().schema(), request)
    }

    async fn do_get_schemas(&self, query: CommandGetDbSchemas, request: Request<Ticket>) -> Answer {
        let guest = self.guest(&request)?;
        let mut builder = query.into_builder();
        metadata::schemas(&guest).iter().for_each(|schema| builder.append(CATALOG, schema));
        self.batch(&request, builder.build().map_err(internal)?)
    }

    async fn get_flight_info_tables(&self, query: CommandGetTables, request: Request<FlightDescriptor>) -> Info {
        self.info(&query.into_builder().schema(), request)
    }

    async fn do_get_tables(&self, query: CommandGetTables, request: Request<Ticket>) -> Answer {
        let guest = self.guest(&request)?;
        let tables = metadata::tables(&guest, query).await.map_err(|error| status(error.into()))?;
        self.batch(&request, tables)
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.info(&query.into_builder().schema(), request)
    }

    async fn do_get_table_types(&self, query: CommandGetTableTypes, request: Request<Ticket>) -> Answer {
        let mut builder = query.into_builder();
        metadata::KINDS.iter().for_each(|kind| builder.append(kind));
        self.batch(&request, builder.build().map_err(internal)?)
    }

    async fn get_flight_info_sql_info(&self, query: CommandGetSqlInfo, request: Request<FlightDescriptor>) -> Info {
        let server = metadata::SERVER.as_ref().ok_or_else(|| internal("no information about the server"))?;
        self.info(&query.into_builder(server).schema(), request)
    }

    async fn do_get_sql_info(&self, query: CommandGetSqlInfo, request: Request<Ticket>) -> Answer {
        let server = metadata::SERVER.as_ref().ok_or_else(|| internal("no information about the server"))?;
        self.batch(&request, query.into_builder(server).build().map_err(internal)?)
    }

    async fn get_flight_info_primary_keys(&self, _: CommandGetPrimaryKeys, request: Request<FlightDescriptor>) -> Info {
        self.info(&metadata::PRIMARY_KEYS, request)
    }

    async fn do_get_primary_keys(&self, _: CommandGetPrimaryKeys, request: Request<Ticket>) -> Answer {
        self.batch(&request, RecordBatch::new_empty(Arc::clone(&metadata::PRIMARY_KEYS)))
    }

    async fn get_flight_info_exported_keys(
        &self,
        _: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.info(&metadata::FOREIGN_KEYS, request)
    }

    async fn do_get_exported_keys(&self, _: CommandGetExportedKeys, request: Request<Ticket>) -> Answer {
        self.batch(&request, RecordBatch::new_empty(Arc::clone(&metadata::FOREIGN_KEYS)))
    }

    async fn get_flight_info_imported_keys(
        &self,
        _: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.info(&metadata::FOREIGN_KEYS, request)
    }

    async fn do_get_imported_keys(&self, _: CommandGetImportedKeys, request: Request<Ticket>) -> Answer {
        self.batch(&request, RecordBatch::new_empty(Arc::clone(&metadata::FOREIGN_KEYS)))
    }

    async fn get_flight_info_cross_reference(
        &self,
        _: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> Info {
        self.info(&metadata::FOREIGN_KEYS, request)
    }

    async fn do_get_cross_reference(&self, _: CommandGetCrossReference, request: Request<Ticket>) -> Answer {
        self.batch(&request, RecordBatch::new_empty(Arc::clone(&metadata::FOREIGN_KEYS)))
    }

    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}

/// The values to bind, in their order: one row.
fn values(batches: &[RecordBatch]) -> Result<Vec<ScalarValue>, ServeError> {
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let wrong = |error: &dyn std::fmt::Display| ServeError::Query(QueryError::Execution(error.to_string()));
    let all = concat_batches(&first.schema(), batches).map_err(|error| wrong(&error))?;
    match all.num_rows() {
        0 => Ok(Vec::new()),
        1 => {
            let value = |column: &arrow::array::ArrayRef| ScalarValue::try_from_array(column, 0);
            all.columns().iter().map(value).collect::<Result<_, _>>().map_err(|error| wrong(&error))
        }
        rows => {
            Err(ServeError::Request(format!("{rows} rows of values where one is taken. Run the query once for each")))
        }
    }
}

/// What `$1`, `$2`, … are expected to be.
fn parameters(plan: &LogicalPlan) -> Result<Schema, ServeError> {
    let types = plan.get_parameter_types().map_err(|error| ServeError::Query(QueryError::running(error)))?;
    let mut named: Vec<_> = types.into_iter().collect();
    named.sort_by_key(|(name, _)| name.trim_start_matches('$').parse::<u32>().unwrap_or(u32::MAX));
    let field = |(name, kind): (String, Option<DataType>)| Field::new(name, kind.unwrap_or(DataType::Null), true);
    Ok(Schema::new(named.into_iter().map(field).collect::<Vec<_>>()))
}
