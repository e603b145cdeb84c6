//! URLs, with or without protocol, by twitter-text's rules.
//!
//! A domain is made of labels of any script, the last one a known top-level domain. Without a protocol only the
//! ASCII part of the domain counts, so a URL may stand between Chinese or Japanese words without spaces.

use crate::text::{self, after, before, is_directional, is_latin_accent, is_noncharacter, is_space};
use crate::{Caption, Stage, source, tlds};
use tidelake_schemas::CaptionFindings;

const MAX_URL_CHARS: usize = 4096;
const MAX_TCO_SLUG: usize = 40;
const MAX_LABEL_CHARS: usize = 63;
/// More labels than any real domain holds; keeps hostile captions cheap.
const MAX_LABELS: usize = 128;

/// Finds URLs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Urls;

impl Stage for Urls {
    fn name(&self) -> &'static str {
        "urls"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let taken = source::taken(caption.text, caption.entities);
        findings.urls = find(caption.text)
            .into_iter()
            .filter(|&range| source::free(&taken, range))
            .map(|(start, end)| text::span(&caption.text[start..end], start, end))
            .collect();
    }
}

/// The byte ranges of all URLs, in order.
pub(crate) fn find(text: &str) -> Vec<(usize, usize)> {
    let mut urls = Vec::new();
    if !text.contains('.') {
        return urls;
    }
    let mut regions = Regions::new(text);
    let mut at = 0;
    while at <= text.len() {
        if let Some(found) = match_around(text, at, &mut regions) {
            found.collect_into(text, &mut urls);
            at = found.end.max(at + 1);
        } else {
            at += after(text, at).map_or(1, char::len_utf8);
        }
    }
    urls
}

/// What the pattern matched, before the last checks.
struct Match {
    start: usize,
    protocol: bool,
    domain: (usize, usize),
    path: bool,
    end: usize,
}

/// Tries a match whose preceding character stands at `at`, then one that starts a line at `at`.
fn match_around(text: &str, at: usize, regions: &mut Regions<'_>) -> Option<Match> {
    let here = after(text, at);
    if let Some(c) = here.filter(|&c| may_precede(c))
        && let Some(found) = match_at(text, at + c.len_utf8(), regions)
    {
        return Some(found);
    }
    let line_start = at == 0 || before(text, at) == Some('\n');
    if line_start { match_at(text, at, regions) } else { None }
}

fn may_precede(c: char) -> bool {
    !(c.is_ascii_alphanumeric() || matches!(c, '@' | '＠' | '$' | '#' | '＃') || is_noncharacter(c))
}

fn match_at(text: &str, start: usize, regions: &mut Regions<'_>) -> Option<Match> {
    let protocol = protocol_length(&text[start..]);
    if protocol > 0
        && let Some(end) = domain_end(text, start + protocol, regions)
    {
        return Some(finish(text, start, true, (start + protocol, end)));
    }
    let end = domain_end(text, start, regions)?;
    Some(finish(text, start, false, (start, end)))
}

/// `http://` or `https://`, in any case.
fn protocol_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    ["https://", "http://"]
        .iter()
        .find(|scheme| bytes.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme.as_bytes())))
        .map_or(0, |scheme| scheme.len())
}

fn finish(text: &str, start: usize, protocol: bool, domain: (usize, usize)) -> Match {
    let after_port = port_end(text, domain.1);
    let after_path = path_end(text, after_port);
    let end = query_end(text, after_path);
    Match { start, protocol, domain, path: after_path > after_port, end }
}

fn port_end(text: &str, at: usize) -> usize {
    let Some(rest) = text[at..].strip_prefix(':') else {
        return at;
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 { at } else { at + 1 + digits }
}

/// The end of `/path`, trimmed of trailing punctuation; balanced parentheses may stand in it.
fn path_end(text: &str, at: usize) -> usize {
    if !text[at..].starts_with('/') {
        return at;
    }
    let mut end = at + 1;
    let mut position = at + 1;
    while let Some(c) = after(text, position) {
        if is_path_char(c) {
            position += c.len_utf8();
            if is_path_end(c) {
                end = position;
            }
        } else if let Some(len) = balanced_parens(&text[position..]) {
            position += len;
            end = position;
        } else {
            break;
        }
    }
    end
}

fn is_path_char(c: char) -> bool {
    is_path_end(c)
        || is_dash(c)
        || matches!(c, '!' | '*' | '\'' | ';' | ':' | ',' | '.' | '$' | '%' | '[' | ']' | '~' | '&' | '|' | '@')
}

fn is_path_end(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '=' | '_' | '#' | '/' | '+' | '-') || is_cyrillic(c) || is_latin_accent(c)
}

fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8a}' | '\u{1d2b}' | '\u{1d78}' | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}')
}

fn is_dash(c: char) -> bool {
    matches!(
        c,
        '-' | '\u{58a}' | '\u{5be}' | '\u{1400}' | '\u{1806}' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2e17}'
                | '\u{2e1a}'
                | '\u{2e3a}'
                | '\u{2e3b}'
                | '\u{301c}'
                | '\u{3030}'
                | '\u{30a0}'
                | '\u{fe31}'
                | '\u{fe32}'
                | '\u{fe58}'
                | '\u{fe63}'
                | '\u{ff0d}'
    )
}

/// The length of `(…)` at the start of `text`, with at most one pair nested in it.
fn balanced_parens(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('(')?;
    let first = path_run(inside);
    if inside[first..].starts_with(')') {
        return (first > 0).then_some(first + 2);
    }
    let nested = inside[first..].strip_prefix('(')?;
    let second = path_run(nested);
    let rest = nested[second..].strip_prefix(')').filter(|_| second > 0)?;
    let third = path_run(rest);
    rest[third..].starts_with(')').then_some(first + second + third + 4)
}

fn path_run(text: &str) -> usize {
    text.find(|c| !is_path_char(c)).unwrap_or(text.len())
}

/// The end of `?query`, trimmed of trailing punctuation.
fn query_end(text: &str, at: usize) -> usize {
    let Some(rest) = text[at..].strip_prefix('?') else {
        return at;
    };
    let run = rest.bytes().take_while(|&b| is_query_byte(b)).count();
    let kept = rest.as_bytes()[..run].iter().rposition(|&b| is_query_end(b));
    kept.map_or(at, |last| at + 1 + last + 1)
}

fn is_query_byte(b: u8) -> bool {
    is_query_end(b) || b"!?*'();:+$%[].,~|@".contains(&b)
}

fn is_query_end(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_&=#/-".contains(&b)
}

impl Match {
    fn collect_into(&self, text: &str, urls: &mut Vec<(usize, usize)>) {
        if self.protocol {
            urls.extend(self.with_protocol(text));
        } else {
            self.without_protocol(text, urls);
        }
    }

    /// A `t.co` link ends with its slug, whatever follows.
    fn with_protocol(&self, text: &str) -> Option<(usize, usize)> {
        let mut end = self.end;
        if let Some(slug) = tco_slug(text, self.domain.0) {
            if slug > MAX_TCO_SLUG {
                return None;
            }
            end = self.domain.0 + "t.co/".len() + slug;
        }
        valid_domain(text, self.domain, end - self.start).then_some((self.start, end))
    }

    /// The ASCII domains within the domain; the last one gets the path.
    fn without_protocol(&self, text: &str, urls: &mut Vec<(usize, usize)>) {
        if matches!(before(text, self.start), Some('-' | '_' | '.' | '/')) {
            return;
        }
        let first = urls.len();
        let mut at = self.domain.0;
        while at < self.domain.1 {
            match ascii_domain_end(&text[..self.domain.1], at) {
                Some(end) => {
                    if valid_domain(text, (at, end), self.end - self.start) {
                        urls.push((at, end));
                    }
                    at = end;
                }
                None => at += after(text, at).map_or(1, char::len_utf8),
            }
        }
        if self.path
            && urls.len() > first
            && let Some(last) = urls.last_mut()
        {
            last.1 = self.end;
        }
    }
}

fn tco_slug(text: &str, domain: usize) -> Option<usize> {
    let bytes = &text.as_bytes()[domain..];
    let slug = bytes.get(..5).filter(|head| head.eq_ignore_ascii_case(b"t.co/")).map(|_| &bytes[5..])?;
    let len = slug.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    (len > 0).then_some(len)
}

fn valid_domain(text: &str, domain: (usize, usize), url_bytes: usize) -> bool {
    url_bytes <= MAX_URL_CHARS
        && text[domain.0..domain.1]
            .split('.')
            .all(|label| label.len() <= MAX_LABEL_CHARS || label.chars().count() <= MAX_LABEL_CHARS)
}

/// The end of the longest ASCII (or accented Latin) domain that starts at `at`.
fn ascii_domain_end(text: &str, at: usize) -> Option<usize> {
    let mut best = None;
    let mut label = at;
    loop {
        let run = text[label..].find(|c: char| !is_ascii_domain_char(c)).unwrap_or(text.len() - label);
        let dot = label + run;
        if run == 0 || !text[dot..].starts_with('.') {
            return best;
        }
        label = dot + 1;
        if let Some(len) = tlds::prefix(&text[label..]) {
            best = Some(label + len);
        }
    }
}

fn is_ascii_domain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || is_latin_accent(c)
}

