//! Videos tracked under a budget: each request asks for those whose counts are most worth knowing now
//! ([`revisit`](crate::revisit)), by `video/query` with `video_id IN`.
//!
//! A cycle is one request. Where the videos are listed, the planner's state is the task's cursor. Where they are those
//! that other tasks find, up to a million and more, the store of observations holds all that is known of them: the
//! planner is kept in memory, made from the store when the task starts, and told every few minutes what has come; the
//! cursor holds the price of a poll and the request that is running, a few kilobytes.

use super::query::{FieldName, Operation, Query};
use super::source::{ResearchSource, SetupError};
use super::task::{MAX_COUNT, ResearchTask, VideosTask};
use super::track_task::WINDOW_DAYS;
pub use super::track_task::{Stored, TrackKind, TrackTask};
use super::{CONNECTOR, Day, ResearchClient, ZONE, digest};
use crate::revisit::{Count, CountFeed, Planner, PlannerState, Wanted};
use crate::source::{Capabilities, CycleContext, Fault, FaultClass, Ledger, Next, Page, Probe, Source, StopReason};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use tidelake_schemas::{Observation, Timestamp, ids};
use tokio::sync::Mutex;

/// How often the store is looked at.
const LOOK_S: i64 = 300;

/// At the start it is read in so many polls, so that the lane's other tasks have their turn.
const STRIDES: i64 = 30;

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    /// Pages so far: tells whether the planner in memory is the one that this state was written with.
    page: i64,
    planner: PlannerState,
    /// Recognises the list that the planner tracks.
    listed: String,
    /// Ids asked for and not seen yet.
    asked: BTreeSet<i64>,
    /// Where their search stands.
    search: Option<Search>,
}

/// A search by id that has begun: its next page asks for the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Search {
    ids: Vec<i64>,
    began: Timestamp,
    state: Option<Value>,
}

/// What is kept in memory between two polls.
#[derive(Debug)]
struct Kept {
    page: i64,
    planner: Planner,
    /// Ids chosen by a poll that then failed.
    chosen: Option<Vec<i64>>,
    /// What was stored before this instant is known.
    known: Timestamp,
    /// More videos are stored than may be tracked.
    too_many: bool,
}

/// A tracking task as a source.
#[derive(Debug)]
pub struct TrackSource {
    client: Arc<ResearchClient>,
    task: TrackTask,
    listed: String,
    feed: Option<Arc<dyn CountFeed>>,
    kept: Mutex<Option<Kept>>,
}

impl TrackSource {
    /// A source that shares a client, and with it the token and the quota.
    ///
    /// # Errors
    /// When the task is wrong.
    pub fn with_client(client: Arc<ResearchClient>, task: TrackTask) -> Result<Self, SetupError> {
        task.validate()?;
        let listed = task.video_ids.iter().map(|id| format!("{id},")).collect::<String>();
        Ok(Self { client, task, listed: digest(&listed), feed: None, kept: Mutex::default() })
    }

    /// Where stored videos come from.
    #[must_use]
    pub fn with_feed(self, feed: Arc<dyn CountFeed>) -> Self {
        Self { feed: Some(feed), ..self }
    }

    /// Where the task stands, and what is in memory, made anew if it belongs to another page.
    fn resume(&self, kept: Option<Kept>, state: Option<&Value>, now: Timestamp) -> Result<(State, Kept), Fault> {
        let state: Option<State> = state.map(State::deserialize).transpose().map_err(|e| unreadable(&e))?;
        let page = state.as_ref().map_or(0, |state| state.page);
        if let Some((state, kept)) = state.clone().zip(kept.filter(|kept| kept.page == page)) {
            return Ok((state, kept));
        }
        let mut planner = match &state {
            Some(state) => Planner::restore(state.planner.clone().with(self.task.config())),
            None => Planner::new(self.task.config()).map_err(|e| unreadable(&e))?,
        };
        if state.as_ref().is_none_or(|state| state.listed != self.listed) {
            self.list(&mut planner);
        }
        let known = self.task.stored.as_ref().map_or(now, |stored| days_before(now, stored.max_age_days));
        let begun = || State {
            page,
            planner: planner.bare_state(),
            listed: self.listed.clone(),
            asked: BTreeSet::new(),
            search: None,
        };
        let state = State { listed: self.listed.clone(), ..state.unwrap_or_else(begun) };
        Ok((state, Kept { page, planner, chosen: None, known, too_many: false }))
    }

