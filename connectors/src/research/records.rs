//! Items of Research API answers as observations. Also used for files that hold such items.

use crate::reading::{
    PLATFORM, ReadContext, clean_handle, opt_bool, opt_handle, opt_i32, opt_i64, opt_id, opt_str, opt_texts,
    opt_time_secs, reject, required_id,
};
use crate::source::Reject;
use serde_json::Value;
use tidelake_schemas::observation::{
    AuthorRef, CommentObservation, CreatorObservation, CreatorStats, HashtagRef, SoundRef, VideoObservation, VideoStats,
};
use tidelake_schemas::{EntityKind, Timestamp, ids};

/// A video of `data.videos`. The id is accepted as `id` (live answers) and as `video_id` (the documentation).
///
/// # Errors
/// A [`Reject`] when the record is no object or has no usable id.
pub fn read_video(value: &Value, context: &ReadContext) -> Result<VideoObservation, Reject> {
    let video_id = required_id(value, &["id", "video_id"])?;
    let (created_at, created_at_derived) = creation(value, video_id);
    Ok(VideoObservation {
        event_id: context.event_id(EntityKind::Video, &video_id.to_string()),
        platform: PLATFORM.into(),
        video_id,
        observed_at: context.observed_at,
        provenance: context.provenance(),
        created_at,
        created_at_derived,
        author: AuthorRef { handle: opt_handle(value, "username"), ..AuthorRef::default() },
        caption: opt_str(value, "video_description"),
        source_hashtags: hashtags(value),
        source_mentions: opt_texts(value, "video_mention_list"),
        region: opt_str(value, "region_code"),
        duration_s: opt_i32(value, "video_duration"),
        sound: SoundRef { id: opt_id(value, "music_id"), ..SoundRef::default() },
        stats: video_stats(value),
        voice_to_text: opt_str(value, "voice_to_text"),
        effect_ids: effects(value),
        playlist_id: opt_id(value, "playlist_id"),
        is_ad: tagged(value, "branded"),
        is_aigc: tagged(value, "aigc"),
        ..VideoObservation::default()
    })
}

/// A comment of `data.comments`. A parent that is the video itself means a top-level comment: no parent.
///
/// # Errors
/// A [`Reject`] when the record is no object or has no usable id.
pub fn read_comment(value: &Value, context: &ReadContext) -> Result<CommentObservation, Reject> {
    let comment_id = required_id(value, &["id", "comment_id"])?;
    let video_id = opt_id(value, "video_id");
    Ok(CommentObservation {
        event_id: context.event_id(EntityKind::Comment, &comment_id.to_string()),
        platform: PLATFORM.into(),
        comment_id,
        video_id,
        parent_comment_id: opt_id(value, "parent_comment_id").filter(|&parent| Some(parent) != video_id),
        observed_at: context.observed_at,
        provenance: context.provenance(),
        created_at: creation(value, comment_id).0,
        text: opt_str(value, "text"),
        likes: opt_i64(value, "like_count"),
        replies: opt_i64(value, "reply_count"),
        author: AuthorRef {
            handle: opt_handle(value, "username"),
            nickname: opt_str(value, "display_name"),
            ..AuthorRef::default()
        },
        ..CommentObservation::default()
    })
}

/// The flat object of `user/info`, which does not say whose it is: `username` was asked for.
///
/// # Errors
/// A [`Reject`] when the record is no object or no handle is left of `username`.
pub fn read_user(value: &Value, username: &str, context: &ReadContext) -> Result<CreatorObservation, Reject> {
    let handle = clean_handle(username);
    if !value.is_object() {
        return Err(reject(value, "not_an_object", Some(handle), "the user is not a JSON object".into()));
    }
    if handle.is_empty() {
        return Err(reject(value, "missing_id", None, "the user has no handle".into()));
    }
    Ok(CreatorObservation {
        event_id: context.event_id(EntityKind::Creator, &handle),
        platform: PLATFORM.into(),
        handle,
        observed_at: context.observed_at,
        provenance: context.provenance(),
        nickname: opt_str(value, "display_name"),
        bio: opt_str(value, "bio_description"),
        bio_url: opt_str(value, "bio_url"),
        verified: opt_bool(value, "is_verified"),
        stats: creator_stats(value),
        ..CreatorObservation::default()
    })
}

/// When it was made, and whether that had to be derived from the id.
fn creation(value: &Value, id: i64) -> (Option<Timestamp>, bool) {
    if let Some(given) = opt_time_secs(value, "create_time") {
        return (Some(given), false);
    }
    let derived = ids::time_of_id(id);
    (derived, derived.is_some())
}

fn video_stats(value: &Value) -> VideoStats {
    VideoStats {
        views: opt_i64(value, "view_count"),
        likes: opt_i64(value, "like_count"),
        comments: opt_i64(value, "comment_count"),
        shares: opt_i64(value, "share_count"),
        saves: opt_i64(value, "favorites_count").or_else(|| opt_i64(value, "favourites_count")),
        reposts: None,
    }
}

fn creator_stats(value: &Value) -> CreatorStats {
    CreatorStats {
        followers: opt_i64(value, "follower_count"),
        following: opt_i64(value, "following_count"),
        likes: opt_i64(value, "likes_count"),
        videos: opt_i64(value, "video_count"),
        ..CreatorStats::default()
    }
}

