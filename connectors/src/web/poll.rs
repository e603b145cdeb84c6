//! One page of a task: a few targets, each with its fate.

use super::CONNECTOR;
use super::client::{WebClient, media_of};
use super::label::Label;
use super::target::Target;
use super::task::{Entries, Entry};
use crate::client::fault::Group;
use crate::client::{Class, ClientFault, Response, Route};
use crate::reading::reject;
use crate::source::{CycleContext, Fault, Ledger, Next, Page, StopReason};
use serde_json::json;
use std::time::{Duration, Instant};
use tidelake_schemas::Timestamp;

/// Targets per page: at the usual rate, less than a minute.
const PAGE: usize = 5;

/// A poll under way.
pub(super) struct Poll<'a> {
    client: &'a WebClient,
    context: &'a CycleContext,
    entries: &'a Entries,
    since: Instant,
    requests: i32,
    survived: Option<String>,
    page: Page,
    /// What became of the targets that brought nothing.
    refusals: Vec<String>,
    previous: Option<&'a Target>,
}

impl<'a> Poll<'a> {
    pub(super) fn new(client: &'a WebClient, context: &'a CycleContext, entries: &'a Entries) -> Self {
        Self {
            client,
            context,
            entries,
            since: Instant::now(),
            requests: 0,
            survived: None,
            page: Page::default(),
            refusals: Vec::new(),
            previous: None,
        }
    }