    /// Tracks what the task lists, and nothing else.
    fn list(&self, planner: &mut Planner) {
        let listed: BTreeSet<_> = self.task.video_ids.iter().copied().collect();
        let left: Vec<_> = planner.ids().filter(|id| !listed.contains(id)).collect();
        for id in left {
            planner.forget(id);
        }
        for id in listed {
            // `validate` saw that every id carries a time.
            planner.track(id, ids::time_of_id(id).unwrap_or_default());
        }
    }

    /// Hears what has been stored since the last look. `false`: there is more.
    async fn look(&self, context: &CycleContext, kept: &mut Kept) -> Result<bool, Fault> {
        let Some(stored) = &self.task.stored else { return Ok(true) };
        if context.now < kept.known.plus_secs(LOOK_S) {
            return Ok(true);
        }
        let feed = self.feed.as_deref().ok_or_else(no_feed)?;
        let stride = i64::from(stored.max_age_days) * 86_400 / STRIDES;
        let until = context.now.min(kept.known.plus_secs(stride));
        let mut tasks = stored.tasks.clone();
        if !tasks.is_empty() {
            // What this task observed is how the planner is made from the store.
            tasks.push(context.task.clone());
        }
        let wanted = Wanted {
            published_from: days_before(context.now, stored.max_age_days),
            stored_from: kept.known,
            stored_until: until,
            tasks: &tasks,
        };
        let Kept { planner, too_many, .. } = kept;
        *too_many = false;
        feed.counts(&wanted, &mut |count| *too_many |= !take(planner, stored.most, &count)).await?;
        kept.known = until;
        Ok(until == context.now)
    }

    /// The search for these ids, as a task of its own.
    fn search(&self, ids: &[i64]) -> Result<ResearchSource, Fault> {
        let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let first = ids.iter().filter_map(|&id| ids::time_of_id(id)).min().map(Day::of);
        let task = ResearchTask::Videos(VideosTask {
            query: Query::of(FieldName::VideoId, Operation::In, &texts),
            start: first,
            end: first.map(|day| day.plus(WINDOW_DAYS)),
            trailing_days: None,
            fields: self.task.fields.clone(),
            max_count: MAX_COUNT,
            limit: None,
        });
        ResearchSource::with_client(self.client.clone(), task).map_err(|e| unreadable(&e))
    }

    /// When the next request is this task's, its share spread over the day.
    fn after(&self, began: Timestamp) -> Timestamp {
        began.plus_secs(i64::from(self.task.pace().every_s))
    }

    /// One page of the running request, or of a new one.
    async fn ask(&self, context: &CycleContext, at: &mut State, kept: &mut Kept) -> Result<Page, Fault> {
        if !self.look(context, kept).await? {
            let asked = format!("nothing yet: what was stored until {} has been read", kept.known);
            return Ok(self.idle(asked, context.now));
        }
        let search = match at.search.take() {
            Some(search) => search,
            None => {
                let choose = || kept.planner.next(context.now, self.task.pace()).pop();
                let Some(ids) = kept.chosen.take().or_else(choose) else {
                    let asked = "nothing: no tracked video can have new counts yet".into();
                    return Ok(self.idle(asked, self.after(context.now)));
                };
                kept.chosen = Some(ids.clone());
                at.asked = ids.iter().copied().collect();
                Search { ids, began: context.now, state: None }
            }
        };
        let inner = CycleContext { started_at: search.began, ..context.clone() };
        let mut page = self.search(&search.ids)?.poll(&inner, search.state.as_ref()).await?;
        kept.chosen = None;
        page.ledger.asked = asked(&search, kept, context, &page.ledger.asked);
        hear(at, &mut kept.planner, &page);
        page.next = match page.next {
            Next::Page { state, not_before } => {
                at.search = Some(Search { state: Some(state), ..search });
                Next::Page { state: Value::Null, not_before }
            }
            Next::NextCycle { .. } | Next::CycleDone => {
                leave_out(at, &mut kept.planner, &page.ledger, context.now);
                page.ledger.stop_reason = StopReason::Continue;
                Next::NextCycle { state: Value::Null, not_before: Some(self.after(search.began).max(context.now)) }
            }
        };
        Ok(page)
    }

