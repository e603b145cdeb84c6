//! Offers: percentages off, discount codes, free shipping, in many languages.
//!
//! The words of `data/offers.tsv` are found by one pass of an Aho-Corasick automaton over the caption in lower case. A
//! percentage is an offer when such a word stands beside it, or a minus before it; a code is a token that looks like
//! one, right behind a word that announces it. How much is left to pay is a price's business ([`crate::Prices`]).

use crate::lower::{Lower, is_word_letter, stands_alone};
use crate::prices::digit;
use crate::text::{is_digit, offset, ranges};
use crate::{Caption, Stage};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use std::ops::Range;
use std::sync::LazyLock;
use tidelake_schemas::{CaptionFindings, Offer};

const WORDS: &str = include_str!("../data/offers.tsv");
/// Words that may stand between a percentage and the word that makes it an offer: "sale, now up to 70 %".
const APART: usize = 3;
/// Words in capitals behind "code" that are none.
const NO_CODES: [&str; 12] =
    ["AND", "AT", "BELOW", "FOR", "HERE", "NOW", "ONLY", "SOS", "THE", "TODAY", "VALID", "WORKS"];
/// Characters of a code.
const CODE_LENGTHS: std::ops::RangeInclusive<usize> = 3..=20;

/// The stage: offers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offers;

impl Stage for Offers {
    fn name(&self) -> &'static str {
        "offers"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let taken = [&findings.urls, &findings.mentions].into_iter().flat_map(|found| ranges(found));
        findings.offers = offers(caption.text, &taken.collect::<Vec<_>>());
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Off,
    Code,
    Shipping,
    /// A code of another sort: none follows.
    Other,
}

struct Table {
    automaton: AhoCorasick,
    /// What each pattern is, and whether it inflects.
    words: Vec<(Word, bool)>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let (mut patterns, mut words) = (Vec::new(), Vec::new());
    for line in WORDS.lines().filter(|line| !line.starts_with('#')) {
        let Some((kind, list)) = line.split_once('\t') else { continue };
        let kind = match kind {
            "off" => Word::Off,
            "code" => Word::Code,
            "other" => Word::Other,
            _ => Word::Shipping,
        };
        for written in list.split('|') {
            patterns.push(written.trim_end_matches('*'));
            words.push((kind, written.ends_with('*')));
        }
    }
    let automaton = AhoCorasickBuilder::new().match_kind(MatchKind::LeftmostLongest).build(&patterns);
    Table { automaton: automaton.unwrap_or_else(|e| unreachable!("words that are compiled in: {e}")), words }
});

/// The offers of a caption, from left to right, none over another. Nothing is looked for within `taken`.
fn offers(text: &str, taken: &[Range<usize>]) -> Vec<Offer> {
    let lower = Lower::of(text);
    let hits: Vec<(Word, Range<usize>)> = hits(&lower);
    let percents = percents(text);
    let mut found: Vec<Offer> = Vec::new();
    for (percent, span) in percents {
        // 95% of people save this.
        let is_share = text[span.end..].trim_start().to_lowercase().starts_with("of ");
        let fits = |at: &Range<usize>| {
            let off = text[at.clone()].eq_ignore_ascii_case("off");
            let touches = text.get(span.end..at.start).is_some_and(|gap| gap.trim().is_empty());
            touches || !(off || is_share || percent >= 100.0) && are_near(text, at, &span)
        };
        let word = hits.iter().find(|(word, at)| *word == Word::Off && fits(at));
        let span = match word {
            Some((_, at)) => at.start.min(span.start)..at.end.max(span.end),
            None if is_marked_down(text, span.start) => span,
            None => continue,
        };
        found.push(offer("percent_off", Some(percent), None, span));
    }
    for (word, at) in &hits {
        match word {
            Word::Code => found.extend(code_after(text, at).map(|(code, span)| offer("code", None, Some(code), span))),
            Word::Shipping => found.push(offer("free_shipping", None, None, at.clone())),
            Word::Off | Word::Other => {}
        }
    }
    in_order(found, taken)
}

