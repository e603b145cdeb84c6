//! Links in what a person pasted: an address with words around it, a bare id, a bare handle.

use super::address::parse_url;
use super::error::quoted;
use super::{Account, Link, LinkError, Media};

/// Digits of an item's id. 18 are old; fewer are too easily something else (a date, a phone number).
const ITEM_DIGITS: std::ops::RangeInclusive<usize> = 18..=19;

/// Reads a link: an address with or without scheme, alone or within other text; the digits of an item's id; `@handle`.
/// Of several addresses the first that is a TikTok link counts.
///
/// # Errors
/// [`LinkError`] says what was seen and what is supported. Hosts that only look like TikTok's are refused.
pub fn parse(text: &str) -> Result<Link, LinkError> {
    let tokens: Vec<&str> = tokens(text).collect();
    match tokens.as_slice() {
        [] => Err(LinkError::NotALink { seen: quoted(text.trim()) }),
        [only] => parse_token(only),
        several => parse_first(text, several),
    }
}

fn parse_first(text: &str, tokens: &[&str]) -> Result<Link, LinkError> {
    let mut refused = None;
    for token in tokens.iter().filter(|token| is_address(token)) {
        match parse_url(token) {
            Ok(link) => return Ok(link),
            Err(error) => _ = refused.get_or_insert(error),
        }
    }
    Err(refused.unwrap_or_else(|| LinkError::NotALink { seen: quoted(text.trim()) }))
}

fn parse_token(token: &str) -> Result<Link, LinkError> {
    if ITEM_DIGITS.contains(&token.len()) && token.bytes().all(|b| b.is_ascii_digit()) {
        let id = token.parse().map_err(|_| LinkError::IdOutOfRange { seen: token.into() })?;
        let zero = LinkError::ZeroId { seen: token.into() };
        return if id == 0 {
            Err(zero)
        } else {
            Ok(Link::Post { media: Media::Video, id, author: None, comment: None })
        };
    }
    if let Some(handle) = token.strip_prefix('@').filter(|handle| !handle.contains('/')) {
        let account = Account::read(handle)?.ok_or_else(|| LinkError::NotALink { seen: quoted(token) })?;
        return Ok(Link::User { account, embedded: false });
    }
    parse_url(token)
}

fn is_address(token: &str) -> bool {
    token.contains("://") || (token.contains('.') && token.contains('/')) || token.to_lowercase().contains("tiktok.com")
}

/// The words of a text without the punctuation around them.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_gap).map(trimmed).map(|token| trimmed(unglued(token))).filter(|token| !token.is_empty())
}

/// White space, and the invisible characters that chat programs put around links.
fn is_gap(c: char) -> bool {
    let invisible =
        matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    c.is_whitespace() || c.is_control() || invisible
}

fn trimmed(token: &str) -> &str {
    const BEFORE: &str = "([{<\"'*|~«‹“„‘‚「『（【《〈";
    const AFTER: &str = ".,;:!?)]}>\"'*|~»›”“’‘」』）】》〉。，、！？；：…";
    token.trim_start_matches(|c| BEFORE.contains(c)).trim_end_matches(|c| AFTER.contains(c))
}

/// Scripts without spaces put words right before an address, and Markdown puts a bracket there. Not cut is what
/// could itself be the beginning of an address: `javascript:https://…`, `example.org/?u=https://…`.
fn unglued(token: &str) -> &str {
    let Some(at) = ["https://", "http://"].iter().filter_map(|scheme| token.find(scheme)).min() else { return token };
    let before = &token[..at];
    let glue = before.chars().next_back().is_some_and(|c| !c.is_ascii() || "([<\"'".contains(c));
    let address = before.contains(['/', '?', '=', '%', '@', '\\']) || before.contains(':') || before.contains('.');
    if glue && !address { &token[at..] } else { token }
}
