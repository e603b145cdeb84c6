//! Videos tracked under a budget: each request asks for those whose counts are most worth knowing now
//! ([`revisit`](crate::revisit)), by `video/query` with `video_id IN`.

use super::query::{FieldName, Operation, Query};
use super::source::{ResearchSource, SetupError};
use super::task::{MAX_COUNT, ResearchTask, TaskError, VideosTask};
use super::{CONNECTOR, Day, ResearchClient, ZONE};
use crate::revisit::{Planner, PlannerState, RevisitConfig};
use crate::source::{Capabilities, CycleContext, Fault, FaultClass, Ledger, Next, Page, Probe, Source, StopReason};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use tidelake_schemas::{Observation, Timestamp, ids};

/// The state is in the task's cursor, which has to stay well below Kafka's 1 MB for a message.
const MOST: usize = 4000;

/// `end_date` may be 30 days after `start_date`; drafts and scheduled posts appear up to 12 days after the second in
/// their id. What is left is the span of one request's ids.
const SPAN_DAYS: u32 = 17;
const WINDOW_DAYS: u32 = 30;

/// `{"kind": "track", "video_ids": ["…"], "requests_per_day": 100}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackTask {
    /// `track`.
    pub kind: TrackKind,
    /// Video ids, as numbers or decimal texts; up to 4000.
    #[serde(deserialize_with = "super::settings::ids")]
    pub video_ids: Vec<i64>,
    /// The task's share of the daily quota, spread evenly over the day.
    pub requests_per_day: u32,
    /// The fields to ask for; all of them if absent. `id` is always asked for; without `view_count` nothing is learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// How to plan.
    #[serde(default)]
    pub revisit: RevisitConfig,
}

/// The kind of a [`TrackTask`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Videos by id, again and again.
    #[default]
    Track,
}

impl TrackTask {
    /// Is this a task that the source can accept?
    ///
    /// # Errors
    /// The first setting that it cannot.
    pub fn validate(&self) -> Result<(), TaskError> {
        let wrong = |setting, problem: String| Err(TaskError::Setting(setting, problem));
        if self.video_ids.is_empty() || self.video_ids.len() > MOST {
            return wrong("video_ids", format!("{} ids; give 1 to {MOST}", self.video_ids.len()));
        }
        if let Some(id) = self.video_ids.iter().find(|&&id| ids::time_of_id(id).is_none()) {
            return wrong("video_ids", format!("{id} is no video id: it carries no time"));
        }
        if self.requests_per_day == 0 {
            return wrong("requests_per_day", "0 asks for nothing".into());
        }
        let revisit = &self.revisit;
        if revisit.batch > MAX_COUNT || revisit.batch_span_days.is_none_or(|days| days > SPAN_DAYS) {
            return wrong("revisit", format!("a request takes {MAX_COUNT} ids within {SPAN_DAYS} days at most"));
        }
        revisit.validate().or_else(|e| wrong("revisit", e.to_string()))
    }
}

/// Where a task stands. Its cycle never ends; each request has a number, which its event ids are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    planner: PlannerState,
    number: i64,
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

/// A tracking task as a source.
#[derive(Clone, Debug)]
pub struct TrackSource {
    client: Arc<ResearchClient>,
    task: TrackTask,
}

impl TrackSource {
    /// A source that shares a client, and with it the token and the quota.
    ///
    /// # Errors
    /// When the task is wrong.
    pub fn with_client(client: Arc<ResearchClient>, task: TrackTask) -> Result<Self, SetupError> {
        task.validate()?;
        Ok(Self { client, task })
    }

    /// The state kept, with the ids that the task has got and without those it lost meanwhile.
    fn resume(&self, state: Option<&Value>) -> Result<(State, Planner), Fault> {
        let kept: Option<State> = state.map(State::deserialize).transpose().map_err(|e| unreadable(&e))?;
        let mut planner = match &kept {
            Some(kept) => Planner::restore(kept.planner.clone()),
            None => Planner::new(self.task.revisit.clone()).map_err(|e| unreadable(&e))?,
        };
        if kept.is_none() {
            for &id in &self.task.video_ids {
                // `validate` saw that every id carries a time.
                planner.track(id, ids::time_of_id(id).unwrap_or_default());
            }
        }
        let begin = || State { planner: planner.state().clone(), number: 0, asked: BTreeSet::new(), search: None };
        Ok((kept.unwrap_or_else(begin), planner))
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
    fn pace(&self, now: Timestamp) -> Timestamp {
        now.plus_secs(i64::from(86_400 / self.task.requests_per_day.min(86_400)))
    }
}

#[async_trait]
impl Source for TrackSource {
    fn capabilities(&self) -> Capabilities {
        Capabilities { connector: CONNECTOR, routes: &["video/query"], zone: ZONE, repeatable: true }
    }

    async fn probe(&self) -> Result<Probe, Fault> {
        self.search(&self.task.video_ids[..1])?.probe().await
    }

    async fn poll(&self, context: &CycleContext, state: Option<&Value>) -> Result<Page, Fault> {
        let (mut at, mut planner) = self.resume(state)?;
        if at.search.is_none() {
            let Some(ids) = planner.next(context.now, 1).pop() else {
                at.planner = planner.state().clone();
                return idle(&at, self.pace(context.now));
            };
            at.asked = ids.iter().copied().collect();
            at.search = Some(Search { ids, began: context.now, state: None });
        }
        let Some(search) = at.search.take() else { return Ok(Page::default()) };
        let inner = CycleContext { cycle: at.number, started_at: search.began, ..context.clone() };
        let mut page = self.search(&search.ids)?.poll(&inner, search.state.as_ref()).await?;
        page.ledger.asked =
            format!("{} tracked videos, request {}: {}", search.ids.len(), at.number, page.ledger.asked);
        hear(&mut at, &mut planner, &page);
        let not_before = match page.next {
            Next::Page { state, not_before } => {
                at.search = Some(Search { state: Some(state), ..search });
                not_before
            }
            Next::CycleDone => {
                leave_out(&mut at, &mut planner, &page.ledger, context.now);
                at.number += 1;
                page.ledger.stop_reason = StopReason::Continue;
                Some(self.pace(search.began).max(context.now))
            }
        };
        at.planner = planner.state().clone();
        page.next = Next::Page { state: serde_json::to_value(&at).map_err(|e| unreadable(&e))?, not_before };
        Ok(page)
    }
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

/// Nothing is worth a request now.
fn idle(at: &State, not_before: Timestamp) -> Result<Page, Fault> {
    let state = serde_json::to_value(at).map_err(|e| unreadable(&e))?;
    let asked = "nothing: no tracked video can have new counts yet".into();
    let ledger = Ledger { route: "video/query".into(), asked, ..Ledger::default() };
    Ok(Page { ledger, next: Next::Page { state, not_before: Some(not_before) }, ..Page::default() })
}

fn unreadable(error: &impl std::fmt::Display) -> Fault {
    let action = "Correct the task; if its position cannot be read, reset it.";
    Fault::new(FaultClass::Request, "research track", error.to_string(), action)
}

#[cfg(test)]
#[path = "tests/track.rs"]
mod tests;