    fn idle(&self, asked: String, not_before: Timestamp) -> Page {
        let ledger = Ledger { route: "video/query".into(), asked, ..Ledger::default() };
        let next = Next::NextCycle { state: Value::Null, not_before: Some(not_before) };
        Page { ledger, next, ..Page::default() }
    }
}

#[async_trait]
impl Source for TrackSource {
    fn capabilities(&self) -> Capabilities {
        Capabilities { connector: CONNECTOR, routes: &["video/query"], zone: ZONE, repeatable: true }
    }

    async fn probe(&self) -> Result<Probe, Fault> {
        let since = Instant::now();
        self.client.check_credentials().await?;
        Ok(Probe { summary: "the credentials are good: a client token was given".into(), took: since.elapsed() })
    }

    async fn poll(&self, context: &CycleContext, state: Option<&Value>) -> Result<Page, Fault> {
        let mut memory = self.kept.lock().await;
        let (mut at, mut kept) = self.resume(memory.take(), state, context.now)?;
        let page = self.ask(context, &mut at, &mut kept).await;
        if page.is_ok() {
            at.page += 1;
            kept.page = at.page;
            at.planner = match self.task.stored {
                Some(_) => kept.planner.bare_state(),
                None => kept.planner.state().clone(),
            };
        }
        *memory = Some(kept);
        let mut page = page?;
        if let Next::Page { state, .. } | Next::NextCycle { state, .. } = &mut page.next {
            *state = serde_json::to_value(&at).map_err(|e| unreadable(&e))?;
        }
        Ok(page)
    }
}

/// What was asked, and what a person should know of the planner.
fn asked(search: &Search, kept: &Kept, context: &CycleContext, query: &str) -> String {
    let late = kept.planner.snapshot(context.now).starving;
    let mut asked = format!("{} of {} tracked videos: {query}", search.ids.len(), kept.planner.tracked());
    if late > 0 {
        asked += &format!("; {late} young ones wait for longer than they should: raise requests_per_day");
    }
    if kept.too_many {
        asked += "; more videos are stored than `most` lets this task track";
    }
    asked
}

/// Takes a stored observation in. `false`: there is no room for the video.
fn take(planner: &mut Planner, most: usize, count: &Count) -> bool {
    let known = planner.tracks(count.video_id);
    // Without a time in its id, it cannot be searched for.
    if !known && (planner.tracked() >= most || ids::time_of_id(count.video_id).is_none()) {
        return planner.tracked() < most;
    }
    planner.track(count.video_id, count.published);
    if let Some(views) = count.views {
        planner.observe(count.video_id, count.at, views);
    }
    true
}

/// What a page tells of the videos asked for. One without a count stays out until its time to be asked again.
fn hear(at: &mut State, planner: &mut Planner, page: &Page) {
    for observation in &page.observations {
        let Observation::Video(video) = observation else { continue };
        at.asked.remove(&video.video_id);
        if let Some(views) = video.stats.views {
            planner.observe(video.video_id, video.observed_at, views);
        }
    }
}

/// The ids that a complete answer left out. An answer that was broken off leaves nothing out.
fn leave_out(at: &mut State, planner: &mut Planner, ledger: &Ledger, now: Timestamp) {
    for id in std::mem::take(&mut at.asked) {
        if ledger.stop_reason == StopReason::Exhausted {
            planner.missing(id, now);
        }
    }
}

fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.plus_secs(-86_400 * i64::from(days))
}

fn unreadable(error: &impl std::fmt::Display) -> Fault {
    fault(error.to_string(), "Correct the task; if its position cannot be read, reset it.")
}

fn no_feed() -> Fault {
    let action = "Run the task where the lake can be read, or list `video_ids`.";
    fault("there is no store to take videos from".into(), action)
}

fn fault(message: String, action: &str) -> Fault {
    Fault::new(FaultClass::Request, "research track", message, action)
}

#[cfg(test)]
#[path = "tests/track.rs"]
mod tests;
