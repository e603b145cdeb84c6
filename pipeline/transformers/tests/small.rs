//! Sentiment, entities and categories of small models whose answers are known, through the real loading.
#![cfg(feature = "libtorch")]

mod common;

use common::{WIDTH, answers, axes, config, fill, size, typed, write_bert};
use rust_bert::bert::{BertForSequenceClassification, BertForTokenClassification};
use rust_bert::distilbert::DistilBertModelClassifier;
use rust_bert::roberta::RobertaForSequenceClassification;
use std::fs;
use std::path::{Path, PathBuf};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;
use tidelake_schemas::TransformerFindings;
use tidelake_transformers::{Settings, Transformers, TransformersError};

fn run(settings: Settings, texts: &[&str]) -> Vec<TransformerFindings> {
    let models = Transformers::start(&settings).expect("loads");
    let pending = models.submit(texts.iter().map(|text| (*text).to_owned()).collect()).expect("is taken");
    pending.wait().expect("runs")
}

fn refusal(settings: Settings) -> String {
    let error = Transformers::start(&settings).expect_err("is refused");
    assert!(error.is_final(), "{error}");
    error.to_string()
}

fn scratch() -> (TempDir, PathBuf) {
    let scratch = tempfile::tempdir().expect("a directory");
    let path = scratch.path().join("model");
    (scratch, path)
}

const LABELS: [&str; 3] = ["NEGATIVE", "NEUTRAL", "POSITIVE"];

/// Says POSITIVE of everything, with probability e² / (1 + e + e²).
fn distilbert(path: &Path, weights: &str) {
    let words = ["good", "bad"];
    let config = config("distilbert", size(&words), &LABELS);
    write_bert(path, &config, &words);
    let store = VarStore::new(Device::Cpu);
    DistilBertModelClassifier::new(store.root(), &typed(&config)).expect("a network");
    fill(&store, &[("classifier.bias", &Tensor::from_slice(&[0.0_f32, 1.0, 2.0]))]);
    store.save(path.join(weights)).expect("saves");
}

#[test]
fn labels_of_sentiment_are_those_of_the_configuration() {
    for weights in ["model.safetensors", "rust_model.ot"] {
        let (_scratch, path) = scratch();
        distilbert(&path, weights);
        let found = run(Settings { sentiment: Some(path), ..Settings::default() }, &["Good!", "", "so bad 🥲 東京"]);
        for found in &found {
            let verdict = found.sentiment.as_ref().expect("a verdict");
            assert_eq!((verdict.label.as_str(), verdict.score), ("POSITIVE", 0.6652), "{weights}");
            assert!(found.embedding.is_empty() && found.entities.is_empty() && found.categories.is_empty());
        }
        let [model] = found[0].models.as_slice() else { panic!("{:?}", found[0].models) };
        let (name, revision) = model.split_once('@').expect("a revision");
        assert_eq!((name, revision.len()), ("model", 12), "{model}");
    }
}

/// The daemon moves models and errors between threads.
#[test]
fn models_and_errors_may_move() {
    fn moves<T: Send + Sync + std::fmt::Debug + 'static>() {}
    moves::<Transformers>();
    moves::<TransformersError>();
}

#[test]
fn batches_come_back_in_order_through_a_short_queue() {
    let (_scratch, path) = scratch();
    distilbert(&path, "model.safetensors");
    let models =
        Transformers::start(&Settings { sentiment: Some(path), queue: 1, ..Settings::default() }).expect("loads");
    assert!(models.label().starts_with("transformers@1+model@"), "{}", models.label());
    let pending: Vec<_> = (0..20).map(|n| models.submit(vec!["good".to_owned(); n]).expect("is taken")).collect();
    for (n, pending) in pending.into_iter().enumerate() {
        assert_eq!(pending.wait().expect("runs").len(), n);
    }
}

