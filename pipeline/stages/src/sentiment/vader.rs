//! VADER, the sentiment rules and lexicon of C.J. Hutto and E. Gilbert, "VADER: A Parsimonious Rule-based Model for
//! Sentiment Analysis of Social Media Text" (ICWSM 2014), with the same numbers as the reference implementation
//! (vaderSentiment 3.3.2), its oddities included.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

const LEXICON: &str = include_str!("../../data/vader_lexicon.tsv");
const EMOJI: &str = include_str!("../../data/vader_emoji.tsv");

/// What a word of degree adds to the word it stands before.
const BOOST: f64 = 0.293;
/// What capitals add, where not everything is in capitals.
const CAPITALS: f64 = 0.733;
/// What a negation makes of a word.
const NEGATED: f64 = -0.74;
/// Scores are normalised by it; about the greatest expected value.
pub(super) const ALPHA: f64 = 15.0;

const NEGATIONS: [&str; 59] = [
    "aint",
    "arent",
    "cannot",
    "cant",
    "couldnt",
    "darent",
    "didnt",
    "doesnt",
    "ain't",
    "aren't",
    "can't",
    "couldn't",
    "daren't",
    "didn't",
    "doesn't",
    "dont",
    "hadnt",
    "hasnt",
    "havent",
    "isnt",
    "mightnt",
    "mustnt",
    "neither",
    "don't",
    "hadn't",
    "hasn't",
    "haven't",
    "isn't",
    "mightn't",
    "mustn't",
    "neednt",
    "needn't",
    "never",
    "none",
    "nope",
    "nor",
    "not",
    "nothing",
    "nowhere",
    "oughtnt",
    "shant",
    "shouldnt",
    "uhuh",
    "wasnt",
    "werent",
    "oughtn't",
    "shan't",
    "shouldn't",
    "uh-uh",
    "wasn't",
    "weren't",
    "without",
    "wont",
    "wouldnt",
    "won't",
    "wouldn't",
    "rarely",
    "seldom",
    "despite",
];
const BOOSTERS: [&str; 60] = [
    "absolutely",
    "amazingly",
    "awfully",
    "completely",
    "considerable",
    "considerably",
    "decidedly",
    "deeply",
    "effing",
    "enormous",
    "enormously",
    "entirely",
    "especially",
    "exceptional",
    "exceptionally",
    "extreme",
    "extremely",
    "fabulously",
    "flipping",
    "flippin",
    "frackin",
    "fracking",
    "fricking",
    "frickin",
    "frigging",
    "friggin",
    "fully",
    "fuckin",
    "fucking",
    "fuggin",
    "fugging",
    "greatly",
    "hella",
    "highly",
    "hugely",
    "incredible",
    "incredibly",
    "intensely",
    "major",
    "majorly",
    "more",
    "most",
    "particularly",
    "purely",
    "quite",
    "really",
    "remarkably",
    "so",
    "substantially",
    "thoroughly",
    "total",
    "totally",
    "tremendous",
    "tremendously",
    "uber",
    "unbelievably",
    "unusually",
    "utter",
    "utterly",
    "very",
];
const DAMPENERS: [&str; 24] = [
    "almost",
    "barely",
    "hardly",
    "just enough",
    "kind of",
    "kinda",
    "kindof",
    "kind-of",
    "less",
    "little",
    "marginal",
    "marginally",
    "occasional",
    "occasionally",
    "partly",
    "scarce",
    "scarcely",
    "slight",
    "slightly",
    "somewhat",
    "sort of",
    "sorta",
    "sortof",
    "sort-of",
];
/// Phrases whose words mean something else together.
const IDIOMS: [(&str, f64); 9] = [
    ("the shit", 3.0),
    ("the bomb", 3.0),
    ("bad ass", 1.5),
    ("badass", 1.5),
    ("bus stop", 0.0),
    ("yeah right", -2.0),
    ("kiss of death", -1.5),
    ("to die for", 3.0),
    ("beating heart", 3.5),
];

/// The four scores.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Scores {
    /// From -1 to 1, rounded to four places.
    pub compound: f64,
    /// The share of the text that is positive, rounded to three places, as the others.
    pub pos: f64,
    /// The share that is neither.
    pub neu: f64,
    /// The share that is negative.
    pub neg: f64,
}

