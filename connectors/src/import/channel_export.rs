//! Dumps of accounts with YouTube-like field names: videos (`videoId`, `viewCount`) and channels (`followerCount`).

use super::fields::{any_text, count, handle, list, opt_id, size, text, time};
use super::scope::Scope;
use super::sink::Sink;
use super::{item, user};
use serde_json::Value;
use tidelake_schemas::observation::{AuthorRef, HashtagRef};
use tidelake_schemas::{CreatorStats, EntityKind, Observation, VideoObservation, VideoStats};

/// Whether this is a record of such a dump.
pub(super) fn looks_like(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    let video = has("videoId") && (has("viewCount") || has("publishedDate") || has("channelTitle"));
    video || (has("channelId") && (has("followerCount") || has("heartCount")))
}

/// Reads a video or a channel.
pub(super) fn read(record: &Value, scope: &Scope, sink: &mut Sink) {
    if record.get("videoId").is_some() || record.get("followerCount").is_none() {
        sink.show(EntityKind::Video, record);
        return read_video(record, scope, sink);
    }
    sink.show(EntityKind::Creator, record);
    let Some(named) = handle(record, &["channelId"]) else {
        sink.reject("missing_id", "this channel has no channelId; look at the payload".into(), None, record);
        return;
    };
    let stats = CreatorStats {
        followers: count(record, &["followerCount"]),
        following: count(record, &["followingCount"]),
        likes: count(record, &["heartCount"]),
        videos: count(record, &["videoCount"]),
        likes_given: count(record, &["likeCount", "diggCount"]),
        friends: None,
    };
    let mut creator = user::blank(named, opt_id(record, &["etag"]), stats, scope);
    creator.nickname = text(record, &["channelTitle"]);
    creator.bio = any_text(record, &["description"]);
    creator.bio_url = text(record, &["link"]);
    creator.commerce = super::fields::flag(record, &["commerceUser"]);
    sink.push(Observation::Creator(creator));
}

fn read_video(record: &Value, scope: &Scope, sink: &mut Sink) {
    let Some(id) = sink.need_id(record, &["videoId"]) else { return };
    let mut video = item::blank(id, scope);
    if let Some(at) = time(record, &["publishedDate", "publishedAt"]) {
        (video.created_at, video.created_at_derived) = (Some(at), false);
    }
    sink.push(Observation::Video(VideoObservation {
        author: AuthorRef {
            handle: handle(record, &["channelId"]),
            nickname: text(record, &["channelTitle"]),
            ..AuthorRef::default()
        },
        caption: any_text(record, &["title"]).filter(|t| !t.is_empty()).or_else(|| any_text(record, &["description"])),
        source_hashtags: record.get("tags").filter(|tags| tags.is_array()).map(|_| tags(record)),
        source_language: text(record, &["defaultLanguage"]),
        duration_s: size(record, &["duration"]),
        kind: size(record, &["duration"]).map(|_| "video".into()),
        stats: VideoStats {
            views: count(record, &["viewCount"]),
            likes: count(record, &["likeCount"]),
            comments: count(record, &["commentCount"]),
            shares: count(record, &["shareCount"]),
            saves: count(record, &["favoriteCount", "collectCount"]),
            reposts: count(record, &["repostCount"]),
        },
        counts_rounded: true,
        ..video
    }));
}

fn tags(record: &Value) -> Vec<HashtagRef> {
    let names = list(record, "tags").iter().filter_map(Value::as_str).map(|tag| tag.trim().trim_start_matches('#'));
    names.filter(|name| !name.is_empty()).map(|name| HashtagRef { id: None, name: name.to_owned() }).collect()
}