/// A vocabulary file of RoBERTa's: letters, and no merges.
#[test]
fn roberta_reads_vocab_json_and_counts_positions_its_own_way() {
    let (_scratch, path) = scratch();
    let letters: Vec<String> = ('a'..='z').map(String::from).chain(["Ġ".to_owned()]).collect();
    let tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"].into_iter().chain(letters.iter().map(String::as_str));
    let vocabulary: serde_json::Map<_, _> = tokens.enumerate().map(|(n, token)| (token.to_owned(), n.into())).collect();
    let config = config("roberta", vocabulary.len(), &LABELS);
    fs::create_dir_all(&path).expect("a directory");
    fs::write(path.join("config.json"), config.to_string()).expect("writes");
    fs::write(path.join("vocab.json"), serde_json::Value::from(vocabulary).to_string()).expect("writes");
    fs::write(path.join("merges.txt"), "#version: 0.2\n").expect("writes");
    let store = VarStore::new(Device::Cpu);
    RobertaForSequenceClassification::new(store.root(), &typed(&config)).expect("a network");
    let bias = ("classifier.out_proj.bias", &Tensor::from_slice(&[3.0_f32, 0.0, 0.0]));
    fill(&store, &[bias]);
    store.save(path.join("model.safetensors")).expect("saves");
    // More letters than positions: cut off, not out of range.
    let found = run(Settings { sentiment: Some(path), ..Settings::default() }, &["abc", &"long ".repeat(100)]);
    assert!(found.iter().all(|found| found.sentiment.as_ref().is_some_and(|verdict| verdict.label == "NEGATIVE")));
}

#[test]
fn entities_stand_where_they_say() {
    let words = ["zoe", "mull", "##er", "lives", "in", "sao", "paulo", "!"];
    let labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"];
    let (_scratch, path) = scratch();
    let config = config("bert", size(&words), &labels);
    write_bert(&path, &config, &words);
    let store = VarStore::new(Device::Cpu);
    BertForTokenClassification::new(store.root(), &typed(&config)).expect("a network");
    // The second piece of a word says something else than the first, which counts.
    let embeddings = axes(&[1, 2, 4, 0, 0, 3, 4, 0]);
    let set = [("bert.embeddings.word_embeddings.weight", &embeddings), ("classifier.weight", &answers(5))];
    fill(&store, &set);
    store.save(path.join("model.safetensors")).expect("saves");

    let text = "👩‍💻 Zoë MÜLLER lives in São\u{a0}Paulo!! Zoë";
    let long = "lives ".repeat(200) + "Zoë";
    let found = run(Settings { ner: Some(path), ..Settings::default() }, &[text, "", "in", &long]);
    let entities: Vec<_> = found[0].entities.iter().map(|e| (e.kind.as_str(), e.text.as_str())).collect();
    assert_eq!(entities, [("PER", "Zoë MÜLLER"), ("LOC", "São\u{a0}Paulo"), ("PER", "Zoë")]);
    for entity in &found[0].entities {
        assert_eq!(&text[entity.start as usize..entity.end as usize], entity.text);
        assert!((0.9..=1.0).contains(&entity.score), "{entity:?}");
    }
    assert!(found[1..].iter().all(|found| found.entities.is_empty()), "{:?}", &found[1..]);
}

/// A network of inference that looks at all tokens alike: axis k speaks for label k.
fn inference(path: &Path, labels: &[&str]) {
    let words = ["this", "example", "is", "about", "beauty", "sports", "cats", "."];
    let config = config("bert", size(&words), labels);
    write_bert(path, &config, &words);
    let store = VarStore::new(Device::Cpu);
    BertForSequenceClassification::new(store.root(), &typed(&config)).expect("a network");
    let identity = Tensor::eye(WIDTH, (Kind::Float, Device::Cpu));
    let set = [
        ("bert.embeddings.word_embeddings.weight", &axes(&[7, 7, 7, 7, 2, 1, 3, 7])),
        ("bert.encoder.layer.0.attention.self.value.weight", &identity),
        ("bert.encoder.layer.0.attention.output.dense.weight", &identity),
        ("bert.pooler.dense.weight", &identity),
        ("classifier.weight", &answers(3)),
    ];
    fill(&store, &set);
    store.save(path.join("model.safetensors")).expect("saves");
}

