//! How much each word of one text says, by YAKE's features.
//!
//! Campos et al., "YAKE! Keyword extraction from single documents using multiple local features", Information Sciences
//! 509 (2020): casing, position, frequency, relatedness to context and spread over sentences; low scores are good ones.

use super::stopwords::StopWords;
use super::words::{Words, is_empty};
use rustc_hash::FxHashMap;

/// A word of the vocabulary.
#[derive(Debug, Default)]
pub(super) struct Term {
    /// Can neither begin nor end a keyword.
    pub empty: bool,
    /// Is a number: can end a keyword, but only after a name.
    pub number: bool,
    /// How often it stands.
    pub count: f64,
    /// YAKE's S(w): the lower, the more it says.
    pub score: f64,
    proper: f64,
    acronyms: f64,
    sentences: f64,
    last_sentence: Option<u32>,
    left: Neighbours,
    right: Neighbours,
    median_sentence: f64,
}

/// How many words stand beside a term, and how many different ones.
#[derive(Debug, Default)]
struct Neighbours {
    all: f64,
    different: f64,
}

impl Neighbours {
    fn variety(&self) -> f64 {
        self.different / self.all.max(1.0)
    }
}

/// The vocabulary of one text.
#[derive(Debug)]
pub(super) struct Terms {
    pub list: Vec<Term>,
    /// The term of each word.
    pub of_word: Vec<u32>,
    /// Terms that follow one another, sorted, as often as they do.
    pairs: Vec<(u32, u32)>,
}

impl Terms {
    pub(super) fn of(words: &Words, stop: StopWords) -> Self {
        let mut terms = Self { list: Vec::new(), of_word: Vec::with_capacity(words.list.len()), pairs: Vec::new() };
        let mut known: FxHashMap<&str, u32> = FxHashMap::default();
        for (i, word) in words.list.iter().enumerate() {
            let next = u32::try_from(terms.list.len()).unwrap_or(u32::MAX);
            let id = *known.entry(words.text(i)).or_insert(next);
            if id == next {
                let empty = word.number || is_empty(word, words.text(i), stop);
                terms.list.push(Term { empty, number: word.number, ..Term::default() });
            }
            let term = &mut terms.list[id as usize];
            term.count += 1.0;
            // A hashtag is emphasis of its author's own, as a capital is.
            term.proper += f64::from(u8::from(word.proper || word.tagged));
            term.acronyms += f64::from(u8::from(word.acronym));
            if term.last_sentence.replace(word.sentence) != Some(word.sentence) {
                term.sentences += 1.0;
            }
            if let Some(before) = terms.of_word.last().filter(|_| word.joined) {
                terms.pairs.push((*before, id));
            }
            terms.of_word.push(id);
        }
        terms.pairs.sort_unstable();
        terms.count_neighbours();
        terms.find_medians(words);
        terms.score(words);
        terms
    }

    /// How probable it is that `second` comes after `first`, of all that stands before it and after it.
    pub(super) fn bond(&self, first: u32, second: u32) -> f64 {
        let from = self.pairs.partition_point(|pair| *pair < (first, second));
        let together = self.pairs[from..].iter().take_while(|pair| **pair == (first, second)).count();
        together as f64 / self.list[first as usize].count
    }

    fn count_neighbours(&mut self) {
        let mut last = None;
        for &(a, b) in &self.pairs {
            let new = f64::from(u8::from(last.replace((a, b)) != Some((a, b))));
            let right = &mut self.list[a as usize].right;
            right.all += 1.0;
            right.different += new;
            let left = &mut self.list[b as usize].left;
            left.all += 1.0;
            left.different += new;
        }
    }

    fn find_medians(&mut self, words: &Words) {
        let mut places: Vec<_> =
            self.of_word.iter().zip(&words.list).map(|(term, word)| (*term, word.sentence)).collect();
        places.sort_unstable();
        for of_term in places.chunk_by(|a, b| a.0 == b.0) {
            let middle = of_term.len() / 2;
            let median = if of_term.len() % 2 == 1 {
                f64::from(of_term[middle].1)
            } else {
                f64::from(of_term[middle - 1].1 + of_term[middle].1) / 2.0
            };
            self.list[of_term[0].0 as usize].median_sentence = median;
        }
    }

    fn score(&mut self, words: &Words) {
        let counts = || self.list.iter().filter(|term| !term.empty).map(|term| term.count);
        let many = (counts().count() as f64).max(1.0);
        let mean = counts().sum::<f64>() / many;
        let deviation = (counts().map(|count| (count - mean).powi(2)).sum::<f64>() / many).sqrt();
        let most = self.list.iter().map(|term| term.count).fold(1.0, f64::max);
        let usual = (mean + deviation).max(1.0);
        let sentences = f64::from(words.sentences.max(1));
        for term in &mut self.list {
            let casing = term.proper.max(term.acronyms) / (1.0 + term.count.ln());
            let position = (3.0 + term.median_sentence).ln().ln();
            let frequency = term.count / usual;
            let relatedness = 1.0 + (term.left.variety() + term.right.variety()) * term.count / most;
            let spread = term.sentences / sentences;
            term.score = position * relatedness / (casing + (frequency + spread) / relatedness);
        }
    }
}
