//! Reading request bodies.

use super::answer::Refusal;
use serde_json::Value;

/// `max_count` and `cursor`.
pub(super) struct Range {
    pub(super) cursor: u64,
    pub(super) count: u64,
}

impl Range {
    pub(super) fn read(body: &Value, default_count: u64) -> Result<Self, Refusal> {
        let number = |name: &str, default: u64| match body.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value.as_u64().ok_or_else(Refusal::count_or_cursor),
        };
        let (cursor, count) = (number("cursor", 0)?, number("max_count", default_count)?);
        if count == 0 || count > 100 || cursor > i64::MAX as u64 {
            return Err(Refusal::count_or_cursor());
        }
        Ok(Self { cursor, count })
    }

    /// The cursor of the next page. It moves by `max_count`, whatever the page holds.
    pub(super) fn next(&self) -> u64 {
        self.cursor + self.count
    }
}

/// A JSON object.
pub(super) fn read_object(content_type: &str, bytes: &[u8]) -> Result<Value, Refusal> {
    if !content_type.to_ascii_lowercase().starts_with("application/json") {
        return Err(Refusal::params("Content-Type must be application/json"));
    }
    let value: Value =
        serde_json::from_slice(bytes).map_err(|_| Refusal::params("The request body is not valid JSON"))?;
    if value.is_object() { Ok(value) } else { Err(Refusal::params("The request body is not a JSON object")) }
}

/// An id: a number, or the same as text.
pub(super) fn read_id(body: &Value, name: &str) -> Result<Option<i64>, Refusal> {
    let bad = || Refusal::params(format!("Invalid {name}"));
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|_| bad()),
        Some(value) => value.as_i64().map(Some).ok_or_else(bad),
    }
}

/// A text that is there and of the right type, or absent.
pub(super) fn read_text<'v>(body: &'v Value, name: &str) -> Result<Option<&'v str>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::params(format!("{name} must be a string"))),
    }
}
