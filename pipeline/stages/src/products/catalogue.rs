//! The user's catalogue, made ready to be found in captions.
//!
//! Names and aliases are folded ([`super::fold`]) and searched for with one Aho-Corasick automaton; what is misspelt is
//! left to [`super::fuzzy`]. Names of up to three letters without a digit count only in the case they are written in.

use super::fold::Folded;
use super::fuzzy::Fuzzy;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use tidelake_schemas::catalog::{CatalogEntry, fingerprint};

/// Names of so few letters must be written as in the catalogue.
const SHORT: usize = 3;

/// The user's products, by every name they go by. Never changes once it is made.
pub struct Catalogue {
    entries: Vec<CatalogEntry>,
    /// Of each key, where its uses begin in `uses`; and their end.
    starts: Vec<u32>,
    uses: Vec<Use>,
    /// Keys that count only as written.
    as_written: BTreeMap<usize, String>,
    automaton: AhoCorasick,
    fuzzy: Fuzzy,
    fingerprint: String,
}

/// More names than can be searched for.
#[derive(Debug)]
pub struct TooLarge(String);

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the catalogue has more names than can be searched for: {}. Leave out what is not sold any more",
            self.0
        )
    }
}

impl std::error::Error for TooLarge {}

/// An entry that goes by a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    entry: u32,
    pub alias: bool,
    /// Counts in mentions only.
    pub handle: bool,
}

/// A name that stands in a caption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Which name.
    pub key: usize,
    /// In the folded caption.
    pub range: Range<usize>,
    /// Letters that are otherwise.
    pub edits: usize,
}

impl Catalogue {
    /// Makes a catalogue ready. Of entries with one id the last counts; other than that their order does not matter.
    ///
    /// # Errors
    /// [`TooLarge`], beyond some hundred million letters.
    pub fn new(entries: impl IntoIterator<Item = CatalogEntry>) -> Result<Self, TooLarge> {
        let by_id: BTreeMap<String, CatalogEntry> = entries.into_iter().map(|e| (e.id.clone(), e)).collect();
        let entries: Vec<CatalogEntry> = by_id.into_values().collect();
        let names = names(&entries);
        let fuzzy = Fuzzy::of(names.values().map(|name| Folded::name(name.written)).enumerate());
        let automaton = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(names.keys())
            .map_err(|e| TooLarge(e.to_string()))?;
        let (mut starts, mut uses, mut as_written) = (Vec::with_capacity(names.len() + 1), Vec::new(), BTreeMap::new());
        for (key, (folded, name)) in names.into_iter().enumerate() {
            starts.push(index(uses.len()));
            uses.extend(name.uses);
            if folded.chars().count() <= SHORT && folded.chars().all(char::is_alphabetic) {
                as_written.insert(key, name.written.to_owned());
            }
        }
        starts.push(index(uses.len()));
        uses.shrink_to_fit();
        let fingerprint = fingerprint(&entries);
        Ok(Self { entries, starts, uses, as_written, automaton, fuzzy, fingerprint })
    }

    /// Entries in it.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Is there no entry?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What tells it from other catalogues: 32 hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Who goes by a name.
    pub(super) fn uses(&self, key: usize) -> impl Iterator<Item = (&Use, &CatalogEntry)> {
        let range = self.starts[key] as usize..self.starts[key + 1] as usize;
        self.uses[range].iter().map(|u| (u, &self.entries[u.entry as usize]))
    }

    /// The names in a caption: from left to right, of those that overlap the longest, and of equally long ones the one
    /// that needs the fewest edits.
    pub(super) fn find(&self, text: &str, folded: &Folded) -> Vec<Hit> {
        let mut hits = self.fuzzy.find(folded);
        for hit in self.automaton.find_overlapping_iter(&folded.text).filter(|hit| folded.starts(hit.start())) {
            let Some(end) = folded.end_of_name(hit.end()) else { continue };
            let hit = Hit { key: hit.pattern().as_usize(), range: hit.start()..end, edits: 0 };
            let written = &text[folded.original(hit.range.clone())];
            if self.as_written.get(&hit.key).is_none_or(|name| name == written) {
                hits.push(hit);
            }
        }
        hits.retain(|hit| self.uses(hit.key).any(|(u, _)| !u.handle || is_mentioned(text, folded, hit)));
        leftmost_longest(hits)
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("entries", &self.len()).field("fingerprint", &self.fingerprint).finish()
    }
}

/// A name and whose it is.
struct Name<'a> {
    written: &'a str,
    uses: Vec<Use>,
}

/// Every name and alias, by what it folds to.
fn names(entries: &[CatalogEntry]) -> BTreeMap<String, Name<'_>> {
    let mut names: BTreeMap<String, Name<'_>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let name = std::iter::once((&entry.name, false));
        for (written, alias) in name.chain(entry.aliases.iter().map(|alias| (alias, true))) {
            let new = Use { entry: index(at), alias, handle: written.starts_with(['@', '＠']) };
            let name = names.entry(Folded::name(written).text);
            let name = name.or_insert_with(|| Name { written, uses: Vec::new() });
            if name.uses.last().is_none_or(|last| last.entry != new.entry) {
                name.uses.push(new);
            }
        }
    }
    names.remove("");
    names
}

pub(super) fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Does it stand right behind an `@`?
pub(super) fn is_mentioned(text: &str, folded: &Folded, hit: &Hit) -> bool {
    text[..folded.original(hit.range.clone()).start].ends_with(['@', '＠'])
}

fn leftmost_longest(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.range.start, std::cmp::Reverse(hit.range.end), hit.edits, hit.key));
    let mut kept: Vec<Hit> = Vec::new();
    for hit in hits {
        if kept.last().is_none_or(|last| last.range.end <= hit.range.start) {
            kept.push(hit);
        }
    }
    kept
}
