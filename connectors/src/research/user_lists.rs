//! The lists of an account: followers, followed accounts, liked, pinned and reposted videos (surfaces §3.4).
//!
//! Who is in whose list is kept: the event id of a record is that of the membership, so that an account which follows
//! two others is observed twice, and `provenance.origin` names the account whose list it is.

mod paging;

use super::decode::{ListPage, read_record};
use super::list_task::UserListTask;
use super::records::{read_user, read_video};
use super::request::{Purse, Refusal, Reply, Request};
use super::source::{POLL, Poll, at_once, survive};
use super::users::why_unavailable;
use crate::drift::Tally;
use crate::reading::{ReadContext, clean_handle, opt_handle, reject};
use crate::source::{Fault, Ledger, Next, Page, Reject, StopReason, read_state};
use paging::{ListState, Onward};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidelake_schemas::{EntityKind, Observation};

/// Which list of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserList {
    /// Who follows it.
    Followers,
    /// Whom it follows.
    Following,
    /// The videos it liked.
    Liked,
    /// The videos it pinned to its profile.
    Pinned,
    /// The videos it reposted.
    Reposted,
}

/// The fields of listed videos. The pages of liked and reposted videos spell the last one in the British way in their
/// list of fields and in the American way in their tables.
const FIELDS: &[&str] = &[
    "id",
    "create_time",
    "username",
    "region_code",
    "video_description",
    "music_id",
    "like_count",
    "comment_count",
    "share_count",
    "view_count",
    "hashtag_names",
    "is_stem_verified",
    "video_duration",
    "hashtag_info_list",
    "sticker_info_list",
    "effect_info_list",
    "video_mention_list",
    "video_label",
    "video_tag",
    "favorites_count",
];

/// Users report that lists of followers end here or some hundreds later, whatever the account's count says.
const KNOWN_END: u64 = 4_000;

/// A cursor that stands still is moved on so often.
const STEPS: u32 = 5;

impl UserList {
    /// As in provenance.
    pub(super) fn route(self) -> &'static str {
        self.routes()[0]
    }

    /// The one route.
    pub(super) fn routes(self) -> &'static [&'static str] {
        match self {
            Self::Followers => &["user/followers"],
            Self::Following => &["user/following"],
            Self::Liked => &["user/liked_videos"],
            Self::Pinned => &["user/pinned_videos"],
            Self::Reposted => &["user/reposted_videos"],
        }
    }

    /// The fields that can be asked for; none for lists of accounts.
    pub(super) fn fields(self) -> &'static [&'static str] {
        if self.is_of_accounts() { &[] } else { FIELDS }
    }

    fn is_of_accounts(self) -> bool {
        matches!(self, Self::Followers | Self::Following)
    }

    fn purse(self) -> Purse {
        if self.is_of_accounts() { Purse::Follows } else { Purse::Common }
    }
}

pub(super) async fn poll(
    poll: &Poll<'_>,
    list: UserList,
    task: &UserListTask,
    state: Option<&Value>,
) -> Result<Page, Fault> {
    let at: ListState = read_state(POLL, state)?.unwrap_or_default();
    let Some(owner) = task.usernames.get(at.index).map(|name| clean_handle(name)) else { return Ok(Page::default()) };
    let (fields, body) = (fields(list, task, &at), body(list, task, &owner, &at));
    let request = Request { purse: list.purse(), ..Request::new(list.route(), &fields, &body) };
    let mut reply = poll.call(&request).await;
    let ledger = Ledger {
        requested: (list != UserList::Pinned).then(|| task.per_page().into()),
        ..poll.ledger(list.route(), asked(&owner, list, &at), &reply)
    };
    let visit = Visit { poll, list, task, owner, at };
    match reply.take() {
        Ok(data) => Ok(visit.answered(&reply, &data, ledger)),
        Err(Refusal::Request(fault)) => Ok(visit.refused(&reply, &fault, ledger)),
        Err(refusal) => {
            let left = visit.at.restarts < poll.client.patience().stale_restarts;
            survive(ledger, refusal, &visit.at, left.then(|| visit.at.restarted()).as_ref(), None)
        }
    }
}

