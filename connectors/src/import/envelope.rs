//! Answers of the website's own calls, and the wrappers of its page state: everything known in them is read.

use super::fields::{any, int, list, time};
use super::scope::Scope;
use super::sink::Sink;
use super::{challenge, comment, item, legacy_item, music, refusal, user};
use serde_json::Value;

/// Keys under which an answer lists items.
const LISTS: [&str; 6] = ["itemList", "item_list", "items", "searchItemList", "itemListData", "videoList"];

/// Reads whatever an answer holds: an item, a profile, a hashtag, a sound, lists of them, comments.
pub(super) fn read(answer: &Value, scope: &Scope, sink: &mut Sink) {
    let now = answer.get("extra").and_then(|extra| time(extra, &["now"]));
    let scope = &scope.recorded(now);
    if let Some(refusal) = refusal::of(answer) {
        sink.note(format!("holds no record: {refusal}"));
    }
    // Profiles first: they count more exactly than the items of the same answer.
    read_infos(answer, scope, sink);
    read_single(answer, scope, sink);
    for key in LISTS {
        list(answer, key).iter().for_each(|entry| read_entry(entry, scope, sink));
    }
    list(answer, "data").iter().for_each(|entry| read_search_entry(entry, scope, sink));
    list(answer, "comments").iter().for_each(|entry| read_comment(entry, scope, sink));
    list(answer, "user_list").iter().for_each(|entry| read_user_entry(entry, scope, sink));
}

/// The one item of a detail answer.
fn read_single(answer: &Value, scope: &Scope, sink: &mut Sink) {
    let info = any(answer, &["itemInfo", "videoData", "videoInfo"]).unwrap_or(answer);
    if info.get("itemInfos").is_some() {
        return legacy_item::read(info, scope, sink);
    }
    match info.get("itemStruct") {
        Some(Value::Object(item)) if item.is_empty() => sink.note(EMPTY_ITEM),
        Some(item @ Value::Object(_)) => item::read(item, scope, sink),
        Some(_) => sink.note(EMPTY_ITEM),
        None => {}
    }
}

const EMPTY_ITEM: &str =
    "holds no record: the item is empty (the website's soft refusal; ask again in another session)";

/// Profile, hashtag and sound pages.
fn read_infos(answer: &Value, scope: &Scope, sink: &mut Sink) {
    let object = |keys: &[&str]| any(answer, keys).filter(|info| info.as_object().is_some_and(|map| !map.is_empty()));
    if let Some(info) = object(&["userInfo", "userData"]) {
        if !info.get("user").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
            user::read_info(info, scope, sink);
        }
        list(info, "itemList").iter().for_each(|entry| read_entry(entry, scope, sink));
    }
    if let Some(info) = object(&["challengeInfo", "challengeData"]) {
        challenge::read_info(info, scope, sink);
    }
    if let Some(info) = object(&["musicInfo", "musicData"]) {
        music::read_info(info, scope, sink);
    }
}

/// An entry of a list of items.
pub(super) fn read_entry(entry: &Value, scope: &Scope, sink: &mut Sink) {
    if !entry.is_object() {
        return not_an_object("entry of a list of videos", entry, sink);
    }
    if entry.get("itemInfos").is_some() {
        return legacy_item::read(entry, scope, sink);
    }
    match any(entry, &["itemStruct", "item"]).filter(|inner| inner.is_object()) {
        Some(_) if entry.get("type").is_some() => read_search_entry(entry, scope, sink),
        Some(inner) => item::read(inner, scope, sink),
        None => item::read(entry, scope, sink),
    }
}

/// An entry of a search answer: type 1 is a video, the others are cards of users, lives, suggestions.
fn read_search_entry(entry: &Value, scope: &Scope, sink: &mut Sink) {
    let kind = int(entry, &["type"]).unwrap_or(1);
    if !entry.is_object() {
        return not_an_object("search entry", entry, sink);
    }
    if kind != 1 {
        let what = if entry.get("user_list").is_some() { " (users)" } else { "" };
        return sink.count(format!("search entries of type {kind}{what} skipped"));
    }
    match entry.get("item") {
        Some(item @ Value::Object(_)) => item::read(item, scope, sink),
        Some(_) => not_an_object("search entry's item", entry, sink),
        None if item::looks_like(entry) => item::read(entry, scope, sink),
        None => sink.count("search entries without an item skipped"),
    }
}

/// An entry of a list of comments.
pub(super) fn read_comment(entry: &Value, scope: &Scope, sink: &mut Sink) {
    if entry.is_object() {
        comment::read(entry, scope, sink);
    } else {
        not_an_object("comment", entry, sink);
    }
}

fn read_user_entry(entry: &Value, scope: &Scope, sink: &mut Sink) {
    let info = entry.get("user_info").unwrap_or(entry);
    if info.is_object() {
        user::read_info(info, scope, sink);
    } else {
        not_an_object("user", entry, sink);
    }
}

fn not_an_object(what: &str, entry: &Value, sink: &mut Sink) {
    let message = format!("this {what} is not a JSON object; look at the payload of this dead letter");
    sink.reject("not_an_object", message, None, entry);
}

/// Whether an object has any of the parts that [`read`] reads.
pub(super) fn has_parts(value: &Value) -> bool {
    let object = |key: &str| value.get(key).is_some_and(Value::is_object);
    let array = |key: &str| value.get(key).is_some_and(Value::is_array);
    ["itemInfo", "itemStruct", "userInfo", "userData", "challengeInfo", "challengeData", "musicInfo", "musicData"]
        .iter()
        .any(|key| object(key))
        || LISTS.iter().any(|key| list_of_items(value, key))
        || (array("comments") && !item::looks_like(value))
        || value.get("itemInfos").is_some_and(Value::is_object)
        || value.get("videoData").is_some_and(|data| data.get("itemInfos").is_some())
}

/// `items` and the like are common words: an empty list must stand beside a status to count.
fn list_of_items(value: &Value, key: &str) -> bool {
    let Some(entries) = value.get(key).and_then(Value::as_array) else { return false };
    match entries.iter().find(|entry| entry.is_object()) {
        Some(first) => {
            item::looks_like(first)
                || ["itemInfos", "itemStruct", "item", "liveRoomInfo"].iter().any(|k| first.get(k).is_some())
                || (key != "items" && first.get("id").is_some())
        }
        None => key != "items" || any(value, &["statusCode", "status_code", "hasMore", "maxCursor"]).is_some(),
    }
}
