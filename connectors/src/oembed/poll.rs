//! One page of a task: up to twenty links, each with its fate.

use super::answer::{Refused, Verdict};
use super::client::{OembedClient, Spent};
use super::task::{Entries, Entry};
use super::{CONNECTOR, ROUTE, ZONE, records};
use crate::client::ClientFault;
use crate::links::resolve::Outcome;
use crate::links::{Account, Link};
use crate::media::MediaRef;
use crate::reading::{ReadContext, reject};
use crate::source::{CycleContext, Fault, Ledger, Next, Page, Reject, StopReason};
use serde_json::{Value, json};
use std::time::Instant;
use tidelake_schemas::{EntityKind, Observation};

/// Links per page.
pub(super) const PAGE: usize = 20;

/// A poll under way.
pub(super) struct Poll<'a> {
    pub(super) client: &'a OembedClient,
    pub(super) context: &'a CycleContext,
    pub(super) entries: &'a Entries,
    since: Instant,
    spent: Spent,
    page: Page,
    /// What became of the links that brought no observation.
    refusals: Vec<String>,
}

/// What became of one link.
enum Fate {
    Observed(Box<Observation>),
    /// An answer that cannot be read.
    Unread(Reject),
    Refused(Refused),
}

impl<'a> Poll<'a> {
    pub(super) fn new(client: &'a OembedClient, context: &'a CycleContext, entries: &'a Entries) -> Self {
        Self {
            client,
            context,
            entries,
            since: Instant::now(),
            spent: Spent::default(),
            page: Page::default(),
            refusals: Vec::new(),
        }
    }

    /// The page that begins at the link of this index. What stops it in the middle ends it there: what was got is a
    /// page, and the next one begins with the link that was not answered.
    pub(super) async fn run(mut self, from: usize) -> Result<Page, Fault> {
        // A task may have been shortened since the position was stored.
        let from = from.min(self.entries.list.len());
        let end = (from + PAGE).min(self.entries.list.len());
        let entries = self.entries.list.get(from..end).unwrap_or_default();
        for (at, entry) in (from..).zip(entries) {
            match self.ask(entry).await {
                Ok(Fate::Observed(observation)) => self.page.observations.push(*observation),
                Ok(Fate::Unread(reject)) => self.page.rejects.push(reject),
                Ok(Fate::Refused(refused)) => self.refusals.push(told(entry, &refused)),
                Err(fault) if at == from => {
                    return Err(Fault { requests: self.spent.requests, ..fault.into() });
                }
                Err(fault) => return Ok(self.stopped(from, at, fault)),
            }
        }
        Ok(self.finished(from, end))
    }

    async fn ask(&mut self, entry: &Entry) -> Result<Fate, ClientFault> {
        if entry.repeated {
            return Ok(refused("repeated", "an earlier link of the task says the same"));
        }
        let link = match &entry.link {
            Ok(link @ Link::Short { .. }) => match self.client.resolve(link, &mut self.spent).await? {
                Outcome::Link(found) if self.entries.name(&found) => {
                    return Ok(refused("repeated", "another link of the task says the same"));
                }
                Outcome::Link(found) => found,
                Outcome::Expired { why } => return Ok(refused("expired", why)),
                Outcome::Blocked { class, why } => return Err(self.client.blocked(link, class, &why)),
                Outcome::NotALink { why } => return Ok(refused("not_a_link", why)),
            },
            Ok(link) => link.clone(),
            Err(error) => return Ok(refused("not_a_link", error.brief())),
        };
        let Some(address) = address(&link) else {
            let said = format!("a {} link; oEmbed answers for videos, photos and profiles by handle", link.kind());
            return Ok(refused("unsupported", said));
        };
        Ok(match self.client.card(&address, &mut self.spent).await? {
            Verdict::Card(answer) => {
                // Cards of videos and of profiles differ in their fields.
                let kind = if link.video_id().is_some() { EntityKind::Video } else { EntityKind::Creator };
                self.page.seen.observe(kind, &answer);
                let fate = self.read(&link, &address, &answer);
                self.name_thumbnail(&fate, address, &answer);
                fate
            }
            Verdict::Refused(refused) => Fate::Refused(refused),
        })
    }

    fn name_thumbnail(&mut self, fate: &Fate, address: String, answer: &Value) {
        let Fate::Observed(observation) = fate else { return };
        let Observation::Video(video) = observation.as_ref() else { return };
        let named = records::thumbnail(answer).map(|format| MediaRef::thumbnail(video.video_id, format, address));
        self.page.media.extend(named);
    }

