//! Which task of a lane is polled next, and what a page becomes.

use super::MakeSource;
use super::incidents::{Findings, Shown};
use super::lane::{Lane, in_cycle};
use super::publish::{self, Outgoing};
use super::route::{Reaction, Routes};
use crate::clock;
use crate::roles::{RoleError, Stop, now};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tidelake_connectors::client::fallback::Decision;
use tidelake_connectors::{Capabilities, CycleContext, Fault, Next, Page, Source, StopReason};
use tidelake_schemas::{CoverageEntry, Cursor, Observation, Task, Timestamp, ids};
use tidelake_schemas::{EntityKind, Provenance};
use tokio::sync::Notify;

/// How often an idle lane looks whether it is still its owner's, and the least it waits for a task that is due.
const IDLE: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_millis(1);
/// The longest pause before a cycle is asked again that brought nothing where that cannot be.
const DOUBT_S: i64 = 3600;

/// A change of one of the lane's tasks.
enum Change {
    Set(Box<Task>),
    Removed,
}

/// Changes of the lane's tasks that it has not heard of yet: the newest of each task, so that a lane that is busy for
/// long holds up nobody.
#[derive(Default)]
pub(super) struct Changes {
    waiting: Mutex<BTreeMap<String, Change>>,
    news: Notify,
}

impl Changes {
    pub(super) fn set(&self, task: Box<Task>) {
        self.put(task.task.clone(), Change::Set(task));
    }

    pub(super) fn remove(&self, name: String) {
        self.put(name, Change::Removed);
    }

    fn put(&self, name: String, change: Change) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(name, change);
        self.news.notify_one();
    }

    fn take(&self) -> BTreeMap<String, Change> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A task at work.
pub(crate) struct Entry {
    task: Task,
    routes: Routes,
    due: Timestamp,
    faults: u32,
}

/// What a cursor's state holds: the source's own and what keeps windows still while a cycle runs.
#[derive(Clone, Serialize, Deserialize)]
struct State {
    started_at: Timestamp,
    source: Option<Value>,
    /// Records of the cycle so far.
    #[serde(default)]
    got: i64,
    /// The connector that the source's state belongs to.
    #[serde(default)]
    route: Option<String>,
}

/// Runs a lane's tasks until told to stop.
pub(super) async fn run(
    mut lane: Lane,
    sources: &Arc<MakeSource>,
    changes: &Changes,
    stop: &Stop,
) -> Result<(), RoleError> {
    let mut entries: HashMap<String, Entry> = HashMap::new();
    while !stop.asked() {
        for (name, change) in changes.take() {
            apply(name, change, sources, &lane, &mut entries);
        }
        let Some(name) = next_due(&entries) else {
            // A later claim may have made the last page stale: an idle owner has to notice, or nobody polls it again.
            tokio::task::block_in_place(|| lane.check_owner())?;
            tokio::select! {
                () = stop.wait() => {}
                () = tokio::time::sleep(pause(&entries)) => {}
                () = changes.news.notified() => {}
            }
            continue;
        };
        if let Some(entry) = entries.get_mut(&name) {
            step(&mut lane, entry, stop).await?;
            let finished = lane.cursors.get(&name).is_some_and(|c| c.finished);
            if finished {
                tracing::info!(task = name, "task finished");
                entries.remove(&name);
            }
        }
    }
    lane.keep_baselines().await
}

fn apply(name: String, change: Change, sources: &Arc<MakeSource>, lane: &Lane, entries: &mut HashMap<String, Entry>) {
    match change {
        Change::Removed => drop(entries.remove(&name)),
        Change::Set(task) if task.paused || lane.cursors.get(&name).is_some_and(|c| c.finished) => {
            entries.remove(&name);
        }
        Change::Set(task) => match sources(&task) {
            Ok(routes) => {
                let due = lane.cursors.get(&name).and_then(|c| c.resume_at).unwrap_or_default();
                entries.insert(name, Entry { task: *task, routes, due, faults: 0 });
            }
            Err(why) => tracing::error!(task = task.task, why, "this task cannot be run and is passed over"),
        },
    }
}

impl Entry {
    pub(crate) fn new(task: Task, source: Box<dyn Source>, due: Timestamp) -> Self {
        Self { task, routes: Routes::one(source), due, faults: 0 }
    }
}

/// The due task of the highest priority; among equals the one that has waited longest.
fn next_due(entries: &HashMap<String, Entry>) -> Option<String> {
    let now = now();
    let due = entries.values().filter(|e| e.due <= now);
    due.min_by_key(|e| (-i64::from(e.task.priority), e.due, e.task.task.clone())).map(|e| e.task.task.clone())
}

