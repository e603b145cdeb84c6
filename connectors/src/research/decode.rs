//! The envelope of an answer and the pages in it. Records keep their own bytes until they are read.

use super::fault::{ErrorBody, Trouble, classify};
use crate::reading::as_i64;
use crate::source::Reject;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tidelake_schemas::json::from_slice;

/// `{data, error}`.
#[derive(Deserialize)]
struct Envelope {
    data: Option<Box<RawValue>>,
    #[serde(default)]
    error: Value,
    error_description: Option<String>,
}

/// One page of a list: videos or comments.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ListPage {
    #[serde(alias = "videos", alias = "comments")]
    records: Option<Vec<Box<RawValue>>>,
    cursor: Option<Value>,
    has_more: Option<bool>,
    search_id: Option<Value>,
}

impl ListPage {
    pub(super) fn parse(data: &RawValue) -> serde_json::Result<Self> {
        serde_json::from_str(data.get())
    }

    pub(super) fn records(&self) -> &[Box<RawValue>] {
        self.records.as_deref().unwrap_or_default()
    }

    /// An absent `has_more` means no more.
    pub(super) fn has_more(&self) -> bool {
        self.has_more.unwrap_or(false)
    }

    /// Where the source says to go on after a request at `asked`. A cursor that is absent or stands still would
    /// ask for the same page for ever; then it moves on by `max_count`, as it does in sound answers.
    pub(super) fn cursor_after(&self, asked: i64, max_count: u32) -> i64 {
        let given = self.cursor.as_ref().and_then(as_i64).filter(|&cursor| cursor > asked);
        given.unwrap_or_else(|| asked.saturating_add(max_count.into()))
    }

    pub(super) fn search_id(&self) -> Option<String> {
        match self.search_id.as_ref()? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// The data of an answer, or what it says instead.
pub(super) fn open(status: u16, bytes: &[u8]) -> Result<Box<RawValue>, (Trouble, String)> {
    let Ok(Envelope { data, error, error_description }) = from_slice::<Envelope>(bytes) else {
        return Err(unreadable(status, bytes));
    };
    let whole = serde_json::json!({"error": error, "error_description": error_description});
    match (ErrorBody::read(&whole).unwrap_or_default(), data) {
        (error, Some(data)) if status < 400 && matches!(error.code.as_str(), "" | "ok") => Ok(data),
        (error, None) if status < 400 && matches!(error.code.as_str(), "" | "ok") => {
            Err((Trouble::Format, format!("{} (there is no data)", error.describe(status))))
        }
        (error, _) => Err((classify(status, &error), error.describe(status))),
    }
}

/// A gateway answers in HTML; then the status says what there is to say.
fn unreadable(status: u16, bytes: &[u8]) -> (Trouble, String) {
    let trouble = classify(status, &ErrorBody::default());
    (trouble, format!("HTTP {status} with {} bytes that are not the API's JSON", bytes.len()))
}

/// Reads one record; a refused one keeps its own bytes.
pub(super) fn read_record<T>(raw: &RawValue, read: impl FnOnce(&Value) -> Result<T, Reject>) -> Result<T, Reject> {
    let payload = || raw.get().as_bytes().to_vec();
    let value: Value = serde_json::from_str(raw.get()).map_err(|e| Reject {
        reason: "unreadable".into(),
        message: format!("the record cannot be read: {e}. Look at the payload of this dead letter."),
        entity: None,
        payload: payload(),
    })?;
    read(&value).map_err(|reject| Reject { payload: payload(), ..reject })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(json: &str) -> Result<String, Trouble> {
        open(200, json.as_bytes()).map(|data| data.get().to_owned()).map_err(|(trouble, _)| trouble)
    }

    #[test]
    fn success_is_what_the_code_says() {
        assert_eq!(
            data(r#"{"data":{"a":1},"error":{"code":"ok","message":"","log_id":"x"}}"#),
            Ok(r#"{"a":1}"#.into())
        );
        assert_eq!(data(r#"{"data":{},"error":{"code":"internal_error","message":""}}"#), Err(Trouble::Server));
        assert_eq!(data(r#"{"data":{}}"#), Ok("{}".into()));
        assert_eq!(data(r#"{"error":{"code":"ok"}}"#), Err(Trouble::Format));
        assert_eq!(data("<html>"), Err(Trouble::Format));
        assert_eq!(open(504, b"<html>").map_err(|(trouble, _)| trouble).err(), Some(Trouble::Timeout));
    }

    #[test]
    fn a_page_without_hits_and_a_cursor_that_stands_still() {
        let parse = |json: &str| serde_json::from_str::<ListPage>(json).expect("a page");
        let empty = parse(r#"{"cursor":0,"has_more":false}"#);
        assert!(empty.records().is_empty() && !empty.has_more() && empty.search_id().is_none());
        assert_eq!(parse(r#"{"cursor":100,"has_more":true}"#).cursor_after(0, 100), 100);
        assert_eq!(parse(r#"{"cursor":100,"has_more":true}"#).cursor_after(100, 100), 200);
        assert_eq!(
            parse(r#"{"cursor":"7","search_id":7354367454467855403}"#).search_id().as_deref(),
            Some("7354367454467855403")
        );
    }

    #[test]
    fn a_refused_record_keeps_its_bytes() {
        let page: ListPage = serde_json::from_str(r#"{"videos":[{"id": 73207681965695992750}]}"#).expect("a page");
        let refused = read_record(&page.records()[0], |value| crate::reading::required_id(value, &["id"]));
        let refused = refused.expect_err("out of range");
        assert_eq!(refused.reason, "id_out_of_range");
        assert_eq!(refused.payload, br#"{"id": 73207681965695992750}"#);
    }
}
