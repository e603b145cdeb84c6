//! One poll: a few pages of videos, or a part of one grid.

use super::CONNECTOR;
use super::client::BrowserClient;
use super::fault::Stop;
use super::page::{Gathered, Key, OpenPage, Progress, Reader};
use crate::client::fault::Group;
use crate::client::{Class, ClientFault};
use crate::source::{CycleContext, Fault, Ledger, Next, Page, StopReason};
use crate::web::{Entries, Entry, Kind, Target, refuses, state_of};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Instant;
use tidelake_schemas::Timestamp;
use url::Url;

/// Pages of videos per poll.
const PAGES: usize = 5;

/// Seconds until a poll that found every browser in use is made again.
const BUSY: i64 = 10;

/// What the ledger then says.
const WAITS: &str =
    "every browser shows a page of another task, and this one waits; [browser] sessions says how many there are";

/// Where a cycle stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Position {
    /// The target.
    pub(super) at: usize,
    /// How far its page has been read.
    #[serde(flatten)]
    pub(super) progress: Progress,
}

/// A poll under way.
pub(super) struct Poll<'a> {
    reader: Reader<'a>,
    entries: &'a [Entry],
    from: usize,
    position: Position,
    gathered: Gathered,
    /// What became of the targets that brought nothing.
    refusals: Vec<String>,
    /// A target was left before its end.
    limited: bool,
}

impl<'a> Poll<'a> {
    pub(super) fn new(
        client: &'a BrowserClient,
        context: &'a CycleContext,
        entries: &'a Entries,
        position: Position,
    ) -> Self {
        Self {
            reader: Reader { client, context, since: Instant::now() },
            entries: &entries.0,
            from: position.at.min(entries.0.len()),
            position,
            gathered: Gathered::default(),
            refusals: Vec::new(),
            limited: false,
        }
    }

    /// Reads on from where the cycle stands.
    pub(super) async fn run(mut self) -> Result<Page, Fault> {
        for _ in 0..PAGES {
            let Some(entry) = self.entries.get(self.position.at) else { break };
            let target = match &entry.target {
                _ if entry.repeated => {
                    self.leave(entry, "repeated", "an earlier entry says the same");
                    continue;
                }
                Err(why) => {
                    self.leave(entry, "not_asked", why);
                    continue;
                }
                Ok(target) => target,
            };
            match self.visit(target).await {
                Ok(true) => self.next(),
                Ok(false) => break,
                Err(Stop::Site(fault)) => {
                    if let Err(fault) = self.meet(entry, target, fault) {
                        return self.stopped(&fault);
                    }
                }
                Err(Stop::Busy) => {
                    let not_before = Some(self.reader.now().plus_secs(BUSY));
                    return Ok(self.close(StopReason::Continue, Some(WAITS.into()), not_before));
                }
                Err(Stop::Driver(fault)) if self.gathered.observations.is_empty() => {
                    return Err(fault.fault(self.gathered.requests));
                }
                Err(Stop::Driver(fault)) => {
                    let told = fault.fault(0).to_string();
                    let not_before = Some(self.reader.now().plus_secs(1));
                    return Ok(self.close(StopReason::Fault, Some(told), not_before));
                }
            }
            if target.kind() != Kind::Video {
                break;
            }
        }
        Ok(self.finished())
    }

    /// Reads a target's page; whether it is done with.
    async fn visit(&mut self, target: &Target) -> Result<bool, Stop> {
        let client = self.reader.client;
        let address = client.address(target);
        let permit = client.admit(target, &address).await?;
        let context = self.reader.context;
        let key = Key { task: context.task.clone(), cycle: context.cycle, target: target.identity() };
        let mut page = match client.pool().waiting(&key, &self.position.progress).await {
            Some(page) => page,
            None => self.show(key, target, address).await?,
        };
        // A page that had to be started again is read further than it had been, so that every poll brings the cycle on.
        let limit = client.config().answers_per_page;
        let until = self.position.progress.answers.saturating_add(client.config().answers_per_poll).min(limit);
        let met = page.advance(self.reader, until, &mut self.gathered).await;
        self.keep(&page.progress);
        match met {
            Ok(()) => {
                client.settle(permit, None);
                self.limited = !page.done && page.progress.answers >= limit;
                let over = page.done || self.limited;
                if over {
                    client.pool().done(page.session).await
                } else {
                    client.pool().park(page)
                }
                Ok(over)
            }
            Err(stop) => {
                client.pool().failed(page, &stop).await;
                Err(match stop {
                    Stop::Site(fault) => Stop::Site(client.settle(permit, Some(fault.clone())).unwrap_or(fault)),
                    other => other,
                })
            }
        }
    }

