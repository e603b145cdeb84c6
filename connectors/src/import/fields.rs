//! Lenient readers of single fields: a value of an unexpected type is no value, never an error.

use crate::reading::{self, as_i64, clean_handle};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::Value;
use tidelake_schemas::Timestamp;

/// The first of `keys` that is there and not null.
pub(super) fn any<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| value.get(key).filter(|found| !found.is_null()))
}

/// A non-empty text.
pub(super) fn text(value: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| value.get(key)?.as_str().filter(|s| !s.is_empty()).map(str::to_owned))
}

/// A text that may be empty, e.g. a caption: empty says "no caption", which is not the same as unknown.
pub(super) fn any_text(value: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| value.get(key)?.as_str().map(str::to_owned))
}

/// A whole number under the first key that holds one.
pub(super) fn int(value: &Value, keys: &[&str]) -> Option<i64> {
    keys.iter().find_map(|key| as_i64(value.get(key)?))
}

/// A count: not negative (sources write -1 for "unknown").
pub(super) fn count(value: &Value, keys: &[&str]) -> Option<i64> {
    keys.iter().find_map(|key| as_i64(value.get(key)?).filter(|n| *n >= 0))
}

/// A small positive number: seconds, pixels. Fractions are rounded to the nearest; 0 is "unknown".
pub(super) fn size(value: &Value, keys: &[&str]) -> Option<i32> {
    keys.iter().find_map(|key| {
        let found = value.get(key)?;
        let float = found.as_f64().or_else(|| found.as_str()?.trim().parse().ok())?;
        (float >= 0.5 && float < f64::from(i32::MAX)).then(|| float.round() as i32)
    })
}

/// A flag: true/false, 0/1, or yes/no as text.
pub(super) fn flag(value: &Value, keys: &[&str]) -> Option<bool> {
    keys.iter().find_map(|key| match value.get(key)? {
        Value::Bool(b) => Some(*b),
        Value::Number(n) => n.as_i64().map(|n| n != 0),
        Value::String(s) => match s.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    })
}

/// True if any of the flags is; `None` when none is there.
pub(super) fn any_flag(value: &Value, keys: &[&str]) -> Option<bool> {
    keys.iter().filter_map(|key| flag(value, &[key])).reduce(|a, b| a || b)
}

/// An id that is optional: a positive number, or absent.
pub(super) fn opt_id(value: &Value, keys: &[&str]) -> Option<i64> {
    keys.iter().find_map(|key| reading::opt_id(value, key))
}

/// An instant under the first key that holds one.
pub(super) fn time(value: &Value, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| time_of(value.get(key)?))
}

/// Reads an instant: Unix seconds or milliseconds (number or decimal string), RFC 3339, or `YYYY-MM-DD HH:MM:SS`
/// in UTC. Zero is "unknown".
pub(super) fn time_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(n) => unix(n.as_f64()?),
        Value::String(s) => match s.trim().parse::<f64>() {
            Ok(number) => unix(number),
            Err(_) => time_of_text(s.trim()),
        },
        _ => None,
    }
}

/// Seconds, milliseconds or microseconds, told apart by size: as seconds all would lie beyond the year 5138.
fn unix(number: f64) -> Option<Timestamp> {
    const MILLIS_FROM: f64 = 1e11;
    const MICROS_FROM: f64 = 1e14;
    if !(1.0..1e17).contains(&number) {
        return None;
    }
    let micros = match number {
        n if n < MILLIS_FROM => n * 1e6,
        n if n < MICROS_FROM => n * 1e3,
        n => n,
    };
    Some(Timestamp(micros.round() as i64))
}

fn time_of_text(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc().into());
    }
    let naive = text.strip_suffix("UTC").or_else(|| text.strip_suffix('Z')).unwrap_or(text).trim();
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(naive, format).ok())
        .or_else(|| NaiveDate::parse_from_str(naive, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
        .map(|instant| instant.and_utc().into())
}

/// The instant an answer says that it was made.
pub(super) fn plausible(at: Timestamp) -> Option<Timestamp> {
    const FIRST: i64 = 1_400_000_000; // 2014, before TikTok
    const LAST: i64 = 4_102_444_800; // 2100
    (FIRST..LAST).contains(&at.secs()).then_some(at)
}

/// A handle: without `@`, surrounding white space and U+0000.
pub(super) fn handle(value: &Value, keys: &[&str]) -> Option<String> {
    text(value, keys).map(|s| clean_handle(&s)).filter(|s| !s.is_empty())
}

/// A language, unless the source says that it does not know.
pub(super) fn language(value: &Value, keys: &[&str]) -> Option<String> {
    text(value, keys).filter(|code| code != "un" && code != "und")
}

/// A list, empty when it is not there or no list.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_read_from_strings_and_floats() {
        let value = json!({"a": "12", "b": 3.0, "c": 3.5, "d": -1, "e": null, "f": "1.2M"});
        assert_eq!(count(&value, &["a"]), Some(12));
        assert_eq!(count(&value, &["b"]), Some(3));
        assert_eq!(count(&value, &["c"]), None);
        assert_eq!(count(&value, &["d"]), None);
        assert_eq!(count(&value, &["e", "a"]), Some(12));
        assert_eq!(count(&value, &["f"]), None);
    }

    #[test]
    fn instants_in_every_notation() {
        let noon = Some(Timestamp(1_700_000_000_000_000));
        for value in [
            json!(1_700_000_000),
            json!("1700000000"),
            json!(1_700_000_000_000_i64),
            json!("2023-11-14 22:13:20"),
            json!("2023-11-14 22:13:20 UTC"),
            json!("2023-11-14T22:13:20Z"),
            json!("2023-11-14T23:13:20+01:00"),
        ] {
            assert_eq!(time_of(&value), noon, "{value}");
        }
        assert_eq!(time_of(&json!("0")), None);
        assert_eq!(time_of(&json!(-5)), None);
        assert_eq!(time_of(&json!("inf")), None);
        assert_eq!(time_of(&json!("yesterday")), None);
    }
}
