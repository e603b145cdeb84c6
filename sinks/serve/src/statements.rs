//! Statements as they may be kept: without the values in them, which may name people.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// How much of a statement is kept, in characters.
const KEPT: usize = 4_000;

/// A statement without passwords: nothing after that word (`ALTER USER x PASSWORD '…'` is refused, but was sent).
pub(crate) fn without_passwords(sql: &str) -> String {
    let lower = sql.to_ascii_lowercase();
    let end = lower.find("password").map_or(sql.len(), |at| at + "password".len());
    cut(&sql[..end], sql.len())
}

/// A statement with `?` in place of every value, and without comments: what was asked, not about whom. Of a statement that
/// was not `understood`, names are values, too: they may be anything. `None` where the text cannot be read at all.
pub(crate) fn without_values(sql: &str, understood: bool) -> Option<String> {
    let tokens = Tokenizer::new(&GenericDialect, sql).tokenize().ok()?;
    let mut kept = String::with_capacity(sql.len());
    for token in tokens {
        match token {
            Token::EOF => {}
            // Comments are among them.
            Token::Whitespace(_) if kept.is_empty() || kept.ends_with(' ') => {}
            Token::Whitespace(_) => kept.push(' '),
            Token::Word(word) if understood || word.keyword != Keyword::NoKeyword => kept.push_str(&word.to_string()),
            Token::Placeholder(name) if understood => kept.push_str(&name),
            other => match other.to_string() {
                mark if mark.chars().all(|c| c.is_ascii_punctuation() && !matches!(c, '\'' | '"' | '`')) => {
                    kept.push_str(&mark);
                }
                _ => kept.push('?'),
            },
        }
    }
    let kept = kept.trim_end();
    Some(cut(kept, kept.len()))
}

/// No more of a text than is kept; `length` is what it had, in bytes.
fn cut(text: &str, length: usize) -> String {
    let mut kept: String = text.chars().take(KEPT).collect();
    if kept.len() < length {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_kept() {
        assert_eq!(without_passwords("ALTER USER anna Password 'hush'"), "ALTER USER anna Password…");
        assert_eq!(without_passwords("select 'é'"), "select 'é'");
        assert_eq!(without_passwords(&"é".repeat(5_000)).chars().count(), KEPT + 1);
    }

    #[test]
    fn values_are_not_kept() {
        for (sql, understood, kept) in [
            (
                "SELECT \"a\".x FROM t WHERE h = 'mia' -- of mia\n AND n >= -7.5",
                true,
                "SELECT \"a\".x FROM t WHERE h = ? AND n >= -?",
            ),
            ("SELECT E'mi\\'a', $$mia$$, X'00', N'mia', /* mia */ :who, $1", true, "SELECT ?, ?, ?, ?, :who, $1"),
            ("SELECT * FROM mia WHERE \"mia\" = mia.cooks", false, "SELECT * FROM ? WHERE ? = ?.?"),
            ("ALTER USER mia PASSWORD 'hush';", false, "ALTER USER ? PASSWORD ?;"),
            ("SELECT h IN ('a','b')", true, "SELECT h IN (?,?)"),
        ] {
            assert_eq!(without_values(sql, understood).as_deref(), Some(kept), "{sql}");
        }
        assert_eq!(without_values("SELECT 'mia", true), None);
        assert_eq!(without_values(&"a ".repeat(5_000), true).expect("words").chars().count(), KEPT + 1);
    }
}
