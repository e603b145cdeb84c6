//! `pg_catalog` and the functions that clients expect of PostgreSQL, in a session of its own.

use super::VERSION;
use crate::error::ServeError;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;
use std::sync::Arc;
use tidelake_sinks::query::{CATALOG, QueryError, Session};

/// Adds them.
pub(super) fn add(session: &Session) -> Result<(), ServeError> {
    let context = session.context();
    setup_pg_catalog(context, CATALOG, EmptyContextProvider).map_err(|error| QueryError::running(*error))?;
    // SQLAlchemy reads the version out of this text.
    let version = create_udf(
        "version",
        Vec::new(),
        arrow::datatypes::DataType::Utf8,
        Volatility::Immutable,
        Arc::new(|_: &[ColumnarValue]| -> Result<ColumnarValue, DataFusionError> {
            let text = format!("PostgreSQL {VERSION}");
            Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(text))))
        }),
    );
    context.register_udf(version);
    Ok(())
}
