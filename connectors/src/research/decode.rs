//! The envelope of an answer and the pages in it. Records keep their own bytes until they are read.

use crate::drift::Tally;
use crate::reading::as_i64;
use crate::source::Reject;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tidelake_schemas::EntityKind;
use tidelake_schemas::json::from_slice;

/// `{data, error}`; errors have been read before.
#[derive(Deserialize)]
struct Envelope {
    data: Option<Box<RawValue>>,
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

/// The data of a good answer.
pub(super) fn open(bytes: &[u8]) -> Result<Box<RawValue>, String> {
    let unreadable = |_| format!("{} bytes that are not the API's JSON", bytes.len());
    let Envelope { data } = from_slice(bytes).map_err(unreadable)?;
    data.ok_or_else(|| "there is no data".to_owned())
}

/// The text file of `validation_task/download`: the ids that are still valid [official documentation, "Download a
/// completed batch compliance task"]. What stands between them is not documented.
pub(super) fn open_ids(bytes: &[u8]) -> Result<Vec<i64>, String> {
    let text = std::str::from_utf8(bytes).unwrap_or("\u{fffd}").trim_start_matches('\u{feff}');
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let ids: Option<Vec<i64>> = words.map(|word| word.parse::<i64>().ok().filter(|&id| id > 0)).collect();
    ids.ok_or_else(|| format!("{} bytes that are not a list of ids", bytes.len()))
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

    #[test]
    fn the_data_of_an_answer() {
        let data = |json: &str| open(json.as_bytes()).map(|data| data.get().to_owned());
        assert_eq!(data(r#"{"data":{"a":1},"error":{"code":"ok","message":""}}"#), Ok(r#"{"a":1}"#.into()));
        assert_eq!(data(r#"{"data":{}}"#), Ok("{}".into()));
        assert!(data(r#"{"error":{"code":"ok"}}"#).is_err_and(|why| why.contains("no data")));
        assert!(data("<html>").is_err_and(|why| why.contains("6 bytes")));
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
    fn a_file_of_ids_is_read_strictly() {
        let read = |text: &str| open_ids(text.as_bytes());
        assert_eq!(read("\u{feff}7\r\n8, 9\n\n"), Ok(vec![7, 8, 9]));
        assert_eq!(read(""), Ok(vec![]));
        for no_list in ["<html>7</html>", "id\n7", "-7", "73207681965695992750", "7 8 x", r#"{"data":{}}"#] {
            assert!(read(no_list).is_err(), "{no_list}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(0_u8..=255, 0..200)) {
            let _ = (open(&bytes).is_ok(), open_ids(&bytes).is_ok());
        }

        #[test]
        fn a_file_of_ids_gives_those_ids(ids in proptest::collection::vec(1_i64.., 0..50)) {
            let text: Vec<_> = ids.iter().map(ToString::to_string).collect();
            proptest::prop_assert_eq!(open_ids(text.join("\n").as_bytes()).ok(), Some(ids));
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
