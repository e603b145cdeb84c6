//! Types that are larger by a number: a list of a fixed length has it in every row, null or not, and counts towards no limit on
//! memory. `CAST(NULL AS BIGINT[2000000000])` would be sixteen gigabytes.

use super::QueryError;
use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Bytes of one value.
const MOST: u64 = 1 << 16;
/// Functions that take a type as text.
const CASTS: [&str; 2] = ["arrow_cast", "arrow_try_cast"];

/// Refuses plans that make values of such types beyond a bound.
pub(super) fn check(plan: &LogicalPlan) -> Result<Option<QueryError>> {
    let mut wide = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                wide = made(expr).filter(|kind| width(kind) > MOST);
                Ok(if wide.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })
    })?;
    let refuse = |kind: DataType| {
        let advice = "Take a list without a length, as BIGINT[]";
        QueryError::NotSupported(format!(
            "each value of {kind} has {} bytes, and may have {MOST}. {advice}",
            width(&kind)
        ))
    };
    Ok(wide.map(refuse))
}

/// The type that an expression makes a value of.
fn made(expr: &Expr) -> Option<DataType> {
    match expr {
        Expr::Cast(cast) => Some(cast.field.data_type().clone()),
        Expr::TryCast(cast) => Some(cast.field.data_type().clone()),
        Expr::ScalarFunction(function) if CASTS.contains(&function.name()) => match function.args.get(1) {
            Some(Expr::Literal(ScalarValue::Utf8(Some(kind)) | ScalarValue::Utf8View(Some(kind)), _)) => {
                kind.parse().ok()
            }
            _ => None,
        },
        _ => None,
    }
}

/// The bytes of any value.
fn width(kind: &DataType) -> u64 {
    let of = |field: &Field| width(field.data_type());
    match kind {
        DataType::FixedSizeBinary(bytes) => u64::try_from(*bytes).unwrap_or(0),
        DataType::FixedSizeList(item, length) => of(item).saturating_mul(u64::try_from(*length).unwrap_or(0)),
        // What is in them may be none, or one.
        DataType::List(item) | DataType::LargeList(item) => of(item),
        DataType::Struct(fields) => fields.iter().fold(0, |sum, field| sum.saturating_add(of(field))),
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::SessionContext;

    async fn refused(query: &str) -> bool {
        let plan = SessionContext::new().state().create_logical_plan(query).await.expect("a plan");
        check(&plan).expect("walks").is_some()
    }

    #[tokio::test]
    async fn lists_of_a_length_have_a_bound() {
        for query in [
            "SELECT array_length(CAST(NULL AS BIGINT[2000000000]))",
            "SELECT arrow_cast(NULL, 'FixedSizeList(2000000000, Int64)') AS x",
            "SELECT 1 FROM (VALUES (1)) AS t(x) WHERE (SELECT TRY_CAST(NULL AS BIGINT[1000][1000])) IS NULL",
            "SELECT arrow_try_cast('x', 'FixedSizeBinary(2000000000)')",
        ] {
            assert!(refused(query).await, "{query}");
        }
        for query in ["SELECT CAST([1, 2] AS BIGINT[2]), 1::TEXT", "SELECT arrow_cast([1], 'List(Int64)')"] {
            assert!(!refused(query).await, "{query}");
        }
    }
}
