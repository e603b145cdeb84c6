//! How money is named: symbols, abbreviations, words and codes, and which currency they mean.
//!
//! The tables are `data/currencies.tsv`, `data/regions.tsv` and `data/money_of_regions.tsv`.

use std::collections::HashMap;
use std::sync::LazyLock;

const CURRENCIES: &str = include_str!("../../data/currencies.tsv");
const QUALIFIERS: &str = include_str!("../../data/regions.tsv");
const REGIONS: &str = include_str!("../../data/money_of_regions.tsv");

/// Codes that are everyday words where they stand in lower case (`try 3`, `top 10`).
const WORDS: [&str; 29] = [
    "ALL", "AMD", "ANG", "BAM", "BOB", "COP", "CUP", "DEM", "DOP", "ERN", "ESP", "GEL", "GIP", "ILS", "IMP", "LAK",
    "LSL", "MAD", "MOP", "MUR", "NAD", "PAB", "PEN", "PHP", "RON", "SOS", "SSP", "TOP", "TRY",
];
/// Codes that `data/` knows no region of: former money, metals, coins.
const MORE_CODES: [&str; 16] =
    ["BTC", "ETH", "USDT", "DEM", "FRF", "ITL", "ESP", "HRK", "XBT", "XAU", "CUC", "ZWL", "BYR", "GGP", "IMP", "CNH"];
/// The longest form, in bytes.
const LONGEST: usize = 40;
/// Letters that may follow a stem.
const INFLECTION: usize = 6;

/// Is this code also an everyday word?
pub(super) fn is_everyday(code: &str) -> bool {
    WORDS.contains(&code)
}

/// How a form may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Before or after the number, attached to anything.
    Symbol,
    /// Before or after the number; a full stop may follow.
    Abbreviation,
    /// After the number, or before it with a space.
    Word,
    /// Also an everyday letter.
    Weak,
    /// Hundredths; only after the number.
    Minor,
    /// ISO 4217.
    Code,
}

/// What a form means.
#[derive(Debug)]
pub(super) struct Unit {
    /// ISO 4217, the likeliest first.
    candidates: Vec<&'static str>,
    /// The first is meant unless the region says otherwise.
    settled: bool,
    pub usage: Use,
}

/// A unit found beside a number, and the bytes it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub unit: &'static Unit,
    pub start: usize,
    pub end: usize,
    /// The currency of the country that is named with it.
    pub qualified: Option<&'static str>,
}

impl Unit {
    /// The currency meant, or `None` when it is ambiguous: by the country named, by the region, by likelihood.
    pub(super) fn currency(&self, qualified: Option<&str>, regional: Option<&str>) -> Option<&'static str> {
        let named = |wanted: Option<&str>| self.candidates.iter().copied().find(|code| Some(*code) == wanted);
        named(qualified).or_else(|| named(regional)).or_else(|| self.settled.then(|| self.candidates[0]))
    }

    /// Is it of the region?
    pub(super) fn is_of(&self, regional: Option<&str>) -> bool {
        self.candidates.iter().any(|code| Some(*code) == regional)
    }
}

/// The money of a region (ISO 3166, any case).
pub(super) fn money_of(region: &str) -> Option<&'static str> {
    static MONEY: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
        let lines = rows(REGIONS).filter_map(|line| line.split_once('\t'));
        lines.flat_map(|(code, regions)| regions.split(' ').map(move |region| (region, code))).collect()
    });
    MONEY.get(region.to_ascii_uppercase().as_str()).copied()
}

