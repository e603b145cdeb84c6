//! What a page, or a poll that brought none, becomes: messages, an entry of the ledger, and a cursor.

use super::incidents::{Findings, Shown};
use super::lane::Lane;
use super::publish::{self, Outgoing};
use super::route::{Reaction, Routes};
use super::schedule::{Entry, State, encode_state};
use super::suppressed;
use crate::roles::{RoleError, now};
use std::collections::HashMap;
use tidelake_connectors::client::fallback::Decision;
use tidelake_connectors::{Capabilities, CycleContext, Fault, Ledger, Next, Page, StopReason};
use tidelake_schemas::{CoverageEntry, Cursor, EntityKind, Observation, Provenance, Timestamp, ids};

/// The longest pause before a cycle is asked again that brought nothing where that cannot be.
const DOUBT_S: i64 = 3600;

/// What a page's records become: messages that are new in this cycle, and how many records of each kind they hold.
struct Outcome {
    messages: Vec<Outgoing>,
    fresh: HashMap<EntityKind, i64>,
    got: i64,
    rejected: i64,
    suppressed: i64,
}

impl Outcome {
    fn of(
        lane: &mut Lane,
        entry: &Entry,
        page: &Page,
        capabilities: &Capabilities,
        context: &CycleContext,
    ) -> Result<Self, RoleError> {
        let mut messages = Vec::with_capacity(page.observations.len() + page.rejects.len() + 1);
        let mut fresh: HashMap<EntityKind, i64> = HashMap::new();
        for record in &page.observations {
            if keep(lane, entry, &mut messages, publish::observation(record)?) {
                *fresh.entry(record.kind()).or_default() += 1;
            }
        }
        for reject in &page.rejects {
            keep(lane, entry, &mut messages, publish::reject(reject, capabilities.connector, context)?);
        }
        for order in lane.media.as_ref().map_or_else(Vec::new, |plan| plan.orders(page)) {
            keep(lane, entry, &mut messages, publish::media(&order)?);
        }
        let rejected = count(page.rejects.len());
        Ok(Self { messages, fresh, got: count(page.observations.len()) + rejected, rejected, suppressed: 0 })
    }

    /// What the ledger says of the page.
    fn tell(&self, entry: &mut CoverageEntry, ledger: Ledger) {
        entry.stop_reason = ledger.stop_reason.name().to_owned();
        entry.fault = ledger.fault;
        entry.asked = ledger.asked;
        entry.window_start = ledger.window_start;
        entry.window_end = ledger.window_end;
        entry.requested = ledger.requested;
        entry.got = self.got;
        entry.new = self.fresh.values().sum();
        entry.rejected = self.rejected;
        entry.suppressed = self.suppressed;
        entry.has_more = ledger.has_more;
        entry.requests = ledger.requests;
        entry.took_ms = i64::try_from(ledger.took.as_millis()).unwrap_or(i64::MAX);
        entry.provenance.route = ledger.route;
    }
}

/// Where a cycle goes on.
struct Ahead {
    next: Option<State>,
    not_before: Option<Timestamp>,
    /// In the next cycle, though the source keeps its position.
    counted_up: bool,
}

impl Ahead {
    fn of(next: Next, state: &State, got: i64) -> Self {
        let total = state.got + got;
        match next {
            Next::Page { state: source, not_before } => {
                let next = State { source: Some(source), got: total, ..state.clone() };
                Self { next: Some(next), not_before, counted_up: false }
            }
            Next::NextCycle { state: source, not_before } => {
                let next = State { started_at: now(), source: Some(source), got: 0, ..state.clone() };
                Self { next: Some(next), not_before, counted_up: true }
            }
            Next::CycleDone => Self { next: None, not_before: None, counted_up: false },
        }
    }

