//! The files of an account: for nobody but us (0600), and on the disk before anything builds on them.

use super::{AccountName, VaultError};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".account";

/// Where an account's files are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) current: PathBuf,
    pub(super) previous: PathBuf,
    pub(super) new: PathBuf,
    pub(super) lock: PathBuf,
}

impl Place {
    pub(super) fn of(dir: &Path, name: &AccountName) -> Self {
        Self {
            current: dir.join(format!("{name}{SUFFIX}")),
            previous: dir.join(format!("{name}{SUFFIX}.previous")),
            new: dir.join(format!("{name}{SUFFIX}.new")),
            lock: dir.join(format!("{name}.lock")),
        }
    }
}

/// A file's bytes; `None` when there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(VaultError::io("read", path, error)),
    }
}

/// Writes a file anew, down to the disk.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    remove(path)?;
    let failed = |error| VaultError::io("write", path, error);
    let mut file = private().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}

/// Moves a file, over another one if that is there.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), VaultError> {
    fs::rename(from, to).map_err(|error| VaultError::io("rename", from, error))
}

/// Removes a file, if it is there; whether it was.
pub(super) fn remove(path: &Path) -> Result<bool, VaultError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(VaultError::io("remove", path, error)),
    }
}

/// Makes names in the directory of `path` as durable as contents.
pub(super) fn sync_dir(path: &Path) -> Result<(), VaultError> {
    let dir = path.parent().unwrap_or(path);
    // Only Unix opens directories as files; elsewhere renames are durable by themselves.
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| VaultError::io("sync", dir, error))
}

/// The file to lock. It stays when the account goes: who waits for it must not hold a file that has no name any more.
pub(super) fn lock_file(dir: &Path, path: &Path) -> Result<File, VaultError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| VaultError::io("make", dir, error))?;
    let opened = private().read(true).write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| VaultError::io("open", path, error))
}

/// The names of the accounts in a directory, in order.
pub(super) fn names(dir: &Path) -> Result<Vec<AccountName>, VaultError> {
    let failed = |error| VaultError::io("list", dir, error);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let file = entry.map_err(failed)?.file_name();
        let found = file.to_str().and_then(|file| file.strip_suffix(SUFFIX));
        names.extend(found.and_then(|name| name.parse::<AccountName>().ok()));
    }
    names.sort();
    Ok(names)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
