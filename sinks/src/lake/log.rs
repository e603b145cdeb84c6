//! A table's log as the objects it is made of: commits and checkpoints, by version.

use super::location::LakeError;
use deltalake::DeltaTable;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use serde_json::{Deserializer, Value};
use std::sync::Arc;

/// The folder of the log, below the table.
pub(super) const FOLDER: &str = "_delta_log";
/// Digits of a version in the names of the log's objects.
const DIGITS: usize = 20;
/// Objects that are read at once.
const READS: usize = 16;

/// What an object of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commit,
    Checkpoint,
}

/// An object of the log.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub version: i64,
    pub kind: Kind,
    pub path: Path,
    /// When it was written, by the store's clock; milliseconds since 1970.
    pub modified: i64,
    pub bytes: u64,
}

/// The store of a table, its paths relative to the table.
pub(super) fn store(table: &DeltaTable) -> Arc<dyn ObjectStore> {
    table.log_store().object_store(None)
}

/// What went wrong with an object of a table.
pub(super) fn failed(name: &str) -> impl FnOnce(Error) -> LakeError {
    let delta = LakeError::delta(name);
    move |error| delta(error.into())
}

/// The log's commits and checkpoints of `from` and later versions, oldest first.
pub(super) async fn list(table: &DeltaTable, name: &str, from: i64) -> Result<Vec<Entry>, LakeError> {
    let offset = Path::from(format!("{FOLDER}/{from:0DIGITS$}"));
    let listed = store(table).list_with_offset(Some(&Path::from(FOLDER)), &offset);
    let listed: Vec<_> = listed.try_collect().await.map_err(failed(name))?;
    let mut entries: Vec<Entry> = listed
        .into_iter()
        .filter_map(|object| {
            let (version, kind) = parse(object.location.as_ref())?;
            let modified = object.last_modified.timestamp_millis();
            Some(Entry { version, kind, path: object.location, modified, bytes: object.size })
        })
        .collect();
    entries.sort_by(|a, b| (a.version, &a.path).cmp(&(b.version, &b.path)));
    Ok(entries)
}

/// `_delta_log/00000000000000000017.json`, `…17.checkpoint.parquet` and the other names of checkpoints.
pub(super) fn parse(path: &str) -> Option<(i64, Kind)> {
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    let (version, rest) = name.split_at_checked(DIGITS)?;
    let kind = match rest {
        ".json" => Kind::Commit,
        _ if rest.starts_with(".checkpoint.") => Kind::Checkpoint,
        _ => return None,
    };
    Some((version.parse().ok()?, kind))
}

/// The commits among these that the newest version stands on, newest first: none is missing in between. What is older
/// than a gap is no part of the table: whoever was stopped for long may have put it where the log had been cleaned.
pub(super) fn unbroken(entries: &[Entry]) -> Vec<&Entry> {
    let mut commits: Vec<&Entry> = Vec::new();
    for entry in entries.iter().rev().filter(|entry| entry.kind == Kind::Commit) {
        if commits.last().is_some_and(|later| later.version != entry.version + 1) {
            break;
        }
        commits.push(entry);
    }
    commits
}

/// What commits say about themselves (`commitInfo`), in the order of the entries. A commit that was cleaned away meanwhile is
/// left out.
pub(super) async fn infos(table: &DeltaTable, name: &str, commits: &[&Entry]) -> Result<Vec<(i64, Value)>, LakeError> {
    let info = |mut value: Value| value.get_mut("commitInfo").map(Value::take);
    let found = each(table, name, commits, info).await?;
    Ok(found.into_iter().filter_map(|(version, infos)| Some((version, infos.into_iter().next()?))).collect())
}

async fn each(
    table: &DeltaTable,
    name: &str,
    commits: &[&Entry],
    keep: impl Fn(Value) -> Option<Value> + Copy,
) -> Result<Vec<(i64, Vec<Value>)>, LakeError> {
    let store = store(table);
    let paths: Vec<(i64, Path)> = commits.iter().map(|entry| (entry.version, entry.path.clone())).collect();
    let read = futures::stream::iter(paths).map(|(version, path)| {
        let store = Arc::clone(&store);
        async move {
            let content = match store.get(&path).await {
                Ok(found) => found.bytes().await?,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let values: Result<Vec<Value>, _> = Deserializer::from_slice(&content).into_iter().collect();
            Ok(Some((version, values?.into_iter().filter_map(keep).collect())))
        }
    });
    let read: Result<Vec<Option<_>>, deltalake::DeltaTableError> = read.buffered(READS).try_collect().await;
    Ok(read.map_err(LakeError::delta(name))?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_version_and_kind() {
        assert_eq!(parse("_delta_log/00000000000000000017.json"), Some((17, Kind::Commit)));
        assert_eq!(parse("_delta_log/00000000000000000100.checkpoint.parquet"), Some((100, Kind::Checkpoint)));
        let part = "_delta_log/00000000000000000100.checkpoint.0000000001.0000000002.parquet";
        assert_eq!(parse(part), Some((100, Kind::Checkpoint)));
        for other in ["_delta_log/_last_checkpoint", "_delta_log/17.json", "_delta_log/00000000000000000017.crc"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_older_than_a_gap_is_no_part_of_the_table() {
        let entry = |version| Entry { version, kind: Kind::Commit, path: Path::from("x"), modified: 0, bytes: 0 };
        let entries = [2, 5, 6, 7].map(entry);
        assert_eq!(unbroken(&entries).iter().map(|entry| entry.version).collect::<Vec<_>>(), [7, 6, 5]);
    }
}
