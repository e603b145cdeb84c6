//! Where files are kept: by their content, so that equal ones are stored once.
//!
//! ```text
//! media/sha256/ab/abcdef….webp           the file
//! media/sha256/ab/abcdef….json           a note: which event stored it, what it is, under which terms it came
//! media/by-id/tiktok/7…/thumbnail-0.….json  what became of that file of that video
//! ```
//!
//! The note decides who stored a file: it is written once, so that an event that was interrupted and comes again finds
//! itself, and another finds whose duplicate it is.

use crate::place::{Place, hex};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use tidelake_schemas::observation::Provenance;

/// A store of files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MediaStore {
    store: Arc<dyn ObjectStore>,
    root: Path,
    shown: String,
}

/// What stands beside a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// The event that stored it.
    pub event_id: String,
    /// The platform.
    pub platform: String,
    /// The video; as text, as everywhere in JSON.
    pub video_id: String,
    /// thumbnail, video or slide.
    pub kind: String,
    /// The size.
    pub variant: String,
    /// What became of it.
    pub status: String,
    /// Where the file is; absent when nothing is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Where it came from; its zone says under which terms.
    pub provenance: Provenance,
}

/// A file in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Below the store's root.
    pub path: String,
    /// In hexadecimal.
    pub sha256: String,
    /// The event that had stored the same bytes before.
    pub duplicate_of: Option<String>,
}

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room.
    #[error("the media store {store} is full ({source}); nothing is stored of {path}")]
    Full {
        /// Where it is.
        store: String,
        /// What was written.
        path: String,
        /// What was answered.
        source: Box<object_store::Error>,
    },
    /// Anything else.
    #[error("the media store {store}, {path}: {source}. Check [media] store and its credentials")]
    Store {
        /// Where it is.
        store: String,
        /// What was read or written.
        path: String,
        /// What was answered.
        source: Box<object_store::Error>,
    },
    /// The location cannot be used.
    #[error("{location:?}: {why}. Give a directory or a URL such as s3://bucket/prefix")]
    Location {
        /// As given.
        location: String,
        /// Why not.
        why: String,
    },
}

impl MediaStore {
    /// A store in a directory (made if absent) or at a URL (`s3://`, `gs://`, `az://`, `file://`), reached as a lake there
    /// is: options as object_store names them, and what of them is absent from the environment.
    ///
    /// # Errors
    /// [`StoreError::Location`].
    pub fn at(location: &str, options: &HashMap<String, String>) -> Result<Self, StoreError> {
        let refuse = |why: String| StoreError::Location { location: location.to_owned(), why };
        let place = Place::at(location, options).map_err(refuse)?;
        Ok(Self::over(place.store, place.root, &place.shown))
    }

    /// A store over one that is at hand.
    pub fn over(store: Arc<dyn ObjectStore>, root: Path, shown: &str) -> Self {
        Self { store, root, shown: shown.to_owned() }
    }

    /// Where it is.
    pub fn location(&self) -> &str {
        &self.shown
    }

    /// Keeps a file, unless the same bytes are kept already.
    ///
    /// # Errors
    /// [`StoreError`]; no part of the file is then seen by anybody.
    pub async fn keep(&self, file: &Bytes, format: &str, note: &Note) -> Result<Kept, StoreError> {
        let sha256 = hex(digest(&SHA256, file).as_ref());
        let folder = format!("media/sha256/{}", &sha256[..2]);
        let path = format!("{folder}/{sha256}.{format}");
        self.create(&path, file.clone()).await?;
        let beside = format!("{folder}/{sha256}.json");
        let note = Note { path: Some(path.clone()), ..note.clone() };
        let mine = self.create(&beside, json(&note)).await?;
        let owner = if mine { None } else { self.read::<Note>(&beside).await? };
        let duplicate_of = owner.map(|owner| owner.event_id).filter(|id| *id != note.event_id);
        Ok(Kept { path, sha256, duplicate_of })
    }

    /// What became of a file of a video, as [`Self::remember`] noted it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recall(&self, name: &str) -> Result<Option<Note>, StoreError> {
        self.read(&format!("media/by-id/{name}.json")).await
    }

    /// Notes what became of a file of a video.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remember(&self, name: &str, note: &Note) -> Result<(), StoreError> {
        self.create(&format!("media/by-id/{name}.json"), json(note)).await.map(drop)
    }

    /// Writes an object that is not there; whether it was not.
    async fn create(&self, path: &str, content: Bytes) -> Result<bool, StoreError> {
        let (place, content) = (self.under(path), PutPayload::from(content));
        match self.store.put_opts(&place, content, PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.error(path, error)),
        }
    }

    /// An object's content; `None` when it is not there or cannot be understood.
    pub(super) async fn read<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Option<T>, StoreError> {
        let got = match self.store.get(&self.under(path)).await {
            Ok(got) => got.bytes().await,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => Err(error),
        };
        let content = got.map_err(|error| self.error(path, error))?;
        Ok(serde_json::from_slice(&content).ok())
    }

    /// Paths of the objects below a folder, without the store's root.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let root = self.root.parts().count();
        let listed: Vec<_> = self
            .store
            .list(Some(&self.under(folder)))
            .try_collect()
            .await
            .map_err(|error| self.error(folder, error))?;
        let below =
            |path: &Path| path.parts().skip(root).map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
        Ok(listed.iter().map(|object| below(&object.location)).collect())
    }

    /// Writes a note, whether there is one or not.
    pub(super) async fn write(&self, path: &str, note: &Note) -> Result<(), StoreError> {
        let written = self.store.put(&self.under(path), PutPayload::from(json(note))).await;
        written.map(drop).map_err(|error| self.error(path, error))
    }

    /// Deletes an object; whether it was there.
    pub(super) async fn remove(&self, path: &str) -> Result<bool, StoreError> {
        let place = self.under(path);
        match self.store.head(&place).await {
            Ok(_) => {}
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(self.error(path, error)),
        }
        match self.store.delete(&place).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(true),
            Err(error) => Err(self.error(path, error)),
        }
    }

    fn under(&self, path: &str) -> Path {
        path.split('/').fold(self.root.clone(), |whole, part| whole.join(part))
    }

    fn error(&self, path: &str, source: object_store::Error) -> StoreError {
        let (store, path, source) = (self.shown.clone(), path.to_owned(), Box::new(source));
        if is_full(&source) {
            StoreError::Full { store, path, source }
        } else {
            StoreError::Store { store, path, source }
        }
    }
}

/// No room on the disk, or none in the quota; object stores say HTTP 507.
fn is_full(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind::{QuotaExceeded, StorageFull};
            if matches!(io.kind(), StorageFull | QuotaExceeded) {
                return true;
            }
        }
        if error.to_string().contains("507 Insufficient Storage") {
            return true;
        }
        cause = error.source();
    }
    false
}

fn json(note: &Note) -> Bytes {
    // Texts and numbers always have a form in JSON.
    serde_json::to_vec(note).unwrap_or_default().into()
}
