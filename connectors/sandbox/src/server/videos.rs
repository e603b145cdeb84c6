//! `POST /v2/research/video/query/`

use super::answer::Refusal;
use super::body::{Range, read_text};
use super::fields::{Fields, Item};
use super::searches::{Page, instant_of, search_id};
use super::shared::{Shared, lock};
use crate::world::{Roll, Room, TagInfo, Video};
use crate::{Endpoint, FaultKind, Matches, Query};
use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

#[rustfmt::skip]
const FIELDS: [&str; 23] = [
    "id", "video_description", "create_time", "region_code", "share_count", "view_count", "like_count", "comment_count",
    "music_id", "hashtag_names", "username", "effect_ids", "playlist_id", "voice_to_text", "is_stem_verified",
    "favorites_count", "video_duration", "hashtag_info_list", "sticker_info_list", "effect_info_list",
    "video_mention_list", "video_label", "video_tag",
];

const COUNTS: [&str; 5] = ["share_count", "view_count", "like_count", "comment_count", "favorites_count"];

/// Stands for half of a surrogate pair until the answer is text; a private-use character that no caption has.
pub(super) const SURROGATE_MARK: char = '\u{E0FF}';

const ENDPOINT: Endpoint = Endpoint::VideoQuery;

/// Answers a search.
pub(super) fn answer(shared: &Shared, parameters: &HashMap<String, String>, body: &Value) -> Result<Value, Refusal> {
    let fields = Fields::read(parameters, &FIELDS)?;
    let query = Query::from_body(body).map_err(|error| Refusal::params(error.0))?;
    let range = Range::read(body, 20)?;
    if range.cursor > 0 && shared.strikes(FaultKind::CursorRefused, ENDPOINT) {
        return Err(Refusal::count_or_cursor());
    }
    match body.get("is_random") {
        Some(Value::Bool(true)) => Ok(random_page(shared, &fields, &query, &range)),
        None | Some(Value::Null | Value::Bool(false)) => ordered_page(shared, &fields, &query, &range, body),
        Some(_) => Err(Refusal::params("is_random must be a boolean")),
    }
}

fn ordered_page(
    shared: &Shared,
    fields: &Fields,
    query: &Query,
    range: &Range,
    body: &Value,
) -> Result<Value, Refusal> {
    let (id, at) = identify(shared, query, read_text(body, "search_id")?)?;
    let mut search = lock(&shared.searches).load(id);
    let mut page = search.page(Matches::new(&shared.world, query, at), range.cursor, range.count);
    if (page.indices.is_empty() && range.cursor == 0) || shared.strikes(FaultKind::SilentZero, ENDPOINT) {
        return Ok(json!({"cursor": 0, "has_more": false}));
    }
    let kept = kept(shared, &page);
    if kept < page.indices.len() {
        page.indices.truncate(kept);
        page.has_more = true;
        search.hold_back(range.cursor, range.count - kept as u64);
    } else {
        search.hold_back(range.cursor, 0);
    }
    lock(&shared.searches).store(id, search);
    let videos = items(shared, fields, &page.indices);
    Ok(json!({"videos": videos, "cursor": range.next(), "has_more": page.has_more, "search_id": id.to_string()}))
}

/// Id and instant of a search: of the one that goes on, or of a new one.
fn identify(shared: &Shared, query: &Query, given: Option<&str>) -> Result<(i64, DateTime<Utc>), Refusal> {
    let seed = shared.world.config().seed;
    let Some(given) = given.filter(|id| !id.is_empty()) else {
        let now = shared.now().trunc_subsecs(0);
        let number = lock(&shared.searches).begin();
        return Ok((search_id(seed, query, now, number), now));
    };
    let found = instant_of(given, seed, query).ok_or_else(|| Refusal::search_id(given))?;
    if shared.strikes(FaultKind::SearchIdRefused, ENDPOINT) {
        return Err(Refusal::search_id(given));
    }
    Ok(found)
}

/// How many of a page's matches are handed out now.
fn kept(shared: &Shared, page: &Page) -> usize {
    let all = page.indices.len();
    if shared.strikes(FaultKind::EmptyPage, ENDPOINT) {
        0
    } else if shared.strikes(FaultKind::ShortPage, ENDPOINT) {
        all / 2
    } else {
        all
    }
}

fn random_page(shared: &Shared, fields: &Fields, query: &Query, range: &Range) -> Value {
    let matches = Matches::new(&shared.world, query, shared.now());
    let indices = sample(&matches, range.count as usize, shared.serial());
    let videos = items(shared, fields, &indices);
    json!({"videos": videos, "cursor": range.count, "has_more": false})
}

/// Some matches in random order. Rare ones are collected in order and shuffled.
fn sample(matches: &Matches<'_>, count: usize, seed: u64) -> Vec<u64> {
    let (low, high) = matches.bounds();
    let mut roll = Roll::new(seed, Room::Slot, 0);
    let mut seen = HashSet::new();
    for _ in 0..count * 200 {
        let index = low + roll.below(high.saturating_sub(low));
        if seen.len() < count && matches.finds(index) {
            seen.insert(index);
        }
    }
    if seen.len() < count {
        seen = matches.clone().take(count).collect();
    }
    let mut found: Vec<_> = seen.into_iter().map(|index| (roll_key(seed, index), index)).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, index)| index).collect()
}

