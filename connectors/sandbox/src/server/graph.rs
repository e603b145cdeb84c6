//! Facebook's Graph API over the same world: each creator has a page, known by number or handle; `me` is the first
//! creator's. Every third of a page's videos is a reel, every second has a post of its own.

use super::Call;
use super::answer::Answer;
use super::shared::Shared;
use super::youtube::{offset, token};
use crate::world::{Creator, Video};
use crate::{Endpoint, FaultKind};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// Paths and whose they are.
pub(super) const ROUTES: [(&str, Endpoint); 2] =
    [("/graph/{version}/{node}", Endpoint::Graph), ("/graph/{version}/{node}/{edge}", Endpoint::Graph)];

/// Items of a page when nobody says how many; the most that may be asked for.
const COUNT: (usize, usize) = (25, 100);

/// A refusal as Facebook writes it.
struct Refused {
    status: u16,
    code: i64,
    subcode: Option<i64>,
    message: String,
}

impl Refused {
    fn new(status: u16, code: i64, subcode: Option<i64>, message: impl Into<String>) -> Self {
        Self { status, code, subcode, message: message.into() }
    }

    fn into_answer(self, shared: &Shared) -> Answer {
        let trace = format!("A{:x}", shared.serial());
        let mut error =
            json!({"message": self.message, "type": "OAuthException", "code": self.code, "fbtrace_id": trace});
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = json!(subcode);
        }
        Answer::json(self.status, &json!({ "error": error }))
    }
}

/// Answers a request to the Graph API.
pub(super) fn answer(shared: &Shared, call: &Call) -> Answer {
    let usage = if shared.strikes(FaultKind::UsageHigh, Endpoint::Graph) { 95 } else { 3 };
    let usage = json!({"call_count": usage, "total_time": 2, "total_cputime": 1}).to_string();
    let answer = match admit(shared, call).and_then(|()| node(shared, call)) {
        Ok(document) => Answer::json(200, &document),
        Err(refused) => refused.into_answer(shared),
    };
    Answer { usage: Some(usage), ..answer }
}

fn admit(shared: &Shared, call: &Call) -> Result<(), Refused> {
    let strikes = |kind| shared.strikes(kind, Endpoint::Graph);
    let Some(token) = call.token.as_ref().or_else(|| call.parameters.get("access_token")) else {
        return Err(Refused::new(400, 2500, None, "An active access token must be used to query information."));
    };
    if strikes(FaultKind::TokenExpired) || shared.config.graph_token.as_ref().is_some_and(|known| known != token) {
        let message = "Error validating access token: Session has expired.";
        return Err(Refused::new(400, 190, Some(463), message));
    }
    if strikes(FaultKind::RateLimit) {
        return Err(Refused::new(403, 32, None, "(#32) Page request limit reached"));
    }
    if strikes(FaultKind::ScopeMissing) {
        let message = "(#10) This endpoint requires the 'pages_read_engagement' permission.";
        return Err(Refused::new(403, 10, None, message));
    }
    if strikes(FaultKind::InternalError) {
        return Err(Refused::new(500, 2, None, "An unexpected error has occurred. Please retry your request later."));
    }
    Ok(())
}

fn node(shared: &Shared, call: &Call) -> Result<Value, Refused> {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').skip(2).collect();
    let (name, edge) = (parts.first().copied().unwrap_or_default(), parts.get(1).copied());
    let page = match name {
        "me" => shared.world.creator(0),
        name => name.parse().map_or_else(|_| shared.world.creator_by_handle(name), |id| creator_by_id(shared, id)),
    };
    let Some(page) = page else {
        let message = format!(
            "Unsupported get request. Object with ID '{name}' does not exist, cannot be loaded due to missing \
                               permissions, or does not support this operation."
        );
        return Err(Refused::new(400, 100, Some(33), message));
    };
    let fields = Fields::read(call);
    let now = shared.now();
    let wanted = |video: &Video<'_>| match edge {
        Some("video_reels") => is_reel(video),
        Some("posts") => video.index().is_multiple_of(2),
        _ => !is_reel(video),
    };
    match edge {
        None => Ok(fields.of(&page_node(&page, now))),
        Some("videos" | "video_reels" | "posts") => {
            let all = (0..shared.world.config().videos).rev().filter_map(|index| shared.world.video(index));
            let own = all.filter(|video| video.creator_index() == page.index && video.is_available(now));
            let own: Vec<Video<'_>> = own.filter(wanted).collect();
            let item = |video: &Video<'_>| match edge {
                Some("posts") => post_node(video, &page, now),
                _ => video_node(video, &page, now),
            };
            list(shared, call, &own, |video| fields.of(&item(video)))
        }
        Some(edge) => {
            let message = format!("(#100) Tried accessing nonexisting field ({edge}) on node type (Page)");
            Err(Refused::new(400, 100, None, message))
        }
    }
}