/// The unit that begins here, the longest; with a country's name before or after it.
pub(super) fn starting_at(text: &str, at: usize) -> Option<Match> {
    let (skipped, before) = match qualifier_at(text, at) {
        Some((end, currency)) => (skip_space(text, end), Some(currency)),
        None => (at, None),
    };
    let found = unit_at(text, skipped).map(|(unit, end)| (unit, skipped, end));
    // "us" may also be the beginning of "US$".
    let (unit, start, end) = found.or_else(|| unit_at(text, at).map(|(unit, end)| (unit, at, end)))?;
    let named = before.filter(|_| start == skipped && skipped != at);
    let after = named.is_none().then(|| qualifier_at(text, skip_space(text, end))).flatten();
    let fits = after.filter(|(_, currency)| unit.candidates.contains(currency));
    let end = fits.map_or(end, |(end, _)| end);
    Some(Match { unit, start: at, end, qualified: named.or(fits.map(|(_, currency)| currency)) })
}

/// The unit that ends here, the longest.
pub(super) fn ending_at(text: &str, at: usize) -> Option<Match> {
    let head = &text[..at];
    let starts = head.char_indices().rev().map(|(start, _)| start).take_while(|start| at - start <= LONGEST);
    let mut longest = None;
    for start in starts {
        let form = &head[start..];
        if form.starts_with(|c: char| c.is_whitespace() || super::numeral::digit(c).is_some()) {
            break;
        }
        let unit = FORMS.get(form).or_else(|| FORMS.inflected(form)).filter(|unit| unit.usage != Use::Minor);
        if let Some(unit) = unit
            && stands_alone_before(head, start)
        {
            longest = Some(Match { unit, start, end: at, qualified: None });
        }
    }
    longest
}

fn stands_alone_before(head: &str, start: usize) -> bool {
    let first_is_letter = head[start..].starts_with(char::is_alphabetic);
    !(first_is_letter && head[..start].ends_with(char::is_alphanumeric))
}

/// Where a single space after `at` ends.
pub(super) fn skip_space(text: &str, at: usize) -> usize {
    let space = text[at..].chars().next().filter(|c| matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}'));
    at + space.map_or(0, char::len_utf8)
}

/// Forms of a script that parts no words stand alone wherever they stand.
fn parts_no_words(c: char) -> bool {
    matches!(u32::from(c), 0xE00..=0xEFF | 0x1780..=0x17FF | 0x2E80..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF)
}

fn unit_at(text: &str, at: usize) -> Option<(&'static Unit, usize)> {
    let rest = &text[at..];
    let ends = rest.char_indices().map(|(i, c)| i + c.len_utf8()).take_while(|end| *end <= LONGEST);
    let word = word_end(rest);
    let mut longest = None;
    for end in ends {
        let Some(unit) = FORMS.get(&rest[..end]) else {
            if let Some(unit) = FORMS.stem(&rest[..end], &rest[end..word.max(end)]) {
                longest = Some((unit, word));
            }
            continue;
        };
        let last = rest[..end].chars().next_back().unwrap_or(' ');
        let follows = rest[end..].chars().next().unwrap_or(' ');
        if !last.is_alphabetic() || !follows.is_alphabetic() || parts_no_words(last) {
            let dot = matches!(unit.usage, Use::Abbreviation | Use::Word) && follows == '.' && last.is_alphabetic();
            let dot = dot && !rest[end + 1..].starts_with(char::is_alphanumeric);
            longest = Some((unit, end + usize::from(dot)));
        }
        if let Some(unit) = FORMS.stem(&rest[..end], &rest[end..word.max(end)]) {
            longest = Some((unit, word));
        }
    }
    longest.map(|(unit, end)| (unit, at + end))
}

/// Where the letters at the start end.
fn word_end(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len())
}

/// A country's name here, and the currency it stands for.
fn qualifier_at(text: &str, at: usize) -> Option<(usize, &'static str)> {
    static QUALIFIED: LazyLock<Table<&'static str>> = LazyLock::new(|| {
        let mut table = Table::default();
        for (forms, code) in rows(QUALIFIERS).filter_map(|line| line.split_once('\t')) {
            forms.split('|').for_each(|form| table.insert(form, code));
        }
        table
    });
    let rest = &text[at..];
    let word = word_end(rest);
    let two = word + rest[word..].strip_prefix(' ').map_or(0, |more| 1 + word_end(more));
    [two, word].into_iter().filter(|end| *end > 0 && *end <= LONGEST).find_map(|end| {
        let form = rest[..end].to_lowercase();
        let prefixes = form.char_indices().map(|(i, c)| i + c.len_utf8()).rev();
        let one_word = |cut: usize| !form[cut..].contains(' ');
        let stem = |cut: usize| QUALIFIED.stems.get(&form[..cut]).filter(|_| cut > 3 && one_word(cut)).copied();
        let found = QUALIFIED.exact.get(form.as_str()).copied().or_else(|| prefixes.clone().find_map(stem));
        found.map(|code| (at + end, code))
    })
}