fn offer(kind: &str, percent: Option<f64>, code: Option<String>, span: Range<usize>) -> Offer {
    Offer { kind: kind.into(), percent, code, start: offset(span.start), end: offset(span.end) }
}

/// By place; of two that overlap, the first.
fn in_order(mut found: Vec<Offer>, taken: &[Range<usize>]) -> Vec<Offer> {
    found.sort_by_key(|offer| (offer.start, offer.end));
    let mut end = 0;
    found.retain(|offer| {
        let is_taken = taken.iter().any(|t| offset(t.start) < offer.end && offer.start < offset(t.end));
        let free = offer.start >= end && !is_taken;
        end = if free { offer.end } else { end };
        free
    });
    found
}

/// The words of offers, by place in the original.
fn hits(lower: &Lower) -> Vec<(Word, Range<usize>)> {
    let hits = TABLE.automaton.find_iter(&lower.text).filter_map(|hit| {
        let (word, inflects) = TABLE.words[hit.pattern().as_usize()];
        let rest = &lower.text[hit.end()..];
        let more = if inflects { rest.find(|c| !is_word_letter(c)).unwrap_or(rest.len()) } else { 0 };
        let whole = hit.start()..hit.end() + more;
        stands_alone(&lower.text, hit.range(), inflects).then(|| (word, lower.original(whole)))
    });
    hits.collect()
}

/// Percentages above 0 and up to 100, with their places: "20%", "20 %", "٢٠٪", and "%20" as Turkish writes it.
fn percents(text: &str) -> Vec<(f64, Range<usize>)> {
    let mut found = Vec::new();
    for (at, sign) in text.char_indices().filter(|(_, c)| matches!(c, '%' | '％' | '٪')) {
        let end = at + sign.len_utf8();
        let head = text[..at].trim_end_matches([' ', '\u{a0}', '\u{202f}']);
        let start = head.rfind(|c: char| !is_digit(c) && !matches!(c, '.' | ',')).map_or(0, |i| i + width(head, i));
        let behind = text[end..].find(|c: char| !is_digit(c)).map_or(text.len(), |i| end + i);
        let before = number(head[start..].trim_start_matches(['.', ','])).map(|n| (n, start..end));
        let after = || number(&text[end..behind]).map(|n| (n, at..behind));
        found.extend(before.or_else(after).filter(|(n, _)| *n > 0.0 && *n <= 100.0));
    }
    found
}

/// How long the character at `at` is.
fn width(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// A number of at most three digits before the point, in digits of any script.
fn number(text: &str) -> Option<f64> {
    let ascii = |c| digit(c).and_then(|value| char::from_digit(value, 10)).unwrap_or(if c == ',' { '.' } else { c });
    let plain: String = text.chars().map(ascii).collect();
    let whole = plain.split('.').next().unwrap_or_default();
    plain.parse().ok().filter(|_| (1..=3).contains(&whole.len()))
}

/// Is at most a few words and no end of a sentence between them?
fn are_near(text: &str, word: &Range<usize>, percent: &Range<usize>) -> bool {
    if word.end > percent.start && percent.end > word.start {
        return true;
    }
    let between =
        if word.end <= percent.start { &text[word.end..percent.start] } else { &text[percent.end..word.start] };
    !between.contains(['.', ',', '!', '?', '\n', '。', '！', '，', '#']) && between.split_whitespace().count() <= APART
}

/// "-20%": a minus that belongs to the number and joins nothing before it.
fn is_marked_down(text: &str, start: usize) -> bool {
    let head = text[..start].strip_suffix(['-', '−', '–']);
    head.is_some_and(|head| head.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '%'))
}

