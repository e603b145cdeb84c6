//! Deletes data files that no version needs which was the newest within a grace, and what writers left behind that were
//! stopped: every file that is older than the grace, that the newest version does not have, and that it has not lost within
//! the grace. The log is only written to where a file goes of which it says nothing: see [`orphans`].

use super::{before, trim};
use crate::lake::commit::quietly;
use crate::lake::location::{Lake, LakeError};
use crate::lake::log::{self, failed};
use crate::lake::orphans;
use crate::lake::replace::name_of;
use deltalake::DeltaTable;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;
use tidelake_schemas::Timestamp;

/// The shortest grace that needs no permission: by far longer than a commit is retried or a query may run.
pub const LEAST_GRACE: Duration = Duration::from_secs(86_400);
/// How long checkpoints remember files that were removed, unless the table says otherwise.
const REMEMBERED: Duration = Duration::from_secs(7 * 86_400);
/// Files that are deleted together, after one look at the newest version.
const CHUNK: usize = 1000;
/// How often files of which the log says nothing are looked at again while others commit; then they wait for the next time.
const ATTEMPTS: u32 = 8;

/// What may be deleted.
#[derive(Clone, Debug)]
pub struct VacuumOptions {
    /// How long files are kept that were removed, or that were written and not committed.
    pub grace: Duration,
    /// Allows a grace below [`LEAST_GRACE`]: only where no writer or reader can need what is older.
    pub allow_short_grace: bool,
    /// Only says what would be deleted.
    pub dry_run: bool,
}

/// What was deleted, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Vacuumed {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Vacuums a table.
///
/// # Errors
/// [`LakeError::ShortGrace`], and others of [`LakeError`].
pub async fn vacuum(lake: &Lake, name: &str, now: Timestamp, options: &VacuumOptions) -> Result<Vacuumed, LakeError> {
    if options.grace < LEAST_GRACE && !options.allow_short_grace {
        return Err(LakeError::ShortGrace { table: name.to_owned(), grace: options.grace, least: LEAST_GRACE });
    }
    let Some(mut table) = lake.open(name).await? else { return Ok(Vacuumed::default()) };
    if !options.dry_run {
        remember(&mut table, name, options.grace).await?;
    }
    let cutoff = before(now, options.grace).millis();
    let mut vacuumed = Vacuumed::default();
    let store = log::store(&table);
    let old = store.list(None).try_filter(|object| {
        std::future::ready(is_data(object.location.as_ref()) && object.last_modified.timestamp_millis() <= cutoff)
    });
    let mut chunks = old.chunks(CHUNK);
    while let Some(chunk) = chunks.next().await {
        let mut chunk: Vec<ObjectMeta> = chunk.into_iter().collect::<Result<_, _>>().map_err(failed(name))?;
        unneeded(&mut table, name, &mut chunk, cutoff, options.dry_run).await?;
        vacuumed.files += chunk.len() as u64;
        vacuumed.bytes += chunk.iter().map(|object| object.size).sum::<u64>();
        if !options.dry_run {
            trim::delete(&table, name, chunk.into_iter().map(|object| object.location).collect()).await?;
        }
    }
    if let Ok(dir) = lake.table_url(name)?.to_file_path() {
        let dry_run = options.dry_run;
        let swept = tokio::task::spawn_blocking(move || sweep(&dir, cutoff, dry_run)).await.unwrap_or_default();
        vacuumed.files += swept.files;
        vacuumed.bytes += swept.bytes;
    }
    Ok(vacuumed)
}

/// Is it a file of rows, or of marks on them? Whatever else lies there is left alone, and so is what is hidden.
pub(super) fn is_data(path: &str) -> bool {
    let hidden = |part: &str| part.starts_with(['_', '.']) && !part.contains('=');
    let ends = |end: &str| path.ends_with(end);
    (ends(".parquet") || (ends(".bin") && name_of(path).starts_with("deletion_vector"))) && !path.split('/').any(hidden)
}

