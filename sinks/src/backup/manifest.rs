//! What a backup consists of.

use super::{BackupError, MANIFEST};
use crate::place::Place;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tidelake_schemas::Timestamp;
use uuid::Uuid;

/// The form of manifests that this release writes and reads.
const FORM: u32 = 1;

/// A backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this file.
    pub form: u32,
    /// The backup's id.
    pub id: Uuid,
    /// When it was complete; microseconds since 1970, UTC.
    pub made_at: Timestamp,
    /// The release that wrote it.
    pub release: String,
    /// The tables, by name.
    pub tables: BTreeMap<String, TableEntry>,
    /// What the log knew.
    pub state: FileEntry,
}

/// A table of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Its folder, from the place's root.
    pub folder: String,
    /// The id by which Delta knows the table.
    pub delta_id: String,
    /// Its version.
    pub version: u64,
    /// Its files, paths from its folder.
    pub files: Vec<FileEntry>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// A new one, without tables.
    pub(super) fn new(id: Uuid, made_at: Timestamp, state: FileEntry) -> Self {
        let release = env!("CARGO_PKG_VERSION").to_owned();
        Self { form: FORM, id, made_at, release, tables: BTreeMap::new(), state }
    }

    /// The one of a place; `None` when there is none.
    ///
    /// # Errors
    /// [`BackupError`].
    pub async fn find(place: &Place) -> Result<Option<Self>, BackupError> {
        let shown = format!("{}/{MANIFEST}", place.shown.trim_end_matches('/'));
        let failed = |why: String| BackupError::Store { place: shown.clone(), why };
        let content = match place.store.get(&place.path(MANIFEST)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            got => got.map_err(|e| failed(e.to_string()))?.bytes().await.map_err(|e| failed(e.to_string()))?,
        };
        let wrong = |why: String| BackupError::Manifest { place: shown.clone(), why };
        let manifest: Self = serde_json::from_slice(&content).map_err(|e| wrong(e.to_string()))?;
        match manifest.form {
            FORM => Ok(Some(manifest)),
            form => Err(wrong(format!("it has form {form}, this release knows {FORM}"))),
        }
    }

    /// The one of a place.
    ///
    /// # Errors
    /// [`BackupError`], also when there is none.
    pub async fn of(place: &Place) -> Result<Self, BackupError> {
        Self::find(place).await?.ok_or_else(|| BackupError::None(place.shown.clone()))
    }

    /// Makes it the place's.
    pub(super) async fn write(&self, place: &Place) -> Result<(), BackupError> {
        let failed = |why: String| BackupError::Store { place: format!("{}/{MANIFEST}", place.shown), why };
        let content = serde_json::to_vec_pretty(self).map_err(|e| failed(e.to_string()))?;
        let key = place.path(MANIFEST);
        place.store.put(&key, PutPayload::from(content)).await.map_err(|e| failed(e.to_string()))?;
        super::copy::settle(place, &key).await
    }

    /// Every file, paths from the place's root.
    pub(super) fn files(&self) -> impl Iterator<Item = FileEntry> + '_ {
        let of_tables = self.tables.values().flat_map(|table| {
            let whole =
                |file: &FileEntry| FileEntry { path: format!("{}/{}", table.folder, file.path), ..file.clone() };
            table.files.iter().map(whole)
        });
        of_tables.chain([self.state.clone()])
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }
}