    /// A page that a fault ended early: the table says how the task goes on.
    fn after(
        &mut self,
        mut fault: Fault,
        state: State,
        entry: &mut Entry,
        cursor: &mut Cursor,
        context: &CycleContext,
    ) -> String {
        fault.retry_at = fault.retry_at.or(self.not_before);
        let reaction = react(entry, cursor, context, &fault);
        self.not_before = Some(reaction.resume_at);
        if matches!(reaction.decision, Decision::Next(_)) {
            self.next = Some(on_route(state, &entry.routes));
        }
        reaction.told
    }
}

/// Publishes a page, whole: its records, what is said of it, and then the cursor.
pub(super) async fn publish_page(
    lane: &mut Lane,
    entry: &mut Entry,
    mut cursor: Cursor,
    state: State,
    context: &CycleContext,
    mut page: Page,
) -> Result<(), RoleError> {
    let capabilities = entry.routes.source().capabilities();
    let dropped = suppressed::drop_from(lane, &mut page);
    let mut outcome = Outcome::of(lane, entry, &page, &capabilities, context)?;
    outcome.suppressed = count(dropped);
    outcome.got += outcome.suppressed;
    let (mut ahead, total) = (Ahead::of(page.next, &state, outcome.got), state.got + outcome.got);
    match page.ledger.stopped_by.take() {
        Some(fault) => {
            let told = ahead.after(fault, state, entry, &mut cursor, context);
            page.ledger.fault = page.ledger.fault.map(|fault| format!("{fault} {told}"));
        }
        None => entry.faults = 0,
    }
    let mut ledger = ledger(context, &cursor, &capabilities, &page.observations);
    let page_id = ledger.event_id.clone();
    let shown = Shown { context, capabilities: &capabilities, route: &page.ledger.route, page: &page_id };
    let over = ahead.next.is_none().then_some(total);
    let findings = Findings::of(&lane.sentinel, &shown, &entry.task, (&page.seen, &page.ledger), over);
    let silent = findings.silent.is_some();
    page.ledger.fault = findings.fault(page.ledger.fault);
    if silent {
        page.ledger.stop_reason = StopReason::SilentZero;
    }
    outcome.tell(&mut ledger, page.ledger);
    for incident in &findings.incidents {
        let mut incident = incident.clone();
        if let Some(all) = lane.suppressed() {
            suppressed::redact(&all, &mut incident);
        }
        keep(lane, entry, &mut outcome.messages, publish::incident(&incident)?);
    }
    if let Err(error) = send(lane, entry, outcome.messages, &ledger).await {
        findings.retract(&lane.sentinel);
        return Err(error);
    }
    for baseline in findings.settle(&lane.sentinel, &entry.task, context.now) {
        lane.keep_baseline(baseline).await?;
    }
    outcome.fresh.into_iter().for_each(|(kind, records)| lane.progress.observed(kind, records));
    lane.progress.dead(outcome.rejected);
    if silent {
        return again_later(lane, entry, cursor).await;
    }
    if ahead.counted_up {
        lane.begin_cycle(&cursor.task);
        // Finishing the page counts it up to the first one.
        cursor = Cursor { cycle: cursor.cycle + 1, page: -1, positions: lane.positions(), ..cursor };
    }
    finish_page(lane, entry, cursor, context.started_at, ahead.next, ahead.not_before).await
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
pub(super) async fn publish_fault(
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
pub(super) fn on_route(state: State, routes: &Routes) -> State {
    State { source: None, route: Some(routes.connector().to_owned()), ..state }
}

/// What was asked for when it failed.
fn asked(fault: &Fault) -> String {
    let url = fault.cause.as_ref().map(|cause| cause.context.url.as_str()).filter(|url| !url.is_empty());
    url.map_or_else(|| fault.operation.clone(), |url| format!("{} {url}", fault.operation))
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
        platform: platform(capabilities).into(),
        observed_at: context.now,
        provenance: provenance(context, capabilities, fetched_at),
        page: cursor.page,
        ..CoverageEntry::default()
    }
}

/// The platform of a page that says nothing of its own.
pub(super) fn platform(capabilities: &Capabilities) -> &'static str {
    match capabilities.zone {
        zone @ ("youtube" | "facebook") => zone,
        _ => "tiktok",
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
