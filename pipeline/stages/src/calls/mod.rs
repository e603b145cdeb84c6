//! Calls to action: what a caption asks its reader to do.
//!
//! Phrases of `data/calls.tsv`, found by one pass of an Aho-Corasick automaton over the caption in lower case. A phrase
//! counts as whole words; an imperative that is also a plain verb ("watch", "read") only where a sentence begins.

use crate::text::{offset, ranges};
use crate::{Caption, Stage};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use std::ops::Range;
use std::sync::LazyLock;
use tidelake_schemas::{CallToAction, CaptionFindings};

const PHRASES: &str = include_str!("../../data/calls.tsv");

/// The stage: calls to action.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallsToAction;

impl Stage for CallsToAction {
    fn name(&self) -> &'static str {
        "calls_to_action"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let links = ranges(&findings.urls).collect::<Vec<_>>();
        findings.calls_to_action = calls(caption.text, &links)
            .into_iter()
            .map(|call| CallToAction {
                kind: call.kind.to_owned(),
                strength: call.strength,
                start: offset(call.span.start),
                end: offset(call.span.end),
            })
            .collect();
    }
}

/// A call to action.
#[derive(Clone, Debug, PartialEq)]
struct Call {
    /// What is asked for: `buy`, `follow`, …
    kind: &'static str,
    /// How plainly, from 0 to 1.
    strength: f64,
    /// Where it stands, in bytes of the caption.
    span: Range<usize>,
}

struct Phrase {
    kind: &'static str,
    strength: f64,
    starts_sentence: bool,
    needs_link: bool,
    inflects: bool,
}

struct Table {
    automaton: AhoCorasick,
    phrases: Vec<Phrase>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let (mut patterns, mut phrases) = (Vec::new(), Vec::new());
    for line in PHRASES.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let (Some(kind), Some(strength), Some(list)) = (fields.next(), fields.next(), fields.next()) else { continue };
        for written in list.split('|') {
            let bare = written.trim_start_matches('^').trim_end_matches(['+', '*']);
            patterns.push(bare.trim().to_lowercase());
            phrases.push(Phrase {
                kind,
                strength: strength.parse().unwrap_or(0.5),
                starts_sentence: written.starts_with('^'),
                needs_link: written.ends_with('+'),
                inflects: written.ends_with('*'),
            });
        }
    }
    let automaton = AhoCorasickBuilder::new().match_kind(MatchKind::Standard).build(&patterns);
    Table { automaton: automaton.unwrap_or_else(|e| unreachable!("phrases that are compiled in: {e}")), phrases }
});

/// The calls of a caption, from left to right. `links` are the URLs in it.
fn calls(text: &str, links: &[Range<usize>]) -> Vec<Call> {
    let lower = Lower::of(text);
    let mut found: Vec<Call> = Vec::new();
    for hit in TABLE.automaton.find_overlapping_iter(&lower.text) {
        let phrase = &TABLE.phrases[hit.pattern().as_usize()];
        let fits = (!phrase.needs_link || !links.is_empty())
            && stands_alone(&lower.text, hit.range(), phrase.inflects)
            && (!phrase.starts_sentence || starts_sentence(&lower.text, hit.start()));
        let span = lower.original(hit.range());
        let in_link = links.iter().any(|link| link.start < span.end && span.start < link.end);
        if fits && !in_link {
            found.push(Call { kind: phrase.kind, strength: phrase.strength, span });
        }
    }
    strongest(found)
}

/// Of calls that overlap, the longest; of equally long ones, the strongest.
fn strongest(mut found: Vec<Call>) -> Vec<Call> {
    found.sort_by(|a, b| b.span.len().cmp(&a.span.len()).then(b.strength.total_cmp(&a.strength)));
    let mut kept: Vec<Call> = Vec::new();
    for call in found {
        let overlaps = kept.iter().any(|k| k.span.start < call.span.end && call.span.start < k.span.end);
        if !overlaps {
            kept.push(call);
        }
    }
    kept.sort_by_key(|call| call.span.start);
    kept
}

