//! `[privacy]`: whose data this is, why it is kept, and the key that hashes of people are made with.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use tidelake_sinks::privacy::{KeyError, PrivacyKey};

/// The key's file under the data directory, where none is named.
const KEY_FILE: &str = "privacy.key";

/// `[privacy]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PrivacyConfig {
    /// A file of at least 32 bytes, the same for every process of a lake. Default: one that is made under the data directory.
    pub key_file: Option<PathBuf>,
    /// What the data is kept for.
    pub purpose: Option<String>,
    /// The legal basis, e.g. "GDPR Art. 6(1)(e), 89".
    pub basis: Option<String>,
    /// How long it is kept, in words.
    pub retention: Option<String>,
    /// Who is responsible: name and address.
    pub controller: Option<String>,
    /// Where people turn to with questions and objections.
    pub contact: Option<String>,
    /// Erase videos of the research zone once they are known to be gone.
    pub erase_gone: bool,
}

impl PrivacyConfig {
    /// The key, made if there is none and no file is named.
    pub(crate) fn key(&self, data_dir: &Path) -> Result<PrivacyKey, KeyError> {
        match &self.key_file {
            Some(path) => PrivacyKey::read(path),
            None => PrivacyKey::read_or_make(&data_dir.join(KEY_FILE)),
        }
    }

    /// The key, if there is one: whoever only reads makes none.
    pub(crate) fn known_key(&self, data_dir: &Path) -> Result<Option<PrivacyKey>, KeyError> {
        let known = self.key_file.is_some() || data_dir.join(KEY_FILE).exists();
        if known { self.key(data_dir).map(Some) } else { Ok(None) }
    }
}
