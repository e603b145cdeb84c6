//! The comments of videos, video by video.

use super::decode::{ListPage, read_record};
use super::records::read_comment;
use super::request::{Refusal, Reply, Request};
use super::source::{POLL, Poll, at_once, survive, unreadable};
use super::task::CommentsTask;
use crate::drift::Tally;
use crate::source::{Fault, Ledger, Next, Page, Reject, StopReason, read_state};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidelake_schemas::{CommentObservation, EntityKind, Observation};

pub(super) const ROUTE: &str = "video/comment/list";

/// The highest cursor the source accepts: comments beyond cannot be reached.
const LAST_CURSOR: i64 = 999;

/// Where a cycle stands: which video, and which comment of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct CommentsState {
    index: usize,
    cursor: i64,
    restarts: u32,
}

impl CommentsState {
    fn next_video(&self) -> Self {
        Self { index: self.index + 1, ..Self::default() }
    }

    fn restarted(&self) -> Self {
        Self { index: self.index, cursor: 0, restarts: self.restarts + 1 }
    }
}

pub(super) async fn poll(poll: &Poll<'_>, task: &CommentsTask, state: Option<&Value>) -> Result<Page, Fault> {
    let at: CommentsState = read_state(POLL, state)?.unwrap_or_default();
    let Some(&video_id) = task.video_ids.get(at.index) else { return Ok(Page::default()) };
    let fields = task.field_list();
    let body = json!({"video_id": video_id, "max_count": task.max_count, "cursor": at.cursor});
    let request = Request::new(ROUTE, &fields, &body);
    let mut reply = poll.call(&request).await;
    let asked = format!("comments of {video_id} from {}", at.cursor);
    let ledger = Ledger { requested: Some(task.max_count.into()), ..poll.ledger(ROUTE, asked, &reply) };
    match reply.take() {
        Ok(data) => page(poll, task, &at, &reply, &data, ledger),
        Err(Refusal::Request(fault)) => Ok(refused(task, &at, video_id, &body, &fault, ledger)),
        Err(refusal) => {
            let restart = (at.restarts < poll.client.patience().stale_restarts).then(|| at.restarted());
            survive(ledger, refusal, &at, restart.as_ref(), None)
        }
    }
}

fn page(
    poll: &Poll<'_>,
    task: &CommentsTask,
    at: &CommentsState,
    reply: &Reply,
    data: &RawValue,
    ledger: Ledger,
) -> Result<Page, Fault> {
    let video_id = task.video_ids.get(at.index).copied();
    let answer = ListPage::parse(data).map_err(|e| unreadable(ROUTE, &e, reply.requests))?;
    let mut page = Page { ledger, seen: Tally::of_fields(task.fields.as_deref()), ..Page::default() };
    let context = poll.reading(ROUTE, reply);
    for raw in answer.records() {
        let read = read_record(raw, (&mut page.seen, EntityKind::Comment), |value| read_comment(value, &context));
        match read.map(|comment| of_video(comment, video_id)) {
            Ok(comment) => page.observations.push(Observation::Comment(comment)),
            Err(reject) => page.rejects.push(reject),
        }
    }
    page.ledger.has_more = answer.has_more();
    let cursor = answer.cursor_after(at.cursor, task.max_count);
    if answer.has_more() && cursor <= LAST_CURSOR {
        page.next = at_once(&CommentsState { cursor, ..at.clone() });
        return Ok(page);
    }
    let reason = if answer.has_more() { StopReason::Limit } else { StopReason::Exhausted };
    if answer.has_more() {
        page.ledger.fault = Some(format!("the source gives no comments beyond cursor {LAST_CURSOR}"));
    }
    (page.next, page.ledger.stop_reason) = next_video(task, at, reason);
    Ok(page)
}

/// A comment that does not say whose it is belongs to the video asked for.
fn of_video(comment: CommentObservation, asked: Option<i64>) -> CommentObservation {
    let video_id = comment.video_id.or(asked);
    let parent_comment_id = comment.parent_comment_id.filter(|&parent| Some(parent) != video_id);
    CommentObservation { video_id, parent_comment_id, ..comment }
}

/// The next video, or the end of the cycle for `reason`.
fn next_video(task: &CommentsTask, at: &CommentsState, reason: StopReason) -> (Next, StopReason) {
    let next = at.next_video();
    if next.index < task.video_ids.len() { (at_once(&next), StopReason::Continue) } else { (Next::CycleDone, reason) }
}

/// One refused video (deleted, private) does not stop the others; it becomes a dead letter.
fn refused(
    task: &CommentsTask,
    at: &CommentsState,
    video_id: i64,
    body: &Value,
    fault: &Fault,
    ledger: Ledger,
) -> Page {
    let reject = Reject {
        reason: "video_refused".into(),
        message: format!("{fault}"),
        entity: Some(video_id.to_string()),
        payload: body.to_string().into_bytes(),
    };
    let (next, stop_reason) = next_video(task, at, StopReason::Exhausted);
    let ledger = Ledger { fault: Some(fault.message.clone()), stop_reason, ..ledger };
    Page { rejects: vec![reject], next, ledger, ..Page::default() }
}
