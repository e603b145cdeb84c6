//! What can go wrong with a query, said to whoever asked it.

use crate::lake::LakeError;
use arrow::error::ArrowError;
use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use std::path::PathBuf;
use tidelake_schemas::Timestamp;

/// How many suggestions an error makes.
const SUGGESTIONS: usize = 3;

/// What can go wrong with a query.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The lake cannot be read.
    #[error("{0}")]
    Lake(#[from] LakeError),
    /// The spill directory cannot be made.
    #[error("spill directory {}: {why}. Give one that can be written to, or none", path.display())]
    SpillDir {
        /// The directory.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// No statement.
    #[error("there is no statement to run. Try: SELECT * FROM videos LIMIT 10")]
    Empty,
    /// Several statements where one is taken.
    #[error("{0} statements where one is taken. Send them one by one")]
    Several(usize),
    /// A statement that would change something.
    #[error(
        "{0} is not run: SQL here only reads. What changes the lake is done by the daemon and `tidelake` commands; to keep \
         an answer, write it to a file (--output FILE)"
    )]
    ReadOnly(String),
    /// An option that is not the session's to set.
    #[error(
        "option {0:?} cannot be set in a query: it is fixed by the configuration. `SHOW ALL` lists the options; those under \
         datafusion.execution, .optimizer, .explain, .format and .sql_parser can be set"
    )]
    FixedOption(String),
    /// The text is not SQL.
    #[error("this is not SQL: {0}. Texts stand in 'single quotes', names with capitals or spaces in \"double quotes\"")]
    Syntax(String),
    /// No such table.
    #[error("there is no table {name:?}{}. There are: {}", hint(similar), known.join(", "))]
    UnknownTable {
        /// As asked for.
        name: String,
        /// Names much like it.
        similar: Vec<String>,
        /// Every name.
        known: Vec<String>,
    },
    /// No such column.
    #[error("there is no column {name:?}{}. There are: {}", hint(similar), known.join(", "))]
    UnknownColumn {
        /// As asked for.
        name: String,
        /// Names much like it.
        similar: Vec<String>,
        /// Every name in reach.
        known: Vec<String>,
    },
    /// A view that does not fit the tables.
    #[error(
        "view {name} does not fit the tables in this lake: {why}. They were written by another version of tidelake; query \
         video_observations and its siblings directly"
    )]
    BrokenView {
        /// The view.
        name: String,
        /// Why.
        why: String,
    },
    /// A name in the query that stands for no value.
    #[error(":{name} has no value{}. Give it one: --bind {name}=…, or \\set {name} … at the prompt", has(known))]
    Unbound {
        /// The name.
        name: String,
        /// Names that have one.
        known: Vec<String>,
    },
    /// A version whose files or log are gone.
    #[error(
        "version {version} of table {table} can no longer be read: its files were removed by upkeep or erasure. The oldest that \
         can is version {oldest}{}",
        dated(since)
    )]
    TooOld {
        /// The table.
        table: String,
        /// As asked for.
        version: u64,
        /// The oldest that can be read.
        oldest: u64,
        /// Its instant.
        since: Option<Timestamp>,
    },
    /// No query of this name.
    #[error("there is no query {name:?}. There are: {}", known.join(", "))]
    UnknownQuery {
        /// As asked for.
        name: String,
        /// Every name.
        known: Vec<String>,
    },
    /// A query with a name does not take what it was given.
    #[error("query {query}: {why}")]
    Parameter {
        /// The query.
        query: String,
        /// What is wrong, and what would not be.
        why: String,
    },
    /// The statement means nothing.
    #[error("this query cannot be planned: {0}")]
    Plan(String),
    /// Something SQL knows and DataFusion does not do.
    #[error("this query is not supported: {0}")]
    NotSupported(String),
    /// Out of memory or disk.
    #[error(
        "the query needs more memory than it may have: {0}. Ask for fewer columns or a shorter time, add a LIMIT, or raise \
         the query memory in the configuration"
    )]
    Memory(String),
    /// A file or the store failed.
    #[error(
        "the lake could not be read: {0}. If the table was compacted and vacuumed meanwhile, run the query again; otherwise \
         check the store's credentials and reach"
    )]
    Storage(String),
    /// A value did not fit.
    #[error("the query failed while running: {0}")]
    Execution(String),
}

impl QueryError {
    /// An error while a query runs, when its names are known to be right.
    pub fn running(error: DataFusionError) -> Self {
        Self::planning(error, &[])
    }

