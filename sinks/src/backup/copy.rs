//! Files from one place to another, summed up on the way.

use super::BackupError;
use crate::place::{Place, hex};
use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload, WriteMultipart};

/// Files up to this length go in one piece.
const SMALL: u64 = 4 << 20;
/// Parts of an upload that are on their way at the same time.
const PARALLEL: usize = 4;

/// Length and SHA-256 of a file.
pub(super) type Sum = (u64, String);

/// The key of a path below a place; the path's parts are as the store names them.
pub(super) fn key(place: &Place, path: &str) -> Result<Path, BackupError> {
    let whole = if place.root.as_ref().is_empty() { path.to_owned() } else { format!("{}/{path}", place.root) };
    Path::parse(&whole).map_err(|e| BackupError::Store { place: format!("{}{path}", place.shown), why: e.to_string() })
}

fn failed(place: &Place, key: &Path) -> impl Fn(object_store::Error) -> BackupError + use<> {
    let file = format!("{} ({key})", place.shown);
    move |error| BackupError::Store { place: file.clone(), why: error.to_string() }
}

/// Copies a file.
pub(super) async fn copy(from: (&Place, &Path), to: (&Place, &Path)) -> Result<Sum, BackupError> {
    let (source, target) = (failed(from.0, from.1), failed(to.0, to.1));
    let got = from.0.store.get(from.1).await.map_err(&source)?;
    if got.meta.size <= SMALL {
        let bytes = got.bytes().await.map_err(&source)?;
        return put(to.0, to.1, bytes).await;
    }
    let mut upload = WriteMultipart::new(to.0.store.put_multipart(to.1).await.map_err(&target)?);
    let (mut sum, mut length) = (Context::new(&SHA256), 0);
    let mut pieces = got.into_stream();
    while let Some(piece) = pieces.try_next().await.map_err(&source)? {
        sum.update(&piece);
        length += piece.len() as u64;
        upload.wait_for_capacity(PARALLEL).await.map_err(&target)?;
        upload.put(piece);
    }
    upload.finish().await.map_err(&target)?;
    settle(to.0, to.1).await?;
    Ok((length, hex(sum.finish().as_ref())))
}

/// Writes a file.
pub(super) async fn put(place: &Place, key: &Path, bytes: Bytes) -> Result<Sum, BackupError> {
    let mut sum = Context::new(&SHA256);
    sum.update(&bytes);
    let length = bytes.len() as u64;
    place.store.put(key, PutPayload::from_bytes(bytes)).await.map_err(failed(place, key))?;
    settle(place, key).await?;
    Ok((length, hex(sum.finish().as_ref())))
}

/// Length and sum of a file; `None` when it is missing.
pub(super) async fn sum(place: &Place, key: &Path) -> Result<Option<Sum>, BackupError> {
    let failed = failed(place, key);
    let got = match place.store.get(key).await {
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        got => got.map_err(&failed)?,
    };
    let (mut sum, mut length) = (Context::new(&SHA256), 0);
    let mut pieces = got.into_stream();
    while let Some(piece) = pieces.try_next().await.map_err(&failed)? {
        sum.update(&piece);
        length += piece.len() as u64;
    }
    Ok(Some((length, hex(sum.finish().as_ref()))))
}

/// Makes sure that a file is on disk, where the place is one: the manifest must not outlive what it names.
pub(super) async fn settle(place: &Place, key: &Path) -> Result<(), BackupError> {
    let Some(root) = url::Url::parse(&place.shown).ok().and_then(|url| url.to_file_path().ok()) else { return Ok(()) };
    let path = root.join(key.as_ref());
    let why = |e: String| BackupError::Store { place: path.display().to_string(), why: e };
    let file = path.clone();
    let synced = tokio::task::spawn_blocking(move || std::fs::File::open(file).and_then(|file| file.sync_all())).await;
    synced.map_err(|e| why(e.to_string()))?.map_err(|e| why(e.to_string()))
}
