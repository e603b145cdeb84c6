//! Rewrites files of a table into files of the target size: the rows stay what they are.

use super::compact::UpkeepOptions;
use super::content::Content;
use super::order::{self, Order, TAG};
use crate::lake::location::LakeError;
use crate::lake::log;
use crate::lake::replace::{self, Replaced, Replacement, active, frame};
use crate::lake::rewrite::with_columns;
use crate::lake::writer::{WriterOptions, properties};
use arrow::array::RecordBatch;
use arrow::datatypes::{Fields, Schema, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use deltalake::DeltaTable;
use deltalake::kernel::{Add, Remove};
use deltalake::protocol::DeltaOperation;
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use futures::StreamExt;
use object_store::buffered::BufReader;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use std::collections::HashMap;
use std::sync::Arc;

/// What became of files that were to be rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repacked {
    /// Other files are in their place.
    Done {
        /// Rows of them.
        rows: u64,
        /// How many files there are now.
        files: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// Nothing was changed, for instance because somebody else has replaced some of the files: look again.
    Gone {
        /// What the table said.
        why: String,
    },
}

pub(super) async fn repack(
    table: &mut DeltaTable,
    name: &str,
    files: &[Remove],
    order: Option<&Order>,
    options: &UpkeepOptions,
) -> Result<Repacked, LakeError> {
    let Some(old) = active(table, name, files, false)? else {
        return Ok(Repacked::Gone { why: "its files are in the table no more".to_owned() });
    };
    let writer = RecordBatchWriter::for_table(table).map_err(LakeError::delta(name))?;
    let session = order::session(options).map_err(|e| LakeError::delta(name)(e.into()))?;
    let mut rows = frame(table, name, &old, &session).await?;
    if let Some(order) = order {
        rows = order.sorted(rows, name).await?;
    }
    let rows = rows.execute_stream().await.map_err(|e| LakeError::delta(name)(e.into()))?;
    let (mut new, content) = write(table, name, rows, writer, &options.files).await?;
    let place = old.first().and_then(|file| file.partition_values.as_ref());
    if let Some(file) = new.iter().find(|file| Some(&file.partition_values) != place) {
        let (old, new) = (format!("{place:?}"), format!("{:?}", file.partition_values));
        let version = table.version().unwrap_or_default();
        return Err(LakeError::Unlike { table: name.to_owned(), old, new, version });
    }
    if let Some(order) = order {
        let tag = HashMap::from([(TAG.to_owned(), Some(order.label().to_owned()))]);
        new.iter_mut().for_each(|file| file.tags = Some(tag.clone()));
    }
    let target_size = i64::try_from(options.files.target_file_bytes).unwrap_or(i64::MAX);
    let operation = DeltaOperation::Optimize { predicate: None, target_size };
    let replacement = Replacement { old: &old, new: &new, operation, metadata: Vec::new() };
    Ok(match replace::replace(table, name, &replacement).await? {
        Replaced::Done => {
            let bytes = new.iter().map(|file| file.size).sum::<i64>();
            Repacked::Done { rows: content.rows, files: new.len(), bytes: u64::try_from(bytes).unwrap_or(0) }
        }
        Replaced::Gone { why } => Repacked::Gone { why },
    })
}

/// Writes rows into files in the writer's schema, reads these, and gives them only when they hold the same. They are
/// marked as no change of data.
pub(super) async fn write(
    table: &DeltaTable,
    name: &str,
    mut rows: SendableRecordBatchStream,
    writer: RecordBatchWriter,
    options: &WriterOptions,
) -> Result<(Vec<Add>, Content), LakeError> {
    let mut writer = writer.with_writer_properties(properties(name, options));
    let schema = writer.arrow_schema();
    let in_files = Arc::new(without(&schema, &partition_columns(table, name)?));
    let (mut files, mut filled, mut old) = (Vec::new(), Filled::default(), Content::default());
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(|e| LakeError::delta(name)(e.into()))?;
        let batch = with_columns(&batch, std::iter::empty(), &schema).map_err(LakeError::arrow(name))?;
        take(&mut old, &batch, &in_files, name)?;
        for from in (0..batch.num_rows()).step_by(options.row_group_rows.max(1)) {
            let part = batch.slice(from, options.row_group_rows.max(1).min(batch.num_rows() - from));
            let rows = part.num_rows();
            writer.write(part).await.map_err(LakeError::delta(name))?;
            if filled.by(rows, writer.buffer_len(), options) {
                let closed = writer.flush().await.map_err(LakeError::delta(name))?;
                filled.close(closed.iter().map(|file| file.size).sum());
                files.extend(closed);
            }
        }
    }
    files.extend(writer.flush().await.map_err(LakeError::delta(name))?);
    let mut new = Content::default();
    for file in &mut files {
        file.data_change = false;
        read(table, name, file, &in_files, &mut new).await?;
    }
    if new != old {
        let version = table.version().unwrap_or_default();
        let (old, new) = (old.to_string(), new.to_string());
        return Err(LakeError::Unlike { table: name.to_owned(), old, new, version });
    }
    Ok((files, new))
}

