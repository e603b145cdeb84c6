//! An account under lock: what changes it.

use super::files::{self, Place};
use super::seal::{self, Broken};
use super::{AccountName, Stored, Vault, VaultError};
use std::fs::File;

/// An account that nobody else changes until this is dropped.
#[derive(Debug)]
pub struct Locked {
    vault: Vault,
    name: AccountName,
    place: Place,
    _lock: File,
}

impl Locked {
    pub(super) fn new(vault: Vault, name: AccountName, place: Place, lock: File) -> Self {
        Self { vault, name, place, _lock: lock }
    }

    /// The newest complete version. One that a process left behind on its way is put in its place; one that is torn is
    /// removed.
    ///
    /// # Errors
    /// With the wrong key, or when no version can be read.
    pub fn read(&self) -> Result<Option<Stored>, VaultError> {
        let current = self.vault.load(&self.name)?;
        let held = current.as_ref().map_or(0, |stored| stored.version);
        match self.vault.open(&self.name, &self.place.new)? {
            Ok(newer) if newer.version > held => {
                tracing::info!(account = %self.name, version = newer.version, "found a version that was on its way");
                self.publish()?;
                Ok(Some(newer))
            }
            // With another key there may be something of value in it, unless ours opens the account.
            Err(Broken::WrongKey) if current.is_none() => Err(VaultError::WrongKey { path: self.place.new.clone() }),
            Err(Broken::Absent) => Ok(current),
            Ok(_) | Err(_) => files::remove(&self.place.new).map(|_| current),
        }
    }

    /// The version before the newest, while it is kept and can be read.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn previous(&self) -> Result<Option<Stored>, VaultError> {
        Ok(self.vault.open(&self.name, &self.place.previous)?.ok())
    }

    /// Makes sure that a version can be written, before something is asked for that must be stored.
    ///
    /// # Errors
    /// When the disk is full or cannot be written.
    pub fn reserve(&self, bytes: usize) -> Result<(), VaultError> {
        files::write(&self.place.new, &vec![0; bytes])
    }

    /// Stores a new version and keeps the one before. When this returns, it is on the disk.
    ///
    /// # Errors
    /// When it cannot be written; the version before then stays the newest.
    pub fn store(&self, payload: &[u8]) -> Result<u64, VaultError> {
        let version = self.vault.load(&self.name)?.map_or(0, |stored| stored.version) + 1;
        self.write_new(version, payload)?;
        self.publish()?;
        Ok(version)
    }

    /// Forgets the version before: the newest has been used.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn confirm(&self) -> Result<(), VaultError> {
        if files::remove(&self.place.previous)? { files::sync_dir(&self.place.current) } else { Ok(()) }
    }

    /// Removes the account.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove(self) -> Result<(), VaultError> {
        for path in [&self.place.new, &self.place.previous, &self.place.current] {
            files::remove(path)?;
        }
        files::sync_dir(&self.place.current)
    }

    /// The first half of storing: complete on the disk, under another name.
    pub(super) fn write_new(&self, version: u64, payload: &[u8]) -> Result<(), VaultError> {
        let sealed = seal::seal(&self.vault.key, &self.name, version, payload)?;
        files::write(&self.place.new, &sealed)?;
        files::sync_dir(&self.place.new)
    }

    /// The second half: the newest becomes the one before, the new one the newest.
    fn publish(&self) -> Result<(), VaultError> {
        // A damaged one must not push out the version before it.
        if self.vault.open(&self.name, &self.place.current)?.is_ok() {
            self.retire()?;
        }
        files::rename(&self.place.new, &self.place.current)?;
        files::sync_dir(&self.place.current)
    }

    pub(super) fn retire(&self) -> Result<(), VaultError> {
        files::rename(&self.place.current, &self.place.previous)
    }
}
