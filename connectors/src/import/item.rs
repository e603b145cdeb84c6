//! A video as the website describes it (`itemStruct`), of every era.

use super::fields::{any, any_flag, any_text, flag, handle, int, language, opt_id, size, text, time};
use super::scope::Scope;
use super::sink::Sink;
use super::{counts, music, text_extra, user};
use crate::reading::PLATFORM;
use serde_json::Value;
use tidelake_schemas::ids::time_of_id;
use tidelake_schemas::observation::AuthorRef;
use tidelake_schemas::{EntityKind, Observation, VideoObservation};

/// Reads an item: the video, its creator where the item counts for them, its sound where it has an id.
pub(super) fn read(item: &Value, scope: &Scope, sink: &mut Sink) {
    if item.get("liveRoomInfo").is_some_and(|room| !room.is_null()) {
        sink.count("live cards skipped");
        return;
    }
    sink.show(EntityKind::Video, item);
    let Some(id) = sink.need_id(item, &["id", "aweme_id"]) else { return };
    let author = author(item);
    user::read_author_stats(item, &author, scope, sink);
    if let Some(music) = item.get("music") {
        music::read_of_item(music, scope, sink);
    }
    let mut video = captioned(item, blank(id, scope));
    video.author = author;
    if let Some(at) = time(item, &["createTime", "create_time"]) {
        (video.created_at, video.created_at_derived) = (Some(at), false);
    }
    sink.push(Observation::Video(described(item, video)));
}

/// A video of which no more is known than its id.
pub(super) fn blank(id: i64, scope: &Scope) -> VideoObservation {
    let created_at = time_of_id(id);
    VideoObservation {
        event_id: scope.event_id(EntityKind::Video, &id.to_string()),
        platform: PLATFORM.into(),
        video_id: id,
        observed_at: scope.observed_at,
        provenance: scope.provenance(),
        created_at,
        created_at_derived: created_at.is_some(),
        ..VideoObservation::default()
    }
}

/// The author: an object, a handle, or only fields beside it.
fn author(item: &Value) -> AuthorRef {
    let mut author = any(item, &["author"]).map(user::author).unwrap_or_default();
    author.id = author.id.or_else(|| opt_id(item, &["authorId", "authorID"]));
    author.handle = author.handle.or_else(|| handle(item, &["authorUniqueId", "authorName", "uniqueId"]));
    author.nickname = author.nickname.or_else(|| text(item, &["nickname"]));
    author.sec_uid = author.sec_uid.or_else(|| text(item, &["authorSecId", "authorSecUid"]));
    author.private = author.private.or_else(|| flag(item, &["privateAccount", "authorPrivate"]));
    author
}

/// The caption and what the website marks in it.
fn captioned(item: &Value, mut video: VideoObservation) -> VideoObservation {
    video.caption = any_text(item, &["desc"]);
    let entities = text_extra::entities(item, video.caption.as_deref().unwrap_or_default());
    video.source_hashtags = text_extra::hashtags(item);
    video.source_mentions = text_extra::mentions(item);
    video.caption_entities = entities.unwrap_or_default();
    video.source_language = language(item, &["textLanguage"]);
    video.region = text(item, &["locationCreated"]);
    video
}

/// Counts, medium, sound, flags.
fn described(item: &Value, mut video: VideoObservation) -> VideoObservation {
    let media = item.get("video").unwrap_or(&Value::Null);
    video.stats = counts::video(&[item.get("stats"), item.get("statsV2"), Some(item)]);
    video.counts_rounded = true;
    video.kind = kind(item);
    video.duration_s = size(media, &["duration"]);
    video.width = size(media, &["width"]);
    video.height = size(media, &["height"]);
    video.sound = item.get("music").map(music::sound).unwrap_or_default();
    video.effect_ids = effects(item);
    video.playlist_id = opt_id(item, &["playlistId"]);
    video.is_ad = any_flag(item, &["isAd", "adAuthorization"]);
    video.is_aigc = aigc(item);
    video.is_pinned = flag(item, &["isPinnedItem"]);
    video.is_private = any_flag(item, &["privateItem", "secret", "forFriend"]);
    video
}

fn kind(item: &Value) -> Option<String> {
    if item.get("imagePost").is_some_and(|post| !post.is_null()) {
        return Some("photo".into());
    }
    item.get("video").filter(|video| video.is_object()).map(|_| "video".into())
}

fn effects(item: &Value) -> Option<Vec<String>> {
    let stickers = item.get("effectStickers")?.as_array()?;
    Some(stickers.iter().filter_map(|s| int(s, &["ID", "id"])).map(|id| id.to_string()).collect())
}

fn aigc(item: &Value) -> Option<bool> {
    let labelled = int(item, &["aigcLabelType"]).map(|label| label > 0);
    let flagged = any_flag(item, &["IsAigc", "isAigc"]);
    match (flagged, labelled) {
        (None, None) => None,
        (flagged, labelled) => Some(flagged.unwrap_or(false) || labelled.unwrap_or(false)),
    }
}

/// Whether this looks like an item: an id, and something only items have.
pub(super) fn looks_like(value: &Value) -> bool {
    let has = |keys: &[&str]| any(value, keys).is_some();
    let id = has(&["id"]) && !has(&["uniqueId"]);
    let medium = has(&["video", "imagePost", "stats", "statsV2", "music", "author", "playCount", "authorId"]);
    let (desc, time) = (has(&["desc"]), has(&["createTime"]));
    id && ((desc && time) || (medium && (desc || time)) || (has(&["stats"]) && has(&["author", "video"])))
}
