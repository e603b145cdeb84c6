//! Videos by query, window by window, oldest first.

use super::decode::{ListPage, read_record};
use super::records::read_video;
use super::request::{Reply, Request};
use super::source::{POLL, Poll, at_once, survive, unreadable};
use super::task::VideosTask;
use super::window::VideosState;
use crate::drift::Tally;
use crate::source::{Fault, Ledger, Next, Page, StopReason, read_state};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidelake_schemas::{EntityKind, Observation};

pub(super) const ROUTE: &str = "video/query";

pub(super) async fn poll(poll: &Poll<'_>, task: &VideosTask, state: Option<&Value>) -> Result<Page, Fault> {
    let at = match read_state(POLL, state)? {
        Some(at) => at,
        None => match VideosState::begin(task, poll.context) {
            Some(first) => first,
            None => return Ok(nothing_yet()),
        },
    };
    let (fields, body) = (task.field_list(), body(task, &at));
    let request = Request { narrowable: at.is_divisible(), ..Request::new(ROUTE, &fields, &body) };
    let mut reply = poll.call(&request).await;
    let ledger = Ledger {
        window_start: Some(at.start.start()),
        window_end: Some(at.end.plus(1).start()),
        requested: Some(per_page(task).into()),
        ..poll.ledger(ROUTE, asked(task, &at), &reply)
    };
    match reply.take() {
        Ok(data) => page(poll, task, &at, &reply, &data, ledger),
        Err(refusal) => {
            let restart = (at.restarts < poll.client.patience().stale_restarts).then(|| at.restarted());
            survive(ledger, refusal, &at, restart.as_ref(), at.halved().as_ref())
        }
    }
}

/// A cycle whose days all lie in the future.
fn nothing_yet() -> Page {
    let asked = "nothing: the first day is yet to come".into();
    let ledger = Ledger { route: ROUTE.into(), asked, stop_reason: StopReason::Exhausted, ..Ledger::default() };
    Page { ledger, ..Page::default() }
}

/// The page size stays the same for a whole search: the source refuses cursors that do not fit it.
fn per_page(task: &VideosTask) -> u32 {
    let limit = task.limit.and_then(|limit| u32::try_from(limit).ok());
    task.max_count.min(limit.unwrap_or(u32::MAX))
}

fn body(task: &VideosTask, at: &VideosState) -> Value {
    let mut body = json!({
        "query": task.query,
        "start_date": at.start,
        "end_date": at.end,
        "max_count": per_page(task),
        "cursor": at.cursor,
    });
    if let Some(search_id) = &at.search_id {
        body["search_id"] = search_id.as_str().into();
    }
    body
}

fn asked(task: &VideosTask, at: &VideosState) -> String {
    let query = serde_json::to_string(&task.query).unwrap_or_default();
    format!("videos {}-{} from {}: {query}", at.start, at.end, at.cursor)
}

fn page(
    poll: &Poll<'_>,
    task: &VideosTask,
    at: &VideosState,
    reply: &Reply,
    data: &RawValue,
    ledger: Ledger,
) -> Result<Page, Fault> {
    let answer = ListPage::parse(data).map_err(|e| unreadable(ROUTE, &e, reply.requests))?;
    let mut page = Page { ledger, seen: Tally::of_fields(task.fields.as_deref()), ..Page::default() };
    let left = task.limit.map_or(u64::MAX, |limit| limit.saturating_sub(at.taken));
    let context = poll.reading(ROUTE, reply);
    for raw in answer.records().iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        match read_record(raw, (&mut page.seen, EntityKind::Video), |value| read_video(value, &context)) {
            Ok(video) => page.observations.push(Observation::Video(video)),
            Err(reject) => page.rejects.push(reject),
        }
    }
    let read = page.observations.len() + page.rejects.len();
    let mut at = at.clone();
    at.taken += read as u64;
    page.ledger.has_more = answer.has_more();
    (page.next, page.ledger.stop_reason) = next(task, at, &answer);
    Ok(page)
}

/// Where to go on after an answer. An empty page ends nothing; only `has_more` does.
fn next(task: &VideosTask, mut at: VideosState, answer: &ListPage) -> (Next, StopReason) {
    if task.limit.is_some_and(|limit| at.taken >= limit) {
        return (Next::CycleDone, StopReason::Limit);
    }
    if answer.has_more() {
        at.cursor = answer.cursor_after(at.cursor, per_page(task));
        at.search_id = at.search_id.or_else(|| answer.search_id());
        return (at_once(&at), StopReason::Continue);
    }
    match at.next_window() {
        Some(window) => (at_once(&window), StopReason::Continue),
        None => (Next::CycleDone, StopReason::Exhausted),
    }
}
