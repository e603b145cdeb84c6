//! Where the values of an answer come from: for each of its columns, the columns of tables that its values are made of.
//!
//! Told from the plan, without running it, and never too little: what is not understood comes of everything below it.
//! Counts, ranks, lengths and whether something is null say nothing of a value itself and come of nothing.

use super::{Binds, Engine, QueryError, current, tables};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan, SubqueryAlias, TableScan};
use std::collections::BTreeSet;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The table; empty where it cannot be told.
    pub table: String,
    /// The column; fields of nested ones as `author.handle`.
    pub column: String,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.column)
    }
}

/// Columns of tables.
pub type Origins = BTreeSet<Origin>;

/// Functions whose result says nothing of what the values are.
const COUNTING: [&str; 14] = [
    "count",
    "approx_distinct",
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "character_length",
    "char_length",
    "length",
    "octet_length",
    "bit_length",
    "array_length",
];

impl Engine {
    /// The origins of each column of a query's answer.
    ///
    /// # Errors
    /// [`QueryError`], as [`Engine::sql`].
    pub async fn origins(&self, query: &str) -> std::result::Result<Vec<Origins>, QueryError> {
        let loaded = self.loaded();
        let explain = |error: DataFusionError| loaded.explain(error);
        let plan = self.plan(&loaded, query, &Binds::default()).await?;
        of_plan(&plan).map_err(explain)
    }
}

fn of_plan(plan: &LogicalPlan) -> Result<Vec<Origins>> {
    let own = match plan {
        LogicalPlan::TableScan(scan) => {
            scan.projected_schema.fields().iter().map(|field| Origins::from([scanned(scan, field.name())])).collect()
        }
        LogicalPlan::Projection(projection) => of_all(&projection.expr, &projection.input)?,
        LogicalPlan::Aggregate(aggregate) => {
            let mut all = of_all(&aggregate.group_expr, &aggregate.input)?;
            all.extend(of_all(&aggregate.aggr_expr, &aggregate.input)?);
            all
        }
        LogicalPlan::Window(window) => {
            let mut all = of_plan(&window.input)?;
            all.extend(of_all(&window.window_expr, &window.input)?);
            all
        }
        LogicalPlan::Join(join) => {
            let (left, right) = (of_plan(&join.left)?, of_plan(&join.right)?);
            match join.join_type {
                JoinType::LeftSemi | JoinType::LeftAnti => left,
                JoinType::RightSemi | JoinType::RightAnti => right,
                _ => left.into_iter().chain(right).collect(),
            }
        }
        LogicalPlan::Union(union) => {
            let mut all: Vec<Origins> = vec![Origins::new(); plan.schema().fields().len()];
            for input in &union.inputs {
                all.iter_mut().zip(of_plan(input)?).for_each(|(all, of)| all.extend(of));
            }
            all
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let inner = of_plan(&alias.input)?;
            inner.into_iter().map(|all| all.into_iter().map(|origin| of_kept(origin, alias)).collect()).collect()
        }
        LogicalPlan::Filter(filter) => of_plan(&filter.input)?,
        LogicalPlan::Sort(sort) => of_plan(&sort.input)?,
        LogicalPlan::Limit(limit) => of_plan(&limit.input)?,
        LogicalPlan::Distinct(Distinct::All(input)) => of_plan(input)?,
        LogicalPlan::Unnest(unnest) => {
            // Columns keep their names; what is in a list comes of the list.
            let (schema, inner) = (unnest.input.schema(), of_plan(&unnest.input)?);
            let of = |name: &str| schema.index_of_column_by_name(None, name).and_then(|at| inner.get(at).cloned());
            let all: Origins = inner.iter().flatten().cloned().collect();
            unnest.schema.fields().iter().map(|field| of(field.name()).unwrap_or_else(|| all.clone())).collect()
        }
        _ => Vec::new(),
    };
    let columns = plan.schema().fields().len();
    if own.len() == columns {
        return Ok(own);
    }
    let mut all = Origins::new();
    for input in plan.inputs() {
        all.extend(of_plan(input)?.into_iter().flatten());
    }
    Ok(vec![all; columns])
}

/// A column of a table that is one of the lake's.
pub(super) fn scanned(scan: &TableScan, column: &str) -> Origin {
    let name = scan.table_name.table();
    let table = tables::names().find(|known| *known == name).unwrap_or_default().to_owned();
    Origin { table, column: column.to_owned() }
}

/// What serves a view of the newest rows bears no name in plans; it has the columns of the observations.
pub(super) fn of_kept(origin: Origin, alias: &SubqueryAlias) -> Origin {
    match current::served_by(alias.alias.table()) {
        Some(which) if origin.table.is_empty() => Origin { table: which.source().to_owned(), ..origin },
        _ => origin,
    }
}

fn of_all(exprs: &[Expr], input: &LogicalPlan) -> Result<Vec<Origins>> {
    let (schema, inner) = (input.schema(), of_plan(input)?);
    exprs.iter().map(|expr| of_expr(expr, schema, &inner)).collect()
}

fn of_expr(expr: &Expr, schema: &DFSchema, inner: &[Origins]) -> Result<Origins> {
    match expr {
        Expr::Column(column) => return Ok(of_column(column, schema, inner)),
        Expr::OuterReferenceColumn(_, column) => return Ok(unknown(column)),
        Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::Exists(_) => return Ok(Origins::new()),
        Expr::ScalarSubquery(subquery) => return Ok(of_plan(&subquery.subquery)?.into_iter().flatten().collect()),
        Expr::AggregateFunction(function) if COUNTING.contains(&function.func.name()) => return Ok(Origins::new()),
        Expr::WindowFunction(function) if COUNTING.contains(&function.fun.name()) => return Ok(Origins::new()),
        Expr::ScalarFunction(function) if COUNTING.contains(&function.name()) => return Ok(Origins::new()),
        Expr::ScalarFunction(function) if function.name() == "get_field" => {
            let Some((base, path)) = function.args.split_first() else { return Ok(Origins::new()) };
            let path: String = path.iter().filter_map(field).map(|name| format!(".{name}")).collect();
            let below = |origin: Origin| Origin { column: origin.column + &path, ..origin };
            return Ok(of_expr(base, schema, inner)?.into_iter().map(below).collect());
        }
        _ => {}
    }
    let mut all = Origins::new();
    expr.apply_children(|child| {
        all.extend(of_expr(child, schema, inner)?);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(all)
}

/// The name of a field that is asked for.
pub(super) fn field(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(name)) | ScalarValue::Utf8View(Some(name)), _) => Some(name),
        _ => None,
    }
}

fn unknown(column: &Column) -> Origins {
    Origins::from([Origin { table: String::new(), column: column.name.clone() }])
}

fn of_column(column: &Column, schema: &DFSchema, inner: &[Origins]) -> Origins {
    let found = schema.maybe_index_of_column(column).and_then(|at| inner.get(at).cloned());
    // A name that is not found here is one of an outer query.
    found.unwrap_or_else(|| unknown(column))
}
