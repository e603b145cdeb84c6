//! Is a backup whole? And: making it valid again after its tables or its state were rewritten.

use super::copy;
use super::manifest::{FileEntry, Manifest};
use super::readable::readable;
use super::table;
use super::take::STATES;
use super::{BackupError, Progress, TABLES};
use crate::lake::Lake;
use crate::place::Place;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use tidelake_schemas::Timestamp;
use uuid::Uuid;

/// Files that are read at the same time.
const PARALLEL: usize = 4;
/// A state that no manifest names and that is younger may be of a backup that is being made.
const GRACE_MICROS: i64 = 3600 * 1_000_000;

/// What is not as the manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is not there.
    Missing(String),
    /// It has another length or content.
    Changed(String),
    /// The files of a table are as they were written, and are no table.
    Unreadable {
        /// The table.
        table: String,
        /// Why not.
        why: String,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "{path} is missing"),
            Self::Changed(path) => write!(f, "{path} is damaged"),
            Self::Unreadable { table, why } => write!(f, "table {table} cannot be read: {why}"),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The backup.
    pub manifest: Manifest,
    /// What is wrong with it.
    pub damaged: Vec<Damage>,
}

/// Reads every file of a backup and compares it with the manifest. Then it opens each table, from what the manifest names
/// alone.
///
/// # Errors
/// [`BackupError`] when there is none, or the store fails.
pub async fn verify(place: &Place, mut told: impl FnMut(Progress)) -> Result<Verified, BackupError> {
    let manifest = Manifest::of(place).await?;
    let check = |file: FileEntry| async move {
        let found = copy::sum(place, &copy::key(place, &file.path)?).await?;
        Ok::<_, BackupError>((found, file))
    };
    let mut checked = stream::iter(manifest.files()).map(check).buffered(PARALLEL);
    let (mut damaged, mut progress) = (Vec::new(), Progress::default());
    while let Some((found, file)) = checked.try_next().await? {
        progress.files += 1;
        progress.bytes += file.bytes;
        told(progress);
        match found {
            None => damaged.push(Damage::Missing(file.path)),
            Some(found) if found != (file.bytes, file.sha256) => damaged.push(Damage::Changed(file.path)),
            Some(_) => {}
        }
    }
    drop(checked);
    if damaged.is_empty() {
        for (name, entry) in &manifest.tables {
            let unreadable = readable(place, name, entry).await?.err();
            damaged.extend(unreadable.map(|why| Damage::Unreadable { table: name.clone(), why }));
        }
    }
    Ok(Verified { manifest, damaged })
}

/// The folders of a backup that hold its tables, each to be opened as a lake: for erasure, which rewrites them in place and
/// then calls [`reseal`]. What backups that were cut short have left is among them.
///
/// # Errors
/// [`BackupError`] when the store fails.
pub async fn lakes(place: &Place, options: &HashMap<String, String>) -> Result<Vec<Lake>, BackupError> {
    let failed = |e: object_store::Error| BackupError::Store { place: place.shown.clone(), why: e.to_string() };
    let root = Some(&place.root).filter(|root| !root.as_ref().is_empty());
    let folders = place.store.list_with_delimiter(root).await.map_err(failed)?.common_prefixes;
    let folders = folders.iter().filter_map(|folder| folder.filename()).filter(|name| name.starts_with(TABLES));
    folders.map(|folder| Ok(Lake::at(&url_of(place, folder), options.clone())?)).collect()
}

