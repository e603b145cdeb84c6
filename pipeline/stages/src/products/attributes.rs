//! What a caption says of a product beside it: colour, size, volume, storage, shade, how many in a pack.
//!
//! The forms are those of `data/product_attributes.tsv`. An attribute belongs to the nearest product of its sentence, if
//! that is near; its value is the words as written ("50 ml", "dark green", "size 8").

use super::fold::parts;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use std::ops::Range;
use std::sync::LazyLock;
use tidelake_schemas::Attribute;

const FORMS: &str = include_str!("../../data/product_attributes.tsv");
/// Bytes that may stand between a product and what is said of it.
const NEAR: usize = 40;
/// Capitalised words of a shade's name, at most.
const NAME_WORDS: usize = 2;

struct Form {
    kind: &'static str,
    reading: Reading,
    text: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Word,
    Modified,
    Unit,
    Number,
    Named,
}

struct Table {
    automaton: AhoCorasick,
    forms: Vec<Form>,
    modifiers: Vec<&'static str>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let (mut forms, mut modifiers) = (Vec::new(), Vec::new());
    for line in FORMS.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let (Some(kind), Some(reading), Some(list)) = (fields.next(), fields.next(), fields.next()) else { continue };
        if kind == "modifier" {
            modifiers.extend(list.split('|'));
            continue;
        }
        let reading = match reading {
            "modified" => Reading::Modified,
            "unit" => Reading::Unit,
            "number" => Reading::Number,
            "named" => Reading::Named,
            _ => Reading::Word,
        };
        forms.extend(list.split('|').map(|text| Form { kind, reading, text }));
    }
    let builder = AhoCorasickBuilder::new().match_kind(MatchKind::Standard).ascii_case_insensitive(true).clone();
    let automaton = builder.build(forms.iter().map(|form| form.text));
    let automaton = automaton.unwrap_or_else(|e| unreachable!("forms that are compiled in: {e}"));
    Table { automaton, forms, modifiers }
});

/// Of each product, given by where it stands from left to right, what is said of it.
pub(super) fn beside(text: &str, products: &[Range<usize>]) -> Vec<Vec<Attribute>> {
    let mut beside = vec![Vec::new(); products.len()];
    if products.is_empty() {
        return beside;
    }
    for (kind, range) in all(text) {
        let distance = |i: usize| {
            let product = products.get(i)?;
            let between = if product.end <= range.start { product.end..range.start } else { range.end..product.start };
            let apart = between.start <= between.end && between.len() <= NEAR && !parts(&text[between.clone()]);
            apart.then_some((between.len(), i))
        };
        // The product before it and the one behind.
        let next = products.partition_point(|product| product.end <= range.start);
        if let Some((_, i)) = next.checked_sub(1).into_iter().chain([next]).filter_map(distance).min() {
            beside[i].push(Attribute { name: kind.to_owned(), value: text[range].to_owned() });
        }
    }
    beside
}

