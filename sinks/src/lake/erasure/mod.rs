//! Takes the rows of somebody out of the tables: out of the newest version, out of older ones, and out of the log.
//!
//! 1. **Rows** ([`erase`]). Files that hold a row are written anew without it and replaced by one commit ([`super::replace`]);
//!    then the table is looked at again, until no file of its newest version holds one.
//! 2. **Older versions** ([`purge`]). Files that no version needs any more but that still hold a row are deleted. The log's
//!    entries lose the statistics of files that are gone – a smallest and largest handle or id are personal data too – and
//!    checkpoints from before are replaced by a new one.
//!
//! Log entries are written anew in place, never deleted: a writer that was frozen over a deletion could take the number of a
//! deleted entry for free, and its commit would be seen by nobody. So the ledger stays whole too.
//!
//! Everything may be repeated, and stopped anywhere: what is left is found by looking, not remembered.

mod log;
mod purge;
mod recheck;
mod scan;
mod why;

pub use super::upkeep::tables;
pub use purge::{Purged, purge};
pub use recheck::{Recheck, recheck, uncheck};
pub use why::{Basis, Why};

use super::Lake;
use super::ledger;
use super::location::{LakeError, PARTITION_COLUMN};
use super::replace::{self, Replaced, Replacement, active, name_of};
use super::rewrite::with_columns;
use super::writer::{WriterOptions, properties};
use crate::privacy::{Suppressions, rows};
use deltalake::DeltaTable;
use deltalake::kernel::Remove;
use deltalake::protocol::DeltaOperation;
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of Parquet that are rewritten by one commit, unless one file has more.
const GROUP_BYTES: i64 = 128 * 1024 * 1024;
/// Files of one commit.
const GROUP_FILES: usize = 256;

/// What was taken out of the newest version of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Rows that went.
    pub rows: usize,
    /// Texts in others' rows that no longer name anybody.
    pub redacted: usize,
    /// Files that were replaced.
    pub files: usize,
    /// The table's version that was last looked at, and found without any.
    pub clean_version: u64,
}

/// How many rows of a table an erasure would take out, and of how many files.
///
/// # Errors
/// [`LakeError`].
pub async fn count(lake: &Lake, name: &str, erased: &Suppressions) -> Result<(usize, usize), LakeError> {
    let Some(table) = lake.open(name).await? else { return Ok((0, 0)) };
    let found = scan::files_with(&table, name, erased, None).await?;
    Ok((found.values().map(|found| found.rows).sum(), found.len()))
}

/// Takes the rows out of the newest version of a table, and out of what lands meanwhile. `only`: the files to look at first;
/// absent: all. `None` when there is no such table.
///
/// # Errors
/// [`LakeError`]; what was taken out until then stays so.
pub async fn erase(
    lake: &Lake,
    name: &str,
    erased: &Suppressions,
    why: &Why,
    options: &WriterOptions,
    only: Option<BTreeSet<String>>,
) -> Result<Option<Erased>, LakeError> {
    let Some(mut table) = lake.open(name).await? else { return Ok(None) };
    let mut done = Erased::default();
    let mut clean: BTreeSet<String> = match &only {
        Some(only) => names(&table, name)?.difference(only).cloned().collect(),
        None => BTreeSet::new(),
    };
    loop {
        let there = names(&table, name)?;
        let unseen: BTreeSet<String> = there.difference(&clean).cloned().collect();
        done.clean_version = table.version().unwrap_or(0);
        if unseen.is_empty() {
            return Ok(Some(done));
        }
        let dirty = scan::files_with(&table, name, erased, Some(&unseen)).await?;
        clean.extend(unseen.into_iter().filter(|file| !dirty.contains_key(file)));
        for group in groups(&table, name, &dirty.keys().cloned().collect())? {
            let files = group.len();
            if let Some((rows, redacted)) = rewrite(&mut table, name, &group, erased, why, options).await? {
                done.rows += rows;
                done.redacted += redacted;
                done.files += files;
            }
        }
        table.update_state().await.map_err(LakeError::delta(name))?;
    }
}

/// Names of the files of a snapshot.
fn names(table: &DeltaTable, name: &str) -> Result<BTreeSet<String>, LakeError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
    Ok(log.iter().map(|file| name_of(&file.path()).to_owned()).collect())
}

/// Files in groups that are rewritten together, each of one date.
fn groups(table: &DeltaTable, name: &str, wanted: &BTreeSet<String>) -> Result<Vec<Vec<Remove>>, LakeError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
    let mut dates: BTreeMap<String, Vec<Remove>> = BTreeMap::new();
    for file in log.iter().filter(|file| wanted.contains(name_of(&file.path()))) {
        let date = file.partition_values_map().remove(PARTITION_COLUMN).flatten().unwrap_or_default();
        dates.entry(date).or_default().push(file.remove_action(true));
    }
    let mut groups: Vec<Vec<Remove>> = Vec::new();
    for files in dates.into_values() {
        let (mut bytes, mut open) = (0, false);
        for file in files {
            let size = file.size.unwrap_or(0);
            bytes += size;
            match groups.last_mut() {
                Some(group) if open && bytes <= GROUP_BYTES && group.len() < GROUP_FILES => group.push(file),
                _ => {
                    (bytes, open) = (size, true);
                    groups.push(vec![file]);
                }
            }
        }
    }
    Ok(groups)
}

/// Writes the rows of files anew without those that go. `None`: somebody else has replaced some of the files, and their
/// rows stand elsewhere now.
async fn rewrite(
    table: &mut DeltaTable,
    name: &str,
    files: &[Remove],
    erased: &Suppressions,
    why: &Why,
    options: &WriterOptions,
) -> Result<Option<(usize, usize)>, LakeError> {
    table.update_state().await.map_err(LakeError::delta(name))?;
    let Some(old) = active(table, name, files, true)? else { return Ok(None) };
    let mut writer = RecordBatchWriter::for_table(table)
        .map_err(LakeError::delta(name))?
        .with_writer_properties(properties(name, options))
        .with_target_file_size(options.target_file_bytes);
    let schema = writer.arrow_schema();
    let (mut gone, mut redacted) = (0, 0);
    let mut batches = replace::rows(table, name, &old).await?;
    while let Some(batch) = batches.next().await {
        let mut batch = batch.map_err(|e| LakeError::delta(name)(e.into()))?;
        if let Some(judged) = rows::judge(erased, name, &batch).map_err(LakeError::arrow(name))? {
            gone += judged.gone;
            redacted += judged.redacted;
            batch = judged.batch;
        }
        if batch.num_rows() > 0 {
            let batch = with_columns(&batch, std::iter::empty(), &schema).map_err(LakeError::arrow(name))?;
            writer.write(batch).await.map_err(LakeError::delta(name))?;
        }
    }
    let new = writer.flush().await.map_err(LakeError::delta(name))?;
    let operation = DeltaOperation::Delete { predicate: None };
    let metadata = vec![ledger::said(&why.removed(gone))];
    let replacement = Replacement { old: &old, new: &new, operation, metadata };
    Ok(match replace::replace(table, name, &replacement).await? {
        Replaced::Done => Some((gone, redacted)),
        Replaced::Gone { .. } => None,
    })
}
