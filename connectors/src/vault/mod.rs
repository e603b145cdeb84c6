//! The token store: one sealed file per account, in a directory of its own.
//!
//! `NAME.account` holds the newest version; `NAME.account.previous` the one before, until the newest has been used;
//! `NAME.account.new` a version on its way. Who changes an account holds a lock on `NAME.lock`, so that two processes
//! never use up the same refresh token. Contents are sealed with AES-256-GCM under a random 96-bit nonce; name and
//! version of the account are authenticated with them, so that a file cannot be passed off as another one.
//!
//! A version is complete on disk before the one before it is touched. Whatever instant a process ends at, the next one
//! that takes the lock finds the newest complete version ([`Locked::read`]).

mod error;
mod files;
mod key;
mod locked;
mod name;
mod seal;
#[cfg(test)]
mod tests;

pub use error::VaultError;
pub use key::{KeySource, VaultKey};
pub use locked::Locked;
pub use name::AccountName;

use files::Place;
use seal::Broken;
use secrecy::zeroize::Zeroizing;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for a lock: longer than the request that is made under it may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at a lock.
const LOOK: Duration = Duration::from_millis(20);

/// A version of an account, opened.
pub struct Stored {
    /// From 1; grows by one with each version that is stored.
    pub version: u64,
    /// What was stored. Overwritten when dropped.
    pub payload: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").field("version", &self.version).finish_non_exhaustive()
    }
}

/// A directory of accounts and the key to them. Its methods touch the disk and do not wait for anything else.
#[derive(Clone, Debug)]
pub struct Vault {
    dir: PathBuf,
    key: Arc<VaultKey>,
}

impl Vault {
    /// A vault in this directory, which is made when the first account is stored.
    pub fn new(dir: impl Into<PathBuf>, key: VaultKey) -> Self {
        Self { dir: dir.into(), key: Arc::new(key) }
    }

    /// The names of the accounts in a directory, in order. Needs no key.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn names(dir: &Path) -> Result<Vec<AccountName>, VaultError> {
        files::names(dir)
    }

    /// The newest version, without the lock; where it cannot be read, the one before. `None` when there is no account
    /// of this name.
    ///
    /// # Errors
    /// With the wrong key, or when no version can be read.
    pub fn load(&self, name: &AccountName) -> Result<Option<Stored>, VaultError> {
        let place = self.place(name);
        match self.open(name, &place.current)? {
            Ok(stored) => Ok(Some(stored)),
            Err(Broken::WrongKey) => Err(VaultError::WrongKey { path: place.current }),
            Err(broken) => match self.open(name, &place.previous)? {
                Ok(stored) => {
                    if broken != Broken::Absent {
                        tracing::warn!(account = %name, "the account's file is damaged; the version before is used");
                    }
                    Ok(Some(stored))
                }
                Err(Broken::Absent) if broken == Broken::Absent => Ok(None),
                Err(_) => Err(VaultError::Damaged { path: place.current }),
            },
        }
    }

    /// Takes the lock of an account, waiting for whoever holds it.
    ///
    /// # Errors
    /// When it is held for too long, or the directory cannot be written.
    pub async fn lock(&self, name: &AccountName) -> Result<Locked, VaultError> {
        self.lock_within(name, PATIENCE).await
    }

    /// Takes the lock of an account, waiting no longer than this.
    ///
    /// # Errors
    /// When it is held for longer, or the directory cannot be written.
    pub async fn lock_within(&self, name: &AccountName, patience: Duration) -> Result<Locked, VaultError> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(locked) = self.try_lock(name)? {
                return Ok(locked);
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(VaultError::Busy { name: name.clone() });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Takes the lock of an account if nobody holds it.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn try_lock(&self, name: &AccountName) -> Result<Option<Locked>, VaultError> {
        let place = self.place(name);
        let file = files::lock_file(&self.dir, &place.lock)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Locked::new(self.clone(), name.clone(), place, file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(VaultError::io("lock", &place.lock, source)),
        }
    }

    fn place(&self, name: &AccountName) -> Place {
        Place::of(&self.dir, name)
    }

    /// Reads a file; the inner error says why it holds no version.
    fn open(&self, name: &AccountName, path: &Path) -> Result<Result<Stored, Broken>, VaultError> {
        let bytes = files::read(path)?;
        Ok(bytes.ok_or(Broken::Absent).and_then(|bytes| seal::open(&self.key, name, &bytes)))
    }
}