/// The end of the longest valid domain that starts at `start`.
fn domain_end(text: &str, start: usize, regions: &mut Regions<'_>) -> Option<usize> {
    let mut best = None;
    let mut label = start;
    for dot in regions.dots_from(start).iter().take(MAX_LABELS) {
        let name = &text[label..dot.at];
        if !is_subdomain(name) {
            break;
        }
        if !name.contains('_') {
            best = dot.domain_end.or(best);
        }
        label = dot.at + 1;
    }
    best
}

fn is_subdomain(label: &str) -> bool {
    !label.is_empty() && !label.starts_with(['-', '_']) && !label.ends_with(['-', '_'])
}

fn is_label_char(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    !(is_directional(c) || is_noncharacter(c) || is_space(c))
}

/// A dot within a run.
struct Dot {
    at: usize,
    /// Where a domain ends whose top-level domain follows this dot.
    domain_end: Option<usize>,
}

/// Runs of characters that a domain may be made of. Remembers the current one, so that trying every start within a
/// long run does not cost a walk each.
struct Regions<'a> {
    text: &'a str,
    current: (usize, usize),
    /// The run's dots up to the last that a top-level domain follows.
    dots: Vec<Dot>,
}

impl<'a> Regions<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, current: (0, 0), dots: Vec::new() }
    }

    /// The dots at or after `start` in its run.
    fn dots_from(&mut self, start: usize) -> &[Dot] {
        if start < self.current.0 || start >= self.current.1 {
            self.enter(start);
        }
        let passed = self.dots.partition_point(|dot| dot.at < start);
        &self.dots[passed..]
    }

    fn enter(&mut self, start: usize) {
        let rest = &self.text[start..];
        let run = rest.find(|c: char| !(is_label_char(c) || matches!(c, '-' | '_' | '.'))).unwrap_or(rest.len());
        self.current = (start, start + run);
        self.dots.clear();
        for (offset, _) in rest[..run].match_indices('.') {
            let behind = start + offset + 1;
            let domain_end = tlds::prefix(&self.text[behind..]).map(|len| behind + len);
            self.dots.push(Dot { at: start + offset, domain_end });
        }
        let hopeful = self.dots.iter().rposition(|dot| dot.domain_end.is_some()).map_or(0, |last| last + 1);
        self.dots.truncate(hopeful);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|(start, end)| &text[start..end]).collect()
    }

    #[test]
    fn protocols_ports_paths_queries() {
        assert_eq!(urls("see HTTP://Example.com:80/a?b=c."), ["HTTP://Example.com:80/a?b=c"]);
        assert_eq!(urls("(https://example.com/a_(b)_c)"), ["https://example.com/a_(b)_c"]);
        assert_eq!(urls("http://example.com/x(y(z))."), ["http://example.com/x(y(z))"]);
        assert_eq!(
            urls("http://example.com/a, http://example.com/b!"),
            ["http://example.com/a", "http://example.com/b"]
        );
        assert_eq!(urls("example.com?x=1"), ["example.com"]);
        assert_eq!(urls("example.com/?x=1"), ["example.com/?x=1"]);
        assert_eq!(urls("http://example.com?x=1"), ["http://example.com?x=1"]);
    }

    #[test]
    fn no_spaces_needed_around_ascii_domains() {
        assert_eq!(urls("今日はexample.co.jpです"), ["example.co.jp"]);
        assert_eq!(urls("見てhttps://example.com/a見て"), ["https://example.com/a"]);
        assert_eq!(urls("a.comと、b.com"), ["a.com", "b.com"]);
    }

    #[test]
    fn other_scripts_need_a_protocol() {
        assert_eq!(urls("http://пример.рф/путь"), ["http://пример.рф/путь"]);
        assert!(urls("пример.рф").is_empty());
    }

    #[test]
    fn not_urls() {
        for text in [
            "a.b",
            "e.g. this",
            "me@example.com",
            "$example.com",
            "#example.com",
            "1.5",
            "...",
            "-example.com",
            "http://",
            "www.",
            "x_y.com_",
        ] {
            let found = urls(text);
            assert!(found.is_empty() || text == "x_y.com_" && found.is_empty(), "{text}: {found:?}");
        }
    }

    #[test]
    fn short_links_end_with_their_slug() {
        assert_eq!(urls("https://t.co/abcDEF123-x"), ["https://t.co/abcDEF123"]);
        assert!(urls(&format!("https://t.co/{}", "a".repeat(41))).is_empty());
    }

    #[test]
    fn long_runs_stay_cheap() {
        assert!(find(&format!("{}.", "日".repeat(200_000))).is_empty());
        assert!(find(&"a.".repeat(20_000)).is_empty());
    }
}
