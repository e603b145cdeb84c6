//! What copies of the lake's rows exist elsewhere: exports, publications, reports, backups.
//!
//! One small JSON object per copy, below the lake's own root in `_tidelake/copies/`, written when the copy is complete. Who
//! is erased from the lake is erased from its copies too, and this is how they are found.

use crate::lake::Lake;
use crate::place::Place;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use tidelake_schemas::Timestamp;
use uuid::Uuid;

const FOLDER: &str = "_tidelake/copies";

/// What kind of copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CopyKind {
    /// The answer of a query, as a file or a directory of files.
    Export,
    /// An export that names nobody, with its code book.
    Publication,
    /// A page of what the lake says.
    Report,
    /// Tables, positions and state.
    Backup,
}

impl CopyKind {
    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Publication => "publication",
            Self::Report => "report",
            Self::Backup => "backup",
        }
    }
}

/// A copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Its id.
    pub id: Uuid,
    /// What kind.
    pub kind: CopyKind,
    /// Where it is: an absolute path or a URL, without secrets.
    pub location: String,
    /// How its files are written, e.g. `parquet`.
    pub format: String,
    /// When it was complete; microseconds since 1970, UTC.
    pub made_at: Timestamp,
    /// The query it answers, or the command that makes it; absent for backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// SHA-256 of the file, in hexadecimal; absent where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// The register of copies could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("register of copies {place}: {why}. Check that the lake can be written to")]
pub struct CopiesError {
    place: String,
    why: String,
}

/// The register of a lake's copies.
#[derive(Clone, Debug)]
pub struct Copies {
    place: Place,
}

impl Copies {
    /// The register of a lake.
    ///
    /// # Errors
    /// [`CopiesError`] when the lake's store cannot be reached.
    pub fn of(lake: &Lake) -> Result<Self, CopiesError> {
        let place = lake.root().to_string();
        let at = Place::at(lake.root().as_str(), lake.options()).map_err(|why| CopiesError { place, why })?;
        Ok(Self { place: at })
    }

    /// Notes a copy, or notes it anew.
    ///
    /// # Errors
    /// [`CopiesError`].
    pub async fn note(&self, copy: &Copied) -> Result<(), CopiesError> {
        let content = serde_json::to_vec_pretty(copy).map_err(|e| self.error(&e))?;
        let path = self.place.path(&format!("{FOLDER}/{}.json", copy.id));
        self.place.store.put(&path, PutPayload::from(content)).await.map_err(|e| self.error(&e))?;
        Ok(())
    }

    /// Forgets a copy that is no more.
    ///
    /// # Errors
    /// [`CopiesError`].
    pub async fn forget(&self, id: Uuid) -> Result<(), CopiesError> {
        let path = self.place.path(&format!("{FOLDER}/{id}.json"));
        match self.place.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error(&error)),
        }
    }

    /// Every copy, oldest first.
    ///
    /// # Errors
    /// [`CopiesError`], also when an entry cannot be understood: an unknown copy would not be erased from.
    pub async fn all(&self) -> Result<Vec<Copied>, CopiesError> {
        let folder = self.place.path(FOLDER);
        let listed: Vec<_> = self.place.store.list(Some(&folder)).try_collect().await.map_err(|e| self.error(&e))?;
        let mut copies = Vec::new();
        for entry in listed {
            let got = self.place.store.get(&entry.location).await.map_err(|e| self.error(&e))?;
            let content = got.bytes().await.map_err(|e| self.error(&e))?;
            copies.push(serde_json::from_slice::<Copied>(&content).map_err(|e| self.error(&e))?);
        }
        copies.sort_by_key(|copy| (copy.made_at, copy.id));
        Ok(copies)
    }

    fn error(&self, why: &dyn std::error::Error) -> CopiesError {
        CopiesError { place: format!("{}{FOLDER}", self.place.shown), why: why.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn copies_are_noted_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::at(dir.path().to_str().unwrap(), Default::default()).unwrap();
        let copies = Copies::of(&lake).unwrap();
        assert_eq!(copies.all().await.unwrap(), []);
        let copy = |at| Copied {
            id: Uuid::new_v4(),
            kind: CopyKind::Export,
            location: "/tmp/x.csv".into(),
            format: "csv".into(),
            made_at: Timestamp(at),
            statement: Some("select 1".into()),
            sha256: None,
        };
        let (old, new) = (copy(1), copy(2));
        copies.note(&new).await.unwrap();
        copies.note(&old).await.unwrap();
        assert_eq!(copies.all().await.unwrap(), [old.clone(), new.clone()]);
        copies.forget(old.id).await.unwrap();
        copies.forget(old.id).await.unwrap();
        assert_eq!(copies.all().await.unwrap(), [new]);
    }
}