    async fn show(&self, key: Key, target: &Target, address: Url) -> Result<OpenPage, Stop> {
        let pool = self.reader.client.pool();
        let session = pool.session().await?;
        self.reader.client.pace().await;
        let (driver, rested) = (session.driver.clone(), session.pages > 0);
        match OpenPage::open(session, key.clone(), target, address.clone()).await {
            Ok(page) => Ok(page),
            Err(fault) => {
                pool.mend(&driver, fault.kind).await;
                // The session may have ended while it rested.
                if !(rested && fault.kind.ends_session()) {
                    return Err(fault.into());
                }
                Ok(OpenPage::open(pool.session().await?, key, target, address).await?)
            }
        }
    }

    /// Progress never goes back: a page that was started again may not have come as far as the last one.
    fn keep(&mut self, progress: &Progress) {
        if progress.answers >= self.position.progress.answers {
            self.position.progress = progress.clone();
        }
    }

    /// A fault that is a fact about the target, or none.
    fn meet(&mut self, entry: &Entry, target: &Target, fault: ClientFault) -> Result<(), ClientFault> {
        let details = fault.context.details.clone();
        let Some(why) = state_of(&fault) else {
            if fault.class == Class::Policy && fault.retry_at.is_none() {
                self.leave(entry, "policy", &details);
                return Ok(());
            }
            return Err(fault);
        };
        let origin = self.reader.client.address(target).to_string();
        let record = target.unavailable(why, &self.reader.label(&origin).reading());
        record.into_iter().for_each(|record| self.gathered.push(record));
        self.leave(entry, why, &details);
        Ok(())
    }

    fn leave(&mut self, entry: &Entry, reason: &str, said: &str) {
        self.refusals.push(format!("{} {reason} ({said})", entry.name()));
        self.next();
    }

    fn next(&mut self) {
        self.position = Position { at: self.position.at + 1, progress: Progress::default() };
    }

    fn finished(self) -> Page {
        let more = self.position.at < self.entries.len();
        let stop_reason = match (self.limited, more) {
            (true, _) => StopReason::Limit,
            (_, true) => StopReason::Continue,
            _ => StopReason::Exhausted,
        };
        let told = self.report();
        self.close(stop_reason, told, None)
    }

    fn stopped(self, fault: &ClientFault) -> Result<Page, Fault> {
        let refused = refuses(fault) || fault.class.group() == Group::Limit;
        if !refused && self.gathered.observations.is_empty() {
            let mut fault = Fault::from(fault.clone());
            fault.requests = self.gathered.requests;
            return Err(fault);
        }
        let rest = if refused { self.reader.client.config().block_rest.as_secs() } else { 1 };
        let rest = i64::try_from(rest).unwrap_or(i64::MAX / 2_000_000).max(1);
        let not_before = fault.retry_at.or_else(|| Some(self.reader.now().plus_secs(rest)));
        let stop_reason = if refused { StopReason::Blocked } else { StopReason::Fault };
        let action = fault.context.actions.first().copied().unwrap_or_default();
        let stopped = format!("stopped at entry {}: {fault}. {action}", self.position.at + 1);
        let told = self.report().map_or_else(|| stopped.clone(), |report| format!("{stopped}; {report}"));
        let mut page = self.close(stop_reason, Some(told), not_before);
        page.ledger.stopped_by = refused.then(|| fault.clone().into());
        Ok(page)
    }

    fn close(self, stop_reason: StopReason, fault: Option<String>, not_before: Option<Timestamp>) -> Page {
        let Self { reader, entries, from, position, gathered, .. } = self;
        let more = position.at < entries.len();
        let asked = entries.get(from..(position.at + 1).min(entries.len())).unwrap_or_default();
        let names: Vec<String> = asked.iter().map(Entry::name).collect();
        let Progress { answers, seen, .. } = &position.progress;
        let ledger = Ledger {
            route: CONNECTOR.into(),
            asked: format!(
                "page {} of {}: {}; {answers} answers, {seen} videos so far",
                from + 1,
                entries.len(),
                names.join(" ")
            ),
            has_more: more,
            stop_reason,
            fault,
            requests: gathered.requests,
            took: reader.since.elapsed(),
            ..Ledger::default()
        };
        let next = if more { Next::Page { state: json!(position), not_before } } else { Next::CycleDone };
        let Gathered { observations, rejects, seen, .. } = gathered;
        Page { observations, rejects, next, ledger, seen, ..Page::default() }
    }

    fn report(&self) -> Option<String> {
        let mut told = Vec::new();
        if !self.refusals.is_empty() {
            told.push(format!("{} entries brought nothing: {}", self.refusals.len(), self.refusals.join("; ")));
        }
        if self.limited {
            told.push("left before its end: [browser] answers_per_page".to_owned());
        }
        (!told.is_empty()).then(|| told.join("; "))
    }
}