/// Writes the manifest anew after tables of the backup were rewritten in place (an erasure): versions, files and sums are
/// those of the tables as they are now. Files that the old manifest names and the tables still have keep their sums, so that
/// damage is not blessed. The tables' folders are those of the manifest: open them there.
///
/// # Errors
/// [`BackupError`]; the manifest is as it was then.
pub async fn reseal(place: &Place, options: &HashMap<String, String>) -> Result<Manifest, BackupError> {
    let mut manifest = Manifest::of(place).await?;
    for (name, entry) in &mut manifest.tables {
        let folder = entry.folder.rsplit_once('/').map_or("", |(folder, _)| folder);
        let lake = Lake::at(&url_of(place, folder), options.clone())?;
        let gone =
            || BackupError::Table { table: name.clone(), why: format!("{} holds no table any more", entry.folder) };
        let table = lake.open(name).await?.ok_or_else(gone)?;
        let parts = table::parts(place, &entry.folder, name, &table).await?;
        let known: BTreeMap<String, FileEntry> =
            std::mem::take(&mut entry.files).into_iter().map(|file| (file.path.clone(), file)).collect();
        for part in parts.data.into_iter().chain(parts.ledger).chain(parts.log) {
            // An erasure takes statistics out of entries of the log in place, which makes them shorter.
            let rewritten = |file: &&FileEntry| part.path.starts_with("_delta_log/") && file.bytes != part.bytes;
            let kept = known.get(&part.path).filter(|file| !rewritten(file)).cloned();
            let file = match kept {
                Some(file) => file,
                None => summed(place, &entry.folder, part.path).await?,
            };
            entry.files.push(file);
        }
        entry.version = parts.version;
    }
    manifest.write(place).await?;
    Ok(manifest)
}

/// What a state of the log becomes; `None` when it may stay. An error is why it cannot be read.
pub type Edit<'a> = dyn Fn(&[u8]) -> Result<Option<Vec<u8>>, String> + Send + Sync + 'a;

/// What became of the states of the log that lie in a backup's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restated {
    /// The backup has another one now.
    pub changed: bool,
    /// Others that would have to change, and that a backup may be about to name.
    pub waiting: usize,
}

/// Puts another state of the log in place of a backup's, as `edit` makes it (an erasure): the new one is written, the
/// manifest names it, the old one is removed. What backups that were cut short have left goes if `edit` would change it.
///
/// # Errors
/// [`BackupError`]; the manifest names a state that is there.
pub async fn restate(place: &Place, now: Timestamp, edit: &Edit<'_>) -> Result<Restated, BackupError> {
    let mut manifest = Manifest::of(place).await?;
    let failed = |e: object_store::Error| BackupError::Store { place: place.shown.clone(), why: e.to_string() };
    let edited = |path: object_store::path::Path| async move {
        let content = place.store.get(&path).await.map_err(failed)?.bytes().await.map_err(failed)?;
        edit(&content).map_err(|why| BackupError::Store { place: format!("{} ({path})", place.shown), why })
    };
    let mut done = Restated::default();
    let old = copy::key(place, &manifest.state.path)?;
    if let Some(new) = edited(old.clone()).await? {
        let path = format!("{STATES}/{}.json", Uuid::now_v7());
        let (bytes, sha256) = copy::put(place, &copy::key(place, &path)?, Bytes::from(new)).await?;
        manifest.state = FileEntry { path, bytes, sha256 };
        manifest.write(place).await?;
        place.store.delete(&old).await.map_err(failed)?;
        done.changed = true;
    }
    let named = copy::key(place, &manifest.state.path)?;
    let states: Vec<_> = place.store.list(Some(&copy::key(place, STATES)?)).try_collect().await.map_err(failed)?;
    for other in states.into_iter().filter(|other| other.location != named) {
        if edited(other.location.clone()).await?.is_none() {
            continue;
        }
        if now.0 - other.last_modified.timestamp_micros() < GRACE_MICROS {
            done.waiting += 1;
        } else {
            place.store.delete(&other.location).await.map_err(failed)?;
        }
    }
    Ok(done)
}

/// The URL of a folder of a place.
fn url_of(place: &Place, folder: &str) -> String {
    format!("{}/{folder}", place.shown.trim_end_matches('/'))
}

async fn summed(place: &Place, folder: &str, path: String) -> Result<FileEntry, BackupError> {
    let found = copy::sum(place, &copy::key(place, &format!("{folder}/{path}"))?).await?;
    let missing =
        || BackupError::Store { place: format!("{}{folder}/{path}", place.shown), why: "it is missing".into() };
    let (bytes, sha256) = found.ok_or_else(missing)?;
    Ok(FileEntry { path, bytes, sha256 })
}
