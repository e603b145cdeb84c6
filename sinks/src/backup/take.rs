//! Backing up: what is new is copied, then the manifest says that it is there.

use super::copy::{self, Sum};
use super::manifest::{FileEntry, Manifest, TableEntry};
use super::readable::readable;
use super::table::{self, Part, Parts};
use super::{BackupError, Progress, TABLES};
use crate::lake::Lake;
use crate::place::Place;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt};
use std::collections::BTreeMap;
use tidelake_schemas::Timestamp;
use uuid::Uuid;

/// The folder of the log's states.
pub(super) const STATES: &str = "state";
/// Files that are copied at the same time.
const PARALLEL: usize = 8;

/// What was backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The backup.
    pub manifest: Manifest,
    /// What of it had to be copied; the rest was there.
    pub copied: Progress,
}

/// Backs up a lake's tables, together with `state`, to a place that is empty or holds an earlier backup of it. Tables that
/// are written to meanwhile are backed up as they were when their turn came.
///
/// # Errors
/// [`BackupError`]; a backup that the place held before is still valid then.
pub async fn take(
    lake: &Lake,
    to: &Place,
    state: Bytes,
    made_at: Timestamp,
    mut told: impl FnMut(Progress),
) -> Result<Taken, BackupError> {
    let from = lake_place(lake)?;
    let before = Manifest::find(to).await?;
    let id = Uuid::now_v7();
    let path = format!("{STATES}/{id}.json");
    let (bytes, sha256) = copy::put(to, &copy::key(to, &path)?, state).await?;
    let mut manifest = Manifest::new(id, made_at, FileEntry { path, bytes, sha256 });
    let mut copied = Progress { files: 1, bytes };
    for name in table::names(lake, &from).await? {
        let earlier = before.as_ref().and_then(|before| before.tables.get(&name));
        let mut one = One { from: &from, to, name: &name, copied: &mut copied, told: &mut told };
        let entry = one.copy(lake, earlier).await?;
        manifest.tables.insert(name, entry);
    }
    for (name, entry) in &manifest.tables {
        if let Err(why) = readable(to, name, entry).await? {
            let why = format!("its copy cannot be read: {why}. The backup before is as it was; run it again");
            return Err(BackupError::Table { table: name.clone(), why });
        }
    }
    manifest.write(to).await?;
    if let Some(before) = before {
        sweep(to, &before, &manifest).await?;
    }
    Ok(Taken { manifest, copied })
}

/// The lake's root as a place.
pub(super) fn lake_place(lake: &Lake) -> Result<Place, BackupError> {
    let shown = lake.root().to_string();
    Place::at(lake.root().as_str(), lake.options()).map_err(|why| BackupError::Store { place: shown, why })
}

/// A table on its way.
struct One<'a, T> {
    from: &'a Place,
    to: &'a Place,
    name: &'a str,
    copied: &'a mut Progress,
    told: &'a mut T,
}