struct Tables {
    lexicon: HashMap<&'static str, f64>,
    emoji: HashMap<char, &'static str>,
    degrees: HashMap<&'static str, f64>,
    negations: HashSet<&'static str>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let rows = |table: &'static str| table.lines().filter_map(|line| line.split_once('\t'));
    let boosters = BOOSTERS.iter().map(|word| (*word, BOOST));
    let dampeners = DAMPENERS.iter().map(|word| (*word, -BOOST));
    Tables {
        lexicon: rows(LEXICON).filter_map(|(word, value)| Some((word, value.parse().ok()?))).collect(),
        emoji: rows(EMOJI).filter_map(|(emoji, name)| Some((emoji.chars().next()?, name))).collect(),
        degrees: boosters.chain(dampeners).collect(),
        negations: NEGATIONS.into_iter().collect(),
    }
});

/// Scores a text.
pub(super) fn score(text: &str) -> Scores {
    let text = name_emoji(text);
    let text = text.trim_matches(is_python_space);
    let words = Words::of(text);
    let mut valences = (0..words.all.len()).map(|i| words.valence(i)).collect::<Vec<_>>();
    words.weigh_but(&mut valences);
    summed(&valences, emphasis(text))
}

/// Each emoji of one code point by its name, as a word.
fn name_emoji(text: &str) -> String {
    let mut named = String::with_capacity(text.len() + 16);
    let mut after_space = true;
    for c in text.chars() {
        // Nothing in ASCII is an emoji.
        match (!c.is_ascii()).then(|| TABLES.emoji.get(&c)).flatten() {
            Some(name) => {
                if !after_space {
                    named.push(' ');
                }
                named.push_str(name);
                after_space = false;
            }
            None => {
                named.push(c);
                after_space = c == ' ';
            }
        }
    }
    named
}

/// What Python's `str.split` and `str.strip` take for white space.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

struct Word {
    lower: String,
    valence: Option<f64>,
    capitals: bool,
}

struct Words {
    all: Vec<Word>,
    /// Some words are in capitals, and some are not.
    mixed: bool,
}

impl Words {
    fn of(text: &str) -> Self {
        let words = text.split(is_python_space).filter(|word| !word.is_empty()).map(strip_punctuation);
        let all = words
            .map(|written| {
                let lower = written.to_lowercase();
                let valence = TABLES.lexicon.get(lower.as_str()).copied();
                Word { valence, capitals: is_upper(written), lower }
            })
            .collect::<Vec<_>>();
        let capitals = all.iter().filter(|word| word.capitals).count();
        let mixed = 0 < capitals && capitals < all.len();
        Self { all, mixed }
    }

    fn lower(&self, i: usize) -> &str {
        &self.all[i].lower
    }

    fn is(&self, i: usize, back: usize, word: &str) -> bool {
        i >= back && self.lower(i - back) == word
    }

    fn valence(&self, i: usize) -> f64 {
        let word = &self.all[i];
        let kind_of = word.lower == "kind" && self.all.get(i + 1).is_some_and(|next| next.lower == "of");
        if TABLES.degrees.contains_key(word.lower.as_str()) || kind_of {
            return 0.0;
        }
        word.valence.map_or(0.0, |known| self.in_context(i, known))
    }

    fn in_context(&self, i: usize, known: f64) -> f64 {
        let word = &self.all[i];
        let mut valence = known;
        if word.lower == "no" && self.all.get(i + 1).is_some_and(|next| next.valence.is_some()) {
            valence = 0.0;
        }
        let or = self.is(i, 1, "or") || self.is(i, 1, "nor");
        if self.is(i, 1, "no") || self.is(i, 2, "no") || (self.is(i, 3, "no") && or) {
            valence = known * NEGATED;
        }
        if word.capitals && self.mixed {
            valence += if valence > 0.0 { CAPITALS } else { -CAPITALS };
        }
        for back in 1..=3 {
            if i < back || self.all[i - back].valence.is_some() {
                continue;
            }
            let fading = [1.0, 0.95, 0.9][back - 1];
            valence += self.degree(i - back, valence) * fading;
            valence = self.negated(i, back, valence);
            if back == 3 {
                valence = self.idioms(i, valence);
            }
        }
        self.least(i, valence)
    }

