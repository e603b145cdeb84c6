//! An optimizer rule: what is never true reads nothing.
//!
//! A filter that is folded to null or false may reach a table's scan beside others. delta-rs passes over a constant among the
//! filters it is given, and would give every row that satisfies the others.

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Never;

impl OptimizerRule for Never {
    fn name(&self) -> &str {
        "eliminate_scan_that_is_never_true"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match &plan {
            LogicalPlan::TableScan(scan) if scan.filters.iter().any(is_never) => {
                let schema = Arc::clone(&scan.projected_schema);
                Ok(Transformed::yes(LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema })))
            }
            _ => Ok(Transformed::no(plan)),
        }
    }
}

fn is_never(filter: &Expr) -> bool {
    match filter {
        Expr::Literal(value, _) => value.is_null() || *value == ScalarValue::Boolean(Some(false)),
        Expr::Alias(alias) => is_never(&alias.expr),
        _ => false,
    }
}
