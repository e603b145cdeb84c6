//! Tells apart the languages of one script by what letters follow each other in their words.
//!
//! `data/ngrams.bin` is distilled from lingua's language models (Apache-2.0) by `tests/ngrams.rs`, which says how. Each
//! n-gram, of one to five letters with the word's bounds as letters, has one row: for each language of its script, how
//! much less likely than in the likeliest language its last letter is after the others, in half nats from 0 to 15.
//! A word costs each language the sum, over its letters, of the row of the longest n-gram known to end there. A text
//! costs the sum over its words of what each costs more than in its likeliest language, up to [`FOREIGN`]: no single
//! word, which may be a name or borrowed, outweighs the others.
//!
//! # The file
//! Lines of text, an empty line, then for each script of [`SCRIPTS`]: the number of languages and their codes, two
//! letters each; the length in bytes of its alphabet and the alphabet, as UTF-8; the number of rows, then the rows.
//! Numbers are LEB128. A letter's symbol is its place in the alphabet + 2, a word's bound is 1, and an n-gram's key is
//! its symbols, a byte each. A row is: its key less the one before it; a bit for each language, in whole bytes, lowest
//! bit first; a level of four bits, lower half first, for each language whose bit is set. The others keep their level
//! from the longest n-gram before it that it ends in, or 0.

use crate::script::{self, Script};
use std::sync::LazyLock;

static FILE: &[u8] = include_bytes!("../data/ngrams.bin");

/// The scripts that several languages share, in the order of the file.
const SCRIPTS: [Script; 4] = [Script::Latin, Script::Cyrillic, Script::Arabic, Script::Devanagari];
/// Letters an n-gram may have.
const LONGEST: u32 = 5;
/// The symbol of a word's bound.
const BOUND: u8 = 1;
/// The symbol of letters that no alphabet has: no n-gram holds it.
const STRANGE: u8 = 255;
/// Alphabets lie below this code point.
const CODE_POINTS: usize = 0x2000;
/// Languages per script at most: a row's levels.
const LANES: usize = 32;
/// Slots per row.
const ROOM: f64 = 1.4;

/// What a word that is impossible in a language costs it; what `c` would cost costs `c * FOREIGN / (c + FOREIGN)`.
const FOREIGN: f32 = 20.0;

/// How much worse than others each language explains a text, in half nats; in the order of [`languages`].
pub(crate) type Costs = [f32; LANES];

/// Levels of the even languages in the lower halves, of the odd ones in the upper halves.
type Row = [u8; LANES / 2];

/// One place of the hash table; free where `check` is 0.
#[derive(Clone, Copy, Default)]
struct Slot {
    check: u32,
    row: Row,
}

#[derive(Default)]
struct Table {
    /// Codes of each script's languages.
    codes: Vec<Vec<&'static str>>,
    /// Symbol by code point; 0 for what is in no alphabet.
    symbols: Vec<u8>,
    slots: Vec<Slot>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Reader(FILE).table().unwrap_or_default());

/// Codes of the languages told apart in a script.
pub(crate) fn languages(script: Script) -> &'static [&'static str] {
    let place = SCRIPTS.iter().position(|&shared| shared == script);
    place.and_then(|place| TABLE.codes.get(place)).map_or(&[], Vec::as_slice)
}

/// What the words of `script` in a lower-case text cost each language.
pub(crate) fn costs(text: &str, script: Script) -> Costs {
    let mut costs = [0.0; LANES];
    let Some(place) = SCRIPTS.iter().position(|&shared| shared == script) else { return costs };
    let mut word = Word::new(place);
    for symbol in text.chars().filter_map(|c| symbol(c, script)).chain([BOUND]) {
        if symbol != BOUND {
            word.push(symbol);
        } else if word.letters > 0 {
            word.push(BOUND);
            word.charge(&mut costs[..languages(script).len()]);
            word = Word::new(place);
        }
    }
    costs
}

