//! Writes `data/ngrams.bin` anew from the models that lingua ships. Not a test.
//!
//! `LINGUA_MODELS=<folder> cargo test --release -p tidelake-stages --test ngrams -- --ignored`, where the folder holds
//! the crates `lingua-<language>-language-model` 1.3.0 as unpacked from crates.io.
//!
//! A model holds, for every n-gram of one to five letters in about a million sentences, the probability of its last
//! letter after the others, so that the counts can be had back. n-grams lie within words: how often one starts or ends
//! a word is what its count has over those of the n-grams that continue it. That gives exact counts of n-grams with
//! the words' bounds as letters, and from them a smoothed model of words by letters (absolute discounting, each order
//! interpolated with the one below). Languages are compared letter by letter, by -ln of their probabilities; an n-gram
//! is kept where it tells languages apart much better than the longest kept n-gram it ends in.

use fst::{Map, Streamer};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Codes and names of the languages by script: Latin, Cyrillic, Arabic, Devanagari.
const SCRIPTS: [&[(&str, &str)]; 4] = [
    &[
        ("ca", "catalan"),
        ("cs", "czech"),
        ("da", "danish"),
        ("de", "german"),
        ("en", "english"),
        ("es", "spanish"),
        ("et", "estonian"),
        ("fi", "finnish"),
        ("fr", "french"),
        ("hr", "croatian"),
        ("hu", "hungarian"),
        ("id", "indonesian"),
        ("it", "italian"),
        ("lt", "lithuanian"),
        ("lv", "latvian"),
        ("ms", "malay"),
        ("nl", "dutch"),
        ("no", "bokmal"),
        ("pl", "polish"),
        ("pt", "portuguese"),
        ("ro", "romanian"),
        ("sk", "slovak"),
        ("sl", "slovene"),
        ("sv", "swedish"),
        ("sw", "swahili"),
        ("tl", "tagalog"),
        ("tr", "turkish"),
        ("vi", "vietnamese"),
    ],
    &[("bg", "bulgarian"), ("ru", "russian"), ("sr", "serbian"), ("uk", "ukrainian")],
    &[("ar", "arabic"), ("fa", "persian"), ("ur", "urdu")],
    &[("hi", "hindi"), ("mr", "marathi")],
];

/// What is taken off each count for what was never seen.
const DISCOUNT: f64 = 0.75;
/// Probability of a letter that a language does not have.
const STRANGE: f64 = 1e-4;
/// Nats per level of a row, and the highest level.
const LEVEL: f64 = 0.5;
const HIGHEST: f64 = 15.0;
/// Share of a language's letters an n-gram must have in some language to be looked at.
const RARE: f64 = 1e-6;
/// Share of a language's letters a single letter must have to be in the alphabet.
const RARE_LETTER: f64 = 1e-7;
/// Nats per letter of text an n-gram must gain to be kept, added up over the languages.
const LEAST_GAIN: f64 = 2e-5;
/// A level is left as it is while both it and the right one are from here on: the language is out of the race.
const FAR: f64 = 10.0;

/// Letters of an n-gram, 21 bits each, the last one lowest; a word's bound is 1.
type Gram = u128;
const BITS: u32 = 21;
const BOUND: Gram = 1;

fn length(gram: Gram) -> u32 {
    (Gram::BITS - gram.leading_zeros()).div_ceil(BITS)
}

/// The last `letters` of an n-gram.
fn end(gram: Gram, letters: u32) -> Gram {
    gram & ((1 << (BITS * letters)) - 1)
}

fn letters(gram: Gram) -> impl Iterator<Item = u32> {
    (0..length(gram)).rev().map(move |at| end(gram >> (BITS * at), 1) as u32)
}

/// One language's n-grams, bounds included.
struct Model {
    counts: HashMap<Gram, f64>,
    /// What follows an n-gram: how often in all, and how many different letters.
    follow: HashMap<Gram, (f64, f64)>,
    letters: f64,
}

impl Model {
    fn read(path: &Path) -> Self {
        let mut counts = counts(path);
        let letters = counts.iter().filter(|&(&gram, _)| length(gram) == 1).map(|(_, count)| count).sum();
        add_bounds(&mut counts);
        let mut follow: HashMap<Gram, (f64, f64)> = HashMap::new();
        for (&gram, count) in &counts {
            let (all, kinds) = follow.entry(gram >> BITS).or_default();
            *all += count;
            *kinds += 1.0;
        }
        Self { counts, follow, letters }
    }