fn pause(entries: &HashMap<String, Entry>) -> Duration {
    let earliest = entries.values().map(|e| e.due).min();
    let wait = |due: Timestamp| Duration::from_micros(u64::try_from(due.0 - now().0).unwrap_or(0));
    earliest.map_or(IDLE, |due| clock::real(wait(due)).clamp(SOON, IDLE))
}

/// Polls and publishes one page of a task. A poll is abandoned when asked to stop: nothing of it has been published,
/// and the cursor still stands before it. A page that came is published whole.
pub(crate) async fn step(lane: &mut Lane, entry: &mut Entry, stop: &Stop) -> Result<(), RoleError> {
    let (cursor, state) = open_cycle(lane, entry).await?;
    let context =
        CycleContext { task: entry.task.task.clone(), cycle: cursor.cycle, started_at: state.started_at, now: now() };
    let polled = tokio::select! {
        () = stop.wait() => return Ok(()),
        polled = entry.routes.source().poll(&context, state.source.as_ref()) => polled,
    };
    lane.progress.polled();
    match polled {
        Ok(page) => publish_page(lane, entry, cursor, state, &context, page).await,
        Err(fault) => publish_fault(lane, entry, cursor, state, &context, &fault).await,
    }
}

/// The running cycle, or a new one.
async fn open_cycle(lane: &mut Lane, entry: &mut Entry) -> Result<(Cursor, State), RoleError> {
    let name = &entry.task.task;
    let last = lane.cursors.get(name);
    if let Some(cursor) = last.filter(|c| in_cycle(c)) {
        let bad = |e: serde_json::Error| RoleError::Task {
            task: name.clone(),
            why: format!("its cursor is unreadable: {e}"),
        };
        let mut state: State = serde_json::from_str(cursor.state.as_deref().unwrap_or("null")).map_err(bad)?;
        if state.route.as_deref().is_some_and(|connector| !entry.routes.resume(connector)) {
            state.source = None;
        }
        return Ok((cursor.clone(), state));
    }
    let rests = last.map(|c| c.rests.clone()).unwrap_or_default();
    entry.routes.begin(&rests);
    let route = Some(entry.routes.connector().to_owned());
    let state = State { started_at: now(), source: None, got: 0, route };
    let cursor = Cursor {
        task: name.clone(),
        cycle: last.map_or(0, |c| c.cycle + 1),
        page: 0,
        state: Some(encode_state(&state)?),
        positions: lane.positions(),
        rests,
        ..Cursor::default()
    };
    lane.begin_cycle(&cursor.task);
    lane.save(cursor.clone()).await?;
    Ok((cursor, state))
}

fn encode_state(state: &State) -> Result<String, RoleError> {
    serde_json::to_string(state).map_err(|e| RoleError::Decode(e.to_string()))
}

