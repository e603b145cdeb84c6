//! Emoji, whole sequences as Unicode's emoji data lists them: flags, keycaps, skin tones, joined families.
//!
//! A character that shows as text unless told otherwise (`❤`, `☀`) counts when Unicode lists it as an emoji, with or
//! without its variation selector; `©`, `®`, `™`, digits, `#` and `*` count only with it, and nothing counts that is
//! followed by the text selector.

use crate::text;
use crate::{Caption, Stage};
use tidelake_schemas::CaptionFindings;

const ZWJ: char = '\u{200d}';
const EMOJI_SELECTOR: char = '\u{fe0f}';
const TEXT_SELECTOR: char = '\u{fe0e}';
const KEYCAP: char = '\u{20e3}';
/// More joined elements than any emoji has; keeps hostile captions cheap.
const MAX_ELEMENTS: usize = 10;

/// Finds emoji.
#[derive(Clone, Copy, Debug, Default)]
pub struct Emojis;

impl Stage for Emojis {
    fn name(&self) -> &'static str {
        "emojis"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        findings.emojis = find(caption.text)
            .into_iter()
            .map(|(start, end)| text::span(&caption.text[start..end], start, end))
            .collect();
    }
}

/// The byte ranges of all emoji, in order.
pub(crate) fn find(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skipped) = text[at..].find(may_start) {
        let start = at + skipped;
        match emoji_length(&text[start..]) {
            Some(len) => {
                found.push((start, start + len));
                at = start + len;
            }
            None => at = start + text::after(text, start).map_or(1, char::len_utf8),
        }
    }
    found
}

fn may_start(c: char) -> bool {
    matches!(c, '#' | '*' | '0'..='9' | '\u{a9}' | '\u{ae}' | '\u{203c}'..='\u{3299}' | '\u{1f000}'..='\u{1ffff}')
}

/// The length of the longest emoji at the start of `text`.
fn emoji_length(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first.is_ascii() && !is_keycap(&text[1..]) {
        return None;
    }
    element_ends(text).into_iter().rev().find(|&end| is_emoji(text, end))
}

fn is_keycap(rest: &str) -> bool {
    rest.strip_prefix(EMOJI_SELECTOR).unwrap_or(rest).starts_with(KEYCAP)
}

/// Where `text`'s leading sequence of joined elements may end, shortest first.
fn element_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    for _ in 0..MAX_ELEMENTS {
        let Some(c) = text::after(text, at) else {
            break;
        };
        let base = at + c.len_utf8();
        ends.push(base);
        let element = element_end(text, at, c);
        if element != base {
            ends.push(element);
        }
        match text[element..].strip_prefix(ZWJ) {
            Some(rest) if rest.starts_with(may_start) => at = element + ZWJ.len_utf8(),
            _ => break,
        }
    }
    ends
}

/// The end of one element: a flag, or a character with its modifiers.
fn element_end(text: &str, at: usize, first: char) -> usize {
    let base = at + first.len_utf8();
    if is_regional(first) {
        return base + text::after(text, base).filter(|&c| is_regional(c)).map_or(0, char::len_utf8);
    }
    let rest = &text[base..];
    base + rest.find(|c| !is_modifier(c)).unwrap_or(rest.len())
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_modifier(c: char) -> bool {
    is_skin_tone(c) || matches!(c, EMOJI_SELECTOR | KEYCAP | '\u{e0020}'..='\u{e007f}')
}

/// Is `text[..end]` an emoji where it stands?
fn is_emoji(text: &str, end: usize) -> bool {
    let slice = &text[..end];
    if text[end..].starts_with(TEXT_SELECTOR) {
        return false;
    }
    let mut chars = slice.chars();
    match (chars.next(), chars.next()) {
        (Some('\u{a9}' | '\u{ae}' | '\u{2122}'), None) => false,
        (Some(c), None) if is_skin_tone(c) => true,
        _ => emojis::get(slice).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emoji(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|(start, end)| &text[start..end]).collect()
    }

    #[test]
    fn sequences_stay_whole() {
        let whole = ["👨‍👩‍👧‍👦", "👍🏽", "🇩🇪", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "3️⃣", "#️⃣", "❤️", "❤️‍🔥", "👩🏾‍🚀", "🏳️‍🌈", "❤", "⭐"];
        for one in whole {
            assert_eq!(emoji(one), [one]);
            assert_eq!(emoji(&format!("a{one}{one}1")), [one, one]);
        }
    }

    #[test]
    fn text_is_not_emoji() {
        assert_eq!(emoji("1 # * © ™ ® ★ → € ½ 漢字"), [""; 0]);
        assert_eq!(emoji("❤\u{fe0e} ✌\u{fe0e}"), [""; 0]);
        assert_eq!(emoji("©\u{fe0f} ™\u{fe0f}"), ["©\u{fe0f}", "™\u{fe0f}"]);
    }

    #[test]
    fn what_does_not_belong_together_is_split() {
        assert_eq!(emoji("🍕🏽"), ["🍕", "🏽"]);
        assert_eq!(emoji("🍕\u{200d}🐶"), ["🍕", "🐶"]);
        assert_eq!(emoji("🇩🇪🇫🇷🇩"), ["🇩🇪", "🇫🇷"]);
    }
}
