//! An optimizer rule: what a view looks up and nobody asks for is not looked up.
//!
//! `videos` joins what it knows of creators to each video. A LEFT JOIN whose right side has at most one row for each key neither
//! removes rows nor adds any, so that it can be left out where none of the right side's columns is used.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Dependency, JoinType};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Join, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct UnusedJoins;

impl OptimizerRule for UnusedJoins {
    fn name(&self) -> &str {
        "eliminate_unused_left_join"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let input = match &plan {
            LogicalPlan::Projection(projection) => &projection.input,
            LogicalPlan::Aggregate(aggregate) => &aggregate.input,
            _ => return Ok(Transformed::no(plan)),
        };
        let LogicalPlan::Join(join) = input.as_ref() else { return Ok(Transformed::no(plan)) };
        let expressions = plan.expressions();
        if join.join_type != JoinType::Left || uses_right(&expressions, join) || !at_most_one(join) {
            return Ok(Transformed::no(plan));
        }
        let left = Arc::unwrap_or_clone(Arc::clone(&join.left));
        Ok(Transformed::yes(plan.with_new_exprs(expressions, vec![left])?))
    }
}

fn uses_right(expressions: &[Expr], join: &Join) -> bool {
    expressions.iter().any(|expr| expr.column_refs().into_iter().any(|column| join.right.schema().has_column(column)))
}

/// Whether the right side is unique by the columns it is joined by.
fn at_most_one(join: &Join) -> bool {
    let schema = join.right.schema();
    let key: Option<Vec<usize>> =
        join.on.iter().map(|(_, right)| schema.maybe_index_of_column(right.try_as_col()?)).collect();
    let Some(key) = key else { return false };
    schema.functional_dependencies().iter().any(|dependence| {
        dependence.mode == Dependency::Single && dependence.source_indices.iter().all(|index| key.contains(index))
    })
}
