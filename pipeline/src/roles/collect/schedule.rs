//! Which task of a lane is polled next, and what a page becomes.

use super::MakeSource;
use super::lane::{Lane, in_cycle};
use super::publish::{self, Outgoing};
use crate::roles::{RoleError, Stop, now};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tidelake_connectors::{Capabilities, CycleContext, Fault, FaultClass, Next, Page, Source, StopReason};
use tidelake_schemas::{CoverageEntry, Cursor, Observation, Task, Timestamp, ids};
use tidelake_schemas::{EntityKind, Provenance};
use tokio::sync::Notify;

/// The longest pause after faults that pass by themselves.
const MAX_BACKOFF_S: i64 = 300;
/// The pause after a fault that a person must mend.
const MEND_S: i64 = 300;

/// How often an idle lane looks whether it is still its owner's.
const IDLE_MICROS: i64 = 5_000_000;

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
    source: Box<dyn Source>,
    due: Timestamp,
    faults: u32,
}

/// What a cursor's state holds: the source's own and what keeps windows still while a cycle runs.
#[derive(Serialize, Deserialize)]
struct State {
    started_at: Timestamp,
    source: Option<Value>,
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
    Ok(())
}

fn apply(name: String, change: Change, sources: &Arc<MakeSource>, lane: &Lane, entries: &mut HashMap<String, Entry>) {
    match change {
        Change::Removed => drop(entries.remove(&name)),
        Change::Set(task) if task.paused || lane.cursors.get(&name).is_some_and(|c| c.finished) => {
            entries.remove(&name);
        }
        Change::Set(task) => match sources(&task) {
            Ok(source) => {
                let due = lane.cursors.get(&name).and_then(|c| c.resume_at).unwrap_or_default();
                entries.insert(name, Entry::new(*task, source, due));
            }
            Err(why) => tracing::error!(task = task.task, why, "this task cannot be run and is passed over"),
        },
    }
}

impl Entry {
    pub(crate) fn new(task: Task, source: Box<dyn Source>, due: Timestamp) -> Self {
        Self { task, source, due, faults: 0 }
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
    let wait = earliest.map_or(IDLE_MICROS, |due| (due.0 - now().0).clamp(1_000, IDLE_MICROS));
    Duration::from_micros(u64::try_from(wait).unwrap_or(1_000))
}

/// Polls and publishes one page of a task. A poll is abandoned when asked to stop: nothing of it has been published,
/// and the cursor still stands before it. A page that came is published whole.
pub(crate) async fn step(lane: &mut Lane, entry: &mut Entry, stop: &Stop) -> Result<(), RoleError> {
    let (cursor, state) = open_cycle(lane, entry).await?;
    let context =
        CycleContext { task: entry.task.task.clone(), cycle: cursor.cycle, started_at: state.started_at, now: now() };
    let polled = tokio::select! {
        () = stop.wait() => return Ok(()),
        polled = entry.source.poll(&context, state.source.as_ref()) => polled,
    };
    lane.progress.polled();
    match polled {
        Ok(page) => {
            entry.faults = 0;
            publish_page(lane, entry, cursor, state, &context, page).await
        }
        Err(fault) => publish_fault(lane, entry, cursor, &context, &fault).await,
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
        let state = serde_json::from_str(cursor.state.as_deref().unwrap_or("null")).map_err(bad)?;
        return Ok((cursor.clone(), state));
    }
    let state = State { started_at: now(), source: None };
    let cursor = Cursor {
        task: name.clone(),
        cycle: last.map_or(0, |c| c.cycle + 1),
        page: 0,
        state: Some(encode_state(&state)?),
        positions: lane.positions(),
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
    page: Page,
) -> Result<(), RoleError> {
    let capabilities = entry.source.capabilities();
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
    let over = matches!(page.next, Next::NextCycle { .. });
    let (next, not_before) = match page.next {
        Next::Page { state: source, not_before } => {
            (Some(State { started_at: state.started_at, source: Some(source) }), not_before)
        }
        Next::NextCycle { state: source, not_before } => {
            (Some(State { started_at: now(), source: Some(source) }), not_before)
        }
        Next::CycleDone => (None, None),
    };
    let mut entry_of_ledger = ledger(context, &cursor, &capabilities, &page.observations);
    entry_of_ledger.asked = page.ledger.asked;
    entry_of_ledger.provenance.route = page.ledger.route;
    entry_of_ledger.window_start = page.ledger.window_start;
    entry_of_ledger.window_end = page.ledger.window_end;
    entry_of_ledger.requested = page.ledger.requested;
    entry_of_ledger.got = count(got);
    entry_of_ledger.new = fresh.values().sum();
    entry_of_ledger.rejected = count(rejected);
    entry_of_ledger.has_more = page.ledger.has_more;
    entry_of_ledger.stop_reason = page.ledger.stop_reason.name().to_owned();
    entry_of_ledger.fault = page.ledger.fault;
    entry_of_ledger.requests = page.ledger.requests;
    entry_of_ledger.took_ms = i64::try_from(page.ledger.took.as_millis()).unwrap_or(i64::MAX);
    send(lane, entry, messages, &entry_of_ledger).await?;
    for (kind, records) in fresh {
        lane.progress.observed(kind, records);
    }
    lane.progress.dead(count(rejected));
    if over {
        lane.begin_cycle(&cursor.task);
        // Finishing the page counts it up to the first one.
        cursor = Cursor { cycle: cursor.cycle + 1, page: -1, positions: lane.positions(), ..cursor };
    }
    finish_page(lane, entry, cursor, next, not_before).await
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
            cursor.resume_at = (!cursor.finished).then(|| now().plus_secs(entry.task.cadence_s));
        }
    }
    entry.due = cursor.resume_at.unwrap_or_default();
    lane.save(cursor).await
}