impl<T: FnMut(Progress)> One<'_, T> {
    async fn copy(&mut self, lake: &Lake, earlier: Option<&TableEntry>) -> Result<TableEntry, BackupError> {
        let gone = || BackupError::Table { table: self.name.to_owned(), why: "it is gone. Run it again".to_owned() };
        let table = lake.open(self.name).await?.ok_or_else(gone)?;
        let parts = table::parts(self.from, self.name, self.name, &table).await?;
        if earlier.is_some_and(|earlier| earlier.delta_id != parts.delta_id) {
            return Err(BackupError::Another { place: self.to.shown.clone(), table: self.name.to_owned() });
        }
        let earlier = match earlier {
            Some(earlier) if self.is_prefix(earlier, &parts).await? => Some(earlier),
            _ => None,
        };
        let folder = match earlier {
            Some(earlier) => earlier.folder.clone(),
            None => self.free().await?,
        };
        let there = self.there(&folder, earlier).await?;
        let mut files = Vec::new();
        let data: Vec<&Part> = parts.data.iter().collect();
        for some in data.chunks(PARALLEL) {
            files.extend(self.copy_some(some, &folder, &there).await?);
        }
        files.extend(self.ledger(parts.ledger, &folder, &there).await?);
        // One by one: a table's log without a version in between could not be read.
        for part in &parts.log {
            files.extend(self.copy_some(&[part], &folder, &there).await?);
        }
        Ok(TableEntry { folder, delta_id: parts.delta_id, version: parts.version, files })
    }

    /// Copies the ledger. Its objects are put together now and then: what is gone is in one that was not there before.
    async fn ledger(
        &mut self,
        mut parts: Vec<Part>,
        folder: &str,
        there: &BTreeMap<String, FileEntry>,
    ) -> Result<Vec<FileEntry>, BackupError> {
        loop {
            let all: Vec<&Part> = parts.iter().collect();
            let copied = self.copy_some(&all, folder, there).await;
            let now = table::ledger(self.from, self.name).await?;
            if copied.is_ok() || now == parts {
                return copied;
            }
            parts = now;
        }
    }

    async fn copy_some(
        &mut self,
        parts: &[&Part],
        folder: &str,
        there: &BTreeMap<String, FileEntry>,
    ) -> Result<Vec<FileEntry>, BackupError> {
        let (from, to, name) = (self.from, self.to, self.name);
        let entries = stream::iter(parts.iter().copied()).map(|part| async move {
            if let Some(known) = there.get(&part.path).filter(|known| known.bytes == part.bytes) {
                return Ok::<_, BackupError>((known.clone(), false));
            }
            let (source, target) = (
                copy::key(from, &format!("{name}/{}", part.path))?,
                copy::key(to, &format!("{folder}/{}", part.path))?,
            );
            let (bytes, sha256): Sum = copy::copy((from, &source), (to, &target)).await?;
            Ok((FileEntry { path: part.path.clone(), bytes, sha256 }, true))
        });
        let entries: Vec<_> = entries.buffered(PARALLEL).try_collect().await?;
        for (entry, _) in entries.iter().filter(|(_, new)| *new) {
            self.copied.files += 1;
            self.copied.bytes += entry.bytes;
        }
        (self.told)(*self.copied);
        Ok(entries.into_iter().map(|(entry, _)| entry).collect())
    }

    /// Does the log of the copy say what the lake's says, as far as it goes? Commits are small, and of those that both have
    /// the newest is compared in full: each follows from the one before it.
    async fn is_prefix(&self, earlier: &TableEntry, parts: &Parts) -> Result<bool, BackupError> {
        let known: BTreeMap<&str, &FileEntry> = earlier.files.iter().map(|file| (file.path.as_str(), file)).collect();
        let both: Vec<_> = parts.log.iter().filter_map(|part| Some((part, known.get(part.path.as_str())?))).collect();
        if earlier.version > parts.version || both.iter().any(|(part, known)| part.bytes != known.bytes) {
            return Ok(false);
        }
        let Some((newest, known)) = both.last() else { return Ok(false) };
        let found = copy::sum(self.from, &copy::key(self.from, &format!("{}/{}", self.name, newest.path))?).await?;
        Ok(found.is_some_and(|(_, sha256)| sha256 == known.sha256))
    }

    /// A folder for a copy of the table that begins anew: none that the manifest names. Its last part is the table's name.
    async fn free(&self) -> Result<String, BackupError> {
        let manifest = Manifest::find(self.to).await?;
        let taken = |folder: &str| manifest.iter().any(|m| m.tables.values().any(|table| table.folder == folder));
        let first = format!("{TABLES}/{}", self.name);
        let mut others = (2..).map(|n| format!("{TABLES}-{n}/{}", self.name));
        Ok(if taken(&first) { others.find(|folder| !taken(folder)).unwrap_or(first) } else { first })
    }

    /// The files of an earlier backup that are still where it says.
    async fn there(
        &self,
        folder: &str,
        earlier: Option<&TableEntry>,
    ) -> Result<BTreeMap<String, FileEntry>, BackupError> {
        let Some(earlier) = earlier else { return Ok(BTreeMap::new()) };
        let root = copy::key(self.to, folder)?;
        let failed = |e: object_store::Error| BackupError::Store { place: self.to.shown.clone(), why: e.to_string() };
        let listed: Vec<_> = self.to.store.list(Some(&root)).try_collect().await.map_err(failed)?;
        let listed: BTreeMap<_, _> = listed.into_iter().map(|object| (object.location, object.size)).collect();
        let mut there = BTreeMap::new();
        for file in &earlier.files {
            if listed.get(&copy::key(self.to, &format!("{folder}/{}", file.path))?) == Some(&file.bytes) {
                there.insert(file.path.clone(), file.clone());
            }
        }
        Ok(there)
    }
}

/// Removes what only the manifest before has named: its state, and copies of tables that were made anew.
async fn sweep(place: &Place, before: &Manifest, now: &Manifest) -> Result<(), BackupError> {
    let failed = |e: object_store::Error| BackupError::Store { place: place.shown.clone(), why: e.to_string() };
    if before.state.path != now.state.path {
        place.store.delete(&copy::key(place, &before.state.path)?).await.map_err(failed)?;
    }
    let folders: Vec<&str> = now.tables.values().map(|table| table.folder.as_str()).collect();
    for old in before.tables.values().filter(|table| !folders.contains(&table.folder.as_str())) {
        let root = copy::key(place, &old.folder)?;
        let files: Vec<_> = place.store.list(Some(&root)).try_collect().await.map_err(failed)?;
        for file in files {
            place.store.delete(&file.location).await.map_err(failed)?;
        }
    }
    Ok(())
}
