//! The log: checkpoints, from which the newest version is read quickly, and clean-up of what is older than is wanted.

use super::{before, checkpoint_until, version};
use crate::lake::ledger;
use crate::lake::location::{Lake, LakeError, check_properties};
use crate::lake::log::{self, Entry, Kind, failed};
use deltalake::{DeltaTable, DeltaTableBuilder};
use futures::{StreamExt, TryStreamExt};
use object_store::{Error, ObjectStore};
use serde::Serialize;
use std::time::Duration;
use tidelake_schemas::Timestamp;

/// Objects that are deleted together.
const CHUNK: usize = 500;

/// What was cleaned out of a log, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// Commits and checkpoints.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The oldest version that can be read from now on.
    pub from: i64,
}

/// Writes a checkpoint of a table's newest version when the last one is `every` versions older, or more. Gives the version;
/// `None` when it was not due. Writers write some, too; two of one version are the same.
///
/// # Errors
/// [`LakeError`].
pub async fn checkpoint(lake: &Lake, name: &str, every: i64, dry_run: bool) -> Result<Option<i64>, LakeError> {
    let Some(table) = lake.open(name).await? else { return Ok(None) };
    let newest = version(&table);
    let last = checkpoint_until(&log::list(&table, name, 0).await?, newest);
    if newest == 0 || newest - last.unwrap_or(0) < every.max(1) {
        return Ok(None);
    }
    if !dry_run {
        write_checkpoint(lake, &table, name).await?;
    }
    Ok(Some(newest))
}

/// Writes a checkpoint of the version at hand, and reads the table from it.
pub(super) async fn write_checkpoint(lake: &Lake, table: &DeltaTable, name: &str) -> Result<(), LakeError> {
    // With that property the checkpoint would forget positions.
    check_properties(table.clone(), name)?;
    deltalake::checkpoints::create_checkpoint(table, None).await.map_err(LakeError::delta(name))?;
    let read = at(lake, name, version(table)).await?;
    let files = |table: &DeltaTable| table.snapshot().map(|s| s.log_data().num_files());
    let (had, has) = (files(table).map_err(LakeError::delta(name))?, files(&read).map_err(LakeError::delta(name))?);
    if had == has {
        return Ok(());
    }
    let (old, new) = (format!("{had} files"), format!("{has} files in their checkpoint"));
    Err(LakeError::Unlike { table: name.to_owned(), old, new, version: table.version().unwrap_or_default() })
}

/// A table at a version.
pub(super) async fn at(lake: &Lake, name: &str, version: i64) -> Result<DeltaTable, LakeError> {
    let builder = DeltaTableBuilder::from_url(lake.table_url(name)?).map_err(LakeError::delta(name))?;
    let builder =
        builder.with_storage_options(lake.options().clone()).with_version(u64::try_from(version).unwrap_or(0));
    builder.load().await.map_err(LakeError::delta(name))
}

/// Deletes from a table's log what is not needed to read any version that was the newest within `retention`: always behind
/// a checkpoint, oldest first, and only after what the commits say of messages and rows is kept for audits. The ages are
/// those of the store.
///
/// # Errors
/// [`LakeError`].
pub async fn clean(
    lake: &Lake,
    name: &str,
    now: Timestamp,
    retention: Duration,
    dry_run: bool,
) -> Result<Cleaned, LakeError> {
    let Some(table) = lake.open(name).await? else { return Ok(Cleaned::default()) };
    let entries = log::list(&table, name, 0).await?;
    let cutoff = before(now, retention).millis();
    let commits = entries.iter().filter(|entry| entry.kind == Kind::Commit);
    let old = commits.filter(|entry| entry.modified <= cutoff).map(|entry| entry.version).max();
    let Some(from) = old.and_then(|version| checkpoint_until(&entries, version)) else {
        return Ok(Cleaned { from: entries.first().map_or(0, |entry| entry.version), ..Cleaned::default() });
    };
    // Nothing is deleted on the word of a checkpoint that cannot be read.
    at(lake, name, from).await?;
    forget(&table, name, &entries, from, dry_run).await
}

/// Deletes what is older than a version that has a checkpoint.
pub(super) async fn forget(
    table: &DeltaTable,
    name: &str,
    entries: &[Entry],
    from: i64,
    dry_run: bool,
) -> Result<Cleaned, LakeError> {
    let old: Vec<&Entry> = entries.iter().filter(|entry| entry.version < from).collect();
    let bytes = old.iter().map(|entry| entry.bytes).sum();
    let cleaned = Cleaned { objects: old.len() as u64, bytes, from };
    if dry_run || old.is_empty() {
        return Ok(cleaned);
    }
    let commits: Vec<&Entry> = log::unbroken(entries).into_iter().filter(|entry| entry.version < from).collect();
    ledger::keep(table, name, &commits).await?;
    for chunk in old.chunks(CHUNK) {
        delete(table, name, chunk.iter().map(|entry| entry.path.clone()).collect()).await?;
    }
    Ok(cleaned)
}

/// Deletes objects; that one is gone already is no error.
pub(super) async fn delete(
    table: &DeltaTable,
    name: &str,
    paths: Vec<object_store::path::Path>,
) -> Result<(), LakeError> {
    let paths = futures::stream::iter(paths.into_iter().map(Ok)).boxed();
    let gone = log::store(table).delete_stream(paths).map(|deleted| match deleted {
        Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    });
    gone.try_collect::<()>().await.map_err(failed(name))
}
