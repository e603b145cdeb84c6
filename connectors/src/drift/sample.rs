//! Samples for incidents: small, with ids as texts, without secrets.

use serde_json::{Map, Value};

/// Characters of a text.
const TEXT: usize = 80;
/// Entries of a list.
const ENTRIES: usize = 3;
/// Fields of an object.
const FIELDS: usize = 40;
const DEPTH: u8 = 4;
/// Bytes of a sample.
const SAMPLE: usize = 2048;
/// Beyond this, JavaScript's numbers are not exact.
const EXACT: u64 = 1 << 53;

const HIDDEN: &str = "***";
/// What stands for every key of a map.
pub(super) const ANY_KEY: &str = "*";
/// Shorter keys are no tokens.
const TOKEN: usize = 16;
/// A field whose name holds one of these, written without case and punctuation, is not shown.
#[rustfmt::skip]
const SECRET: [&str; 14] = [
    "token", "secret", "password", "passwd", "cookie", "session", "credential", "apikey", "jwt", "bogus", "gnarly",
    "verifyfp", "email", "phone",
];

pub(super) fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET.iter().any(|part| plain.contains(part))
}

/// Is this the key of a map (an id, an address, a token) rather than the name of a field? Keys are not shown: one may be a
/// secret.
pub(super) fn is_key(name: &str) -> bool {
    let bytes = name.as_bytes();
    let plain = bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"_-.$".contains(b));
    let number = bytes.iter().all(u8::is_ascii_digit) || bytes.split(|b| !b.is_ascii_digit()).any(|run| run.len() >= 6);
    let digest =
        bytes.len() >= TOKEN && bytes.iter().all(u8::is_ascii_hexdigit) && bytes.iter().any(u8::is_ascii_digit);
    !plain || number || digest || looks_random(bytes) || bytes.len() > 64
}

/// In names, digits stand together, and letters change their case where a word begins; in tokens both change at every turn.
fn looks_random(name: &[u8]) -> bool {
    let class = |b: u8| (b.is_ascii_digit(), b.is_ascii_uppercase());
    let letters = |b: u8| b.is_ascii_alphanumeric();
    let turns = || name.windows(2).filter(|two| letters(two[0]) && letters(two[1]) && class(two[0]) != class(two[1]));
    let to_digits = turns().filter(|two| two[0].is_ascii_digit() != two[1].is_ascii_digit()).count();
    name.len() >= TOKEN && (to_digits >= 4 || turns().count() * 2 > name.len())
}

/// A record or value, cut down to what fits into an incident.
pub(super) fn cut(value: &Value) -> Value {
    inner(value, DEPTH)
}

fn inner(value: &Value, depth: u8) -> Value {
    match value {
        Value::Number(number) if beyond(number) => Value::String(number.to_string()),
        Value::String(text) => Value::String(shown(text)),
        Value::Array(entries) if depth == 0 => Value::String(format!("[{} entries]", entries.len())),
        Value::Array(entries) => entries.iter().take(ENTRIES).map(|entry| inner(entry, depth - 1)).collect(),
        Value::Object(fields) if depth == 0 => Value::String(format!("{{{} fields}}", fields.len())),
        Value::Object(fields) => Value::Object(fields_of(fields, depth - 1)),
        other => other.clone(),
    }
}

fn fields_of(fields: &Map<String, Value>, depth: u8) -> Map<String, Value> {
    let one = |(name, value): (&String, &Value)| {
        let value = if is_secret(name) { Value::String(HIDDEN.into()) } else { inner(value, depth) };
        (if is_key(name) { ANY_KEY.to_owned() } else { name.clone() }, value)
    };
    fields.iter().take(FIELDS).map(one).collect()
}

fn beyond(number: &serde_json::Number) -> bool {
    number.as_i64().is_some_and(|n| n.unsigned_abs() > EXACT) || number.as_u64().is_some_and(|n| n > EXACT)
}

/// A text, cut; an address without its query, which is where signatures and tokens stand.
fn shown(text: &str) -> String {
    let is_address = text.starts_with("https://") || text.starts_with("http://");
    let text = if is_address { text.split(['?', '#']).next().unwrap_or_default() } else { text };
    let mut cut: String = text.chars().take(TEXT).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// As the text of a sample.
pub(super) fn text(value: &Value) -> String {
    let mut text = value.to_string();
    if text.len() > SAMPLE {
        let end = (0..=SAMPLE).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
