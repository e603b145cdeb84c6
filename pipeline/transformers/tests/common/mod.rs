//! Small models, written by the test and loaded as any other.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tch::nn::VarStore;
use tch::{Device, Tensor};

/// Hidden size of every small model.
pub(crate) const WIDTH: i64 = 8;
/// The first of every vocabulary.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// BERT's and DistilBERT's words of the same shape.
pub(crate) fn config(model_type: &str, vocabulary: usize, labels: &[&str]) -> Value {
    let id2label: serde_json::Map<String, Value> =
        labels.iter().enumerate().map(|(number, label)| (number.to_string(), json!(label))).collect();
    json!({
        "model_type": model_type, "vocab_size": vocabulary, "max_position_embeddings": 34, "initializer_range": 0.02,
        "id2label": id2label,
        "hidden_act": "gelu", "hidden_size": WIDTH, "intermediate_size": 16, "num_attention_heads": 2,
        "num_hidden_layers": 1, "type_vocab_size": if model_type == "bert" { 2 } else { 1 },
        "attention_probs_dropout_prob": 0.1, "hidden_dropout_prob": 0.1,
        "activation": "gelu", "dim": WIDTH, "hidden_dim": 16, "n_heads": 2, "n_layers": 1, "attention_dropout": 0.1,
        "dropout": 0.1, "qa_dropout": 0.1, "seq_classif_dropout": 0.2, "sinusoidal_pos_embds": false, "tie_weights_": true,
    })
}

/// Writes `config.json` and `vocab.txt`.
pub(crate) fn write_bert(directory: &Path, config: &Value, words: &[&str]) {
    fs::create_dir_all(directory).expect("a directory");
    fs::write(directory.join("config.json"), config.to_string()).expect("writes");
    fs::write(directory.join("vocab.txt"), [&SPECIAL, words].concat().join("\n") + "\n").expect("writes");
}

/// How many tokens a vocabulary of these words has.
pub(crate) fn size(words: &[&str]) -> usize {
    SPECIAL.len() + words.len()
}

/// The config as rust-bert's own type.
pub(crate) fn typed<T: serde::de::DeserializeOwned>(config: &Value) -> T {
    serde_json::from_value(config.clone()).expect("a configuration")
}

/// Sets every variable: layer norms to the identity, all else to 0, then by what is given.
pub(crate) fn fill(store: &VarStore, set: &[(&str, &Tensor)]) {
    for (name, mut variable) in store.variables() {
        let value =
            if name.to_lowercase().contains("norm.weight") || name.ends_with("_layer_norm.weight") { 1.0 } else { 0.0 };
        drop(tch::no_grad(|| variable.fill_(value)));
    }
    for (name, tensor) in set {
        let mut variable = store.variables().remove(*name).unwrap_or_else(|| panic!("{name}"));
        tch::no_grad(|| variable.copy_(tensor));
    }
}

/// Embeddings of words: each points along one axis, special tokens along axis 0.
pub(crate) fn axes(axes: &[i64]) -> Tensor {
    let table = Tensor::zeros([SPECIAL.len() as i64 + axes.len() as i64, WIDTH], (tch::Kind::Float, Device::Cpu));
    let all = [0; SPECIAL.len()].iter().chain(axes);
    all.enumerate().for_each(|(word, axis)| drop(table.get(word as i64).get(*axis).fill_(10.0)));
    table
}

/// `numbers` rows, of which row k answers to axis k.
pub(crate) fn answers(numbers: i64) -> Tensor {
    Tensor::eye_m(numbers, WIDTH, (tch::Kind::Float, Device::Cpu)) * 4.0
}
