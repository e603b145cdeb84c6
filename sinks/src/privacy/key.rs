//! The key of the hashes that stand for people.

use crate::place::hex;
use aws_lc_rs::hmac;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Fewer bytes are guessed too easily.
const LEAST: usize = 32;
/// Hexadecimal digits of a pseudonym: 80 bits, so that among a billion creators none share one.
const PSEUDONYM_DIGITS: usize = 20;

/// A key for HMAC-SHA-256. Cheap to clone.
#[derive(Clone)]
pub struct PrivacyKey(Arc<hmac::Key>);

/// The key is a secret.
impl std::fmt::Debug for PrivacyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivacyKey")
    }
}

/// The key cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("privacy key {}: {why}. Give [privacy] key_file a readable file of at least {LEAST} bytes, or remove the setting to \
         have one made under the data directory; another key than before knows nobody who was erased", path.display())]
pub struct KeyError {
    path: PathBuf,
    why: String,
}

impl PrivacyKey {
    /// A key of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// Reads a key: the file's content without the space around it.
    ///
    /// # Errors
    /// [`KeyError`] when it cannot be read or is too short.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let error = |why: String| KeyError { path: path.to_owned(), why };
        let content = std::fs::read(path).map_err(|e| error(e.to_string()))?;
        let key = content.trim_ascii();
        if key.len() < LEAST {
            return Err(error(format!("{} bytes are too short", key.len())));
        }
        Ok(Self::new(key))
    }

    /// Reads a key, making one first if there is none: only its owner may read it.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read_or_make(path: &Path) -> Result<Self, KeyError> {
        if !path.exists() {
            make(path).map_err(|why| KeyError { path: path.to_owned(), why })?;
        }
        Self::read(path)
    }

    /// The keyed hash of some parts, which no other list of parts has.
    pub fn hash(&self, parts: &[&str]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }
}

/// Written whole beside its place and then linked there: two processes make one key.
fn make(path: &Path) -> Result<(), String> {
    let mut bytes = [0; LEAST];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "the system has no random numbers".to_owned())?;
    let text = |e: std::io::Error| e.to_string();
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(text)?;
    }
    let draft = path.with_extension(format!("{}.draft", Uuid::new_v4()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        writeln!(file, "{}", hex(&bytes))?;
        file.sync_all()?;
        match std::fs::hard_link(&draft, path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    });
    _ = std::fs::remove_file(&draft);
    written.map_err(text)
}

/// Makes pseudonyms: the same creator has the same one, and without the key nobody finds back.
#[derive(Clone, Debug)]
pub struct PseudonymKey(PrivacyKey);

impl PseudonymKey {
    /// Pseudonyms of a key; they have nothing to do with the hashes of suppressions.
    pub fn of(key: &PrivacyKey) -> Self {
        Self(key.clone())
    }

    /// The pseudonym of a creator: of a handle without regard to case, or of an id.
    pub fn creator(&self, platform: &str, key: &str) -> String {
        self.text("c", platform, key)
    }

    /// What stands for a text of the daemon's own that may name somebody, such as a task's name.
    pub(crate) fn note(&self, text: &str) -> String {
        self.text("n", "", text)
    }

    fn text(&self, kind: &str, platform: &str, key: &str) -> String {
        let key = key.trim_start_matches('@').to_lowercase();
        let digits = hex(&self.0.hash(&["tidelake pseudonym", kind, platform, &key]));
        format!("{kind}_{}", &digits[..PSEUDONYM_DIGITS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/privacy.key");
        let first = PrivacyKey::read_or_make(&path).unwrap();
        let second = PrivacyKey::read_or_make(&path).unwrap();
        assert_eq!(first.hash(&["a"]), second.hash(&["a"]));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!format!("{first:?}").contains(text.trim()));
        std::fs::write(&path, "short\n").unwrap();
        let error = PrivacyKey::read(&path).unwrap_err().to_string();
        assert!(error.contains("5 bytes") && !error.contains("short\n"), "{error}");
    }

    #[test]
    fn parts_do_not_run_together() {
        let key = PrivacyKey::new(&[7; 32]);
        assert_ne!(key.hash(&["ab", "c"]), key.hash(&["a", "bc"]));
        let pseudonyms = PseudonymKey::of(&key);
        assert_eq!(pseudonyms.creator("tiktok", "Mia"), pseudonyms.creator("tiktok", "@mia"));
        assert_ne!(pseudonyms.creator("tiktok", "mia"), pseudonyms.creator("youtube", "mia"));
        assert_eq!(pseudonyms.creator("tiktok", "mia").len(), 22);
    }
}
