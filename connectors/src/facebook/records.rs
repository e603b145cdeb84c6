//! Nodes of the Graph API as observations.

use super::PLATFORM;
use super::task::Edge;
use crate::native::derive;
use crate::reading::{ReadContext, as_i64, opt_i64, opt_str, reject};
use crate::source::Reject;
use chrono::DateTime;
use serde_json::Value;
use tidelake_schemas::observation::AuthorRef;
use tidelake_schemas::{CreatorObservation, CreatorStats, EntityKind, Timestamp, VideoObservation, VideoStats};

/// The fields of a page.
pub(super) const PAGE: &str = "id,name,username,about,website,fan_count,followers_count,category,verification_status";

/// The fields of videos and reels. Of likes and comments only the counts are asked for, not who.
pub(super) const VIDEO: &str = "id,title,description,created_time,length,views,from,\
                                likes.limit(0).summary(true),comments.limit(0).summary(true)";

/// The fields of posts. All reactions are counted, not only likes.
pub(super) const POST: &str = "id,message,created_time,from,shares,\
                               reactions.limit(0).summary(total_count),comments.limit(0).summary(true)";

/// A page.
pub(super) fn page(node: &Value, context: &ReadContext) -> Result<CreatorObservation, Reject> {
    let (native, id, native_id) = id(node)?;
    Ok(CreatorObservation {
        event_id: context.event_id(EntityKind::Creator, &native),
        platform: PLATFORM.into(),
        creator_id: Some(id),
        native_id,
        handle: text(node, "username").unwrap_or(native),
        observed_at: context.observed_at,
        provenance: context.provenance(),
        nickname: text(node, "name"),
        bio: text(node, "about"),
        bio_url: text(node, "website"),
        verified: text(node, "verification_status").map(|status| status != "not_verified"),
        category: text(node, "category"),
        stats: CreatorStats {
            followers: opt_i64(node, "followers_count"),
            likes: opt_i64(node, "fan_count"),
            ..CreatorStats::default()
        },
        ..CreatorObservation::default()
    })
}

/// A video, a reel or a post. A reel may also stand among the videos: their event ids are different, so that both land.
pub(super) fn item(
    node: &Value,
    edge: Edge,
    page: Option<&str>,
    context: &ReadContext,
) -> Result<VideoObservation, Reject> {
    let (native, video_id, native_id) = id(node)?;
    let caption = match (text(node, "title"), text(node, "description").or_else(|| text(node, "message"))) {
        (Some(title), Some(description)) => Some(format!("{title}\n\n{description}")),
        (title, description) => title.or(description),
    };
    let kind = match edge {
        Edge::Videos => "video",
        Edge::Reels => "reel",
        Edge::Posts => "post",
    };
    let total = |name: &str| node.get(name)?.pointer("/summary/total_count").and_then(as_i64);
    Ok(VideoObservation {
        event_id: context.event_id(EntityKind::Video, &format!("{kind} {native}")),
        platform: PLATFORM.into(),
        video_id,
        native_id,
        observed_at: context.observed_at,
        provenance: context.provenance(),
        created_at: time(node, "created_time"),
        author: author(node, page),
        caption,
        kind: Some(kind.into()),
        duration_s: node.get("length").and_then(Value::as_f64).and_then(seconds),
        stats: VideoStats {
            views: opt_i64(node, "views"),
            likes: total("likes").or_else(|| total("reactions")),
            comments: total("comments"),
            // Absent where nobody has shared it, and where the token may not know.
            shares: node.pointer("/shares/count").and_then(as_i64),
            ..VideoStats::default()
        },
        ..VideoObservation::default()
    })
}

/// The page that has published it; `page` is its name, where it has one.
fn author(node: &Value, page: Option<&str>) -> AuthorRef {
    let from = node.get("from").unwrap_or(&Value::Null);
    let known = id(from).ok();
    AuthorRef {
        id: known.as_ref().map(|(_, id, _)| *id),
        handle: page.map(str::to_owned),
        nickname: text(from, "name"),
        native_id: known.and_then(|(_, _, native_id)| native_id),
        ..AuthorRef::default()
    }
}

/// The id as it is written, as a number, and as `native_id`: most are numbers; a post's is `PAGE_POST`.
fn id(node: &Value) -> Result<(String, i64, Option<String>), Reject> {
    let Some(native) = text(node, "id") else {
        return Err(reject(node, "missing_id", None, "the record has no `id`".into()));
    };
    let digits = !native.starts_with('0') && native.bytes().all(|byte| byte.is_ascii_digit());
    let number = native.parse().ok().filter(|_| digits);
    let (id, native_id) = number.map_or_else(|| (derive(PLATFORM, &native), Some(native.clone())), |id| (id, None));
    Ok((native, id, native_id))
}

/// A text that is not empty.
fn text(object: &Value, name: &str) -> Option<String> {
    opt_str(object, name).filter(|text| !text.is_empty())
}

/// `2026-01-02T03:04:05+0000`: no colon in the zone.
fn time(object: &Value, name: &str) -> Option<Timestamp> {
    let text = object.get(name)?.as_str()?;
    let instant = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").ok()?;
    Some(instant.to_utc().into())
}

/// A length in whole seconds.
fn seconds(length: f64) -> Option<i32> {
    // The cast saturates; what is out of range is no length.
    let whole = length.round() as i32;
    (length > 0.0 && whole < i32::MAX).then_some(whole)
}

#[cfg(test)]
mod unit {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_of_both_forms() {
        let of = |id_text: &str| id(&json!({ "id": id_text })).expect("an id");
        assert_eq!(of("10153231379946729"), ("10153231379946729".into(), 10_153_231_379_946_729, None));
        let post = of("20531316728_10154009990506729");
        assert_eq!(post.1, derive("facebook", "20531316728_10154009990506729"));
        assert_eq!(post.2.as_deref(), Some("20531316728_10154009990506729"));
        for odd in ["99999999999999999999", "007", "+7"] {
            assert_eq!(of(odd).2.as_deref(), Some(odd));
        }
        assert_eq!(id(&json!({"id": ""})).expect_err("none").reason, "missing_id");
    }

    #[test]
    fn times_and_lengths() {
        let at = |text: &str| time(&json!({ "t": text }), "t").map(|at| at.to_string());
        assert_eq!(at("2026-01-02T03:04:05+0000").as_deref(), Some("2026-01-02T03:04:05Z"));
        assert_eq!(at("2026-01-02T03:04:05-0130").as_deref(), Some("2026-01-02T04:34:05Z"));
        assert_eq!((at("yesterday"), at("")), (None, None));
        assert_eq!((seconds(12.4), seconds(0.0), seconds(f64::NAN), seconds(1e20)), (Some(12), None, None, None));
    }
}
