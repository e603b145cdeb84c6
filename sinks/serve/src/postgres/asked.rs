//! What drivers and tools ask about tables, columns and keys, where datafusion-pg-catalog's rewriting does not go far enough:
//! pgjdbc's metadata, SQLAlchemy's reflection.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, JoinConstraint, JoinOperator, Query,
    Select, SelectItem, SetExpr, Statement as Ast, TableFactor, Value, Visit, VisitMut, Visitor, VisitorMut,
    visit_expressions, visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Questions that have one answer here.
const FIXED: [(&str, &str); 1] = [
    // pgjdbc, before it looks for keys: a constant of PostgreSQL's build.
    ("SELECT setting FROM pg_catalog.pg_settings WHERE name = 'max_index_keys'", "SELECT '32' AS setting"),
];

/// What tables of the lake have none of, so that nothing joins with it.
const NONE_OF: [&str; 4] = ["pg_constraint", "pg_index", "pg_sequence", "pg_trigger"];

/// What makes a row of no rows.
const AGGREGATES: [&str; 9] =
    ["count", "min", "max", "sum", "array_agg", "string_agg", "bool_and", "bool_or", "json_agg"];

/// The answer's query, where it is always the same.
pub(super) fn fixed(ast: &Ast) -> Option<&'static str> {
    let text = ast.to_string();
    FIXED.iter().find(|(asked, _)| *asked == text).map(|(_, answer)| *answer)
}

/// Whether names stand where the catalogue has numbers (`'pg_class'::regclass`): DataFusion plans that, and fails at it when
/// it runs.
pub(super) fn casts_names(ast: &Ast) -> bool {
    visit_expressions(ast, |expr| match name_cast(expr) {
        Some(Value::SingleQuotedString(_)) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// What is cast to the number of what it names: a text that is no number itself, or a parameter.
fn name_cast(expr: &Expr) -> Option<&Value> {
    let Expr::Cast { expr, data_type, .. } = expr else { return None };
    let Expr::Value(value) = expr.as_ref() else { return None };
    let kind = data_type.to_string().to_ascii_lowercase();
    let named = match &value.value {
        Value::SingleQuotedString(text) => text.parse::<u32>().is_err(),
        Value::Placeholder(_) => true,
        _ => false,
    };
    (named && kind.trim_start_matches("pg_catalog.").starts_with("reg")).then_some(&value.value)
}

/// Before the rewriting, which looks names up by a query of its own: the condition of a join can hold none. There they only
/// ask whose comments to join, and nothing here has comments: null fits nothing.
pub(super) fn without_lookups_in_joins(ast: &Ast) -> Ast {
    struct Joins;
    impl VisitorMut for Joins {
        type Break = ();

        fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
            let joins = select.from.iter_mut().flat_map(|from| &mut from.joins);
            for condition in joins.filter_map(|join| condition(&mut join.join_operator)) {
                _ = visit_expressions_mut(condition, |expr| {
                    if let Some(value) = name_cast(expr) {
                        // A parameter stays one, so that the others keep their numbers.
                        let null = format!("CAST(NULLIF(CAST({value} AS TEXT), CAST({value} AS TEXT)) AS INT)");
                        *expr = expression(&null).unwrap_or_else(null_value);
                    }
                    ControlFlow::<()>::Continue(())
                });
            }
            ControlFlow::Continue(())
        }
    }
    let mut ast = ast.clone();
    _ = VisitMut::visit(&mut ast, &mut Joins);
    ast
}

fn condition(operator: &mut JoinOperator) -> Option<&mut Expr> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint) => match constraint {
            JoinConstraint::On(expr) => Some(expr),
            _ => None,
        },
        _ => None,
    }
}

/// After the rewriting: subqueries deep within a column that hang on the row become null, as the rewriting makes of those
/// that are a column; so does a column that is not there; and only what can be named without its schema is visible.
pub(super) fn finished(ast: &mut Ast) {
    struct Selects;
    impl VisitorMut for Selects {
        type Break = ();

        fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
            for item in &mut select.projection {
                if let Some(alias) = absent(item) {
                    *item = SelectItem::ExprWithAlias { expr: null_value(), alias };
                }
                if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                    _ = visit_expressions_mut(expr, |expr| {
                        if matches!(expr, Expr::Subquery(query) if hangs_on_the_row(query)) {
                            *expr = null_value();
                        }
                        ControlFlow::<()>::Continue(())
                    });
                }
            }
            if let Some(selection) = &mut select.selection {
                _ = visit_expressions_mut(selection, |expr| {
                    if let Some(visible) = visible(expr) {
                        *expr = visible;
                    }
                    ControlFlow::<()>::Continue(())
                });
            }
            ControlFlow::Continue(())
        }
    }
    _ = VisitMut::visit(ast, &mut Selects);
}

/// The name of a column of `pg_class` that datafusion-pg-catalog's has not.
fn absent(item: &SelectItem) -> Option<Ident> {
    let SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) = item else { return None };
    parts.last().filter(|name| name.value == "reloptions").cloned()
}

