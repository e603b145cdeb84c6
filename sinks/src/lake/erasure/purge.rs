//! Out of older versions: files that nothing needs any more, statistics in the log, checkpoints.

use super::log::{Objects, failed, objects, store};
use super::names;
use super::why::ERASURE;
use crate::lake::location::LakeError;
use crate::lake::orphans;
use crate::lake::replace::name_of;
use crate::privacy::{Suppressions, rows};
use deltalake::DeltaTable;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt, PutPayload};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use serde_json::Value;
use std::collections::BTreeSet;
use tidelake_schemas::Timestamp;

/// A file that no version knows and that is younger than this may be about to be committed by a writer: by far longer than
/// `lake.commit_age` may be.
const GRACE_MICROS: i64 = 3600 * 1_000_000;
/// Files that are read at the same time.
const READS: usize = 2;

/// What was taken out of older versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Data files that were deleted.
    pub files: usize,
    /// Log entries that lost statistics.
    pub entries: usize,
    /// Files of checkpoints that were deleted.
    pub checkpoints: usize,
    /// Files with rows that a writer may be about to commit: look again an hour later.
    pub waiting: usize,
}

impl Purged {
    /// Whether anything was done.
    pub fn is_nothing(&self) -> bool {
        self.files + self.entries + self.checkpoints == 0
    }
}

/// What a log's entries say that matters here.
#[derive(Default)]
struct Said {
    /// Names of files that an entry has added or removed.
    known: BTreeSet<String>,
    /// The newest version that is an erasure's.
    last_erasure: Option<u64>,
}

/// Deletes files of a table that its newest version does not need and that hold rows that go; takes statistics of deleted
/// files out of the log; puts a new checkpoint in place of those from before the last erasure.
///
/// # Errors
/// [`LakeError`]; what was done until then stays so, and the rest is found again.
pub async fn purge(
    table: &mut DeltaTable,
    name: &str,
    erased: &Suppressions,
    now: Timestamp,
) -> Result<Purged, LakeError> {
    // In this order: a file that is committed in between is known to the log then.
    let there = objects(table, name).await?;
    table.update_state().await.map_err(LakeError::delta(name))?;
    let active = names(table, name)?;
    let said = read_entries(table, name, &there).await?;
    let mut purged = Purged::default();
    let mut present: BTreeSet<String> =
        there.files.iter().map(|file| name_of(file.location.as_ref()).to_owned()).collect();
    for file in inactive_with(table, name, &there.files, &active, erased).await? {
        let own = name_of(file.location.as_ref());
        let young = now.0 - file.last_modified.timestamp_micros() < GRACE_MICROS;
        let until = file.last_modified.timestamp_millis();
        // The last makes sure that nobody commits it after all, however long it was frozen.
        if !said.known.contains(own) && (young || !orphans::give_up(table, name, until).await?) {
            purged.waiting += 1;
            continue;
        }
        delete(table, name, &file.location).await?;
        present.remove(own);
        purged.files += 1;
    }
    present.extend(active);
    for (_, entry) in &there.entries {
        purged.entries += usize::from(forget_statistics(table, name, entry, &present).await?);
    }
    purged.checkpoints = renew_checkpoint(table, name, &there, said.last_erasure).await?;
    Ok(purged)
}

