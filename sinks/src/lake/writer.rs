//! Buffers batches of one table as Parquet files and commits them with positions.

use super::commit::{self, CommitError, Outcome, Positions, Proposal};
use super::ledger::CommitRecord;
use super::location::{Lake, LakeError, PARTITION_COLUMN, landing_fields};
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{Date32Type, Schema};
use deltalake::DeltaTable;
use deltalake::kernel::Add;
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::properties::WriterProperties;
use deltalake::parquet::schema::types::ColumnPath;
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tidelake_schemas::Timestamp;
use tidelake_schemas::topics::Landed;

/// A checkpoint of the table's log is written each time its version is a multiple of this.
const CHECKPOINT_EVERY: u64 = 100;

/// Dates that are written at once, each to a file of its own. An open file holds some 5 MiB, mostly Zstd's contexts of
/// its columns, however few rows it has.
const OPEN_DATES: usize = 8;
/// Bytes of Arrow that may wait for their dates to be written in turn, when there are more.
const HELD_BYTES: usize = 24 * 1024 * 1024;
/// How much smaller Parquet is, about.
const ARROW_TO_PARQUET: usize = 8;

/// Where a row stood in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
}

/// How files are written.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Zstd level, 1 to 22.
    pub zstd_level: i32,
    /// Rows per row group.
    pub row_group_rows: usize,
    /// A file that reaches this many bytes is closed and another begun.
    pub target_file_bytes: u64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { zstd_level: 3, row_group_rows: 128 * 1024, target_file_bytes: 128 * 1024 * 1024 }
    }
}

/// The writer of one table. Not for sharing: one per table and process.
pub struct TableWriter {
    landed: Landed,
    table: DeltaTable,
    writer: RecordBatchWriter,
    schema: Arc<Schema>,
    rows: usize,
    /// Dates (days since 1970) that files are open for.
    open: BTreeSet<i32>,
    /// Batches of more dates than may be open; see [`Self::write_held`].
    held: Vec<RecordBatch>,
    held_bytes: usize,
    /// Files that are written and not committed.
    staged: Vec<Add>,
}

