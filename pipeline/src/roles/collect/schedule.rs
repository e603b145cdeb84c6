//! Which task of a lane is polled next.

use super::MakeSource;
use super::lane::{Lane, in_cycle};
use super::page::{on_route, publish_fault, publish_page};
use super::route::Routes;
use super::suppressed::{self, Cut, cut};
use crate::clock;
use crate::roles::{RoleError, Stop, now};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tidelake_connectors::{CycleContext, Source};
use tidelake_schemas::{Cursor, Task, Timestamp};
use tokio::sync::Notify;

/// How often an idle lane looks whether it is still its owner's, and the least it waits for a task that is due.
const IDLE: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_millis(1);

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
    pub(super) task: Task,
    pub(super) routes: Routes,
    pub(super) due: Timestamp,
    pub(super) faults: u32,
}

/// What a cursor's state holds: the source's own and what keeps windows still while a cycle runs.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) started_at: Timestamp,
    pub(super) source: Option<Value>,
    /// Records of the cycle so far.
    #[serde(default)]
    pub(super) got: i64,
    /// The connector that the source's state belongs to.
    #[serde(default)]
    pub(super) route: Option<String>,
}

/// Runs a lane's tasks until told to stop.
pub(super) async fn run(
    mut lane: Lane,
    sources: &Arc<MakeSource>,
    changes: &Changes,
    stop: &Stop,
) -> Result<(), RoleError> {
    let mut entries: HashMap<String, Entry> = HashMap::new();
    let mut news = News::default();
    while !stop.asked() {
        for (name, change) in changes.take().into_iter().chain(news.of(&lane, &entries)) {
            apply(name, change, sources, &mut lane, &mut entries).await?;
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

/// Suppressions that have come since the lane last looked.
#[derive(Default)]
struct News {
    known: usize,
}

impl News {
    /// The tasks at work that name somebody who has been suppressed since, to be set again.
    fn of(&mut self, lane: &Lane, entries: &HashMap<String, Entry>) -> Vec<(String, Change)> {
        let Some(suppressed) = lane.suppressed().filter(|all| all.len() != self.known) else { return Vec::new() };
        self.known = suppressed.len();
        let named = entries.iter().filter(|(_, entry)| cut(&suppressed, &entry.task) != Cut::Whole);
        named.map(|(name, entry)| (name.clone(), Change::Set(Box::new(entry.task.clone())))).collect()
    }
}

async fn apply(
    name: String,
    change: Change,
    sources: &Arc<MakeSource>,
    lane: &mut Lane,
    entries: &mut HashMap<String, Entry>,
) -> Result<(), RoleError> {
    let change = match (change, lane.suppressed()) {
        (Change::Set(task), Some(suppressed)) if !task.paused => match cut(&suppressed, &task) {
            Cut::Whole => Change::Set(task),
            Cut::Less(task) => Change::Set(task),
            Cut::Nothing => {
                suppressed::refuse(lane, &suppressed, &task).await?;
                Change::Removed
            }
        },
        (change, _) => change,
    };
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
    Ok(())
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
        let state = resumed(cursor, &mut entry.routes).map_err(bad)?;
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

/// Where a running cycle stands. Its route may be gone: the configuration has changed since.
fn resumed(cursor: &Cursor, routes: &mut Routes) -> Result<State, serde_json::Error> {
    let state: State = serde_json::from_str(cursor.state.as_deref().unwrap_or("null"))?;
    if state.route.as_deref().is_none_or(|connector| routes.resume(connector)) {
        return Ok(state);
    }
    routes.begin(&cursor.rests);
    Ok(on_route(state, routes))
}

/// Forgets where in its cycle a task stands: the cycle is polled again from its first page, and what it has published is
/// known by its ids.
pub(crate) fn begin_again(cursor: &mut Cursor) {
    let state = cursor.state.as_deref().and_then(|state| serde_json::from_str::<State>(state).ok());
    let first = state.map(|state| State { source: None, got: 0, ..state });
    cursor.state = first.and_then(|state| encode_state(&state).ok());
}

pub(super) fn encode_state(state: &State) -> Result<String, RoleError> {
    serde_json::to_string(state).map_err(|e| RoleError::Decode(e.to_string()))
}

/// The connector that a running cycle is collected by.
pub(crate) fn route_of(cursor: &Cursor) -> Option<String> {
    serde_json::from_str::<State>(cursor.state.as_deref()?).ok()?.route
}

#[cfg(test)]
mod tests {
    use super::super::route::tests::routes;
    use super::*;
    use serde_json::json;
    use tidelake_schemas::RouteRest;

    #[test]
    fn a_cycle_whose_route_is_gone_begins_again_once_by_another() {
        let before =
            State { started_at: now(), source: Some(json!({"page": 7})), got: 3, route: Some("browser".into()) };
        let until = now().plus_secs(60);
        let rests = vec![RouteRest { connector: "web".into(), until }];
        let cursor = |state: &State| Cursor {
            state: Some(encode_state(state).expect("JSON")),
            rests: rests.clone(),
            ..Cursor::default()
        };
        let mut routes = routes(&["web", "oembed"]);
        let first = resumed(&cursor(&before), &mut routes).expect("reads");
        assert_eq!((first.source.clone(), first.route.as_deref()), (None, Some("oembed")), "web rests");
        assert_eq!((first.got, first.started_at), (before.got, before.started_at), "the same cycle");
        // Its second page goes on where the first has ended.
        let ahead = State { source: Some(json!({"cursor": "x"})), ..first };
        let second = resumed(&cursor(&ahead), &mut routes).expect("reads");
        assert_eq!((second.source, second.route.as_deref()), (ahead.source, Some("oembed")));
        assert!(resumed(&Cursor::default(), &mut routes).is_err(), "no state is no start");
    }
}
