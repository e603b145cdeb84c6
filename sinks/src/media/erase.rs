//! Takes stored files of videos out of the store.

use super::store::{MediaStore, Note, StoreError};
use crate::privacy::Suppressions;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be taken out, and what stays.
#[derive(Clone, Debug, Default)]
pub struct Doomed {
    /// Files of the videos, below the store's root.
    pub files: BTreeSet<String>,
    /// Of files that others' videos have as well: the note of one of those.
    pub shared: BTreeMap<String, Note>,
}

/// What was taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Files.
    pub files: usize,
    /// Notes.
    pub notes: usize,
    /// Files that stay, under another's name.
    pub shared: usize,
}

impl MediaStore {
    /// The names of the notes on videos that are erased, and the files they lead to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notes_of(&self, erased: &Suppressions) -> Result<BTreeMap<String, Option<String>>, StoreError> {
        let mut found = BTreeMap::new();
        for path in self.list("media/by-id").await? {
            // media/by-id/PLATFORM/VIDEO/…
            let mut parts = path.split('/').skip(2);
            let (Some(platform), Some(video)) = (parts.next(), parts.next()) else { continue };
            if erased.holds(Some(platform), video) {
                let note = self.read::<Note>(&path).await?;
                found.insert(path, note.and_then(|note| note.path));
            }
        }
        Ok(found)
    }

    /// Deletes files and notes. A file that others have too stays, and is theirs from then on. The notes go last: by them
    /// the files are found again when this is stopped.
    ///
    /// # Errors
    /// [`StoreError`]; what was deleted until then is.
    pub async fn erase(&self, erased: &Suppressions, doomed: &Doomed) -> Result<Removed, StoreError> {
        let notes = self.notes_of(erased).await?;
        let mut removed = Removed::default();
        let files: BTreeSet<&String> = doomed.files.iter().chain(notes.values().flatten()).collect();
        for file in files {
            let beside =
                file.rsplit_once('.').map_or_else(|| format!("{file}.json"), |(stem, _)| format!("{stem}.json"));
            match doomed.shared.get(file) {
                Some(other) => {
                    let owner = self.read::<Note>(&beside).await?;
                    if owner.is_none_or(|owner| erased.holds(Some(&owner.platform), &owner.video_id)) {
                        self.write(&beside, other).await?;
                    }
                    removed.shared += 1;
                }
                None => {
                    removed.files += usize::from(self.remove(file).await?);
                    removed.notes += usize::from(self.remove(&beside).await?);
                }
            }
        }
        for note in notes.keys() {
            removed.notes += usize::from(self.remove(note).await?);
        }
        Ok(removed)
    }
}
