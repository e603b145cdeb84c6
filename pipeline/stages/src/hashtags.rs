//! Hashtags, by twitter-text's rules: letters, marks, digits and a few joining characters of any script, at least one
//! letter, not glued to a word before it, not the fragment of a URL.
//!
//! TikTok's difference: `#fyp#funny#cats` written without spaces is three hashtags, as the source itself lists them.
//! Under [`Adjacent::None`] such a chain holds none, as on Twitter.

use crate::source::{is_hash, merge};
use crate::text::{self, after, before, is_digit, is_letter_or_mark};
use crate::{Caption, Stage};
use tidelake_schemas::{CaptionFindings, TextSpan};

/// What hashtags written without a space between them are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adjacent {
    /// One hashtag each.
    #[default]
    Each,
    /// No hashtags.
    None,
}

/// Finds hashtags.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hashtags {
    /// The rule for chains.
    pub adjacent: Adjacent,
}

impl Stage for Hashtags {
    fn name(&self) -> &'static str {
        "hashtags"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let mut own = find(caption.text, self.adjacent);
        let urls: Vec<_> = findings.urls.iter().map(text::range).collect();
        own.retain(|tag| {
            let tag = text::range(tag);
            !urls.iter().any(|&url| url.0 <= tag.0 && text::overlap(url, tag))
        });
        findings.hashtags = merge(caption.text, caption.entities, "hashtag", own);
    }
}

fn find(text: &str, adjacent: Adjacent) -> Vec<TextSpan> {
    let mut tags = Vec::new();
    let mut chain = usize::MAX;
    let mut skip = 0;
    for (start, marker) in text.char_indices().filter(|&(_, c)| is_hash(c)) {
        if start < skip || !(start == chain || may_follow(before(text, start))) {
            continue;
        }
        let name = start + marker.len_utf8();
        let Some(body) = body(text, name) else {
            continue;
        };
        skip = body.end;
        if !is_closed(text, body.end, adjacent) {
            continue;
        }
        if body.letter {
            tags.push(text::span(&text[name..body.end], start, body.end));
        }
        // A number is no hashtag, but a chain goes on behind it.
        if body.letter || start == chain {
            chain = body.end;
        }
    }
    tags
}

/// May a hashtag follow this character?
fn may_follow(previous: Option<char>) -> bool {
    previous.is_none_or(|c| matches!(c, '\u{fe0e}' | '\u{fe0f}') || !(c == '&' || is_tag_char(c)))
}

/// What stands behind a marker.
struct Body {
    end: usize,
    letter: bool,
}

/// The characters at `name` that a hashtag may hold; `None` if there are none or `#` is part of a keycap.
fn body(text: &str, name: usize) -> Option<Body> {
    let rest = &text[name..];
    if rest.starts_with(['\u{fe0f}', '\u{20e3}']) {
        return None;
    }
    let mut body = Body { end: name, letter: false };
    for (at, c) in rest.char_indices() {
        if !is_tag_char(c) || starts_keycap(&rest[at..]) {
            break;
        }
        body.letter |= is_letter_or_mark(c);
        body.end = name + at + c.len_utf8();
    }
    (body.end > name).then_some(body)
}

fn starts_keycap(text: &str) -> bool {
    let rest = text.strip_prefix(|c: char| c.is_ascii_digit());
    rest.is_some_and(|rest| rest.strip_prefix('\u{fe0f}').unwrap_or(rest).starts_with('\u{20e3}'))
}

/// Does the hashtag end here, rather than being part of a URL or of `#a#`?
fn is_closed(text: &str, end: usize, adjacent: Adjacent) -> bool {
    match after(text, end) {
        Some(c) if is_hash(c) => adjacent == Adjacent::Each && body(text, end + c.len_utf8()).is_some(),
        _ => !text[end..].starts_with("://"),
    }
}

fn is_tag_char(c: char) -> bool {
    is_letter_or_mark(c) || is_digit(c) || is_joiner(c)
}

/// Characters that join a hashtag's words.
fn is_joiner(c: char) -> bool {
    matches!(
        c,
        '_' | '\u{200c}'
            | '\u{200d}'
            | '\u{a67e}'
            | '\u{5be}'
            | '\u{5f3}'
            | '\u{5f4}'
            | '\u{ff5e}'
            | '\u{301c}'
            | '\u{309b}'
            | '\u{309c}'
            | '\u{30a0}'
            | '\u{30fb}'
            | '\u{3003}'
            | '\u{f0b}'
            | '\u{f0c}'
            | '\u{b7}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str, adjacent: Adjacent) -> Vec<String> {
        find(text, adjacent).into_iter().map(|tag| tag.text).collect()
    }

    fn each(text: &str) -> Vec<String> {
        tags(text, Adjacent::Each)
    }

    #[test]
    fn chains() {
        assert_eq!(each("x #fyp#funny#猫"), ["fyp", "funny", "猫"]);
        assert_eq!(each("#fyp#"), [""; 0]);
        assert_eq!(each("#fyp#1000#cats #1#2"), ["fyp", "cats"]);
        assert_eq!(each("#1#cats"), [""; 0]);
        assert_eq!(tags("#fyp#funny", Adjacent::None), [""; 0]);
        assert_eq!(tags("#fyp #funny", Adjacent::None), ["fyp", "funny"]);
    }

    #[test]
    fn what_may_stand_before() {
        assert_eq!(each("a#b &#b ñ#b 1#b"), [""; 0]);
        assert_eq!(each("(#b) .#c ##d 😀#e ❤\u{fe0f}#f"), ["b", "c", "d", "e", "f"]);
    }

    #[test]
    fn what_a_name_holds() {
        assert_eq!(
            each("#été #naïve_1 #हिन्दी #한국어 #ไทย ＃全角"),
            ["été", "naïve_1", "हिन्दी", "한국어", "ไทย", "全角"]
        );
        assert_eq!(each("#1 #_ #2024"), [""; 0]);
        assert_eq!(each("#a-b #it's #c://d"), ["a", "it"]);
    }

    #[test]
    fn emoji_end_a_name() {
        assert_eq!(each("#love❤\u{fe0f} #fyp1\u{fe0f}\u{20e3} #\u{fe0f}\u{20e3}a #go🚀"), ["love", "fyp", "go"]);
    }
}
