//! What is left of videos that were erased because they were gone: counts, for the query `attrition`.

use super::QueryError;
use crate::lake::Lake;
use crate::privacy::gone::{Faded, attrition};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::{DataFrame, Expr, SessionContext, ident, lit};
use std::sync::Arc;

/// The table's name. It is for that query, and in no listing.
const TABLE: &str = "attrition_erased";

/// The counts of a lake.
pub(super) async fn load(lake: &Lake) -> Result<Arc<[Faded]>, QueryError> {
    let counts = attrition(lake).await.map_err(|e| QueryError::Execution(e.to_string()))?;
    Ok(counts.faded.into())
}

/// Makes them a table: values within the plan, so that a cluster gets them too.
pub(super) fn register(session: &SessionContext, faded: &[Faded]) -> Result<(), QueryError> {
    let plan = plan(faded).map_err(QueryError::running)?;
    let table = DataFrame::new(session.state(), plan).into_view();
    session.register_table(TABLE, table).map(drop).map_err(QueryError::running)
}

fn plan(faded: &[Faded]) -> Result<LogicalPlan, datafusion::error::DataFusionError> {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![Field::new("first_seen", instant, true), Field::new("category", DataType::Utf8, true)];
    let flags = ["gone_7d", "gone_15d", "gone_30d", "checked_7d", "checked_15d", "checked_30d"];
    fields.extend(flags.map(|flag| Field::new(flag, DataType::Boolean, true)));
    fields.push(Field::new("videos", DataType::Int64, true));
    let schema = Arc::new(DFSchema::try_from(Schema::new(fields))?);
    if faded.is_empty() {
        let none = datafusion::logical_expr::EmptyRelation { produce_one_row: false, schema };
        return Ok(LogicalPlan::EmptyRelation(none));
    }
    // A list of values names its columns by their places.
    let named =
        schema.fields().iter().enumerate().map(|(at, field)| ident(format!("column{}", at + 1)).alias(field.name()));
    LogicalPlanBuilder::values_with_schema(faded.iter().map(row).collect(), &schema)?.project(named)?.build()
}

fn row(faded: &Faded) -> Vec<Expr> {
    let seen = ScalarValue::TimestampMicrosecond(Some(faded.first_seen.0), Some("UTC".into()));
    let flags = faded.gone.iter().chain(&faded.checked).map(|flag| lit(*flag));
    let mut row = vec![lit(seen), lit(ScalarValue::Utf8(faded.category.clone()))];
    row.extend(flags);
    row.push(lit(i64::try_from(faded.videos).unwrap_or(i64::MAX)));
    row
}
