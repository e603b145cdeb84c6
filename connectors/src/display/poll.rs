//! One page of a task.

use super::client::{Answer, Ask, DisplayClient, Spent};
use super::fault;
use super::login::user_fields;
use super::records::{cover, handle_of, read_user, read_video};
use super::scope::{Scope, VIDEO_FIELDS};
use super::task::{DisplayTask, OwnVideosTask, VideosTask};
use super::tokens::Tokens;
use super::{CONNECTOR, ZONE};
use crate::client::{Class, ClientFault, Fingerprint, Route};
use crate::drift::Tally;
use crate::media::MediaRef;
use crate::reading::{ReadContext, opt_bool, opt_i64};
use crate::source::{CycleContext, Fault, Ledger, Next, Page, StopReason, read_state};
use crate::vault::AccountName;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Instant;
use tidelake_schemas::{EntityKind, Observation};

/// Videos per page: the most that both endpoints give (tiktok-surfaces §4).
const PAGE: usize = 20;

const LIST: &str = "display video/list";
const QUERY: &str = "display video/query";
const INFO: &str = "display user/info";

/// What is said of a poll as a whole.
const POLL: &str = "display poll";

/// A poll under way.
pub(super) struct Poll<'a> {
    client: &'a DisplayClient,
    context: &'a CycleContext,
    account: &'a AccountName,
    since: Instant,
    spent: Spent,
}

/// Where a walk through an account's videos stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Walk {
    /// TikTok's cursor: UTC milliseconds.
    cursor: Option<i64>,
    /// Videos so far.
    #[serde(default)]
    got: u64,
    /// Which videos the page before held.
    #[serde(default)]
    previous: Option<Fingerprint>,
}

/// Where a list of ids stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    from: usize,
}

impl<'a> Poll<'a> {
    pub(super) fn new(client: &'a DisplayClient, context: &'a CycleContext, account: &'a AccountName) -> Self {
        Self { client, context, account, since: Instant::now(), spent: Spent::default() }
    }

    pub(super) async fn run(self, task: &DisplayTask, state: Option<&Value>) -> Result<Page, Fault> {
        match task {
            DisplayTask::OwnVideos(task) => self.own_videos(task, read_state(POLL, state)?.unwrap_or_default()).await,
            DisplayTask::Videos(task) => self.videos(task, read_state(POLL, state)?.unwrap_or_default()).await,
            DisplayTask::Account(_) => self.user().await,
        }
    }

    async fn own_videos(mut self, task: &OwnVideosTask, at: Walk) -> Result<Page, Fault> {
        let left = task.limit.map_or(u64::MAX, |limit| limit.saturating_sub(at.got));
        let count = left.clamp(1, PAGE as u64);
        let (answer, owner) = self.list(at.cursor, count).await?;
        let videos = self.listed(&answer)?;
        let more = opt_bool(&answer.data, "has_more").unwrap_or(false);
        let fingerprint = Fingerprint::of(&videos);
        let cursor = opt_i64(&answer.data, "cursor");
        let stands = more && (cursor.is_none() || cursor == at.cursor);
        if stands || (fingerprint.is_some() && fingerprint == at.previous) {
            return Err(self.spent.fault(repeated()));
        }
        let mut page = Page::default();
        self.read(&videos, "video/list", &answer, &owner, &mut page);
        let got = at.got.saturating_add(videos.len() as u64);
        let full = task.limit.is_some_and(|limit| got >= limit);
        let asked = format!("own videos of {}, {count} before {}", self.account, shown(at.cursor));
        page.ledger = Ledger {
            requested: i64::try_from(count).ok(),
            has_more: more,
            stop_reason: match (more, full) {
                (false, _) => StopReason::Exhausted,
                (true, true) => StopReason::Limit,
                (true, false) => StopReason::Continue,
            },
            ..self.ledger("video/list", asked, None)
        };
        if more && !full {
            page.next = at_once(&Walk { cursor, got, previous: fingerprint });
        }
        Ok(page)
    }

    async fn videos(mut self, task: &VideosTask, at: Place) -> Result<Page, Fault> {
        // A task may have been shortened since the position was stored.
        let from = at.from.min(task.ids.len());
        let to = (from + PAGE).min(task.ids.len());
        let ids = task.ids.get(from..to).unwrap_or_default();
        let asked = format!("videos {}-{to} of {}, of {}: {}", from + 1, task.ids.len(), self.account, ids.join(" "));
        if ids.is_empty() {
            let ledger = self.ledger("video/query", asked, None);
            return Ok(Page { ledger: Ledger { stop_reason: StopReason::Exhausted, ..ledger }, ..Page::default() });
        }
        let access = self.client.access(self.account, &mut self.spent).await?;
        let owner = access.tokens.clone();
        let ask = Ask {
            operation: QUERY,
            path: "v2/video/query/",
            fields: &VIDEO_FIELDS,
            body: Some(json!({"filters": {"video_ids": ids}})),
            scope: Scope::VideoList,
        };
        let answer = self.client.ask(self.account, access, &ask, &mut self.spent).await?;
        let videos = self.listed(&answer)?;
        let mut page = Page::default();
        self.read(&videos, "video/query", &answer, &owner, &mut page);
        let more = to < task.ids.len();
        page.ledger = Ledger {
            requested: i64::try_from(ids.len()).ok(),
            has_more: more,
            stop_reason: if more { StopReason::Continue } else { StopReason::Exhausted },
            ..self.ledger("video/query", asked, missing(ids, &videos))
        };
        if more {
            page.next = at_once(&Place { from: to });
        }
        Ok(page)
    }