/// The symbol of a character: loose accents are skipped, all else that is no letter of `script` bounds a word.
fn symbol(c: char, script: Script) -> Option<u8> {
    match TABLE.symbols.get(c as usize) {
        _ if c == ' ' => Some(BOUND),
        Some(&symbol) if symbol > 0 && (c.is_ascii() || script::of(c) == Some(script)) => Some(symbol),
        _ if matches!(c, '\u{300}'..='\u{36f}') => None,
        _ if c.is_alphabetic() && script::of(c) == Some(script) && script != Script::Devanagari => Some(STRANGE),
        _ => Some(BOUND),
    }
}

/// A word that is being read: its last letters, and what the rows of all of them add up to.
struct Word {
    script: u64,
    key: u64,
    letters: u32,
    even: [u16; LANES / 2],
    odd: [u16; LANES / 2],
}

impl Word {
    fn new(script: usize) -> Self {
        Self { script: script as u64, key: u64::from(BOUND), letters: 0, even: [0; LANES / 2], odd: [0; LANES / 2] }
    }

    /// Reads a letter: adds the row of the longest known n-gram that ends with it.
    fn push(&mut self, symbol: u8) {
        self.letters += 1;
        self.key = self.key << 8 | u64::from(symbol);
        let lengths = (1..=LONGEST.min(self.letters + 1)).rev();
        let row = lengths.map(|length| tagged(self.script, self.key, length)).find_map(|key| TABLE.row(key));
        let Some(row) = row else { return };
        for ((even, odd), levels) in self.even.iter_mut().zip(&mut self.odd).zip(row) {
            *even = even.saturating_add(u16::from(levels & 15));
            *odd = odd.saturating_add(u16::from(levels >> 4));
        }
    }

    /// Adds to each language's costs what the word costs it more than the likeliest one.
    fn charge(&self, costs: &mut [f32]) {
        let languages = costs.len();
        let own = || self.even.iter().zip(&self.odd).flat_map(|(&even, &odd)| [even, odd]).take(languages);
        let least = own().min().unwrap_or(0);
        for (cost, own) in costs.iter_mut().zip(own()) {
            let more = f32::from(own - least);
            *cost += more * FOREIGN / (more + FOREIGN);
        }
    }
}

/// The last `length` symbols of a key, with their script.
fn tagged(script: u64, key: u64, length: u32) -> u64 {
    script << 40 | key & ((1 << (8 * length)) - 1)
}

impl Table {
    fn row(&self, key: u64) -> Option<&Row> {
        let (mut at, check) = self.home(key);
        loop {
            let slot = self.slots.get(at)?;
            if slot.check == check {
                return Some(&slot.row);
            }
            if slot.check == 0 {
                return None;
            }
            at += 1;
        }
    }

    /// Where a key's search starts, and what marks its slot. Two keys with one mark would have to be neighbours.
    fn home(&self, key: u64) -> (usize, u32) {
        let mixed = (key ^ key >> 23).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let places = (self.slots.len() as u64).saturating_sub(OVERFLOW as u64);
        ((((mixed >> 32) * places) >> 32) as usize, (mixed as u32).max(1))
    }

    fn insert(&mut self, key: u64, row: Row) {
        let (home, check) = self.home(key);
        if let Some(slot) = self.slots[home..].iter_mut().find(|slot| slot.check == 0) {
            *slot = Slot { check, row };
        }
    }
}

/// Slots behind the last home, so that a search need not wrap round.
const OVERFLOW: usize = 1000;

