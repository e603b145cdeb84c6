//! Items of Display API answers as observations.

use super::tokens::Tokens;
use crate::links::parse_url;
use crate::media::Format;
use crate::reading::{
    PLATFORM, ReadContext, opt_bool, opt_handle, opt_i32, opt_i64, opt_str, opt_time_secs, reject, required_id,
};
use crate::source::Reject;
use serde_json::Value;
use tidelake_schemas::ids::time_of_id;
use tidelake_schemas::observation::AuthorRef;
use tidelake_schemas::{CreatorObservation, CreatorStats, EntityKind, Timestamp, VideoObservation, VideoStats};

/// A cover's address lives this long (tiktok-surfaces §4: six hours), in seconds.
const COVER_LIFE_S: i64 = 6 * 3600;

/// The cover of a video, as answered at an instant; `None` when the answer has none. Its address stops working, as it
/// says or six hours after it was given: it says what to fetch now, not what to keep.
pub fn cover(video: &Value, given_at: Timestamp) -> Option<Format> {
    let url = opt_str(video, "cover_image_url").filter(|url| !url.is_empty())?;
    let format = Format::at(&url);
    let ends = format.expires_at.unwrap_or_else(|| given_at.plus_secs(COVER_LIFE_S));
    Some(Format { expires_at: Some(ends), ..format })
}

/// A video of `data.videos`. Its author is the owner of the token.
pub(super) fn read_video(video: &Value, owner: &Tokens, context: &ReadContext) -> Result<VideoObservation, Reject> {
    let video_id = required_id(video, &["id"])?;
    let given = opt_time_secs(video, "create_time");
    let created_at = given.or_else(|| time_of_id(video_id));
    Ok(VideoObservation {
        event_id: context.event_id(EntityKind::Video, &video_id.to_string()),
        platform: PLATFORM.into(),
        video_id,
        observed_at: context.observed_at,
        provenance: context.provenance(),
        created_at,
        created_at_derived: given.is_none() && created_at.is_some(),
        author: AuthorRef {
            handle: handle_of(video).or_else(|| owner.username.clone()),
            nickname: owner.display_name.clone(),
            ..AuthorRef::default()
        },
        // `title` is cut to 150 characters (§4).
        caption: opt_str(video, "video_description").or_else(|| opt_str(video, "title")),
        duration_s: opt_i32(video, "duration"),
        width: opt_i32(video, "width").filter(|pixels| *pixels > 0),
        height: opt_i32(video, "height").filter(|pixels| *pixels > 0),
        stats: VideoStats {
            views: opt_i64(video, "view_count"),
            likes: opt_i64(video, "like_count"),
            comments: opt_i64(video, "comment_count"),
            shares: opt_i64(video, "share_count"),
            ..VideoStats::default()
        },
        is_aigc: opt_bool(video, "is_aigc"),
        ..VideoObservation::default()
    })
}

/// The handle in the link of a video (`share_url`), which needs no scope but `video.list`.
pub(super) fn handle_of(video: &Value) -> Option<String> {
    let link = parse_url(&opt_str(video, "share_url")?).ok()?;
    link.handle().map(str::to_owned)
}

/// `data.user`. Without the scope `user.info.profile` it does not say whose it is: `handle` is what is known otherwise.
pub(super) fn read_user(
    user: &Value,
    handle: Option<String>,
    context: &ReadContext,
) -> Result<CreatorObservation, Reject> {
    let Some(handle) = opt_handle(user, "username").or(handle) else {
        let what = "the answer does not say whose it is: scope user.info.profile was not granted, and no video tells";
        return Err(reject(user, "missing_id", None, what.into()));
    };
    Ok(CreatorObservation {
        event_id: context.event_id(EntityKind::Creator, &handle.to_lowercase()),
        platform: PLATFORM.into(),
        handle,
        observed_at: context.observed_at,
        provenance: context.provenance(),
        nickname: opt_str(user, "display_name"),
        bio: opt_str(user, "bio_description"),
        verified: opt_bool(user, "is_verified"),
        stats: CreatorStats {
            followers: opt_i64(user, "follower_count"),
            following: opt_i64(user, "following_count"),
            likes: opt_i64(user, "likes_count"),
            videos: opt_i64(user, "video_count"),
            ..CreatorStats::default()
        },
        ..CreatorObservation::default()
    })
}
