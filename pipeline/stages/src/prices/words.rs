//! Numbers in words: twenty dollars, two hundred euros.

use super::numeral::{Numeral, digit};
use super::units;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;
use tidelake_schemas::Amount;

const WORDS: &str = include_str!("../../data/number_words.tsv");
/// Words that join parts of a number.
const AND: [&str; 8] = ["and", "und", "og", "och", "y", "e", "et", "и"];

/// What a word counts, and whether it usually means something else.
fn value_of(word: &str) -> Option<(u32, bool)> {
    static VALUES: LazyLock<HashMap<&'static str, (u32, bool)>> = LazyLock::new(|| {
        let lines = WORDS.lines().filter_map(|line| line.split_once('\t'));
        let lines = lines.filter_map(|(value, words)| Some((value.parse::<u32>().ok()?, words)));
        let words = lines.flat_map(|(value, words)| words.split('|').map(move |word| (word, value)));
        words.map(|(word, value)| (word.trim_start_matches('?'), (value, word.starts_with('?')))).collect()
    });
    VALUES.get(word).or_else(|| VALUES.get(word.to_lowercase().as_str())).copied()
}

/// The numbers in words right before which money is named.
pub(super) fn spoken(text: &str) -> Vec<Numeral> {
    let mut found = Vec::new();
    let mut start = 0;
    for (end, c) in text.char_indices().filter(|(_, c)| !c.is_alphabetic()) {
        let word = &text[start..end];
        start = end + c.len_utf8();
        let money = matches!(c, ' ' | '-') && value_of(word).is_some() && units::starting_at(text, start).is_some();
        found.extend(money.then(|| ending_at(text, start)).flatten());
    }
    found
}

/// The number in words that ends right before `end`.
fn ending_at(text: &str, end: usize) -> Option<Numeral> {
    let mut words: Vec<(Range<usize>, u32, bool)> = Vec::new();
    let mut at = text[..end].trim_end_matches([' ', '-']).len();
    if at == end {
        return None;
    }
    loop {
        let start = text[..at]
            .rfind(|c: char| !c.is_alphabetic() && c != '\'')
            .map_or(0, |i| i + text[i..].chars().next().map_or(0, char::len_utf8));
        let word = &text[start..at];
        let joins = !words.is_empty() && AND.iter().any(|and| word.eq_ignore_ascii_case(and));
        match value_of(word) {
            _ if word.is_empty() => break,
            Some((value, doubtful)) if !joins => words.push((start..at, value, doubtful)),
            _ if joins => {}
            _ => break,
        }
        at = text[..start].trim_end_matches([' ', '-']).len();
        if at == start {
            break;
        }
    }
    // Words before the first certain one are words of the sentence: "on twenty dollars".
    while words.len() > 1 && words.last().is_some_and(|(_, _, doubtful)| *doubtful) {
        words.pop();
    }
    let (first, last) = (words.last()?, words.first()?);
    let value = sum(words.iter().rev().map(|(_, value, _)| u64::from(*value)))?;
    let doubtful = words.len() == 1 && first.2;
    let span = first.0.start..last.0.end;
    // 20 million: the digits have taken it.
    if text[..span.start].trim_end().ends_with(|c| digit(c).is_some()) {
        return None;
    }
    Some(Numeral { span, value, thousandths: None, grouped: false, decimals: 0, spoken: true, doubtful })
}

/// two · hundred · thirty → 230.
fn sum(values: impl Iterator<Item = u64>) -> Option<Amount> {
    let (mut whole, mut part) = (0_u64, 0_u64);
    for value in values {
        match value {
            1_000.. => {
                whole = whole.checked_add(part.max(1).checked_mul(value)?)?;
                part = 0;
            }
            100 => part = part.max(1).checked_mul(100)?,
            _ => part = part.checked_add(value)?,
        }
    }
    Amount::whole(1).times(whole.checked_add(part)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<(String, &str)> {
        ending_at(text, text.len()).map(|number| (number.value.to_string(), &text[number.span]))
    }

    #[test]
    fn words_are_added_up() {
        assert_eq!(value("it costs two hundred and thirty-five "), Some(("235".into(), "two hundred and thirty-five")));
        assert_eq!(value("dva "), Some(("2".into(), "dva")));
        assert_eq!(value("Twenty thousand "), Some(("20000".into(), "Twenty thousand")));
        assert_eq!(value("on twenty "), Some(("20".into(), "twenty")));
        assert_eq!(value("for the "), None);
        assert_eq!(value("twenty"), None);
    }
}