/// Forms as they are, and stems that letters may follow.
#[derive(Debug)]
struct Table<T> {
    exact: HashMap<String, T>,
    stems: HashMap<String, T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), stems: HashMap::new() }
    }
}

impl<T: Copy> Table<T> {
    fn insert(&mut self, form: &str, value: T) {
        match form.strip_suffix('*') {
            Some(stem) => {
                self.stems.entry(stem.to_owned()).or_insert(value);
                self.exact.entry(stem.to_owned()).or_insert(value);
            }
            None => {
                self.exact.entry(form.to_owned()).or_insert(value);
            }
        }
    }
}

struct Forms {
    table: Table<&'static Unit>,
    codes: HashMap<&'static str, &'static Unit>,
}

static FORMS: LazyLock<Forms> = LazyLock::new(Forms::load);

impl Forms {
    fn load() -> Self {
        let mut table = Table::default();
        for line in rows(CURRENCIES) {
            let mut fields = line.split('\t');
            let (Some(forms), Some(codes), Some(usage)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let settled = codes.starts_with('=');
            let candidates = codes.trim_start_matches('=').split(' ').collect();
            let unit: &Unit = Box::leak(Box::new(Unit { candidates, settled, usage: usage_of(usage) }));
            forms.split('|').for_each(|form| table.insert(form, unit));
        }
        let known = rows(REGIONS).filter_map(|line| line.split_once('\t')).map(|(code, _)| code);
        let codes = known.chain(MORE_CODES).map(|code| {
            let unit: &Unit = Box::leak(Box::new(Unit { candidates: vec![code], settled: true, usage: Use::Code }));
            (code, unit)
        });
        Self { table, codes: codes.collect() }
    }

    /// A form as written, or in lower case where it is listed so; else a code.
    fn get(&self, form: &str) -> Option<&'static Unit> {
        let as_written = self.table.exact.get(form);
        let lower = || self.table.exact.get(form.to_lowercase().as_str());
        as_written.or_else(lower).copied().or_else(|| self.code(form))
    }

    /// Codes in capitals; in any case where they are no words.
    fn code(&self, form: &str) -> Option<&'static Unit> {
        if !(3..=4).contains(&form.len()) || !form.is_ascii() {
            return None;
        }
        let upper = form.to_ascii_uppercase();
        let fits = form == upper || !WORDS.contains(&upper.as_str());
        self.codes.get(upper.as_str()).copied().filter(|_| fits)
    }

    /// A stem with letters after it.
    fn inflected(&self, word: &str) -> Option<&'static Unit> {
        let letters = word.chars().all(char::is_alphabetic);
        let cuts = word.char_indices().rev().map(|(cut, _)| cut).filter(|cut| letters && *cut > 2);
        cuts.into_iter().find_map(|cut| self.stem(&word[..cut], &word[cut..]))
    }

    fn stem(&self, form: &str, inflection: &str) -> Option<&'static Unit> {
        let short = inflection.chars().count() <= INFLECTION;
        let found = (short && !inflection.is_empty()).then(|| self.table.stems.get(form.to_lowercase().as_str()));
        found.flatten().copied()
    }
}

fn usage_of(name: &str) -> Use {
    match name {
        "sym" => Use::Symbol,
        "abbr" => Use::Abbreviation,
        "weak" => Use::Weak,
        "minor" => Use::Minor,
        _ => Use::Word,
    }
}

fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}