/// How full a file is. What the writer says of bytes is true only where a group of rows has just been closed: of an open one
/// it counts what will be compressed, so that files would be far too small.
#[derive(Default)]
struct Filled {
    rows: usize,
    /// Rows and bytes when a group of rows was last closed.
    closed: (usize, usize),
    /// Of this file, or of the last one.
    bytes_per_row: Option<f64>,
}

impl Filled {
    /// Adds rows, after which the writer has so many bytes; whether the file is of the target size.
    fn by(&mut self, rows: usize, bytes: usize, options: &WriterOptions) -> bool {
        let group = options.row_group_rows.max(1);
        let groups = self.rows / group;
        self.rows += rows;
        if self.rows / group > groups {
            self.closed = (self.rows, bytes);
            self.bytes_per_row = Some(bytes as f64 / self.rows as f64);
        }
        let open = (self.rows - self.closed.0) as f64;
        self.bytes_per_row.is_some_and(|each| self.closed.1 as f64 + open * each >= options.target_file_bytes as f64)
    }

    /// Begins another file; this one has so many bytes.
    fn close(&mut self, bytes: i64) {
        let bytes_per_row = (self.rows > 0).then(|| bytes as f64 / self.rows as f64);
        *self = Self { bytes_per_row, ..Self::default() };
    }
}

/// Reads a file that no version of the table has yet.
async fn read(
    table: &DeltaTable,
    name: &str,
    file: &Add,
    schema: &SchemaRef,
    content: &mut Content,
) -> Result<(), LakeError> {
    let failed = |e: parquet::errors::ParquetError| LakeError::delta(name)(e.into());
    let path = Path::parse(&file.path).map_err(|e| log::failed(name)(e.into()))?;
    let store = log::store(table);
    let about = store.head(&path).await.map_err(log::failed(name))?;
    // The store gives the path below its own root, and takes the one below the table's.
    let about = ObjectMeta { location: path, ..about };
    let builder = ParquetRecordBatchStreamBuilder::new(BufReader::new(store, &about)).await.map_err(failed)?;
    let mut batches = builder.build().map_err(failed)?;
    while let Some(batch) = batches.next().await {
        take(content, &batch.map_err(failed)?, schema, name)?;
    }
    Ok(())
}

/// Adds a batch's rows, in the columns that are in files.
fn take(content: &mut Content, batch: &RecordBatch, schema: &SchemaRef, name: &str) -> Result<(), LakeError> {
    let batch = with_columns(batch, std::iter::empty(), schema).map_err(LakeError::arrow(name))?;
    content.take(&batch).map_err(|e| LakeError::delta(name)(e.into()))
}

/// The columns whose values are in the paths of files, not in the files.
pub(super) fn partition_columns(table: &DeltaTable, name: &str) -> Result<Vec<String>, LakeError> {
    let snapshot = table.snapshot().map_err(LakeError::delta(name))?;
    Ok(snapshot.metadata().partition_columns().to_vec())
}

fn without(schema: &Schema, columns: &[String]) -> Schema {
    Schema::new(schema.fields().iter().filter(|field| !columns.contains(field.name())).cloned().collect::<Fields>())
}
