//! Where files go: a disk or a bucket. They appear when they are whole.

use super::encode::Piece;
use super::{Export, ExportError, ExportedFile};
use crate::place::{Place, hex};
use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What says that a directory of files is whole.
pub(super) const SUCCESS: &str = "_SUCCESS";
/// The file by whose lock a directory underway is known to be somebody's.
const LOCK: &str = ".lock";
/// Parts of an upload that are on their way at the same time.
const PARALLEL: usize = 4;

/// Takes files, one after the other.
pub(super) enum Sink {
    Disk(Disk),
    Bucket(Bucket),
}

impl Sink {
    /// Makes ready; refuses to write over what is there unless told to.
    pub(super) async fn open(export: &Export) -> Result<Self, ExportError> {
        match local(&export.to) {
            Some(path) => Disk::open(path, export).map(Self::Disk),
            None => Bucket::open(export).await.map(Self::Bucket),
        }
    }

    pub(super) async fn take(&mut self, piece: Piece) -> Result<(), ExportError> {
        match (self, piece) {
            (Self::Disk(disk), Piece::Begin(name)) => disk.begin(&name),
            (Self::Disk(disk), Piece::Bytes(bytes)) => disk.write(&bytes),
            (Self::Disk(disk), Piece::End(rows)) => disk.end(rows).await,
            (Self::Bucket(bucket), Piece::Begin(name)) => bucket.begin(&name).await,
            (Self::Bucket(bucket), Piece::Bytes(bytes)) => bucket.write(bytes).await,
            (Self::Bucket(bucket), Piece::End(rows)) => bucket.end(rows).await,
        }
    }

    /// Puts everything in its place; where that is, and the files.
    pub(super) async fn publish(self) -> Result<(String, Vec<ExportedFile>), ExportError> {
        match self {
            Self::Disk(disk) => disk.publish().await,
            Self::Bucket(bucket) => bucket.publish().await,
        }
    }
}

/// The path that a destination names, if it is none of a bucket.
fn local(to: &str) -> Option<PathBuf> {
    match to.split_once("://") {
        None => Some(PathBuf::from(to)),
        Some(("file", _)) => url::Url::parse(to).ok()?.to_file_path().ok(),
        Some(_) => None,
    }
}

/// Counts a file's bytes and sums them up.
struct Tally {
    name: String,
    bytes: u64,
    sum: Context,
}

impl Tally {
    fn of(name: &str) -> Self {
        Self { name: name.to_owned(), bytes: 0, sum: Context::new(&SHA256) }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.sum.update(bytes);
    }

    fn done(self, rows: u64) -> ExportedFile {
        ExportedFile { path: self.name, rows, bytes: self.bytes, sha256: hex(self.sum.finish().as_ref()) }
    }
}

/// Files on disk.
pub(super) struct Disk {
    target: PathBuf,
    force: bool,
    /// It is a directory of files.
    many: bool,
    staged: Staged,
    open: Option<(File, Tally)>,
    done: Vec<ExportedFile>,
}

/// A file or directory beside its place; removed unless it gets there. Its lock says that somebody is at it.
pub(crate) struct Staged {
    path: PathBuf,
    lock: Option<File>,
}

impl Staged {
    /// Beside an absolute path. What killed processes left there under its name is removed.
    fn beside(target: &Path, many: bool) -> io::Result<Self> {
        let name = target.file_name().and_then(|name| name.to_str());
        let (Some(dir), Some(name)) = (target.parent(), name) else {
            return Err(io::Error::other("it has no name that is a text"));
        };
        std::fs::create_dir_all(dir)?;
        sweep(dir, name)?;
        let path = dir.join(format!(".{name}.{}.part", Uuid::now_v7()));
        let lock = if many {
            std::fs::create_dir(&path)?;
            File::create_new(path.join(LOCK))?
        } else {
            File::create_new(&path)?
        };
        lock.try_lock()?;
        Ok(Self { path, lock: Some(lock) })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a directory in its place; where that is.
    pub(crate) fn put(mut self, target: &Path) -> Result<String, ExportError> {
        let failed = |e: io::Error| ExportError::place(&target.display().to_string(), &e);
        let target = std::path::absolute(target).map_err(failed)?;
        may_be_written(&target, true, false)?;
        self.rename(&target, true).map_err(failed)?;
        Ok(target.display().to_string())
    }

    fn rename(&mut self, target: &Path, many: bool) -> io::Result<()> {
        if many {
            std::fs::remove_file(self.path.join(LOCK))?;
            File::open(&self.path)?.sync_all()?;
        }
        std::fs::rename(&self.path, target)?;
        self.lock = None;
        // The rename itself has to be on disk, too.
        target.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }
}

/// A directory beside a path where there must be nothing yet.
pub(crate) fn staged(target: &Path) -> Result<Staged, ExportError> {
    let failed = |e: io::Error| ExportError::place(&target.display().to_string(), &e);
    let target = std::path::absolute(target).map_err(failed)?;
    may_be_written(&target, true, false)?;
    Staged::beside(&target, true).map_err(failed)
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.lock.is_some() {
            _ = remove(&self.path);
        }
    }
}

