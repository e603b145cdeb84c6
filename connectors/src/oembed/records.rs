//! An oEmbed answer as an observation: who and what, no counts, no time. Also used for files that hold such answers.

use crate::links::parse_url;
use crate::media::Format;
use crate::reading::{PLATFORM, ReadContext, opt_handle, opt_i64, opt_id, opt_str, reject, required_id};
use crate::source::Reject;
use serde_json::{Value, json};
use tidelake_schemas::ids::time_of_id;
use tidelake_schemas::observation::AuthorRef;
use tidelake_schemas::{CreatorObservation, EntityKind, Observation, VideoObservation};

/// Reads an answer: a video, or the card of a profile. The time of a video is derived from its id.
///
/// # Errors
/// A [`Reject`] when the answer names neither a usable video id nor a handle.
pub fn read(answer: &Value, context: &ReadContext) -> Result<Observation, Reject> {
    if is_profile(answer) {
        return profile(answer, context).map(Observation::Creator);
    }
    video(answer, context).map(Observation::Video)
}

/// The picture of an answer; profiles have none. Its address is signed and stops working: it says what to fetch now,
/// not what to keep.
pub fn thumbnail(answer: &Value) -> Option<Format> {
    let url = text(answer, "thumbnail_url")?;
    let size = |name| opt_i64(answer, name).filter(|pixels| *pixels > 0);
    Some(Format { width: size("thumbnail_width"), height: size("thumbnail_height"), ..Format::at(&url) })
}

fn video(answer: &Value, context: &ReadContext) -> Result<VideoObservation, Reject> {
    let found = match video_id(answer) {
        Some(id) => json!({ "id": id }),
        None => json!({}),
    };
    let as_it_came = |reject: Reject| Reject { payload: answer.to_string().into_bytes(), ..reject };
    let video_id = required_id(&found, &["id"]).map_err(as_it_came)?;
    let created_at = time_of_id(video_id);
    Ok(VideoObservation {
        event_id: context.event_id(EntityKind::Video, &video_id.to_string()),
        platform: PLATFORM.into(),
        video_id,
        observed_at: context.observed_at,
        provenance: context.provenance(),
        created_at,
        created_at_derived: created_at.is_some(),
        author: author(answer),
        caption: opt_str(answer, "title"),
        kind: text(answer, "embed_type").or_else(|| text(answer, "type")).filter(|k| k == "video" || k == "photo"),
        ..VideoObservation::default()
    })
}

fn profile(answer: &Value, context: &ReadContext) -> Result<CreatorObservation, Reject> {
    let author = author(answer);
    let Some(handle) = author.handle.or_else(|| opt_handle(answer, "embed_product_id")) else {
        return Err(reject(answer, "missing_id", None, "this profile card names no handle".into()));
    };
    Ok(CreatorObservation {
        event_id: context.event_id(EntityKind::Creator, &handle.to_lowercase()),
        platform: PLATFORM.into(),
        handle,
        nickname: author.nickname,
        observed_at: context.observed_at,
        provenance: context.provenance(),
        ..CreatorObservation::default()
    })
}

/// Newer answers name the handle; of older ones the address of the author does.
fn author(answer: &Value) -> AuthorRef {
    let addressed = || parse_url(&text(answer, "author_url")?).ok()?.handle().map(str::to_owned);
    AuthorRef {
        handle: opt_handle(answer, "author_unique_id").or_else(addressed),
        nickname: text(answer, "author_name"),
        ..AuthorRef::default()
    }
}

/// Newer answers say so; older ones are of type `rich` and embed no video.
fn is_profile(answer: &Value) -> bool {
    let named = text(answer, "embed_type").is_some_and(|kind| kind == "profile" || kind == "creator");
    named || (text(answer, "type").is_some_and(|kind| kind == "rich") && video_id(answer).is_none())
}

/// The digits of the video's id: given, or from the code to embed.
fn video_id(answer: &Value) -> Option<String> {
    if let Some(id) = opt_id(answer, "embed_product_id") {
        return Some(id.to_string());
    }
    let html = text(answer, "html")?;
    let cited = || parse_url(attribute(&html, "cite=\"")?).ok()?.video_id().map(|id| id.to_string());
    attribute(&html, "data-video-id=\"").map(str::to_owned).or_else(cited)
}

fn attribute<'a>(html: &'a str, start: &str) -> Option<&'a str> {
    let (_, rest) = html.split_once(start)?;
    rest.split_once('"').map(|(value, _)| value)
}

/// A text that is not empty.
fn text(answer: &Value, name: &str) -> Option<String> {
    opt_str(answer, name).filter(|text| !text.is_empty())
}
