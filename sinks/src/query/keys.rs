//! Which columns of an answer tell things apart no further than columns of tables do.

use super::origins::{field, of_kept, scanned};
use super::{Binds, Engine, Origin, Origins, QueryError};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{BinaryExpr, Distinct, Expr, Join, JoinType, LogicalPlan, Operator, Union, Unnest};

/// Functions of one value's spelling, or of which value is there at all.
const SPELLING: [&str; 7] = ["lower", "upper", "coalesce", "nullif", "btrim", "ltrim", "rtrim"];

/// What a column is one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The columns of tables that its values are from; none of a constant.
    pub origins: Origins,
    /// It is one column, with the values that stand there.
    pub as_is: bool,
}

impl Key {
    fn of(origin: Origin) -> Self {
        Self { origins: Origins::from([origin]), as_is: true }
    }

    fn map(self, change: impl Fn(Origin) -> Origin) -> Self {
        Self { origins: self.origins.into_iter().map(change).collect(), ..self }
    }
}

impl Engine {
    /// For each column of a query's answer the columns of tables that it is one of, under whatever name: as they stand there,
    /// or spelt otherwise, or one where another is absent. It has no more values than they have together. `None` for what is
    /// made in any other way.
    ///
    /// # Errors
    /// [`QueryError`], as [`Engine::sql`].
    pub async fn keys(&self, query: &str) -> std::result::Result<Vec<Option<Key>>, QueryError> {
        let loaded = self.loaded();
        let explain = |error: DataFusionError| loaded.explain(error);
        let plan = self.plan(&loaded, query, &Binds::default()).await?;
        (0..plan.schema().fields().len()).map(|at| of_plan(&plan, at).map_err(explain)).collect()
    }
}

/// What the column at a place is.
fn of_plan(plan: &LogicalPlan, at: usize) -> Result<Option<Key>> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            Ok(scan.projected_schema.fields().get(at).map(|field| Key::of(scanned(scan, field.name()))))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            Ok(of_plan(&alias.input, at)?.map(|key| key.map(|origin| of_kept(origin, alias))))
        }
        LogicalPlan::Projection(projection) => of_expr(projection.expr.get(at), &projection.input),
        LogicalPlan::Aggregate(aggregate) => of_expr(aggregate.group_expr.get(at), &aggregate.input),
        LogicalPlan::Window(window) if at < window.input.schema().fields().len() => of_plan(&window.input, at),
        LogicalPlan::Filter(filter) => of_plan(&filter.input, at),
        LogicalPlan::Sort(sort) => of_plan(&sort.input, at),
        LogicalPlan::Limit(limit) => of_plan(&limit.input, at),
        LogicalPlan::Distinct(Distinct::All(input)) => of_plan(input, at),
        LogicalPlan::Join(join) => of_join(join, at),
        LogicalPlan::Union(union) => of_union(union, at),
        LogicalPlan::Unnest(unnest) => of_unnest(unnest, at),
        _ => Ok(None),
    }
}

/// Columns, fields of them, and what only spells them.
fn of_expr(expr: Option<&Expr>, input: &LogicalPlan) -> Result<Option<Key>> {
    let Some(expr) = expr else { return Ok(None) };
    match expr {
        Expr::Literal(..) => Ok(Some(Key { origins: Origins::new(), as_is: false })),
        Expr::Alias(alias) => of_expr(Some(&alias.expr), input),
        Expr::Cast(cast) => of_expr(Some(&cast.expr), input),
        Expr::TryCast(cast) => of_expr(Some(&cast.expr), input),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
            of_exprs([left.as_ref(), right.as_ref()], input)
        }
        Expr::Column(column) => match input.schema().maybe_index_of_column(column) {
            Some(at) => of_plan(input, at),
            None => Ok(None),
        },
        Expr::ScalarFunction(function) if function.name() == "get_field" => {
            let Some((base, path)) = function.args.split_first() else { return Ok(None) };
            let Some(path) = path.iter().map(field).collect::<Option<Vec<&str>>>() else { return Ok(None) };
            let below = |origin: Origin| Origin { column: format!("{}.{}", origin.column, path.join(".")), ..origin };
            Ok(of_expr(Some(base), input)?.map(|key| key.map(below)))
        }
        Expr::ScalarFunction(function) if SPELLING.contains(&function.name()) => of_exprs(&function.args, input),
        _ => Ok(None),
    }
}

fn of_exprs<'a>(exprs: impl IntoIterator<Item = &'a Expr>, input: &LogicalPlan) -> Result<Option<Key>> {
    let mut all = Origins::new();
    for expr in exprs {
        match of_expr(Some(expr), input)? {
            Some(key) => all.extend(key.origins),
            None => return Ok(None),
        }
    }
    Ok(Some(Key { origins: all, as_is: false }))
}

fn of_join(join: &Join, at: usize) -> Result<Option<Key>> {
    let left = join.left.schema().fields().len();
    match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti => of_plan(&join.left, at),
        JoinType::RightSemi | JoinType::RightAnti => of_plan(&join.right, at),
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full if at < left => of_plan(&join.left, at),
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => of_plan(&join.right, at - left),
        _ => Ok(None),
    }
}

/// The same column of all parts.
fn of_union(union: &Union, at: usize) -> Result<Option<Key>> {
    let mut parts = union.inputs.iter().map(|part| of_plan(part, at));
    let Some(first) = parts.next().transpose()?.flatten() else { return Ok(None) };
    for part in parts {
        if part?.as_ref() != Some(&first) {
            return Ok(None);
        }
    }
    Ok(Some(first))
}

/// Columns that are not taken apart.
fn of_unnest(unnest: &Unnest, at: usize) -> Result<Option<Key>> {
    let Some(from) = unnest.dependency_indices.get(at) else { return Ok(None) };
    let lists = unnest.list_type_columns.iter().map(|(at, _)| at);
    match lists.chain(&unnest.struct_type_columns).any(|apart| apart == from) {
        true => Ok(None),
        false => of_plan(&unnest.input, *from),
    }
}