impl Disk {
    fn open(target: PathBuf, export: &Export) -> Result<Self, ExportError> {
        let shown = target.display().to_string();
        let failed = |e: io::Error| ExportError::place(&shown, &e);
        let target = std::path::absolute(&target).map_err(failed)?;
        let (many, force) = (export.partition.is_some(), export.force);
        may_be_written(&target, many, force)?;
        let staged = Staged::beside(&target, many).map_err(failed)?;
        Ok(Self { target, force, many, staged, open: None, done: Vec::new() })
    }

    fn failed(&self) -> impl Fn(io::Error) -> ExportError + use<> {
        let place = self.target.display().to_string();
        move |error| ExportError::place(&place, &error)
    }

    fn begin(&mut self, name: &str) -> Result<(), ExportError> {
        let file = match &self.staged.lock {
            Some(file) if !self.many => file.try_clone(),
            _ => {
                let path = self.staged.path.join(name);
                path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| File::create_new(&path))
            }
        };
        let file = file.map_err(self.failed())?;
        let name = if self.many { name.to_owned() } else { self.name() };
        self.open = Some((file, Tally::of(&name)));
        Ok(())
    }

    fn name(&self) -> String {
        self.target.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let failed = self.failed();
        let Some((file, tally)) = &mut self.open else { return Ok(()) };
        tally.add(bytes);
        file.write_all(bytes).map_err(failed)
    }

    async fn end(&mut self, rows: u64) -> Result<(), ExportError> {
        let Some((file, tally)) = self.open.take() else { return Ok(()) };
        let synced = tokio::task::spawn_blocking(move || file.sync_all()).await;
        synced.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(self.failed())?;
        self.done.push(tally.done(rows));
        Ok(())
    }

    async fn publish(mut self) -> Result<(String, Vec<ExportedFile>), ExportError> {
        let failed = self.failed();
        may_be_written(&self.target, self.many, self.force)?;
        if self.many {
            File::create_new(self.staged.path.join(SUCCESS)).and_then(|file| file.sync_all()).map_err(&failed)?;
        }
        // A directory cannot be renamed over another.
        let old = (self.many && self.target.exists()).then(|| self.staged.path.with_extension("old.part"));
        if let Some(old) = &old {
            std::fs::rename(&self.target, old).map_err(&failed)?;
        }
        self.staged.rename(&self.target, self.many).map_err(&failed)?;
        // Under this name the next export removes it, should this one not come to it.
        old.iter().for_each(|old| _ = remove(old));
        Ok((self.target.display().to_string(), self.done))
    }
}

fn may_be_written(target: &Path, many: bool, force: bool) -> Result<(), ExportError> {
    let shown = || target.display().to_string();
    match target.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) if !force => Err(ExportError::Exists(shown())),
        Ok(found) if found.is_dir() && !(many && target.join(SUCCESS).exists()) => Err(ExportError::NotOurs(shown())),
        Ok(found) if many && !found.is_dir() => Err(ExportError::Exists(shown())),
        Ok(_) => Ok(()),
    }
}

