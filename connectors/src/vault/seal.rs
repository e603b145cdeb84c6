//! The form of a file: mark, key id, version, nonce, sealed payload.

use super::key::{ID, VaultKey};
use super::{AccountName, Stored, VaultError};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce};
use secrecy::zeroize::Zeroizing;

/// Begins every file; the last byte is the version of this form.
const MARK: &[u8; 8] = b"TIDEACC\x01";

/// What is authenticated and not sealed: mark, key id, version.
const HEAD: usize = MARK.len() + ID + 8;

/// Why bytes are no version of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// There is no file.
    Absent,
    /// Too short, or it begins otherwise.
    Torn,
    /// Sealed with another key.
    WrongKey,
    /// Sealed with this key, and changed since, or of another account.
    Changed,
}

/// Seals a payload.
pub(super) fn seal(key: &VaultKey, name: &AccountName, version: u64, payload: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(MARK);
    head.extend_from_slice(&key.id);
    head.extend_from_slice(&version.to_be_bytes());
    // With room for the tag: a vector that grows leaves its old contents behind.
    let mut sealed = Vec::with_capacity(payload.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(payload);
    let aad = Aad::from(associated(&head, name));
    let nonce = key.aead.seal_in_place_append_tag(aad, &mut sealed).map_err(|_| VaultError::Crypto)?;
    let nonce: &[u8; NONCE_LEN] = nonce.as_ref();
    head.extend_from_slice(nonce);
    head.append(&mut sealed);
    Ok(head)
}

/// Opens what [`seal`] made.
pub(super) fn open(key: &VaultKey, name: &AccountName, bytes: &[u8]) -> Result<Stored, Broken> {
    let (head, rest) = bytes.split_at_checked(HEAD).ok_or(Broken::Torn)?;
    let (mark, fields) = head.split_at(MARK.len());
    let (id, version) = fields.split_at(ID);
    if mark != MARK {
        return Err(Broken::Torn);
    }
    if id != key.id {
        return Err(Broken::WrongKey);
    }
    let version = u64::from_be_bytes(version.try_into().map_err(|_| Broken::Torn)?);
    let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or(Broken::Torn)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Broken::Torn)?;
    let mut payload = Zeroizing::new(sealed.to_vec());
    let aad = Aad::from(associated(head, name));
    let length = key.aead.open_in_place(nonce, aad, &mut payload).map_err(|_| Broken::Changed)?.len();
    payload.truncate(length);
    Ok(Stored { version, payload })
}

/// Mark, key id and version have a fixed length, so that the name begins at one place only.
fn associated(head: &[u8], name: &AccountName) -> Vec<u8> {
    [head, name.as_str().as_bytes()].concat()
}