/// What is left of the file.
struct Reader(&'static [u8]);

impl Reader {
    fn table(mut self) -> Option<Table> {
        let head = self.0.windows(2).position(|pair| pair == b"\n\n")?;
        self.take(head + 2)?;
        let rows = self.number()? as f64;
        let mut table = Table {
            symbols: vec![0; CODE_POINTS],
            slots: vec![Slot::default(); (rows * ROOM) as usize + OVERFLOW],
            ..Table::default()
        };
        for script in 0..SCRIPTS.len() {
            self.languages(&mut table)?;
            self.alphabet(&mut table)?;
            self.rows(&mut table, script as u64)?;
        }
        Some(table)
    }

    fn languages(&mut self, table: &mut Table) -> Option<()> {
        let count = self.number()? as usize;
        let codes = std::str::from_utf8(self.take(2 * count)?).ok()?;
        table.codes.push((0..count).filter_map(|at| codes.get(2 * at..2 * at + 2)).collect());
        Some(())
    }

    fn alphabet(&mut self, table: &mut Table) -> Option<()> {
        let length = self.number()? as usize;
        let letters = std::str::from_utf8(self.take(length)?).ok()?;
        for (symbol, letter) in (BOUND + 1..STRANGE).zip(letters.chars()) {
            *table.symbols.get_mut(letter as usize)? = symbol;
        }
        Some(())
    }

    fn rows(&mut self, table: &mut Table, script: u64) -> Option<()> {
        let languages = table.codes.last()?.len();
        let mut key = 0;
        for _ in 0..self.number()? {
            key += self.number()?;
            let length = (u64::BITS - key.leading_zeros()).div_ceil(8);
            let base = (1..length).rev().find_map(|shorter| table.row(tagged(script, key, shorter)));
            let row = self.row(base.copied().unwrap_or_default(), languages)?;
            table.insert(script << 40 | key, row);
        }
        Some(())
    }

    fn row(&mut self, mut row: Row, languages: usize) -> Option<Row> {
        let mask = self.take(languages.div_ceil(8))?;
        let mut mask = mask.iter().rev().fold(0_u32, |mask, &byte| mask << 8 | u32::from(byte));
        let levels = self.take((mask.count_ones() as usize).div_ceil(2))?;
        let mut nth = 0;
        while mask != 0 {
            let lane = mask.trailing_zeros() as usize;
            let level = levels[nth / 2] >> (4 * (nth % 2)) & 15;
            let (half, kept) = if lane.is_multiple_of(2) { (level, 0xf0) } else { (level << 4, 0x0f) };
            row[lane / 2] = row[lane / 2] & kept | half;
            mask &= mask - 1;
            nth += 1;
        }
        Some(row)
    }

    fn take(&mut self, count: usize) -> Option<&'static [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// An unsigned LEB128 number.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheapest(text: &str, script: Script) -> &'static str {
        let costs = costs(text, script);
        let codes = languages(script);
        codes[(0..codes.len()).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).expect("languages")]
    }

    #[test]
    fn the_file_is_whole() {
        assert_eq!(SCRIPTS.map(|script| languages(script).len()), [28, 4, 3, 2]);
        let rows = TABLE.slots.iter().filter(|slot| slot.check != 0).count();
        assert!(rows > 100_000, "{rows}");
        assert!(TABLE.slots[TABLE.slots.len() - OVERFLOW / 2..].iter().all(|slot| slot.check == 0));
    }

    #[test]
    fn words_tell_languages() {
        assert_eq!(cheapest("the weather", Script::Latin), "en");
        assert_eq!(cheapest("schönen kuchen", Script::Latin), "de");
        assert_eq!(cheapest("що це", Script::Cyrillic), "uk");
        assert_eq!(cheapest("است", Script::Arabic), "fa");
    }

    #[test]
    fn only_the_scripts_words_count() {
        assert_eq!(costs("the привет weather", Script::Latin), costs("the weather", Script::Latin));
        assert_eq!(costs("don't", Script::Latin), costs("don t", Script::Latin));
        assert_eq!(costs("cafe\u{301}", Script::Latin), costs("cafe", Script::Latin));
        assert_eq!(costs("", Script::Latin), [0.0; LANES]);
        assert_eq!(costs("ŵ", Script::Greek), [0.0; LANES]);
    }
}
