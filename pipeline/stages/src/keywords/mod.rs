//! Keywords: what a caption is about, from the caption alone, in any language.
//!
//! Candidates are runs of words within a sentence that hold no empty word, and names that hold one and stand twice
//! ("Campeonato do Mundo"). Words are scored by YAKE's features (see `terms.rs`) and candidates as YAKE does,
//! S(kw) = ΠS(w) / (tf · (1 + ΣS(w))); the best are taken, and what they cover is not taken again: no part of a chosen keyword
//! that does not also stand by itself, and nothing that stands once and shares a word with one. The score told is 1 / (1 + S): near 1 is best.
//!
//! A hashtag's words are a candidate as a whole. Links, mentions, prices, emoji and hashtags for the feed are no text.

mod stopwords;
mod terms;
mod words;

use crate::text::offset;
use crate::{Caption, Stage};
use stopwords::StopWords;
use terms::{Term, Terms};
use tidelake_schemas::{CaptionFindings, Keyword};
use words::{Word, Words};

/// No caption has more keywords.
const MOST: usize = 10;
/// The longest keywords of texts and of captions: in few words, long runs are clauses and not terms.
const LONGEST: usize = 4;
const LONGEST_IN_SHORT: usize = 3;
/// Captions with fewer words are short.
const SHORT: usize = 40;
/// A part of a keyword that stands so often by itself is a keyword of its own.
const OF_ITS_OWN: usize = 2;

/// The stage: keywords.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keywords;

impl Stage for Keywords {
    fn name(&self) -> &'static str {
        "keywords"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let words = Words::of(caption.text, findings);
        if words.list.is_empty() {
            return;
        }
        let terms = Terms::of(&words, StopWords::of(&findings.language));
        findings.keywords = choose(&words, candidates(&words, &terms));
    }
}

/// The terms of a candidate, filled up with a number that no term has.
type Key = [u32; LONGEST];

/// A run of words that stands at least once.
struct Candidate {
    key: Key,
    length: usize,
    /// The first word of each place where it stands, from left to right.
    places: Vec<usize>,
    /// YAKE's S(kw); the lower, the better.
    score: f64,
}

impl Candidate {
    fn terms(&self) -> &[u32] {
        &self.key[..self.length]
    }

    /// Is this a part of another, and hardly ever stands by itself?
    fn is_part_of(&self, other: &Self) -> bool {
        self.places.len() < other.places.len() + OF_ITS_OWN
            && other.terms().windows(self.length).any(|part| part == self.terms())
    }
}

/// All candidates, best first.
fn candidates(words: &Words, terms: &Terms) -> Vec<Candidate> {
    let longest = if words.list.len() < SHORT { LONGEST_IN_SHORT } else { LONGEST };
    let mut runs: Vec<(Key, usize, usize)> = Vec::with_capacity(words.list.len() * 2);
    for start in 0..words.list.len() {
        runs_from(start, longest, words, terms, |key, length| runs.push((key, length, start)));
    }
    runs.sort_unstable();
    let mut all: Vec<Candidate> = runs
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|same| {
            let (key, length, first) = same[0];
            is_candidate(first, length, same.len(), words, terms).then(|| Candidate {
                key,
                length,
                places: same.iter().map(|(_, _, place)| *place).collect(),
                score: score(&key[..length], same.len() as f64, terms),
            })
        })
        .collect();
    all.sort_by(|a, b| a.score.total_cmp(&b.score).then(a.places[0].cmp(&b.places[0])));
    all
}

/// Calls `each` with the runs that begin at a word: terms and length.
fn runs_from(start: usize, longest: usize, words: &Words, terms: &Terms, mut each: impl FnMut(Key, usize)) {
    let term = |at: usize| &terms.list[terms.of_word[at] as usize];
    let first = &words.list[start];
    if term(start).empty && !first.tagged {
        return;
    }
    let mut key = [u32::MAX; LONGEST];
    for length in 1..=longest.min(words.list.len() - start) {
        let at = start + length - 1;
        let last = &words.list[at];
        if length > 1 && !last.joined {
            return;
        }
        key[length - 1] = terms.of_word[at];
        let fits = if first.tagged {
            is_whole_tag(start, at, words) && (start..=at).any(|word| !term(word).empty)
        } else {
            ends(first, last, term(at))
        };
        if fits {
            each(key, length);
        }
    }
}

