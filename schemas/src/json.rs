//! Reading JSON that was not written by a JSON library: lone surrogates, byte-order marks.

use std::borrow::Cow;

/// Makes bytes readable for a strict parser without changing what they mean: drops a UTF-8 byte-order mark,
/// replaces invalid UTF-8 and escaped lone surrogates (`"\ud83d"`, which JavaScript writes when it cuts an emoji
/// in two) by U+FFFD. Bytes without such faults are returned as they are.
pub fn repair(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => repair_surrogates(text),
        Cow::Owned(text) => Cow::Owned(repair_surrogates(&text).into_owned()),
    }
}

/// Parses JSON leniently; see [`repair`].
///
/// # Errors
/// What serde_json says of text that is not JSON.
pub fn from_slice<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_str(&repair(bytes))
}

fn repair_surrogates(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(found) = bytes[at..].iter().position(|&b| b == b'\\') {
        let start = at + found;
        match escape_at(bytes, start) {
            Some(unit) if (0xD800..0xDC00).contains(&unit) => match escape_at(bytes, start + 6) {
                Some(low) if (0xDC00..0xE000).contains(&low) => at = start + 12,
                _ => {
                    out.push_str(&text[copied..start]);
                    out.push_str("\\ufffd");
                    (at, copied) = (start + 6, start + 6);
                }
            },
            Some(unit) if (0xDC00..0xE000).contains(&unit) => {
                out.push_str(&text[copied..start]);
                out.push_str("\\ufffd");
                (at, copied) = (start + 6, start + 6);
            }
            Some(_) => at = start + 6,
            // Another escape: skip the escaped character, which may itself be a backslash.
            None => at = (start + 2).min(bytes.len()),
        }
    }
    if copied == 0 && out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// The code unit of a `\uXXXX` escape that starts at `start`.
fn escape_at(bytes: &[u8], start: usize) -> Option<u32> {
    let escape = bytes.get(start..start + 6)?;
    if !escape.starts_with(b"\\u") || !escape[2..].iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digits = std::str::from_utf8(&escape[2..]).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> String {
        from_slice::<String>(json.as_bytes()).expect(json)
    }

    #[test]
    fn lone_surrogates_become_replacement_characters() {
        assert_eq!(read(r#""a\ud83d b""#), "a\u{fffd} b");
        assert_eq!(read(r#""\ude00""#), "\u{fffd}");
        assert_eq!(read(r#""\ud83d\ud83d\ude00""#), "\u{fffd}😀");
        assert_eq!(read(r#""\ud83d\u0041""#), "\u{fffd}A");
    }

    #[test]
    fn sound_text_is_untouched() {
        assert!(matches!(repair(br#"{"a":"\\ud83d \ud83d\ude00 \u0000"}"#), Cow::Borrowed(_)));
        assert_eq!(read(r#""\\ud83d""#), "\\ud83d");
        assert_eq!(read(r#""\u0000""#), "\0");
    }

    #[test]
    fn marks_and_broken_bytes() {
        assert_eq!(from_slice::<String>(b"\xef\xbb\xbf\"x\"").ok().as_deref(), Some("x"));
        assert_eq!(from_slice::<String>(b"\"\xff\"").ok().as_deref(), Some("\u{fffd}"));
    }
}