/// Removes what exports to this name left behind when they were killed: nobody holds its lock.
fn sweep(dir: &Path, name: &str) -> io::Result<()> {
    let (begin, end) = (format!(".{name}."), ".part");
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let left = path.file_name().and_then(|n| n.to_str());
        if !left.is_some_and(|left| left.starts_with(&begin) && left.ends_with(end)) {
            continue;
        }
        let lock = if path.is_dir() { path.join(LOCK) } else { path.clone() };
        let held = File::open(lock).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        if !held {
            // Another export may be sweeping, too.
            _ = remove(&path);
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
}

/// Objects of a bucket. What a killed export had uploaded of one is never seen; buckets remove it by their own rules for
/// incomplete uploads.
pub(super) struct Bucket {
    shown: String,
    place: Place,
    /// The object, where there is one.
    name: Option<String>,
    open: Option<(WriteMultipart, Tally)>,
    done: Vec<ExportedFile>,
}

impl Bucket {
    async fn open(export: &Export) -> Result<Self, ExportError> {
        let shown = export.to.trim_end_matches('/').to_owned();
        let many = export.partition.is_some();
        let (parent, name) = if many {
            (shown.as_str(), None)
        } else {
            let parted = shown.rsplit_once('/').filter(|(parent, name)| !parent.ends_with('/') && !name.is_empty());
            let Some((parent, name)) = parted else {
                return Err(ExportError::place(&shown, &"it names no file below a bucket"));
            };
            (parent, Some(name.to_owned()))
        };
        let place = Place::at(parent, &export.storage).map_err(|why| ExportError::place(&shown, &why))?;
        let bucket = Self { shown, place, name, open: None, done: Vec::new() };
        bucket.make_way(export.force).await?;
        Ok(bucket)
    }

    fn failed(&self, error: &dyn std::error::Error) -> ExportError {
        ExportError::place(&self.shown, error)
    }

    /// Refuses what is there, or removes it: of a directory every file, so that none stays among the new ones.
    async fn make_way(&self, force: bool) -> Result<(), ExportError> {
        if let Some(name) = &self.name {
            return match self.place.store.head(&self.place.path(name)).await {
                Ok(_) if !force => Err(ExportError::Exists(self.shown.clone())),
                Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(self.failed(&error)),
            };
        }
        let listed: Vec<_> =
            self.place.store.list(Some(&self.place.root)).try_collect().await.map_err(|e| self.failed(&e))?;
        let success = self.place.path(SUCCESS);
        if listed.is_empty() {
            return Ok(());
        }
        if !force {
            return Err(ExportError::Exists(self.shown.clone()));
        }
        if !listed.iter().any(|object| object.location == success) {
            return Err(ExportError::NotOurs(self.shown.clone()));
        }
        // First, so that what is left of it never looks complete.
        self.place.store.delete(&success).await.map_err(|e| self.failed(&e))?;
        for object in listed.iter().filter(|object| object.location != success) {
            self.place.store.delete(&object.location).await.map_err(|e| self.failed(&e))?;
        }
        Ok(())
    }

    /// Names of parts are encoded already.
    fn key(&self, name: &str) -> Result<Key, ExportError> {
        match &self.name {
            Some(name) => Ok(self.place.path(name)),
            None => Key::parse(format!("{}/{name}", self.place.root)).map_err(|e| self.failed(&e)),
        }
    }

    async fn begin(&mut self, name: &str) -> Result<(), ExportError> {
        let upload = self.place.store.put_multipart(&self.key(name)?).await.map_err(|e| self.failed(&e))?;
        let name = self.name.as_deref().unwrap_or(name);
        self.open = Some((WriteMultipart::new(upload), Tally::of(name)));
        Ok(())
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), ExportError> {
        let Some((upload, tally)) = &mut self.open else { return Ok(()) };
        tally.add(&bytes);
        let room = upload.wait_for_capacity(PARALLEL).await;
        upload.put(bytes);
        room.map_err(|e| self.failed(&e))
    }

    async fn end(&mut self, rows: u64) -> Result<(), ExportError> {
        let Some((upload, tally)) = self.open.take() else { return Ok(()) };
        upload.finish().await.map_err(|e| self.failed(&e))?;
        self.done.push(tally.done(rows));
        Ok(())
    }

    async fn publish(self) -> Result<(String, Vec<ExportedFile>), ExportError> {
        if self.name.is_none() {
            let whole = self.place.store.put(&self.place.path(SUCCESS), PutPayload::new()).await;
            whole.map_err(|e| self.failed(&e))?;
        }
        Ok((self.shown, self.done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::ExportFormat;
    use std::collections::HashMap;

    /// A bucket that is a directory.
    fn bucket(dir: &Path, name: Option<&str>) -> Bucket {
        let place = Place::at(dir.to_str().unwrap(), &HashMap::new()).unwrap();
        Bucket { shown: "s3://b/x".into(), place, name: name.map(str::to_owned), open: None, done: Vec::new() }
    }

    async fn fill(bucket: Bucket, name: &str) -> Vec<ExportedFile> {
        let mut sink = Sink::Bucket(bucket);
        for piece in [Piece::Begin(name.into()), Piece::Bytes("a\n".into()), Piece::Bytes("1\n".into()), Piece::End(1)]
        {
            sink.take(piece).await.unwrap();
        }
        sink.publish().await.unwrap().1
    }

    #[tokio::test]
    async fn objects_are_uploaded_whole_and_directories_end_with_their_mark() {
        let dir = tempfile::tempdir().unwrap();
        let one = fill(bucket(dir.path(), Some("a.csv")), "").await;
        assert_eq!((one[0].path.as_str(), one[0].bytes, one[0].rows), ("a.csv", 4, 1));
        assert_eq!(std::fs::read_to_string(dir.path().join("a.csv")).unwrap(), "a\n1\n");
        let again = bucket(dir.path(), Some("a.csv"));
        assert!(matches!(again.make_way(false).await, Err(ExportError::Exists(_))));
        again.make_way(true).await.unwrap();

        let many = dir.path().join("many");
        fill(bucket(&many, None), "region=a%2Fb/part-0.csv").await;
        assert!(many.join(SUCCESS).exists() && many.join("region=a%2Fb/part-0.csv").exists());
        let again = bucket(&many, None);
        assert!(matches!(again.make_way(false).await, Err(ExportError::Exists(_))));
        again.make_way(true).await.unwrap();
        assert!(!many.join(SUCCESS).exists() && !many.join("region=a%2Fb/part-0.csv").exists());
        std::fs::write(many.join("mine"), "").unwrap();
        assert!(matches!(again.make_way(true).await, Err(ExportError::NotOurs(_))));
    }

    #[test]
    fn destinations_are_paths_or_buckets() {
        assert_eq!(local("a/b.csv"), Some("a/b.csv".into()));
        assert_eq!(local("file:///a/b.csv"), Some("/a/b.csv".into()));
        assert_eq!(local("s3://b/c.csv"), None);
        assert_eq!(ExportFormat::of_extension("s3://b/c.csv"), Some(ExportFormat::Csv));
    }
}
