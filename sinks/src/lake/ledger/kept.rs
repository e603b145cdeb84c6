//! The ledger of commits that were cleaned out of a table's log: JSON lines in `_delta_log/_ledger/`, beside the log that
//! they are of. Objects are only ever written whole, under a new name, before what they replace is deleted: what two of
//! them say is the same.

use super::Entry;
use crate::lake::location::LakeError;
use crate::lake::log::{self, FOLDER, failed};
use deltalake::DeltaTable;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Objects smaller than this are written anew with what is added.
const FULL: u64 = 4 * 1024 * 1024;
/// How often objects are looked for that another process has just put together.
const ATTEMPTS: usize = 8;

type Entries = BTreeMap<i64, Entry>;

fn folder() -> Path {
    Path::from(FOLDER).join("_ledger")
}

/// Everything that was kept, and the objects that say so.
pub(super) async fn read(delta: &DeltaTable, table: &str) -> Result<(Entries, Vec<ObjectMeta>), LakeError> {
    for _ in 1..ATTEMPTS {
        match try_read(delta).await {
            // Another process has put it together with others since it was listed.
            Err(deltalake::DeltaTableError::ObjectStore { source: Error::NotFound { .. } }) => {}
            other => return other.map_err(LakeError::delta(table)),
        }
    }
    try_read(delta).await.map_err(LakeError::delta(table))
}

async fn try_read(delta: &DeltaTable) -> Result<(Entries, Vec<ObjectMeta>), deltalake::DeltaTableError> {
    let store = log::store(delta);
    let objects: Vec<ObjectMeta> = store.list(Some(&folder())).try_collect().await?;
    let mut all = Entries::new();
    for object in &objects {
        let content = store.get(&object.location).await?.bytes().await?;
        for entry in serde_json::Deserializer::from_slice(&content).into_iter::<Entry>() {
            let entry = entry?;
            all.insert(entry.version, entry);
        }
    }
    Ok((all, objects))
}

/// Adds entries of commits.
pub(super) async fn add(delta: &DeltaTable, table: &str, entries: Vec<Entry>) -> Result<(), LakeError> {
    let (known, objects) = read(delta, table).await?;
    let new: Vec<Entry> = entries.into_iter().filter(|entry| !known.contains_key(&entry.version)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let store = log::store(delta);
    let small: Vec<&ObjectMeta> = objects.iter().filter(|object| object.size < FULL).collect();
    let mut all: Entries = new.into_iter().map(|entry| (entry.version, entry)).collect();
    for object in &small {
        let content = match store.get(&object.location).await {
            Ok(found) => found.bytes().await.map_err(failed(table))?,
            Err(Error::NotFound { .. }) => continue,
            Err(error) => return Err(failed(table)(error)),
        };
        for entry in serde_json::Deserializer::from_slice(&content).into_iter::<Entry>() {
            let entry = entry.map_err(|e| LakeError::delta(table)(e.into()))?;
            all.insert(entry.version, entry);
        }
    }
    let mut lines = Vec::new();
    for entry in all.values() {
        serde_json::to_writer(&mut lines, entry).map_err(|e| LakeError::delta(table)(e.into()))?;
        lines.push(b'\n');
    }
    let path = folder().join(format!("{}.jsonl", Uuid::now_v7()));
    store.put(&path, PutPayload::from(lines)).await.map_err(failed(table))?;
    for object in small {
        match store.delete(&object.location).await {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => tracing::debug!(table, %error, "a part of the ledger that was put into another stays"),
        }
    }
    Ok(())
}
