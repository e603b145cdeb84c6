//! 4CAT's records: the captured item with `__import_meta` beside its fields, or one flat row per video.

use super::fields::{any, any_text, count, flag, handle, opt_id, text, time};
use super::read::{not_understood, read_object};
use super::scope::Scope;
use super::sink::Sink;
use super::{counts, item, user};
use serde_json::Value;
use tidelake_schemas::observation::{AuthorRef, HashtagRef, SoundRef};
use tidelake_schemas::{CreatorStats, EntityKind, Observation, VideoObservation, VideoStats};

/// Reads a record of either kind.
pub(super) fn read(row: &Value, scope: &Scope, sink: &mut Sink) {
    let meta = row.get("__import_meta").unwrap_or(row);
    let scope = &scope.recorded(time(meta, &["timestamp_collected"]));
    if looks_like(row) {
        return read_row(row, scope, sink);
    }
    let mut bare = row.clone();
    if let Some(map) = bare.as_object_mut() {
        map.remove("__import_meta");
    }
    if read_object(&bare, scope, sink).is_none() {
        not_understood(row, sink);
    }
}

/// Whether this is a flat row.
pub(super) fn looks_like(value: &Value) -> bool {
    let link = text(value, &["tiktok_url"]).is_some();
    value.get("id").is_some() && value.get("body").is_some() && (link || value.get("plays").is_some())
}

fn read_row(row: &Value, scope: &Scope, sink: &mut Sink) {
    sink.show(EntityKind::Video, row);
    let Some(id) = sink.need_id(row, &["id"]) else { return };
    let author = AuthorRef {
        id: opt_id(row, &["author_id"]),
        handle: handle(row, &["author"]),
        nickname: text(row, &["author_full"]),
        ..AuthorRef::default()
    };
    read_author(row, &author, scope, sink);
    let mut video = VideoObservation { author, ..item::blank(id, scope) };
    if let Some(at) = time(row, &["unix_timestamp", "timestamp"]) {
        (video.created_at, video.created_at_derived) = (Some(at), false);
    }
    sink.push(Observation::Video(described(row, video)));
}

fn described(row: &Value, video: VideoObservation) -> VideoObservation {
    VideoObservation {
        caption: any_text(row, &["body"]),
        source_hashtags: names(row, &["hashtags", "challenges"])
            .map(|names| names.into_iter().map(|name| HashtagRef { id: None, name }).collect()),
        region: text(row, &["location_created"]),
        sound: SoundRef {
            id: opt_id(row, &["music_id"]),
            title: text(row, &["music_name"]),
            author: text(row, &["music_author"]),
            ..SoundRef::default()
        },
        stats: VideoStats {
            views: count(row, &["plays"]),
            likes: count(row, &["likes"]),
            comments: count(row, &["comments"]),
            shares: count(row, &["shares"]),
            ..VideoStats::default()
        },
        counts_rounded: true,
        is_ad: super::fields::any_flag(row, &["is_ad", "is_paid_partnership"]),
        is_pinned: flag(row, &["is_pinned"]),
        ..video
    }
}

fn read_author(row: &Value, author: &AuthorRef, scope: &Scope, sink: &mut Sink) {
    let stats = CreatorStats {
        followers: count(row, &["author_followers"]),
        videos: count(row, &["author_videos"]),
        likes_given: count(row, &["author_likes"]),
        ..CreatorStats::default()
    };
    let Some(named) = author.handle.clone().filter(|_| !counts::none_known(&stats)) else { return };
    let mut creator = user::blank(named, author.id, stats, scope);
    creator.nickname.clone_from(&author.nickname);
    sink.push_side(Observation::Creator(creator));
}

/// Names separated by commas, or listed; each once.
fn names(row: &Value, keys: &[&str]) -> Option<Vec<String>> {
    let found = any(row, keys)?;
    let all: Vec<&str> = match found {
        Value::String(joined) => joined.split(',').collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let mut names: Vec<String> = Vec::new();
    for name in all.iter().map(|name| name.trim().trim_start_matches('#')).filter(|name| !name.is_empty()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}