    /// What a word of degree adds to a valence.
    fn degree(&self, i: usize, valence: f64) -> f64 {
        let word = &self.all[i];
        let Some(mut degree) = TABLES.degrees.get(word.lower.as_str()).copied() else { return 0.0 };
        if valence < 0.0 {
            degree = -degree;
        }
        match word.capitals && self.mixed {
            true if valence > 0.0 => degree + CAPITALS,
            true => degree - CAPITALS,
            false => degree,
        }
    }

    fn negated(&self, i: usize, back: usize, valence: f64) -> f64 {
        let so = |back: usize| self.is(i, back, "so") || self.is(i, back, "this");
        let (strengthened, doubtless) = match back {
            2 => (self.is(i, 2, "never") && so(1), self.is(i, 2, "without") && self.is(i, 1, "doubt")),
            3 => (
                (self.is(i, 3, "never") && so(2)) || so(1),
                self.is(i, 3, "without") && (self.is(i, 2, "doubt") || self.is(i, 1, "doubt")),
            ),
            _ => (false, false),
        };
        if strengthened {
            valence * 1.25
        } else if !doubtless && is_negation(self.lower(i - back)) {
            valence * NEGATED
        } else {
            valence
        }
    }

    fn idioms(&self, i: usize, valence: f64) -> f64 {
        let phrase = |from: usize, to: usize| {
            (to < self.all.len()).then(|| (from..=to).map(|at| self.lower(at)).collect::<Vec<_>>().join(" "))
        };
        let known = |phrase: Option<String>| phrase.and_then(|p| IDIOMS.iter().find(|(idiom, _)| *idiom == p));
        let before = [(i - 1, i), (i - 2, i), (i - 2, i - 1), (i - 3, i - 1), (i - 3, i - 2)];
        let mut valence = before.iter().find_map(|(from, to)| known(phrase(*from, *to))).map_or(valence, |(_, v)| *v);
        for to in [i + 1, i + 2] {
            if let Some((_, of_idiom)) = known(phrase(i, to)) {
                valence = *of_idiom;
            }
        }
        let degrees = [(i - 3, i - 1), (i - 3, i - 2), (i - 2, i - 1)].map(|(from, to)| phrase(from, to));
        let degree =
            |p: &Option<String>| p.as_ref().and_then(|p| TABLES.degrees.get(p.as_str())).copied().unwrap_or(0.0);
        valence + degrees.iter().map(degree).sum::<f64>()
    }

    fn least(&self, i: usize, valence: f64) -> f64 {
        let excepted = self.is(i, 2, "at") || self.is(i, 2, "very");
        let least = self.is(i, 1, "least") && self.all[i - 1].valence.is_none();
        if least && !excepted { valence * NEGATED } else { valence }
    }

    /// What stands after `but` counts more than what stands before. The reference looks each valence up by its value,
    /// so that of equal ones the first is changed again.
    fn weigh_but(&self, valences: &mut [f64]) {
        let Some(but) = self.all.iter().position(|word| word.lower == "but") else { return };
        for k in 0..valences.len() {
            let valence = valences[k];
            #[allow(clippy::float_cmp, reason = "the reference compares so")]
            let first = valences.iter().position(|other| *other == valence).unwrap_or(k);
            match first.cmp(&but) {
                std::cmp::Ordering::Less => valences[first] = valence * 0.5,
                std::cmp::Ordering::Greater => valences[first] = valence * 1.5,
                std::cmp::Ordering::Equal => {}
            }
        }
    }
}

/// Punctuation around a word is taken off, unless that leaves an emoticon.
fn strip_punctuation(token: &str) -> &str {
    let stripped = token.trim_matches(|c: char| c.is_ascii_punctuation());
    if stripped.chars().nth(2).is_none() { token } else { stripped }
}

/// Python's `str.isupper`.
fn is_upper(word: &str) -> bool {
    let mut cased = false;
    for c in word.chars() {
        if c.is_lowercase() {
            return false;
        }
        cased |= c.is_uppercase();
    }
    cased
}

fn is_negation(word: &str) -> bool {
    TABLES.negations.contains(word) || word.contains("n't")
}

