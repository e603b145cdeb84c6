//! The Display API over the world: `/v2/user/info/`, `/v2/video/list/`, `/v2/video/query/` with an owner's token.

use super::Call;
use super::answer::Refusal;
use super::body;
use super::fields::{Fields, Item};
use super::grants::Consent;
use super::shared::{Shared, lock};
use super::website::cover;
use crate::world::{Video, hash_text};
use crate::{Endpoint, FaultKind};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Paths of POST requests and whose they are.
pub(super) const POSTS: [(&str, Endpoint); 3] = [
    ("/v2/oauth/revoke", Endpoint::Revoke),
    ("/v2/video/list", Endpoint::OwnVideos),
    ("/v2/video/query", Endpoint::OwnQuery),
];

/// What an owner may grant; the first is granted with every consent.
pub(super) const SCOPES: [&str; 4] = ["user.info.basic", "user.info.profile", "user.info.stats", "video.list"];

/// The fields of `user/info`, by the scope that guards them.
const USER: [(&str, &[&str]); 3] = [
    (SCOPES[0], &["open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url", "display_name"]),
    (SCOPES[1], &["bio_description", "profile_deep_link", "is_verified", "username"]),
    (SCOPES[2], &["follower_count", "following_count", "likes_count", "video_count"]),
];

#[rustfmt::skip]
const VIDEO: [&str; 16] = [
    "id", "create_time", "cover_image_url", "share_url", "video_description", "title", "duration", "height", "width",
    "embed_html", "embed_link", "like_count", "comment_count", "share_count", "view_count", "is_aigc",
];

/// Seconds that a cover's address lives.
const COVER_S: i64 = 6 * 3600;

/// The id of an owner for one app.
pub(super) fn open_id(shared: &Shared, consent: &Consent) -> String {
    let seed = shared.world.config().seed;
    format!("-000{:016x}", hash_text(&format!("{seed} {} {}", consent.client_key, consent.creator)))
}

/// Answers a request to the Display API.
pub(super) fn answer(shared: &Shared, endpoint: Endpoint, call: &Call) -> Result<Value, Refusal> {
    let consent = admit(shared, endpoint, call)?;
    match endpoint {
        Endpoint::OwnInfo => user(shared, &consent, call),
        Endpoint::OwnVideos => list(shared, &consent, call),
        _ => query(shared, &consent, call),
    }
}

/// Token, troubles, rate; whose token it is.
fn admit(shared: &Shared, endpoint: Endpoint, call: &Call) -> Result<Consent, Refusal> {
    let token = call.token.as_deref().ok_or_else(Refusal::token)?;
    let mut grants = lock(&shared.grants);
    if shared.strikes(FaultKind::TokenExpired, endpoint) {
        grants.end_access(token);
    }
    if shared.strikes(FaultKind::ConsentRevoked, endpoint) {
        grants.revoke(token);
    }
    let (id, consent) = grants.consent(token, shared.now()).ok_or_else(Refusal::token)?;
    let limited = !grants.within_rate(endpoint, id, shared.config.display_per_minute);
    drop(grants);
    if limited || shared.strikes(FaultKind::RateLimit, endpoint) {
        let message = "The API rate limit was exceeded. Please try again later.";
        return Err(Refusal::new(429, "rate_limit_exceeded", message));
    }
    if shared.strikes(FaultKind::ScopeMissing, endpoint) {
        return Err(not_authorized());
    }
    if shared.strikes(FaultKind::ScopePermission, endpoint) {
        let message = "The application does not have the permission for a requested field.";
        return Err(Refusal::new(401, "scope_permission_missed", message));
    }
    super::server_trouble(shared, endpoint)?;
    Ok(consent)
}

fn not_authorized() -> Refusal {
    Refusal::new(
        401,
        "scope_not_authorized",
        "The user did not authorize the scope required for completing this request.",
    )
}

fn require(consent: &Consent, scope: &str) -> Result<(), Refusal> {
    if consent.scopes.contains(scope) { Ok(()) } else { Err(not_authorized()) }
}

fn user(shared: &Shared, consent: &Consent, call: &Call) -> Result<Value, Refusal> {
    let known: Vec<&str> = USER.iter().flat_map(|(_, fields)| fields.iter().copied()).collect();
    let fields = Fields::read(&call.parameters, &known)?;
    for (scope, guarded) in USER {
        if guarded.iter().any(|name| fields.has(name)) {
            require(consent, scope)?;
        }
    }
    let creator = shared.world.creator(consent.creator).ok_or_else(Refusal::token)?;
    let now = shared.now();
    let mut item = Item::new(&fields);
    item.set("open_id", || open_id(shared, consent))
        .set("union_id", || format!("{:016x}", hash_text(&creator.handle)))
        .set("avatar_url", || creator.avatar_url.clone())
        .set("avatar_url_100", || creator.avatar_url.clone())
        .set("avatar_large_url", || creator.avatar_url.clone())
        .set("display_name", || creator.display_name.clone())
        .set("bio_description", || creator.bio.clone())
        .set("profile_deep_link", || format!("https://vm.tiktok.com/{}/", shared.world.short_code_of_creator(&creator)))
        .set("is_verified", || creator.is_verified)
        .set("username", || creator.handle.clone())
        .set("follower_count", || creator.followers_at(now))
        .set("following_count", || creator.following)
        .set("likes_count", || creator.likes_at(now))
        .set("video_count", || creator.videos_at(now));
    shared.count_records(1);
    Ok(json!({ "user": item.into_value() }))
}