async fn publish_page(
    lane: &mut Lane,
    entry: &mut Entry,
    mut cursor: Cursor,
    state: State,
    context: &CycleContext,
    mut page: Page,
) -> Result<(), RoleError> {
    let capabilities = entry.routes.source().capabilities();
    let (got, rejected) = (page.observations.len() + page.rejects.len(), page.rejects.len());
    let mut messages = Vec::with_capacity(got + 1);
    let mut fresh: HashMap<EntityKind, i64> = HashMap::new();
    for record in &page.observations {
        let message = publish::observation(record)?;
        if keep(lane, entry, &mut messages, message) {
            *fresh.entry(record.kind()).or_default() += 1;
        }
    }
    for reject in &page.rejects {
        let message = publish::reject(reject, capabilities.connector, context)?;
        keep(lane, entry, &mut messages, message);
    }
    let total = state.got + count(got);
    for order in lane.media.as_ref().map_or_else(Vec::new, |plan| plan.orders(&page)) {
        let message = publish::media(&order)?;
        keep(lane, entry, &mut messages, message);
    }
    let counted_up = matches!(page.next, Next::NextCycle { .. });
    let (source, mut not_before) = match page.next {
        Next::Page { state, not_before } | Next::NextCycle { state, not_before } => (Some(state), not_before),
        Next::CycleDone => (None, None),
    };
    let mut next = source.map(|source| match counted_up {
        true => State { started_at: now(), source: Some(source), got: 0, ..state.clone() },
        false => State { source: Some(source), got: total, ..state.clone() },
    });
    if let Some(mut fault) = page.ledger.stopped_by.take() {
        fault.retry_at = fault.retry_at.or(not_before);
        let reaction = react(entry, &mut cursor, context, &fault);
        page.ledger.fault = page.ledger.fault.map(|told| format!("{told} {}", reaction.told));
        not_before = Some(reaction.resume_at);
        if matches!(reaction.decision, Decision::Next(_)) {
            next = Some(on_route(state, &entry.routes));
        }
    } else {
        entry.faults = 0;
    }
    let mut entry_of_ledger = ledger(context, &cursor, &capabilities, &page.observations);
    let page_id = entry_of_ledger.event_id.clone();
    let shown = Shown { context, capabilities: &capabilities, route: &page.ledger.route, page: &page_id };
    let over = next.is_none().then_some(total);
    let findings = Findings::of(&lane.sentinel, &shown, &entry.task, (&page.seen, &page.ledger), over);
    let silent = findings.silent.is_some();
    let reason = if silent { StopReason::SilentZero } else { page.ledger.stop_reason };
    entry_of_ledger.stop_reason = reason.name().to_owned();
    entry_of_ledger.fault = findings.fault(page.ledger.fault);
    entry_of_ledger.asked = page.ledger.asked;
    entry_of_ledger.window_start = page.ledger.window_start;
    entry_of_ledger.window_end = page.ledger.window_end;
    entry_of_ledger.requested = page.ledger.requested;
    entry_of_ledger.got = count(got);
    entry_of_ledger.new = fresh.values().sum();
    entry_of_ledger.rejected = count(rejected);
    entry_of_ledger.has_more = page.ledger.has_more;
    entry_of_ledger.requests = page.ledger.requests;
    entry_of_ledger.took_ms = i64::try_from(page.ledger.took.as_millis()).unwrap_or(i64::MAX);
    entry_of_ledger.provenance.route = page.ledger.route;
    for incident in &findings.incidents {
        keep(lane, entry, &mut messages, publish::incident(incident)?);
    }
    if let Err(error) = send(lane, entry, messages, &entry_of_ledger).await {
        findings.retract(&lane.sentinel);
        return Err(error);
    }
    for baseline in findings.settle(&lane.sentinel, &entry.task, context.now) {
        lane.publisher.baseline(&baseline).await?;
    }
    for (kind, records) in fresh {
        lane.progress.observed(kind, records);
    }
    lane.progress.dead(count(rejected));
    if silent {
        return again_later(lane, entry, cursor).await;
    }
    if counted_up {
        lane.begin_cycle(&cursor.task);
        // Finishing the page counts it up to the first one.
        cursor = Cursor { cycle: cursor.cycle + 1, page: -1, positions: lane.positions(), ..cursor };
    }
    finish_page(lane, entry, cursor, context.started_at, next, not_before).await
}

/// A cycle that is not believed is over, but the task is not done with: the next one comes soon.
async fn again_later(lane: &mut Lane, entry: &mut Entry, mut cursor: Cursor) -> Result<(), RoleError> {
    let cadence = if entry.task.cadence_s == 0 { DOUBT_S } else { entry.task.cadence_s };
    let resume_at = now().plus_secs(cadence.min(DOUBT_S));
    cursor.page += 1;
    cursor.state = None;
    cursor.positions = lane.positions();
    cursor.finished = false;
    cursor.resume_at = Some(resume_at);
    entry.due = resume_at;
    lane.save(cursor).await
}

fn count(records: usize) -> i64 {
    i64::try_from(records).unwrap_or(i64::MAX)
}

/// Keeps a message unless its id has been published in this cycle.
fn keep(lane: &mut Lane, entry: &Entry, messages: &mut Vec<Outgoing>, message: Outgoing) -> bool {
    let new = lane.is_new(&entry.task.task, message.id());
    if new {
        messages.push(message);
    }
    new
}

async fn send(
    lane: &mut Lane,
    entry: &mut Entry,
    mut messages: Vec<Outgoing>,
    ledger: &CoverageEntry,
) -> Result<(), RoleError> {
    keep(lane, entry, &mut messages, publish::coverage(ledger)?);
    tokio::task::block_in_place(|| lane.check_owner())?;
    lane.publish(&messages, &ledger.event_id).await
}

async fn finish_page(
    lane: &mut Lane,
    entry: &mut Entry,
    mut cursor: Cursor,
    started_at: Timestamp,
    next: Option<State>,
    not_before: Option<Timestamp>,
) -> Result<(), RoleError> {
    cursor.page += 1;
    cursor.resume_at = not_before;
    match next {
        Some(state) => cursor.state = Some(encode_state(&state)?),
        None => {
            cursor.state = None;
            cursor.positions = lane.positions();
            cursor.finished = entry.task.cadence_s == 0;
            let rested = entry.routes.all_rest_until(&cursor.rests);
            // From start to start: a cycle that takes long does not put off the next.
            let next = (!cursor.finished).then(|| started_at.plus_secs(entry.task.cadence_s).max(now()));
            cursor.resume_at = next.max(rested);
        }
    }
    // Not before what has been due for longer: a task with many pages must not hold up the lane.
    entry.due = cursor.resume_at.unwrap_or_else(now);
    lane.save(cursor).await
}

