//! The key: from the configuration (a file or the environment), or from the standard output of a command.

use super::VaultError;
use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use std::process::Stdio;
use std::time::Duration;

/// Bytes of an AES-256 key.
const KEY: usize = 32;

/// Bytes of a key's id.
pub(super) const ID: usize = 8;

/// A key service is asked over the network.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the key comes from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// As text.
    Given(SecretString),
    /// A program and its arguments (no shell) that writes the key to its standard output, e.g. one that has a key
    /// service decrypt it. It may write text or the 32 bytes as they are.
    Command(Vec<String>),
}

/// The key to a vault.
pub struct VaultKey {
    pub(super) aead: RandomizedNonceKey,
    /// Tells keys apart without telling anything about them; files carry it, so that a wrong key can be named as such.
    pub(super) id: [u8; ID],
}

impl std::fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VaultKey(***)")
    }
}

impl KeySource {
    /// Gets the key.
    ///
    /// # Errors
    /// When there is none, or it is not 32 bytes.
    pub async fn key(&self) -> Result<VaultKey, VaultError> {
        match self {
            Self::Given(text) => VaultKey::read(text.expose_secret().as_bytes()),
            Self::Command(words) => VaultKey::read(&run(words).await?),
        }
    }
}

impl VaultKey {
    /// Reads a key: 64 hexadecimal digits, base64 of 32 bytes, or 32 bytes.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn read(given: &[u8]) -> Result<Self, VaultError> {
        let text = given.trim_ascii();
        let bytes = hex(text).or_else(|| STANDARD.decode(text).ok().filter(|bytes| bytes.len() == KEY));
        // 32 characters are half of a key in text, and no key in bytes.
        let raw = given.len() == KEY && !given.iter().all(u8::is_ascii_graphic);
        let bytes = bytes.or_else(|| raw.then(|| given.to_vec())).map(Zeroizing::new);
        let bytes = bytes.ok_or_else(|| no_key(&format!("what was given has {} bytes and is none", given.len())))?;
        let aead = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| VaultError::Crypto)?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), b"tidelake accounts key id");
        let mut id = [0; ID];
        id.copy_from_slice(&tag.as_ref()[..ID]);
        Ok(Self { aead, id })
    }
}

fn no_key(why: &str) -> VaultError {
    VaultError::Key { why: why.to_owned() }
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(&pair[0])? << 4 | digit(&pair[1])?);
    (text.len() == 2 * KEY).then(|| text.chunks_exact(2).map(pair).collect())?
}

/// What a command writes to its standard output.
async fn run(words: &[String]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (program, arguments) = words.split_first().ok_or_else(|| no_key("key_command is empty"))?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.map_err(|_| no_key(&format!("key_command {program:?} gave no answer within {PATIENCE:?}")))?;
    let output = output.map_err(|error| no_key(&format!("key_command {program:?} cannot be run: {error}")))?;
    let key = Zeroizing::new(output.stdout);
    if output.status.success() {
        return Ok(key);
    }
    // Standard error is for people; the key is not written there.
    let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(200).collect();
    Err(no_key(&format!("key_command {program:?} ended with {}: {said}", output.status)))
}