    fn read(&self, link: &Link, address: &str, answer: &Value) -> Fate {
        let now = self.client.now();
        let context = ReadContext {
            task: &self.context.task,
            cycle: self.context.cycle,
            fetched_at: now,
            observed_at: now,
            connector: CONNECTOR,
            route: ROUTE,
            zone: ZONE,
            origin: Some(address),
        };
        match (records::read(answer, &context), link.video_id()) {
            (Ok(Observation::Video(video)), Some(id)) if video.video_id != id => {
                let what = format!("asked for video {id}, the answer is about {}", video.video_id);
                Fate::Unread(reject(answer, "id_mismatch", Some(id.to_string()), what))
            }
            (Ok(observation), _) => Fate::Observed(Box::new(observation)),
            (Err(reject), id) => {
                let entity = reject.entity.clone().or_else(|| id.map(|id| id.to_string()));
                Fate::Unread(Reject { entity, ..reject })
            }
        }
    }

    fn finished(mut self, from: usize, end: usize) -> Page {
        let has_more = end < self.entries.list.len();
        if has_more {
            self.page.next = Next::Page { state: json!({ "from": end }), not_before: None };
        }
        let stop_reason = if has_more { StopReason::Continue } else { StopReason::Exhausted };
        let fault = self.refusal_report(end - from).or_else(|| self.spent.survived.clone());
        self.close(from, end, stop_reason, fault)
    }

    fn stopped(mut self, from: usize, at: usize, fault: ClientFault) -> Page {
        let fault = Fault { requests: self.spent.requests, ..fault.into() };
        self.page.next = Next::Page { state: json!({ "from": at }), not_before: fault.retry_at };
        let stopped = format!("stopped before link {}: {fault}", at + 1);
        let told =
            self.refusal_report(at - from).map_or_else(|| stopped.clone(), |report| format!("{stopped}; {report}"));
        let mut page = self.close(from, at, fault.stop_reason(), Some(told));
        page.ledger.stopped_by = Some(fault);
        page
    }

    fn close(mut self, from: usize, end: usize, stop_reason: StopReason, fault: Option<String>) -> Page {
        self.page.ledger = Ledger {
            route: ROUTE.into(),
            asked: self.asked(from, end),
            requested: i64::try_from(end - from).ok(),
            has_more: self.page.next != Next::CycleDone,
            stop_reason,
            fault,
            requests: self.spent.requests,
            took: self.since.elapsed(),
            ..Ledger::default()
        };
        self.page
    }

    fn asked(&self, from: usize, end: usize) -> String {
        let entries = self.entries.list.get(from..end).unwrap_or_default();
        let names: Vec<String> = entries.iter().map(spelt).collect();
        format!("links {}-{end} of {}: {}", from + 1, self.entries.list.len(), names.join(" "))
    }

    /// Which of the links brought nothing, and why.
    fn refusal_report(&self, of: usize) -> Option<String> {
        let n = self.refusals.len();
        (n > 0).then(|| format!("{n} of {of} links brought nothing: {}", self.refusals.join("; ")))
    }
}

fn refused(reason: &'static str, said: impl Into<String>) -> Fate {
    Fate::Refused(Refused { reason, said: said.into() })
}

/// What a link is called in the ledger: its identity, or the text that is none.
fn spelt(entry: &Entry) -> String {
    match &entry.link {
        Ok(link) => link.identity(),
        Err(_) => format!("{:?}", entry.text.chars().take(60).collect::<String>()),
    }
}

/// What became of a link. What is said of a text that is none quotes it already.
fn told(entry: &Entry, refused: &Refused) -> String {
    let Refused { reason, said } = refused;
    if entry.link.is_err() { format!("{reason} ({said})") } else { format!("{} {reason} ({said})", spelt(entry)) }
}

/// The address to ask with, if oEmbed answers for this kind of link. Photo posts are asked for as videos: their ids
/// are interchangeable, and the route is only known to take that form. The host of archives' links (tiktokv.com) gets
/// HTTP 400, so every link is asked for at www.tiktok.com.
fn address(link: &Link) -> Option<String> {
    match link {
        Link::Post { id, author, .. } => {
            let handle = author.as_ref().and_then(Account::handle).unwrap_or_default();
            Some(format!("https://www.tiktok.com/@{handle}/video/{id}"))
        }
        Link::User { account: Account::Handle(handle), .. } => Some(format!("https://www.tiktok.com/@{handle}")),
        _ => None,
    }
}
