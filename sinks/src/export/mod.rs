//! Answers as files: Parquet, CSV, JSON, NDJSON, Excel, GEXF; on disk or in a bucket; one file or a directory of them. Text
//! may be compressed.
//!
//! A file appears when it is whole. On disk it is written beside its place under a name that begins with a dot, made sure
//! to be on disk, and renamed; what a killed export leaves there is removed by the next one to the same place. In a bucket
//! a multipart upload is complete or nothing. A directory of files holds an empty `_SUCCESS`, written last.
//!
//! Rows are read, encoded and written at the same time, each waiting for the next through a bounded channel: memory does
//! not grow with the answer. Of a directory one file is open at a time, since rows come sorted by what they are parted by.

mod encode;
mod format;
mod graph;
mod parts;
mod sink;

pub use format::{Compression, ExportFormat, UnknownCompression, UnknownExportFormat};
pub use graph::graph;
pub use parts::{Partition, UnknownPartition, partitioned};
pub(crate) use sink::staged;

use crate::format::FormatError;
use crate::packing::Packing;
use crate::query::{Answer, QueryError};
use encode::{Feed, Piece};
use futures::StreamExt;
use sink::Sink;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Batches that may wait to be encoded.
const BATCHES: usize = 2;
/// Pieces of files that may wait to be written.
const PIECES: usize = 8;

/// What is to be written, and where.
#[derive(Clone, Debug)]
pub struct Export {
    /// A path, or a URL (`s3://`, `gs://`, `az://`).
    pub to: String,
    /// Storage options for URLs, as the lake's.
    pub storage: HashMap<String, String>,
    /// What the files are.
    pub format: ExportFormat,
    /// Of Parquet's pages, or of a text file; must agree with what the name says.
    pub compression: Compression,
    /// Rows per row group of Parquet.
    pub row_group_rows: usize,
    /// Rows per sheet of Excel; never more than it can hold.
    pub sheet_rows: u32,
    /// A directory with a file per value of the answer's last column, which is left out; the name of its parts.
    pub partition: Option<String>,
    /// CSV begins with the byte order mark by which Excel knows UTF-8.
    pub bom: bool,
    /// Texts that a spreadsheet would compute are made harmless.
    pub guard_formulas: bool,
    /// What is there is replaced.
    pub force: bool,
    /// Where Excel's rows wait; absent: the system's temporary directory.
    pub scratch: Option<PathBuf>,
}

impl Export {
    /// To a place, in a format, with what is usual otherwise.
    pub fn new(to: impl Into<String>, format: ExportFormat) -> Self {
        let to = to.into();
        Self {
            compression: Compression::of_place(&to, format),
            to,
            storage: HashMap::new(),
            format,
            // As in the lake. Less (others write 10,000) makes larger files: each group has dictionaries of its own.
            row_group_rows: 128 * 1024,
            sheet_rows: crate::format::xlsx::SHEET_ROWS,
            partition: None,
            bom: false,
            guard_formulas: true,
            force: false,
            scratch: None,
        }
    }

