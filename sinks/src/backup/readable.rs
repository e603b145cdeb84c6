//! Are the files that a manifest names for a table a table?
//!
//! The log is opened from a copy in memory of what the manifest names of it, and of nothing else that lies there: a
//! checkpoint and the commits after it, or all commits. Every file of the version that this gives has to be among the
//! manifest's, at its length.

use super::BackupError;
use super::copy;
use super::manifest::TableEntry;
use super::table::{LOG, of_log};
use crate::lake::replace::name_of;
use crate::place::Place;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use std::collections::HashMap;
use std::sync::Arc;
use url::Url;

/// Opens a table of a backup; the inner error says why it is none.
pub(super) async fn readable(place: &Place, name: &str, entry: &TableEntry) -> Result<Result<(), String>, BackupError> {
    let needed = match needed(entry) {
        Ok(needed) => needed,
        Err(why) => return Ok(Err(why)),
    };
    let log = InMemory::new();
    for path in needed {
        let key = copy::key(place, &format!("{}/{path}", entry.folder))?;
        let failed = |e: object_store::Error| BackupError::Store { place: place.shown.clone(), why: e.to_string() };
        let content = match place.store.get(&key).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(Err(format!("{path} is missing"))),
            got => got.map_err(failed)?.bytes().await.map_err(failed)?,
        };
        log.put(&Path::from(path), PutPayload::from_bytes(content)).await.map_err(failed)?;
    }
    Ok(match opened(log, entry.version).await {
        Ok(table) => is_entry(&table, entry),
        Err(error) => Err(format!("version {} of {name}: {error}", entry.version)),
    })
}

/// The files of the log that its version stands on: the newest checkpoint and the commits after it.
fn needed(entry: &TableEntry) -> Result<Vec<&str>, String> {
    let log = |path: &str| path.strip_prefix(LOG).and_then(|file| of_log(file.trim_start_matches('/')));
    let parts = || entry.files.iter().filter_map(|file| Some((log(&file.path)?, file.path.as_str())));
    let checkpoint = parts().filter(|((_, is_commit), _)| !is_commit).map(|((at, _), _)| at).max();
    let first = checkpoint.map_or(0, |at| at + 1);
    let mut commits: Vec<u64> = parts().filter(|((_, is_commit), _)| *is_commit).map(|((at, _), _)| at).collect();
    commits.sort_unstable();
    if let Some(missing) = (first..=entry.version).find(|version| commits.binary_search(version).is_err()) {
        let behind = checkpoint.map_or_else(String::new, |at| format!(" after its checkpoint of version {at}"));
        return Err(format!("its log has no commit {missing}{behind}"));
    }
    let wanted =
        |at: u64, is_commit: bool| if is_commit { at >= first && at <= entry.version } else { Some(at) == checkpoint };
    Ok(parts().filter(|((at, is_commit), _)| wanted(*at, *is_commit)).map(|(_, path)| path).collect())
}

async fn opened(log: InMemory, version: u64) -> Result<DeltaTable, DeltaTableError> {
    let url = Url::parse("memory:///").map_err(|e| DeltaTableError::Generic(e.to_string()))?;
    let builder = DeltaTableBuilder::from_url(url.clone())?.with_storage_backend(Arc::new(log), url);
    builder.with_version(version).load().await
}

/// Whether the manifest's entry is what the table's log says.
fn is_entry(table: &DeltaTable, entry: &TableEntry) -> Result<(), String> {
    let snapshot = table.snapshot().map_err(|e| e.to_string())?;
    if snapshot.metadata().id() != entry.delta_id {
        return Err(format!("its log is of table {}, not of {}", snapshot.metadata().id(), entry.delta_id));
    }
    let known: HashMap<&str, u64> = entry.files.iter().map(|file| (name_of(&file.path), file.bytes)).collect();
    for file in snapshot.snapshot().try_log_data().map_err(|e| e.to_string())?.iter() {
        let path = file.path();
        match known.get(name_of(&path)) {
            None => return Err(format!("its version {} has file {path}, which the backup has not", entry.version)),
            Some(bytes) if i64::try_from(*bytes).ok() != Some(file.size()) => {
                return Err(format!("file {path} has {bytes} bytes, and {} by its log", file.size()));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::manifest::FileEntry;
    use super::*;

    fn entry(version: u64, files: &[(u64, &str)]) -> TableEntry {
        let file = |(at, kind): &(u64, &str)| FileEntry {
            path: format!("_delta_log/{at:020}.{kind}"),
            bytes: 0,
            sha256: String::new(),
        };
        let files = files.iter().map(file).collect();
        TableEntry { folder: "tables/t".into(), delta_id: String::new(), version, files }
    }

    #[test]
    fn a_log_has_no_gaps() {
        let (commit, checkpoint) = ("json", "checkpoint.parquet");
        assert_eq!(needed(&entry(1, &[(0, commit), (1, commit)])).unwrap().len(), 2);
        let cleaned = entry(7, &[(4, commit), (5, commit), (5, checkpoint), (6, commit), (7, commit)]);
        assert_eq!(needed(&cleaned).unwrap().len(), 3, "the checkpoint and what comes after");
        assert_eq!(needed(&entry(5, &[(5, checkpoint)])).unwrap().len(), 1);
        for (entry, part) in [
            (entry(2, &[(0, commit), (2, commit)]), "no commit 1"),
            (entry(2, &[(1, commit), (2, commit)]), "no commit 0"),
            (entry(7, &[(5, checkpoint), (6, commit)]), "no commit 7 after its checkpoint of version 5"),
        ] {
            let why = needed(&entry).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
    }
}
