//! Publications: exports that name nobody.
//!
//! Rows are grouped by quasi-identifiers – what others may know of a person, too: region, size of the account, day. A cell
//! (a combination of their values) is published when at least *k* creators are in it, and left out otherwise. What is left
//! out is never fewer than *k* creators together: else the smallest published cell goes as well, so that nobody who knows a
//! total learns of them by subtraction. Two publications that part the same rows differently can still be subtracted from
//! each other: compare before publishing the second.
//!
//! By default cells are published ([`Detail::Cells`]): how many rows and creators, and of numbers their sum and mean, unless
//! one creator makes up most of it or fewer than *k* have one. Rows ([`Detail::Rows`]) are only published where the zones
//! they came from allow it ([`terms`]).
//!
//! Columns whose values come of personal ones ([`crate::privacy::classes`]) are refused whatever they are called: the plan of
//! the query tells where they come from. By it, too, creators are counted by what a table or view has of them, never by
//! what a query computes. The same tables, query and settings give the same bytes.

mod book;
mod cells;
mod columns;
mod error;
mod files;
mod people;
mod terms;

pub use error::PublishError;
pub use terms::{Rule, Term, term};

use crate::export::{ExportFormat, ExportedFile, Reached, staged};
use crate::query::Engine;
use cells::Plan;
use columns::{Columns, zones};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// One row per cell.
    Cells,
    /// The rows themselves.
    Rows,
}

/// What is to be published.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The directory, which must not be there yet.
    pub to: PathBuf,
    /// The query. One of its columns says whose a row is; it is counted and not published.
    pub query: String,
    /// Creators that are in a cell at least.
    pub k: u64,
    /// Quasi-identifiers; absent: every column that is not a number, and of [`Detail::Rows`] every column.
    pub quasi: Option<Vec<String>>,
    /// Quasi-identifiers of which values with fewer than *k* creators become `other`.
    pub generalise: Vec<String>,
    /// Cells or rows.
    pub detail: Detail,
    /// Ids of the rows that are published, as a list of its own.
    pub with_ids: bool,
    /// Who approved that rows are handed on, when and for what.
    pub approval: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// CSV or Parquet.
    pub format: ExportFormat,
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The directory.
    pub location: String,
    /// Its files.
    pub files: Vec<ExportedFile>,
    /// What was left out.
    pub suppressed: Suppressed,
    /// The tables that were read, and their versions.
    pub tables: BTreeMap<String, u64>,
}

/// What was left out, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// Cells of the query's answer.
    pub cells: u64,
    /// … that are published.
    pub published_cells: u64,
    /// Rows of the query's answer.
    pub rows: u64,
    /// … that are in published cells.
    pub published_rows: u64,
    /// Whether a cell with enough creators was left out, too, so that the others cannot be told by subtraction.
    pub complementary: bool,
    /// Sums and means of published cells that were left out: one creator makes up more than four fifths, or fewer than *k*
    /// have a value.
    pub dominated: u64,
}

/// Publishes. The engine should work on one partition at a time, so that sums of floats come out the same.
///
/// # Errors
/// [`PublishError`]; nothing is at the destination then.
pub async fn publish(
    engine: &Engine,
    publication: &Publication,
    told: impl FnMut(Reached) + Send,
) -> Result<Published, PublishError> {
    let answer = engine.sql(&publication.query).await?;
    let schema = answer.schema.clone();
    drop(answer);
    let columns = Columns::of(engine, &schema, publication).await?;
    let tables = engine.reads(&publication.query).await?;
    let zones = zones(engine, publication, &columns, &tables).await?;
    terms::check(&zones, publication)?;
    let plan = Plan::of(publication, &columns);
    let suppressed = plan.suppressed(engine).await?;
    if suppressed.published_cells == 0 {
        return Err(PublishError::Nothing { k: publication.k, quasi: columns.quasi });
    }
    let beside = staged(&publication.to)?;
    let files =
        files::write(engine, publication, &plan, (&columns, &tables, &zones, &suppressed), beside.path(), told).await?;
    let location = beside.put(&publication.to)?;
    Ok(Published { location, files, suppressed, tables })
}