impl TableWriter {
    /// Opens the table, making it if there is none.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn open(lake: &Lake, landed: Landed, options: &WriterOptions) -> Result<Self, LakeError> {
        let table = lake.open_or_create(&landed).await?;
        let writer = RecordBatchWriter::for_table(&table)
            .map_err(LakeError::delta(landed.table))?
            .with_writer_properties(properties(landed.table, options))
            .with_target_file_size(options.target_file_bytes);
        let schema = writer.arrow_schema();
        Ok(Self {
            landed,
            table,
            writer,
            schema,
            rows: 0,
            open: BTreeSet::new(),
            held: Vec::new(),
            held_bytes: 0,
            staged: Vec::new(),
        })
    }

    /// The topic and table this writes.
    pub fn landed(&self) -> &Landed {
        &self.landed
    }

    /// Rows buffered since the last commit.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of Parquet buffered since the last commit, roughly.
    pub fn bytes(&self) -> usize {
        let staged: i64 = self.staged.iter().map(|file| file.size).sum();
        self.writer.buffer_len() + usize::try_from(staged).unwrap_or(0) + self.held_bytes / ARROW_TO_PARQUET
    }

    /// The newest positions the table knows. Drops what is buffered: it was read from older ones.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn reload(&mut self, app_ids: impl IntoIterator<Item = String>) -> Result<Positions, LakeError> {
        self.reset();
        self.table.update_state().await.map_err(LakeError::delta(self.landed.table))?;
        commit::positions(&self.table, self.landed.table, app_ids).await
    }

    /// Drops what is buffered. Files already written stay behind, unreferenced, for vacuum.
    pub fn reset(&mut self) {
        self.writer.reset();
        self.staged.clear();
        self.open.clear();
        self.held.clear();
        (self.rows, self.held_bytes) = (0, 0);
    }

    /// Buffers the records of one batch; `positions` says where each row stood in the log.
    ///
    /// # Errors
    /// [`LakeError`] when the batch does not fit the table or the store refuses; nothing of it is kept then.
    pub async fn append(
        &mut self,
        batch: &RecordBatch,
        positions: &[Position],
        landed_at: Timestamp,
    ) -> Result<(), LakeError> {
        let table = self.landed.table;
        let batch = self.complete(batch, positions, landed_at).map_err(LakeError::arrow(table))?;
        self.rows += batch.num_rows();
        let dates = dates(&batch);
        if self.held.is_empty() && self.open.union(&dates).count() <= OPEN_DATES {
            self.open.extend(dates);
            return self.writer.write(batch).await.map_err(LakeError::delta(table));
        }
        self.held_bytes += batch.get_array_memory_size();
        self.held.push(batch);
        if self.held_bytes >= HELD_BYTES { self.write_held().await } else { Ok(()) }
    }

    /// Writes the held batches, a few dates at a time, so that memory does not grow with the number of dates.
    async fn write_held(&mut self) -> Result<(), LakeError> {
        self.held_bytes = 0;
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return Ok(());
        }
        let table = self.landed.table;
        let batch = concat_batches(&self.schema, &held).map_err(LakeError::arrow(table))?;
        drop(held);
        let all: Vec<i32> = dates(&batch).into_iter().collect();
        for some in all.chunks(OPEN_DATES) {
            self.close_files().await?;
            let part = of_dates(&batch, some).map_err(LakeError::arrow(table))?;
            self.open.extend(some);
            self.writer.write(part).await.map_err(LakeError::delta(table))?;
        }
        Ok(())
    }

    /// Finishes the open files; they wait for the commit.
    async fn close_files(&mut self) -> Result<(), LakeError> {
        let files = self.writer.flush().await.map_err(LakeError::delta(self.landed.table))?;
        self.staged.extend(files);
        self.open.clear();
        Ok(())
    }

    /// Adds the landing columns and brings the batch into the table's own types.
    fn complete(
        &self,
        batch: &RecordBatch,
        positions: &[Position],
        landed_at: Timestamp,
    ) -> Result<RecordBatch, arrow::error::ArrowError> {
        let instants = batch
            .column_by_name("observed_at")
            .and_then(|c| c.as_any().downcast_ref::<TimestampMicrosecondArray>())
            .ok_or_else(|| arrow::error::ArrowError::SchemaError("a landed record has no observed_at".into()))?;
        const DAY_MICROS: i64 = 86_400_000_000;
        let days = instants.values().iter().map(|t| i32::try_from(t.div_euclid(DAY_MICROS)).unwrap_or(0));
        let landed = TimestampMicrosecondArray::from_value(landed_at.0, batch.num_rows()).with_timezone("UTC");
        let added: [ArrayRef; 4] = [
            Arc::new(Int32Array::from_iter_values(positions.iter().map(|p| p.partition))),
            Arc::new(Int64Array::from_iter_values(positions.iter().map(|p| p.offset))),
            Arc::new(landed),
            Arc::new(Date32Array::from_iter_values(days)),
        ];
        let landing = landing_fields();
        let named = batch.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
        let all = named.into_iter().zip(batch.columns().iter().cloned());
        let all = all.chain(landing.iter().map(|f| f.name().clone()).zip(added));
        let mut by_name: BTreeMap<String, ArrayRef> = all.collect();
        let columns = self.schema.fields().iter().map(|field| match by_name.remove(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(column),
            Some(column) => cast(&column, field.data_type()),
            None => Ok(arrow::array::new_null_array(field.data_type(), batch.num_rows())),
        });
        RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_, _>>()?)
    }

    /// Commits what is buffered, together with the positions it brings the table to. Also commits when no row is
    /// buffered, so that positions go on over messages that were all refused.
    ///
    /// # Errors
    /// [`CommitError`]: call [`Self::reload`] and read again from there.
    pub async fn commit(
        &mut self,
        from: &Positions,
        to: &BTreeMap<String, i64>,
        record: &CommitRecord,
    ) -> Result<Outcome, CommitError> {
        let name = self.landed.table;
        self.write_held().await?;
        self.close_files().await?;
        let proposal = Proposal { files: &self.staged, from, to, record };
        let outcome = commit::commit(&mut self.table, name, &proposal).await?;
        self.staged.clear();
        self.rows = 0;
        if outcome == Outcome::Landed {
            self.checkpoint_when_due().await;
        }
        Ok(outcome)
    }

    /// A failed checkpoint only makes the next opening slower.
    async fn checkpoint_when_due(&self) {
        let due = self.table.version().is_some_and(|v| v > 0 && v % CHECKPOINT_EVERY == 0);
        if due && let Err(error) = deltalake::checkpoints::create_checkpoint(&self.table, None).await {
            tracing::warn!(table = self.landed.table, %error, "checkpoint not written; the next one will be");
        }
    }
}

/// The dates of a batch of the table, in days since 1970.
fn dates(batch: &RecordBatch) -> BTreeSet<i32> {
    let column = batch.column_by_name(PARTITION_COLUMN).and_then(|c| c.as_primitive_opt::<Date32Type>());
    column.map(|dates| dates.values().iter().copied().collect()).unwrap_or_default()
}

/// The rows of some dates.
fn of_dates(batch: &RecordBatch, some: &[i32]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let column = batch.column_by_name(PARTITION_COLUMN).and_then(|c| c.as_primitive_opt::<Date32Type>());
    let wanted = column.map(|dates| dates.values().iter().map(|d| Some(some.contains(d))).collect::<BooleanArray>());
    match wanted {
        Some(wanted) => filter_record_batch(batch, &wanted),
        None => Ok(batch.clone()),
    }
}

/// How files of a table are written.
pub(super) fn properties(table: &str, options: &WriterOptions) -> WriterProperties {
    let level = ZstdLevel::try_new(options.zstd_level).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(options.row_group_rows))
        .set_created_by(concat!("tidelake ", env!("CARGO_PKG_VERSION")).to_owned());
    // Random by design: a dictionary would only be built to be thrown away.
    builder = builder.set_column_dictionary_enabled(ColumnPath::from("event_id"), false);
    let most = u64::try_from(options.row_group_rows).unwrap_or(u64::MAX);
    for column in ["video_id", "comment_id", "creator_id"] {
        // Made for as many values as a row group can have, and folded to what it has.
        builder = builder.set_column_bloom_filter_max_ndv(ColumnPath::from(column), most);
    }
    if table == "dead_letters" {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from("payload"), false);
    }
    builder.build()
}