/// What exclamation and question marks add.
fn emphasis(text: &str) -> f64 {
    let count = |mark: u8| text.bytes().filter(|b| *b == mark).count();
    let exclamations = [0.0, 0.292, 2.0 * 0.292, 3.0 * 0.292, 4.0 * 0.292][count(b'!').min(4)];
    exclamations + [0.0, 0.0, 2.0 * 0.18, 3.0 * 0.18, 0.96][count(b'?').min(4)]
}

fn summed(valences: &[f64], emphasis: f64) -> Scores {
    if valences.is_empty() {
        return Scores::default();
    }
    let mut sum = valences.iter().sum::<f64>();
    if sum != 0.0 {
        sum += emphasis.copysign(sum);
    }
    let positive = |v: &&f64| **v > 0.0;
    let mut pos = valences.iter().filter(positive).map(|v| v + 1.0).sum::<f64>();
    let mut neg = valences.iter().filter(|v| **v < 0.0).map(|v| v - 1.0).sum::<f64>();
    #[allow(clippy::cast_precision_loss, reason = "a count of words")]
    let neu = valences.iter().filter(|v| **v == 0.0).count() as f64;
    if pos > neg.abs() {
        pos += emphasis;
    } else if pos < neg.abs() {
        neg -= emphasis;
    }
    let total = pos + neg.abs() + neu;
    let share = |part: f64| round(part.abs() / total, 3);
    Scores {
        compound: round((sum / (sum * sum + ALPHA).sqrt()).clamp(-1.0, 1.0), 4),
        pos: share(pos),
        neu: share(neu),
        neg: share(neg),
    }
}

/// Rounds to so many places, as the decimal that stands for the value: multiplying first would move ties.
fn round(value: f64, places: usize) -> f64 {
    let scale = [1.0, 10.0, 1e2, 1e3, 1e4][places];
    let scaled = value * scale;
    if (scaled.fract().abs() - 0.5).abs() > 1e-6 {
        return scaled.round() / scale;
    }
    format!("{value:.places$}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with the reference implementation, vaderSentiment 3.3.2.
    #[test]
    fn the_same_numbers_as_the_reference() {
        for (text, compound, pos, neu, neg) in REFERENCE {
            let found = score(text);
            assert_eq!((found.compound, found.pos, found.neu, found.neg), (compound, pos, neu, neg), "{text}");
        }
    }

    const REFERENCE: [(&str, f64, f64, f64, f64); 23] = [
        ("", 0.0, 0.0, 0.0, 0.0),
        ("   ", 0.0, 0.0, 0.0, 0.0),
        ("plain words only", 0.0, 0.0, 1.0, 0.0),
        ("I love this so much!!", 0.6988, 0.545, 0.455, 0.0),
        ("I LOVE this!", 0.7371, 0.723, 0.277, 0.0),
        ("This is not good.", -0.3412, 0.0, 0.555, 0.445),
        ("never so good", 0.5777, 0.652, 0.348, 0.0),
        ("without doubt great", 0.7359, 0.861, 0.139, 0.0),
        ("no joy and no fun", -0.6979, 0.0, 0.342, 0.658),
        ("kind of great", 0.6249, 0.672, 0.328, 0.0),
        ("it was the shit", 0.6124, 0.571, 0.429, 0.0),
        ("to die for shoes", -0.5994, 0.0, 0.435, 0.565),
        ("good but bad, and worse", -0.8381, 0.152, 0.156, 0.693),
        ("the least good", -0.3412, 0.0, 0.454, 0.546),
        ("at least good", 0.4404, 0.592, 0.408, 0.0),
        ("so 😍😍", 0.7425, 0.473, 0.527, 0.0),
        ("ok :) :D", 0.8494, 1.0, 0.0, 0.0),
        ("what??? terrible???", -0.6199, 0.0, 0.198, 0.802),
        ("isn't happy", -0.4585, 0.0, 0.25, 0.75),
        ("VERY bad day", -0.6732, 0.0, 0.306, 0.694),
        ("This is bad ass work, yeah right", 0.0516, 0.385, 0.328, 0.287),
        ("Großartig 😊 день", 0.7184, 0.545, 0.455, 0.0),
        ("not so bad, never this bad", -0.2636, 0.274, 0.357, 0.369),
    ];
}
