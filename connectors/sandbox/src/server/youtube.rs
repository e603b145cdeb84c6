//! YouTube's Data API v3 over the same world: its videos and creators under ids of YouTube's form.
//!
//! A video's id is its number's eight bytes in base64url; a channel's is `UC` and sixteen bytes, its list of uploads `UU`
//! and the same. Every seventh video hides its likes, every ninth has its comments turned off.

mod items;

use super::Call;
use super::answer::Answer;
use super::shared::{Shared, lock};
use crate::world::{Creator, Video};
use crate::{Endpoint, FaultKind};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

/// Paths and whose they are.
pub(super) const ROUTES: [(&str, Endpoint); 5] = [
    ("/youtube/v3/channels", Endpoint::YoutubeChannels),
    ("/youtube/v3/playlistItems", Endpoint::YoutubeUploads),
    ("/youtube/v3/videos", Endpoint::YoutubeVideos),
    ("/youtube/v3/search", Endpoint::YoutubeSearch),
    ("/youtube/v3/commentThreads", Endpoint::YoutubeComments),
];

/// What is spent of the day's quotas.
#[derive(Debug, Default)]
pub(super) struct YoutubeQuota {
    day: NaiveDate,
    units: u64,
    searches: u64,
}

/// A refusal as Google writes it.
struct Refused {
    status: u16,
    domain: &'static str,
    reason: &'static str,
    message: String,
}

type Outcome = Result<Value, Refused>;

impl Refused {
    fn new(status: u16, domain: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, domain, reason, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "youtube.parameter", "invalidFilters", message)
    }

    fn into_answer(self) -> Answer {
        let Self { status, domain, reason, message } = self;
        let errors = json!([{"message": message, "domain": domain, "reason": reason}]);
        let mut error = json!({"code": status, "message": message, "errors": errors});
        if reason == "badRequest" {
            error["status"] = json!("INVALID_ARGUMENT");
            error["details"] = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                                       "domain": "googleapis.com", "metadata": {"service": "youtube.googleapis.com"}}]);
        }
        Answer::json(status, &json!({ "error": error }))
    }
}

/// Answers a request to the Data API.
pub(super) fn answer(shared: &Shared, endpoint: Endpoint, call: &Call) -> Answer {
    let asked = Asked { shared, call, now: shared.now() };
    match admit(shared, endpoint, call).and_then(|()| asked.answer(endpoint)) {
        Ok(document) => Answer::json(200, &document),
        Err(refused) => refused.into_answer(),
    }
}

