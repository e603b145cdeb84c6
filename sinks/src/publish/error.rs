//! Why nothing is published.

use super::columns::SUBJECTS;
use crate::export::ExportError;
use crate::query::QueryError;

/// Why nothing is published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Columns that name people.
    #[error(
        "{} would name people: {}. Leave them out, or make groups of them; what is computed from them counts as them, but \
         counts and lengths do not", if columns.len() == 1 { "a column" } else { "columns" },
        columns.iter().map(|(name, of)| format!("{name} (of {of})")).collect::<Vec<_>>().join(", ")
    )]
    Personal {
        /// Each with what it comes of.
        columns: Vec<(String, String)>,
    },
    /// Nobody can be counted.
    #[error(
        "creators cannot be counted: the query gives none of {}, or something else under that name. Let it give author_id or \
         author_handle as a table or view has them; it is not published", SUBJECTS.join(", ")
    )]
    NoSubject,
    /// A zone's terms forbid it.
    #[error("rows of zone {zone} are not published{}: {because}. {advice}", if *rows { " one by one" } else { "" })]
    Zone {
        /// The zone.
        zone: String,
        /// Rows, as opposed to anything at all.
        rows: bool,
        /// Why.
        because: String,
        /// What would help.
        advice: String,
    },
    /// A column that cannot be published.
    #[error("column {column}: {why}")]
    Column {
        /// Its name.
        column: String,
        /// Why, and what to do.
        why: String,
    },
    /// Nothing is left.
    #[error(
        "nothing can be published: no combination of {} has {k} creators. Ask for coarser ones (bands, weeks), fewer, or \
         --generalise them", quasi.join(", ")
    )]
    Nothing {
        /// Asked for.
        k: u64,
        /// The quasi-identifiers.
        quasi: Vec<String>,
    },
    /// The query failed.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// Files could not be written.
    #[error("{0}")]
    Export(#[from] ExportError),
}