/// Whether a query names tables that are not its own.
fn hangs_on_the_row(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let factors = select
        .from
        .iter()
        .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
    let name = |factor: &TableFactor| match factor {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.value.clone())
        }
        TableFactor::Table { name, .. } => Some(last(&name.to_string())),
        _ => None,
    };
    let own: HashSet<String> = factors.filter_map(name).collect();
    visit_expressions(query, |expr| match expr {
        Expr::CompoundIdentifier(parts) => match parts.iter().rev().nth(1) {
            Some(table) if !own.contains(&table.value) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// `pg_table_is_visible(x)`, which is true of every table by itself, as a look at the table's schema.
fn visible(expr: &Expr) -> Option<Expr> {
    let Expr::Function(function) = expr else { return None };
    if last(&function.name.to_string()) != "pg_table_is_visible" {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(oid))] = list.args.as_slice() else { return None };
    expression(&format!(
        "{oid} IN (SELECT seen.oid FROM pg_catalog.pg_class seen \
         JOIN pg_catalog.pg_namespace shown ON shown.oid = seen.relnamespace WHERE shown.nspname IN ('public', 'pg_catalog'))"
    ))
}

/// No rows under the columns' names, for a question that nothing of the lake answers: about keys, indexes, sequences.
pub(super) fn nothing(ast: &Ast) -> Option<String> {
    let Ast::Query(query) = ast else { return None };
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    if !is_empty(select) {
        return None;
    }
    let columns = select.projection.iter().map(|item| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(|name| name.value.clone()),
        _ => None,
    });
    let columns: Option<Vec<String>> =
        columns.map(|name| Some(format!("CAST(NULL AS VARCHAR) AS {}", Ident::with_quote('"', name?)))).collect();
    Some(format!("SELECT {} WHERE false", columns?.join(", ")))
}

fn is_empty(select: &Select) -> bool {
    let inner = |operator: &JoinOperator| {
        matches!(operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_))
    };
    let left = |operator: &JoinOperator| matches!(operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_));
    let known = select
        .from
        .iter()
        .flat_map(|from| &from.joins)
        .all(|join| inner(&join.join_operator) || left(&join.join_operator));
    let none = select.from.iter().any(|from| {
        let joined = from.joins.iter().filter(|join| inner(&join.join_operator)).map(|join| &join.relation);
        std::iter::once(&from.relation).chain(joined).any(has_no_rows)
    });
    let grouped = matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if !keys.is_empty());
    known && none && (grouped || !aggregates(select))
}

fn has_no_rows(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Table { name, .. } => NONE_OF.contains(&last(&name.to_string()).as_str()),
        TableFactor::Derived { subquery, .. } => match subquery.body.as_ref() {
            SetExpr::Select(select) => is_empty(select),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a column is made of all rows.
fn aggregates(select: &Select) -> bool {
    struct Find;
    impl Visitor for Find {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(f) if AGGREGATES.contains(&last(&f.name.to_string()).as_str()) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    Visit::visit(&select.projection, &mut Find).is_break()
}

/// The last part of a name, as it is looked for.
fn last(name: &str) -> String {
    name.rsplit('.').next().unwrap_or_default().trim_matches('"').to_ascii_lowercase()
}

fn expression(text: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?.parse_expr().ok()
}

fn null_value() -> Expr {
    Expr::value(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(sql: &str) -> Ast {
        Parser::parse_sql(&PostgreSqlDialect {}, sql).expect(sql).remove(0)
    }

    #[test]
    fn names_in_joins_fit_nothing_and_parameters_stay() {
        let ast =
            parsed("SELECT 1 FROM a LEFT JOIN d ON d.x = 'pg_class'::regclass AND d.y = $2 AND d.z = $1::regclass");
        assert!(casts_names(&ast));
        let text = without_lookups_in_joins(&ast).to_string();
        assert!(!text.to_lowercase().contains("regclass") && text.contains("$1") && text.contains("$2"), "{text}");
        for other in
            ["SELECT '123'::regclass", "SELECT c.oid::regclass FROM c", "SELECT $1::regclass", "SELECT 'a'::text"]
        {
            assert!(!casts_names(&parsed(other)), "{other}");
        }
    }

    #[test]
    fn only_what_hangs_on_the_row_is_left_out() {
        let mut ast = parsed(
            "SELECT CASE WHEN a.x THEN (SELECT b.y FROM s.b WHERE b.z = a.z) END AS one, \
             coalesce((SELECT c.y FROM d AS c WHERE c.z = 1), 2) AS two, a.reloptions FROM a WHERE pg_table_is_visible(a.oid) AND true",
        );
        finished(&mut ast);
        let text = ast.to_string();
        assert!(text.contains("THEN NULL END AS one") && text.contains("coalesce((SELECT c.y"), "{text}");
        assert!(text.contains("NULL AS reloptions"), "{text}");
        assert!(text.contains("a.oid IN (SELECT seen.oid") && !text.contains("is_visible"), "{text}");
    }

    #[test]
    fn nothing_is_answered_where_nothing_can_be() {
        let empty = "SELECT CAST(NULL AS VARCHAR) AS \"a\", CAST(NULL AS VARCHAR) AS \"B\" WHERE false";
        for asked in [
            "SELECT r.a, f(r.b).n AS \"B\" FROM (SELECT 1 FROM pg_class c JOIN pg_catalog.pg_index i ON true) r",
            "SELECT a, array_agg(b) AS \"B\" FROM pg_attribute, pg_constraint GROUP BY a",
        ] {
            assert_eq!(nothing(&parsed(asked)).as_deref(), Some(empty), "{asked}");
        }
        for asked in [
            "SELECT count(*) AS n FROM pg_index",
            "SELECT a FROM pg_class LEFT JOIN pg_index ON true",
            "SELECT a FROM pg_index RIGHT JOIN pg_class ON true",
            "SELECT * FROM pg_index",
            "SELECT a FROM videos",
        ] {
            assert_eq!(nothing(&parsed(asked)), None, "{asked}");
        }
        assert!(fixed(&parsed("select setting from pg_catalog.pg_settings where name='max_index_keys'")).is_some());
    }
}
