//! Takes rows out of a table whose messages will be read again under another log.
//!
//! A restored table may hold rows that were published after the state it is restored with. They come again, so they go:
//! file by file, each in one commit that also says so in the ledger, where they count as gaps from then on.

use super::Lake;
use super::ledger::{self, CommitRecord, Counts, PartitionRange};
use super::location::LakeError;
use super::replace::{self, Replaced, Replacement, active};
use super::rewrite::with_columns;
use super::writer::{WriterOptions, properties};
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;
use deltalake::DeltaTable;
use deltalake::kernel::Remove;
use deltalake::protocol::DeltaOperation;
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use futures::StreamExt;
use std::collections::BTreeMap;
use tidelake_schemas::topics::Landed;

/// Takes out the rows for which `stays` is not true, of files that may hold rows of `from` on: only those can be concerned.
/// Gives how many went.
///
/// # Errors
/// [`LakeError`]; what was taken out before is out then, and the rest still there.
pub async fn withdraw(
    lake: &Lake,
    landed: &Landed,
    from: i64,
    mut stays: impl FnMut(&RecordBatch) -> Result<BooleanArray, ArrowError>,
) -> Result<u64, LakeError> {
    let Some(mut table) = lake.open(landed.table).await? else { return Ok(0) };
    let mut gone = 0;
    for file in concerned(&table, landed, from)? {
        gone += one(&mut table, landed, file, &mut stays).await?;
    }
    Ok(gone)
}

/// Files whose statistics do not say that all their rows stand before an offset.
fn concerned(table: &DeltaTable, landed: &Landed, from: i64) -> Result<Vec<Remove>, LakeError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(landed.table))?;
    let highest = |stats: Option<String>| {
        let stats: serde_json::Value = serde_json::from_str(&stats?).ok()?;
        stats["maxValues"]["kafka_offset"].as_i64()
    };
    let concerned = log.iter().filter(|file| highest(file.stats()).is_none_or(|highest| highest >= from));
    Ok(concerned.map(|file| file.remove_action(true)).collect())
}

async fn one(
    table: &mut DeltaTable,
    landed: &Landed,
    file: Remove,
    stays: &mut impl FnMut(&RecordBatch) -> Result<BooleanArray, ArrowError>,
) -> Result<u64, LakeError> {
    let name = landed.table;
    let Some(old) = active(table, name, &[file], true)? else { return Ok(0) };
    let mut writer = RecordBatchWriter::for_table(table)
        .map_err(LakeError::delta(name))?
        .with_writer_properties(properties(name, &WriterOptions::default()));
    let schema = writer.arrow_schema();
    let mut gone: BTreeMap<i32, i64> = BTreeMap::new();
    let mut batches = replace::rows(table, name, &old).await?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|e| LakeError::delta(name)(e.into()))?;
        let kept = parted(&batch, stays, &mut gone)
            .and_then(|kept| with_columns(&kept, std::iter::empty(), &schema))
            .map_err(LakeError::arrow(name))?;
        if kept.num_rows() > 0 {
            writer.write(kept).await.map_err(LakeError::delta(name))?;
        }
    }
    let rows: i64 = gone.values().sum();
    if rows == 0 {
        return Ok(0);
    }
    let new = writer.flush().await.map_err(LakeError::delta(name))?;
    let metadata = vec![(ledger::KEY.to_owned(), serde_json::to_value(record(landed, gone)).unwrap_or_default())];
    let operation = DeltaOperation::Delete { predicate: None };
    match replace::replace(table, name, &Replacement { old: &old, new: &new, operation, metadata }).await? {
        Replaced::Done => Ok(u64::try_from(rows).unwrap_or(0)),
        Replaced::Gone { why } => {
            let why = ArrowError::ComputeError(format!("rows beyond the backup could not be taken out: {why}"));
            Err(LakeError::arrow(name)(why))
        }
    }
}

/// The rows that stay; the others are counted by partition.
fn parted(
    batch: &RecordBatch,
    stays: &mut impl FnMut(&RecordBatch) -> Result<BooleanArray, ArrowError>,
    gone: &mut BTreeMap<i32, i64>,
) -> Result<RecordBatch, ArrowError> {
    use arrow::array::AsArray;
    let stays = stays(batch)?;
    let out = filter_record_batch(batch, &not(&stays)?)?;
    let partitions = out.column_by_name("kafka_partition").and_then(|c| c.as_primitive_opt::<Int32Type>());
    for partition in partitions.iter().flat_map(|column| column.values().iter()) {
        *gone.entry(*partition).or_default() += 1;
    }
    filter_record_batch(batch, &stays)
}

/// Of offsets that were rows before: as many gaps.
fn record(landed: &Landed, gone: BTreeMap<i32, i64>) -> CommitRecord {
    let range = |(partition, rows): (i32, i64)| {
        let counts = Counts { rows: -rows, gaps: rows, ..Counts::default() };
        (partition, PartitionRange { counts, ..PartitionRange::default() })
    };
    CommitRecord {
        operation: uuid::Uuid::now_v7().to_string(),
        topic: landed.topic.to_owned(),
        partitions: gone.into_iter().map(range).collect(),
    }
}
