//! Keywords: what a caption is about, from the caption alone, in any language.
//!
//! Candidates are runs of words within a sentence that hold no empty word, and names that hold one and stand twice
//! ("Campeonato do Mundo"). Words are scored by YAKE's features (see `terms.rs`) and candidates as YAKE does,
//! S(kw) = ΠS(w) / (tf · (1 + ΣS(w))); the best are taken, and what they cover is not taken again: no part of a chosen keyword
//! that does not also stand by itself, and nothing that stands once and shares a word with one. The score told is 1 / (1 + S): near 1 is best.
//!
//! A hashtag's words are a candidate as a whole. Links, mentions, prices, offers, emoji and hashtags for the feed
//! are no text.

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
        let runs = runs(&words, &terms);
        findings.keywords = choose(&words, &terms, &candidates(&runs, &words, &terms));
    }
}

/// A run of words where it stands: the run's terms, packed so that equal runs sort together, its length and its first word.
type Run = (u128, usize, usize);

/// A run of words that stands at least once.
struct Candidate<'a> {
    /// Where it stands, from left to right.
    places: &'a [Run],
    /// YAKE's S(kw); the lower, the better.
    score: f64,
}

impl Candidate<'_> {
    fn length(&self) -> usize {
        self.places[0].1
    }

    fn first(&self) -> usize {
        self.places[0].2
    }

    fn terms<'t>(&self, terms: &'t Terms) -> &'t [u32] {
        &terms.of_word[self.first()..self.first() + self.length()]
    }

    /// Is this a part of another, and hardly ever stands by itself?
    fn is_part_of(&self, other: &Self, terms: &Terms) -> bool {
        self.places.len() < other.places.len() + OF_ITS_OWN
            && other.terms(terms).windows(self.length()).any(|part| part == self.terms(terms))
    }
}

/// All runs that may be keywords, equal ones together.
fn runs(words: &Words, terms: &Terms) -> Vec<Run> {
    let longest = if words.list.len() < SHORT { LONGEST_IN_SHORT } else { LONGEST };
    let mut runs = Vec::with_capacity(words.list.len() * 2);
    for start in 0..words.list.len() {
        runs_from(start, longest, words, terms, |packed, length| runs.push((packed, length, start)));
    }
    runs.sort_unstable();
    runs
}

/// All candidates, best first.
fn candidates<'a>(runs: &'a [Run], words: &Words, terms: &Terms) -> Vec<Candidate<'a>> {
    let mut all: Vec<Candidate<'a>> = runs
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|places| is_candidate(places, words, terms))
        .map(|places| {
            let (_, length, first) = places[0];
            Candidate { places, score: score(&terms.of_word[first..first + length], places.len() as f64, terms) }
        })
        .collect();
    all.sort_unstable_by(|a, b| {
        a.score.total_cmp(&b.score).then(a.places[0].2.cmp(&b.places[0].2)).then(a.places[0].1.cmp(&b.places[0].1))
    });
    all
}

/// Calls `each` with the runs that begin at a word: packed terms and length.
fn runs_from(start: usize, longest: usize, words: &Words, terms: &Terms, mut each: impl FnMut(u128, usize)) {
    let term = |at: usize| &terms.list[terms.of_word[at] as usize];
    let first = &words.list[start];
    if term(start).empty && !first.tagged {
        return;
    }
    let mut packed = 0;
    for (i, last) in words.list[start..].iter().enumerate().take(longest) {
        if i > 0 && !last.joined {
            return;
        }
        let at = start + i;
        packed |= (u128::from(terms.of_word[at]) + 1) << (32 * (LONGEST - 1 - i));
        let fits = if first.tagged {
            is_whole_tag(start, at, words) && (start..=at).any(|word| !term(word).empty)
        } else {
            ends(first, last, term(at))
        };
        if fits {
            each(packed, i + 1);
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
fn is_candidate(places: &[Run], words: &Words, terms: &Terms) -> bool {
    let (_, length, first) = places[0];
    let run = &words.list[first..first + length];
    let name = || places.len() > 1 && run[0].capital && run[length - 1].capital;
    let empty = |term: &u32| terms.list[*term as usize].empty && !terms.list[*term as usize].number;
    run[0].tagged || !terms.of_word[first..first + length].iter().any(empty) || name()
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
fn choose(words: &Words, terms: &Terms, candidates: &[Candidate<'_>]) -> Vec<Keyword> {
    let mut covered = vec![false; words.list.len()];
    let mut chosen: Vec<&Candidate<'_>> = Vec::with_capacity(MOST);
    for candidate in candidates {
        let (first, length) = (candidate.first(), candidate.length());
        let shares = candidate.places.len() == 1 && covered[first..first + length].contains(&true);
        let said =
            |other: &&Candidate<'_>| candidate.is_part_of(other, terms) || same_but_for_number(words, candidate, other);
        if shares || chosen.iter().any(said) {
            continue;
        }
        for (_, _, place) in candidate.places {
            covered[*place..*place + length].fill(true);
        }
        chosen.push(candidate);
        if chosen.len() == MOST {
            break;
        }
    }
    chosen.into_iter().map(|candidate| keyword(words, candidate)).collect()
}

/// Single words that only a plural's `s` tells apart.
fn same_but_for_number(words: &Words, a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    let (one, other) = (words.text(a.first()), words.text(b.first()));
    a.length() == 1 && b.length() == 1 && (one.strip_suffix('s') == Some(other) || other.strip_suffix('s') == Some(one))
}

fn keyword(words: &Words, candidate: &Candidate<'_>) -> Keyword {
    let (first, last) = (candidate.first(), candidate.first() + candidate.length() - 1);
    let mut text = words.text(first).to_owned();
    for word in first + 1..=last {
        text.push(' ');
        text.push_str(words.text(word));
    }
    let score = (1e4 / (1.0 + candidate.score)).round() / 1e4;
    let (start, end) = (words.list[first].place.start, words.list[last].place.end);
    Keyword { text, score, start: offset(start), end: offset(end) }
}

#[cfg(test)]
mod tests;
