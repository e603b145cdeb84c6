//! Writes `data/trigrams.txt` anew from the models that lingua ships. Not a test.
//!
//! `LINGUA_MODELS=~/.cargo/registry/src/<index> cargo test -p tidelake-stages --test trigrams -- --ignored`

use fst::{Automaton, IntoStreamer, Map, Streamer};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

const KEPT: usize = 1000;

const MODELS: [(&str, &str); 35] = [
    ("ar", "arabic"),
    ("bg", "bulgarian"),
    ("ca", "catalan"),
    ("cs", "czech"),
    ("da", "danish"),
    ("de", "german"),
    ("en", "english"),
    ("es", "spanish"),
    ("et", "estonian"),
    ("fa", "persian"),
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
    ("ru", "russian"),
    ("sk", "slovak"),
    ("sl", "slovene"),
    ("sr", "serbian"),
    ("sv", "swedish"),
    ("sw", "swahili"),
    ("tl", "tagalog"),
    ("tr", "turkish"),
    ("uk", "ukrainian"),
    ("ur", "urdu"),
    ("vi", "vietnamese"),
];

/// Keys of at most three characters.
struct Short;

impl Automaton for Short {
    type State = usize;

    fn start(&self) -> usize {
        0
    }

    fn is_match(&self, chars: &usize) -> bool {
        (1..=3).contains(chars)
    }

    fn can_match(&self, chars: &usize) -> bool {
        *chars <= 3
    }

    fn accept(&self, chars: &usize, byte: u8) -> usize {
        chars + usize::from(byte & 0xc0 != 0x80)
    }
}

/// Trigrams with -ln of their frequency, most frequent first. The models hold conditional probabilities.
fn trigrams(model: &Path) -> Vec<(String, f64)> {
    let map = Map::new(std::fs::read(model).expect("model")).expect("fst");
    let mut conditional = HashMap::new();
    let mut stream = map.search(Short).into_stream();
    while let Some((key, value)) = stream.next() {
        conditional.insert(String::from_utf8_lossy(key).into_owned(), f64::from_bits(value));
    }
    let prefix = |gram: &str, chars: usize| gram.chars().take(chars).collect::<String>();
    let of = |gram: &str| conditional.get(gram).copied();
    let mut found: Vec<(String, f64)> = conditional
        .keys()
        .filter(|gram| gram.chars().count() == 3)
        .filter_map(|gram| Some((gram.clone(), -(of(gram)? + of(&prefix(gram, 2))? + of(&prefix(gram, 1))?))))
        .collect();
    found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    found.truncate(KEPT);
    found
}

#[test]
#[ignore = "writes data/trigrams.txt; needs LINGUA_MODELS"]
fn write() {
    let models = std::env::var("LINGUA_MODELS").expect("LINGUA_MODELS");
    let mut out = String::from(
        "# The most frequent trigrams of each language, from the models of lingua 1.8 (Apache-2.0), by tests/trigrams.rs.\n\
         # A number says for the trigrams behind it: twice -ln of their frequency, rounded.\n",
    );
    for (code, name) in MODELS {
        let path = format!("{models}/lingua-{name}-language-model-1.3.0/models/ngrams.fst");
        let _ = write!(out, "{code}");
        let mut level = 0;
        for (gram, cost) in trigrams(Path::new(&path)) {
            let own = (cost * 2.0).round() as u32;
            if own != level {
                level = own;
                let _ = write!(out, " {level}");
            }
            let _ = write!(out, " {gram}");
        }
        out.push('\n');
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/data/trigrams.txt"), out).expect("written");
}