/// Leaves of some files those that may be deleted. The version is read after the files were seen: what is committed until
/// then is kept, and what is committed later is none of these.
async fn unneeded(
    table: &mut DeltaTable,
    name: &str,
    files: &mut Vec<ObjectMeta>,
    cutoff: i64,
    dry_run: bool,
) -> Result<(), LakeError> {
    let among = |names: &HashSet<String>, file: &ObjectMeta| names.contains(name_of(file.location.as_ref()));
    for attempt in 1.. {
        table.update_state().await.map_err(LakeError::delta(name))?;
        let Known { needed, removed } = known(table, name, cutoff).await?;
        files.retain(|file| !among(&needed, file));
        let orphaned = files.iter().any(|file| !among(&removed, file));
        if dry_run || !orphaned || orphans::give_up(table, name, cutoff).await? {
            break;
        }
        if attempt == ATTEMPTS {
            files.retain(|file| among(&removed, file));
            break;
        }
    }
    Ok(())
}

/// Names of files that the log says something of.
struct Known {
    /// Those that the version at hand has, or that were removed after an instant.
    needed: HashSet<String>,
    /// Those that were removed before.
    removed: HashSet<String>,
}

async fn known(table: &DeltaTable, name: &str, cutoff: i64) -> Result<Known, LakeError> {
    let mut known = Known { needed: active(table, name)?, removed: HashSet::new() };
    let snapshot = table.snapshot().map_err(LakeError::delta(name))?;
    let store = table.log_store();
    let mut removed = snapshot.all_tombstones(store.as_ref());
    while let Some(file) = removed.next().await {
        let file = file.map_err(LakeError::delta(name))?;
        let old = file.deletion_timestamp().is_some_and(|at| at <= cutoff);
        let names = if old { &mut known.removed } else { &mut known.needed };
        names.insert(name_of(&file.path()).to_owned());
    }
    Ok(known)
}

/// Names of the files that the version at hand has. A deletion vector's is the end of its descriptor's path.
pub(super) fn active(table: &DeltaTable, name: &str) -> Result<HashSet<String>, LakeError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
    let mut names = HashSet::new();
    for file in log.iter() {
        if file.deletion_vector_descriptor().is_some() {
            // Tidelake writes none. Whoever does has tools to vacuum the table.
            let why = "it has deletion vectors, which another writer made: vacuum it with that one";
            return Err(LakeError::delta(name)(deltalake::DeltaTableError::generic(why)));
        }
        names.insert(name_of(&file.path()).to_owned());
    }
    Ok(names)
}

/// Has checkpoints remember removed files for the whole grace: a file that is forgotten looks as if it had never been
/// committed.
async fn remember(table: &mut DeltaTable, name: &str, grace: Duration) -> Result<(), LakeError> {
    const PROPERTY: &str = "delta.deletedFileRetentionDuration";
    let snapshot = table.snapshot().map_err(LakeError::delta(name))?;
    let remembered = snapshot.table_config().deleted_file_retention_duration.unwrap_or(REMEMBERED);
    if grace <= remembered {
        return Ok(());
    }
    let property = HashMap::from([(PROPERTY.to_owned(), format!("interval {} seconds", grace.as_secs()))]);
    let setting = table.clone().set_tbl_properties().with_properties(property).with_commit_properties(quietly());
    *table = setting.await.map_err(LakeError::delta(name))?;
    Ok(())
}

/// What a killed process was writing to a directory stands there as `name#1` and is in no listing of the store.
fn sweep(dir: &Path, cutoff: i64, dry_run: bool) -> Vacuumed {
    let mut swept = Vacuumed::default();
    let Ok(entries) = std::fs::read_dir(dir) else { return swept };
    for entry in entries.flatten() {
        let (name, Ok(about)) = (entry.file_name(), entry.metadata()) else { continue };
        if about.is_dir() {
            let below = sweep(&entry.path(), cutoff, dry_run);
            swept.files += below.files;
            swept.bytes += below.bytes;
            continue;
        }
        let unfinished = name
            .to_str()
            .and_then(|name| name.rsplit_once('#'))
            .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        let modified = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let old = modified.is_some_and(|at| i64::try_from(at.as_millis()).is_ok_and(|at| at <= cutoff));
        if unfinished && old && (dry_run || std::fs::remove_file(entry.path()).is_ok()) {
            swept.files += 1;
            swept.bytes += about.len();
        }
    }
    swept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_rows_are_deleted() {
        for data in [
            "part-0.parquet",
            "observed_date=2026-01-01/part-0.zstd.parquet",
            "deletion_vector_x.bin",
            "_a=1/b.parquet",
        ] {
            assert!(is_data(data), "{data}");
        }
        for other in
            ["_delta_log/00000000000000000001.checkpoint.parquet", ".x.parquet", "notes.txt", "_x/a.parquet", "a.bin"]
        {
            assert!(!is_data(other), "{other}");
        }
    }
}
