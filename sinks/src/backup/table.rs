//! The files that make up a table at a version.

use super::BackupError;
use super::copy;
use crate::lake::current::Current;
use crate::lake::replace::name_of;
use crate::lake::{Lake, LakeError};
use crate::place::Place;
use deltalake::DeltaTable;
use deltalake::kernel::StorageType;
use futures::TryStreamExt;
use object_store::ObjectStore;
use std::collections::BTreeSet;

/// The folder of a table's log.
pub(super) const LOG: &str = "_delta_log";
/// Where is kept what commits said that were cleaned out of the log ([`crate::lake::ledger`]).
const LEDGER: &str = "_delta_log/_ledger";

/// A file of a table: its path from the table's folder, and its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) path: String,
    pub(super) bytes: u64,
}

/// A table's files, in the order in which they are to be copied.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) delta_id: String,
    pub(super) version: u64,
    /// Data and checkpoints, in any order.
    pub(super) data: Vec<Part>,
    /// The ledger, in any order.
    pub(super) ledger: Vec<Part>,
    /// The log, oldest first.
    pub(super) log: Vec<Part>,
}

/// The names of a lake's tables. Those that keep the newest observations are left out: they are made of the others, and what
/// they say of the log's offsets would mean other records once a restored log begins anew.
pub(super) async fn names(lake: &Lake, place: &Place) -> Result<Vec<String>, BackupError> {
    let failed = |e: object_store::Error| BackupError::Store { place: place.shown.clone(), why: e.to_string() };
    let root = Some(&place.root).filter(|root| !root.as_ref().is_empty());
    let folders = place.store.list_with_delimiter(root).await.map_err(failed)?.common_prefixes;
    let mut names = Vec::new();
    let made_of_others = |name: &str| Current::ALL.iter().any(|which| which.table() == name);
    let wanted = |name: &&str| !name.starts_with('_') && !made_of_others(name);
    for name in folders.iter().filter_map(|folder| folder.filename()).filter(wanted) {
        if lake.open(name).await?.is_some() {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// The files of an open table, which is in a folder of a place.
pub(super) async fn parts(place: &Place, folder: &str, name: &str, table: &DeltaTable) -> Result<Parts, BackupError> {
    let version = table.version().unwrap_or(0);
    let snapshot = table.snapshot().map_err(LakeError::delta(name))?;
    let delta_id = snapshot.metadata().id().to_owned();
    let active = active(table, name)?;
    let root = copy::key(place, folder)?;
    let failed = |e: object_store::Error| BackupError::Store { place: place.shown.clone(), why: e.to_string() };
    let listed: Vec<_> = place.store.list(Some(&root)).try_collect().await.map_err(failed)?;
    let (mut data, mut log, mut checkpoints) = (Vec::new(), Vec::new(), Vec::new());
    for object in listed {
        let path = object.location.as_ref().strip_prefix(root.as_ref()).unwrap_or_default().trim_start_matches('/');
        let part = Part { path: path.to_owned(), bytes: object.size };
        match path.strip_prefix(LOG) {
            Some(file) => match of_log(file.trim_start_matches('/')) {
                Some((at, true)) if at <= version => log.push(part),
                Some((at, false)) if at <= version => checkpoints.push((at, part)),
                _ => {}
            },
            None if active.contains(name_of(path)) => data.push(part),
            None => {}
        }
    }
    if data.len() != active.len() {
        let why = format!(
            "{} of its {} files are not in the store. Was it vacuumed meanwhile? Run it again",
            active.len() - data.len(),
            active.len()
        );
        return Err(BackupError::Table { table: name.to_owned(), why });
    }
    let newest = checkpoints.iter().map(|(at, _)| *at).max();
    data.extend(checkpoints.into_iter().filter(|(at, _)| Some(*at) == newest).map(|(_, part)| part));
    log.sort_by(|a, b| a.path.cmp(&b.path));
    // After the log: what was cleaned out of it until then is in the ledger.
    let ledger = ledger(place, folder).await?;
    Ok(Parts { delta_id, version, data, ledger, log })
}

/// The objects of a table's ledger, as they are now.
pub(super) async fn ledger(place: &Place, folder: &str) -> Result<Vec<Part>, BackupError> {
    let root = copy::key(place, &format!("{folder}/{LEDGER}"))?;
    let failed = |e: object_store::Error| BackupError::Store { place: place.shown.clone(), why: e.to_string() };
    let listed: Vec<_> = place.store.list(Some(&root)).try_collect().await.map_err(failed)?;
    let part = |object: object_store::ObjectMeta| {
        let name = object.location.filename().unwrap_or_default();
        Part { path: format!("{LEDGER}/{name}"), bytes: object.size }
    };
    let mut parts: Vec<Part> = listed.into_iter().map(part).collect();
    parts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(parts)
}

/// Names of the files whose rows the table has.
fn active(table: &DeltaTable, name: &str) -> Result<BTreeSet<String>, BackupError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
    let mut active = BTreeSet::new();
    for file in log.iter() {
        let beside = file.deletion_vector_descriptor().is_some_and(|v| v.storage_type != StorageType::Inline);
        if beside {
            let why = "another engine has marked rows as deleted in files beside its own (deletion vectors). Have that engine \
                       purge them (REORG TABLE … APPLY (PURGE)), then back up again";
            return Err(BackupError::Table { table: name.to_owned(), why: why.to_owned() });
        }
        active.insert(name_of(&file.path()).to_owned());
    }
    Ok(active)
}

/// The version of a log file, and whether it is a commit rather than a checkpoint. What else may be there (hints, checksums)
/// can be written over and is not needed.
pub(super) fn of_log(file: &str) -> Option<(u64, bool)> {
    let (version, kind) = file.split_once('.')?;
    let version = Some(version).filter(|v| v.len() == 20)?.parse().ok()?;
    match kind {
        "json" => Some((version, true)),
        kind if kind.starts_with("checkpoint") && kind.ends_with(".parquet") => Some((version, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_log_are_told_apart() {
        let name = |rest: &str| format!("{:020}{rest}", 7);
        assert_eq!(of_log(&name(".json")), Some((7, true)));
        assert_eq!(of_log(&name(".checkpoint.parquet")), Some((7, false)));
        assert_eq!(of_log(&name(".checkpoint.0000000001.0000000002.parquet")), Some((7, false)));
        assert_eq!(of_log("_last_checkpoint"), None);
        assert_eq!(of_log(&name(".json.tmp")), None);
    }
}
