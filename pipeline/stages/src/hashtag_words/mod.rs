//! The words of hashtags that run several together: `#smallbusinesscheck` is "small business check".
//!
//! A tag is parted first by what its author shows (underscores, capitals, digits, a change of script), then each part
//! by the model in `model.rs`, which knows English, the platform's words, and the words of the caption around the tag.

mod model;

use crate::script;
use crate::text::{is_digit, is_letter_or_mark, ranges};
use crate::{Caption, Stage};
use std::cell::LazyCell;
use tidelake_schemas::{CaptionFindings, Language, TextSpan};

/// Shorter parts are not cut.
const SHORTEST: usize = 5;
/// Shorter words of the caption are no help: they occur in every string.
const SHORTEST_OWN: usize = 3;

/// A less certain verdict on the language does not speak against English.
const SURE: f64 = 0.7;

/// The stage: words of hashtags.
#[derive(Clone, Copy, Debug, Default)]
pub struct HashtagWords;

impl Stage for HashtagWords {
    fn name(&self) -> &'static str {
        "hashtag_words"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        if findings.hashtags.is_empty() {
            return;
        }
        let own = LazyCell::new(|| own_words(caption.text, &findings.hashtags));
        let english = is_english(&findings.language);
        findings.hashtag_words = findings
            .hashtags
            .iter()
            .filter_map(|tag| {
                let words = words(&tag.text, || &own, english);
                (words.len() > 1).then(|| TextSpan { text: words.join(" "), ..tag.clone() })
            })
            .collect();
    }
}

/// English, or nothing that speaks against it.
fn is_english(language: &Language) -> bool {
    matches!(language.code.as_str(), "en" | "und") || language.confidence < SURE
}

/// The caption's words outside its hashtags, in lower case.
fn own_words(text: &str, hashtags: &[TextSpan]) -> Vec<String> {
    let (mut own, mut from) = (Vec::new(), 0);
    for tag in ranges(hashtags).chain(std::iter::once(text.len()..text.len())) {
        let words = text.get(from..tag.start).unwrap_or_default().split(|c| !is_letter_or_mark(c));
        own.extend(words.filter(|word| word.chars().nth(SHORTEST_OWN - 1).is_some()).map(str::to_lowercase));
        from = tag.end;
    }
    own
}

/// The words of a tag, in lower case.
fn words<'a>(tag: &str, own: impl Fn() -> &'a [String], english: bool) -> Vec<String> {
    let mut words = Vec::new();
    for part in parts(tag) {
        let whole = part.chars().count() < SHORTEST || part.starts_with(is_digit) || model::is_word(&part);
        let cut = if whole { None } else { model::cut(&part, own(), english) };
        match cut {
            Some(cut) => words.extend(cut.into_iter().map(str::to_owned)),
            None => words.push(part),
        }
    }
    if words.iter().all(|word| word.chars().count() < 2) { Vec::new() } else { words }
}

/// What a character is to the one beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Letter(script::Script),
    Digit,
    Gap,
}

fn class(c: char) -> Option<Class> {
    match c {
        '_' | '·' | '・' | '\u{200c}' => Some(Class::Gap),
        c if c.is_uppercase() => Some(Class::Upper),
        c if is_digit(c) => Some(Class::Digit),
        c => script::of(c).map(Class::Letter),
    }
}

/// A tag parted where its author parts it, in lower case.
fn parts(tag: &str) -> Vec<String> {
    let mut parts: Vec<Part> = Vec::new();
    let mut last = Class::Gap;
    let mut capitals = 0;
    for (at, c) in tag.char_indices() {
        let Some(class) = class(c) else { continue };
        match (last, class) {
            (_, Class::Gap) => {}
            // The last capital of "TFBorn" begins a word; a single one before it ("ILove") is left to the model.
            (Class::Upper, Class::Letter(_)) if capitals > 2 => {
                let start = tag[..at].char_indices().next_back().map_or(at, |(i, _)| i);
                parts.push(Part { start, glued: true });
            }
            (Class::Upper, Class::Letter(_)) => {}
            (before, now) if before == now => {}
            (before, _) => parts.push(Part { start: at, glued: before != Class::Gap }),
        }
        capitals = if class == Class::Upper { capitals + 1 } else { 0 };
        last = class;
    }
    assemble(tag, &parts)
}

/// Where a part of a tag begins, and whether it touches the one before.
struct Part {
    start: usize,
    glued: bool,
}

/// Puts together again what belongs together: "TikTok", "iPhone", "2nd", "4k", "ps5".
fn assemble(tag: &str, parts: &[Part]) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let end = parts.get(i + 1).map_or(tag.len(), |next| next.start);
        let text = tag[part.start..end].trim_end_matches(|c| class(c) == Some(Class::Gap)).to_lowercase();
        match whole.last_mut() {
            Some(before) if part.glued && belong_together(before, &text) => before.push_str(&text),
            // "90skids": the decade's s.
            Some(before)
                if part.glued
                    && before.len() > 1
                    && before.ends_with('0')
                    && text.len() > 4
                    && text.starts_with('s') =>
            {
                before.push('s');
                whole.push(text[1..].to_owned());
            }
            _ => whole.push(text),
        }
    }
    whole
}

fn belong_together(before: &str, text: &str) -> bool {
    let short = |word: &str, most: usize| word.chars().count() <= most;
    match (before.ends_with(is_digit), text.starts_with(is_digit)) {
        (true, false) => short(text, 1) || matches!(text, "st" | "nd" | "rd" | "th"),
        (false, true) => short(before, 2) && !model::is_word(before),
        (true, true) => false,
        (false, false) => {
            short(before, 1) && before != "a" || short(text, 1) || model::is_word(&format!("{before}{text}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stages, text::span};

    fn of(tag: &str) -> String {
        words(tag, || &[], true).join(" ")
    }

    #[test]
    fn authors_show_the_words() {
        for (tag, words) in [
            ("SmallBusinessCheck", "small business check"),
            ("TFBornThisWay", "tf born this way"),
            ("TikTokMadeMeBuyIt", "tiktok made me buy it"),
            ("ILoveYou", "i love you"),
            ("day_in_my_life", "day in my life"),
            ("RecetasFáciles", "recetas fáciles"),
            ("ДеньПобеды", "день победы"),
            ("fypシ", "fypシ"),
            ("BookTok", "booktok"),
            ("iPhone", "iphone"),
        ] {
            assert_eq!(of(tag), words, "{tag}");
        }
    }

    #[test]
    fn digits() {
        for (tag, words) in [
            ("top10", "top 10"),
            ("iphone15", "iphone 15"),
            ("4in1", "4 in 1"),
            ("2nd", "2nd"),
            ("4u", "4u"),
            ("ps5", "ps5"),
            ("100daychallenge", "100 day challenge"),
            ("30thang4", "30 thang 4"),
            ("2024", "2024"),
            ("90skids", "90s kids"),
            ("1_2_3", ""),
        ] {
            assert_eq!(of(tag), words, "{tag}");
        }
    }

    #[test]
    fn only_several_words_are_reported() {
        let found = Stages::standard().run(&Caption::plain("hi #dog #smallbusiness #Kyoto2024 #_ #été")).findings;
        let found = found.hashtag_words;
        assert_eq!(found, [span("small business", 8, 22), span("kyoto 2024", 23, 33)]);
    }
}
