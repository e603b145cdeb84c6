//! One page of a task: the page itself, then what hangs on it, edge by edge.

use super::client::FacebookClient;
use super::records;
use super::task::{Edge, PageTask};
use super::{CONNECTOR, ZONE, fault};
use crate::source::{CycleContext, Fault, Page, StopReason, read_state};
use crate::turn::{End, Turn, kept};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidelake_schemas::Observation;

/// Items per page: many more, and Facebook asks to ask for less.
const PAGE: u64 = 25;

/// Where a walk through a page stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Walk {
    /// Which of the task's edges.
    at: usize,
    /// The page's name, once it was asked for.
    #[serde(default)]
    name: Option<String>,
    /// Facebook's cursor: what comes after it.
    #[serde(default)]
    after: Option<String>,
    /// Items of this edge so far.
    #[serde(default)]
    got: u64,
    /// The ids of the page before.
    #[serde(default)]
    before: Vec<String>,
}

/// A page of a task.
pub(super) async fn poll(
    client: &FacebookClient,
    task: &PageTask,
    context: &CycleContext,
    state: Option<&Value>,
) -> Result<Page, Fault> {
    let mut turn = Turn::new(CONNECTOR, ZONE, context);
    let mut walk: Walk = read_state("facebook poll", state)?.unwrap_or_default();
    if state.is_none() {
        walk.name = page(client, task, &mut turn).await?;
    }
    let Some(edge) = task.edges.get(walk.at).copied() else {
        let asked = format!("page {}", task.page);
        return Ok(turn.close(End {
            route: "page",
            asked,
            requested: Some(1),
            next: None,
            stop: StopReason::Exhausted,
        }));
    };
    let left = task.limit.map_or(u64::MAX, |limit| limit.saturating_sub(walk.got));
    let count = left.clamp(1, PAGE);
    let fields = if edge == Edge::Posts { records::POST } else { records::VIDEO };
    let mut parameters = vec![("fields", fields.to_owned()), ("limit", count.to_string())];
    parameters.extend(walk.after.clone().map(|after| ("after", after)));
    let answer = client.ask(&task.page, Some(edge.route()), &parameters, &mut turn).await?;
    let Some(items) = answer.document.get("data").and_then(Value::as_array) else {
        return Err(turn.fault(fault::unreadable("facebook list", "the answer has no list `data`")));
    };
    let reading = turn.reading(edge.route(), answer.at);
    let id = |item: &Value| item.get("id").and_then(Value::as_str).map(str::to_owned);
    let mut new = 0;
    for item in items.iter().filter(|item| id(item).is_none_or(|id| !walk.before.contains(&id))) {
        turn.keep(records::item(item, edge, walk.name.as_deref(), &reading).map(Observation::Video));
        new += 1;
    }
    let got = walk.got.saturating_add(new);
    // `next` says whether there is more; a page may be short, or empty, all the same.
    let more = answer.document.pointer("/paging/next").is_some();
    let after = answer.document.pointer("/paging/cursors/after").and_then(Value::as_str).map(str::to_owned);
    if more && (after.is_none() || after == walk.after) {
        return Err(turn.fault(fault::unreadable("facebook list", "there is more, and no cursor that leads to it")));
    }
    let full = task.limit.is_some_and(|limit| got >= limit);
    let following = || {
        let next = Walk { at: walk.at + 1, name: walk.name.clone(), ..Walk::default() };
        (next.at < task.edges.len()).then(|| kept(&next))
    };
    let (stop, next) = match (more, full) {
        (false, _) => (StopReason::Exhausted, following()),
        (true, true) => (StopReason::Limit, following()),
        (true, false) => {
            let before = items.iter().filter_map(id).collect();
            (StopReason::Continue, Some(kept(&Walk { after, got, before, ..walk.clone() })))
        }
    };
    let asked = format!("{} of page {}, {} before", edge.route(), task.page, walk.got);
    Ok(turn.close(End { route: edge.route(), asked, requested: usize::try_from(count).ok(), next, stop }))
}

/// Asks for the page itself; its name, if it has one.
async fn page(client: &FacebookClient, task: &PageTask, turn: &mut Turn<'_>) -> Result<Option<String>, Fault> {
    let answer = client.ask(&task.page, None, &[("fields", records::PAGE.to_owned())], turn).await?;
    let reading = turn.reading("page", answer.at);
    turn.keep(records::page(&answer.document, &reading).map(Observation::Creator));
    Ok(answer.document.get("username").and_then(Value::as_str).map(str::to_owned))
}
