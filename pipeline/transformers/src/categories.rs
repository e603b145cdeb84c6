//! Zero-shot categories: does a caption entail that it is about a subject?
//!
//! As Yin, Hay and Roth, "Benchmarking Zero-shot Text Classification" (2019), with each subject on its own: a subject's
//! score is the probability of entailment against contradiction.

use crate::TransformersError;
use crate::directory::Directory;
use crate::model::{Model, rounded, rows};
use crate::network::Task;
use std::path::Path;
use tch::Device;
use tidelake_schemas::ModelCategory;

/// Subjects below are no findings: contradiction is the likelier one there.
const LIKELY: f64 = 0.5;

/// A model of natural language inference, and what it is asked about.
pub(crate) struct Categories {
    pub model: Model,
    names: Vec<String>,
    entailment: usize,
    contradiction: usize,
}

impl Categories {
    pub(crate) fn load(
        path: &Path,
        names: &[String],
        device: Device,
        batch_tokens: usize,
    ) -> Result<Self, TransformersError> {
        let directory = Directory::open(path)?;
        let label = |starts: &[&str]| {
            let is = |label: &String| starts.iter().any(|start| label.to_lowercase().starts_with(start));
            let found = directory.labels.iter().position(is);
            let why = || format!("config.json: id2label has no {}…, but {}", starts[0], directory.labels.join(", "));
            found.ok_or_else(|| directory.wrong(why()))
        };
        let (entailment, contradiction) = (label(&["entail"])?, label(&["contradict", "not_entail"])?);
        let names = names.to_vec();
        Ok(Self { model: Model::load(path, Task::Texts, device, batch_tokens)?, names, entailment, contradiction })
    }

    /// For each caption the subjects that are likely, best first.
    pub(crate) fn run(&self, texts: &[String]) -> Result<Vec<Vec<ModelCategory>>, TransformersError> {
        let hypotheses: Vec<String> = self.names.iter().map(|name| format!("This example is about {name}.")).collect();
        let pairs = texts.iter().flat_map(|text| hypotheses.iter().map(move |about| (text, about)));
        let encoded: Vec<_> = pairs.map(|(text, about)| self.model.encode(text, Some(about))).collect();
        let scores = self.model.run(&encoded, |logits, _| {
            Ok(rows(logits)?.iter().map(|row| likelihood(row[self.entailment], row[self.contradiction])).collect())
        })?;
        Ok(scores.chunks(self.names.len().max(1)).map(|scores| self.likely(scores)).collect())
    }

    fn likely(&self, scores: &[f32]) -> Vec<ModelCategory> {
        let all = self.names.iter().zip(scores).map(|(name, score)| (name, rounded(*score)));
        let likely = all.filter(|(_, score)| *score >= LIKELY);
        let mut found: Vec<_> = likely.map(|(name, score)| ModelCategory { name: name.clone(), score }).collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.name.cmp(&b.name)));
        found
    }
}

/// Softmax over the two logits.
fn likelihood(entailment: f32, contradiction: f32) -> f32 {
    1.0 / (1.0 + (contradiction - entailment).exp())
}

#[cfg(test)]
mod tests {
    use super::likelihood;

    #[test]
    fn a_likelihood_is_a_probability() {
        assert!((likelihood(0.0, 0.0) - 0.5).abs() < 1e-6);
        assert!(likelihood(5.0, -5.0) > 0.999 && likelihood(-500.0, 500.0) < 1e-6);
    }
}
