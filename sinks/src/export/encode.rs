//! Batches become files, on a thread of its own: encoding takes a processor for a while.

use super::{Export, ExportError, ExportFormat, parts};
use crate::format::csv::CsvWriter;
use crate::format::gexf::GexfWriter;
use crate::format::parquet;
use crate::format::xlsx::{XlsxOptions, XlsxWriter};
use crate::format::{BatchWriter, Format, FormatError, FormatOptions};
use crate::packing::{Packer, Packing};
use ::parquet::file::properties::WriterProperties;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{Receiver, Sender};

/// Bytes of one piece.
const PIECE: usize = 1 << 20;

/// What the encoder is given. That the channel closes without an end means that the answer is not whole.
pub(super) enum Feed {
    Batch(RecordBatch),
    End,
}

/// What the encoder makes.
pub(super) enum Piece {
    /// A file begins.
    Begin(String),
    /// More of it.
    Bytes(Bytes),
    /// It is whole, with so many rows.
    End(u64),
}

/// Makes files of batches.
pub(super) struct Encoder {
    export: Export,
    packing: Packing,
    /// The columns of the files.
    schema: SchemaRef,
    rows: Arc<AtomicU64>,
    cut: Arc<AtomicU64>,
}

/// A file that is being made.
struct Open {
    /// What its rows have in common.
    part: Option<String>,
    writer: Box<dyn BatchWriter>,
    packed: Packed,
    rows: u64,
}

impl Encoder {
    /// An encoder of an answer's columns.
    pub(super) fn new(
        export: &Export,
        packing: Packing,
        answer: &SchemaRef,
        rows: Arc<AtomicU64>,
        cut: Arc<AtomicU64>,
    ) -> Self {
        let schema = if export.partition.is_some() { parts::without_last(answer) } else { Arc::clone(answer) };
        Self { export: export.clone(), packing, schema, rows, cut }
    }

    /// Encodes until the end; blocks while there is nothing to do.
    pub(super) fn run(self, mut batches: Receiver<Feed>, pieces: Sender<Piece>) -> Result<(), ExportError> {
        let mut open = if self.export.partition.is_none() { Some(self.begin(None, &pieces)?) } else { None };
        loop {
            match batches.blocking_recv() {
                Some(Feed::Batch(batch)) => self.take(&batch, &mut open, &pieces)?,
                Some(Feed::End) => break,
                None => return Ok(()),
            }
        }
        match open {
            Some(open) => end(open, &pieces),
            None => Ok(()),
        }
    }

    fn take(&self, batch: &RecordBatch, open: &mut Option<Open>, pieces: &Sender<Piece>) -> Result<(), ExportError> {
        if self.export.partition.is_none() {
            return self.write(batch, open);
        }
        for (part, rows) in parts::runs(batch, &self.schema).map_err(FormatError::from)? {
            if open.as_ref().is_none_or(|open| open.part.as_ref() != Some(&part)) {
                if let Some(done) = open.take() {
                    end(done, pieces)?;
                }
                *open = Some(self.begin(Some(part), pieces)?);
            }
            self.write(&rows, open)?;
        }
        Ok(())
    }

    fn write(&self, batch: &RecordBatch, open: &mut Option<Open>) -> Result<(), ExportError> {
        let Some(open) = open else { return Ok(()) };
        open.writer.write(batch)?;
        open.rows += batch.num_rows() as u64;
        self.rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn begin(&self, part: Option<String>, pieces: &Sender<Piece>) -> Result<Open, ExportError> {
        let name = match (&part, &self.export.partition) {
            (Some(part), Some(key)) => {
                format!("{key}={part}/part-0.{}{}", self.export.format, self.packing.extension())
            }
            _ => String::new(),
        };
        send(pieces, Piece::Begin(name)).map_err(FormatError::from)?;
        let packed = Packed::new(self.packing, pieces).map_err(FormatError::from)?;
        let out = BufWriter::with_capacity(PIECE, packed.clone());
        Ok(Open { part, writer: self.writer(out)?, packed, rows: 0 })
    }

    fn writer(&self, mut out: BufWriter<Packed>) -> Result<Box<dyn BatchWriter>, FormatError> {
        let (export, schema) = (&self.export, &self.schema);
        Ok(match export.format {
            ExportFormat::Parquet => Box::new(parquet::plain(out, schema, properties(export))?),
            ExportFormat::Csv => {
                if export.bom {
                    out.write_all("\u{feff}".as_bytes())?;
                }
                Box::new(CsvWriter::new(out, schema).guarding(export.guard_formulas))
            }
            ExportFormat::Json => Format::Json.writer(out, schema, &FormatOptions::default())?,
            ExportFormat::Ndjson => Format::Ndjson.writer(out, schema, &FormatOptions::default())?,
            ExportFormat::Gexf => Box::new(GexfWriter::new(out, schema)),
            ExportFormat::Xlsx => {
                let options = XlsxOptions {
                    sheet_rows: export.sheet_rows,
                    guarding: export.guard_formulas,
                    scratch: export.scratch.as_deref(),
                    cut: Arc::clone(&self.cut),
                };
                Box::new(XlsxWriter::new(out, schema, &options)?)
            }
        })
    }
}

fn properties(export: &Export) -> WriterProperties {
    WriterProperties::builder()
        .set_compression(export.compression.codec())
        .set_max_row_group_row_count(Some(export.row_group_rows.max(1)))
        .set_created_by(concat!("tidelake ", env!("CARGO_PKG_VERSION")).to_owned())
        .build()
}

fn end(open: Open, pieces: &Sender<Piece>) -> Result<(), ExportError> {
    open.writer.finish()?;
    open.packed.finish().map_err(FormatError::from)?;
    Ok(send(pieces, Piece::End(open.rows)).map_err(FormatError::from)?)
}

fn send(pieces: &Sender<Piece>, piece: Piece) -> io::Result<()> {
    pieces.blocking_send(piece).map_err(|_| io::Error::other("the destination has gone away"))
}

/// What a file's bytes go through. A format's writer has one handle and lets go of it at the end of the text; the other is
/// for what a compressor writes after that.
#[derive(Clone)]
struct Packed(Arc<Mutex<Option<Packer<BufWriter<Pieces>>>>>);

impl Packed {
    fn new(packing: Packing, pieces: &Sender<Piece>) -> io::Result<Self> {
        let packer = packing.packer(BufWriter::with_capacity(PIECE, Pieces(pieces.clone())))?;
        Ok(Self(Arc::new(Mutex::new(Some(packer)))))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Packer<BufWriter<Pieces>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self) -> io::Result<()> {
        let packer = self.lock().take();
        packer.map_or(Ok(()), |packer| packer.finish()?.flush())
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.lock() {
            Some(packer) => packer.write(bytes),
            None => Err(io::Error::other("the file has ended")),
        }
    }

    /// Compressors write when they have enough: each flush would cost them.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file's bytes on their way.
struct Pieces(Sender<Piece>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(&self.0, Piece::Bytes(Bytes::copy_from_slice(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