/// A poll that brought no page is a fact too: it goes into the ledger, and the table says how the task goes on.
async fn publish_fault(
    lane: &mut Lane,
    entry: &mut Entry,
    mut cursor: Cursor,
    state: State,
    context: &CycleContext,
    fault: &Fault,
) -> Result<(), RoleError> {
    let mut ledger = ledger(context, &cursor, &entry.routes.source().capabilities(), &[]);
    ledger.asked = asked(fault);
    let reaction = react(entry, &mut cursor, context, fault);
    let accepted = reaction.decision == Decision::Accept;
    ledger.stop_reason = if accepted { StopReason::Exhausted } else { fault.stop_reason() }.name().to_owned();
    ledger.fault = Some(format!("{fault} {}", reaction.told));
    ledger.requests = fault.requests;
    send(lane, entry, Vec::new(), &ledger).await?;
    let next = match reaction.decision {
        Decision::Accept => None,
        Decision::Next(_) => Some(on_route(state, &entry.routes)),
        Decision::Retry | Decision::Wait | Decision::Stop => Some(state),
    };
    finish_page(lane, entry, cursor, context.started_at, next, Some(reaction.resume_at)).await
}

/// What follows a fault; the log has it in full.
fn react(entry: &mut Entry, cursor: &mut Cursor, context: &CycleContext, fault: &Fault) -> Reaction {
    entry.faults += 1;
    let route = entry.routes.connector();
    let reaction = entry.routes.react(fault, entry.faults, cursor);
    if matches!(reaction.decision, Decision::Next(_) | Decision::Accept) {
        entry.faults = 0;
    }
    let request = fault.cause.as_ref().map(|cause| &cause.context);
    tracing::warn!(
        task = context.task,
        route,
        class = %fault.kind(),
        operation = fault.operation,
        url = request.map(|request| request.url.as_str()),
        status = request.and_then(|request| request.status),
        code = request.and_then(|request| request.code.as_deref()),
        recovery = request.map(|request| tracing::field::debug(request.recovery)),
        actions = request.map(|request| request.actions.join(" ")),
        then = reaction.told,
        %fault,
        "poll failed"
    );
    reaction
}

/// The same cycle from its beginning, by the route that was taken: each keeps positions in its own way. What is seen
/// twice is published once.
fn on_route(state: State, routes: &Routes) -> State {
    State { source: None, route: Some(routes.connector().to_owned()), ..state }
}

/// What was asked for when it failed.
fn asked(fault: &Fault) -> String {
    let url = fault.cause.as_ref().map(|cause| cause.context.url.as_str()).filter(|url| !url.is_empty());
    url.map_or_else(|| fault.operation.clone(), |url| format!("{} {url}", fault.operation))
}

/// The connector that a running cycle is collected by.
pub(crate) fn route_of(cursor: &Cursor) -> Option<String> {
    serde_json::from_str::<State>(cursor.state.as_deref()?).ok()?.route
}

fn ledger(
    context: &CycleContext,
    cursor: &Cursor,
    capabilities: &Capabilities,
    records: &[Observation],
) -> CoverageEntry {
    let fetched_at = records.first().map_or(context.now, fetched_at);
    CoverageEntry {
        event_id: ids::coverage_id(&context.task, context.cycle, cursor.page),
        platform: "tiktok".into(),
        observed_at: context.now,
        provenance: provenance(context, capabilities, fetched_at),
        page: cursor.page,
        ..CoverageEntry::default()
    }
}

/// The provenance of what is said of a page.
pub(super) fn provenance(context: &CycleContext, capabilities: &Capabilities, fetched_at: Timestamp) -> Provenance {
    Provenance {
        connector: capabilities.connector.into(),
        task: context.task.clone(),
        cycle: context.cycle,
        fetched_at,
        zone: capabilities.zone.into(),
        route: capabilities.routes.first().copied().unwrap_or_default().into(),
        ..Provenance::default()
    }
}

fn fetched_at(record: &Observation) -> Timestamp {
    match record {
        Observation::Video(o) => o.provenance.fetched_at,
        Observation::Creator(o) => o.provenance.fetched_at,
        Observation::Comment(o) => o.provenance.fetched_at,
        Observation::Hashtag(o) => o.provenance.fetched_at,
        Observation::Sound(o) => o.provenance.fetched_at,
    }
}
