//! Answers as text and files: table, JSON, NDJSON, CSV, Parquet.
//!
//! Record batches come in one after the other and go out as they come; only [`Format::Table`] holds rows back, since
//! columns cannot be aligned before they are seen, and only up to [`table::ROWS_SHOWN`].
//!
//! The rules every text format follows:
//!
//! * Ids (integers named `id` or ending in `_id`, at any depth) are strings, and so is every integer beyond ±2^53:
//!   nineteen digits do not survive a reader that has only doubles.
//! * Instants are RFC 3339 with `Z` (local times, which have no zone, without), dates ISO 8601, decimals strings, bytes
//!   hexadecimal.
//! * Unknown is `null` in JSON and nothing at all between two commas in CSV; an empty text in CSV is `""`.

mod cells;
pub(crate) mod csv;
pub(crate) mod gexf;
mod json;
mod numbers;
pub(crate) mod parquet;
pub mod table;
pub(crate) mod xlsx;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use futures::{Stream, StreamExt};
use std::fmt;
use std::io::Write;
use std::str::FromStr;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for people.
    #[default]
    Table,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// Comma-separated values with a header, RFC 4180.
    Csv,
    /// A Parquet file, Zstd.
    Parquet,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Table, Self::Json, Self::Ndjson, Self::Csv, Self::Parquet];

    /// The name, as typed on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The MIME type of what is written.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// Whether the output is bytes rather than text, so that it belongs in a file and not on a terminal.
    pub fn is_binary(self) -> bool {
        self == Self::Parquet
    }

    /// A writer of batches of this schema.
    ///
    /// # Errors
    /// [`FormatError`] when the schema cannot be written in this format.
    pub fn writer<'w, W>(
        self,
        out: W,
        schema: &SchemaRef,
        options: &FormatOptions,
    ) -> Result<Box<dyn BatchWriter + 'w>, FormatError>
    where
        W: Write + Send + 'w,
    {
        Ok(match self {
            Self::Table => Box::new(table::TableWriter::new(out, schema, options)),
            Self::Json => Box::new(json::array(out)),
            Self::Ndjson => Box::new(json::lines(out)),
            Self::Csv => Box::new(csv::CsvWriter::new(out, schema)),
            Self::Parquet => Box::new(parquet::file(out, schema)?),
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |format: &Self| format.name().eq_ignore_ascii_case(text.trim());
        Self::ALL.into_iter().find(named).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// A format name that is none.
#[derive(Debug, thiserror::Error)]
#[error("no format is called {0:?}. Use one of: table, json, ndjson, csv, parquet")]
pub struct UnknownFormat(String);

/// What a writer may be told.
#[derive(Clone, Debug, Default)]
pub struct FormatOptions {
    /// Columns of the terminal a table is to fit; `None` = as wide as it gets.
    pub width: Option<u16>,
}

/// Takes batches one by one.
pub trait BatchWriter: Send {
    /// Writes a batch.
    ///
    /// # Errors
    /// [`FormatError`].
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError>;

    /// Writes what comes after the last batch and flushes.
    ///
    /// # Errors
    /// [`FormatError`].
    fn finish(self: Box<Self>) -> Result<(), FormatError>;
}

/// What can go wrong when writing an answer.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The output does not take it: disk full, pipe closed.
    #[error("cannot write the answer: {0}")]
    Io(#[from] std::io::Error),
    /// A value cannot be expressed.
    #[error(
        "cannot express the answer in this format: {0}. Cast the column in the query (e.g. `arrow_cast(x, 'Utf8')`)"
    )]
    Arrow(ArrowError),
    /// Parquet says no.
    #[error("cannot write Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// The query failed underway; what was written is not the whole answer.
    #[error("{0}")]
    Query(#[from] Box<crate::query::QueryError>),
}

impl FormatError {
    /// Whether the reader has gone away (`| head`): not worth a message.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl From<ArrowError> for FormatError {
    fn from(error: ArrowError) -> Self {
        match error {
            // arrow's writers box the output's own errors.
            ArrowError::IoError(_, io) => Self::Io(io),
            other => Self::Arrow(other),
        }
    }
}

/// Writes batches that are at hand as a table for people, as wide as the terminal.
///
/// # Errors
/// [`FormatError`].
pub fn write_table(batches: &[RecordBatch], out: &mut impl Write) -> Result<(), FormatError> {
    write_batches(batches, Format::Table, out, &FormatOptions { width: table::terminal_width() })
}

/// Writes a batch as JSON, one object per line.
///
/// # Errors
/// [`FormatError`].
pub fn ndjson(batch: &RecordBatch, out: &mut impl Write) -> Result<(), FormatError> {
    write_batches(std::slice::from_ref(batch), Format::Ndjson, out, &FormatOptions::default())
}

/// Writes batches that are at hand. Of none there is no schema, so nothing is written.
///
/// # Errors
/// [`FormatError`].
pub fn write_batches(
    batches: &[RecordBatch],
    format: Format,
    out: &mut impl Write,
    options: &FormatOptions,
) -> Result<(), FormatError> {
    let Some(first) = batches.first() else { return Ok(()) };
    let mut text = Vec::new();
    let mut writer = format.writer(&mut text, &first.schema(), options)?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()?;
    Ok(out.write_all(&text)?)
}

/// Writes a whole stream of batches; the number of rows written.
///
/// # Errors
/// [`FormatError`]; what has been written by then stays written.
pub async fn write_stream<S, W>(
    mut batches: S,
    schema: &SchemaRef,
    format: Format,
    out: W,
    options: &FormatOptions,
) -> Result<u64, FormatError>
where
    S: Stream<Item = Result<RecordBatch, DataFusionError>> + Unpin,
    W: Write + Send,
{
    let mut writer = format.writer(out, schema, options)?;
    let mut rows = 0_u64;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|e| Box::new(crate::query::QueryError::running(e)))?;
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
    }
    writer.finish()?;
    Ok(rows)
}

#[cfg(test)]
mod tests;