    /// What the files are compressed by as a whole.
    fn packing(&self) -> Result<Packing, ExportError> {
        let (format, wanted) = (self.format, self.compression);
        let unfit = |why: String| Err(ExportError::Compression(why));
        let Some(packing) = wanted.packing(format) else {
            return unfit(match format {
                ExportFormat::Xlsx => "xlsx is compressed as it is: leave --compression out".to_owned(),
                _ => format!("{format} is not compressed by {}: use gzip or zstd", wanted.name()),
            });
        };
        match Packing::of_name(self.to.trim_end_matches('/')).1 {
            named if named == Packing::Plain || named == packing => Ok(packing),
            named if format == ExportFormat::Parquet => {
                unfit(format!("{}: Parquet is compressed within. Leave {} out of the name", self.to, named.extension()))
            }
            named => unfit(format!("{}: {} is not what {} stands for", self.to, wanted.name(), named.extension())),
        }
    }
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExportedFile {
    /// Its path below the export's directory, or its name.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Where: an absolute path, or the URL as given.
    pub location: String,
    /// The files.
    pub files: Vec<ExportedFile>,
    /// Texts that were longer than an Excel cell (32,767 characters) and were cut.
    pub cut: u64,
}

impl Exported {
    /// Rows of all files.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// SHA-256 of the file, where there is one.
    pub fn sha256(&self) -> Option<&str> {
        match self.files.as_slice() {
            [one] => Some(&one.sha256),
            _ => None,
        }
    }
}

/// How far an export is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Rows that were encoded.
    pub rows: u64,
    /// Bytes that were written.
    pub bytes: u64,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is something already.
    #[error("{0} is there already. Name another place, or replace it with --force")]
    Exists(String),
    /// What is there is not an export.
    #[error(
        "{0} is a directory that no export has written (it holds no _SUCCESS): it is not replaced. Name another place"
    )]
    NotOurs(String),
    /// That compression is not for this format, or not what the name says.
    #[error("{0}")]
    Compression(String),
    /// The answer is no graph's.
    #[error("gexf is for graphs: export their edges, e.g. tidelake export --table graph_edges --to graph.gexf")]
    NoGraph,
    /// The destination does not take it.
    #[error("{place}: {why}. Nothing was put there. Check that it can be written to and has room")]
    Place {
        /// As given.
        place: String,
        /// Why not.
        why: String,
    },
    /// The rows cannot be written like that.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// The query failed underway.
    #[error("{0}")]
    Query(Box<QueryError>),
    /// A worker ended unexpectedly.
    #[error("a worker ended unexpectedly: {0}. This is a defect: please report it")]
    Worker(String),
}

impl ExportError {
    fn place(place: &str, why: &dyn std::fmt::Display) -> Self {
        Self::Place { place: place.to_owned(), why: why.to_string() }
    }
}

/// Writes an answer. `told` hears how far it is, often. Dropping the future leaves nothing behind.
///
/// # Errors
/// [`ExportError`]; nothing is at the destination then that was not before.
pub async fn export(
    answer: Answer,
    export: &Export,
    mut told: impl FnMut(Reached) + Send,
) -> Result<Exported, ExportError> {
    let packing = export.packing()?;
    if export.format == ExportFormat::Gexf && !graph::is_graph(&answer.schema) {
        return Err(ExportError::NoGraph);
    }
    let mut sink = Sink::open(export).await?;
    let (batches, incoming) = channel(BATCHES);
    let (outgoing, mut pieces) = channel(PIECES);
    let (rows, cut) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let encoder = encode::Encoder::new(export, packing, &answer.schema, Arc::clone(&rows), Arc::clone(&cut));
    let encoding = tokio::task::spawn_blocking(move || encoder.run(incoming, outgoing));
    let encoded = async { encoding.await.unwrap_or_else(|e| Err(ExportError::Worker(e.to_string()))) };
    let reached = || rows.load(Ordering::Relaxed);
    let (fed, encoded, drained) =
        tokio::join!(feed(answer, batches), encoded, drain(&mut sink, &mut pieces, reached, &mut told));
    // What was first in the chain to fail is the reason; the others only lost their neighbour.
    fed?;
    drained?;
    encoded?;
    let (location, files) = sink.publish().await?;
    Ok(Exported { location, files, cut: cut.load(Ordering::Relaxed) })
}

/// Hands batches to the encoder. Where it has gone away, it or the sink says why.
async fn feed(mut answer: Answer, batches: Sender<Feed>) -> Result<(), ExportError> {
    while let Some(batch) = answer.stream.next().await {
        let batch = batch.map_err(|e| ExportError::Query(Box::new(QueryError::running(e))))?;
        if batches.send(Feed::Batch(batch)).await.is_err() {
            return Ok(());
        }
    }
    _ = batches.send(Feed::End).await;
    Ok(())
}

async fn drain(
    sink: &mut Sink,
    pieces: &mut Receiver<Piece>,
    rows: impl Fn() -> u64,
    told: &mut (impl FnMut(Reached) + Send),
) -> Result<(), ExportError> {
    let mut reached = Reached::default();
    while let Some(piece) = pieces.recv().await {
        if let Piece::Bytes(bytes) = &piece {
            reached.bytes += bytes.len() as u64;
        }
        if let Err(error) = sink.take(piece).await {
            // The encoder must not wait for us.
            pieces.close();
            return Err(error);
        }
        reached.rows = rows();
        told(reached);
    }
    Ok(())
}