fn list(shared: &Shared, consent: &Consent, call: &Call) -> Result<Value, Refusal> {
    require(consent, SCOPES[3])?;
    let fields = Fields::read(&call.parameters, &VIDEO)?;
    let body = body::read_object(&call.content_type, &call.body)?;
    let number = |name: &str, default: i64| match body.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value.as_i64().ok_or_else(Refusal::count_or_cursor),
    };
    let (cursor, count) = (number("cursor", 0)?, number("max_count", 10)?);
    if !(1..=20).contains(&count) || cursor < 0 {
        return Err(Refusal::count_or_cursor());
    }
    let before = if cursor == 0 { i64::MAX } else { cursor };
    let mut videos = own(shared, consent);
    videos.retain(|(at, _)| *at < before);
    let has_more = videos.len() > count as usize;
    videos.truncate(count as usize);
    let next = videos.last().map_or(cursor, |(at, _)| *at);
    let items: Vec<Value> = videos.iter().map(|(_, video)| item(shared, &call.host, video, consent, &fields)).collect();
    shared.count_records(items.len() as u64);
    Ok(json!({"videos": items, "cursor": next, "has_more": has_more}))
}

fn query(shared: &Shared, consent: &Consent, call: &Call) -> Result<Value, Refusal> {
    require(consent, SCOPES[3])?;
    let fields = Fields::read(&call.parameters, &VIDEO)?;
    let body = body::read_object(&call.content_type, &call.body)?;
    let ids = body.pointer("/filters/video_ids").and_then(Value::as_array);
    let ids = ids.ok_or_else(|| Refusal::params("video_ids is required"))?;
    if ids.is_empty() || ids.len() > 20 {
        return Err(Refusal::params("video_ids must have 1 to 20 entries"));
    }
    let now = shared.now();
    let mut items = Vec::new();
    for id in ids {
        let id = id.as_str().and_then(|id| id.parse().ok()).ok_or_else(|| Refusal::params("Invalid video_ids"))?;
        let video = shared.world.video_by_id(id).filter(|video| is_own(video, consent, now));
        items.extend(video.map(|video| item(shared, &call.host, &video, consent, &fields)));
    }
    shared.count_records(items.len() as u64);
    Ok(json!({ "videos": items }))
}

fn is_own(video: &Video<'_>, consent: &Consent, now: DateTime<Utc>) -> bool {
    video.creator_index() == consent.creator && video.is_available(now)
}

/// An owner's public videos with their times in milliseconds, newest first.
fn own<'w>(shared: &'w Shared, consent: &Consent) -> Vec<(i64, Video<'w>)> {
    let now = shared.now();
    let all = (0..shared.world.config().videos).filter_map(|index| shared.world.video(index));
    // Milliseconds tell apart what was published in the same second.
    let at = |video: &Video<'_>| video.created_at().timestamp() * 1000 + (video.id() & 0xFFFF_FFFF) % 1000;
    let mut own: Vec<_> = all.filter(|video| is_own(video, consent, now)).map(|video| (at(&video), video)).collect();
    own.sort_by_key(|(at, video)| std::cmp::Reverse((*at, video.id())));
    own
}

fn item(shared: &Shared, host: &str, video: &Video<'_>, consent: &Consent, fields: &Fields) -> Value {
    let (now, id) = (shared.now(), video.id());
    let (stats, caption) = (video.stats_at(now), video.caption().text);
    let source = format!("utm_campaign=tt4d_open_api&utm_source={}", consent.client_key);
    let int32 = |count: i64| count.min(i64::from(i32::MAX));
    let mut item = Item::new(fields);
    item.set("id", || id.to_string())
        .set("create_time", || video.created_at().timestamp())
        .set("cover_image_url", || cover(host, video, now.timestamp() + COVER_S))
        .set("share_url", || format!("https://www.tiktok.com/@{}/video/{id}?{source}", video.creator().handle))
        .set("video_description", || caption.clone())
        .set("title", || caption.chars().take(150).collect::<String>())
        .set("duration", || video.duration())
        .set("height", || 1024)
        .set("width", || 576)
        .set("embed_html", || format!("<blockquote class=\"tiktok-embed\" data-video-id=\"{id}\"></blockquote>"))
        .set("embed_link", || format!("https://www.tiktok.com/player/v1/{id}?{source}"))
        .set("like_count", || int32(stats.likes))
        .set("comment_count", || int32(stats.comments))
        .set("share_count", || int32(stats.shares))
        .set("view_count", || stats.views)
        .set("is_aigc", || video.tag().is_some_and(|(kind, _)| kind == "AIGC Type"));
    item.into_value()
}
