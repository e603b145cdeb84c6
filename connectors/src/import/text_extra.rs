//! The spans that the website marks in a caption, in UTF-16 code units.

use super::fields::{any, int, list, opt_id, text};
use serde_json::Value;
use tidelake_schemas::{CaptionEntity, HashtagRef};

/// The marked spans of an item; `None` when it does not say.
///
/// Items of single lists carry `contents[]` instead: spans per paragraph, which are moved to where the paragraph
/// stands in the caption.
pub(super) fn entities(item: &Value, caption: &str) -> Option<Vec<CaptionEntity>> {
    if let Some(spans) = any(item, &["textExtra", "text_extra"]).and_then(Value::as_array) {
        if !spans.is_empty() || list(item, "contents").is_empty() {
            return Some(spans.iter().filter_map(|span| entity(span, 0)).collect());
        }
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
    let hashtag = text(span, &["hashtagName", "HashtagName", "hashtag_name"]);
    let is_hashtag = match int(span, &["type", "Type"]) {
        Some(0) => false,
        Some(1) => true,
        _ => hashtag.is_some(),
    };
    let (kind, name, target_id) = if is_hashtag {
        ("hashtag", hashtag, opt_id(span, &["hashtagId", "HashtagId", "hashtag_id"]))
    } else {
        let handle = text(span, &["userUniqueId", "UserUniqueId", "user_unique_id"]);
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

/// The hashtags an item lists: its challenges, then those that only its caption marks.
pub(super) fn hashtags(item: &Value, entities: Option<&[CaptionEntity]>) -> Option<Vec<HashtagRef>> {
    let challenges = any(item, &["challenges", "challengeInfoList"]).and_then(Value::as_array);
    if challenges.is_none() && entities.is_none() {
        return None;
    }
    let listed = challenges.into_iter().flatten().filter_map(challenge);
    let marked = entities.into_iter().flatten().filter(|e| e.kind == "hashtag").filter_map(|e| {
        Some(HashtagRef { id: e.target_id, name: e.name.clone()? })
    });
    let mut all: Vec<HashtagRef> = Vec::new();
    for hashtag in listed.chain(marked) {
        let known = hashtag.name.to_lowercase();
        if !all.iter().any(|other| other.name.to_lowercase() == known) {
            all.push(hashtag);
        }
    }
    Some(all)
}

fn challenge(challenge: &Value) -> Option<HashtagRef> {
    let name = match challenge {
        Value::String(name) => name.clone(),
        _ => text(challenge, &["title", "challengeName", "cha_name"])?,
    };
    let name = name.trim_start_matches('#').to_owned();
    (!name.is_empty()).then(|| HashtagRef { id: opt_id(challenge, &["id", "challengeId", "cid"]), name })
}

/// The handles an item marks as mentioned.
pub(super) fn mentions(entities: Option<&[CaptionEntity]>) -> Option<Vec<String>> {
    let mut handles: Vec<String> = Vec::new();
    for name in entities?.iter().filter(|e| e.kind == "mention").filter_map(|e| e.name.clone()) {
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
        let tags = hashtags(&item, Some(&spans)).unwrap();
        assert_eq!(tags.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["Cats", "y"]);
        assert_eq!(mentions(Some(&spans)).unwrap(), ["bo"]);
        assert_eq!(entities(&json!({}), ""), None);
    }
}
