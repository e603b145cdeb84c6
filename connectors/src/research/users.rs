//! Accounts by name, one per page.

use super::decode::read_record;
use super::records::read_user;
use super::request::{Refusal, Reply, Request};
use super::source::{POLL, Poll, at_once, survive};
use super::task::UserTask;
use crate::drift::Tally;
use crate::reading::clean_handle;
use crate::source::{Fault, Ledger, Next, Page, Reject, StopReason, read_state};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidelake_schemas::{EntityKind, Observation};

pub(super) const ROUTE: &str = "user/info";

/// Where a cycle stands: which account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct UsersState {
    index: usize,
}

pub(super) async fn poll(poll: &Poll<'_>, task: &UserTask, state: Option<&Value>) -> Result<Page, Fault> {
    let at: UsersState = read_state(POLL, state)?.unwrap_or_default();
    let Some(username) = task.usernames.get(at.index) else { return Ok(Page::default()) };
    let username = clean_handle(username);
    let (fields, body) = (task.field_list(), json!({"username": username}));
    let request = Request::new(ROUTE, &fields, &body);
    let mut reply = poll.call(&request).await;
    let ledger = Ledger { requested: Some(1), ..poll.ledger(ROUTE, format!("user {username}"), &reply) };
    let mut page = match reply.take() {
        Ok(data) => answered(poll, &username, &reply, &data, (ledger, Tally::of_fields(task.fields.as_deref()))),
        Err(Refusal::Request(fault)) => refused(poll, &username, &reply, &fault, ledger),
        Err(refusal) => return survive(ledger, refusal, &at, None, None),
    };
    (page.next, page.ledger.stop_reason) = next(task, &at);
    page.ledger.has_more = page.next != Next::CycleDone;
    Ok(page)
}

fn next(task: &UserTask, at: &UsersState) -> (Next, StopReason) {
    let next = UsersState { index: at.index + 1 };
    if next.index < task.usernames.len() {
        (at_once(&next), StopReason::Continue)
    } else {
        (Next::CycleDone, StopReason::Exhausted)
    }
}

fn answered(poll: &Poll<'_>, username: &str, reply: &Reply, data: &RawValue, (ledger, seen): (Ledger, Tally)) -> Page {
    let context = poll.reading(ROUTE, reply);
    let mut page = Page { ledger, seen, ..Page::default() };
    match read_record(data, (&mut page.seen, EntityKind::Creator), |value| read_user(value, username, &context)) {
        Ok(user) => page.observations.push(Observation::Creator(user)),
        Err(reject) => page.rejects.push(reject),
    }
    page
}

/// An account that the source does not give is an observation, too: it says why. Other refusals are dead letters.
fn refused(poll: &Poll<'_>, username: &str, reply: &Reply, fault: &Fault, ledger: Ledger) -> Page {
    let ledger = Ledger { fault: Some(fault.message.clone()), ..ledger };
    let mut page = Page { ledger, ..Page::default() };
    let context = poll.reading(ROUTE, reply);
    match (why_unavailable(&fault.message), read_user(&json!({}), username, &context)) {
        (Some(why), Ok(mut user)) => {
            user.unavailable = Some(why.into());
            page.observations.push(Observation::Creator(user));
        }
        _ => page.rejects.push(Reject {
            reason: "user_refused".into(),
            message: fault.to_string(),
            entity: Some(username.into()),
            payload: json!({"username": username}).to_string().into_bytes(),
        }),
    }
    page
}

/// What a refusal says about the account; `None` when it says nothing.
pub(super) fn why_unavailable(message: &str) -> Option<&'static str> {
    let message = message.to_lowercase();
    if message.contains("cannot find the user") {
        Some("not_found")
    } else if message.contains("cannot return this user") {
        Some("restricted")
    } else {
        None
    }
}
