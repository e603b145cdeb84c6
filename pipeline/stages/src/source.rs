//! Spans the source itself marks in a caption. They win over anything found here.

use crate::text;
use tidelake_schemas::{CaptionEntity, TextSpan};

/// A marker that may open a hashtag.
pub(crate) fn is_hash(c: char) -> bool {
    matches!(c, '#' | '＃')
}

/// A marker that may open a mention.
pub(crate) fn is_at(c: char) -> bool {
    matches!(c, '@' | '＠')
}

/// The source's spans of one kind that really point at marked text, in order of appearance, none overlapping.
pub(crate) fn marked(text: &str, entities: &[CaptionEntity], kind: &str) -> Vec<TextSpan> {
    let mut found: Vec<TextSpan> =
        entities.iter().filter(|entity| entity.kind == kind).filter_map(|entity| fit(text, entity)).collect();
    found.sort_by_key(|span| (span.start, span.end));
    let mut end = 0;
    found.retain(|span| {
        let keep = span.start >= end;
        if keep {
            end = span.end;
        }
        keep
    });
    found
}

/// The byte ranges of every source-marked span.
pub(crate) fn taken(text: &str, entities: &[CaptionEntity]) -> Vec<(usize, usize)> {
    if entities.is_empty() {
        return Vec::new();
    }
    ["hashtag", "mention"].iter().flat_map(|kind| marked(text, entities, kind)).map(|span| text::range(&span)).collect()
}

/// Puts the source's spans of `kind` in front of `own` findings and drops own findings that any source span covers.
pub(crate) fn merge(text: &str, entities: &[CaptionEntity], kind: &str, own: Vec<TextSpan>) -> Vec<TextSpan> {
    if entities.is_empty() {
        return own;
    }
    let taken = taken(text, entities);
    let mut all = marked(text, entities, kind);
    all.extend(own.into_iter().filter(|span| free(&taken, text::range(span))));
    all.sort_by_key(|span| span.start);
    all
}

/// Is a range clear of all taken ones?
pub(crate) fn free(taken: &[(usize, usize)], range: (usize, usize)) -> bool {
    !taken.iter().any(|&other| text::overlap(other, range))
}

/// The entity as a byte span, if it lies within the text, on character boundaries, and starts with its marker.
fn fit(caption: &str, entity: &CaptionEntity) -> Option<TextSpan> {
    let start = byte_offset(caption, usize::try_from(entity.start_utf16).ok()?)?;
    let end = byte_offset(caption, usize::try_from(entity.end_utf16).ok()?)?;
    let slice = caption.get(start..end)?.trim_end();
    let marker = slice.chars().next()?;
    let name = &slice[marker.len_utf8()..];
    let fits = match entity.kind.as_str() {
        "hashtag" => is_hash(marker) && !name.chars().any(|c| text::is_space(c) || is_hash(c)),
        _ => is_at(marker) && !name.starts_with(text::is_space) && !name.contains(['\n', '\r']),
    };
    (fits && !name.is_empty()).then(|| text::span(name, start, start + slice.len()))
}

/// The byte offset of a UTF-16 offset; `None` beyond the end or inside a surrogate pair.
fn byte_offset(text: &str, utf16: usize) -> Option<usize> {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        if units >= utf16 {
            return (units == utf16).then_some(at);
        }
        units += c.len_utf16();
    }
    (units == utf16).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(kind: &str, start: i32, end: i32) -> CaptionEntity {
        CaptionEntity { kind: kind.into(), start_utf16: start, end_utf16: end, ..CaptionEntity::default() }
    }

    #[test]
    fn offsets_are_utf16() {
        let text = "😀 #a b";
        assert_eq!(byte_offset(text, 0), Some(0));
        assert_eq!(byte_offset(text, 1), None);
        assert_eq!(byte_offset(text, 2), Some(4));
        assert_eq!(byte_offset(text, 7), Some(text.len()));
        assert_eq!(byte_offset(text, 8), None);
    }

    #[test]
    fn a_mention_may_hold_spaces() {
        let found = marked("hi @Kai Cenat !", &[entity("mention", 3, 13)], "mention");
        assert_eq!(found, [text::span("Kai Cenat", 3, 13)]);
    }

    #[test]
    fn spans_that_do_not_fit_are_ignored() {
        let text = "😀 #ab";
        let wrong = [
            entity("hashtag", -1, 4),
            entity("hashtag", 3, 99),
            entity("hashtag", 1, 6),
            entity("hashtag", 4, 6),
            entity("hashtag", 6, 3),
            entity("hashtag", 3, 4),
            entity("mention", 3, 6),
        ];
        assert!(marked(text, &wrong, "hashtag").is_empty());
        assert!(marked(text, &wrong, "mention").is_empty());
        assert_eq!(
            marked(text, &[entity("hashtag", 3, 6), entity("hashtag", 3, 5)], "hashtag"),
            [text::span("a", 5, 7)]
        );
    }
}
