//! `pg_catalog` and the functions that clients expect of PostgreSQL, in a session of its own.

use super::VERSION;
use crate::error::ServeError;
use arrow::array::{AsArray, Int32Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;
use datafusion_postgres::pgwire::api::Type;
use std::sync::Arc;
use tidelake_sinks::query::{CATALOG, QueryError, Session};

/// Adds them.
pub(super) fn add(session: &Session, user: &str) -> Result<(), ServeError> {
    let context = session.context();
    setup_pg_catalog(context, CATALOG, EmptyContextProvider).map_err(|error| QueryError::running(*error))?;
    // SQLAlchemy reads the version out of this text.
    context.register_udf(constant("version", format!("PostgreSQL {VERSION}")));
    context.register_udf(constant("session_user", user.to_owned()));
    context.register_udf(to_regtype());
    context.register_udf(current_setting());
    Ok(())
}

/// A function without arguments that always gives the same text.
fn constant(name: &str, text: String) -> ScalarUDF {
    let give = move |_: &[ColumnarValue]| -> Result<ColumnarValue, DataFusionError> {
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(text.clone()))))
    };
    create_udf(name, Vec::new(), DataType::Utf8, Volatility::Stable, Arc::new(give))
}

/// No setting changes what the catalogue says: SQLAlchemy asks for the access method that tables have where none is named.
fn current_setting() -> ScalarUDF {
    let give = |_: &[ColumnarValue]| -> Result<ColumnarValue, DataFusionError> {
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None)))
    };
    create_udf("current_setting", vec![DataType::Utf8], DataType::Utf8, Volatility::Stable, Arc::new(give))
}

/// The number of a type by its name, or null: psycopg asks whether there are types that come with extensions.
fn to_regtype() -> ScalarUDF {
    let number = |name: Option<&str>| {
        let name = name?.trim().trim_start_matches("pg_catalog.");
        KNOWN.iter().find(|kind| kind.name() == name).and_then(|kind| i32::try_from(kind.oid()).ok())
    };
    let find = move |arguments: &[ColumnarValue]| -> Result<ColumnarValue, DataFusionError> {
        let mut numbers = Int32Array::from(Vec::<i32>::new());
        if let [names] = ColumnarValue::values_to_arrays(arguments)?.as_slice() {
            numbers = cast(names, &DataType::Utf8)?.as_string::<i32>().iter().map(number).collect();
        }
        Ok(ColumnarValue::Array(Arc::new(numbers)))
    };
    create_udf("to_regtype", vec![DataType::Utf8], DataType::Int32, Volatility::Stable, Arc::new(find))
}

/// The types that answers are made of.
const KNOWN: [Type; 16] = [
    Type::BOOL,
    Type::BYTEA,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::TEXT,
    Type::VARCHAR,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::NUMERIC,
    Type::DATE,
    Type::TIME,
    Type::TIMESTAMP,
    Type::TIMESTAMPTZ,
    Type::INTERVAL,
    Type::JSON,
];
