//! Reading fields out of JSON that many hands wrote: numbers as strings, nulls, absent fields.
//!
//! The rule of this house: what is absent, null or unreadable is `None`, never 0 and never an empty text that
//! nobody wrote. Only a record without a usable id is refused, as a [`Reject`].

use crate::source::Reject;
use serde_json::{Number, Value};
use tidelake_schemas::observation::Provenance;
use tidelake_schemas::{EntityKind, Timestamp, ids};

/// The platform every reader of this house names.
pub const PLATFORM: &str = "tiktok";

/// The first float that no `i64` reaches: 2^63.
const I64_END: f64 = 9_223_372_036_854_775_808.0;

/// Floats below this are exact whole numbers: 2^53.
const EXACT_END: f64 = 9_007_199_254_740_992.0;

/// What every record of one answer or one file shares.
#[derive(Clone, Copy, Debug)]
pub struct ReadContext<'a> {
    /// The task's name.
    pub task: &'a str,
    /// The task's cycle.
    pub cycle: i64,
    /// When the answer arrived.
    pub fetched_at: Timestamp,
    /// The instant the values are about.
    pub observed_at: Timestamp,
    /// The connector, as in provenance.
    pub connector: &'a str,
    /// The route, as in provenance.
    pub route: &'a str,
    /// The licence zone, as in provenance.
    pub zone: &'a str,
    /// The file or URL (without secrets) it was read from.
    pub origin: Option<&'a str>,
}

impl ReadContext<'_> {
    /// The provenance of a record read in this context.
    pub fn provenance(&self) -> Provenance {
        Provenance {
            connector: self.connector.into(),
            route: self.route.into(),
            task: self.task.into(),
            cycle: self.cycle,
            fetched_at: self.fetched_at,
            zone: self.zone.into(),
            origin: self.origin.map(Into::into),
        }
    }

    /// The event id of an entity observed in this context.
    pub fn event_id(&self, kind: EntityKind, entity: &str) -> String {
        ids::event_id(self.task, self.cycle, kind, entity)
    }
}

/// A field that is there and not null.
pub fn present<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A whole number, given as a number or as a decimal string.
pub fn opt_i64(object: &Value, name: &str) -> Option<i64> {
    as_i64(object.get(name)?)
}

/// A whole number that fits into 32 bits, given as a number or as a decimal string.
pub fn opt_i32(object: &Value, name: &str) -> Option<i32> {
    opt_i64(object, name)?.try_into().ok()
}

/// An id: a positive whole number, given as a number or as a decimal string. 0 stands for "none".
pub fn opt_id(object: &Value, name: &str) -> Option<i64> {
    read_id(object.get(name)?).ok()
}

/// A text. An empty text is a text.
pub fn opt_str(object: &Value, name: &str) -> Option<String> {
    object.get(name)?.as_str().map(Into::into)
}

/// A handle: a text without a leading `@` and without U+0000, which some answers carry; `None` when nothing is left.
pub fn opt_handle(object: &Value, name: &str) -> Option<String> {
    Some(clean_handle(object.get(name)?.as_str()?)).filter(|handle| !handle.is_empty())
}

/// A handle without surrounding blanks, a leading `@` and U+0000.
pub fn clean_handle(handle: &str) -> String {
    let handle = handle.trim().trim_start_matches('@');
    handle.chars().filter(|&c| c != '\0').collect()
}

/// A truth value, given as a boolean, as 0 or 1, or as a text of either.
pub fn opt_bool(object: &Value, name: &str) -> Option<bool> {
    let value = object.get(name)?;
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => match as_i64(value)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    }
}

/// An instant, given in Unix seconds as a number or as a decimal string. 0 stands for "none".
pub fn opt_time_secs(object: &Value, name: &str) -> Option<Timestamp> {
    Timestamp::from_secs(opt_i64(object, name).filter(|&secs| secs > 0)?)
}

/// A list of texts; numbers among them become decimal text, anything else is left out.
pub fn opt_texts(object: &Value, name: &str) -> Option<Vec<String>> {
    Some(object.get(name)?.as_array()?.iter().filter_map(as_text).collect())
}

/// A text, or a number as decimal text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A value as a whole number: a number, or a text of decimal digits. Fractions and what does not fit are `None`.
pub fn as_i64(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole_float(number)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// `12.0` as 12, as long as a float is exact.
fn whole_float(number: &Number) -> Option<i64> {
    let float = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < EXACT_END)?;
    #[allow(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    Some(float as i64)
}

