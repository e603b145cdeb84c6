//! The videos of playlists (surfaces §3.4, `playlist/info`). The answer has ids only, and what it says about the
//! playlist goes into the ledger: no table holds playlists.

use super::decode::read_record;
use super::list_task::PlaylistTask;
use super::records::read_video;
use super::request::{Refusal, Reply, Request};
use super::source::{POLL, Poll, at_once, survive, unreadable};
use crate::reading::{ReadContext, as_i64};
use crate::source::{Fault, Ledger, Next, Page, Reject, StopReason, read_state};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidelake_schemas::{EntityKind, Observation};

pub(super) const ROUTE: &str = "playlist/info";

/// Where a cycle stands: which playlist, and which video of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PlaylistState {
    index: usize,
    cursor: i64,
    /// Records of this playlist so far.
    taken: u64,
    restarts: u32,
    /// A digest of the last page: a source that ignores the cursor gives the same page for ever.
    last: Option<String>,
}

impl PlaylistState {
    fn restarted(&self) -> Self {
        Self { index: self.index, restarts: self.restarts + 1, ..Self::default() }
    }
}

/// `PlayListInfoObject`.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    playlist_video_ids: Option<Vec<Box<RawValue>>>,
    playlist_item_total: Option<Value>,
    playlist_last_updated: Option<Value>,
    playlist_name: Option<String>,
    cursor: Option<Value>,
    has_more: Option<bool>,
}

impl Answer {
    fn ids(&self) -> &[Box<RawValue>] {
        self.playlist_video_ids.as_deref().unwrap_or_default()
    }

    /// What it says about the playlist, for the ledger.
    fn about(&self) -> String {
        let number = |value: &Option<Value>| value.as_ref().and_then(as_i64);
        let name = self.playlist_name.as_ref().map(|name| format!(" {name:?}"));
        let total = number(&self.playlist_item_total).map(|total| format!(", {total} items"));
        let updated = number(&self.playlist_last_updated).map(|at| format!(", updated at {at}"));
        [name, total, updated].into_iter().flatten().collect()
    }

    fn digest(&self) -> Option<String> {
        let ids: Vec<_> = self.ids().iter().map(|id| id.get()).collect();
        (!ids.is_empty()).then(|| super::digest(&ids.join(",")))
    }
}

pub(super) async fn poll(poll: &Poll<'_>, task: &PlaylistTask, state: Option<&Value>) -> Result<Page, Fault> {
    let at: PlaylistState = read_state(POLL, state)?.unwrap_or_default();
    let Some(&playlist) = task.playlist_ids.get(at.index) else { return Ok(Page::default()) };
    let body = json!({"playlist_id": playlist, "max_count": task.per_page(), "cursor": at.cursor});
    // Seen to answer with HTTP 500 and the playlist all the same.
    let request = Request { good_with: Some("/data/playlist_video_ids"), ..Request::new(ROUTE, "", &body) };
    let mut reply = poll.call(&request).await;
    let asked = format!("playlist {playlist} from {}", at.cursor);
    let ledger = Ledger { requested: Some(task.per_page().into()), ..poll.ledger(ROUTE, asked, &reply) };
    match reply.take() {
        Ok(data) => page(poll, task, (playlist, &at), &reply, &data, ledger),
        Err(Refusal::Request(fault)) => Ok(refused(task, (playlist, &at), &body, &fault, ledger)),
        Err(refusal) => {
            let restart = (at.restarts < poll.client.patience().stale_restarts).then(|| at.restarted());
            survive(ledger, refusal, &at, restart.as_ref(), None)
        }
    }
}

fn page(
    poll: &Poll<'_>,
    task: &PlaylistTask,
    (playlist, at): (i64, &PlaylistState),
    reply: &Reply,
    data: &RawValue,
    ledger: Ledger,
) -> Result<Page, Fault> {
    let answer: Answer = serde_json::from_str(data.get()).map_err(|e| unreadable(ROUTE, &e, reply.requests))?;
    let mut page = Page { ledger, ..Page::default() };
    page.ledger.asked.push_str(&answer.about());
    page.ledger.has_more = answer.has_more.unwrap_or(false);
    let digest = answer.digest();
    if digest.is_some() && digest == at.last {
        page.ledger.fault = Some("the source gave the same page again: it ignores the cursor".into());
        return Ok(leave(task, at, page, StopReason::Limit));
    }
    let context = poll.reading(ROUTE, reply);
    let left = task.limit.map_or(u64::MAX, |limit| limit.saturating_sub(at.taken));
    for raw in answer.ids().iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        match read_record(raw, (&mut page.seen, EntityKind::Video), |id| read_entry(id, playlist, &context)) {
            Ok(video) => page.observations.push(video),
            Err(reject) => page.rejects.push(reject),
        }
    }
    let taken = at.taken + (page.observations.len() + page.rejects.len()) as u64;
    if task.limit.is_some_and(|limit| taken >= limit) {
        return Ok(leave(task, at, page, StopReason::Limit));
    }
    let total = answer.playlist_item_total.as_ref().and_then(as_i64);
    // Empty pages do not end a playlist, but there is nothing behind its last item.
    if !page.ledger.has_more || (page.observations.is_empty() && total.is_some_and(|total| at.cursor >= total)) {
        return Ok(leave(task, at, page, StopReason::Exhausted));
    }
    let given = answer.cursor.as_ref().and_then(as_i64).filter(|&cursor| cursor > at.cursor);
    let cursor = given.unwrap_or_else(|| at.cursor.saturating_add(task.per_page().into()));
    page.next = at_once(&PlaylistState { cursor, taken, last: digest.or_else(|| at.last.clone()), ..at.clone() });
    Ok(page)
}

/// One id of a playlist. The event id is that of the membership: a video may be in several playlists.
fn read_entry(id: &Value, playlist: i64, context: &ReadContext<'_>) -> Result<Observation, Reject> {
    let mut video = read_video(&json!({"id": id, "playlist_id": playlist}), context)?;
    video.event_id = context.event_id(EntityKind::Video, &format!("{ROUTE}:{playlist}:{}", video.video_id));
    Ok(Observation::Video(video))
}

/// To the next playlist, or to the end of the cycle for `reason`.
fn leave(task: &PlaylistTask, at: &PlaylistState, mut page: Page, reason: StopReason) -> Page {
    let next = PlaylistState { index: at.index + 1, ..PlaylistState::default() };
    (page.next, page.ledger.stop_reason) = if next.index < task.playlist_ids.len() {
        (at_once(&next), StopReason::Continue)
    } else {
        (Next::CycleDone, reason)
    };
    page
}

/// One refused playlist (private, removed) does not stop the others; it becomes a dead letter.
fn refused(
    task: &PlaylistTask,
    (playlist, at): (i64, &PlaylistState),
    body: &Value,
    fault: &Fault,
    ledger: Ledger,
) -> Page {
    let reject = Reject {
        reason: "playlist_refused".into(),
        message: fault.to_string(),
        entity: Some(playlist.to_string()),
        payload: body.to_string().into_bytes(),
    };
    let ledger = Ledger { fault: Some(fault.message.clone()), ..ledger };
    leave(task, at, Page { rejects: vec![reject], ledger, ..Page::default() }, StopReason::Exhausted)
}
