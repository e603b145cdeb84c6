//! Items of YouTube's lists.

use super::{channel_id, video_id};
use crate::world::{Comment, Creator, Video};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// Replies that come along with their thread.
const ALONG: usize = 5;

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn hides_likes(video: &Video<'_>) -> bool {
    video.index().is_multiple_of(7)
}

pub(super) fn has_no_comments(video: &Video<'_>) -> bool {
    video.index() % 9 == 4
}

pub(super) fn channel(creator: &Creator, now: DateTime<Utc>) -> Value {
    let id = channel_id(creator.index, "UC");
    let hidden = creator.index % 5 == 4;
    let mut statistics = json!({
        "viewCount": (creator.likes_at(now) * 11).to_string(), "videoCount": creator.videos_at(now).to_string(),
        "hiddenSubscriberCount": hidden, "subscriberCount": rounded(creator.followers_at(now)).to_string(),
    });
    if hidden {
        statistics["subscriberCount"] = json!("0");
    }
    let mut snippet = json!({
        "title": creator.display_name, "description": creator.bio, "customUrl": format!("@{}", creator.handle),
        "publishedAt": instant(DateTime::from_timestamp(creator.id >> 32, 0).unwrap_or_default()),
        "thumbnails": {"default": {"url": creator.avatar_url, "width": 88, "height": 88}},
        "localized": {"title": creator.display_name, "description": creator.bio},
    });
    if creator.index.is_multiple_of(2) {
        snippet["country"] = json!(creator.region_code);
    }
    json!({
        "kind": "youtube#channel", "etag": "e", "id": id, "snippet": snippet, "statistics": statistics,
        "contentDetails": {"relatedPlaylists": {"likes": "", "uploads": channel_id(creator.index, "UU")}},
    })
}

pub(super) fn upload(video: &Video<'_>) -> Value {
    let details = json!({"videoId": video_id(video.id()), "videoPublishedAt": instant(video.created_at())});
    json!({"kind": "youtube#playlistItem", "etag": "e", "id": format!("UExu{}", video.index()), "contentDetails": details})
}

pub(super) fn result(video: &Video<'_>) -> Value {
    json!({"kind": "youtube#searchResult", "etag": "e",
           "id": {"kind": "youtube#video", "videoId": video_id(video.id())}})
}

pub(super) fn video(video: &Video<'_>, now: DateTime<Utc>) -> Value {
    let (creator, stats, text) = (video.creator(), video.stats_at(now), video.caption().text);
    let mut statistics = json!({"viewCount": stats.views.to_string(), "favoriteCount": "0"});
    if !hides_likes(video) {
        statistics["likeCount"] = json!(stats.likes.to_string());
    }
    if !has_no_comments(video) {
        statistics["commentCount"] = json!(stats.comments.to_string());
    }
    let snippet = json!({
        "publishedAt": instant(video.created_at()), "channelId": channel_id(creator.index, "UC"),
        "title": text.chars().take(100).collect::<String>(), "description": text, "channelTitle": creator.display_name,
        "categoryId": "22", "liveBroadcastContent": "none", "defaultAudioLanguage": format!("{}-001", video.language()),
    });
    let (minutes, seconds) = (video.duration() / 60, video.duration() % 60);
    let duration = if minutes > 0 { format!("PT{minutes}M{seconds}S") } else { format!("PT{seconds}S") };
    let details = json!({"duration": duration, "dimension": "2d", "definition": "hd", "caption": "false"});
    json!({"kind": "youtube#video", "etag": "e", "id": video_id(video.id()), "snippet": snippet,
           "contentDetails": details, "statistics": statistics})
}

pub(super) fn thread(video: &Video<'_>, number: u64, now: DateTime<Utc>) -> Value {
    let written = |number| video.comment(number, now);
    let replies: Vec<u64> = video.replies_at(number, now).collect();
    let top = written(number).map(|comment| comment_of(video, &comment, None)).unwrap_or_default();
    let along = replies.iter().take(ALONG).filter_map(|reply| Some(comment_of(video, &written(*reply)?, Some(number))));
    let along: Vec<Value> = along.collect();
    let snippet = json!({"videoId": video_id(video.id()), "topLevelComment": top, "canReply": false,
                         "totalReplyCount": replies.len(), "isPublic": true});
    let mut thread =
        json!({"kind": "youtube#commentThread", "etag": "e", "id": native(video, number), "snippet": snippet});
    if !along.is_empty() {
        thread["replies"] = json!({ "comments": along });
    }
    thread
}

fn comment_of(video: &Video<'_>, comment: &Comment, parent: Option<u64>) -> Value {
    let writer = comment.id as u64 % 1000;
    let mut snippet = json!({
        "videoId": video_id(video.id()), "textDisplay": comment.text, "textOriginal": comment.text,
        "authorDisplayName": format!("@viewer{writer}"), "authorChannelId": {"value": channel_id(writer << 40, "UC")},
        "likeCount": comment.likes, "publishedAt": instant(comment.created_at),
        "updatedAt": instant(comment.created_at),
    });
    let mut id = native(video, comment.number);
    if let Some(parent) = parent {
        let thread = native(video, parent);
        id = format!("{thread}.{id}");
        snippet["parentId"] = json!(thread);
    }
    json!({"kind": "youtube#comment", "etag": "e", "id": id, "snippet": snippet})
}

/// `Ug` and 24 characters, as comments' ids look.
fn native(video: &Video<'_>, number: u64) -> String {
    let bytes = [video.id().to_be_bytes(), number.to_be_bytes()].concat();
    format!("Ugx{}4AaABAg", URL_SAFE_NO_PAD.encode(bytes))
}

/// To three digits, downwards.
fn rounded(count: i64) -> i64 {
    let step = 10_i64.pow(count.max(1).ilog10().saturating_sub(2));
    count / step * step
}