    /// An error, given the names of the tables.
    pub(super) fn planning(error: DataFusionError, tables: &[String]) -> Self {
        use DataFusionError as E;
        match first(&error).find_root() {
            E::SchemaError(schema, _) => column(schema),
            E::SQL(parse, _) => Self::Syntax(tidy(&parse.to_string(), "sql parser error: ")),
            E::Plan(message) => plan(message, tables),
            E::Configuration(message) => Self::Plan(message.clone()),
            E::NotImplemented(message) => Self::NotSupported(message.clone()),
            E::ResourcesExhausted(message) => Self::Memory(message.clone()),
            E::ObjectStore(store) => Self::Storage(store.to_string()),
            E::IoError(io) => Self::Storage(io.to_string()),
            E::ParquetError(parquet) => Self::Storage(parquet.to_string()),
            E::ArrowError(arrow, _) => running(arrow),
            E::External(inner) => external(inner.as_ref()),
            other => Self::Execution(other.strip_backtrace()),
        }
    }

    /// Whether the query is at fault, rather than the lake or the machine: HTTP 400 rather than 500.
    pub fn is_callers(&self) -> bool {
        !matches!(
            self,
            Self::Lake(_) | Self::SpillDir { .. } | Self::Memory(_) | Self::Storage(_) | Self::BrokenView { .. }
        )
    }
}

/// The first of several.
fn first(error: &DataFusionError) -> &DataFusionError {
    match error.find_root() {
        DataFusionError::Collection(errors) => errors.first().map_or(error, first),
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => first(inner),
        _ => error,
    }
}

/// What our own providers say.
fn external(error: &(dyn std::error::Error + Send + Sync + 'static)) -> QueryError {
    match error.downcast_ref() {
        Some(QueryError::TooOld { table, version, oldest, since }) => {
            QueryError::TooOld { table: table.clone(), version: *version, oldest: *oldest, since: *since }
        }
        Some(QueryError::Lake(error)) => QueryError::Storage(error.to_string()),
        _ => QueryError::Execution(error.to_string()),
    }
}

fn running(error: &ArrowError) -> QueryError {
    match error {
        ArrowError::IoError(message, _) => QueryError::Storage(message.clone()),
        ArrowError::CastError(_) | ArrowError::ParseError(_) => {
            QueryError::Execution(format!("{error}. try_cast gives null where cast fails"))
        }
        ArrowError::DivideByZero => QueryError::Execution("division by zero. Divide by nullif(x, 0)".to_owned()),
        other => QueryError::Execution(other.to_string()),
    }
}

fn column(error: &SchemaError) -> QueryError {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return QueryError::Plan(tidy(&error.to_string(), "Schema error: "));
    };
    let mut known: Vec<String> = valid_fields.iter().map(|c: &Column| c.name.clone()).collect();
    known.sort();
    known.dedup();
    QueryError::UnknownColumn { similar: similar(&field.name, &known), name: field.name.clone(), known }
}

fn plan(message: &str, tables: &[String]) -> QueryError {
    let planner = || message.strip_prefix("table '").and_then(|m| m.split_once("' not found"));
    let catalogue = || message.strip_prefix("No table named '").and_then(|m| m.split_once('\''));
    let missing = planner().or_else(catalogue);
    let Some((path, _)) = missing else { return QueryError::Plan(tidy(message, "")) };
    let name = path.rsplit('.').next().unwrap_or(path).to_owned();
    QueryError::UnknownTable { similar: similar(&name, tables), known: tables.to_vec(), name }
}

/// The names most like this one.
fn similar(name: &str, known: &[String]) -> Vec<String> {
    let name = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(1);
    let distance = |k: &String| {
        let lower = k.to_lowercase();
        let part = name.len() > 2 && (lower.contains(&name) || name.contains(&lower));
        let d = levenshtein(&name, &lower);
        (d <= limit || part).then_some((d, k.clone()))
    };
    let mut near: Vec<_> = known.iter().filter_map(distance).collect();
    near.sort();
    near.into_iter().take(SUGGESTIONS).map(|(_, k)| k).collect()
}

fn hint(similar: &[String]) -> String {
    match similar {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}

fn has(known: &[String]) -> String {
    match known {
        [] => String::new(),
        names => format!(", but {} has", names.join(", ")),
    }
}

fn dated(since: &Option<Timestamp>) -> String {
    since.map_or_else(String::new, |at| format!(", of {at}"))
}

fn tidy(message: &str, prefix: &str) -> String {
    message.strip_prefix(prefix).unwrap_or(message).trim().trim_end_matches('.').replace('\n', " ")
}
