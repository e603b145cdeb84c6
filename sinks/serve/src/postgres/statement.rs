//! What a client's text asks for: rows of the lake or its catalogue, or something about the connection itself.

use super::asked;
use super::connection::{COMPATIBLE, Connection};
use crate::error::ServeError;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{Expr, Statement as Ast, visit_expressions};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};
use tidelake_sinks::query::{QueryError, Session};

/// One statement.
#[derive(Clone, Debug)]
pub(super) enum Statement {
    /// Rows.
    Query(Arc<Query>),
    /// About the connection; with the columns of its answer, if it has one.
    Command(Arc<Ast>, Option<SchemaRef>),
}

/// A statement that only reads, planned.
#[derive(Debug)]
pub(super) struct Query {
    /// As it was sent.
    pub sql: String,
    pub plan: LogicalPlan,
    /// The columns, as far as they are known before values are bound.
    pub schema: SchemaRef,
}

impl Statement {
    /// Understands one statement, which may not be empty.
    pub(super) async fn of(connection: &Connection, sql: &str) -> Result<Self, ServeError> {
        let parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql).ok();
        let parsed = parsed.and_then(|mut all| if all.len() == 1 { all.pop() } else { None });
        if let Some(ast) = parsed.as_ref().filter(|ast| is_command(ast)) {
            let columns = columns(ast, connection);
            return Ok(Self::Command(Arc::new(ast.clone()), columns));
        }
        let session = connection.client.session();
        let plan = plan(session, sql, parsed.as_ref()).await?;
        let schema = session.schema(&plan);
        Ok(Self::Query(Arc::new(Query { sql: sql.to_owned(), plan, schema })))
    }

    /// The columns of the answer; `None`: there is none.
    pub(super) fn schema(&self) -> Option<&SchemaRef> {
        match self {
            Self::Query(query) => Some(&query.schema).filter(|schema| !schema.fields().is_empty()),
            Self::Command(_, columns) => columns.as_ref(),
        }
    }
}

fn is_command(ast: &Ast) -> bool {
    match ast {
        Ast::Set(_)
        | Ast::Reset(_)
        | Ast::StartTransaction { .. }
        | Ast::Commit { .. }
        | Ast::Rollback { .. }
        | Ast::Savepoint { .. }
        | Ast::ReleaseSavepoint { .. }
        | Ast::Declare { .. }
        | Ast::Fetch { .. }
        | Ast::Close { .. }
        | Ast::Discard { .. }
        | Ast::Deallocate { .. } => true,
        Ast::ShowVariable { variable } => super::settings::is_shown(variable),
        _ => false,
    }
}

fn columns(ast: &Ast, connection: &Connection) -> Option<SchemaRef> {
    match ast {
        Ast::ShowVariable { variable } => {
            let name = super::settings::name(variable);
            Some(Arc::new(Schema::new(vec![Field::new(name, DataType::Utf8, false)])))
        }
        Ast::Fetch { name, .. } => {
            connection.cursors.lock().unwrap_or_else(PoisonError::into_inner).get(&name.value).cloned()
        }
        _ => None,
    }
}

/// The plan of a text: as it is if DataFusion understands it, so that a query means here what it means everywhere, else
/// as rewritten for PostgreSQL's clients.
async fn plan(session: &Session, sql: &str, parsed: Option<&Ast>) -> Result<LogicalPlan, QueryError> {
    if let Some(answer) = parsed.and_then(asked::fixed) {
        return session.plan(answer).await;
    }
    if let Some((ast, empty)) = parsed.and_then(|ast| Some((ast, asked::nothing(ast)?))) {
        return match session.plan(sql).await {
            Ok(plan) if !asked::casts_names(ast) && session.context().state().optimize(&plan).is_ok() => Ok(plan),
            _ => session.plan(&empty).await,
        };
    }
    let error = match session.plan(sql).await {
        Ok(_) if parsed.is_some_and(asked::casts_names) => {
            QueryError::NotSupported("a name in place of an oid".to_owned())
        }
        Err(error) if !matches!(error, QueryError::ReadOnly(_) | QueryError::FixedOption(_)) => error,
        decided => return decided,
    };
    if let Some(other) = parsed.filter(|ast| !may_run(ast)) {
        let kind = other.to_string().split_whitespace().next().unwrap_or_default().to_uppercase();
        return Err(QueryError::ReadOnly(kind));
    }
    let Some(ast) = parsed.filter(|ast| may_rewrite(ast)) else { return Err(error) };
    match rewritten(sql, ast) {
        Some(rewritten) => session.plan(&rewritten).await.map_err(|second| match &error {
            // Found by the rewriting only.
            QueryError::UnknownTable { name, .. } if name.starts_with("pg_") => second,
            // The first error is about what was written.
            _ => error,
        }),
        None => Err(error),
    }
}

/// A text as rewritten for DataFusion.
fn rewritten(sql: &str, ast: &Ast) -> Option<String> {
    // The rewriting knows some texts as they are: they are only touched where they must be.
    let plain = asked::without_lookups_in_joins(ast);
    let text = if plain == *ast { sql.to_owned() } else { plain.to_string() };
    let mut all = COMPATIBLE.parse(&text).ok().filter(|all| all.len() == 1)?;
    let mut rewritten = all.pop()?;
    if asks_catalogue(ast) {
        asked::finished(&mut rewritten);
    }
    Some(rewritten.to_string())
}

/// Whether PostgreSQL would only read.
fn may_run(ast: &Ast) -> bool {
    matches!(ast, Ast::Query(_) | Ast::Explain { .. } | Ast::ExplainTable { .. })
        || ast.to_string().to_ascii_uppercase().starts_with("SHOW ")
}

/// The rewriting puts null in place of subqueries among the columns. That is good enough for what a client asks of the
/// catalogue, and a wrong answer to anything else.
fn may_rewrite(ast: &Ast) -> bool {
    if asks_catalogue(ast) {
        return true;
    }
    let subquery = visit_expressions(ast, |expression| match expression {
        Expr::Subquery(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    matches!(ast, Ast::Query(_)) && subquery.is_continue()
}

/// Whether a text is about the database, rather than what is in it.
fn asks_catalogue(ast: &Ast) -> bool {
    let text = ast.to_string().to_ascii_lowercase();
    text.contains("pg_") || text.contains("information_schema")
}
