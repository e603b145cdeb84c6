//! Functions that stand in FROM: queries over the views whose placeholders the arguments fill.

use super::{CREATOR_BASELINE, STATS_AT};
use crate::lake::current::AGES;
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DFSchema, ParamValues, ScalarValue, plan_err};
use datafusion::datasource::ViewTable;
use datafusion::error::Result;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// Values by the names of placeholders.
type Values = Vec<(&'static str, ScalarValue)>;

/// A query that answers for some values.
#[derive(Clone, Copy)]
struct Kept {
    sql: fn() -> String,
    answers: Answers,
}

/// Whether rows are kept for some values.
type Answers = fn(&Values) -> bool;

/// A function and the view it is possible from.
struct Parameterised {
    name: &'static str,
    syntax: &'static str,
    over: &'static str,
    sql: &'static str,
    /// The same for values that rows are kept for.
    kept: Option<Kept>,
    /// What stands in the query as `$name` for the arguments given.
    values: fn(&[ScalarValue]) -> Option<Values>,
}

const FUNCTIONS: [Parameterised; 2] = [
    Parameterised {
        name: STATS_AT.name,
        syntax: STATS_AT.syntax,
        over: "newest_at_ages",
        sql: include_str!("stats_at.sql"),
        kept: Some(Kept { sql: stats_at_ages, answers: is_age }),
        values: |given| match given {
            [age] => Some(vec![("hours", ScalarValue::Float64(Some(hours(age)?)))]),
            _ => None,
        },
    },
    Parameterised {
        name: CREATOR_BASELINE.name,
        syntax: CREATOR_BASELINE.syntax,
        over: "stats_7d",
        sql: include_str!("creator_baseline.sql"),
        kept: None,
        values: |given| {
            let now = given.get(1).cloned().unwrap_or(ScalarValue::TimestampMicrosecond(None, Some("UTC".into())));
            let days = given.first().map_or(Some(30.0), |span| hours(span).map(|hours| hours / 24.0))?;
            let now = now.cast_to(&super::scalar::instant()).ok()?;
            (given.len() <= 2).then(|| vec![("seconds", ScalarValue::Float64(Some(days * 86_400.0))), ("now", now)])
        },
    },
];

pub(super) async fn register_over(session: &SessionContext, view: &str) -> Result<()> {
    for function in FUNCTIONS.into_iter().filter(|function| function.over == view) {
        let plan = session.state().create_logical_plan(function.sql).await?;
        let kept = match function.kept {
            Some(kept) => Some((session.state().create_logical_plan(&(kept.sql)()).await?, kept.answers)),
            None => None,
        };
        session.register_udtf(function.name, Arc::new(Planned { function, plan, kept }));
    }
    Ok(())
}

/// `stats_at` at an age whose counts are kept: `video_stats` over the observations at that age, of which there is one a video.
fn stats_at_ages() -> String {
    let stats = include_str!("../views/video_stats.sql");
    let of_age = "FROM (SELECT * FROM newest_at_ages WHERE hours = CAST($hours AS INT))";
    let all = include_str!("stats_at.sql");
    let columns = all.split_once("FROM").map_or(all, |(columns, _)| columns);
    format!("{columns} FROM ({})", stats.replace("FROM video_observations", of_age))
}

fn is_age(values: &Values) -> bool {
    let is = |value: &ScalarValue| AGES.iter().any(|hours| *value == ScalarValue::Float64(Some(f64::from(*hours))));
    values.iter().any(|(name, value)| *name == "hours" && is(value))
}

struct Planned {
    function: Parameterised,
    plan: LogicalPlan,
    /// The plan for values that rows are kept for, and which those are.
    kept: Option<(LogicalPlan, Answers)>,
}

impl std::fmt::Debug for Planned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Planned").field("name", &self.function.name).finish_non_exhaustive()
    }
}

impl TableFunctionImpl for Planned {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let given: Vec<ScalarValue> =
            args.exprs().iter().map(|expr| constant(expr, args.session())).collect::<Result<_>>()?;
        let Some(values) = (self.function.values)(&given) else {
            return plan_err!(
                "{} takes constants, and intervals of days and hours, as in {}",
                self.function.name,
                self.function.syntax
            );
        };
        let plan = self.kept.as_ref().filter(|(_, answers)| answers(&values)).map_or(&self.plan, |(plan, _)| plan);
        let plan = plan.clone().replace_params_with_values(&ParamValues::from(values))?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}

/// The value of an expression that needs no row.
fn constant(expr: &Expr, session: &dyn Session) -> Result<ScalarValue> {
    let schema = Arc::new(DFSchema::empty());
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(&schema))
        .with_query_execution_start_time(session.execution_props().query_execution_start_time)
        .build();
    let simplifier = ExprSimplifier::new(context);
    let typed = simplifier.coerce(expr.clone(), &schema)?;
    match simplifier.simplify(typed)? {
        Expr::Literal(value, _) => Ok(value),
        other => plan_err!("{other} is no constant"),
    }
}

/// An interval in hours; `None` for what is none, has months (which have no length of their own), or is not positive.
fn hours(value: &ScalarValue) -> Option<f64> {
    let interval = value.cast_to(&DataType::Interval(IntervalUnit::MonthDayNano)).ok()?;
    let ScalarValue::IntervalMonthDayNano(Some(span)) = interval else { return None };
    let hours = f64::from(span.days) * 24.0 + span.nanoseconds as f64 / 3.6e12;
    (span.months == 0 && hours > 0.0).then_some(hours)
}
