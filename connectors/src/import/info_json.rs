//! yt-dlp's `.info.json`: videos, and playlists with their entries.

use super::fields::{any, any_text, count, handle, list, opt_id, size, text, time};
use super::links::{self, Target};
use super::scope::Scope;
use super::sink::Sink;
use super::{item, user};
use serde_json::{Value, json};
use tidelake_schemas::observation::{AuthorRef, SoundRef};
use tidelake_schemas::{CreatorStats, EntityKind, Observation, VideoObservation, VideoStats};

/// Reads a video, or the entries of a playlist.
pub(super) fn read(info: &Value, scope: &Scope, sink: &mut Sink) {
    let scope = &scope.recorded(time(info, &["epoch"]));
    if let Some(other) = other_site(info) {
        return sink.count(format!("videos of {other} skipped"));
    }
    let entries = list(info, "entries");
    if text(info, &["_type"]).is_some_and(|kind| kind.contains("playlist")) || !entries.is_empty() {
        sink.note(format!("a playlist is no video: {} entries read", entries.len()));
        entries.iter().filter(|entry| entry.is_object()).for_each(|entry| read(entry, scope, sink));
        return;
    }
    read_video(info, scope, sink);
}

/// The site, if it is not TikTok.
fn other_site(info: &Value) -> Option<String> {
    let site = text(info, &["extractor_key", "extractor", "ie_key"])?;
    let url = text(info, &["webpage_url", "original_url", "url"]).unwrap_or_default();
    let ours = site.to_ascii_lowercase().contains("tiktok") || matches!(links::target(&url), Target::Video { .. });
    (!ours).then_some(site)
}

fn read_video(info: &Value, scope: &Scope, sink: &mut Sink) {
    sink.show(EntityKind::Video, info);
    let with_id = match any(info, &["id"]) {
        Some(_) => None,
        None => linked(info).map(|id| json!({"id": id})),
    };
    let Some(id) = sink.need_id(with_id.as_ref().unwrap_or(info), &["id"]) else { return };
    let author = author(info);
    read_followers(info, &author, scope, sink);
    let mut video = item::blank(id, scope);
    if let Some(at) = time(info, &["timestamp"]) {
        (video.created_at, video.created_at_derived) = (Some(at), false);
    }
    sink.push(Observation::Video(VideoObservation {
        author,
        caption: caption(info),
        kind: Some(kind(info).into()),
        duration_s: size(info, &["duration"]),
        width: size(info, &["width"]),
        height: size(info, &["height"]),
        sound: sound(info),
        stats: VideoStats {
            views: count(info, &["view_count"]),
            likes: count(info, &["like_count"]),
            comments: count(info, &["comment_count"]),
            shares: count(info, &["repost_count", "share_count"]),
            saves: count(info, &["save_count"]),
            reposts: None,
        },
        counts_rounded: true,
        ..video
    }));
}

/// The id that the video's address names.
fn linked(info: &Value) -> Option<String> {
    match links::target(&text(info, &["webpage_url", "original_url", "url"])?) {
        Target::Video { id, .. } => Some(id.to_string()),
        _ => None,
    }
}

/// The full caption; the title only where it is not cut short or made up.
fn caption(info: &Value) -> Option<String> {
    any_text(info, &["description"]).or_else(|| {
        text(info, &["fulltitle", "title"])
            .filter(|t| !t.ends_with('…') && !t.ends_with("...") && !t.starts_with("TikTok video #"))
    })
}

/// Old versions have name and handle the other way round: what the address says is the handle.
fn author(info: &Value) -> AuthorRef {
    let addressed = ["uploader_url", "webpage_url", "channel_url", "original_url"]
        .iter()
        .find_map(|key| links::handle_of(&text(info, &[key])?));
    let uploader = handle(info, &["uploader"]);
    let named = addressed.or_else(|| uploader.clone());
    let nickname = text(info, &["channel", "creator"]);
    AuthorRef {
        id: opt_id(info, &["uploader_id"]),
        nickname: nickname.or_else(|| text(info, &["uploader"]).filter(|_| uploader != named)),
        handle: named,
        sec_uid: text(info, &["channel_id"]).filter(|id| id.starts_with("MS4wLj")),
        ..AuthorRef::default()
    }
}

fn read_followers(info: &Value, author: &AuthorRef, scope: &Scope, sink: &mut Sink) {
    let followers = count(info, &["channel_follower_count"]);
    if let (Some(_), Some(named)) = (followers, author.handle.clone()) {
        let stats = CreatorStats { followers, ..CreatorStats::default() };
        let mut creator = user::blank(named, author.id, stats, scope);
        creator.nickname.clone_from(&author.nickname);
        creator.sec_uid.clone_from(&author.sec_uid);
        sink.push_side(Observation::Creator(creator));
    }
}

fn sound(info: &Value) -> SoundRef {
    let artists: Vec<&str> = list(info, "artists").iter().filter_map(Value::as_str).collect();
    let listed = (!artists.is_empty()).then(|| artists.join(", "));
    SoundRef { title: text(info, &["track"]), author: text(info, &["artist"]).or(listed), ..SoundRef::default() }
}

/// Slideshows have sound alone.
fn kind(info: &Value) -> &'static str {
    let silent = |format: &Value| text(format, &["vcodec"]).is_some_and(|codec| codec == "none");
    let formats = list(info, "formats");
    let slideshow = silent(info) && (formats.is_empty() || formats.iter().all(silent));
    if slideshow { "photo" } else { "video" }
}
