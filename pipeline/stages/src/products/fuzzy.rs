//! Misspelt names.
//!
//! A name of at least six letters may be misspelt by one edit for every five letters of it: a letter too many, too few,
//! another one, or two in each other's place. No word may have more than one, none may have it in its first letter, and
//! words of up to three letters or with a digit none at all: "Galaxy S23" is no misspelt "Galaxy S24".
//!
//! Each word of a caption is looked up among the catalogue's words by the words one letter shorter
//! (Garbe's symmetric deletes: two words that are one edit apart have such a word in common). Names are sorted lists of
//! words, through which a caption's words lead.

use super::catalogue::{Hit, index};
use super::fold::Folded;
use std::collections::BTreeMap;
use std::ops::Range;

/// Letters of the shortest name that may be misspelt.
const SHORTEST_NAME: usize = 6;
/// Letters of the shortest word that may be.
const SHORTEST_WORD: usize = 4;
/// Letters per edit.
const LETTERS_PER_EDIT: usize = 5;

/// The names that may be misspelt.
pub(super) struct Fuzzy {
    /// Distinct words.
    words: Vec<Box<str>>,
    near: Near,
    /// Names as lists of words, sorted.
    names: Vec<Name>,
    /// The words of all names, one after the other.
    spelled: Vec<u32>,
    /// Of each word, the names that begin with it.
    first: Vec<Range<u32>>,
}

struct Name {
    key: u32,
    words: Range<u32>,
    edits: u8,
}

/// Names whose first words the caption's words lead through.
struct Way {
    names: Range<usize>,
    words: usize,
    edits: usize,
}

impl Fuzzy {
    /// Takes in folded names under their keys. They are gone through twice, rather than all held at once.
    pub(super) fn of(names: impl Iterator<Item = (usize, Folded)> + Clone) -> Self {
        let mut ids: BTreeMap<Box<str>, u32> = BTreeMap::new();
        let long = names.filter(|(_, folded)| folded.letters() >= SHORTEST_NAME);
        for (_, folded) in long.clone() {
            ids.extend(folded.words().map(|word| (Box::from(&folded.text[word]), 0)));
        }
        ids.values_mut().zip(0..).for_each(|(id, at)| *id = at);
        let mut lists: Vec<(Vec<u32>, u32, u8)> = Vec::new();
        for (key, folded) in long {
            let list = folded.words().filter_map(|word| ids.get(&folded.text[word]).copied()).collect();
            let edits = u8::try_from(folded.letters() / LETTERS_PER_EDIT).unwrap_or(u8::MAX);
            lists.push((list, index(key), edits));
        }
        lists.sort();
        let words: Vec<Box<str>> = ids.into_keys().collect();
        let (mut names, mut spelled) = (Vec::with_capacity(lists.len()), Vec::new());
        let mut first = vec![0..0; words.len()];
        for (list, key, edits) in lists {
            let Some(head) = list.first() else { continue };
            let (from, at) = (index(spelled.len()), index(names.len()));
            let range: &mut Range<u32> = &mut first[*head as usize];
            *range = if range.start == range.end { at..at + 1 } else { range.start..at + 1 };
            spelled.extend(list);
            names.push(Name { key, words: from..index(spelled.len()), edits });
        }
        spelled.shrink_to_fit();
        let near = Near::of(&words);
        Self { words, near, names, spelled, first }
    }

    /// The misspelt names of a caption, overlaps and all.
    pub(super) fn find(&self, folded: &Folded) -> Vec<Hit> {
        if self.names.is_empty() {
            return Vec::new();
        }
        let words: Vec<Range<usize>> = folded.words().collect();
        let known: Vec<Vec<(u32, bool)>> = words.iter().map(|word| self.known(&folded.text[word.clone()])).collect();
        let mut hits = Vec::new();
        for (at, heads) in known.iter().enumerate() {
            let mut ways: Vec<Way> = heads.iter().map(|(word, exact)| self.begin(*word, *exact)).collect();
            for end in at..words.len() {
                let range = words[at].start..words[end].end;
                hits.extend(ways.iter().filter_map(|way| self.arrived(way, range.clone())));
                let joined = words.get(end + 1).is_some_and(|next| joins(folded, words[end].end, next.start));
                if ways.is_empty() || !joined {
                    break;
                }
                ways = ways.iter().flat_map(|way| known[end + 1].iter().map(move |word| self.go(way, *word))).collect();
                ways.retain(|way| !way.names.is_empty());
            }
        }
        hits
    }

    /// The catalogue's words that this word may be, and whether it is just that.
    fn known(&self, word: &str) -> Vec<(u32, bool)> {
        let editable = is_editable(word);
        let mut known = Vec::new();
        self.near.look_up(word, editable, |candidate| {
            let other = &*self.words[candidate as usize];
            let exact = other == word;
            if exact || (editable && is_editable(other) && is_one_edit(word, other)) {
                known.push((candidate, exact));
            }
        });
        known.sort_unstable();
        known.dedup();
        known
    }

    fn begin(&self, word: u32, exact: bool) -> Way {
        let names = &self.first[word as usize];
        Way { names: names.start as usize..names.end as usize, words: 1, edits: usize::from(!exact) }
    }

    fn go(&self, way: &Way, (word, exact): (u32, bool)) -> Way {
        let at = |name: &Name| self.spelled[name.words.start as usize..name.words.end as usize].get(way.words).copied();
        let names = &self.names[way.names.clone()];
        let from = way.names.start + names.partition_point(|name| at(name) < Some(word));
        let to = way.names.start + names.partition_point(|name| at(name) <= Some(word));
        Way { names: from..to, words: way.words + 1, edits: way.edits + usize::from(!exact) }
    }