fn asked(owner: &str, list: UserList, at: &ListState) -> String {
    let from = at.cursor.map_or(String::new(), |cursor| format!(" from {cursor}"));
    format!("{} of {owner}{from}", list.route())
}

/// The fields as the query string takes them, without those of lists of accounts.
fn fields(list: UserList, task: &UserListTask, at: &ListState) -> String {
    let known = list.fields();
    if known.is_empty() {
        return String::new();
    }
    let names = super::settings::field_list(task.fields.as_deref(), known);
    let british = matches!(list, UserList::Liked | UserList::Reposted) != at.respelled;
    if british { names.replace("favorites_count", "favourites_count") } else { names }
}

fn body(list: UserList, task: &UserListTask, owner: &str, at: &ListState) -> Value {
    let mut body = json!({"username": owner});
    if list != UserList::Pinned {
        body["max_count"] = task.per_page().into();
    }
    if let Some(cursor) = at.cursor {
        body["cursor"] = cursor.into();
    }
    body
}

/// One page of one account's list.
struct Visit<'a> {
    poll: &'a Poll<'a>,
    list: UserList,
    task: &'a UserListTask,
    owner: String,
    at: ListState,
}

impl Visit<'_> {
    fn answered(&self, reply: &Reply, data: &RawValue, ledger: Ledger) -> Page {
        let answer = match ListPage::parse(data) {
            Ok(answer) if self.list == UserList::Pinned || !answer.is_void() => answer,
            Ok(_) => return self.odd(data, ledger, "it holds no list"),
            Err(error) => return self.odd(data, ledger, &error.to_string()),
        };
        let mut page = Page { ledger, seen: Tally::of_fields(self.task.fields.as_deref()), ..Page::default() };
        let kind = if self.list.is_of_accounts() { EntityKind::Creator } else { EntityKind::Video };
        let origin = format!("@{}", self.owner);
        let context = ReadContext { origin: Some(&origin), ..self.poll.reading(self.list.route(), reply) };
        let left = self.task.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.at.taken));
        for raw in answer.records().iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
            match read_record(raw, (&mut page.seen, kind), |value| self.read(value, &context)) {
                Ok(observation) => page.observations.push(observation),
                Err(reject) => page.rejects.push(reject),
            }
        }
        let mut at = self.at.clone();
        at.taken += (page.observations.len() + page.rejects.len()) as u64;
        page.ledger.has_more = answer.has_more();
        self.go_on(page, &at, &answer)
    }

    fn read(&self, value: &Value, context: &ReadContext<'_>) -> Result<Observation, Reject> {
        let member = |kind, entity: &str| {
            context.event_id(kind, &format!("{}:{}:{entity}", self.list.route(), self.owner.to_lowercase()))
        };
        if self.list.is_of_accounts() {
            let missing = || reject(value, "missing_id", None, "the listed account has no `username`".into());
            let handle = opt_handle(value, "username").ok_or_else(missing)?;
            let mut user = read_user(value, &handle, context)?;
            user.event_id = member(EntityKind::Creator, &user.handle);
            return Ok(Observation::Creator(user));
        }
        let mut video = read_video(value, context)?;
        video.event_id = member(EntityKind::Video, &video.video_id.to_string());
        video.is_pinned = (self.list == UserList::Pinned).then_some(true);
        Ok(Observation::Video(video))
    }

    /// Where to go on. An empty page ends nothing; only `has_more` does.
    fn go_on(&self, mut page: Page, at: &ListState, answer: &ListPage) -> Page {
        if self.task.limit.is_some_and(|limit| at.taken >= limit) {
            return self.leave(page, at, StopReason::Limit);
        }
        if !answer.has_more() {
            let cut = self.list == UserList::Followers && at.taken >= KNOWN_END;
            if cut {
                let taken = at.taken;
                page.ledger.fault =
                    Some(format!("the list ends after {taken}: the source shows no more than some 5000 followers"));
            }
            return self.leave(page, at, if cut { StopReason::Limit } else { StopReason::Exhausted });
        }
        match at.onward(self.list, answer, self.task.per_page()) {
            Onward::To(next) => page.next = at_once(&next),
            // A source that gives the same page for ever would be stepped through second by second.
            Onward::Stepped(next) if next.steps > STEPS || page.observations.is_empty() => {
                page.ledger.fault = Some("the cursor stands still, and moving it on brings nothing new".into());
                return self.leave(page, at, StopReason::Fault);
            }
            Onward::Stepped(next) => {
                page.ledger.fault = Some("the cursor stood still; it was moved on by the least step".into());
                page.next = at_once(&next);
            }
            Onward::Nowhere => {
                page.ledger.fault = Some("the source says that there is more, but not where".into());
                return self.leave(page, at, StopReason::Fault);
            }
        }
        page
    }

    /// To the next account, or to the end of the cycle for `reason`.
    fn leave(&self, mut page: Page, at: &ListState, reason: StopReason) -> Page {
        let next = at.next_account();
        (page.next, page.ledger.stop_reason) = if next.index < self.task.usernames.len() {
            (at_once(&next), StopReason::Continue)
        } else {
            (Next::CycleDone, reason)
        };
        page
    }

    /// A refusal says something about the account or its list (an observation), or about the request.
    fn refused(&self, reply: &Reply, fault: &Fault, ledger: Ledger) -> Page {
        let ledger = Ledger { fault: Some(fault.message.clone()), ..ledger };
        let mut page = Page { ledger, ..Page::default() };
        if !self.at.respelled && is_about_spelling(&fault.message) {
            page.next = at_once(&ListState { respelled: true, ..self.at.clone() });
            page.ledger.has_more = true;
            return page;
        }
        let context = self.poll.reading(self.list.route(), reply);
        let user = read_user(&json!({}), &self.owner, &context);
        match (why_unavailable(&fault.message).or_else(|| why_hidden(&fault.message)), user) {
            (Some(why), Ok(mut user)) => {
                user.unavailable = Some(why.into());
                page.observations.push(Observation::Creator(user));
            }
            _ => page.rejects.push(self.dead_letter("list_refused", fault.to_string(), body_of(self))),
        }
        self.leave(page, &self.at, StopReason::Exhausted)
    }

    /// An answer that is no list does not stop the other accounts; it becomes a dead letter.
    fn odd(&self, data: &RawValue, ledger: Ledger, why: &str) -> Page {
        let message =
            format!("the answer of {} cannot be read: {why}. Look at the payload of this dead letter.", ledger.route);
        let ledger = Ledger { fault: Some(message.clone()), ..ledger };
        let reject = self.dead_letter("unreadable_list", message, data.get().as_bytes().to_vec());
        self.leave(Page { rejects: vec![reject], ledger, ..Page::default() }, &self.at, StopReason::Fault)
    }

    fn dead_letter(&self, reason: &str, message: String, payload: Vec<u8>) -> Reject {
        Reject { reason: reason.into(), message, entity: Some(self.owner.clone()), payload }
    }
}

fn body_of(visit: &Visit<'_>) -> Vec<u8> {
    let mut body = body(visit.list, visit.task, &visit.owner, &visit.at);
    body["route"] = visit.list.route().into();
    body.to_string().into_bytes()
}

fn is_about_spelling(message: &str) -> bool {
    message.contains("favourites_count") || message.contains("favorites_count")
}

/// A list that its owner does not show. The wording is not documented (surfaces §3.4: "error message rather than an
/// empty list"), so whatever speaks of private or public is taken for it.
fn why_hidden(message: &str) -> Option<&'static str> {
    let message = message.to_lowercase();
    (message.contains("private") || message.contains("public")).then_some("private_list")
}