/// The code behind a word that announces one: in quotes, or in capitals or with a digit.
fn code_after(text: &str, word: &Range<usize>) -> Option<(String, Range<usize>)> {
    let tail = &text[word.end..];
    let gap = tail
        .trim_start_matches([' ', '\u{a0}', ':', '：', '=', '-', '>', '→', '👉', '"', '“', '\'', '‘', '「', '*', '(']);
    let at = word.end + (tail.len() - gap.len());
    let quoted = text[word.end..at].contains(['"', '“', '‘', '「', '*']);
    let end = gap.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(gap.len());
    let code = gap[..end].trim_end_matches('-');
    let announced = quoted || text[word.end..at].contains([':', '：', '=']);
    // Where the words around it are in capitals too, capitals do not make a code.
    let shouted = !text[word.clone()].contains(char::is_lowercase) && !announced;
    let shouts = code.len() > 2
        && !shouted
        && !NO_CODES.contains(&code)
        && code.chars().all(|c| !c.is_ascii_lowercase())
        && code.contains(|c: char| c.is_ascii_uppercase());
    let numbered = code.contains(|c: char| c.is_ascii_digit()) && code.contains(|c: char| c.is_ascii_alphabetic());
    let cut_off = gap[code.len()..].chars().next().is_some_and(is_word_letter);
    let is_code = CODE_LENGTHS.contains(&code.len()) && !cut_off && at > word.end && (quoted || shouts || numbered);
    is_code.then(|| (code.to_owned(), word.start..at + code.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent_of(text: &str) -> Vec<f64> {
        offers(text, &[]).iter().filter_map(|offer| offer.percent).collect()
    }

    fn code_of(text: &str) -> Vec<String> {
        offers(text, &[]).into_iter().filter_map(|offer| offer.code).collect()
    }

    #[test]
    fn percentages_off() {
        for (text, percent) in [
            ("20% off everything", 20.0),
            ("Save up to 70 % today", 70.0),
            ("hasta 12,5% de descuento", 12.5),
            ("jetzt 30 % Rabatt!", 30.0),
            ("%20 indirim", 20.0),
            ("Скидка 15% на всё", 15.0),
            ("خصم ٢٥٪", 25.0),
            ("全品20％オフ", 20.0),
            ("giảm 50% hôm nay", 50.0),
            ("only today -40%", 40.0),
            ("SALE 60% ON ALL", 60.0),
            ("100% off today", 100.0),
        ] {
            assert_eq!(percent_of(text), [percent], "{text}");
        }
        for text in [
            "95% of people save this",
            "turn it off at 20%",
            "I save 30% of my income",
            "100% cotton",
            "I am 90% water",
            "70-80% of you skip. Big sale soon",
            "200% off",
            "0% off",
            "5.%",
        ] {
            assert_eq!(percent_of(text), [] as [f64; 0], "{text}");
        }
    }

    #[test]
    fn codes() {
        for (text, code) in [
            ("use code SAVE10 at checkout", "SAVE10"),
            ("Use my promo code: \"anna\" now", "anna"),
            ("código HOLA20", "HOLA20"),
            ("промокод ЛЕТО или SUMMER5", ""),
            ("по промокоду LETO15", "LETO15"),
            ("mit dem Rabattcode ANNA-15.", "ANNA-15"),
        ] {
            assert_eq!(code_of(text).first().map_or("", String::as_str), code, "{text}");
        }
        for text in [
            "USE MY CODE FOR 20% OFF",
            "dress code BLACK",
            "error code E404",
            "I write code every day",
            "code is life",
            "the Da Vinci code: a film",
            "dress code casual",
        ] {
            assert_eq!(code_of(text), [] as [&str; 0], "{text}");
        }
    }

    #[test]
    fn shipping_and_places() {
        let text = "İstanbul! FREE SHIPPING + 10% off";
        let found = offers(text, &[]);
        let places: Vec<&str> = found.iter().map(|o| &text[o.start as usize..o.end as usize]).collect();
        assert_eq!(places, ["FREE SHIPPING", "10% off"]);
        assert!(offers(text, std::slice::from_ref(&(0..text.len()))).is_empty());
    }
}