fn admit(shared: &Shared, endpoint: Endpoint, call: &Call) -> Result<(), Refused> {
    let strikes = |kind| shared.strikes(kind, endpoint);
    let Some(key) = call.key.as_ref().or_else(|| call.parameters.get("key")) else {
        let message = "Method doesn't allow unregistered callers (callers without established identity).";
        return Err(Refused::new(403, "global", "forbidden", message));
    };
    let wrong = shared.config.youtube_key.as_ref().is_some_and(|known| known != key);
    if wrong || strikes(FaultKind::TokenExpired) {
        let message = "API key not valid. Please pass a valid API key.";
        return Err(Refused::new(400, "global", "badRequest", message));
    }
    // Every request counts, refused ones too.
    let within = take(shared, endpoint);
    if !within || strikes(FaultKind::DailyQuota) {
        let message = "The request cannot be completed because you have exceeded your \
                       <a href=\"/youtube/v3/getting-started#quota\">quota</a>.";
        return Err(Refused::new(403, "youtube.quota", "quotaExceeded", message));
    }
    if strikes(FaultKind::RateLimit) {
        return Err(Refused::new(403, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded"));
    }
    if strikes(FaultKind::InternalError) {
        return Err(Refused::new(503, "global", "backendError", "Backend Error"));
    }
    Ok(())
}

/// Takes a request from the quota of its kind.
fn take(shared: &Shared, endpoint: Endpoint) -> bool {
    let today = shared.quota_instant().with_timezone(&chrono_tz::America::Los_Angeles).date_naive();
    let mut quota = lock(&shared.youtube);
    if quota.day != today {
        *quota = YoutubeQuota { day: today, ..YoutubeQuota::default() };
    }
    let (units, searches) = shared.config.youtube_quota;
    let (spent, daily) = match endpoint {
        Endpoint::YoutubeSearch => (&mut quota.searches, searches),
        _ => (&mut quota.units, units),
    };
    *spent += 1;
    *spent <= daily
}

/// A request that was let in.
struct Asked<'a> {
    shared: &'a Shared,
    call: &'a Call,
    now: DateTime<Utc>,
}

impl<'a> Asked<'a> {
    fn answer(&self, endpoint: Endpoint) -> Outcome {
        if self.parameter("part").is_empty() {
            let message = "No filter selected. Expected one of: part";
            return Err(Refused::new(400, "youtube.parameter", "missingRequiredParameter", message));
        }
        match endpoint {
            Endpoint::YoutubeChannels => self.channels(),
            Endpoint::YoutubeUploads => self.uploads(),
            Endpoint::YoutubeVideos => self.videos(),
            Endpoint::YoutubeSearch => self.search(),
            _ => self.comments(),
        }
    }

    fn parameter(&self, name: &str) -> &'a str {
        self.call.parameters.get(name).map_or("", String::as_str)
    }

    fn channels(&self) -> Outcome {
        let world = &self.shared.world;
        let found = match (self.parameter("id"), self.parameter("forHandle")) {
            ("", "") => return Err(Refused::bad("No filter selected.")),
            (id, "") => channel_of(id, "UC").and_then(|index| world.creator(index)),
            (_, handle) => world.creator_by_handle(handle.trim_start_matches('@')),
        };
        let items: Vec<Value> = found.iter().map(|creator| items::channel(creator, self.now)).collect();
        let mut document = list("channelListResponse", items, None);
        // Of channels that do not exist, there is no list at all.
        if found.is_none() {
            document.as_object_mut().map(|document| document.remove("items"));
        }
        Ok(document)
    }

    fn uploads(&self) -> Outcome {
        let list_of = self.parameter("playlistId");
        let creator = channel_of(list_of, "UU").and_then(|index| self.shared.world.creator(index));
        let Some(creator) = creator else {
            let message =
                format!("The playlist identified with the request's playlistId parameter ({list_of}) cannot be found.");
            return Err(Refused::new(404, "youtube.playlistItem", "playlistNotFound", message));
        };
        let videos = self.newest(|video| video.creator_index() == creator.index);
        self.page("playlistItemListResponse", &videos, 50, items::upload)
    }

    fn videos(&self) -> Outcome {
        let ids: Vec<&str> = self.parameter("id").split(',').filter(|id| !id.is_empty()).collect();
        if ids.is_empty() || ids.len() > 50 {
            return Err(Refused::bad("The request specifies an invalid filter parameter: id."));
        }
        let known = ids.iter().filter_map(|id| self.shared.world.video_by_id(number(id)?));
        let mut known: Vec<_> = known.filter(|video| video.is_available(self.now)).collect();
        if self.shared.strikes(FaultKind::VideoMissing, Endpoint::YoutubeVideos) && !known.is_empty() {
            known.remove(0);
        }
        self.shared.count_records(known.len() as u64);
        Ok(list("videoListResponse", known.iter().map(|video| items::video(video, self.now)).collect(), None))
    }

    fn search(&self) -> Outcome {
        if self.parameter("type") != "video" {
            return Err(Refused::bad("This sandbox searches for videos only."));
        }
        let instant = |name| DateTime::parse_from_rfc3339(self.parameter(name)).ok().map(|at| at.to_utc());
        let (after, before) = (instant("publishedAfter"), instant("publishedBefore"));
        let words = self.parameter("q").to_lowercase();
        let videos = self.newest(|video| {
            let at = video.created_at();
            let timely = after.is_none_or(|after| at >= after) && before.is_none_or(|before| at < before);
            timely && video.is_available(self.now) && video.caption().text.to_lowercase().contains(&words)
        });
        // No more than some 500 results are given, whatever the number that is claimed.
        self.page("searchListResponse", &videos[..videos.len().min(500)], 50, items::result)
    }

    fn comments(&self) -> Outcome {
        let id = self.parameter("videoId");
        let video = number(id).and_then(|number| self.shared.world.video_by_id(number));
        let Some(video) = video.filter(|video| video.is_available(self.now)) else {
            let message = "The video identified by the videoId parameter could not be found.";
            return Err(Refused::new(404, "youtube.commentThread", "videoNotFound", message));
        };
        let off = self.shared.strikes(FaultKind::CommentsDisabled, Endpoint::YoutubeComments);
        if off || items::has_no_comments(&video) {
            let message = format!("The video identified by the videoId parameter ({id}) has disabled comments.");
            return Err(Refused::new(403, "youtube.commentThread", "commentsDisabled", message));
        }
        let threads: Vec<u64> = video.threads_at(self.now).collect();
        self.page("commentThreadListResponse", &threads, 100, |number| items::thread(&video, *number, self.now))
    }

    /// Videos that were published by now, newest first.
    fn newest(&self, wanted: impl Fn(&Video<'a>) -> bool) -> Vec<Video<'a>> {
        let world = &self.shared.world;
        let all = (0..world.config().videos).rev().filter_map(|index| world.video(index));
        let mut found: Vec<_> = all.filter(|video| video.created_at() <= self.now && wanted(video)).collect();
        found.sort_by_key(|video| std::cmp::Reverse((video.created_at(), video.id())));
        found
    }

    /// One page: tokens hold how many came before.
    fn page<T>(&self, kind: &str, all: &[T], most: usize, item: impl Fn(&T) -> Value) -> Outcome {
        let count = self.parameter("maxResults").parse::<usize>().unwrap_or(5).clamp(1, most);
        let from = match self.parameter("pageToken") {
            "" => 0,
            token => offset(token).ok_or_else(|| {
                Refused::new(400, "youtube.parameter", "invalidPageToken", "The page token is invalid.")
            })?,
        };
        let to = (from + count).min(all.len());
        let items: Vec<Value> = all.get(from..to).unwrap_or_default().iter().map(item).collect();
        self.shared.count_records(items.len() as u64);
        Ok(list(kind, items, (to < all.len()).then(|| token(to))))
    }
}

fn list(kind: &str, items: Vec<Value>, next: Option<String>) -> Value {
    let page = json!({"totalResults": items.len(), "resultsPerPage": items.len()});
    let mut document = json!({"kind": format!("youtube#{kind}"), "etag": "e", "pageInfo": page, "items": items});
    if let Some(next) = next {
        document["nextPageToken"] = json!(next);
    }
    document
}

pub(super) fn token(offset: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("at {offset}"))
}

pub(super) fn offset(token: &str) -> Option<usize> {
    std::str::from_utf8(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?.strip_prefix("at ")?.parse().ok()
}

/// The id of a video as YouTube writes ids.
fn video_id(number: i64) -> String {
    URL_SAFE_NO_PAD.encode(number.to_be_bytes())
}

fn number(video_id: &str) -> Option<i64> {
    let bytes: [u8; 8] = URL_SAFE_NO_PAD.decode(video_id).ok()?.try_into().ok()?;
    Some(i64::from_be_bytes(bytes))
}

/// The id of a channel (`UC…`) or of its list of uploads (`UU…`).
fn channel_id(creator: u64, kind: &str) -> String {
    let bytes = (u128::from(crate::world::mix(creator)) << 64) | u128::from(creator);
    format!("{kind}{}", URL_SAFE_NO_PAD.encode(bytes.to_be_bytes()))
}

fn channel_of(id: &str, kind: &str) -> Option<u64> {
    let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(id.strip_prefix(kind)?).ok()?.try_into().ok()?;
    let creator = u128::from_be_bytes(bytes) as u64;
    (channel_id(creator, kind) == id).then_some(creator)
}

impl Creator {
    /// Its channel's id on the sandbox's YouTube.
    pub fn youtube_channel(&self) -> String {
        channel_id(self.index, "UC")
    }
}

impl Video<'_> {
    /// Its id on the sandbox's YouTube.
    pub fn youtube_id(&self) -> String {
        video_id(self.id())
    }
}