    /// An n-gram's share of the language's letters.
    fn share(&self, gram: Gram) -> f64 {
        self.counts.get(&gram).unwrap_or(&0.0) / self.letters
    }

    /// -ln of the probability of the last letter after the others.
    fn cost(&self, gram: Gram) -> f64 {
        let mut probability = STRANGE;
        for letters in 1..=length(gram) {
            let end = end(gram, letters);
            let Some((all, kinds)) = self.follow.get(&(end >> BITS)) else { break };
            let seen = (self.counts.get(&end).unwrap_or(&0.0) - DISCOUNT).max(0.0);
            probability = (seen + DISCOUNT * kinds * probability) / all;
        }
        -probability.ln()
    }
}

/// The counts behind a model's probabilities: the rarest n-gram was seen once.
fn counts(path: &Path) -> HashMap<Gram, f64> {
    let map = Map::new(std::fs::read(path).expect("model")).expect("fst");
    let mut conditional = HashMap::new();
    let mut stream = map.stream();
    while let Some((key, value)) = stream.next() {
        let gram = String::from_utf8_lossy(key).chars().fold(0, |gram, c| gram << BITS | Gram::from(u32::from(c)));
        conditional.insert(gram, f64::from_bits(value));
    }
    let joint = |gram: Gram| (0..length(gram)).map(|cut| conditional[&(gram >> (BITS * cut))]).sum::<f64>();
    let shares: Vec<(Gram, f64)> = conditional.keys().map(|&gram| (gram, joint(gram))).collect();
    let rarest = shares.iter().map(|&(_, share)| share).fold(0.0, f64::min);
    shares.into_iter().map(|(gram, share)| (gram, (share - rarest).exp().round())).collect()
}

/// Adds the n-grams of up to five letters that hold a bound.
fn add_bounds(counts: &mut HashMap<Gram, f64>) {
    let rest = |own: &HashMap<Gram, f64>, continued: &HashMap<Gram, f64>| -> Vec<(Gram, f64)> {
        let short = own.iter().filter(|&(&gram, _)| length(gram) < 5);
        let rests = short.map(|(&gram, count)| (gram, count - continued.get(&gram).unwrap_or(&0.0)));
        rests.filter(|&(_, count)| count > 0.5).collect()
    };
    let (mut before, mut after) = (HashMap::new(), HashMap::new());
    for (&gram, count) in counts.iter().filter(|&(&gram, _)| length(gram) > 1) {
        *before.entry(end(gram, length(gram) - 1)).or_default() += count;
        *after.entry(gram >> BITS).or_default() += count;
    }
    let starts: HashMap<Gram, f64> =
        rest(counts, &before).into_iter().map(|(gram, count)| (BOUND << (BITS * length(gram)) | gram, count)).collect();
    let mut after_start = HashMap::new();
    for (&gram, count) in &starts {
        *after_start.entry(gram >> BITS).or_default() += count;
    }
    let words = after_start.remove(&BOUND).unwrap_or(0.0);
    let ends: Vec<(Gram, f64)> = rest(counts, &after).into_iter().chain(rest(&starts, &after_start)).collect();
    counts.extend(starts);
    counts.extend(ends.into_iter().map(|(gram, count)| (gram << BITS | BOUND, count)));
    counts.insert(BOUND, words);
}

/// What is known of an n-gram: each language's level.
type Levels = Vec<f64>;

/// The n-grams kept for one script, shortest first.
fn distil(models: &[Model], symbols: &HashMap<u32, u8>) -> Vec<(u64, Levels, Levels)> {
    let common = |model: &&Model, gram: Gram| model.share(gram) >= RARE;
    let grams: HashSet<Gram> = models
        .iter()
        .flat_map(|model| model.counts.keys().filter(move |&&gram| length(gram) == 1 || common(&model, gram)))
        .copied()
        .collect();
    let key = |gram| letters(gram).try_fold(0, |key, c| Some(key << 8 | u64::from(*symbols.get(&c)?)));
    let mut keyed: Vec<(u64, Gram)> = grams.into_iter().filter_map(|gram| Some((key(gram)?, gram))).collect();
    keyed.sort_unstable();
    let mut kept: HashMap<Gram, Levels> = HashMap::new();
    let mut rows = Vec::new();
    for (key, gram) in keyed {
        let base = (1..length(gram)).rev().find_map(|letters| kept.get(&end(gram, letters)));
        let base = base.cloned().unwrap_or_else(|| vec![0.0; models.len()]);
        let costs: Vec<f64> = models.iter().map(|model| model.cost(gram)).collect();
        if length(gram) == 1 || gain(models, gram, &costs, &base) >= LEAST_GAIN {
            let levels = levels(&costs, &base);
            kept.insert(gram, levels.clone());
            rows.push((key, base, levels));
        }
    }
    rows
}

