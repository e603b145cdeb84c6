//! Drops the dates of a table that are kept no longer, in one commit that removes their files.

use super::{before, repack};
use crate::lake::ledger;
use crate::lake::location::{Lake, LakeError, PARTITION_COLUMN};
use crate::lake::replace::{self, Replaced, Replacement};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::Date32Type;
use deltalake::DeltaTable;
use deltalake::kernel::Remove;
use deltalake::protocol::DeltaOperation;
use futures::TryStreamExt;
use serde::Serialize;
use std::time::Duration;
use tidelake_schemas::Timestamp;

const DAY_MICROS: i64 = 86_400_000_000;

/// What was dropped of a table, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The dates, oldest first.
    pub dates: Vec<String>,
    /// Their rows.
    pub rows: i64,
    /// Their files.
    pub files: u64,
    /// Bytes of the files, which vacuum deletes.
    pub bytes: u64,
}

/// Drops every date of a table that ended longer ago than `keep`. Nothing is dropped of a table without dates, or when
/// others change the same files meanwhile: the next call looks again.
///
/// # Errors
/// [`LakeError`].
pub async fn retain(
    lake: &Lake,
    name: &str,
    keep: Duration,
    now: Timestamp,
    dry_run: bool,
) -> Result<Dropped, LakeError> {
    let Some(mut table) = lake.open(name).await? else { return Ok(Dropped::default()) };
    if repack::partition_columns(&table, name)? != [PARTITION_COLUMN] {
        return Ok(Dropped::default());
    }
    let (mut dropped, files) = expired(&table, name, before(now, keep)).await?;
    let (Some(last), false) = (dropped.dates.last(), dry_run) else { return Ok(dropped) };
    let operation = DeltaOperation::Delete { predicate: Some(format!("{PARTITION_COLUMN} <= '{last}'")) };
    let metadata = vec![ledger::removal(dropped.rows, "retention")];
    match replace::replace(&mut table, name, &Replacement { old: &files, new: &[], operation, metadata }).await? {
        Replaced::Done => {
            let dates = dropped.dates.join(", ");
            tracing::info!(table = name, dates, rows = dropped.rows, "dropped: kept no longer");
        }
        Replaced::Gone { why } => {
            tracing::info!(table = name, why, "retention: the table has changed; looking again later");
            dropped = Dropped::default();
        }
    }
    Ok(dropped)
}

async fn expired(table: &DeltaTable, name: &str, until: Timestamp) -> Result<(Dropped, Vec<Remove>), LakeError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
    let (mut dropped, mut files, mut counted) = (Dropped::default(), Vec::new(), true);
    for file in log.iter() {
        let Some(date) = file.partition_values_map().remove(PARTITION_COLUMN).flatten() else { continue };
        let Some(day) = Date32Type::parse(&date) else { continue };
        if (i64::from(day) + 1) * DAY_MICROS > until.0 {
            continue;
        }
        counted &= file.num_records().is_some();
        dropped.rows += file.num_records().and_then(|rows| i64::try_from(rows).ok()).unwrap_or(0);
        dropped.files += 1;
        dropped.bytes += u64::try_from(file.size()).unwrap_or(0);
        dropped.dates.push(date);
        files.push(file.remove_action(true));
    }
    dropped.dates.sort();
    dropped.dates.dedup();
    if !counted {
        // A file that another writer made without statistics.
        let mut rows = replace::rows(table, name, &files).await?;
        dropped.rows = 0;
        while let Some(batch) = rows.try_next().await.map_err(|e| LakeError::delta(name)(e.into()))? {
            dropped.rows += i64::try_from(batch.num_rows()).unwrap_or(0);
        }
    }
    Ok((dropped, files))
}
