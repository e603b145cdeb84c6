//! A model: a directory's tokenizer and network.

use crate::TransformersError;
use crate::directory::Directory;
use crate::encoder::{self, Encoder};
use crate::network::{Network, Task};
use rust_bert::RustBertError;
use rust_tokenizers::TokenizedInput;
use std::path::Path;
use tch::nn::VarStore;
use tch::{Device, TchError, Tensor};

/// A loaded model.
pub(crate) struct Model {
    encoder: Encoder,
    network: Network,
    device: Device,
    batch_tokens: usize,
    /// `name@revision`.
    pub label: String,
    /// Its labels by number.
    pub labels: Vec<String>,
}

impl Model {
    pub(crate) fn load(
        path: &Path,
        task: Task,
        device: Device,
        batch_tokens: usize,
    ) -> Result<Self, TransformersError> {
        let directory = Directory::open(path)?;
        if task != Task::States && directory.labels.len() < 2 {
            return Err(directory.wrong("config.json: id2label names fewer than two labels".to_owned()));
        }
        let store = VarStore::new(device);
        let network = Network::build(&directory, task, &store.root())?;
        crate::weights::load(&directory, &store)?;
        let encoder = Encoder::open(&directory)?;
        let label = directory.revision()?;
        Ok(Self { encoder, network, device, batch_tokens, label, labels: directory.labels })
    }

    pub(crate) fn encode(&self, text: &str, pair: Option<&str>) -> TokenizedInput {
        self.encoder.encode(text, pair)
    }

    /// What `read` makes of each row's output, in the order of the rows. It is given the outputs of a portion, and the
    /// mask of its tokens.
    pub(crate) fn run<T>(
        &self,
        rows: &[TokenizedInput],
        read: impl Fn(&Tensor, &Tensor) -> Result<Vec<T>, TchError>,
    ) -> Result<Vec<T>, TransformersError> {
        let lengths: Vec<usize> = rows.iter().map(|row| row.token_ids.len()).collect();
        let mut found: Vec<Option<T>> = rows.iter().map(|_| None).collect();
        for portion in encoder::portions(&lengths, self.batch_tokens) {
            let members: Vec<&TokenizedInput> = portion.iter().map(|row| &rows[*row]).collect();
            for (row, outcome) in portion.iter().zip(self.portion(&members, &read).map_err(failed)?) {
                found[*row] = Some(outcome);
            }
        }
        let all: Option<Vec<T>> = found.into_iter().collect();
        all.ok_or_else(|| TransformersError::Run(format!("{} gave fewer rows than it was given", self.label)))
    }

    fn portion<T>(
        &self,
        rows: &[&TokenizedInput],
        read: impl Fn(&Tensor, &Tensor) -> Result<Vec<T>, TchError>,
    ) -> Result<Vec<T>, RustBertError> {
        let input = self.encoder.pad(rows, self.device)?;
        let output = self.network.forward(&input)?;
        Ok(tch::no_grad(|| read(&output, &input.mask))?)
    }
}

fn failed(error: RustBertError) -> TransformersError {
    TransformersError::Run(error.to_string())
}

/// Probabilities over the last dimension, as rows of numbers.
pub(crate) fn probabilities(logits: &Tensor) -> Result<Vec<Vec<f32>>, TchError> {
    rows(&logits.f_softmax(-1, tch::Kind::Float)?)
}

/// A tensor of two dimensions as rows of numbers.
pub(crate) fn rows(tensor: &Tensor) -> Result<Vec<Vec<f32>>, TchError> {
    let width = usize::try_from(tensor.size2()?.1).unwrap_or_default();
    let flat: Vec<f32> = (&tensor.f_contiguous()?.f_view(-1)?).try_into()?;
    Ok(flat.chunks_exact(width.max(1)).map(<[f32]>::to_vec).collect())
}

/// The number of the highest value, the first of several.
pub(crate) fn best(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, at| if values[at] > values[best] { at } else { best })
}

/// Four places: more would show in which company a caption was.
pub(crate) fn rounded(score: f32) -> f64 {
    (f64::from(score) * 1e4).round() / 1e4
}
