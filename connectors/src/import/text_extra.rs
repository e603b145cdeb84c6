//! The spans that the website marks in a caption, in UTF-16 code units.

use super::fields::{any, int, list, opt_id, text};
use serde_json::Value;
use tidelake_schemas::{CaptionEntity, HashtagRef};

const HASHTAG_NAME: [&str; 3] = ["hashtagName", "HashtagName", "hashtag_name"];
const HASHTAG_ID: [&str; 3] = ["hashtagId", "HashtagId", "hashtag_id"];
const HANDLE: [&str; 3] = ["userUniqueId", "UserUniqueId", "user_unique_id"];

/// The marked spans of an item; `None` when it does not say.
///
/// Items of single lists carry `contents[]` instead: spans per paragraph, which are moved to where the paragraph
/// stands in the caption.
pub(super) fn entities(item: &Value, caption: &str) -> Option<Vec<CaptionEntity>> {
    if let Some(spans) = any(item, &["textExtra", "text_extra"]).and_then(Value::as_array)
        && (!spans.is_empty() || list(item, "contents").is_empty())
    {
        return Some(spans.iter().filter_map(|span| entity(span, 0)).collect());
    }
    let contents = item.get("contents")?.as_array()?;
    let units: Vec<u16> = caption.encode_utf16().collect();
    let mut from = 0;
    let mut found = Vec::new();
    for paragraph in contents {
        let desc: Vec<u16> = paragraph.get("desc").and_then(Value::as_str).unwrap_or_default().encode_utf16().collect();
        let Some(start) = position(&units, &desc, from) else { continue };
        from = start + desc.len();
        let shift = i32::try_from(start).unwrap_or(0);
        found.extend(list(paragraph, "textExtra").iter().filter_map(|span| entity(span, shift)));
    }
    Some(found)
}

/// Where `part` begins in `whole`, from `from` on.
fn position(whole: &[u16], part: &[u16], from: usize) -> Option<usize> {
    let rest = whole.get(from..)?;
    if part.is_empty() || rest.starts_with(part) {
        return Some(from);
    }
    rest.windows(part.len()).position(|window| window == part).map(|at| from + at)
}

fn entity(span: &Value, shift: i32) -> Option<CaptionEntity> {
    let start = i32::try_from(int(span, &["start", "Start"])?).ok()?.checked_add(shift)?;
    let end = i32::try_from(int(span, &["end", "End"])?).ok()?.checked_add(shift)?;
    if start < 0 || end < start {
        return None;
    }
    let hashtag = text(span, &HASHTAG_NAME);
    let is_hashtag = match int(span, &["type", "Type"]) {
        Some(0) => false,
        Some(1) => true,
        _ => hashtag.is_some(),
    };
    let (kind, name, target_id) = if is_hashtag {
        ("hashtag", hashtag, opt_id(span, &HASHTAG_ID))
    } else {
        let handle = text(span, &HANDLE);
        ("mention", handle, opt_id(span, &["userId", "UserId", "user_id"]))
    };
    // A span that says neither what nor whom it marks marks nothing that is known.
    (name.is_some() || target_id.is_some()).then(|| CaptionEntity {
        kind: kind.into(),
        start_utf16: start,
        end_utf16: end,
        name,
        target_id,
    })
}

/// Every span of an item, with or without a position: reduced items keep only what a span names.
fn spans(item: &Value) -> Option<Vec<&Value>> {
    let whole = any(item, &["textExtra", "text_extra"]).and_then(Value::as_array);
    let contents = item.get("contents").and_then(Value::as_array);
    if whole.is_none() && contents.is_none() {
        return None;
    }
    let parts = contents.into_iter().flatten().flat_map(|part| list(part, "textExtra"));
    Some(whole.into_iter().flatten().chain(parts).collect())
}

/// The hashtags an item lists: its challenges, then those that only its caption marks; `None` when it does not say.
pub(super) fn hashtags(item: &Value) -> Option<Vec<HashtagRef>> {
    let challenges = any(item, &["challenges", "challengeInfoList"]).and_then(Value::as_array);
    let spans = spans(item);
    if challenges.is_none() && spans.is_none() {
        return None;
    }
    let listed = challenges.into_iter().flatten().filter_map(challenge);
    let marked = spans.into_iter().flatten().filter_map(marked_hashtag);
    let mut all: Vec<HashtagRef> = Vec::new();
    for hashtag in listed.chain(marked) {
        let known = hashtag.name.to_lowercase();
        if !all.iter().any(|other| other.name.to_lowercase() == known) {
            all.push(hashtag);
        }
    }
    Some(all)
}

fn marked_hashtag(span: &Value) -> Option<HashtagRef> {
    let name = text(span, &HASHTAG_NAME)?;
    Some(HashtagRef { id: opt_id(span, &HASHTAG_ID), name })
}

fn challenge(challenge: &Value) -> Option<HashtagRef> {
    let name = match challenge {
        Value::String(name) => name.clone(),
        _ => text(challenge, &["title", "challengeName", "cha_name"])?,
    };
    let name = name.trim_start_matches('#').to_owned();
    (!name.is_empty()).then(|| HashtagRef { id: opt_id(challenge, &["id", "challengeId", "cid"]), name })
}

/// The handles an item marks as mentioned; `None` when it does not say.
pub(super) fn mentions(item: &Value) -> Option<Vec<String>> {
    let mut handles: Vec<String> = Vec::new();
    for name in spans(item)?.into_iter().filter_map(|span| text(span, &HANDLE)) {
        if !handles.contains(&name) {
            handles.push(name);
        }
    }
    Some(handles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spans_of_paragraphs_are_moved_into_the_caption() {
        let item = json!({"contents": [
            {"desc": "🔭 one", "textExtra": []},
            {"desc": "two #x", "textExtra": [{"start": 4, "end": 6, "type": 1, "hashtagName": "x"}]},
        ]});
        let spans = entities(&item, "🔭 one\ntwo #x").unwrap();
        assert_eq!((spans[0].start_utf16, spans[0].end_utf16), (11, 13));
        assert_eq!(spans[0].kind, "hashtag");
    }

    #[test]
    fn mentions_and_hashtags_are_told_apart() {
        let item = json!({
            "challenges": [{"id": "5", "title": "Cats"}],
            "textExtra": [
                {"start": 0, "end": 5, "type": 1, "hashtagName": "cats", "hashtagId": "5"},
                {"start": 6, "end": 9, "type": 0, "userUniqueId": "bo", "userId": "77"},
                {"start": 10, "end": 12, "type": 1, "hashtagName": "y"},
                {"start": 3, "end": 1, "type": 1, "hashtagName": "bad"},
                {"start": 0, "end": 1, "type": 0},
            ],
        });
        let spans = entities(&item, "").unwrap();
        assert_eq!(spans.len(), 3);
        let tags = hashtags(&item).unwrap();
        assert_eq!(tags.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["Cats", "y", "bad"]);
        assert_eq!(mentions(&item).unwrap(), ["bo"]);
        assert_eq!(entities(&json!({}), ""), None);
    }
}