    /// The name that has no further word. A list that begins another sorts before it.
    fn arrived(&self, way: &Way, range: Range<usize>) -> Option<Hit> {
        let name = self.names[way.names.clone()].first()?;
        let whole = name.words.len() == way.words && (1..=usize::from(name.edits)).contains(&way.edits);
        whole.then_some(Hit { key: name.key as usize, range, edits: way.edits })
    }
}

/// Does the next word follow at once, or a number upon a number?
fn joins(folded: &Folded, end: usize, next: usize) -> bool {
    let digit = |at: usize| folded.text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    end == next || (end > 0 && digit(end - 1) && digit(next))
}

fn is_editable(word: &str) -> bool {
    word.chars().all(char::is_alphabetic) && word.chars().nth(SHORTEST_WORD - 1).is_some()
}

/// Are two different words one edit apart, not in the first letter?
fn is_one_edit(a: &str, b: &str) -> bool {
    let head: usize = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let (a, b) = (&a[head..], &b[head..]);
    let tail: usize = a.chars().rev().zip(b.chars().rev()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    let swapped = || a.chars().eq(b.chars().rev());
    match (a.chars().count(), b.chars().count()) {
        (0..=1, 0..=1) => head > 0,
        (2, 2) => head > 0 && swapped(),
        _ => false,
    }
}

/// Words by themselves and by themselves less one letter.
struct Near {
    /// Hash and word, sorted.
    pairs: Vec<(u32, u32)>,
    /// Where the pairs begin whose hash has these leading bits; and their end.
    starts: Vec<u32>,
    shift: u32,
}

impl Near {
    fn of(words: &[Box<str>]) -> Self {
        let mut pairs = Vec::new();
        for (word, at) in words.iter().zip(0_u32..) {
            variants(word, is_editable(word), |hash| pairs.push((hash, at)));
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs.shrink_to_fit();
        let bits = pairs.len().max(2).ilog2().min(24);
        let shift = u32::BITS - bits;
        let starts = (0..=1_usize << bits).map(|head| index(pairs.partition_point(|p| (p.0 >> shift) < index(head))));
        Self { starts: starts.collect(), pairs, shift }
    }

    /// Gives every word that has a variant in common with this one, some more than once.
    fn look_up(&self, word: &str, editable: bool, mut found: impl FnMut(u32)) {
        variants(word, editable, |hash| {
            let head = (hash >> self.shift) as usize;
            let pairs = &self.pairs[self.starts[head] as usize..self.starts[head + 1] as usize];
            pairs.iter().filter(|pair| pair.0 == hash).for_each(|pair| found(pair.1));
        });
    }
}

/// The hashes of a word and, if it is editable, of it less each of its letters but the first.
fn variants(word: &str, editable: bool, mut each: impl FnMut(u32)) {
    each(hash(word.bytes()));
    if editable {
        for (at, c) in word.char_indices().skip(1) {
            each(hash(word[..at].bytes().chain(word[at + c.len_utf8()..].bytes())));
        }
    }
}

/// FNV-1a, mixed so that the leading bits depend on every byte.
fn hash(bytes: impl Iterator<Item = u8>) -> u32 {
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], caption: &str) -> Vec<(usize, String, usize)> {
        let folded = Folded::caption(caption);
        let hits = Fuzzy::of(names.iter().map(|name| Folded::name(name)).enumerate()).find(&folded);
        hits.into_iter().map(|h| (h.key, caption[folded.original(h.range)].to_owned(), h.edits)).collect()
    }

    #[test]
    fn one_edit_per_word_and_five_letters() {
        for written in ["Dysn Airwrap", "dyson airwarp", "Dysonn Airwrap", "Dyson Airwrep", "Dysn Airwarp"] {
            let edits = usize::from(written == "Dysn Airwarp") + 1;
            assert_eq!(found(&["Dyson Airwrap"], written), [(0, written.to_owned(), edits)], "{written}");
        }
        assert_eq!(found(&["Stanley"], "stanly cup"), [(0, "stanly".to_owned(), 1)]);
        assert_eq!(found(&["Stanley"], "stnly cup"), []);
        assert_eq!(found(&["Prada"], "prdaa"), [], "five letters");
    }

    #[test]
    fn numbers_short_words_and_first_letters_are_as_they_are() {
        assert_eq!(found(&["Galaxy S24 Ultra"], "galaxy s23 ultra"), []);
        assert_eq!(found(&["Galaxy S24 Ultra"], "galxy s24 ultra").len(), 1);
        assert_eq!(found(&["Sol de Janeiro"], "sol da janeiro"), []);
        assert_eq!(found(&["Bounty"], "county"), []);
    }

    #[test]
    fn what_is_spelt_well_is_not_found_here() {
        assert_eq!(found(&["Dyson Airwrap", "Dyson"], "dyson airwrap"), []);
    }

    #[test]
    fn sentences_part() {
        assert_eq!(found(&["Dyson Airwrap"], "my dysn. Airwrap"), []);
    }

    #[test]
    fn edits() {
        for (a, b, one) in [
            ("abcd", "abdc", true),
            ("abcd", "acbd", true),
            ("abcd", "badc", false),
            ("abc", "abcd", true),
            ("éa", "éb", true),
        ] {
            assert_eq!(is_one_edit(a, b), one, "{a} {b}");
        }
    }
}