fn creator_by_id(shared: &Shared, id: i64) -> Option<Creator> {
    (0..shared.world.config().creators).filter_map(|index| shared.world.creator(index)).find(|page| page.id == id)
}

fn is_reel(video: &Video<'_>) -> bool {
    video.index().is_multiple_of(3)
}

/// One page of a list. The address of the next one repeats the token, as Facebook's does.
fn list(shared: &Shared, call: &Call, all: &[Video<'_>], item: impl Fn(&Video<'_>) -> Value) -> Result<Value, Refused> {
    let parameter = |name: &str| call.parameters.get(name);
    let count = parameter("limit").and_then(|count| count.parse().ok()).unwrap_or(COUNT.0).clamp(1, COUNT.1);
    let from = match parameter("after") {
        None => 0,
        Some(after) => offset(after).ok_or_else(|| Refused::new(400, 100, None, "(#100) Invalid cursors values"))?,
    };
    let to = (from + count).min(all.len());
    let data: Vec<Value> = all.get(from..to).unwrap_or_default().iter().map(item).collect();
    shared.count_records(data.len() as u64);
    if data.is_empty() {
        return Ok(json!({ "data": [] }));
    }
    let mut paging = json!({"cursors": {"before": token(from), "after": token(to)}});
    if to < all.len() {
        let key = call.token.as_deref().unwrap_or_default();
        paging["next"] = json!(format!("http://{}{}?access_token={key}&after={}", call.host, call.path, token(to)));
    }
    Ok(json!({"data": data, "paging": paging}))
}

/// The fields that a request names; `id` comes always.
struct Fields(Vec<String>);

impl Fields {
    fn read(call: &Call) -> Self {
        let (mut names, mut depth) = (vec![String::from("id")], 0);
        let mut name = String::new();
        for c in call.parameters.get("fields").map_or("", String::as_str).chars() {
            match c {
                '(' | '{' => depth += 1,
                ')' | '}' => depth -= 1,
                ',' if depth == 0 => names.push(std::mem::take(&mut name)),
                _ => {}
            }
            if depth == 0 && c != ',' && c != ')' && c != '}' {
                name.push(c);
            }
        }
        names.push(name);
        // `likes.limit(0).summary(true)` is the field `likes`.
        Self(names.into_iter().map(|name| name.split('.').next().unwrap_or_default().to_owned()).collect())
    }

    fn of(&self, node: &Value) -> Value {
        let fields = self.0.iter().filter_map(|name| Some((name.clone(), node.get(name)?.clone())));
        Value::Object(fields.collect::<Map<_, _>>())
    }
}

/// Facebook's instants: no colon in the zone.
fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

fn summary(count: i64) -> Value {
    json!({"data": [], "summary": {"total_count": count, "can_like": true, "has_liked": false}})
}

fn page_node(page: &Creator, now: DateTime<Utc>) -> Value {
    json!({
        "id": page.id.to_string(), "name": page.display_name, "username": page.handle, "about": page.bio,
        "category": "Digital creator", "fan_count": page.followers_at(now) * 9 / 10,
        "followers_count": page.followers_at(now), "link": format!("https://www.facebook.com/{}", page.handle),
        "website": page.bio_url, "verification_status": if page.is_verified { "blue_verified" } else { "not_verified" },
    })
}

fn video_node(video: &Video<'_>, page: &Creator, now: DateTime<Utc>) -> Value {
    let stats = video.stats_at(now);
    let place = if is_reel(video) { "reel" } else { "watch" };
    json!({
        "id": video.id().to_string(), "description": video.caption().text, "created_time": instant(video.created_at()),
        "updated_time": instant(video.created_at()), "length": f64::from(video.duration()) + 0.25, "views": stats.views,
        "permalink_url": format!("/{place}/{}/", video.id()), "published": true,
        "from": {"id": page.id.to_string(), "name": page.display_name},
        "likes": summary(stats.likes), "comments": summary(stats.comments),
    })
}

fn post_node(video: &Video<'_>, page: &Creator, now: DateTime<Utc>) -> Value {
    let stats = video.stats_at(now);
    let id = format!("{}_{}", page.id, video.id());
    let mut post = json!({
        "id": id, "message": video.caption().text, "created_time": instant(video.created_at()),
        "permalink_url": format!("https://www.facebook.com/{id}"), "is_published": true,
        "from": {"id": page.id.to_string(), "name": page.display_name},
        "reactions": summary(stats.likes), "comments": summary(stats.comments),
    });
    // Absent where nobody has shared it.
    if stats.shares > 0 {
        post["shares"] = json!({ "count": stats.shares });
    }
    post
}
