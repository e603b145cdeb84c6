//! One poll of an API that answers in JSON: what it cost, what it brought, what is worth knowing of it.

use crate::client::Response;
use crate::reading::ReadContext;
use crate::source::{CycleContext, Fault, Ledger, Next, Page, Reject, StopReason};
use serde::Serialize;
use serde_json::Value;
use std::time::{Duration, Instant};
use tidelake_schemas::{Observation, Timestamp};

/// A poll under way.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    context: &'a CycleContext,
    connector: &'static str,
    zone: &'static str,
    since: Instant,
    requests: i32,
    survived: Option<String>,
    notes: Vec<String>,
    page: Page,
    pause: Option<(Timestamp, Duration)>,
}

/// How a poll ends.
#[derive(Debug)]
pub(crate) struct End {
    /// The route taken.
    pub(crate) route: &'static str,
    /// What was asked, without secrets.
    pub(crate) asked: String,
    /// Records asked for.
    pub(crate) requested: Option<usize>,
    /// Where to go on; `None` when the cycle is complete.
    pub(crate) next: Option<Value>,
    /// Why it ends here.
    pub(crate) stop: StopReason,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(connector: &'static str, zone: &'static str, context: &'a CycleContext) -> Self {
        let since = Instant::now();
        let (survived, notes, page) = (None, Vec::new(), Page::default());
        Self { context, connector, zone, since, requests: 0, survived, notes, page, pause: None }
    }

    /// Counts an answer.
    pub(crate) fn answered(&mut self, response: &Response) {
        self.requests = self.requests.saturating_add(i32::try_from(response.requests).unwrap_or(i32::MAX));
        self.survived = response.survived.clone().or(self.survived.take());
        if let Some(usage) = response.usage
            && let Some(pause) = usage.pause()
        {
            self.note(format!("{} % of the source's limit is used: pausing", usage.percent));
            self.pause = Some((response.at, pause));
        }
    }

    /// Counts requests that brought nothing.
    pub(crate) fn spent(&mut self, requests: i32) {
        self.requests = self.requests.saturating_add(requests);
    }

    /// A fault that counts what was spent before it.
    pub(crate) fn fault(&self, fault: Fault) -> Fault {
        Fault { requests: fault.requests.saturating_add(self.requests), ..fault }
    }

    /// For the ledger.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn keep(&mut self, record: Result<Observation, Reject>) {
        match record {
            Ok(observation) => self.page.observations.push(observation),
            Err(reject) => self.page.rejects.push(reject),
        }
    }

    /// What records of an answer share.
    pub(crate) fn reading(&self, route: &'static str, at: Timestamp) -> ReadContext<'a> {
        let (connector, zone) = (self.connector, self.zone);
        let (task, cycle) = (self.context.task.as_str(), self.context.cycle);
        ReadContext { task, cycle, fetched_at: at, observed_at: at, connector, route, zone, origin: None }
    }

    pub(crate) fn close(mut self, end: End) -> Page {
        self.notes.extend(self.survived.map(|survived| format!("survived: {survived}")));
        self.page.ledger = Ledger {
            route: end.route.into(),
            asked: end.asked,
            requested: end.requested.and_then(|count| i64::try_from(count).ok()),
            has_more: end.next.is_some(),
            stop_reason: end.stop,
            fault: (!self.notes.is_empty()).then(|| self.notes.join("; ")),
            requests: self.requests,
            took: self.since.elapsed(),
            ..Ledger::default()
        };
        let not_before = self.pause.map(|(at, pause)| at.plus_secs(i64::try_from(pause.as_secs()).unwrap_or(3600)));
        self.page.next = end.next.map_or(Next::CycleDone, |state| Next::Page { state, not_before });
        self.page
    }
}

/// A position as it is kept.
pub(crate) fn kept<S: Serialize>(state: &S) -> Value {
    serde_json::to_value(state).unwrap_or_default()
}
