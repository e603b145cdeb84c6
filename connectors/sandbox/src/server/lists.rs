//! `POST /v2/research/user/{followers,following,liked_videos,pinned_videos,reposted_videos}/`
//!
//! Who follows whom and who likes what is drawn from the seed, list by list: that A follows B in A's list does not put
//! A into B's list of followers.

mod ties;

use super::answer::Refusal;
use super::body::{Range, read_text};
use super::fields::Fields;
use super::shared::{self, Shared, lock};
use super::videos;
use crate::world::{Creator, Video, mix};
use crate::{Endpoint, FaultKind};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};
use std::collections::HashMap;
use ties::Ties;

#[rustfmt::skip]
const FIELDS: [&str; 20] = [
    "id", "create_time", "username", "region_code", "video_description", "music_id", "like_count", "comment_count",
    "share_count", "view_count", "hashtag_names", "is_stem_verified", "favorites_count", "video_duration",
    "hashtag_info_list", "sticker_info_list", "effect_info_list", "video_mention_list", "video_label", "video_tag",
];

/// Cursors from here on are milliseconds.
const MILLIS: u64 = 100_000_000_000;

/// What was spent of the quota of the lists of accounts: 20,000 requests and 2 million records a day.
#[derive(Default)]
pub(super) struct FollowQuota {
    day: NaiveDate,
    requests: u64,
    records: u64,
}

impl FollowQuota {
    /// Takes one request.
    pub(super) fn take(&mut self, today: NaiveDate) -> Result<(), Refusal> {
        if self.day != today {
            *self = Self { day: today, ..Self::default() };
        }
        if self.requests >= 20_000 || self.records >= 2_000_000 {
            return Err(shared::quota_spent());
        }
        self.requests += 1;
        Ok(())
    }
}

/// Answers a request for a list of an account.
pub(super) fn answer(
    shared: &Shared,
    endpoint: Endpoint,
    parameters: &HashMap<String, String>,
    body: &Value,
) -> Result<Value, Refusal> {
    let username = read_text(body, "username")?.ok_or_else(|| Refusal::params("username is required"))?;
    let request = List { shared, endpoint, owner: account(shared, username)?, now: shared.now() };
    request.check_shown()?;
    match endpoint {
        Endpoint::Followers | Endpoint::Following => request.accounts(body),
        Endpoint::LikedVideos => request.liked(&fields(shared, endpoint, parameters)?, body),
        Endpoint::RepostedVideos => request.reposted(&fields(shared, endpoint, parameters)?, body),
        _ => Ok(request.pinned(&fields(shared, endpoint, parameters)?)),
    }
}

fn account(shared: &Shared, username: &str) -> Result<Creator, Refusal> {
    let unknown = || Refusal::params(format!("username {username} is invalid: cannot find the user"));
    let creator = shared.world.creator_by_handle(username).ok_or_else(unknown)?;
    if creator.is_restricted {
        return Err(Refusal::params("API cannot return this user's information"));
    }
    Ok(creator)
}

/// The documentation asks for `favourites_count` on two pages and answers `favorites_count` on all.
fn fields(shared: &Shared, endpoint: Endpoint, parameters: &HashMap<String, String>) -> Result<Fields, Refusal> {
    const BRITISH: &str = "favourites_count";
    let asked = parameters.get("fields").map_or("", String::as_str);
    if asked.contains(BRITISH) && shared.strikes(FaultKind::SpellingRefused, endpoint) {
        return Err(Refusal::params(format!("Invalid field in fields: {BRITISH}")));
    }
    let parameters = HashMap::from([("fields".to_owned(), asked.replace(BRITISH, "favorites_count"))]);
    Fields::read(&parameters, &FIELDS)
}

/// A request for a list of an account that can be asked about.
struct List<'s> {
    shared: &'s Shared,
    endpoint: Endpoint,
    owner: Creator,
    now: DateTime<Utc>,
}

