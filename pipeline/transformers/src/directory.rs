//! A model's directory: what its files say of it.

use crate::TransformersError;
use crate::network::Family;
use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Weights by the names they may have, best first.
const WEIGHTS: [&str; 2] = ["model.safetensors", "rust_model.ot"];

/// A directory whose `config.json` has been read.
pub(crate) struct Directory {
    path: PathBuf,
    /// `config.json`.
    pub config: Vec<u8>,
    pub family: Family,
    /// By number; empty where `config.json` names none.
    pub labels: Vec<String>,
    /// Tokens that the model has positions for, special ones included.
    pub limit: usize,
}

/// What `config.json` has of every family.
#[derive(Deserialize)]
struct Common {
    model_type: String,
    max_position_embeddings: usize,
    id2label: Option<BTreeMap<String, String>>,
}

/// `tokenizer_config.json`, as far as it counts here.
#[derive(Default, Deserialize)]
pub(crate) struct TokenizerConfig {
    pub do_lower_case: Option<bool>,
    pub strip_accents: Option<bool>,
    pub add_prefix_space: Option<bool>,
    /// Some write 1e30 for "no limit".
    model_max_length: Option<f64>,
}

#[derive(Default, Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
}

impl Directory {
    /// Reads what is not weights.
    pub(crate) fn open(path: &Path) -> Result<Self, TransformersError> {
        let mut directory =
            Self { path: path.to_owned(), config: Vec::new(), family: Family::Bert, labels: Vec::new(), limit: 0 };
        directory.config =
            std::fs::read(path.join("config.json")).map_err(|e| directory.wrong(format!("config.json: {e}")))?;
        let common: Common =
            serde_json::from_slice(&directory.config).map_err(|e| directory.wrong(format!("config.json: {e}")))?;
        directory.family = Family::of(&common.model_type).ok_or_else(|| {
            directory.wrong(format!("model_type {:?} is not one of {}", common.model_type, Family::NAMES.join(", ")))
        })?;
        let positions = common.max_position_embeddings.saturating_sub(directory.family.reserved_positions());
        let tokenizer = directory.tokenizer()?.model_max_length.map_or(usize::MAX, |length| length as usize);
        let sentence: SentenceConfig = directory.json("sentence_bert_config.json")?.unwrap_or_default();
        directory.limit = positions.min(tokenizer).min(sentence.max_seq_length.unwrap_or(usize::MAX));
        directory.labels = directory.labels_of(common.id2label.unwrap_or_default())?;
        Ok(directory)
    }

    fn labels_of(&self, named: BTreeMap<String, String>) -> Result<Vec<String>, TransformersError> {
        let numbered: Option<BTreeMap<usize, String>> =
            named.into_iter().map(|(number, label)| Some((number.parse().ok()?, label))).collect();
        let numbered = numbered.filter(|labels| labels.keys().copied().eq(0..labels.len()));
        let why = || self.wrong("config.json: id2label does not number its labels from 0".to_owned());
        Ok(numbered.ok_or_else(why)?.into_values().collect())
    }

    /// An error about this directory.
    pub(crate) fn wrong(&self, why: String) -> TransformersError {
        TransformersError::Directory { path: self.path.clone(), why }
    }

    /// `tokenizer_config.json`; absent: defaults.
    pub(crate) fn tokenizer(&self) -> Result<TokenizerConfig, TransformersError> {
        Ok(self.json("tokenizer_config.json")?.unwrap_or_default())
    }

    /// A file of the directory as JSON, if it is there.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, TransformersError> {
        let path = self.path.join(name);
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = std::fs::read(path).map_err(|e| self.wrong(format!("{name}: {e}")))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|e| self.wrong(format!("{name}: {e}")))
    }

    /// A file that must be there, by the names it may have.
    pub(crate) fn file(&self, names: &[&str]) -> Result<PathBuf, TransformersError> {
        let mut paths = names.iter().map(|name| self.path.join(name));
        paths.find(|path| path.is_file()).ok_or_else(|| self.wrong(format!("it has no {}", names.join(" or "))))
    }

    /// The file of the weights.
    pub(crate) fn weights(&self) -> Result<PathBuf, TransformersError> {
        self.file(&WEIGHTS)
    }

    /// `name@revision`: the directory's name, and the first twelve digits of its weights' SHA-256.
    pub(crate) fn revision(&self) -> Result<String, TransformersError> {
        let unread = |e| self.wrong(format!("weights: {e}"));
        let mut file = File::open(self.weights()?).map_err(unread)?;
        let (mut hash, mut part) = (Context::new(&SHA256), vec![0; 1 << 20]);
        loop {
            match file.read(&mut part).map_err(unread)? {
                0 => break,
                length => hash.update(&part[..length]),
            }
        }
        let digits: String = hash.finish().as_ref()[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        let name = self.path.canonicalize().map_err(unread)?;
        Ok(format!("{}@{digits}", name.file_name().unwrap_or_default().to_string_lossy()))
    }
}
