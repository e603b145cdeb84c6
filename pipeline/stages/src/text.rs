//! Character classes and spans that several stages share.

use tidelake_schemas::TextSpan;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// A finding of `text[start..end]` whose own text is `shown` (the slice, or the slice without its marker).
pub(crate) fn span(shown: &str, start: usize, end: usize) -> TextSpan {
    TextSpan { text: shown.to_owned(), start: offset(start), end: offset(end) }
}

/// A byte offset as the schema stores it.
pub(crate) fn offset(at: usize) -> i32 {
    i32::try_from(at).unwrap_or(i32::MAX)
}

/// The byte range of a finding.
pub(crate) fn range(found: &TextSpan) -> (usize, usize) {
    (usize::try_from(found.start).unwrap_or(0), usize::try_from(found.end).unwrap_or(0))
}

/// The byte ranges of findings.
pub(crate) fn ranges(found: &[TextSpan]) -> impl Iterator<Item = std::ops::Range<usize>> {
    found.iter().map(range).map(|(start, end)| start..end)
}

/// Do two half-open ranges share a byte?
pub(crate) fn overlap(a: (usize, usize), b: (usize, usize)) -> bool {
    a.0 < b.1 && b.0 < a.1
}

/// The character that ends at byte `at`.
pub(crate) fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

/// The character that starts at byte `at`.
pub(crate) fn after(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// A letter or a combining mark, of any script.
pub(crate) fn is_letter_or_mark(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    matches!(c.general_category_group(), GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark)
}

/// A decimal digit of any script.
pub(crate) fn is_digit(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    c.general_category() == unicode_properties::GeneralCategory::DecimalNumber
}

/// Accented Latin letters, as twitter-text counts them.
pub(crate) fn is_latin_accent(c: char) -> bool {
    matches!(c,
        '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{24f}' | '\u{253}' | '\u{254}' | '\u{256}'
        | '\u{257}' | '\u{259}' | '\u{25b}' | '\u{263}' | '\u{268}' | '\u{26f}' | '\u{272}' | '\u{289}'
        | '\u{28b}' | '\u{2bb}' | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}')
}

/// Invisible marks that set the direction of writing.
pub(crate) fn is_directional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// White space, with the Mongolian vowel separator that older Unicode counted as space.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{180e}'
}

/// Characters that are never text: byte-order marks and U+FFFF.
pub(crate) fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{feff}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        assert!(is_letter_or_mark('ß') && is_letter_or_mark('𠀡') && is_letter_or_mark('\u{94d}'));
        assert!(!is_letter_or_mark('1') && !is_letter_or_mark('〃') && !is_letter_or_mark('😀'));
        assert!(is_digit('１') && is_digit('٣') && !is_digit('½'));
        assert!(is_latin_accent('é') && !is_latin_accent('×') && !is_latin_accent('÷'));
    }

    #[test]
    fn ranges() {
        assert!(overlap((0, 2), (1, 3)) && !overlap((0, 2), (2, 3)));
        assert_eq!(range(&span("a", 1, 2)), (1, 2));
    }
}
