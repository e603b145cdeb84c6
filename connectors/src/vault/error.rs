//! What can be wrong with the token store. No text carries a key or a token.

use super::AccountName;
use std::path::{Path, PathBuf};

/// What is wrong with the token store, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Not a name.
    #[error(
        "{given:?} cannot be the name of an account: use 1 to 64 of a-z, 0-9, `.`, `_` and `-`, beginning with a letter \
         or a digit"
    )]
    Name {
        /// As given, cut.
        given: String,
    },
    /// There is no key, or it is none.
    #[error(
        "the key of the accounts cannot be had: {why}. A key is 32 bytes, as 64 hexadecimal digits or as base64; \
         `openssl rand -hex 32 > accounts.key` makes one, and `[display] key_file = \"accounts.key\"` names it"
    )]
    Key {
        /// What is wrong with it.
        why: String,
    },
    /// Sealed with another key.
    #[error(
        "{} was sealed with another key. Use the key it was stored with (`[display] key_file` or `key_command`); if that \
         is lost, delete the file and run `tidelake login` again", path.display()
    )]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// Changed, torn, or of another account.
    #[error(
        "{} is damaged or was changed: it is not what was stored for this account. Bring it back from a backup, or \
         delete it and run `tidelake login` again", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the lock.
    #[error("the account {name} is held by another process for too long. Look for a tidelake process that hangs")]
    Busy {
        /// The account.
        name: AccountName,
    },
    /// The disk.
    #[error("cannot {what} {}: {source}. Check permissions and free space", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The cryptographic library failed, which it does not do.
    #[error("sealing failed. Check that the machine has a source of randomness")]
    Crypto,
}

impl VaultError {
    pub(super) fn io(what: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), source }
    }
}
