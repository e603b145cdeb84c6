//! `POST /v2/research/video/comment/list/`

use super::answer::Refusal;
use super::body::{Range, read_id};
use super::fields::{Fields, Item};
use super::shared::Shared;
use crate::world::{Comment, Video};
use crate::{Endpoint, FaultKind};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::HashMap;

const FIELDS: [&str; 7] = ["id", "video_id", "text", "like_count", "reply_count", "parent_comment_id", "create_time"];

/// No page begins behind the thousandth comment.
const LAST_CURSOR: u64 = 999;

/// Answers a request for the comments of a video or the replies to a comment.
pub(super) fn answer(shared: &Shared, parameters: &HashMap<String, String>, body: &Value) -> Result<Value, Refusal> {
    let fields = Fields::read(parameters, &FIELDS)?;
    let range = Range::read(body, 10)?;
    let refused = range.cursor > 0 && shared.strikes(FaultKind::CursorRefused, Endpoint::CommentList);
    if range.cursor > LAST_CURSOR || refused {
        return Err(Refusal::count_or_cursor());
    }
    let now = shared.now();
    let (video, numbers) = match (read_id(body, "video_id")?, read_id(body, "comment_id")?) {
        (Some(id), None) => threads(shared, id, now)?,
        (None, Some(id)) => replies(shared, id, now)?,
        _ => return Err(Refusal::params("Exactly one of video_id and comment_id is required")),
    };
    Ok(page(shared, &fields, &range, &video, &numbers, now))
}

type Listing<'w> = (Video<'w>, Vec<u64>);

fn threads<'s>(shared: &'s Shared, id: i64, now: DateTime<Utc>) -> Result<Listing<'s>, Refusal> {
    let video = shared.world.video_by_id(id).filter(|video| video.created_at() <= now);
    let video = video.ok_or_else(|| Refusal::params("Invalid video_id"))?;
    let numbers = if video.is_available(now) { video.threads_at(now).collect() } else { Vec::new() };
    Ok((video, numbers))
}

fn replies<'s>(shared: &'s Shared, id: i64, now: DateTime<Utc>) -> Result<Listing<'s>, Refusal> {
    let unknown = || Refusal::params("Invalid comment_id");
    let (index, number) = shared.place_of_comment(id).ok_or_else(unknown)?;
    let video = shared.world.video(index).ok_or_else(unknown)?;
    let numbers = if video.is_available(now) { video.replies_at(number, now).collect() } else { Vec::new() };
    Ok((video, numbers))
}

fn page(
    shared: &Shared,
    fields: &Fields,
    range: &Range,
    video: &Video<'_>,
    numbers: &[u64],
    now: DateTime<Utc>,
) -> Value {
    let reachable = &numbers[..numbers.len().min(LAST_CURSOR as usize + 1)];
    let wanted = reachable.iter().skip(range.cursor as usize).take(range.count as usize);
    let found = wanted.filter_map(|number| video.comment(*number, now)).filter(|comment| !comment.is_deleted);
    let items: Vec<_> = found.map(|comment| item(shared, fields, video, &comment, now)).collect();
    shared.take_records(items.len() as u64);
    json!({"comments": items, "cursor": range.next(), "has_more": range.next() < reachable.len() as u64})
}

fn item(shared: &Shared, fields: &Fields, video: &Video<'_>, comment: &Comment, now: DateTime<Utc>) -> Value {
    shared.remember_comment(comment.id, video.index(), comment.number);
    let replies = || video.replies_at(comment.number, now).count();
    let mut item = Item::new(fields);
    item.set("id", || comment.id)
        .set("video_id", || video.id())
        .set("parent_comment_id", || comment.parent_id)
        .set("text", || comment.text.clone())
        .set("like_count", || comment.likes)
        .set("create_time", || comment.created_at.timestamp())
        // Absent now and then although it was asked for, as in recordings.
        .set_some("reply_count", || (comment.number % 5 != 4).then(replies));
    item.into_value()
}