/// The files that the newest version does not need and that hold rows that go. Their columns are read as they are: also
/// rows that a deletion vector hides are in the file.
async fn inactive_with(
    table: &DeltaTable,
    name: &str,
    files: &[ObjectMeta],
    active: &BTreeSet<String>,
    erased: &Suppressions,
) -> Result<Vec<ObjectMeta>, LakeError> {
    let inactive = files.iter().filter(|file| !active.contains(name_of(file.location.as_ref())));
    let looked = futures::stream::iter(inactive.cloned())
        .map(|file| async move { Ok::<_, LakeError>(holds(table, name, &file, erased).await?.then_some(file)) });
    let found: Vec<Option<ObjectMeta>> = looked.buffer_unordered(READS).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn holds(table: &DeltaTable, name: &str, file: &ObjectMeta, erased: &Suppressions) -> Result<bool, LakeError> {
    let content = match store(table).get(&file.location).await {
        Ok(found) => found.bytes().await.map_err(failed(name))?,
        // Somebody else has deleted it.
        Err(object_store::Error::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(failed(name)(error)),
    };
    let broken = |error: ParquetError| LakeError::delta(name)(error.into());
    let builder = ParquetRecordBatchReaderBuilder::try_new(content).map_err(broken)?;
    let judged = rows::judged_columns(name, builder.schema());
    let mask = ProjectionMask::columns(builder.parquet_schema(), judged.iter().map(String::as_str));
    for batch in builder.with_projection(mask).build().map_err(broken)? {
        let batch = batch.map_err(LakeError::arrow(name))?;
        if rows::judge(erased, name, &batch).map_err(LakeError::arrow(name))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn delete(table: &DeltaTable, name: &str, path: &Path) -> Result<(), LakeError> {
    match store(table).delete(path).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(failed(name)(error)),
    }
}

async fn read(table: &DeltaTable, name: &str, path: &Path) -> Result<Option<Vec<Value>>, LakeError> {
    let content = match store(table).get(path).await {
        Ok(found) => found.bytes().await.map_err(failed(name))?,
        // Cleaned away meanwhile.
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(failed(name)(error)),
    };
    let actions: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&content).into_iter().collect();
    actions.map(Some).map_err(|e| LakeError::delta(name)(e.into()))
}

async fn read_entries(table: &DeltaTable, name: &str, there: &Objects) -> Result<Said, LakeError> {
    let mut said = Said::default();
    for (version, path) in &there.entries {
        for action in read(table, name, path).await?.unwrap_or_default() {
            let file = ["add", "remove"].iter().find_map(|kind| action[kind]["path"].as_str());
            said.known.extend(file.map(|path| name_of(path).to_owned()));
            let why = action["commitInfo"]["tidelake_removed"]["why"].as_str();
            if why.is_some_and(|why| why.starts_with(ERASURE)) {
                said.last_erasure = Some(*version);
            }
        }
    }
    Ok(said)
}

/// Takes the statistics of files that are gone out of a log entry; whether there were any.
///
/// The entry keeps its place: a writer that was frozen before it must find the number taken.
async fn forget_statistics(
    table: &DeltaTable,
    name: &str,
    path: &Path,
    present: &BTreeSet<String>,
) -> Result<bool, LakeError> {
    let Some(mut actions) = read(table, name, path).await? else { return Ok(false) };
    let mut changed = false;
    for add in actions.iter_mut().filter_map(|action| action.get_mut("add")).filter_map(Value::as_object_mut) {
        let gone = add.get("path").and_then(Value::as_str).is_some_and(|path| !present.contains(name_of(path)));
        changed |= gone && add.remove("stats").is_some_and(|stats| !stats.is_null());
    }
    if !changed {
        return Ok(false);
    }
    let mut lines = Vec::new();
    for action in &actions {
        serde_json::to_writer(&mut lines, action).map_err(|e| LakeError::delta(name)(e.into()))?;
        lines.push(b'\n');
    }
    store(table).put(path, PutPayload::from(lines)).await.map_err(failed(name))?;
    Ok(true)
}

/// Checkpoints hold the statistics of all files there were: those from before the last erasure go, once there is a newer one.
async fn renew_checkpoint(
    table: &DeltaTable,
    name: &str,
    there: &Objects,
    last_erasure: Option<u64>,
) -> Result<usize, LakeError> {
    let Some(last_erasure) = last_erasure else { return Ok(0) };
    let (old, newer): (Vec<_>, Vec<_>) = there.checkpoints.iter().partition(|(version, _)| *version < last_erasure);
    if old.is_empty() {
        return Ok(0);
    }
    if newer.is_empty() {
        deltalake::checkpoints::create_checkpoint(table, None).await.map_err(LakeError::delta(name))?;
    }
    for (_, path) in &old {
        delete(table, name, path).await?;
    }
    Ok(old.len())
}
