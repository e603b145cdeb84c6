//! Values for the names in a query: `:now`, `:region`. They are put into the parsed query as literals of their types,
//! never into its text.

use super::{QueryError, guard};
use chrono::{DateTime, NaiveDate};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, Expr, Value, visit_expressions_mut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::str::FromStr;
use tidelake_schemas::Timestamp;

/// A value of a type.
#[derive(Clone, Debug, PartialEq)]
pub enum Bind {
    /// An instant.
    Timestamp(Timestamp),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
    /// Nothing.
    Null,
}

/// What people write: an instant (`2026-05-01T00:00:00Z`) or a day (its beginning in UTC), a number, `null`, else a text;
/// a text that looks like one of these in 'single quotes'.
impl FromStr for Bind {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        let instant = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
        let day = || Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc());
        Ok(if let Some(text) = quoted {
            Self::Text(text.replace("''", "'"))
        } else if let Some(at) = instant().or_else(day) {
            Self::Timestamp(at.into())
        } else if let Ok(number) = text.parse() {
            Self::Integer(number)
        } else if let Some(number) = text.parse().ok().filter(|number: &f64| number.is_finite()) {
            Self::Float(number)
        } else if text.eq_ignore_ascii_case("null") {
            Self::Null
        } else {
            Self::Text(text.to_owned())
        })
    }
}

impl std::fmt::Display for Bind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Timestamp(at) => at.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Null => f.write_str("null"),
        }
    }
}

impl Bind {
    fn expression(&self) -> Result<Expr, QueryError> {
        let text = match self {
            Self::Timestamp(at) => format!("arrow_cast({}, 'Timestamp(Microsecond, Some(\"UTC\"))')", at.0),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => format!("CAST('{number:e}' AS DOUBLE)"),
            Self::Text(text) => return Ok(Expr::value(Value::SingleQuotedString(text.clone()))),
            Self::Null => return Ok(Expr::value(Value::Null)),
        };
        let parsed = Parser::new(&GenericDialect).try_with_sql(&text).and_then(|mut parser| parser.parse_expr());
        parsed.map_err(|error| QueryError::Syntax(error.to_string()))
    }
}

/// Values by name, without the colon.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Binds(BTreeMap<String, Bind>);

impl Binds {
    /// Only `:now`.
    pub fn at(now: Timestamp) -> Self {
        Self::default().with("now", Bind::Timestamp(now))
    }

    /// With one more, or another value for it.
    #[must_use]
    pub fn with(mut self, name: &str, value: Bind) -> Self {
        self.set(name, value);
        self
    }

    /// Sets one.
    pub fn set(&mut self, name: &str, value: Bind) {
        self.0.insert(name.to_owned(), value);
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bind)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Reads `name=value`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<(String, Bind), String> {
        let wrong = || format!("{text:?} is no name=value, as in now=2026-05-01T00:00:00Z");
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        let name = name.trim().trim_start_matches(':');
        let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
        let Ok(value) = value.trim().parse();
        if word { Ok((name.to_owned(), value)) } else { Err(wrong()) }
    }

    /// A query's text with the values in the place of names, for who keeps it or asks it elsewhere; as it is where it has no
    /// names. Each name must have a value.
    ///
    /// # Errors
    /// [`QueryError`], as where the query is run.
    pub fn written_into(&self, query: &str) -> Result<String, QueryError> {
        let mut statement = guard::statement(query).map_err(|refusal| refusal.explained(QueryError::running))?;
        let before = statement.to_string();
        self.fill(&mut statement)?;
        let filled = statement.to_string();
        Ok(if filled == before { query.to_owned() } else { filled })
    }

    /// Puts the values into a statement. Each name must have one.
    pub(super) fn fill(&self, statement: &mut Statement) -> Result<(), QueryError> {
        self.fill_where(statement, |_| true)
    }

    /// As [`Self::fill`], and leaves the other names.
    pub(super) fn fill_known(&self, statement: &mut Statement) -> Result<(), QueryError> {
        self.fill_where(statement, |name| self.0.contains_key(name))
    }

    fn fill_where(&self, statement: &mut Statement, wanted: impl Fn(&str) -> bool) -> Result<(), QueryError> {
        let Some(statement) = inner_mut(statement) else { return Ok(()) };
        let filled = visit_expressions_mut(statement, |expr| {
            let Some(name) = named(expr).filter(|name| wanted(name)) else { return ControlFlow::Continue(()) };
            let value = self.0.get(name).ok_or_else(|| self.unbound(name)).and_then(Bind::expression);
            match value {
                Ok(value) => {
                    *expr = value;
                    ControlFlow::Continue(())
                }
                Err(error) => ControlFlow::Break(error),
            }
        });
        match filled {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }

    fn unbound(&self, name: &str) -> QueryError {
        QueryError::Unbound { name: name.to_owned(), known: self.0.keys().cloned().collect() }
    }
}

/// The name of a placeholder that has one; `$1` and `?` belong to the protocols that fill them.
fn named(expr: &Expr) -> Option<&str> {
    let Expr::Value(value) = expr else { return None };
    let Value::Placeholder(text) = &value.value else { return None };
    text.strip_prefix(':')
}

/// The SQL statement, also of an `EXPLAIN`.
fn inner_mut(statement: &mut Statement) -> Option<&mut ast::Statement> {
    match statement {
        Statement::Statement(statement) => Some(statement),
        Statement::Explain(explain) => inner_mut(&mut explain.statement),
        _ => None,
    }
}

/// As [`inner_mut`].
pub(super) fn inner(statement: &Statement) -> Option<&ast::Statement> {
    match statement {
        Statement::Statement(statement) => Some(statement),
        Statement::Explain(explain) => inner(&explain.statement),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_literals() {
        let binds = Binds::default().with("who", Bind::Text("it's".into())).with("n", Bind::Integer(-7));
        let written = binds.written_into("SELECT a -- :n\n FROM t WHERE a = :who AND b > :n").expect("filled");
        assert_eq!(written, "SELECT a FROM t WHERE a = 'it''s' AND b > -7");
        let plain = "SELECT  a FROM t -- as it is";
        assert_eq!(binds.written_into(plain).expect("no names"), plain);
        assert!(binds.written_into("SELECT :nosuch").is_err() && binds.written_into("DELETE FROM t").is_err());
    }

    #[test]
    fn values_are_typed_by_how_they_are_written() {
        let read = |text: &str| Binds::read(text).expect(text).1;
        assert_eq!(read("now=2026-05-01T02:00:00+02:00"), Bind::Timestamp(Timestamp(1_777_593_600_000_000)));
        assert_eq!(read(":since=2026-05-01"), read("now=2026-05-01T00:00:00Z"));
        assert_eq!(
            (read("n=-7"), read("x=1e3"), read("r=US")),
            (Bind::Integer(-7), Bind::Float(1e3), Bind::Text("US".into()))
        );
        assert_eq!((read("t='12'"), read("t='it''s'")), (Bind::Text("12".into()), Bind::Text("it's".into())));
        assert_eq!((read("r=NULL"), read("r=nan")), (Bind::Null, Bind::Text("nan".into())));
        for wrong in ["now", "=1", "a b=1"] {
            assert!(Binds::read(wrong).is_err(), "{wrong}");
        }
    }
}
