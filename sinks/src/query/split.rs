//! Cutting text into statements, the way people type them.

/// The statements of a text, without their semicolons, and what is left after the last one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Split<'a> {
    /// Finished statements, trimmed, empty ones left out.
    pub statements: Vec<&'a str>,
    /// What stands after the last semicolon, trimmed; empty when it is only space or comment.
    pub rest: &'a str,
    /// The text ends within a quotation or comment.
    pub open: bool,
}

/// Cuts at semicolons that do not stand in `'…'`, `"…"`, `-- …` or `/* … */`.
pub fn split(text: &str) -> Split<'_> {
    let mut split = Split::default();
    let (mut begin, mut at, mut content) = (0, 0, false);
    while let Some(c) = text.get(at..).and_then(|t| t.chars().next()) {
        let Some(after) = skip(text, at) else {
            split.open = true;
            content |= c != '-' && !text.get(at..).is_some_and(|t| t.starts_with("/*"));
            break;
        };
        let comment = after > at + c.len_utf8() && (c == '-' || c == '/');
        if c == ';' {
            split.statements.extend(content.then(|| text.get(begin..at).unwrap_or_default().trim()));
            (begin, content) = (after, false);
        } else {
            content |= !comment && !c.is_whitespace();
        }
        at = after;
    }
    if content {
        split.rest = text.get(begin..).unwrap_or_default().trim();
    }
    split
}

/// Every statement, the last one with or without its semicolon.
pub fn statements(text: &str) -> Vec<&str> {
    let split = split(text);
    let last = (!split.rest.is_empty()).then_some(split.rest);
    split.statements.into_iter().chain(last).collect()
}

/// Where the character, quotation or comment that begins here ends; `None` when it does not.
fn skip(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let first = rest.chars().next()?;
    let after = |opening: usize, closing: &str| {
        let found = rest.get(opening..)?.find(closing)?;
        Some(at + opening + found + closing.len())
    };
    match first {
        // A doubled quote closes and opens again: the same in the end.
        '\'' => after(1, "'"),
        '"' => after(1, "\""),
        '-' if rest.starts_with("--") => Some(rest.find('\n').map_or(text.len(), |n| at + n + 1)),
        '/' if rest.starts_with("/*") => after(2, "*/"),
        c => Some(at + c.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_semicolons_outside_quotes_and_comments() {
        let text = "SELECT ';' ; -- a; b\nSELECT \"x;y\" /* ; */ ;; SELECT 'it''s;'";
        assert_eq!(statements(text), ["SELECT ';'", "-- a; b\nSELECT \"x;y\" /* ; */", "SELECT 'it''s;'"]);
    }

    #[test]
    fn only_comments_are_no_statement() {
        assert!(statements("  -- nothing\n /* here */ ; ;").is_empty());
        assert_eq!(split("SELECT 1; -- done"), Split { statements: vec!["SELECT 1"], rest: "", open: false });
    }

    #[test]
    fn knows_when_more_must_come() {
        assert!(split("SELECT 'abc").open);
        assert!(split("SELECT 1 /* so").open);
        assert_eq!(split("SELECT 1").rest, "SELECT 1");
        assert_eq!(split("SELECT 'abc;").rest, "SELECT 'abc;");
        assert!(!split("SELECT 'é' ;").open);
    }
}
