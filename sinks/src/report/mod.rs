//! A report: what the lake says about a stretch of time, as one page people enjoy, or as JSON for programs.
//!
//! [`Report::compute`] asks the queries of [`sections`]; [`Report::html`] makes one self-contained page of the answers,
//! charts and all, that needs no network.

mod page;
mod sections;

use crate::format::{Format, FormatError, FormatOptions, write_stream};
use crate::query::{Engine, QueryError};
use sections::{SECTIONS, SectionQuery};
use serde::Serialize;
use serde_json::{Map, Value};
use tidelake_schemas::Timestamp;

pub use page::PageError;

/// A day, in seconds.
const DAY: i64 = 86_400;

/// What a report is about.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Its title.
    pub title: String,
    /// Videos posted, and observations made, from here on; `None` = from the first.
    pub since: Option<Timestamp>,
    /// …and before this instant; `None` = to the last.
    pub until: Option<Timestamp>,
    /// Only videos of this region (ISO 3166-1 alpha-2).
    pub region: Option<String>,
    /// When it is made.
    pub now: Timestamp,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// The first instant asked for, RFC 3339; null: no bound.
    pub since: Option<String>,
    /// The first instant no longer asked for; null: no bound.
    pub until: Option<String>,
    /// The region asked for; null: all.
    pub region: Option<String>,
    /// Where the lake is.
    pub lake: String,
    /// The tables and the versions that were read.
    pub tables: Vec<TableRead>,
    /// day, week or month: what one point of a chart over time is.
    pub step: &'static str,
    /// The sections.
    pub sections: Vec<Section>,
}

/// A table that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableRead {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// Its rows; null where a file has no statistics.
    pub rows: Option<u64>,
}

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// A short name for links.
    pub id: &'static str,
    /// What is asked.
    pub title: &'static str,
    /// How it is counted.
    pub about: &'static str,
    /// How it is drawn.
    pub chart: Chart,
    /// The columns of [`Self::rows`], in order.
    pub columns: &'static [Column],
    /// The answer; ids are strings, unknown is null.
    pub rows: Vec<Map<String, Value>>,
}

/// A column of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name in the rows.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A text.
    Text,
    /// A text that is a link.
    Link,
    /// A whole number.
    Count,
    /// A number.
    Number,
    /// Of 1.
    Share,
    /// A day.
    Day,
    /// An instant.
    Instant,
}

/// How a section is drawn, by names of its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Chart {
    /// Not: figures, side by side.
    Tiles,
    /// Not: the table is what there is to see.
    Table,
    /// A bar for each row.
    Bars {
        /// What it is for.
        label: &'static str,
        /// How long it is.
        value: &'static str,
    },
    /// Bars over time, and a line with an axis of its own.
    Time {
        /// The instant.
        x: &'static str,
        /// How high the bars are.
        bars: &'static str,
        /// How high the line is.
        line: &'static str,
    },
    /// Shares of 1 over time, on top of each other.
    Shares {
        /// The instant.
        x: &'static str,
        /// The shares, lowest first.
        parts: &'static [&'static str],
    },
    /// A cell for each pair.
    Heat {
        /// Across.
        x: &'static str,
        /// Down.
        y: &'static str,
        /// How warm it is.
        value: &'static str,
    },
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A query failed.
    #[error("section {section} of the report: {source}")]
    Query {
        /// The section.
        section: &'static str,
        /// What happened.
        source: QueryError,
    },
    /// The tables could not be listed.
    #[error("{0}")]
    Tables(#[from] QueryError),
    /// An answer could not be read.
    #[error("section {section} of the report: {source}")]
    Answer {
        /// The section.
        section: &'static str,
        /// What happened.
        source: FormatError,
    },
}

impl Report {
    /// Asks the lake.
    ///
    /// # Errors
    /// [`ReportError`].
    pub async fn compute(engine: &Engine, options: &ReportOptions) -> Result<Self, ReportError> {
        let step = step(engine, options).await?;
        let mut sections = Vec::with_capacity(SECTIONS.len());
        for query in SECTIONS {
            sections.push(section(engine, query, options, step).await?);
        }
        let tables = engine.tables().await?.into_iter().filter_map(|table| {
            let version = table.version?;
            Some(TableRead { name: table.name, version, rows: table.rows })
        });
        Ok(Self {
            title: options.title.clone(),
            made_at: options.now.to_string(),
            since: options.since.map(|t| t.to_string()),
            until: options.until.map(|t| t.to_string()),
            region: options.region.clone(),
            lake: engine.lake().root().to_string(),
            tables: tables.collect(),
            step,
            sections,
        })
    }
}

/// Days, unless they would be too many to tell apart.
async fn step(engine: &Engine, options: &ReportOptions) -> Result<&'static str, ReportError> {
    let asked = "SELECT CAST(date_part('epoch', min(created_at)) AS BIGINT), \
                 CAST(date_part('epoch', max(created_at)) AS BIGINT) FROM videos WHERE {posted}";
    let seen = engine.integers(&sections::fill(asked, options, "day")).await?;
    let bounds = (seen.first().copied().unwrap_or(0), seen.get(1).copied().unwrap_or(0));
    let first = options.since.map_or(bounds.0, Timestamp::secs);
    let last = options.until.map_or(bounds.1, Timestamp::secs);
    Ok(match (last - first) / DAY {
        ..=92 => "day",
        93..=730 => "week",
        _ => "month",
    })
}

async fn section(
    engine: &Engine,
    query: &SectionQuery,
    options: &ReportOptions,
    step: &str,
) -> Result<Section, ReportError> {
    let id = query.id;
    let statement = sections::fill(query.sql, options, step);
    let answer = engine.sql(&statement).await.map_err(|source| ReportError::Query { section: id, source })?;
    let mut lines = Vec::new();
    write_stream(answer.stream, &answer.schema, Format::Ndjson, &mut lines, &FormatOptions::default())
        .await
        .map_err(|source| ReportError::Answer { section: id, source })?;
    let rows: Result<Vec<_>, _> = serde_json::Deserializer::from_slice(&lines).into_iter().collect();
    let broken = |e: serde_json::Error| ReportError::Answer { section: id, source: FormatError::Io(e.into()) };
    Ok(Section {
        id,
        title: query.title,
        about: query.about,
        chart: query.chart,
        columns: query.columns,
        rows: rows.map_err(broken)?,
    })
}
