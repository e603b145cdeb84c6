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
        (shown(name), value)
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