/// The attributes of a text, from left to right; of those that begin together the longest.
fn all(text: &str) -> Vec<(&'static str, Range<usize>)> {
    let mut found: Vec<(&'static str, Range<usize>)> = Vec::new();
    for hit in TABLE.automaton.find_overlapping_iter(text) {
        let form = &TABLE.forms[hit.pattern().as_usize()];
        let cased = form.text.bytes().any(|b| b.is_ascii_uppercase());
        if !cased || &text[hit.range()] == form.text {
            found.extend(read(text, form.reading, hit.range()).map(|range| (form.kind, range)));
        }
    }
    found.sort_by_key(|(_, range)| (range.start, std::cmp::Reverse(range.end)));
    let mut kept: Vec<(&'static str, Range<usize>)> = Vec::new();
    for (kind, range) in found {
        if kept.last().is_none_or(|(_, last)| last.end <= range.start) {
            kept.push((kind, range));
        }
    }
    kept
}

/// What an attribute spans whose form stands here; `None` when it is none.
fn read(text: &str, reading: Reading, form: Range<usize>) -> Option<Range<usize>> {
    let (before, behind) = (&text[..form.start], &text[form.end..]);
    let begins = reading == Reading::Unit || !before.ends_with(char::is_alphanumeric);
    if !begins || behind.starts_with(char::is_alphanumeric) {
        return None;
    }
    match reading {
        Reading::Word => Some(form),
        Reading::Modified => Some(modifier(before).unwrap_or(form.start)..form.end),
        Reading::Unit => Some(number_before(before)?..form.end),
        Reading::Number => Some(form.start..form.end + number_behind(behind)?),
        Reading::Named => Some(form.start..form.end + number_behind(behind).or_else(|| name_behind(behind))?),
    }
}

fn modifier(before: &str) -> Option<usize> {
    let word = before.strip_suffix([' ', '-'])?;
    let at =
        word.rfind(|c: char| !c.is_alphabetic()).map_or(0, |i| i + word[i..].chars().next().map_or(0, char::len_utf8));
    TABLE.modifiers.iter().any(|m| m.eq_ignore_ascii_case(&word[at..])).then_some(at)
}

/// Where the number begins that ends here, perhaps with a space behind it.
fn number_before(before: &str) -> Option<usize> {
    let number = before.strip_suffix([' ', '\u{a0}']).unwrap_or(before);
    let digits = number.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
    let start = number.len() - number[digits.len()..].trim_start_matches(['.', ',']).len();
    let whole = number.ends_with(|c: char| c.is_ascii_digit());
    (whole && !digits.ends_with(char::is_alphanumeric)).then_some(start)
}

/// How far a number reaches that stands at once behind.
fn number_behind(behind: &str) -> Option<usize> {
    let number = behind.trim_start_matches([' ', ':', '#']);
    let word = number.find(|c: char| !c.is_alphanumeric() && c != '.').unwrap_or(number.len());
    let word = number[..word].trim_end_matches('.');
    let gap = behind.len() - number.len();
    (gap > 0 && word.starts_with(|c: char| c.is_ascii_digit()) && word.len() <= 6).then_some(gap + word.len())
}

/// How far the capitalised words reach that stand at once behind.
fn name_behind(behind: &str) -> Option<usize> {
    let (mut end, mut words) = (0, 0);
    while words < NAME_WORDS {
        let gap = if words == 0 { behind.len() - behind.trim_start_matches([' ', ':']).len() } else { 1 };
        let Some(rest) = behind.get(end + gap..).filter(|_| gap > 0) else { break };
        if words > 0 && !behind[end..].starts_with(' ') || !rest.starts_with(char::is_uppercase) {
            break;
        }
        end += gap + rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        words += 1;
    }
    (words > 0).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&'static str, &str)> {
        all(text).into_iter().map(|(kind, range)| (kind, &text[range])).collect()
    }

    #[test]
    fn kinds() {
        assert_eq!(
            found("in dark green, 50 ml or 1.7oz"),
            [("colour", "dark green"), ("volume", "50 ml"), ("volume", "1.7oz")]
        );
        assert_eq!(found("256GB Natural Titanium"), [("storage", "256GB"), ("colour", "Natural Titanium")]);
        assert_eq!(
            found("size M, EU 42, pack of 3 and a 6-pack"),
            [("size", "size M"), ("size", "EU 42"), ("pack", "pack of 3"), ("pack", "6-pack"),]
        );
        assert_eq!(found("shade Warm Sand, shade 240N"), [("shade", "shade Warm Sand"), ("shade", "shade 240N")]);
    }

    #[test]
    fn what_is_none() {
        for text in ["follow us 3 times", "bluetooth", "ml", "size matters", "A1 ml", "all oz", "redo"] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn the_nearest_product_has_it() {
        let text = "pink Airwrap, black Supersonic. Red";
        let at = |word: &str| text.find(word).map(|i| i..i + word.len()).expect("is there");
        let beside = beside(text, &[at("Airwrap"), at("Supersonic")]);
        let values: Vec<Vec<&str>> = beside.iter().map(|l| l.iter().map(|a| a.value.as_str()).collect()).collect();
        assert_eq!(values, [["pink"], ["black"]]);
    }
}