#[test]
fn categories_are_what_is_entailed() {
    let names = ["sports", "beauty"].map(str::to_owned).to_vec();
    for (labels, expected) in
        [(["NEUTRAL", "CONTRADICTION", "ENTAILMENT"], "beauty"), (["neutral", "entailment", "contradiction"], "sports")]
    {
        let (_scratch, path) = scratch();
        inference(&path, &labels);
        let settings = Settings { categories: Some(path), category_names: names.clone(), ..Settings::default() };
        for found in run(settings, &["cats", "this is about cats"]) {
            let found: Vec<_> = found.categories.iter().map(|c| (c.name.as_str(), c.score > 0.5)).collect();
            assert_eq!(found, [(expected, true)], "{labels:?}");
        }
    }
}

#[test]
fn older_names_of_weights_are_known() {
    let (_scratch, path) = scratch();
    inference(&path, &["a", "contradiction", "entailment"]);
    let file = path.join("model.safetensors");
    let old: Vec<(String, Tensor)> = Tensor::read_safetensors(&file)
        .expect("reads")
        .into_iter()
        .map(|(name, tensor)| {
            (name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"), tensor)
        })
        .collect();
    Tensor::write_safetensors(&old, &file).expect("writes");
    // The encoder of the same checkpoint, without its head and with its prefix.
    let settings = Settings { embeddings: Some(path.clone()), categories: Some(path), ..Settings::default() };
    let found = run(settings, &["cats"]);
    let length: f32 = found[0].embedding.iter().map(|v| v * v).sum();
    assert_eq!((found[0].embedding.len() as i64, found[0].models.len()), (WIDTH, 2));
    assert!((length - 1.0).abs() < 1e-4, "{length}");
}

#[test]
fn what_is_wrong_with_a_directory_is_said() {
    let (_scratch, path) = scratch();
    distilbert(&path, "model.safetensors");
    let of = |path: &Path| Settings { sentiment: Some(path.to_owned()), ..Settings::default() };
    let wrong = refusal(Settings {
        ner: Some(path.clone()),
        device: "cuda:99".parse().expect("a device"),
        ..Settings::default()
    });
    assert!(wrong.contains("cuda:99 is not there"), "{wrong}");
    let wrong = refusal(Settings { categories: Some(path.clone()), ..Settings::default() });
    assert!(wrong.contains("no entail…, but NEGATIVE"), "{wrong}");

    let config_of = |model_type: &str, vocabulary| {
        fs::write(path.join("config.json"), config(model_type, vocabulary, &LABELS).to_string()).expect("writes");
    };
    config_of("distilbert", 99);
    let wrong = refusal(of(&path));
    assert!(wrong.contains("word_embeddings.weight is [7, 8], where config.json says [99, 8]"), "{wrong}");
    config_of("gpt2", 7);
    assert!(refusal(of(&path)).contains("\"gpt2\" is not one of bert, "));
    config_of("bert", 7);
    assert!(refusal(of(&path)).contains("it is a model for another purpose"));
    config_of("distilbert", 7);
    fs::remove_file(path.join("vocab.txt")).expect("removes");
    assert!(refusal(of(&path)).contains("it has no vocab.txt"));
    fs::write(path.join("model.safetensors"), b"broken").expect("writes");
    assert!(refusal(of(&path)).contains("model.safetensors: "));
    fs::remove_file(path.join("model.safetensors")).expect("removes");
    assert!(refusal(of(&path)).contains("it has no model.safetensors or rust_model.ot"));
    assert!(matches!(Transformers::start(&of(Path::new("/nowhere"))), Err(TransformersError::Directory { .. })));
}
