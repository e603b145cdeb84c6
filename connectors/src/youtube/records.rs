//! Items of the Data API as observations. Counts come as decimal text; one that an owner hides is absent, and null here.

use super::id::number_of;
use super::{PLATFORM, names};
use crate::native::derive;
use crate::reading::{ReadContext, clean_handle, opt_bool, opt_i64, opt_str, reject};
use crate::source::Reject;
use chrono::DateTime;
use serde_json::Value;
use tidelake_schemas::observation::AuthorRef;
use tidelake_schemas::{
    CommentObservation, CreatorObservation, CreatorStats, EntityKind, Timestamp, VideoObservation, VideoStats,
};

/// Why a video is not there: the API leaves out what is deleted and what is private alike.
const GONE: &str = "not_available";

/// A channel as it names itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub(super) id: &'a str,
    pub(super) handle: Option<&'a str>,
}

/// An item of `videos.list`. The caption is the title and, after an empty line, the description. The owner's handle is
/// not part of it: it is that of `owner`, where the video is theirs.
pub(super) fn video(item: &Value, owner: Option<Owner<'_>>, context: &ReadContext) -> Result<VideoObservation, Reject> {
    let (id, video_id) = video_id(item)?;
    let part = |name: &str| item.get(name).unwrap_or(&Value::Null);
    let (snippet, statistics) = (part("snippet"), part("statistics"));
    let channel = text(snippet, "channelId");
    let known = owner.filter(|owner| Some(owner.id) == channel.as_deref());
    Ok(VideoObservation {
        created_at: time(snippet, "publishedAt"),
        author: AuthorRef {
            handle: known.and_then(|owner| owner.handle).map(str::to_owned),
            nickname: text(snippet, "channelTitle"),
            ..account(channel)
        },
        caption: caption(snippet),
        source_language: language(snippet),
        kind: Some("video".into()),
        duration_s: text(part("contentDetails"), "duration").and_then(|duration| seconds(&duration)),
        stats: VideoStats {
            views: opt_i64(statistics, "viewCount"),
            likes: opt_i64(statistics, "likeCount"),
            comments: opt_i64(statistics, "commentCount"),
            ..VideoStats::default()
        },
        ..blank(&id, video_id, context)
    })
}

/// A video that was asked for and is not in the answer.
pub(super) fn gone(id: &str, owner: Option<Owner<'_>>, context: &ReadContext) -> Option<VideoObservation> {
    let author =
        owner.map(|owner| AuthorRef { handle: owner.handle.map(str::to_owned), ..account(Some(owner.id.to_owned())) });
    Some(VideoObservation {
        author: author.unwrap_or_default(),
        unavailable: Some(GONE.into()),
        ..blank(id, number_of(id)?, context)
    })
}

/// An item of `channels.list`. Counts of subscribers are rounded to three digits
/// (developers.google.com/youtube/v3/docs/channels#statistics.subscriberCount).
pub(super) fn channel(item: &Value, context: &ReadContext) -> Result<CreatorObservation, Reject> {
    let Some(id) = text(item, "id") else {
        return Err(reject(item, "missing_id", None, "this channel has no `id`".into()));
    };
    let part = |name: &str| item.get(name).unwrap_or(&Value::Null);
    let (snippet, statistics) = (part("snippet"), part("statistics"));
    let hidden = opt_bool(statistics, "hiddenSubscriberCount") == Some(true);
    Ok(CreatorObservation {
        event_id: context.event_id(EntityKind::Creator, &id),
        platform: PLATFORM.into(),
        creator_id: Some(derive(PLATFORM, &id)),
        handle: handle_of(item).unwrap_or_else(|| id.clone()),
        native_id: Some(id),
        observed_at: context.observed_at,
        provenance: context.provenance(),
        nickname: text(snippet, "title"),
        bio: text(snippet, "description"),
        region: text(snippet, "country"),
        language: text(snippet, "defaultLanguage").map(primary),
        created_at: time(snippet, "publishedAt"),
        stats: CreatorStats {
            followers: opt_i64(statistics, "subscriberCount").filter(|_| !hidden),
            videos: opt_i64(statistics, "videoCount"),
            ..CreatorStats::default()
        },
        counts_rounded: true,
        ..CreatorObservation::default()
    })
}

/// A channel that was asked for and is not in the answer.
pub(super) fn no_channel(named: &names::Channel, context: &ReadContext) -> CreatorObservation {
    let (handle, id) = match named {
        names::Channel::Id(id) => (id, Some(id)),
        names::Channel::Handle(handle) => (handle, None),
    };
    CreatorObservation {
        event_id: context.event_id(EntityKind::Creator, handle),
        platform: PLATFORM.into(),
        creator_id: id.map(|id| derive(PLATFORM, id)),
        native_id: id.cloned(),
        handle: handle.clone(),
        observed_at: context.observed_at,
        provenance: context.provenance(),
        unavailable: Some(GONE.into()),
        ..CreatorObservation::default()
    }
}