/// A poll that brought no page is a fact too: it goes into the ledger, and the task waits.
async fn publish_fault(
    lane: &mut Lane,
    entry: &mut Entry,
    mut cursor: Cursor,
    context: &CycleContext,
    fault: &Fault,
) -> Result<(), RoleError> {
    entry.faults += 1;
    let resume_at = resume_at(fault, entry.faults);
    tracing::warn!(task = context.task, class = ?fault.class, %resume_at, %fault, "poll failed");
    let mut ledger = ledger(context, &cursor, &entry.source.capabilities(), &[]);
    ledger.provenance.route = fault.operation.clone();
    ledger.asked = fault.operation.clone();
    ledger.stop_reason = match fault.class {
        FaultClass::Limited => StopReason::Quota,
        FaultClass::Auth => StopReason::Blocked,
        FaultClass::Transient | FaultClass::Request | FaultClass::Format => StopReason::Fault,
    }
    .name()
    .to_owned();
    ledger.fault = Some(fault.to_string());
    ledger.requests = fault.requests;
    send(lane, entry, Vec::new(), &ledger).await?;
    cursor.page += 1;
    cursor.resume_at = Some(resume_at);
    entry.due = resume_at;
    lane.save(cursor).await
}

fn resume_at(fault: &Fault, faults: u32) -> Timestamp {
    let seconds = match fault.class {
        FaultClass::Transient | FaultClass::Limited => (1_i64 << faults.min(9)).min(MAX_BACKOFF_S),
        FaultClass::Auth | FaultClass::Request | FaultClass::Format => MEND_S,
    };
    fault.retry_at.unwrap_or_else(|| now().plus_secs(seconds))
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
        provenance: Provenance {
            connector: capabilities.connector.into(),
            task: context.task.clone(),
            cycle: context.cycle,
            fetched_at,
            zone: capabilities.zone.into(),
            ..Provenance::default()
        },
        page: cursor.page,
        ..CoverageEntry::default()
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