/// The id of a record, under the first of `names` that is there.
///
/// # Errors
/// A [`Reject`] with reason `not_an_object`, `missing_id`, `id_out_of_range` or `invalid_id`.
pub fn required_id(object: &Value, names: &[&str]) -> Result<i64, Reject> {
    if !object.is_object() {
        return Err(reject(object, "not_an_object", None, "the record is not a JSON object".into()));
    }
    let Some((name, value)) = names.iter().find_map(|&name| Some((name, present(object, name)?))) else {
        let message = format!("the record has no `{}`", names.join("` or `"));
        return Err(reject(object, "missing_id", None, message));
    };
    read_id(value).map_err(|reason| {
        let why = match reason {
            OUT_OF_RANGE => "does not fit into 64 bits with sign",
            _ => "is not a positive whole number",
        };
        reject(object, reason, as_text(value), format!("`{name}` = {value} {why}"))
    })
}

const OUT_OF_RANGE: &str = "id_out_of_range";
const INVALID: &str = "invalid_id";

/// An id, or the reason why it is none. Floats are refused even when whole: they were rounded on the way.
fn read_id(value: &Value) -> Result<i64, &'static str> {
    let id = match value {
        Value::Number(number) => number.as_i64().ok_or_else(|| number_fault(number))?,
        Value::String(text) => text_id(text.trim())?,
        _ => return Err(INVALID),
    };
    if id > 0 { Ok(id) } else { Err(INVALID) }
}

/// Why a number is no `i64`. A whole number beyond 64 bits reaches us as a float.
fn number_fault(number: &Number) -> &'static str {
    let too_large = number.is_u64() || number.as_f64().is_none_or(|f| f.abs() >= I64_END);
    if too_large { OUT_OF_RANGE } else { INVALID }
}

fn text_id(text: &str) -> Result<i64, &'static str> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(INVALID);
    }
    text.parse().map_err(|_| OUT_OF_RANGE)
}

/// A refused record. The payload is the record as JSON; who has its own bytes puts them in its place.
pub fn reject(record: &Value, reason: &str, entity: Option<String>, what: String) -> Reject {
    Reject {
        reason: reason.into(),
        message: format!("{what}. Look at the payload of this dead letter; replay it once the reader accepts it."),
        entity,
        payload: record.to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_null_and_unreadable_are_none() {
        let record = json!({"null": null, "text": "abc", "list": [], "fraction": 1.5, "huge": u64::MAX});
        for name in ["absent", "null", "text", "list", "fraction", "huge"] {
            assert_eq!(opt_i64(&record, name), None, "{name}");
        }
        assert_eq!(opt_str(&record, "null"), None);
        assert_eq!(opt_texts(&record, "null"), None);
        assert_eq!(opt_bool(&record, "text"), None);
    }

    #[test]
    fn numbers_may_be_texts() {
        let record = json!({"n": 7, "s": "7", "f": 7.0, "b": "0", "wide": 3_000_000_000_i64, "zero": 0});
        for name in ["n", "s", "f"] {
            assert_eq!(opt_i64(&record, name), Some(7), "{name}");
        }
        assert_eq!(opt_bool(&record, "b"), Some(false));
        assert_eq!(opt_i32(&record, "wide"), None);
        assert_eq!(opt_i64(&record, "zero"), Some(0));
        assert_eq!(opt_id(&record, "zero"), None);
        assert_eq!(opt_time_secs(&record, "zero"), None);
    }

    #[test]
    fn ids_that_are_none_are_named() {
        let reason = |record: Value| required_id(&record, &["id", "video_id"]).map_err(|r| r.reason);
        assert_eq!(reason(json!({"video_id": "5"})), Ok(5));
        assert_eq!(reason(json!({"id": null, "video_id": 5})), Ok(5));
        assert_eq!(reason(json!([])), Err("not_an_object".into()));
        assert_eq!(reason(json!({})), Err("missing_id".into()));
        assert_eq!(reason(json!({"id": u64::MAX})), Err("id_out_of_range".into()));
        assert_eq!(reason(json!({"id": "73207681965695992750"})), Err("id_out_of_range".into()));
        let beyond: Value = serde_json::from_str(r#"{"id":73207681965695992750}"#).expect("JSON");
        assert_eq!(reason(beyond), Err("id_out_of_range".into()));
        assert_eq!(reason(json!({"id": 7.3e18})), Err("invalid_id".into()));
        assert_eq!(reason(json!({"id": -1})), Err("invalid_id".into()));
        assert_eq!(reason(json!({"id": "7e3"})), Err("invalid_id".into()));
    }

    #[test]
    fn handles_lose_what_no_handle_has() {
        let record = json!({"a": "@us\u{0}er ", "b": "\u{0}"});
        assert_eq!(opt_handle(&record, "a").as_deref(), Some("user"));
        assert_eq!(opt_handle(&record, "b"), None);
    }
}
