//! Queries with names: the questions that are asked of every lake, with their parameters.
//!
//! Each is a file. Its comment says what it answers (the first line), what a row is (from `Row:`), and its parameters:
//! `:name = default (choices) what it does`, default and choices where there are any. A parameter without a default is null,
//! which asks for everything; `:now` is the caller's.

use super::{Bind, Binds, QueryError};
use tidelake_schemas::Timestamp;

/// A query with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedQuery {
    /// The name.
    pub name: &'static str,
    /// The file.
    pub sql: &'static str,
}

/// What a query can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The name, without the colon.
    pub name: &'static str,
    /// What it is when it is not given.
    pub default: Option<&'static str>,
    /// What it may be; empty: anything.
    pub choices: Vec<&'static str>,
    /// What it does.
    pub about: &'static str,
}

macro_rules! queries {
    ($($name:literal)*) => {
        /// Every query, in the order they are listed.
        pub const QUERIES: &[NamedQuery] =
            &[$(NamedQuery { name: $name, sql: include_str!(concat!("named/", $name, ".sql")) }),*];
    };
}

queries! {
    "fastest-hashtags" "posting-hours" "rising-creators" "price-mentions" "virality-lift" "sound-adoption" "hashtag-pairs"
    "partnerships" "attrition" "compliance-overdue" "completeness" "top-videos" "overview"
}

/// The query of a name.
///
/// # Errors
/// [`QueryError::UnknownQuery`].
pub fn find(name: &str) -> Result<NamedQuery, QueryError> {
    let found = QUERIES.iter().find(|query| query.name == name).copied();
    found.ok_or_else(|| QueryError::UnknownQuery {
        name: name.to_owned(),
        known: QUERIES.iter().map(|query| query.name.to_owned()).collect(),
    })
}

impl NamedQuery {
    /// The lines of the comment.
    fn head(&self) -> impl Iterator<Item = &'static str> {
        self.sql.lines().map_while(|line| line.strip_prefix("-- "))
    }

    /// What it answers.
    pub fn title(&self) -> &'static str {
        self.head().next().unwrap_or_default()
    }

    /// What a row is.
    pub fn row(&self) -> String {
        let lines = self.head().skip(1).take_while(|line| !line.starts_with(':'));
        lines.collect::<Vec<_>>().join(" ").trim_start_matches("Row: ").to_owned()
    }

    /// What it can be told.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.head().filter_map(|line| parameter(line.strip_prefix(':')?)).collect()
    }

    /// Values for all its parameters: those given, defaults for the others.
    ///
    /// # Errors
    /// [`QueryError::Parameter`] for a name that is not one of its parameters, and for a value that is not among the
    /// choices.
    pub fn binds(&self, given: &Binds, now: Timestamp) -> Result<Binds, QueryError> {
        let parameters = self.parameters();
        if let Some((name, _)) = given.iter().find(|(name, _)| !parameters.iter().any(|p| p.name == *name)) {
            let known: Vec<_> = parameters.iter().map(|p| p.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(self.refused(format!("it has no parameter {name}. It has: {known}")));
        }
        let mut binds = Binds::default();
        for parameter in &parameters {
            let value = given.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone());
            let default = || match (parameter.default, parameter.name) {
                (Some(default), _) => default.parse().unwrap_or(Bind::Null),
                (None, "now") => Bind::Timestamp(now),
                (None, _) => Bind::Null,
            };
            let value = value.unwrap_or_else(default);
            self.check(parameter, &value)?;
            binds.set(parameter.name, value);
        }
        Ok(binds)
    }

    fn check(&self, parameter: &Parameter, value: &Bind) -> Result<(), QueryError> {
        let Parameter { name, choices, .. } = parameter;
        let why = match value {
            Bind::Text(text) if choices.contains(&text.as_str()) => return Ok(()),
            _ if !choices.is_empty() => format!("one of: {}", choices.join(", ")),
            Bind::Timestamp(_) | Bind::Null => return Ok(()),
            _ if matches!(*name, "now" | "since") => "an instant, as 2026-05-01T00:00:00Z, or a day".to_owned(),
            Bind::Integer(n) if *n >= 0 => return Ok(()),
            _ if parameter.default.is_some() => "a whole number that is not negative".to_owned(),
            _ => return Ok(()),
        };
        Err(self.refused(format!("{name} is {why}")))
    }

    fn refused(&self, why: String) -> QueryError {
        QueryError::Parameter { query: self.name.to_owned(), why }
    }
}

/// `name = default (choices) about`.
fn parameter(line: &'static str) -> Option<Parameter> {
    let (name, rest) = line.split_once(' ')?;
    let (default, rest) = match rest.strip_prefix("= ") {
        Some(rest) => rest.split_once(' ').map(|(default, rest)| (Some(default), rest))?,
        None => (None, rest),
    };
    let (choices, about) = match rest.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
        Some((choices, about)) => (choices.split(", ").collect(), about),
        None => (Vec::new(), rest),
    };
    Some(Parameter { name, default, choices, about })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_says_what_it_is() {
        for query in QUERIES {
            assert!(query.title().len() > 10 && query.sql.contains("-- Row: "), "{}", query.name);
            for parameter in query.parameters() {
                assert!(query.sql.contains(&format!(":{} ", parameter.name)), "{} {}", query.name, parameter.name);
            }
            query.binds(&Binds::default(), Timestamp(0)).expect(query.name);
        }
    }

    #[test]
    fn parameters_are_checked() {
        let top = find("top-videos").expect("there");
        let by = &top.parameters()[0];
        assert_eq!((by.name, by.default, by.choices.len()), ("by", Some("views"), 6));
        let given = |name: &str, value: &str| {
            let Ok(value) = value.parse();
            top.binds(&Binds::default().with(name, value), Timestamp(0)).map_err(|error| error.to_string())
        };
        assert!(given("by", "likes").is_ok() && given("limit", "3").is_ok() && given("since", "2026-05-01").is_ok());
        assert!(given("by", "views; DROP").expect_err("refused").contains("one of: views, likes"));
        assert!(given("limit", "-1").is_err() && given("since", "yesterday").is_err());
        assert!(given("regio", "US").expect_err("refused").contains("by, now, since, region, limit"));
        assert!(find("nosuch").expect_err("refused").to_string().contains("fastest-hashtags"));
    }
}
