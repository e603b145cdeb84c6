//! Files and directories beside their place, until they are whole.

use super::{ExportError, SUCCESS};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The file by whose lock a directory underway is known to be somebody's.
const LOCK: &str = ".lock";

/// A file or directory beside its place; removed unless it gets there. Its lock says that somebody is at it.
pub(crate) struct Staged {
    pub(super) path: PathBuf,
    pub(super) lock: Option<File>,
}

impl Staged {
    /// Beside an absolute path. What killed processes left there under its name is removed.
    pub(super) fn beside(target: &Path, many: bool) -> io::Result<Self> {
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

    pub(super) fn rename(&mut self, target: &Path, many: bool) -> io::Result<()> {
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

/// Whether a target may be put there: what is there is replaced only if it is asked for, and an export's.
pub(super) fn may_be_written(target: &Path, many: bool, force: bool) -> Result<(), ExportError> {
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

pub(super) fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
}
