//! Mentions, by twitter-text's rules for what may stand around them and TikTok's for the handle itself: letters, digits,
//! underscores and inner dots, at most 24 characters. A mention that opens a list path (`@a/b`) is none, nor is one
//! inside a URL.

use crate::source::{is_at, merge};
use crate::text::{self, after, is_latin_accent};
use crate::{Caption, Stage};
use tidelake_schemas::{CaptionFindings, TextSpan};

const MAX_HANDLE: usize = 24;

/// Finds mentions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mentions;

impl Stage for Mentions {
    fn name(&self) -> &'static str {
        "mentions"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let urls: Vec<_> = findings.urls.iter().map(text::range).collect();
        let mut own = find(caption.text);
        own.retain(|mention| !urls.iter().any(|&url| text::overlap(url, text::range(mention))));
        findings.mentions = merge(caption.text, caption.entities, "mention", own);
    }
}

fn find(text: &str) -> Vec<TextSpan> {
    text.char_indices()
        .filter(|&(_, c)| is_at(c))
        .filter(|&(start, _)| may_follow(&text[..start]))
        .filter_map(|(start, marker)| {
            let name = start + marker.len_utf8();
            let end = name + handle_length(&text[name..]);
            (end > name && is_closed(text, end)).then(|| text::span(&text[name..end], start, end))
        })
        .collect()
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// May a mention follow this text? Not after a word, another marker or `&`, but after `RT` and `RT:`.
fn may_follow(text: &str) -> bool {
    match text.chars().next_back() {
        None => true,
        Some(c) if c.is_ascii_alphanumeric() => is_retweet(text),
        Some(':') => true,
        Some(c) => !matches!(c, '_' | '!' | '#' | '$' | '%' | '&' | '*' | '@' | '＠'),
    }
}

fn is_retweet(text: &str) -> bool {
    let Some(at) = text.len().checked_sub(2).filter(|&at| text.is_char_boundary(at)) else {
        return false;
    };
    let ends = text[at..].eq_ignore_ascii_case("rt");
    ends && !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '~' | '.' | '-'))
}

/// The length of the handle at the start of `text`.
fn handle_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < MAX_HANDLE {
        match bytes.get(end) {
            Some(&b) if is_word(b) => end += 1,
            Some(b'.') if end > 0 && end + 1 < MAX_HANDLE && bytes.get(end + 1).is_some_and(|&b| is_word(b)) => {
                end += 2
            }
            _ => break,
        }
    }
    end
}

/// Is the mention whole, rather than part of an address, a longer word or a list path?
fn is_closed(text: &str, end: usize) -> bool {
    let rest = &text[end..];
    let list = rest.strip_prefix('/').is_some_and(|path| path.starts_with(|c: char| c.is_ascii_alphabetic()));
    let glued = after(text, end).is_some_and(|c| is_at(c) || is_latin_accent(c));
    !(list || glued || rest.starts_with("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str) -> Vec<String> {
        find(text).into_iter().map(|mention| mention.text).collect()
    }

    #[test]
    fn handles() {
        assert_eq!(mentions("@nasa.space, @e.l.f. and ＠a_1"), ["nasa.space", "e.l.f", "a_1"]);
        assert_eq!(mentions("@dope_adhi.10.08 @shaheer._.khan1 @x..."), ["dope_adhi.10.08", "shaheer._.khan1", "x"]);
        assert_eq!(mentions("@. @ @é"), [""; 0]);
        assert_eq!(mentions(&format!("@{}", "a".repeat(30))), ["a".repeat(24)]);
    }

    #[test]
    fn what_may_stand_around() {
        assert_eq!(mentions("me@example.com a@b _@b #@b &@b !@b @@b"), [""; 0]);
        assert_eq!(mentions("RT@a rt:@b (@c) 日本@d:@e .@f"), ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(mentions("@a@b @é @aé @a://b @a/list"), [""; 0]);
        assert_eq!(mentions("start@a cart@b"), [""; 0]);
    }
}
