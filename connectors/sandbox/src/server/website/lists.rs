//! `/api/…/item_list/`: what the pages' own scripts call for more videos.

use super::super::answer::Answer;
use super::super::shared::Shared;
use super::Site;
use super::item::{Form, index_of_sec_uid, item};
use crate::world::{TagInfo, Video};
use crate::{Endpoint, FaultKind};
use serde_json::{Value, json};
use std::collections::HashMap;

/// How many of the newest videos a hashtag or a sound is looked for in: their lists are as long as somebody looks.
const LOOKED_THROUGH: u64 = 4_000;

/// The most that one answer holds.
const MOST: usize = 35;

/// Answers a call for a list.
pub(super) fn answer(site: &Site<'_>, path: &str, parameters: &HashMap<String, String>) -> Answer {
    let strikes = |kind| site.shared.strikes(kind, Endpoint::ItemList);
    if strikes(FaultKind::CaptchaJson) {
        return Answer::json(200, &json!({"code": "10000", "type": "verify", "verify_event": "", "message": ""}));
    }
    if strikes(FaultKind::EmptyItem) {
        return Answer::json(200, &json!({}));
    }
    if strikes(FaultKind::MissingList) {
        return Answer::json(200, &json!({"statusCode": 0, "status_code": 0, "hasMore": true, "cursor": "0"}));
    }
    let text = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let count = text("count").parse().unwrap_or(30).clamp(1, MOST);
    let cursor = if strikes(FaultKind::RepeatedPage) { 0 } else { text("cursor").parse().unwrap_or(0) };
    match path.trim_end_matches('/') {
        "/api/challenge/item_list" => by_place(site, &of_tag(site.shared, text("challengeID")), cursor, count),
        "/api/music/item_list" => by_place(site, &of_sound(site.shared, text("musicID").parse().ok()), cursor, count),
        _ => match index_of_sec_uid(text("secUid")) {
            Some(creator) => by_time(site, &of_creator(site.shared, creator), cursor, count),
            None => refused(site, 10201, "invalid entity"),
        },
    }
}

/// What everybody can see of a creator, newest first.
pub(super) fn of_creator(shared: &Shared, creator: u64) -> Vec<Video<'_>> {
    newest(shared).filter(|video| video.creator_index() == creator && video.is_available(shared.now())).collect()
}

/// What everybody can see under the hashtag with this id.
fn of_tag<'a>(shared: &'a Shared, id: &str) -> Vec<Video<'a>> {
    looked_through(shared, |video| video.caption().hashtags.iter().any(|name| TagInfo::of(name).id == id))
}

/// What everybody can see under the hashtag of this name.
pub(super) fn of_tag_name<'a>(shared: &'a Shared, name: &str) -> Vec<Video<'a>> {
    looked_through(shared, |video| video.caption().hashtags.iter().any(|tag| tag.eq_ignore_ascii_case(name)))
}

/// What everybody can see with this sound.
pub(super) fn of_sound(shared: &Shared, id: Option<i64>) -> Vec<Video<'_>> {
    looked_through(shared, |video| Some(video.sound().id) == id)
}

fn looked_through<'a>(shared: &'a Shared, fits: impl Fn(&Video<'a>) -> bool) -> Vec<Video<'a>> {
    let recent = newest(shared).take(usize::try_from(LOOKED_THROUGH).unwrap_or(usize::MAX));
    recent.filter(|video| video.is_available(shared.now()) && fits(video)).collect()
}

fn newest(shared: &Shared) -> impl Iterator<Item = Video<'_>> {
    (0..shared.world.config().videos).rev().filter_map(|index| shared.world.video(index))
}

/// Milliseconds since 1970 that grow with the id: what cursors of profiles count in.
fn millis(video: &Video<'_>) -> i64 {
    let (second, rest) = (video.id() >> 32, video.id() & 0xFFFF_FFFF);
    second * 1000 + ((rest * 1000) >> 32)
}

/// A profile's list: the cursor is the time of the last video handed out.
fn by_time(site: &Site<'_>, videos: &[Video<'_>], cursor: i64, count: usize) -> Answer {
    let from = if cursor <= 0 { 0 } else { videos.partition_point(|video| millis(video) >= cursor) };
    let page: Vec<_> = videos.iter().skip(from).take(count).collect();
    let next = page.last().map_or(cursor, |video| millis(video));
    listed(site, &page, next, from + page.len() < videos.len())
}

/// Other lists: the cursor counts videos.
fn by_place(site: &Site<'_>, videos: &[Video<'_>], cursor: i64, count: usize) -> Answer {
    let from = usize::try_from(cursor).unwrap_or(0).min(videos.len());
    let page: Vec<_> = videos.iter().skip(from).take(count).collect();
    let next = from + page.len();
    listed(site, &page, i64::try_from(next).unwrap_or(i64::MAX), next < videos.len())
}

fn listed(site: &Site<'_>, page: &[&Video<'_>], cursor: i64, has_more: bool) -> Answer {
    let items: Vec<Value> = page.iter().map(|video| item(site, video, Form::List)).collect();
    items.iter().for_each(|_| site.shared.take_website_record());
    let log_id = site.shared.log_id();
    let now = site.shared.now().timestamp_millis();
    Answer::json(
        200,
        &json!({
            "itemList": items, "hasMore": has_more, "cursor": cursor.to_string(), "statusCode": 0, "status_code": 0,
            "status_msg": "", "extra": {"fatal_item_ids": [], "logid": log_id, "now": now},
            "log_pb": {"impr_id": log_id},
        }),
    )
}

fn refused(site: &Site<'_>, code: i64, says: &str) -> Answer {
    let now = site.shared.now().timestamp_millis();
    Answer::json(
        200,
        &json!({"statusCode": code, "status_code": code, "status_msg": says, "extra": {"now": now, "logid": site.shared.log_id()}}),
    )
}
