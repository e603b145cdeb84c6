//! Which shape a JSON document has, told by its content.

use super::fields::{any, text};
use super::{Shape, archive, channel_export, comment, envelope, flat_row, item, refusal, research_json};
use serde_json::Value;

/// How deep wrappers of re-sellers are opened.
const WRAPPERS: usize = 4;

/// The shape of an object, and where in it the content sits: re-sellers wrap answers in `{data: …}` and the like.
pub(super) fn locate(value: &Value) -> Option<(Shape, &Value)> {
    locate_within(value, WRAPPERS)
}

fn locate_within(value: &Value, depth: usize) -> Option<(Shape, &Value)> {
    if let Some(shape) = shape_of(value) {
        return Some((shape, value));
    }
    let inner = ["data", "body", "response", "result"].iter().filter_map(|key| value.get(key));
    let found = if depth == 0 {
        None
    } else {
        inner.filter(|v| v.is_object() || v.is_array()).find_map(|inner| match inner {
            Value::Array(entries) => {
                let (shape, _) = entries.iter().find_map(|entry| locate_within(entry, 0))?;
                Some((shape, inner))
            }
            _ => locate_within(inner, depth - 1),
        })
    };
    found.or_else(|| refusal::is_whole(value).then_some((Shape::SoftBlock, value)))
}

/// The shape of this object itself. The order matters: what is told by a name of its own comes first.
fn shape_of(value: &Value) -> Option<Shape> {
    if !value.is_object() {
        return None;
    }
    named(value).or_else(|| page_state(value)).or_else(|| by_fields(value)).or_else(|| web(value))
}

/// Shapes that name their tool or service.
fn named(value: &Value) -> Option<Shape> {
    if value.get("__import_meta").is_some() || flat_row::looks_like(value) {
        return Some(Shape::FourCat);
    }
    if is_capture(value) {
        return Some(Shape::Zeeschuimer);
    }
    if research_json::is_answer(value) {
        return Some(research_json::shape(value));
    }
    if is_oembed(value) {
        return Some(Shape::OEmbed);
    }
    is_info_json(value).then_some(Shape::InfoJson)
}

fn is_capture(value: &Value) -> bool {
    let marks = ["source_platform", "source_platform_url", "timestamp_collected", "item_id", "nav_index"];
    value.get("data").is_some_and(Value::is_object) && any(value, &marks).is_some()
}

fn is_oembed(value: &Value) -> bool {
    let provider = text(value, &["provider_name"]).is_some_and(|name| name.eq_ignore_ascii_case("tiktok"));
    let has = |key: &str| value.get(key).is_some();
    has("html") && (provider || has("embed_product_id") || (has("author_url") && has("version")))
}

fn is_info_json(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    let tool = ["extractor", "extractor_key", "_version", "webpage_url"].iter().any(|key| has(key));
    let playlist = text(value, &["_type"]).is_some_and(|kind| kind == "playlist") && (has("entries") || has("id"));
    let fields =
        ["uploader", "upload_date", "repost_count", "formats", "channel_url"].iter().filter(|k| has(k)).count();
    playlist || (has("id") && (tool || fields >= 2))
}

/// Documents of whole pages.
fn page_state(value: &Value) -> Option<Shape> {
    let object = |key: &str| value.get(key).is_some_and(Value::is_object);
    let scope = value.as_object().is_some_and(|map| map.keys().any(|key| key.starts_with("webapp.")));
    if object("__DEFAULT_SCOPE__") || scope {
        return Some(Shape::Hydration);
    }
    if object("ItemModule") || object("UserModule") {
        return Some(Shape::SigiState);
    }
    if value.pointer("/props/pageProps").is_some() || object("pageProps") {
        return Some(Shape::NextData);
    }
    value.pointer("/source/data").is_some_and(Value::is_object).then_some(Shape::EmbedState)
}

/// Records told by their fields.
fn by_fields(value: &Value) -> Option<Shape> {
    if archive::looks_like(value) {
        return Some(Shape::Archive);
    }
    if research_json::is_record(value) {
        return Some(research_json::shape(value));
    }
    if channel_export::looks_like(value) {
        return Some(Shape::ChannelExport);
    }
    None
}

/// Answers of the website and single records of them.
fn web(value: &Value) -> Option<Shape> {
    if item::looks_like(value) {
        return Some(Shape::WebItem);
    }
    if comment::looks_like(value) {
        return Some(Shape::WebComments);
    }
    if is_user(value) {
        return Some(Shape::WebUser);
    }
    if is_search(value) {
        return Some(Shape::WebSearch);
    }
    if envelope::has_parts(value) {
        return Some(part(value));
    }
    // Only `{comments: null, …}`: a video without comments.
    let no_comments = value.get("comments").is_some_and(Value::is_null) && value.get("status_code").is_some();
    no_comments.then_some(Shape::WebComments)
}

/// What an answer is about.
fn part(value: &Value) -> Shape {
    let object = |keys: &[&str]| keys.iter().any(|key| value.get(key).is_some_and(Value::is_object));
    if object(&["itemInfo", "itemStruct", "itemInfos", "videoData"]) {
        return if refusal_only(value) { Shape::SoftBlock } else { Shape::WebItem };
    }
    if object(&["userInfo", "userData"]) {
        return Shape::WebUser;
    }
    if object(&["challengeInfo", "challengeData"]) {
        return Shape::WebChallenge;
    }
    if object(&["musicInfo", "musicData"]) {
        return Shape::WebMusic;
    }
    if value.get("comments").is_some() {
        return Shape::WebComments;
    }
    if value.get("searchItemList").is_some() { Shape::WebSearch } else { Shape::WebItemList }
}

/// A detail answer whose item is empty.
fn refusal_only(value: &Value) -> bool {
    let item = value.pointer("/itemInfo/itemStruct").or_else(|| value.get("itemStruct"));
    let parts = ["itemInfos", "videoData", "userInfo"].iter().any(|key| value.get(key).is_some());
    let legacy = value.pointer("/itemInfo/itemInfos").is_some();
    !parts && !legacy && item.is_none_or(|item| item.as_object().is_none_or(serde_json::Map::is_empty))
}

fn is_search(value: &Value) -> bool {
    let entry = |entry: &Value| entry.get("type").is_some() && any(entry, &["item", "user_list", "common"]).is_some();
    let data = value.get("data").and_then(Value::as_array);
    let listed = data.is_some_and(|entries| entries.iter().any(entry));
    let empty =
        data.is_some_and(Vec::is_empty) && value.get("status_code").is_some() && value.get("has_more").is_some();
    let users = value.get("user_list").and_then(Value::as_array);
    listed || empty || users.is_some_and(|list| list.iter().any(|user| user.get("user_info").is_some()))
}

/// `{user, stats}` of a profile, or a flat profile.
fn is_user(value: &Value) -> bool {
    let named = |user: &Value| any(user, &["uniqueId", "unique_id"]).is_some();
    let counted = any(value, &["stats", "statsV2"]).is_some();
    let flat = named(value) && any(value, &["followerCount", "follower_count", "secUid", "fans"]).is_some();
    (counted && value.get("user").is_some_and(named)) || (flat && value.get("desc").is_none())
}
