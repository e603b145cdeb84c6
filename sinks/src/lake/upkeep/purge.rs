//! Makes old versions of a table unreadable at once: for rows that nobody may read any more, which old versions still hold.
//!
//! The data files that only old versions have are deleted, whatever their age, and so is the log before the first version
//! that stays: its commits and checkpoints carry the least and greatest values of erased rows.

use super::trim::{at, delete, forget, write_checkpoint};
use super::vacuum::{active, is_data};
use super::{before, version};
use crate::lake::location::{Lake, LakeError};
use crate::lake::log::{self, Kind, failed};
use crate::lake::replace::name_of;
use deltalake::DeltaTable;
use futures::TryStreamExt;
use object_store::ObjectStore;
use serde::Serialize;
use std::collections::HashSet;
use std::time::Duration;
use tidelake_schemas::Timestamp;

/// What is purged.
#[derive(Clone, Debug)]
pub struct PurgeOptions {
    /// Now, by the clock of the lake's store.
    pub now: Timestamp,
    /// The first version that stays readable; `None`: the newest.
    pub from: Option<i64>,
    /// Files that no version has ever had may be of a writer that is about to commit them, or of one that was stopped. Those
    /// that are older than this are deleted, too.
    pub uncommitted: Duration,
}

impl PurgeOptions {
    /// Everything but the newest version.
    pub fn now(now: Timestamp) -> Self {
        Self { now, from: None, uncommitted: Duration::from_secs(3600) }
    }
}

/// What was purged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// The first version that can still be read.
    pub from: i64,
    /// Data files that were deleted.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Commits and checkpoints that were deleted.
    pub log_objects: u64,
    /// Files that no version has and that are too young to tell that nobody will commit them: vacuum deletes them later, or a
    /// purge that is repeated after [`PurgeOptions::uncommitted`].
    pub young: u64,
}

/// Purges a table. A reader of an older version may fail; a writer looks at the newest and goes on. May be repeated.
///
/// # Errors
/// [`LakeError`]; call it again then.
pub async fn purge(lake: &Lake, name: &str, options: &PurgeOptions) -> Result<Purged, LakeError> {
    let Some(mut table) = lake.open(name).await? else { return Ok(Purged::default()) };
    let newest = version(&table);
    let from = options.from.unwrap_or(newest).clamp(0, newest);
    let first = if from == newest { table.clone() } else { at(lake, name, from).await? };
    if from > 0 {
        write_checkpoint(lake, &first, name).await?;
    }
    let mut needed = active(&first, name)?;
    let store = log::store(&table);
    let listed: Vec<_> = store.list(None).try_collect().await.map_err(failed(name))?;
    // What was committed since is read after the files were seen, so that none of it is taken for old.
    table.update_state().await.map_err(LakeError::delta(name))?;
    needed.extend(active(&table, name)?);
    let entries = log::list(&table, name, 0).await?;
    let (added, removed) = changed(&table, name, &entries, from).await?;
    needed.extend(added);
    let gone = tombstones(&table, name).await?;
    let old = before(options.now, options.uncommitted).millis();
    let mut purged = Purged { from, ..Purged::default() };
    let mut paths = Vec::new();
    for object in listed.into_iter().filter(|object| is_data(object.location.as_ref())) {
        let file = name_of(object.location.as_ref());
        if needed.contains(file) {
            continue;
        }
        if !gone.contains(file) && !removed.contains(file) && object.last_modified.timestamp_millis() > old {
            purged.young += 1;
            continue;
        }
        purged.files += 1;
        purged.bytes += object.size;
        paths.push(object.location);
    }
    delete(&table, name, paths).await?;
    purged.log_objects = forget(&table, name, &entries, from, false).await?.objects;
    Ok(purged)
}

/// Names of files that the log's commits after a version added, and that any of its commits removed.
async fn changed(
    table: &DeltaTable,
    name: &str,
    entries: &[log::Entry],
    from: i64,
) -> Result<(HashSet<String>, HashSet<String>), LakeError> {
    let commits: Vec<&log::Entry> = entries.iter().filter(|entry| entry.kind == Kind::Commit).collect();
    let (mut added, mut removed) = (HashSet::new(), HashSet::new());
    for (version, actions) in log::actions(table, name, &commits).await? {
        for action in &actions {
            let file = |kind: &str| Some(name_of(action.get(kind)?.get("path")?.as_str()?).to_owned());
            removed.extend(file("remove"));
            added.extend(file("add").filter(|_| version > from));
        }
    }
    Ok((added, removed))
}

/// Names of files that the checkpoint remembers as removed.
async fn tombstones(table: &DeltaTable, name: &str) -> Result<HashSet<String>, LakeError> {
    let snapshot = table.snapshot().map_err(LakeError::delta(name))?;
    let store = table.log_store();
    let removed = snapshot.all_tombstones(store.as_ref());
    removed.map_ok(|file| name_of(&file.path()).to_owned()).try_collect().await.map_err(LakeError::delta(name))
}
