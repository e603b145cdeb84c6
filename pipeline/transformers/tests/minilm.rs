//! all-MiniLM-L6-v2 against another implementation of it. `.ci/transformers` fetches the weights and names their directory in
//! `TIDELAKE_TEST_MINILM`; without it these tests say that they are skipped.
#![cfg(feature = "libtorch")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use serde::Deserialize;
use std::time::Instant;
use tidelake_transformers::{Settings, Transformers};

#[derive(Deserialize)]
struct Reference {
    text: String,
    embedding: Vec<f32>,
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("all-minilm-l6-v2.json")).expect("references")
}

fn minilm(settings: Settings) -> Option<Transformers> {
    let Ok(directory) = std::env::var("TIDELAKE_TEST_MINILM") else {
        eprintln!("skipped: TIDELAKE_TEST_MINILM names no directory of all-MiniLM-L6-v2");
        return None;
    };
    Some(Transformers::start(&Settings { embeddings: Some(directory.into()), ..settings }).expect("loads"))
}

fn embed(models: &Transformers, texts: &[&str]) -> Vec<Vec<f32>> {
    let pending = models.submit(texts.iter().map(|text| (*text).to_owned()).collect()).expect("is taken");
    pending.wait().expect("runs").into_iter().map(|found| found.embedding).collect()
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn likeness(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn embeddings_are_those_of_the_reference() {
    let Some(models) = minilm(Settings::default()) else { return };
    let references = references();
    let texts: Vec<&str> = references.iter().map(|reference| reference.text.as_str()).collect();
    let found = embed(&models, &texts);
    for (reference, found) in references.iter().zip(&found) {
        let apart = apart(&reference.embedding, found);
        assert!(apart < 1e-4, "{apart} of {:?}", reference.text);
        assert!((likeness(found, found) - 1.0).abs() < 1e-3);
    }
    // The same said in other words, and something else.
    assert!(likeness(&found[0], &found[1]) > 0.7 && likeness(&found[0], &found[2]) < 0.3);
}

#[test]
fn a_caption_is_the_same_alone_and_in_company() {
    let Some(models) = minilm(Settings { batch_tokens: 512, ..Settings::default() }) else { return };
    let references = references();
    let texts: Vec<&str> = references.iter().map(|reference| reference.text.as_str()).collect();
    let together = embed(&models, &texts);
    assert_eq!(together, embed(&models, &texts), "the same batch gives the same bytes");
    for (text, found) in texts.iter().zip(&together) {
        let apart = apart(found, &embed(&models, &[text])[0]);
        assert!(apart < 5e-6, "{apart} of {text:?}");
    }
}

#[test]
fn what_is_too_long_is_cut() {
    let Some(models) = minilm(Settings::default()) else { return };
    let (longer, other) = ("long ".repeat(400), "long ".repeat(254) + "and then something else altogether");
    let found = embed(&models, &[&longer, &other, "long"]);
    assert_eq!(found[0], found[1]);
    assert!(apart(&found[0], &found[2]) > 1e-3);
}

/// Not a test of right or wrong: `cargo test --release … speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let threads = std::env::var("THREADS").ok().and_then(|threads| threads.parse().ok()).unwrap_or(0);
    let Some(models) = minilm(Settings { threads, ..Settings::default() }) else { return };
    let texts: Vec<String> = (0..512)
        .map(|n| {
            format!(
                "{} number {n} {}",
                references()[n % 4].text,
                ["#fyp", "#skincare #routine", "link in bio 👇"][n % 3]
            )
        })
        .collect();
    for batch in [1, 8, 32, 128] {
        let begun = Instant::now();
        let pending: usize = texts
            .chunks(batch)
            .map(|part| models.submit(part.to_vec()).expect("is taken").wait().expect("runs").len())
            .sum();
        eprintln!("batch {batch}: {:.0} captions/s", pending as f64 / begun.elapsed().as_secs_f64());
    }
}
