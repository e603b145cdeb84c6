//! What clients ask about the server and its tables.

use super::sessions::Guest;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{CommandGetTables, SqlInfo};
use datafusion::datasource::TableType;
use std::sync::{Arc, LazyLock};
use tidelake_sinks::query::{CATALOG, QueryError};

/// Versions, and that nothing is written. `None` cannot be: the values are ours.
pub(super) static SERVER: LazyLock<Option<SqlInfoData>> = LazyLock::new(|| {
    let mut builder = SqlInfoDataBuilder::new();
    builder.append(SqlInfo::FlightSqlServerName, "Tidelake");
    builder.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    builder.append(SqlInfo::FlightSqlServerArrowVersion, arrow::ARROW_VERSION);
    builder.append(SqlInfo::FlightSqlServerReadOnly, true);
    builder.append(SqlInfo::FlightSqlServerSql, true);
    builder.append(SqlInfo::FlightSqlServerSubstrait, false);
    builder.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    builder.append(SqlInfo::SqlDdlCatalog, false);
    builder.append(SqlInfo::SqlDdlSchema, false);
    builder.append(SqlInfo::SqlDdlTable, false);
    builder.append(SqlInfo::SqlTransactionsSupported, false);
    builder.build().ok()
});

/// Schemas of the catalogue.
pub(super) fn schemas(guest: &Guest) -> Vec<String> {
    let catalog = guest.client.session().context().catalog(CATALOG);
    let mut names = catalog.map(|catalog| catalog.schema_names()).unwrap_or_default();
    names.sort();
    names
}

/// Tables and views.
pub(super) async fn tables(guest: &Guest, asked: CommandGetTables) -> Result<RecordBatch, QueryError> {
    let context = guest.client.session().context();
    let mut builder = asked.into_builder();
    for schema in schemas(guest) {
        let Some(provider) = context.catalog(CATALOG).and_then(|catalog| catalog.schema(&schema)) else { continue };
        let mut names = provider.table_names();
        names.sort();
        for name in names {
            let Some(table) = provider.table(&name).await.map_err(QueryError::running)? else { continue };
            let kind = kind(table.table_type());
            builder.append(CATALOG, &schema, &name, kind, &shown(&table.schema())).map_err(arrow)?;
        }
    }
    builder.build().map_err(|error| QueryError::Execution(error.to_string()))
}

/// A table's columns as answers have them: JDBC knows no texts that are views into buffers, and takes a dictionary for its
/// numbers.
fn shown(schema: &Schema) -> Schema {
    let plain = |field: &FieldRef| {
        let kind = match field.data_type() {
            DataType::Dictionary(_, value) => value.as_ref(),
            kind => kind,
        };
        let kind = match kind {
            DataType::Utf8View => DataType::LargeUtf8,
            DataType::BinaryView => DataType::LargeBinary,
            kind => kind.clone(),
        };
        field.as_ref().clone().with_data_type(kind)
    };
    Schema::new(schema.fields().iter().map(plain).collect::<Vec<_>>())
}

/// The kinds of tables, as [`tables`] names them.
pub(super) const KINDS: [&str; 2] = ["TABLE", "VIEW"];

fn kind(kind: TableType) -> &'static str {
    match kind {
        TableType::View => KINDS[1],
        TableType::Base | TableType::Temporary => KINDS[0],
    }
}

/// Primary keys: none is declared, so there are no rows.
pub(super) static PRIMARY_KEYS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let names = ["catalog_name", "db_schema_name", "table_name", "column_name", "key_name"];
    let mut fields: Vec<Field> = names.map(|name| Field::new(name, DataType::Utf8, true)).into();
    fields.push(Field::new("key_sequence", DataType::Int32, false));
    Arc::new(Schema::new(fields))
});

/// Foreign keys: none, either.
pub(super) static FOREIGN_KEYS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let column = |side: &str, name: &str| Field::new(format!("{side}_{name}"), DataType::Utf8, true);
    let names = ["catalog_name", "db_schema_name", "table_name", "column_name"];
    let mut fields: Vec<Field> = ["pk", "fk"].iter().flat_map(|side| names.map(|name| column(side, name))).collect();
    fields.push(Field::new("key_sequence", DataType::Int32, false));
    fields.extend([column("fk", "key_name"), column("pk", "key_name")]);
    fields.extend(["update_rule", "delete_rule"].map(|name| Field::new(name, DataType::UInt8, false)));
    Arc::new(Schema::new(fields))
});

fn arrow(error: arrow_flight::error::FlightError) -> QueryError {
    QueryError::Execution(ArrowError::from_external_error(Box::new(error)).to_string())
}