/// The text in lower case, and where each of its bytes comes from.
struct Lower {
    text: String,
    /// Where lower case took another length: position here, position in the original.
    shifts: Vec<(usize, usize)>,
}

impl Lower {
    fn of(text: &str) -> Self {
        let (mut lower, mut shifts) = (String::with_capacity(text.len()), Vec::new());
        for (at, c) in text.char_indices() {
            let before = lower.len();
            match c {
                '’' | '‘' | 'ʼ' => lower.push('\''),
                c if c.is_ascii() => lower.push(c.to_ascii_lowercase()),
                c => lower.extend(c.to_lowercase()),
            }
            if lower.len() - before != c.len_utf8() {
                shifts.push((lower.len(), at + c.len_utf8()));
            }
        }
        Self { text: lower, shifts }
    }

    fn original(&self, range: Range<usize>) -> Range<usize> {
        self.at(range.start)..self.at(range.end)
    }

    fn at(&self, position: usize) -> usize {
        let last = self.shifts.partition_point(|(here, _)| *here <= position);
        last.checked_sub(1).map_or(position, |i| self.shifts[i].1 + (position - self.shifts[i].0))
    }
}

/// Letters of scripts that part no words stand alone wherever they stand.
fn is_word_letter(c: char) -> bool {
    c.is_alphanumeric() && !matches!(u32::from(c), 0xE00..=0xEFF | 0x2E80..=0x9FFF | 0xAC00..=0xD7AF)
}

fn stands_alone(text: &str, range: Range<usize>, inflects: bool) -> bool {
    let (head, phrase, tail) = (&text[..range.start], &text[range.clone()], &text[range.end..]);
    let letter = |c: Option<char>| c.is_some_and(is_word_letter);
    let begins = !(letter(phrase.chars().next()) && letter(head.chars().next_back()));
    let tagged = head.ends_with(['#', '@']);
    let ends = inflects || !(letter(phrase.chars().next_back()) && letter(tail.chars().next()));
    begins && ends && !tagged
}

/// Nothing but marks stands between here and the end of the sentence before, or of the names it is addressed to.
fn starts_sentence(text: &str, at: usize) -> bool {
    let head = text[..at].trim_end_matches([' ', '\u{a0}', '"', '“', '\'', '(', '¡']);
    let last = head.chars().next_back();
    let after_name = head.rsplit(char::is_whitespace).next().is_some_and(|word| word.starts_with('@'));
    let polite = ["please", "pls", "so", "and", "then", "now"]
        .iter()
        .any(|word| head.strip_suffix(word).is_some_and(|rest| !rest.ends_with(is_word_letter)));
    last.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, ',' | '#' | '-' | '/' | '&')) || after_name || polite
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(&'static str, &str)> {
        let links = text.match_indices("http").map(|(start, _)| start..text.len()).collect::<Vec<_>>();
        calls(text, &links).into_iter().map(|call| (call.kind, &text[call.span])).collect()
    }

    #[test]
    fn many_languages_ask() {
        for (text, kind) in [
            ("Cozy sweaters 🧶 link in bio!", "link_in_bio"),
            ("USE CODE SAVE10 at checkout", "use_code"),
            ("Jetzt bestellen: nur heute", "buy"),
            ("sígueme para más recetas", "follow"),
            ("Комментируйте, что думаете", "comment"),
            ("保存してね", "save"),
            ("지금 구매 하면 할인", "buy"),
            ("Bagikan ke teman kamu", "share"),
            ("so please follow me", "follow"),
            ("@anna Read our story: http://t.co/x", "learn_more"),
        ] {
            assert_eq!(read(text).first().map(|call| call.0), Some(kind), "{text}");
        }
    }

    #[test]
    fn plain_verbs_ask_nothing() {
        for text in
            ["I watch him try again", "we buy and sell", "the followers", "#follow #like", "@shop", "10 tips that work"]
        {
            assert_eq!(read(text), [], "{text}");
        }
    }

    #[test]
    fn places_survive_letters_that_change_their_length() {
        assert_eq!(read("İİ ẞ link in bio"), [("link_in_bio", "link in bio")]);
        assert_eq!(read("DON’T MISS it"), [("visit", "DON’T MISS")]);
    }
}
