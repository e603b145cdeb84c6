//! Putting a backup's tables where a lake is to be.
//!
//! A note in the lake says that a restore has begun and not ended: until then nothing may land there. The same backup can
//! be restored again to a place where that was cut short.

use super::check::verify;
use super::copy;
use super::manifest::Manifest;
use super::take::lake_place;
use super::{BackupError, Damage, Progress};
use crate::lake::Lake;
use crate::place::Place;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use uuid::Uuid;

/// Where the note is.
const NOTE: &str = "_tidelake/restoring";

/// Begins: reads every file of the backup first, so that nothing is touched where one is damaged. Gives the backup, what
/// the log knew, and whether an earlier restore of it was cut short here.
///
/// # Errors
/// [`BackupError`]: damage, or a lake that is not empty.
pub async fn begin(
    from: &Place,
    lake: &Lake,
    told: impl FnMut(Progress),
) -> Result<(Manifest, Bytes, bool), BackupError> {
    let checked = verify(from, told).await?;
    if !checked.damaged.is_empty() {
        return Err(BackupError::Damaged { place: from.shown.clone(), damaged: checked.damaged });
    }
    let manifest = checked.manifest;
    let to = lake_place(lake)?;
    let again = note(&to).await? == Some(manifest.id);
    if !again {
        for table in manifest.tables.keys() {
            let found = to.store.list(Some(&copy::key(&to, table)?)).try_next().await;
            if found.map_err(|e| failed(&to, &e))?.is_some() {
                return Err(BackupError::NotEmpty { lake: to.shown.clone(), table: table.clone() });
            }
        }
        copy::put(&to, &copy::key(&to, NOTE)?, Bytes::from(manifest.id.to_string())).await?;
    }
    let state = from.store.get(&copy::key(from, &manifest.state.path)?).await.map_err(|e| failed(from, &e))?;
    let state = state.bytes().await.map_err(|e| failed(from, &e))?;
    Ok((manifest, state, again))
}

/// Copies the tables, and checks what was copied. Of a table that an earlier try has brought over nothing is touched.
///
/// # Errors
/// [`BackupError`]; run it again then.
pub async fn into_lake(
    from: &Place,
    manifest: &Manifest,
    lake: &Lake,
    mut told: impl FnMut(Progress),
) -> Result<(), BackupError> {
    let to = lake_place(lake)?;
    let mut progress = Progress::default();
    for (name, table) in &manifest.tables {
        // Its log comes last: with the last file of it the table is whole.
        let last = table.files.last().map(|file| copy::key(&to, &format!("{name}/{}", file.path))).transpose()?;
        if let Some(last) = &last
            && copy::sum(&to, last).await?.is_some()
        {
            continue;
        }
        for file in &table.files {
            let source = copy::key(from, &format!("{}/{}", table.folder, file.path))?;
            let target = copy::key(&to, &format!("{name}/{}", file.path))?;
            if copy::copy((from, &source), (&to, &target)).await? != (file.bytes, file.sha256.clone()) {
                let damaged = vec![Damage::Changed(format!("{}/{}", table.folder, file.path))];
                return Err(BackupError::Damaged { place: from.shown.clone(), damaged });
            }
            progress.files += 1;
            progress.bytes += file.bytes;
            told(progress);
        }
    }
    Ok(())
}

/// Ends: the lake is one again.
///
/// # Errors
/// [`BackupError`].
pub async fn finish(lake: &Lake) -> Result<(), BackupError> {
    let to = lake_place(lake)?;
    match to.store.delete(&copy::key(&to, NOTE)?).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(failed(&to, &error)),
    }
}

/// Whether a restore into this lake was begun and not ended.
///
/// # Errors
/// [`BackupError`] when the lake's store cannot be reached.
pub async fn is_unfinished(lake: &Lake) -> Result<bool, BackupError> {
    Ok(note(&lake_place(lake)?).await?.is_some())
}

async fn note(place: &Place) -> Result<Option<Uuid>, BackupError> {
    match place.store.get(&copy::key(place, NOTE)?).await {
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        got => {
            let content = got.map_err(|e| failed(place, &e))?.bytes().await.map_err(|e| failed(place, &e))?;
            Ok(Some(Uuid::parse_str(&String::from_utf8_lossy(&content)).unwrap_or_default()))
        }
    }
}

fn failed(place: &Place, error: &object_store::Error) -> BackupError {
    BackupError::Store { place: place.shown.clone(), why: error.to_string() }
}
