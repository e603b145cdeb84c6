//! Is a backup whole? And: making it valid again after its tables were rewritten.

use super::copy;
use super::manifest::{FileEntry, Manifest};
use super::readable::readable;
use super::table;
use super::{BackupError, Progress, TABLES};
use crate::lake::Lake;
use crate::place::Place;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Files that are read at the same time.
const PARALLEL: usize = 4;

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
