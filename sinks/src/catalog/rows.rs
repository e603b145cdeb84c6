//! Rows of files and answers as entries.
//!
//! CSV is taken as it is written, never by guessed types: the id `007` is not 7. What a row lacks is its own trouble;
//! the others go on.

use super::CatalogError;
use crate::format;
use crate::query::{Answer, QueryError};
use arrow::array::RecordBatch;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures::TryStreamExt;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use tidelake_schemas::CatalogEntry;

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The entries, by id. Of rows with one id the last counts.
    pub entries: BTreeMap<String, CatalogEntry>,
    /// The rows that are none.
    pub refused: Vec<Refused>,
    /// Rows that a later one with the same id replaced.
    pub repeated: usize,
}

/// A row that is no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// `line` or `row`, as the source counts.
    pub unit: &'static str,
    /// Which, from 1.
    pub number: u64,
    /// Why.
    pub why: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.unit, self.number, self.why)
    }
}

impl Read {
    fn take(&mut self, unit: &'static str, number: u64, row: Result<Map<String, Value>, String>) {
        match row.and_then(|row| CatalogEntry::of_row(&row)) {
            Ok(entry) => self.repeated += usize::from(self.entries.insert(entry.id.clone(), entry).is_some()),
            Err(why) => self.refused.push(Refused { unit, number, why }),
        }
    }

    fn take_batch(&mut self, batch: &RecordBatch) -> Result<(), CatalogError> {
        let mut lines = Vec::new();
        format::ndjson(batch, &mut lines).map_err(|e| CatalogError::Rows(e.to_string()))?;
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let number = (self.entries.len() + self.refused.len() + self.repeated + 1) as u64;
            self.take("row", number, object(serde_json::from_slice(line).map_err(|e| e.to_string())));
        }
        Ok(())
    }
}

/// Reads a file by its extension: `csv` or `tsv`, `json`, `jsonl` or `ndjson`, `parquet`.
///
/// # Errors
/// [`CatalogError`] when the file as a whole cannot be read.
pub async fn of_file(path: &Path) -> Result<Read, CatalogError> {
    let refuse = CatalogError::file(path);
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    let bytes = || std::fs::read(path).map_err(|e| refuse(e.to_string()));
    match extension.as_str() {
        "csv" => of_csv(&bytes()?, b',').map_err(refuse),
        "tsv" | "tab" => of_csv(&bytes()?, b'\t').map_err(refuse),
        "json" | "jsonl" | "ndjson" => of_json(&bytes()?).map_err(refuse),
        "parquet" => of_parquet(path).await,
        _ => Err(refuse("a catalogue is a .csv, .tsv, .json, .jsonl, .ndjson or .parquet file".to_owned())),
    }
}

/// Reads an answer of SQL.
///
/// # Errors
/// [`CatalogError`] when the query fails underway.
pub async fn of_answer(mut answer: Answer) -> Result<Read, CatalogError> {
    let mut read = Read::default();
    while let Some(batch) = answer.stream.try_next().await.map_err(QueryError::running)? {
        read.take_batch(&batch)?;
    }
    Ok(read)
}

async fn of_parquet(path: &Path) -> Result<Read, CatalogError> {
    let refuse = CatalogError::file(path);
    let name = path.to_str().ok_or_else(|| refuse("the name is not UTF-8".to_owned()))?;
    let session = SessionContext::new();
    let frame = session.read_parquet(name, ParquetReadOptions::default()).await;
    let frame = frame.map_err(|e| refuse(e.strip_backtrace()))?;
    let stream = frame.execute_stream().await.map_err(QueryError::running)?;
    of_answer(Answer { schema: stream.schema(), stream }).await
}

fn of_csv(bytes: &[u8], delimiter: u8) -> Result<Read, String> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bytes);
    let header: Vec<String> = reader.byte_headers().map_err(|e| e.to_string())?.iter().map(lossy).collect();
    let mut read = Read::default();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|e| e.to_string())? {
        let line = record.position().map_or(0, csv::Position::line);
        let cells: Vec<String> = record.iter().map(lossy).collect();
        let row = if cells.len() > header.len() {
            Err(format!("it has {} cells where the header has {}", cells.len(), header.len()))
        } else {
            Ok(header.iter().cloned().zip(cells.into_iter().map(Value::String)).collect())
        };
        read.take("line", line, row);
    }
    Ok(read)
}

fn lossy(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).into_owned()
}

/// An array of objects, or an object on each line.
fn of_json(bytes: &[u8]) -> Result<Read, String> {
    let mut read = Read::default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii_start().starts_with(b"[") {
        let rows: Vec<Value> = serde_json::from_slice(bytes).map_err(|e| format!("it is no array of objects: {e}"))?;
        for (row, number) in rows.into_iter().zip(1..) {
            read.take("row", number, object(Ok(row)));
        }
        return Ok(read);
    }
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        if !line.trim_ascii().is_empty() {
            read.take("line", number, object(serde_json::from_slice(line).map_err(|e| e.to_string())));
        }
    }
    Ok(read)
}

fn object(row: Result<Value, String>) -> Result<Map<String, Value>, String> {
    match row {
        Ok(Value::Object(row)) => Ok(row),
        Ok(_) => Err("it is no JSON object".to_owned()),
        Err(why) => Err(format!("it is no JSON: {why}")),
    }
}
