//! What each commit says about the messages it took: the table's log is a ledger of the topic.
//!
//! Every commit carries, per partition, the half-open range of offsets it covers and what became of each message in
//! it. [`read`] gives the ledger back; `tidelake audit` checks that ranges join without hole or overlap and that the
//! sums agree with the rows.

use super::location::{Lake, LakeError};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The key of the record in a commit's `commitInfo`.
pub const KEY: &str = "tidelake";

/// What became of the messages of a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Landed as rows.
    pub rows: i64,
    /// Refused to the dead letters.
    pub dead: i64,
    /// Dropped: lineage not higher than the highest seen (a repeat after a restart).
    pub repeated: i64,
    /// Dropped: published by a collector that had lost its partition.
    pub stale: i64,
    /// Dropped: about somebody who is erased.
    #[serde(default)]
    pub suppressed: i64,
    /// Fences: messages without a record.
    pub fences: i64,
    /// Offsets without a message (compaction, transaction markers).
    pub gaps: i64,
}

impl Counts {
    /// All outcomes together: as many as the range has offsets.
    pub fn total(&self) -> i64 {
        self.rows + self.dead + self.repeated + self.stale + self.suppressed + self.fences + self.gaps
    }

    /// Adds another range's counts.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.dead += other.dead;
        self.repeated += other.repeated;
        self.stale += other.stale;
        self.suppressed += other.suppressed;
        self.fences += other.fences;
        self.gaps += other.gaps;
    }
}

/// A partition's part of a commit: offsets `from..to` and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRange {
    /// First offset covered.
    pub from: i64,
    /// Next offset to read.
    pub to: i64,
    /// What became of them.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What a commit says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommitRecord {
    /// The writer's own id of this commit: tells a landed commit from somebody else's.
    pub operation: String,
    /// The topic.
    pub topic: String,
    /// The ranges, by partition.
    pub partitions: BTreeMap<i32, PartitionRange>,
}

/// The key of rows that a commit took away.
const REMOVED_KEY: &str = "tidelake_removed";

/// Rows that a commit took away: kept no longer, or erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// How many.
    pub rows: i64,
    /// Why.
    pub why: String,
}

/// What a commit says that takes rows away, for its metadata. Without it, an audit would miss them.
pub fn removal(rows: i64, why: &str) -> (String, serde_json::Value) {
    (REMOVED_KEY.to_owned(), serde_json::json!({"rows": rows, "why": why}))
}

/// The rows that commits of one table took away, newest first, as (table version, record).
///
/// # Errors
/// [`LakeError`].
pub async fn removed(lake: &Lake, table: &str) -> Result<Vec<(i64, Removed)>, LakeError> {
    let Some(delta) = lake.open(table).await? else { return Ok(Vec::new()) };
    entries(&delta, table, REMOVED_KEY, None).await
}

/// The ledger of one table, newest commit first, as (table version, record).
///
/// # Errors
/// [`LakeError`].
pub async fn read(lake: &Lake, table: &str, limit: Option<usize>) -> Result<Vec<(i64, CommitRecord)>, LakeError> {
    let Some(delta) = lake.open(table).await? else { return Ok(Vec::new()) };
    of_table(&delta, table, limit).await
}

pub(crate) async fn of_table(
    delta: &deltalake::DeltaTable,
    table: &str,
    limit: Option<usize>,
) -> Result<Vec<(i64, CommitRecord)>, LakeError> {
    entries(delta, table, KEY, limit).await
}

/// What the commits of a table say of themselves under a key, newest first, with their versions.
async fn entries<T: serde::de::DeserializeOwned>(
    delta: &deltalake::DeltaTable,
    table: &str,
    key: &str,
    limit: Option<usize>,
) -> Result<Vec<(i64, T)>, LakeError> {
    let mut version = delta.version().and_then(|v| i64::try_from(v).ok()).unwrap_or(0);
    let mut history = delta.history(limit);
    let mut records = Vec::new();
    while let Some(info) = history.next().await {
        let info = info.map_err(LakeError::delta(table))?;
        if let Some(value) = info.info.get(key)
            && let Ok(record) = serde_json::from_value(value.clone())
        {
            records.push((version, record));
        }
        version -= 1;
    }
    Ok(records)
}
