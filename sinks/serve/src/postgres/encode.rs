//! Record batches as PostgreSQL's rows.

use super::error;
use super::statement::Query;
use crate::core::Client;
use crate::error::ServeError;
use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use datafusion_postgres::arrow_pg::datatypes::{arrow_schema_to_pg_fields, encode_recordbatch};
use datafusion_postgres::pgwire::api::ClientInfo;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{FieldInfo, QueryResponse};
use datafusion_postgres::pgwire::error::PgWireResult;
use datafusion_postgres::pgwire::types::format::FormatOptions;
use futures::{StreamExt, TryStreamExt, stream};
use std::sync::Arc;
use tidelake_sinks::query::QueryError;

/// The columns as the client is told of them.
pub(super) fn fields(
    schema: &SchemaRef,
    format: &Format,
    client: Option<&impl ClientInfo>,
) -> PgWireResult<Vec<FieldInfo>> {
    let options = client.map(|client| Arc::new(FormatOptions::from_client_metadata(client.metadata())));
    arrow_schema_to_pg_fields(schema, format, options)
}

/// The answer to a query, which begins to run when its first row is asked for: of several statements in one message none
/// holds the turn of another.
pub(super) fn answer(
    client: &Arc<Client>,
    query: &Arc<Query>,
    plan: LogicalPlan,
    fields: Vec<FieldInfo>,
) -> QueryResponse {
    let (client, query, fields) = (Arc::clone(client), Arc::clone(query), Arc::new(fields));
    let (schema, named) = (Arc::clone(&query.schema), Arc::clone(&fields));
    let rows = stream::once(async move { client.run(&query.sql, async move { Ok(plan) }).await }).try_flatten();
    let rows = rows.map(move |batch| match batch.and_then(|batch| told(batch, &schema)) {
        Ok(batch) => stream::iter(encode_recordbatch(Arc::clone(&named), batch)).left_stream(),
        Err(failed) => stream::iter([Err(error(&failed))]).right_stream(),
    });
    QueryResponse::new(fields, rows.flatten())
}

/// The batch with the types that the client was told of before values were bound.
fn told(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ServeError> {
    if batch.schema_ref().fields() == schema.fields() {
        return Ok(batch);
    }
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>();
    columns
        .and_then(|columns| RecordBatch::try_new(nullable(schema), columns))
        .map_err(|error| QueryError::Execution(error.to_string()).into())
}

fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()))
}