    /// The page that begins at the target of this index. What stops it in the middle ends it there.
    pub(super) async fn run(mut self, from: usize) -> Result<Page, Fault> {
        // A task may have been shortened since the position was stored.
        let from = from.min(self.entries.0.len());
        let end = (from + PAGE).min(self.entries.0.len());
        let entries = self.entries;
        for (at, entry) in (from..).zip(entries.0.get(from..end).unwrap_or_default()) {
            match self.visit(entry).await {
                Ok(()) => {}
                // A refusal is told in the ledger as what it is, even when nothing else was got.
                Err(fault) if at > from || refuses(&fault) => return Ok(self.stopped(from, at, &fault)),
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(self.finished(from, end))
    }

    async fn visit(&mut self, entry: &'a Entry) -> Result<(), ClientFault> {
        let target = match &entry.target {
            _ if entry.repeated => return self.refuse(entry, "repeated", "an earlier entry says the same"),
            Err(why) => return self.refuse(entry, "not_asked", why),
            Ok(target) => target,
        };
        match self.client.page(target).await {
            Ok(response) => self.read(entry, target, response),
            Err(fault) => {
                self.requests += i32::try_from(fault.requests).unwrap_or(i32::MAX);
                self.meet(entry, target, fault)
            }
        }
    }

    /// A fault that is a fact about the target, or none.
    fn meet(&mut self, entry: &Entry, target: &Target, fault: ClientFault) -> Result<(), ClientFault> {
        let details = fault.context.details.clone();
        let Some(why) = state_of(&fault) else {
            return match fault.class {
                Class::Policy if fault.retry_at.is_none() => self.refuse(entry, "policy", &details),
                Class::RequestInvalid => self.refuse(entry, "request_invalid", &details),
                _ => Err(fault),
            };
        };
        let origin = self.client.address(target).to_string();
        let record = target.unavailable(why, &self.label(&origin, self.now()).reading());
        self.page.observations.extend(record);
        self.refuse(entry, why, &details)
    }

    fn read(&mut self, entry: &Entry, target: &'a Target, response: Response) -> Result<(), ClientFault> {
        self.requests += i32::try_from(response.requests).unwrap_or(i32::MAX);
        let media = media_of(target, &response);
        self.survived = response.survived.or(self.survived.take());
        let origin = response.url.to_string();
        let imported = match self.label(&origin, response.at).read(&response.body) {
            Ok(imported) => imported,
            Err(error) => return Err(self.fault(target, Class::FormatDrift, &error.seen)),
        };
        let about = |target: &Target| imported.observations.iter().any(|record| target.names(record));
        if about(target) {
            self.previous = Some(target);
            self.page.seen.absorb(imported.seen, Some(target.kind().name()));
            self.page.media.extend(media);
            self.page.observations.extend(imported.observations);
            self.page.rejects.extend(imported.rejects);
            return Ok(());
        }
        if self.previous.is_some_and(about) {
            return Err(self.fault(target, Class::RepeatedPage, "the page of the target before came again"));
        }
        let what = format!("asked for {}, the page is not about it", target.identity());
        let summary = json!({"asked": origin, "notes": imported.notes, "records": imported.observations.len()});
        self.page.rejects.push(reject(&summary, "other_page", Some(target.identity()), what.clone()));
        self.refuse(entry, "other_page", &what)
    }

    fn refuse(&mut self, entry: &Entry, reason: &str, said: &str) -> Result<(), ClientFault> {
        self.refusals.push(format!("{} {reason} ({said})", entry.name()));
        Ok(())
    }

    fn fault(&self, target: &Target, class: Class, details: &str) -> ClientFault {
        let operation = format!("web {}", target.kind().name());
        ClientFault::new(class, Route::Web, &operation, self.client.address(target).to_string(), details)
    }

    fn label<'b>(&'b self, origin: &'b str, now: Timestamp) -> Label<'b> {
        Label { task: &self.context.task, cycle: self.context.cycle, now, connector: CONNECTOR, origin }
    }

    fn finished(mut self, from: usize, end: usize) -> Page {
        let has_more = end < self.entries.0.len();
        if has_more {
            self.page.next = Next::Page { state: json!({ "from": end }), not_before: None };
        }
        let stop_reason = if has_more { StopReason::Continue } else { StopReason::Exhausted };
        let fault = self.report(end - from).or_else(|| self.survived.clone());
        self.close(from, end, stop_reason, fault)
    }

    fn stopped(mut self, from: usize, at: usize, fault: &ClientFault) -> Page {
        let rest = if refuses(fault) { self.client.block_rest() } else { Duration::ZERO };
        let not_before = fault.retry_at.or_else(|| Some(self.now().plus_secs(seconds(rest).max(1))));
        self.page.next = Next::Page { state: json!({ "from": at }), not_before };
        let stop_reason = match fault.class.group() {
            _ if refuses(fault) => StopReason::Blocked,
            Group::Limit => StopReason::Quota,
            _ => StopReason::Fault,
        };
        let action = fault.context.actions.first().copied().unwrap_or_default();
        let stopped = format!("stopped before entry {}: {fault}. {action}", at + 1);
        let told = self.report(at - from).map_or_else(|| stopped.clone(), |report| format!("{stopped}; {report}"));
        let mut page = self.close(from, at, stop_reason, Some(told));
        page.ledger.stopped_by = Some(fault.clone().into());
        page
    }

    fn close(mut self, from: usize, end: usize, stop_reason: StopReason, fault: Option<String>) -> Page {
        let names: Vec<String> =
            self.entries.0.get(from..end.max(from + 1)).unwrap_or_default().iter().map(Entry::name).collect();
        self.page.ledger = Ledger {
            route: CONNECTOR.into(),
            asked: format!("pages {}-{end} of {}: {}", from + 1, self.entries.0.len(), names.join(" ")),
            requested: i64::try_from(end - from).ok(),
            has_more: self.page.next != Next::CycleDone,
            stop_reason,
            fault,
            requests: self.requests,
            took: self.since.elapsed(),
            ..Ledger::default()
        };
        self.page
    }

    /// Which of the targets brought nothing, and why.
    fn report(&self, of: usize) -> Option<String> {
        let n = self.refusals.len();
        (n > 0).then(|| format!("{n} of {of} pages brought nothing: {}", self.refusals.join("; ")))
    }

    /// The caller's clock, running on.
    fn now(&self) -> Timestamp {
        self.context.now.plus_secs(seconds(self.since.elapsed()))
    }
}

/// The route refuses us, now or until it has rested.
pub(crate) fn refuses(fault: &ClientFault) -> bool {
    fault.class.group() == Group::Block
}

/// What a fault says about what was asked for; `None` when it says something about the route.
pub(crate) fn state_of(fault: &ClientFault) -> Option<&'static str> {
    match fault.class {
        Class::NotFound => Some("not_found"),
        Class::Deleted => Some("deleted"),
        Class::Private => Some("private"),
        Class::Region => Some("region"),
        Class::AgeGated => Some("age_gated"),
        _ => None,
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 2_000_000)
}
