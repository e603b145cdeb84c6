//! Sentence embeddings: the mean of a caption's token states, of length one.

use crate::TransformersError;
use crate::directory::Directory;
use crate::model::{Model, rows};
use crate::network::Task;
use serde::Deserialize;
use std::path::Path;
use tch::{Device, Kind, TchError, Tensor};

/// A sentence encoder.
pub(crate) struct Embeddings(pub Model);

/// `1_Pooling/config.json` of sentence-transformers.
#[derive(Deserialize)]
struct Pooling {
    pooling_mode_mean_tokens: bool,
}

impl Embeddings {
    pub(crate) fn load(path: &Path, device: Device, batch_tokens: usize) -> Result<Self, TransformersError> {
        let directory = Directory::open(path)?;
        let pooling: Option<Pooling> = directory.json("1_Pooling/config.json")?;
        if pooling.is_some_and(|pooling| !pooling.pooling_mode_mean_tokens) {
            return Err(directory.wrong("1_Pooling/config.json: only the mean of tokens is known".to_owned()));
        }
        Ok(Self(Model::load(path, Task::States, device, batch_tokens)?))
    }

    /// One per caption.
    pub(crate) fn run(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, TransformersError> {
        let encoded: Vec<_> = texts.iter().map(|text| self.0.encode(text, None)).collect();
        self.0.run(&encoded, pool)
    }
}

/// Mean over the tokens that are no padding, divided by its Euclidean length.
fn pool(states: &Tensor, mask: &Tensor) -> Result<Vec<Vec<f32>>, TchError> {
    let weights = mask.f_unsqueeze(-1)?.f_to_kind(Kind::Float)?;
    let sum = states.f_mul(&weights)?.f_sum_dim_intlist([1].as_slice(), false, Kind::Float)?;
    let count = weights.f_sum_dim_intlist([1].as_slice(), false, Kind::Float)?.f_clamp_min(1e-9)?;
    let mean = sum.f_div(&count)?;
    let length = mean.f_norm_scalaropt_dim(2, [1].as_slice(), true)?.f_clamp_min(1e-12)?;
    let mut embeddings = rows(&mean.f_div(&length)?)?;
    embeddings.iter_mut().flatten().for_each(|value| *value = (*value * 1e6).round() / 1e6);
    Ok(embeddings)
}
