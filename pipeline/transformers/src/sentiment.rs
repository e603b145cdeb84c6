//! Sentiment: the most probable label of a sequence classifier.

use crate::TransformersError;
use crate::model::{Model, best, probabilities, rounded};
use crate::network::Task;
use std::path::Path;
use tch::Device;
use tidelake_schemas::ModelSentiment;

/// A classifier of captions.
pub(crate) struct Sentiment(pub Model);

impl Sentiment {
    pub(crate) fn load(path: &Path, device: Device, batch_tokens: usize) -> Result<Self, TransformersError> {
        Ok(Self(Model::load(path, Task::Texts, device, batch_tokens)?))
    }

    /// One per caption; labels as `config.json` writes them.
    pub(crate) fn run(&self, texts: &[String]) -> Result<Vec<ModelSentiment>, TransformersError> {
        let encoded: Vec<_> = texts.iter().map(|text| self.0.encode(text, None)).collect();
        let verdict = |scores: Vec<f32>| {
            let at = best(&scores);
            ModelSentiment { label: self.0.labels[at].clone(), score: rounded(scores[at]) }
        };
        self.0.run(&encoded, |logits, _| Ok(probabilities(logits)?.into_iter().map(verdict).collect()))
    }
}
