//! `[stages.transformers]`: which models run, on what, and in which portions.

use crate::TransformersError;
use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which models run over captions. Each of them is optional.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Off unless it is opened.
    pub enabled: bool,
    /// Directory of a sentence encoder: mean pooling, normalised.
    pub embeddings: Option<PathBuf>,
    /// Directory of a sequence classifier; the labels are its own.
    pub sentiment: Option<PathBuf>,
    /// Directory of a token classifier with BIO labels.
    pub ner: Option<PathBuf>,
    /// Directory of a natural language inference model, which is asked whether a caption is about each of the
    /// [`Self::category_names`].
    pub categories: Option<PathBuf>,
    /// What captions may be about.
    pub category_names: Vec<String>,
    /// Captions that go through the models together.
    pub batch: usize,
    /// Tokens, padding included, that go through a model together; a batch with more is divided.
    pub batch_tokens: usize,
    /// Batches that may wait for the models.
    pub queue: usize,
    /// Where the models run.
    pub device: Device,
    /// Threads of the CPU; 0 is as many as it has cores. One by default: they wait for each other by spinning, which costs
    /// more than it brings where their cores have other work.
    pub threads: usize,
}

/// Subjects that anybody would look for.
const SUBJECTS: [&str; 16] = [
    "beauty",
    "fashion",
    "food",
    "fitness",
    "health",
    "home",
    "technology",
    "gaming",
    "music",
    "dance",
    "comedy",
    "travel",
    "animals",
    "education",
    "sports",
    "finance",
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            embeddings: None,
            sentiment: None,
            ner: None,
            categories: None,
            category_names: SUBJECTS.map(str::to_owned).to_vec(),
            batch: 32,
            batch_tokens: 4096,
            queue: 2,
            device: Device::Cpu,
            threads: 1,
        }
    }
}

impl Settings {
    /// Everything that is wrong, as (key, why). Settings that are off are right.
    pub fn mistakes(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if !self.enabled {
            return found;
        }
        if !crate::BUILT {
            found.push(("enabled", TransformersError::NotBuilt.to_string()));
        }
        if self.models().is_empty() {
            let why = "no model is named; give a directory as embeddings, sentiment, ner or categories";
            found.push(("enabled", why.to_owned()));
        }
        for (key, path) in self.models() {
            if !path.join("config.json").is_file() {
                found.push((key, format!("{} is no directory of a model: it has no config.json", path.display())));
            }
        }
        let blank = |name: &String| name.trim().is_empty();
        if self.categories.is_some() && (self.category_names.is_empty() || self.category_names.iter().any(blank)) {
            found.push(("category_names", "name what captions may be about, none of it empty".to_owned()));
        }
        let mut within = |key, value: usize, from: usize, to: usize| {
            if !(from..=to).contains(&value) {
                found.push((key, format!("{value} is not from {from} to {to}")));
            }
        };
        within("batch", self.batch, 1, 1024);
        within("batch_tokens", self.batch_tokens, 512, 1 << 20);
        within("queue", self.queue, 1, 64);
        within("threads", self.threads, 0, 1024);
        found
    }

    /// The models that are named, as (key, directory).
    fn models(&self) -> Vec<(&'static str, &Path)> {
        let all = [
            ("embeddings", &self.embeddings),
            ("sentiment", &self.sentiment),
            ("ner", &self.ner),
            ("categories", &self.categories),
        ];
        all.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?))).collect()
    }
}

/// Where models run: `cpu`, or a GPU as `cuda:0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Device {
    /// The processor.
    Cpu,
    /// A GPU of NVIDIA's, by number.
    Cuda(usize),
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_prefix("cuda:").and_then(|number| number.parse().ok());
        match (text, number) {
            ("cpu", _) => Ok(Self::Cpu),
            (_, Some(number)) => Ok(Self::Cuda(number)),
            _ => Err(format!("{text:?} is no device; write cpu or cuda:0")),
        }
    }
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices() {
        assert_eq!("cpu".parse(), Ok(Device::Cpu));
        assert_eq!("cuda:1".parse(), Ok(Device::Cuda(1)));
        assert_eq!(Device::Cuda(1).to_string(), "cuda:1");
        for bad in ["gpu", "cuda", "cuda:x", ""] {
            assert!(bad.parse::<Device>().is_err(), "{bad}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_and_nothing_of_what_is_off() {
        let wrong = Settings {
            sentiment: Some("/nowhere".into()),
            categories: Some("/nowhere".into()),
            category_names: vec![" ".into()],
            batch: 0,
            queue: 65,
            ..Settings::default()
        };
        assert!(wrong.mistakes().is_empty());
        let found = Settings { enabled: true, ..wrong }.mistakes();
        let keys: Vec<&str> = found.iter().map(|(key, _)| *key).filter(|key| *key != "enabled").collect();
        assert_eq!(keys, ["sentiment", "categories", "category_names", "batch", "queue"]);
        let nothing = Settings { enabled: true, ..Settings::default() }.mistakes();
        assert!(nothing.iter().any(|(key, why)| *key == "enabled" && why.contains("no model")));
    }

    #[test]
    #[cfg(not(feature = "libtorch"))]
    fn a_build_without_models_says_how_to_get_them() {
        let found = Settings { enabled: true, ..Settings::default() }.mistakes();
        assert!(found[0].1.contains("--features transformers"), "{}", found[0].1);
        assert!(crate::Transformers::start(&Settings::default()).is_err_and(|error| error.is_final()));
    }
}
