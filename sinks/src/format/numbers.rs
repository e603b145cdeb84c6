//! Which integers must not be written as numbers.

use arrow::datatypes::DataType;

/// Beyond this, doubles skip integers.
const EXACT: u64 = 1 << 53;

/// Whether a column or field of this name holds ids.
pub(super) fn is_id(name: &str) -> bool {
    let name = name.rsplit('.').next().unwrap_or(name);
    let ends = |tail: &str| {
        name.len() > tail.len() && name.get(name.len() - tail.len()..).is_some_and(|t| t.eq_ignore_ascii_case(tail))
    };
    name.eq_ignore_ascii_case("id") || ends("_id") || ends("_ids")
}

/// Whether this integer survives a reader that has only doubles.
pub(super) fn is_exact(magnitude: u64) -> bool {
    magnitude <= EXACT
}

/// Numbers, for alignment and quoting; ids are names made of digits.
pub(super) fn is_number(kind: &DataType) -> bool {
    kind.is_numeric()
}

/// Texts.
pub(super) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_text(value),
        other => other.is_string(),
    }
}

/// Types whose values contain values.
pub(super) fn is_nested(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_nested(value),
        other => other.is_nested(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_by_their_name() {
        for name in ["id", "ID", "video_id", "effect_ids", "videos.video_id", "author_ID"] {
            assert!(is_id(name), "{name}");
        }
        for name in ["paid", "identity", "views", "_idle", "grid", ""] {
            assert!(!is_id(name), "{name}");
        }
    }

    #[test]
    fn two_to_the_fifty_third_is_the_last_exact_one() {
        assert!(is_exact(1 << 53));
        assert!(!is_exact((1 << 53) + 1));
    }
}