fn roll_key(seed: u64, index: u64) -> u64 {
    Roll::new(seed, Room::Slot, index).bits()
}

/// The items of those that everybody can see now.
fn items(shared: &Shared, fields: &Fields, indices: &[u64]) -> Vec<Value> {
    let now = shared.now();
    let videos = indices.iter().filter_map(|index| shared.world.video(*index)).filter(|video| video.is_available(now));
    let mut items: Vec<_> = videos.map(|video| item(&video, fields, now)).collect();
    shared.take_records(items.len() as u64);
    spoil(shared, &mut items);
    items
}

pub(super) fn item(video: &Video<'_>, fields: &Fields, now: DateTime<Utc>) -> Value {
    let (stats, caption) = (video.stats_at(now), video.caption());
    let tag = |name: &String| {
        let info = TagInfo::of(name);
        json!({"hashtag_id": info.id, "hashtag_name": info.name, "hashtag_description": info.description})
    };
    let mut item = Item::new(fields);
    item.set("id", || video.id())
        .set("create_time", || video.created_at().timestamp())
        .set("region_code", || video.region_code())
        .set("username", || crate::world::handle_of(video))
        .set("view_count", || stats.views)
        .set("like_count", || stats.likes)
        .set("comment_count", || stats.comments)
        .set("share_count", || stats.shares)
        .set("favorites_count", || stats.saves)
        .set("music_id", || video.sound().id)
        .set("hashtag_names", || caption.hashtags.clone())
        .set_list("hashtag_info_list", || caption.hashtags.iter().map(tag).collect())
        .set_list("video_mention_list", || caption.mentions.iter().map(|handle| json!(handle)).collect())
        .set("video_description", || caption.text.clone());
    details(&mut item, video);
    item.into_value()
}

fn details(item: &mut Item<'_>, video: &Video<'_>) {
    let effect = |id: &i64| json!({"effect_id": id.to_string(), "effect_name": format!("Effect {}", id % 997)});
    let sticker = |text: &&str| json!({"sticker_id": (text.len() * 7919).to_string(), "sticker_name": text});
    let label = |content: &str| json!({"content": content, "type": 1, "vote": false, "warn": false});
    item.set("video_duration", || video.duration())
        .set("is_stem_verified", || video.is_stem_verified())
        .set_some("voice_to_text", || video.speech())
        .set_some("playlist_id", || video.playlist_id())
        .set_list("effect_ids", || video.effect_ids().iter().map(|id| json!(id.to_string())).collect())
        .set_list("effect_info_list", || video.effect_ids().iter().map(effect).collect())
        .set_list("sticker_info_list", || video.sticker_texts().iter().map(sticker).collect())
        .set_some("video_label", || video.label().map(label))
        .set_some("video_tag", || video.tag().map(|(kind, number)| json!({"type": kind, "number": number})));
}

/// Lets the troubles of single items strike.
fn spoil(shared: &Shared, items: &mut Vec<Value>) {
    if shared.strikes(FaultKind::NullStats, ENDPOINT) {
        items.iter_mut().step_by(3).for_each(null_counts);
    }
    if shared.strikes(FaultKind::NulInUsername, ENDPOINT) {
        change_text(items, "username", |text| text.push('\0'));
    }
    if shared.strikes(FaultKind::LoneSurrogate, ENDPOINT) {
        change_text(items, "video_description", |text| text.push(SURROGATE_MARK));
    }
    drift(shared, items);
    if shared.strikes(FaultKind::MissingId, ENDPOINT)
        && let Some(Value::Object(mut copy)) = items.first().cloned()
    {
        copy.remove("id");
        items.insert(0, Value::Object(copy));
    }
    if shared.strikes(FaultKind::HugeId, ENDPOINT)
        && let Some(mut copy) = items.first().cloned()
    {
        copy["id"] = json!(u64::MAX);
        items.insert(0, copy);
    }
}

/// Lets the form of the items change.
fn drift(shared: &Shared, items: &mut [Value]) {
    let fields = |items: &mut [Value], change: &mut dyn FnMut(usize, &mut serde_json::Map<String, Value>)| {
        let objects = items.iter_mut().filter_map(Value::as_object_mut);
        objects.enumerate().for_each(|(at, fields)| change(at, fields));
    };
    if shared.strikes(FaultKind::FieldRenamed, ENDPOINT) {
        fields(items, &mut |_, fields| {
            let count = fields.remove("view_count");
            fields.extend(count.map(|count| ("play_count".to_owned(), count)));
        });
    }
    if shared.strikes(FaultKind::NumberAsText, ENDPOINT) {
        fields(items, &mut |_, fields| {
            let count = fields.get_mut("like_count");
            count.into_iter().for_each(|count| *count = count.to_string().into());
        });
    }
    if shared.strikes(FaultKind::FieldHalved, ENDPOINT) {
        fields(items, &mut |at, fields| drop((at % 2 == 0).then(|| fields.remove("video_duration"))));
    }
}

fn null_counts(item: &mut Value) {
    for name in COUNTS {
        if let Some(count) = item.get_mut(name) {
            *count = Value::Null;
        }
    }
}

fn change_text(items: &mut [Value], name: &str, change: impl FnOnce(&mut String)) {
    if let Some(Value::String(text)) = items.first_mut().and_then(|item| item.get_mut(name)) {
        change(text);
    }
}
