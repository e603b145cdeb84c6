//! What each commit says about the messages it took: the table's log is a ledger of the topic.
//!
//! Every commit carries, per partition, the half-open range of offsets it covers and what became of each message in
//! it. [`read`] gives the ledger back; `tidelake audit` checks that ranges join without hole or overlap and that the
//! sums agree with the rows. What commits said is kept when they are cleaned out of the log ([`kept`]).

mod kept;

use super::location::{Lake, LakeError};
use super::log;
use deltalake::DeltaTable;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The key of the record in a commit's `commitInfo`.
pub const KEY: &str = "tidelake";
/// The key of rows that a commit took away.
const REMOVED_KEY: &str = "tidelake_removed";

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

/// Rows that a commit took away: kept no longer, or erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// How many.
    pub rows: i64,
    /// Why, e.g. `retention`.
    pub why: String,
    /// By which right it was asked for, of an erasure that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a commit says that takes rows away, for its metadata. Without it, an audit would miss them.
pub fn removal(rows: i64, why: &str) -> (String, Value) {
    said(&Removed { rows, why: why.to_owned(), ..Removed::default() })
}

/// As [`removal`], with the right and the reason.
pub(crate) fn said(removed: &Removed) -> (String, Value) {
    (REMOVED_KEY.to_owned(), serde_json::to_value(removed).unwrap_or_default())
}

/// A commit's entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The table's version that the commit made.
    pub version: i64,
    /// The messages it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landed: Option<CommitRecord>,
    /// The rows it took away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removed>,
}

impl Entry {
    fn of((version, mut info): (i64, Value)) -> Self {
        let mut take = |key: &str| info.get_mut(key).map(Value::take).unwrap_or_default();
        let landed = serde_json::from_value(take(KEY)).ok();
        let removed = serde_json::from_value(take(REMOVED_KEY)).ok();
        Self { version, landed, removed }
    }
}

/// What is known of a table's commits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// The first version from which on nothing is missing: 0, unless something else than tidelake has cleaned the log.
    pub complete_from: i64,
}

/// Everything that is known of a table's commits: of those in its log, and of those that were cleaned out of it.
///
/// # Errors
/// [`LakeError`].
pub async fn history(lake: &Lake, table: &str) -> Result<History, LakeError> {
    let Some(delta) = lake.open(table).await? else { return Ok(History::default()) };
    // In this order: what is cleaned out of the log meanwhile was kept before.
    let in_log = in_log(&delta, table, None).await?;
    let mut all: BTreeMap<i64, Entry> = in_log.into_iter().map(|entry| (entry.version, entry)).collect();
    all.extend(kept::read(&delta, table).await?.0);
    let mut complete_from = delta.version().and_then(|version| i64::try_from(version).ok()).unwrap_or(0);
    while complete_from > 0 && all.contains_key(&(complete_from - 1)) {
        complete_from -= 1;
    }
    Ok(History { entries: all.into_values().rev().collect(), complete_from })
}

/// The messages that commits of one table took, newest commit first, as (table version, record).
///
/// # Errors
/// [`LakeError`].
pub async fn read(lake: &Lake, table: &str, limit: Option<usize>) -> Result<Vec<(i64, CommitRecord)>, LakeError> {
    let entries = history(lake, table).await?.entries.into_iter();
    let records = entries.filter_map(|entry| Some((entry.version, entry.landed?)));
    Ok(records.take(limit.unwrap_or(usize::MAX)).collect())
}

/// Of the last commits in the log.
pub(crate) async fn of_table(
    delta: &DeltaTable,
    table: &str,
    limit: Option<usize>,
) -> Result<Vec<(i64, CommitRecord)>, LakeError> {
    let entries = in_log(delta, table, limit).await?.into_iter();
    Ok(entries.filter_map(|entry| Some((entry.version, entry.landed?))).collect())
}

async fn in_log(delta: &DeltaTable, table: &str, limit: Option<usize>) -> Result<Vec<Entry>, LakeError> {
    let newest = delta.version().and_then(|version| i64::try_from(version).ok()).unwrap_or(0);
    let from = limit.map_or(0, |limit| newest + 1 - i64::try_from(limit).unwrap_or(newest)).max(0);
    let entries = log::list(delta, table, from).await?;
    Ok(log::infos(delta, table, &log::unbroken(&entries)).await?.into_iter().map(Entry::of).collect())
}

/// Keeps the entries of commits that are about to be cleaned out of the log.
///
/// # Errors
/// [`LakeError`]: the commits must stay then.
pub(super) async fn keep(delta: &DeltaTable, table: &str, commits: &[&log::Entry]) -> Result<(), LakeError> {
    let entries = log::infos(delta, table, commits).await?.into_iter().map(Entry::of);
    kept::add(delta, table, entries.collect()).await
}
