//! Writes `data/words.fst` anew from the lists of two packages of PyPI, and checks that the file in the tree is sound.
//!
//! From wordsegment (Apache-2.0): counts of words in the Google Web Trillion Word Corpus, and a dictionary. From wordninja
//! (MIT): the words of the English Wikipedia, which keeps the misspellings of the web out. Unpack both, gunzip
//! `wordninja_words.txt.gz`, and put `unigrams.txt`, `words.txt` and `wordninja_words.txt` into one directory:
//!
//! `WORDS_FROM=<directory> cargo test -p tidelake-stages --test words -- --ignored`

use fst::Map;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Words of five letters and more.
const KEPT: usize = 60_000;
/// Longer words that no dictionary knows (names) must be this common.
const KEPT_NAMES: usize = 40_000;
/// So must words of four letters that no dictionary knows.
const KEPT_SHORT_NAMES: usize = 8_000;
/// All words of the corpus.
const CORPUS: f64 = 1_024_908_267_229.0;
/// Costs are stored in steps of a tenth.
const STEP: f64 = 10.0;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(str::to_owned).collect()
}

/// The words of `data/words_own.tsv` under each of its headings.
fn own() -> BTreeMap<String, BTreeSet<String>> {
    let mut own: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines(&data("words_own.tsv")) {
        if let Some((heading, words)) = line.split_once('\t').filter(|_| !line.starts_with('#')) {
            own.entry(heading.to_owned()).or_default().extend(words.split_whitespace().map(str::to_owned));
        }
    }
    own
}

fn cost(count: f64) -> u64 {
    (-(count / CORPUS).ln() * STEP).round() as u64
}

#[test]
#[ignore = "writes data/words.fst"]
fn write() {
    let from = PathBuf::from(std::env::var("WORDS_FROM").expect("WORDS_FROM=<directory of the lists>"));
    let dictionary: HashSet<String> = lines(&from.join("words.txt")).into_iter().collect();
    let encyclopedia: HashSet<String> = lines(&from.join("wordninja_words.txt")).into_iter().collect();
    let counts: HashMap<String, f64> = lines(&from.join("unigrams.txt"))
        .iter()
        .filter_map(|line| line.split_once('\t'))
        .map(|(word, count)| (word.to_owned(), count.parse().expect("a count")))
        .collect();
    let own = own();
    let mut ranked: Vec<_> = counts
        .iter()
        .filter(|(word, _)| encyclopedia.contains(*word) && word.bytes().all(|b| b.is_ascii_lowercase()))
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
    let mut costs: BTreeMap<&str, u64> = BTreeMap::new();
    for (rank, (word, count)) in ranked.into_iter().enumerate().take(KEPT) {
        let known = dictionary.contains(word);
        let keep = match word.len() {
            1..=3 => false,
            4 => known || rank < KEPT_SHORT_NAMES,
            _ => known || rank < KEPT_NAMES,
        };
        if keep && !own["never"].contains(word) {
            costs.insert(word, cost(*count));
        }
    }
    for word in &own["short"] {
        costs.insert(word, counts.get(word).map_or(120, |count| cost(*count)));
    }
    for (heading, words) in &own {
        let Ok(given) = heading.parse::<u64>() else { continue };
        for word in words.iter().filter(|word| word.is_ascii()) {
            let cost = costs.entry(word).or_insert(u64::MAX);
            *cost = (*cost).min(given * STEP as u64);
        }
    }
    let map = Map::from_iter(costs).expect("sorted words");
    std::fs::write(data("words.fst"), map.as_fst().as_bytes()).expect("written");
}

#[test]
fn the_list_is_sound() {
    let bytes = std::fs::read(data("words.fst")).expect("data/words.fst");
    assert!(bytes.len() < 1_000_000, "{} bytes", bytes.len());
    let words = Map::new(bytes).expect("a map");
    words.as_fst().verify().expect("sound");
    assert!(words.len() > 40_000);
    for (heading, listed) in own() {
        for word in listed.iter().filter(|word| word.is_ascii()) {
            assert_eq!(words.contains_key(word), heading != "never", "{word}: run the recipe above");
        }
    }
}