/// The handle of a channel: its `customUrl`, `@name` since handles came in 2022; older names are none.
pub(super) fn handle_of(channel: &Value) -> Option<String> {
    let custom = text(channel.get("snippet")?, "customUrl")?;
    custom.starts_with('@').then(|| clean_handle(&custom))
}

/// A comment of `commentThreads.list`; `replies` is known of those that begin a thread.
pub(super) fn comment(
    item: &Value,
    video: &str,
    replies: Option<i64>,
    context: &ReadContext,
) -> Result<CommentObservation, Reject> {
    let Some(id) = text(item, "id") else {
        return Err(reject(item, "missing_id", None, "this comment has no `id`".into()));
    };
    let snippet = item.get("snippet").unwrap_or(&Value::Null);
    let channel = snippet.pointer("/authorChannelId/value").and_then(Value::as_str).map(str::to_owned);
    // Names of writers are handles since 2023; of closed accounts they are whatever they were.
    let (handle, nickname) = match text(snippet, "authorDisplayName") {
        Some(name) if name.starts_with('@') => (Some(clean_handle(&name)), None),
        name => (None, name),
    };
    Ok(CommentObservation {
        event_id: context.event_id(EntityKind::Comment, &id),
        platform: PLATFORM.into(),
        comment_id: derive(PLATFORM, &id),
        native_id: Some(id),
        video_id: number_of(video),
        parent_comment_id: text(snippet, "parentId").map(|parent| derive(PLATFORM, &parent)),
        observed_at: context.observed_at,
        provenance: context.provenance(),
        created_at: time(snippet, "publishedAt"),
        text: opt_str(snippet, "textDisplay"),
        likes: opt_i64(snippet, "likeCount"),
        replies,
        author: AuthorRef { handle, nickname, ..account(channel) },
        ..CommentObservation::default()
    })
}

fn blank(id: &str, video_id: i64, context: &ReadContext) -> VideoObservation {
    VideoObservation {
        event_id: context.event_id(EntityKind::Video, id),
        platform: PLATFORM.into(),
        video_id,
        native_id: Some(id.to_owned()),
        observed_at: context.observed_at,
        provenance: context.provenance(),
        ..VideoObservation::default()
    }
}

fn account(native_id: Option<String>) -> AuthorRef {
    AuthorRef { id: native_id.as_deref().map(|id| derive(PLATFORM, id)), native_id, ..AuthorRef::default() }
}

fn video_id(item: &Value) -> Result<(String, i64), Reject> {
    let Some(id) = text(item, "id") else {
        return Err(reject(item, "missing_id", None, "this video has no `id`".into()));
    };
    match number_of(&id) {
        Some(number) => Ok((id, number)),
        None => {
            let what = format!("`id` = {id:?} is no video id: eleven characters of base64url are");
            Err(reject(item, "invalid_id", Some(id), what))
        }
    }
}

fn caption(snippet: &Value) -> Option<String> {
    match (text(snippet, "title"), text(snippet, "description")) {
        (Some(title), Some(description)) => Some(format!("{title}\n\n{description}")),
        (title, description) => title.or(description),
    }
}

/// What is spoken, else what is written; the language alone, without country and script.
fn language(snippet: &Value) -> Option<String> {
    text(snippet, "defaultAudioLanguage").or_else(|| text(snippet, "defaultLanguage")).map(primary)
}

fn primary(tag: String) -> String {
    tag.split('-').next().unwrap_or_default().to_lowercase()
}

/// A text that is not empty.
fn text(object: &Value, name: &str) -> Option<String> {
    opt_str(object, name).filter(|text| !text.is_empty())
}

fn time(object: &Value, name: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(object.get(name)?.as_str()?).ok().map(|instant| instant.to_utc().into())
}

/// An ISO 8601 duration (`P1DT2H10M5S`) in seconds. `P0D` is a stream that has not ended: unknown.
fn seconds(text: &str) -> Option<i32> {
    let (mut total, mut digits) = (0_i32, String::new());
    for c in text.strip_prefix('P')?.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            'T' => continue,
            'W' => 604_800,
            'D' => 86_400,
            'H' => 3600,
            'M' => 60,
            'S' => 1,
            _ => return None,
        };
        total = total.checked_add(std::mem::take(&mut digits).parse::<i32>().ok()?.checked_mul(unit)?)?;
    }
    Some(total).filter(|seconds| *seconds > 0 && digits.is_empty())
}

#[cfg(test)]
mod unit {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        let cases = [("PT4M13S", 253), ("PT1H", 3600), ("P1DT2H10M5S", 94_205), ("PT59S", 59), ("P1W", 604_800)];
        for (text, expected) in cases {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["P0D", "", "PT", "4M", "PT4", "PT-4S", "PT9999999999S", "PTS"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_duration_is_read_or_refused(text in any::<String>(), near in "P[0-9TWDHMS]{0,12}") {
            _ = (seconds(&text), seconds(&near));
        }
    }
}