/// How much better the right costs tell each language from the others than those of the shorter n-gram, by how often
/// that matters.
fn gain(models: &[Model], gram: Gram, costs: &[f64], base: &[f64]) -> f64 {
    let change: Vec<f64> = costs.iter().zip(base).map(|(cost, level)| cost - level * LEVEL).collect();
    let mean = |own: f64| change.iter().map(|other| (other - own).abs()).sum::<f64>() / (change.len() - 1) as f64;
    models.iter().zip(&change).map(|(model, &own)| model.share(gram) * mean(own)).sum()
}

fn levels(costs: &[f64], base: &[f64]) -> Levels {
    let best = costs.iter().copied().fold(f64::MAX, f64::min);
    let level = |cost: f64| ((cost - best) / LEVEL).round().min(HIGHEST);
    costs.iter().zip(base).map(|(&cost, &base)| if level(cost).min(base) >= FAR { base } else { level(cost) }).collect()
}

/// An unsigned LEB128 number.
fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn row(out: &mut Vec<u8>, base: &[f64], levels: &[f64]) {
    let changed: Vec<usize> = (0..levels.len()).filter(|&lane| levels[lane] != base[lane]).collect();
    let mask = changed.iter().fold(0_u32, |mask, lane| mask | 1 << lane);
    out.extend(&mask.to_le_bytes()[..levels.len().div_ceil(8)]);
    for pair in changed.chunks(2) {
        let level = |nth: usize| pair.get(nth).map_or(0, |&lane| levels[lane] as u8);
        out.push(level(0) | level(1) << 4);
    }
}

/// A script's part of the file, and its rows.
fn script(languages: &[(&str, &str)], folder: &Path) -> (Vec<u8>, usize) {
    let path = |name: &str| folder.join(format!("lingua-{name}-language-model-1.3.0/models/ngrams.fst"));
    let models: Vec<Model> = languages.iter().map(|(_, name)| Model::read(&path(name))).collect();
    let is_common = |gram: Gram| models.iter().any(|model| model.share(gram) >= RARE_LETTER);
    let single = models.iter().flat_map(|model| model.counts.keys().copied());
    let alphabet: HashSet<u32> =
        single.filter(|&gram| length(gram) == 1 && gram != BOUND && is_common(gram)).map(|gram| gram as u32).collect();
    let mut alphabet: Vec<u32> = alphabet.into_iter().filter(|&c| c < 0x2000).collect();
    alphabet.sort_unstable();
    assert!(alphabet.len() < 253, "{} letters", alphabet.len());
    let symbols = alphabet.iter().copied().zip(2..).chain([(BOUND as u32, BOUND as u8)]).collect();
    let rows = distil(&models, &symbols);
    let mut out = Vec::new();
    number(&mut out, languages.len() as u64);
    out.extend(languages.iter().flat_map(|(code, _)| code.bytes()));
    let alphabet: String = alphabet.into_iter().filter_map(char::from_u32).collect();
    number(&mut out, alphabet.len() as u64);
    out.extend(alphabet.bytes());
    number(&mut out, rows.len() as u64);
    let mut last = 0;
    for (key, base, levels) in &rows {
        number(&mut out, key - last);
        last = *key;
        row(&mut out, base, levels);
    }
    (out, rows.len())
}

#[test]
#[ignore = "writes data/ngrams.bin; needs LINGUA_MODELS"]
fn write() {
    let folder = std::env::var("LINGUA_MODELS").expect("LINGUA_MODELS");
    let scripts = SCRIPTS.map(|languages| script(languages, Path::new(&folder)));
    let mut out = b"Letters that follow each other, by language; distilled from the language models of lingua 1.8\n\
        (Apache-2.0, https://github.com/pemistahl/lingua-rs) by tests/ngrams.rs; format: src/ngrams.rs.\n\n"
        .to_vec();
    number(&mut out, scripts.iter().map(|(_, rows)| *rows as u64).sum());
    out.extend(scripts.into_iter().flat_map(|(bytes, _)| bytes));
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/data/ngrams.bin"), out).expect("written");
}