impl List<'_> {
    /// A number that this list always has.
    fn draw(&self, number: u64) -> u64 {
        let list = mix(self.shared.world.config().seed ^ mix(self.endpoint as u64 ^ self.owner.index << 8));
        mix(list ^ mix(number))
    }

    /// Most people hide what they like, some whom they follow. How the refusal reads is not documented.
    fn check_shown(&self) -> Result<(), Refusal> {
        let (hidden, what) = match self.endpoint {
            Endpoint::LikedVideos => (90, "liked videos are"),
            Endpoint::Following => (15, "following list is"),
            Endpoint::RepostedVideos => (10, "reposted videos are"),
            _ => (0, "list is"),
        };
        let strikes = self.shared.strikes(FaultKind::ListHidden, self.endpoint);
        if strikes || self.draw(u64::MAX) % 100 < hidden {
            return Err(Refusal::params(format!("This user's {what} private")));
        }
        Ok(())
    }

    fn accounts(&self, body: &Value) -> Result<Value, Refusal> {
        let range = self.range(body)?;
        let ties = Ties::new(self);
        let until = i64::try_from(range.cursor).unwrap_or(i64::MAX);
        let until = if has_cursor(body) { until } else { self.now.timestamp() };
        let (first, end) = (ties.first, ties.older_than(until));
        let low = end.saturating_sub(range.count).max(first);
        let has_more = low > first;
        let cursor = if has_more { ties.since(low - 1) } else { ties.since(low) };
        let mut accounts: Vec<_> = (low..end).rev().filter_map(|tie| self.tied(&ties, tie)).collect();
        if self.shared.strikes(FaultKind::NulInUsername, self.endpoint)
            && let Some(Value::String(handle)) = accounts.first_mut().map(|account| &mut account["username"])
        {
            handle.push('\0');
        }
        self.count(accounts.len());
        let name = if self.endpoint == Endpoint::Followers { "user_followers" } else { "user_following" };
        let cursor = self.troubled(cursor, until);
        Ok(json!({name: accounts, "cursor": cursor, "has_more": has_more}))
    }

    /// Only public accounts are listed.
    fn tied(&self, ties: &Ties<'_>, tie: u64) -> Option<Value> {
        let account = self.shared.world.creator(ties.account(tie))?;
        let listed = !account.is_restricted && account.index != self.owner.index;
        listed.then(|| json!({"username": account.handle, "display_name": account.display_name}))
    }

    /// The cursor of liked videos is documented in seconds and shown in milliseconds; both are understood.
    fn liked(&self, fields: &Fields, body: &Value) -> Result<Value, Refusal> {
        let range = self.range(body)?;
        let asked = if range.cursor >= MILLIS { range.cursor / 1000 } else { range.cursor };
        let until = if has_cursor(body) { i64::try_from(asked).unwrap_or(i64::MAX) } else { self.now.timestamp() };
        let all = self.chosen(300);
        let left: Vec<_> = all.into_iter().filter(|video| video.id() >> 32 <= until).collect();
        let page = &left[..left.len().min(count(range.count))];
        let next = left.get(page.len()).or(left.last());
        let cursor = next.map_or(0, |video| (video.id() >> 32) * 1000);
        let items = self.items(fields, page);
        let cursor = self.troubled(cursor, until.saturating_mul(1000));
        Ok(json!({"user_liked_videos": items, "cursor": cursor, "has_more": page.len() < left.len()}))
    }

    fn reposted(&self, fields: &Fields, body: &Value) -> Result<Value, Refusal> {
        let range = self.range(body)?;
        let all = self.chosen(250);
        let page: Vec<_> = all.iter().copied().skip(count(range.cursor)).take(count(range.count)).collect();
        let items = self.items(fields, &page);
        let other = self.shared.strikes(FaultKind::OtherListName, self.endpoint);
        let name = if other { "user_reposted_videos" } else { "reposted_videos" };
        let asked = i64::try_from(range.cursor).unwrap_or(i64::MAX);
        let cursor = self.troubled(i64::try_from(range.next()).unwrap_or(i64::MAX), asked);
        Ok(json!({name: items, "cursor": cursor, "has_more": range.next() < all.len() as u64}))
    }

    /// Up to three of the owner's own videos, in one answer without a cursor.
    fn pinned(&self, fields: &Fields) -> Value {
        let world = &self.shared.world;
        let own = (0..world.config().videos).rev().filter_map(|index| world.video(index));
        let own = own.filter(|video| video.creator_index() == self.owner.index && video.is_available(self.now));
        let pinned: Vec<_> = own.take(count(self.draw(0) % 4)).collect();
        json!({"pinned_videos_list": self.items(fields, &pinned)})
    }

    /// At most so many videos of the whole world that were published by now, newest first.
    fn chosen(&self, at_most: u64) -> Vec<Video<'_>> {
        let world = &self.shared.world;
        let videos = world.config().videos;
        let number = (self.draw(0) % (at_most + 1)).min(videos);
        let room = videos.checked_div(number).unwrap_or(0);
        let index = |place: u64| place * room + self.draw(place + 1) % room;
        let chosen = (0..number).rev().filter_map(|place| world.video(index(place)));
        chosen.filter(|video| video.created_at() <= self.now).collect()
    }

    /// The items of those that everybody can see now: pages are cut before the others are dropped.
    fn items(&self, fields: &Fields, page: &[Video<'_>]) -> Vec<Value> {
        let seen = page.iter().filter(|video| video.is_available(self.now));
        let items: Vec<_> = seen.map(|video| videos::item(video, fields, self.now)).collect();
        self.count(items.len());
        items
    }

    fn range(&self, body: &Value) -> Result<Range, Refusal> {
        if has_cursor(body) && self.shared.strikes(FaultKind::CursorRefused, self.endpoint) {
            return Err(Refusal::count_or_cursor());
        }
        Range::read(body, 20)
    }

    /// The cursor as it goes out.
    fn troubled(&self, cursor: i64, asked: i64) -> Value {
        let stuck = self.shared.strikes(FaultKind::CursorStuck, self.endpoint);
        let cursor = if stuck { asked } else { cursor };
        if self.shared.strikes(FaultKind::CursorAsText, self.endpoint) {
            json!(cursor.to_string())
        } else {
            json!(cursor)
        }
    }

    fn count(&self, records: usize) {
        if matches!(self.endpoint, Endpoint::Followers | Endpoint::Following) {
            lock(&self.shared.follows).records += records as u64;
            self.shared.count_records(records as u64);
        } else {
            self.shared.take_records(records as u64);
        }
    }
}

fn has_cursor(body: &Value) -> bool {
    body.get("cursor").is_some_and(|cursor| !cursor.is_null())
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