/// Can a run end with this word? With a number only if it begins with a name: "Falcon 9".
fn ends(first: &Word, last: &Word, term: &Term) -> bool {
    !term.empty || (term.number && first.capital && !std::ptr::eq(first, last))
}

/// A hashtag is taken whole or not at all, whatever words it begins and ends with.
fn is_whole_tag(start: usize, end: usize, words: &Words) -> bool {
    let inside = |at: usize| words.list.get(at).is_some_and(|word| word.tagged && word.joined);
    !inside(start) && !inside(end + 1)
}

/// With an empty word inside, only a hashtag is a candidate, and what is written as a name more than once.
fn is_candidate(first: usize, length: usize, count: usize, words: &Words, terms: &Terms) -> bool {
    let run = &words.list[first..first + length];
    let name = || count > 1 && run[0].capital && run[length - 1].capital;
    let empty = |term: &u32| terms.list[*term as usize].empty && !terms.list[*term as usize].number;
    run[0].tagged || name() || !terms.of_word[first..first + length].iter().any(empty)
}

/// YAKE's S(kw). An empty word inside counts by how firmly it is tied to its neighbours.
fn score(key: &[u32], count: f64, terms: &Terms) -> f64 {
    let (mut product, mut sum) = (1.0, 0.0);
    for (i, id) in key.iter().enumerate() {
        let term = &terms.list[*id as usize];
        if term.empty && i > 0 && i + 1 < key.len() {
            let loose = 1.0 - terms.bond(key[i - 1], *id) * terms.bond(*id, key[i + 1]);
            product *= 1.0 + loose;
            sum -= loose;
        } else {
            product *= term.score;
            sum += term.score;
        }
    }
    product / (count * (1.0_f64 + sum).max(0.1))
}

/// The best candidates that say something new.
fn choose(words: &Words, candidates: Vec<Candidate>) -> Vec<Keyword> {
    let mut covered = vec![false; words.list.len()];
    let mut chosen: Vec<(Candidate, String)> = Vec::new();
    for candidate in candidates {
        let first = candidate.places[0];
        let shares = candidate.places.len() == 1 && covered[first..first + candidate.length].contains(&true);
        if shares || chosen.iter().any(|(other, _)| candidate.is_part_of(other)) {
            continue;
        }
        let text = text(words, first, candidate.length);
        if chosen.iter().any(|(_, other)| same_but_for_number(other, &text)) {
            continue;
        }
        for place in &candidate.places {
            covered[*place..*place + candidate.length].fill(true);
        }
        chosen.push((candidate, text));
        if chosen.len() == MOST {
            break;
        }
    }
    chosen.into_iter().map(|(candidate, text)| keyword(words, &candidate, text)).collect()
}

/// The words with single spaces between them.
fn text(words: &Words, first: usize, length: usize) -> String {
    (first..first + length).map(|word| words.text(word)).collect::<Vec<_>>().join(" ")
}

/// Single words that only a plural's `s` tells apart.
fn same_but_for_number(a: &str, b: &str) -> bool {
    let plural = |one: &str, many: &str| many.strip_suffix('s') == Some(one);
    !a.contains(' ') && (plural(a, b) || plural(b, a))
}

fn keyword(words: &Words, candidate: &Candidate, text: String) -> Keyword {
    let run = &words.list[candidate.places[0]..candidate.places[0] + candidate.length];
    let score = (1e4 / (1.0 + candidate.score)).round() / 1e4;
    Keyword { text, score, start: offset(run[0].place.start), end: offset(run[run.len() - 1].place.end) }
}

#[cfg(test)]
mod tests;