/// Hashtags with their ids from `hashtag_info_list`, then the names that only `hashtag_names` has.
fn hashtags(value: &Value) -> Option<Vec<HashtagRef>> {
    let infos = value.get("hashtag_info_list").and_then(Value::as_array);
    let names = opt_texts(value, "hashtag_names");
    if infos.is_none() && names.is_none() {
        return None;
    }
    let mut found: Vec<HashtagRef> = infos.into_iter().flatten().filter_map(hashtag).collect();
    for name in names.unwrap_or_default() {
        if !found.iter().any(|known| known.name == name) {
            found.push(HashtagRef { id: None, name });
        }
    }
    Some(found)
}

fn hashtag(info: &Value) -> Option<HashtagRef> {
    Some(HashtagRef { id: opt_id(info, "hashtag_id"), name: opt_str(info, "hashtag_name")? })
}

/// `effect_ids`, or the ids of `effect_info_list` where only that was asked for.
fn effects(value: &Value) -> Option<Vec<String>> {
    opt_texts(value, "effect_ids").or_else(|| {
        let infos = value.get("effect_info_list")?.as_array()?;
        Some(infos.iter().filter_map(|info| opt_i64(info, "effect_id")).map(|id| id.to_string()).collect())
    })
}

/// Whether `video_tag` carries a label of this family. A video without the label may still be one that nobody
/// labelled: that is unknown, not "no".
fn tagged(value: &Value, family: &str) -> Option<bool> {
    let tag = value.get("video_tag")?;
    let tags = tag.as_array().map_or(std::slice::from_ref(tag), Vec::as_slice);
    tags.iter().any(|tag| tag_family(tag).starts_with(family)).then_some(true)
}

/// The type of a tag in lower case. The documentation names its key in two ways.
fn tag_family(tag: &Value) -> String {
    let kind = tag.get("type").or_else(|| tag.get("video_tag_type"));
    kind.and_then(Value::as_str).unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn context() -> ReadContext<'static> {
        ReadContext {
            task: "cats",
            cycle: 2,
            fetched_at: Timestamp(5),
            observed_at: Timestamp(4),
            connector: "research-api",
            route: "video/query",
            zone: "research",
            origin: None,
        }
    }

    #[test]
    fn a_video_keeps_what_it_has_and_nothing_else() {
        let value = json!({
            "id": 7_320_768_196_569_599_275_i64, "create_time": 1_704_499_196, "username": "ada\u{0}",
            "video_description": "#cats", "hashtag_names": ["cats", "duet"], "like_count": "6", "view_count": 0,
            "music_id": 7_159_460_238_003_800_066_i64, "region_code": "US", "share_count": null,
            "hashtag_info_list": [{"hashtag_id": "9", "hashtag_name": "cats", "hashtag_description": ""}],
        });
        let video = read_video(&value, &context()).expect("a video");
        assert_eq!(video.event_id, ids::event_id("cats", 2, EntityKind::Video, "7320768196569599275"));
        assert_eq!(video.created_at.map(Timestamp::secs), Some(1_704_499_196));
        assert!(!video.created_at_derived);
        assert_eq!(video.author.handle.as_deref(), Some("ada"));
        let stats = VideoStats { views: Some(0), likes: Some(6), ..VideoStats::default() };
        assert_eq!(video.stats, stats, "absent and null counts stay unknown");
        let tags = video.source_hashtags.expect("hashtags");
        assert_eq!(
            tags.iter().map(|t| (t.id, t.name.as_str())).collect::<Vec<_>>(),
            [(Some(9), "cats"), (None, "duet")]
        );
        assert_eq!((video.effect_ids, video.playlist_id, video.voice_to_text), (None, None, None));
    }

    #[test]
    fn a_video_without_a_time_has_that_of_its_id() {
        let video = read_video(&json!({"video_id": "6806030056956251397"}), &context()).expect("a video");
        assert_eq!(video.created_at.map(Timestamp::secs), Some(1_584_652_358));
        assert!(video.created_at_derived);
        assert_eq!(video.source_hashtags, None);
    }

    #[test]
    fn labels_are_read_in_both_spellings() {
        let read = |tag: Value| {
            let video = read_video(&json!({"id": 7, "video_tag": tag}), &context()).expect("a video");
            (video.is_aigc, video.is_ad)
        };
        assert_eq!(read(json!({"type": "AIGC Type", "number": 1})), (Some(true), None));
        assert_eq!(read(json!({"video_tag_type": "Branded Type", "video_tag_number": 7})), (None, Some(true)));
        assert_eq!(read(json!([{"type": "AIGC Type"}, {"type": "Branded Type"}])), (Some(true), Some(true)));
        assert_eq!(read(json!({})), (None, None));
    }

    #[test]
    fn only_replies_have_a_parent() {
        let top = json!({"id": 8, "video_id": 7, "parent_comment_id": 7, "text": "", "like_count": 0});
        let top = read_comment(&top, &context()).expect("a comment");
        assert_eq!((top.parent_comment_id, top.text.as_deref()), (None, Some("")));
        assert_eq!((top.likes, top.replies), (Some(0), None));
        let reply = json!({"id": "9", "video_id": 7, "parent_comment_id": 8, "display_name": "Ada"});
        let reply = read_comment(&reply, &context()).expect("a reply");
        assert_eq!(reply.parent_comment_id, Some(8));
        assert_eq!(reply.author.nickname.as_deref(), Some("Ada"));
    }

    #[test]
    fn a_user_is_named_by_who_asked() {
        let value = json!({"display_name": "Ada", "is_verified": true, "follower_count": 3});
        let user = read_user(&value, "@ada", &context()).expect("a user");
        assert_eq!((user.handle.as_str(), user.creator_id), ("ada", None));
        assert_eq!((user.stats.followers, user.stats.likes), (Some(3), None));
        assert_eq!(read_user(&json!([]), "ada", &context()).map_err(|r| r.reason), Err("not_an_object".into()));
    }
}
