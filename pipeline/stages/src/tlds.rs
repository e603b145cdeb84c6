//! The top-level domains of the root zone.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

static LIST: &str = include_str!("../data/tlds.txt");

struct Tlds {
    ascii: HashSet<&'static str>,
    /// Names that are not ASCII by their first character, longest first.
    international: HashMap<char, Vec<&'static str>>,
}

static TLDS: LazyLock<Tlds> = LazyLock::new(read);

fn read() -> Tlds {
    let mut tlds = Tlds { ascii: HashSet::new(), international: HashMap::new() };
    for name in LIST.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace) {
        match name.chars().next() {
            Some(first) if !name.is_ascii() => tlds.international.entry(first).or_default().push(name),
            _ => {
                tlds.ascii.insert(name);
            }
        }
    }
    for names in tlds.international.values_mut() {
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    }
    tlds
}

/// The length in bytes of the top-level domain at the start of `text`, in any case, also as `xn--…`. It must not run
/// on into ASCII letters, digits, `@`, `+` or `-`.
pub(crate) fn prefix(text: &str) -> Option<usize> {
    punycode(text).or_else(|| ascii(text)).or_else(|| international(text)).filter(|&len| len > 0)
}

fn punycode(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let rest = bytes.get(..4).filter(|head| head.eq_ignore_ascii_case(b"xn--")).map(|_| &bytes[4..])?;
    let run = run_length(rest);
    (run > 0).then_some(4 + run)
}

fn ascii(text: &str) -> Option<usize> {
    let run = run_length(text.as_bytes());
    let name = text.get(..run).filter(|name| (2..=24).contains(&name.len()) && ends(&text[name.len()..]))?;
    TLDS.ascii.contains(name.to_ascii_lowercase().as_str()).then_some(run)
}

fn international(text: &str) -> Option<usize> {
    let first = text.chars().next().and_then(|c| c.to_lowercase().next())?;
    TLDS.international.get(&first)?.iter().find_map(|name| {
        let len = folded_prefix(text, name)?;
        ends(&text[len..]).then_some(len)
    })
}

/// How much of `text` equals `name` without regard to case.
fn folded_prefix(text: &str, name: &str) -> Option<usize> {
    let mut rest = text.char_indices();
    for wanted in name.chars() {
        let (_, c) = rest.next()?;
        if c != wanted && c.to_lowercase().next() != Some(wanted) {
            return None;
        }
    }
    Some(rest.next().map_or(text.len(), |(at, _)| at))
}

fn run_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric()).count()
}

fn ends(rest: &str) -> bool {
    !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '+' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_unknown() {
        assert_eq!(prefix("com/x"), Some(3));
        assert_eq!(prefix("COMです"), Some(3));
        assert_eq!(prefix("пример"), None);
        assert_eq!(prefix("рф/"), Some("рф".len()));
        assert_eq!(prefix("РФ"), Some("РФ".len()));
        assert_eq!(prefix("xn--p1ai/"), Some(8));
        assert_eq!(prefix("vermögensberater"), Some("vermögensberater".len()));
        assert_eq!(prefix("comm"), None);
        assert_eq!(prefix("com@"), None);
        assert_eq!(prefix("1.com"), None);
        assert_eq!(prefix(""), None);
    }
}