    async fn user(mut self) -> Result<Page, Fault> {
        let access = self.client.access(self.account, &mut self.spent).await?;
        let owner = access.tokens.clone();
        let fields = user_fields(&owner);
        let ask =
            Ask { operation: INFO, path: "v2/user/info/", fields: &fields, body: None, scope: Scope::UserInfoBasic };
        let answer = self.client.ask(self.account, access, &ask, &mut self.spent).await?;
        let user = answer.data.get("user").filter(|user| user.is_object());
        let user = user.ok_or_else(|| self.spent.fault(fault::unreadable(INFO, "the answer has no user")))?;
        let handle = match owner.grants(Scope::UserInfoProfile) {
            true => None,
            false => self.handle(&owner).await,
        };
        let mut page = Page { seen: Tally::of_fields(Some(&fields)), ..Page::default() };
        page.seen.observe(EntityKind::Creator, user);
        match read_user(user, handle, &self.reading("user/info", &answer)) {
            Ok(creator) => page.observations.push(Observation::Creator(creator)),
            Err(reject) => page.rejects.push(reject),
        }
        page.ledger = Ledger {
            requested: Some(1),
            stop_reason: StopReason::Exhausted,
            ..self.ledger("user/info", format!("account {}", self.account), unknown(&owner))
        };
        Ok(page)
    }

    /// The account's handle from its newest video, where that may be seen.
    async fn handle(&mut self, owner: &Tokens) -> Option<String> {
        if !owner.grants(Scope::VideoList) {
            return None;
        }
        let (answer, _) = self.list(None, 1).await.ok()?;
        answer.data.get("videos")?.as_array()?.iter().find_map(handle_of)
    }

    async fn list(&mut self, cursor: Option<i64>, count: u64) -> Result<(Answer, Tokens), Fault> {
        let access = self.client.access(self.account, &mut self.spent).await?;
        let owner = access.tokens.clone();
        let mut body = json!({ "max_count": count });
        if let Some(cursor) = cursor {
            body["cursor"] = cursor.into();
        }
        let ask = Ask {
            operation: LIST,
            path: "v2/video/list/",
            fields: &VIDEO_FIELDS,
            body: Some(body),
            scope: Scope::VideoList,
        };
        let answer = self.client.ask(self.account, access, &ask, &mut self.spent).await?;
        Ok((answer, owner))
    }

    /// The videos of an answer. A list that is not there at all is no empty list, unless the answer says that there is
    /// no more (no recorded answer is known: tiktok-surfaces §4).
    fn listed(&self, answer: &Answer) -> Result<Vec<Value>, Fault> {
        match answer.data.get("videos") {
            Some(Value::Array(videos)) => Ok(videos.clone()),
            None | Some(Value::Null) if opt_bool(&answer.data, "has_more") == Some(false) => Ok(Vec::new()),
            _ => Err(self.spent.fault(fault::unreadable(LIST, "the answer has no list of videos"))),
        }
    }

    fn read(&self, videos: &[Value], route: &'static str, answer: &Answer, owner: &Tokens, page: &mut Page) {
        let context = self.reading(route, answer);
        for video in videos {
            page.seen.observe(EntityKind::Video, video);
            match read_video(video, owner, &context) {
                Ok(read) => {
                    let named = cover(video, answer.at);
                    page.media.extend(named.map(|f| MediaRef::thumbnail(read.video_id, f, self.account.as_str())));
                    page.observations.push(Observation::Video(read));
                }
                Err(reject) => page.rejects.push(reject),
            }
        }
    }

    fn reading(&self, route: &'static str, answer: &Answer) -> ReadContext<'_> {
        ReadContext {
            task: &self.context.task,
            cycle: self.context.cycle,
            fetched_at: answer.at,
            observed_at: answer.at,
            connector: CONNECTOR,
            route,
            zone: ZONE,
            origin: None,
        }
    }

    /// What was asked, what it cost, and what is worth knowing of it.
    fn ledger(&self, route: &str, asked: String, note: Option<String>) -> Ledger {
        let parts: Vec<String> = note.into_iter().chain(self.spent.survived.clone()).collect();
        Ledger {
            route: route.into(),
            asked,
            fault: (!parts.is_empty()).then(|| parts.join("; survived: ")),
            requests: self.spent.requests,
            took: self.since.elapsed(),
            ..Ledger::default()
        }
    }
}

fn shown(cursor: Option<i64>) -> String {
    cursor.map_or("now".into(), |cursor| format!("cursor {cursor}"))
}

/// Which ids brought nothing. Why is not said: videos of others are left out in silence, as are private ones.
fn missing(ids: &[String], videos: &[Value]) -> Option<String> {
    let has = |id: &&String| videos.iter().any(|video| video.get("id").and_then(Value::as_str) == Some(id.as_str()));
    let missing: Vec<&str> = ids.iter().filter(|id| !has(id)).map(String::as_str).collect();
    let what = "not given (of another account, private, or deleted)";
    (!missing.is_empty()).then(|| format!("{} of {} {what}: {}", missing.len(), ids.len(), missing.join(" ")))
}

/// Which fields are unknown because their scope was not granted.
fn unknown(owner: &Tokens) -> Option<String> {
    let absent = Scope::ALL.into_iter().filter(|scope| !owner.grants(*scope) && !scope.user_fields().is_empty());
    let parts: Vec<String> =
        absent.map(|scope| format!("without scope {scope}, unknown: {}", scope.user_fields().join(", "))).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn repeated() -> Fault {
    let details = "although the answer says that there is more";
    ClientFault::new(Class::RepeatedPage, Route::DisplayApi, LIST, String::new(), details).into()
}

fn at_once<S: Serialize>(state: &S) -> Next {
    Next::Page { state: serde_json::to_value(state).unwrap_or_default(), not_before: None }
}
