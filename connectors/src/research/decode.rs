//! The envelope of an answer and the pages in it. Records keep their own bytes until they are read.

use super::fault::{ErrorBody, Trouble, classify};
use crate::drift::Tally;
use crate::reading::as_i64;
use crate::source::Reject;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tidelake_schemas::EntityKind;
use tidelake_schemas::json::from_slice;

/// `{data, error}`.
#[derive(Deserialize)]
struct Envelope {
    data: Option<Box<RawValue>>,
    #[serde(default)]
    error: Value,
    error_description: Option<String>,
}

/// One page of a list. Each route has its own name for the records; of reposted videos the documentation has two, and
/// clients know a second one of pinned videos (surfaces §3.4).
#[derive(Debug, Default, Deserialize)]
pub(super) struct ListPage {
    #[serde(alias = "videos", alias = "comments", alias = "user_followers", alias = "user_following")]
    #[serde(alias = "user_liked_videos", alias = "pinned_videos_list", alias = "user_pinned_videos")]
    #[serde(alias = "reposted_videos", alias = "user_reposted_videos")]
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

    /// The cursor of the answer as it came, a number or a text.
    pub(super) fn cursor(&self) -> Option<i64> {
        self.cursor.as_ref().and_then(as_i64)
    }

    /// Does it say nothing at all? Then it is not a list without records, but no list.
    pub(super) fn is_void(&self) -> bool {
        self.records.is_none() && self.cursor.is_none() && self.has_more.is_none()
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

/// Like [`open`], for `playlist/info`, which was seen to answer with HTTP 500 and the playlist all the same (surfaces
/// §3.4): an answer that holds ids is an answer.
pub(super) fn open_playlist(status: u16, bytes: &[u8]) -> Result<Box<RawValue>, (Trouble, String)> {
    #[derive(Deserialize)]
    struct Ids {
        playlist_video_ids: Vec<Value>,
    }
    let holds_ids =
        |data: &RawValue| serde_json::from_str::<Ids>(data.get()).is_ok_and(|data| !data.playlist_video_ids.is_empty());
    open(status, bytes).or_else(|refused| {
        let data = from_slice::<Envelope>(bytes).ok().and_then(|envelope| envelope.data);
        data.filter(|data| status == 500 && holds_ids(data)).ok_or(refused)
    })
}

/// The text file of `validation_task/download`: the ids that are still valid [official documentation, "Download a
/// completed batch compliance task"]. What stands between them is not documented; a refusal is JSON, as everywhere.
pub(super) fn open_ids(status: u16, bytes: &[u8]) -> Result<Vec<i64>, (Trouble, String)> {
    let text = std::str::from_utf8(bytes).unwrap_or("\u{fffd}").trim_start_matches('\u{feff}');
    if status >= 400 || text.trim_start().starts_with('{') {
        let wrong = |_| Err((Trouble::Format, "the answer is JSON where a text file of ids should be".to_owned()));
        return open(status, bytes).and_then(wrong);
    }
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let ids: Option<Vec<i64>> = words.map(|word| word.parse::<i64>().ok().filter(|&id| id > 0)).collect();
    ids.filter(|_| status < 300).ok_or_else(|| {
        (Trouble::Format, format!("HTTP {status} with {} bytes that are not a list of ids", bytes.len()))
    })
}

/// A gateway answers in HTML; then the status says what there is to say.
fn unreadable(status: u16, bytes: &[u8]) -> (Trouble, String) {
    let trouble = classify(status, &ErrorBody::default());
    (trouble, format!("HTTP {status} with {} bytes that are not the API's JSON", bytes.len()))
}

/// Reads one record, which is shown to the tally first; a refused one keeps its own bytes.
pub(super) fn read_record<T>(
    raw: &RawValue,
    (seen, kind): (&mut Tally, EntityKind),
    read: impl FnOnce(&Value) -> Result<T, Reject>,
) -> Result<T, Reject> {
    let payload = || raw.get().as_bytes().to_vec();
    let value: Value = serde_json::from_str(raw.get()).map_err(|e| Reject {
        reason: "unreadable".into(),
        message: format!("the record cannot be read: {e}. Look at the payload of this dead letter."),
        entity: None,
        payload: payload(),
    })?;
    seen.observe(kind, &value);
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
    fn every_name_of_a_list_is_known() {
        for name in [
            "videos",
            "comments",
            "user_followers",
            "user_following",
            "user_liked_videos",
            "pinned_videos_list",
            "user_pinned_videos",
            "reposted_videos",
            "user_reposted_videos",
        ] {
            let page: ListPage = serde_json::from_str(&format!(r#"{{"{name}":[1],"cursor":"5"}}"#)).expect("a page");
            assert_eq!((page.records().len(), page.cursor(), page.is_void()), (1, Some(5), false), "{name}");
        }
        assert!(serde_json::from_str::<ListPage>(r#"{"other":[]}"#).expect("a page").is_void());
    }

    #[test]
    fn a_playlist_may_come_with_http_500() {
        let answer = |ids: &str, code: &str| {
            let body = format!(r#"{{"data":{{"playlist_video_ids":{ids}}},"error":{{"code":"{code}"}}}}"#);
            open_playlist(500, body.as_bytes()).map(|_| ()).map_err(|(trouble, _)| trouble)
        };
        assert_eq!(answer("[7]", "ok"), Ok(()));
        assert_eq!(answer("[7]", "internal_error"), Ok(()));
        assert_eq!(answer("[]", "internal_error"), Err(Trouble::Server));
        assert_eq!(answer("null", "internal_error"), Err(Trouble::Server));
    }

    #[test]
    fn a_file_of_ids_is_read_strictly() {
        let read = |status, text: &str| open_ids(status, text.as_bytes()).map_err(|(trouble, _)| trouble);
        assert_eq!(read(200, "\u{feff}7\r\n8, 9\n\n"), Ok(vec![7, 8, 9]));
        assert_eq!(read(200, ""), Ok(vec![]));
        for no_list in ["<html>7</html>", "id\n7", "-7", "73207681965695992750", "7 8 x", r#"{"data":{}}"#] {
            assert_eq!(read(200, no_list), Err(Trouble::Format), "{no_list}");
        }
        assert_eq!(read(302, ""), Err(Trouble::Format));
        assert_eq!(read(500, "busy"), Err(Trouble::Server));
        assert_eq!(read(200, r#"{"error":{"code":"invalid_params","message":"no"}}"#), Err(Trouble::Request));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(
            status in 100_u16..600,
            bytes in proptest::collection::vec(0_u8..=255, 0..200),
        ) {
            let _ = (open(status, &bytes).is_ok(), open_playlist(status, &bytes).is_ok());
            let _ = open_ids(status, &bytes).is_ok();
        }

        #[test]
        fn a_file_of_ids_gives_those_ids(ids in proptest::collection::vec(1_i64.., 0..50)) {
            let text: Vec<_> = ids.iter().map(ToString::to_string).collect();
            proptest::prop_assert_eq!(open_ids(200, text.join("\n").as_bytes()).ok(), Some(ids));
        }
    }

    #[test]
    fn a_refused_record_keeps_its_bytes() {
        let page: ListPage = serde_json::from_str(r#"{"videos":[{"id": 73207681965695992750}]}"#).expect("a page");
        let refused = read_record(&page.records()[0], (&mut Tally::default(), EntityKind::Video), |value| {
            crate::reading::required_id(value, &["id"])
        });
        let refused = refused.expect_err("out of range");
        assert_eq!(refused.reason, "id_out_of_range");
        assert_eq!(refused.payload, br#"{"id": 73207681965695992750}"#);
    }
}
