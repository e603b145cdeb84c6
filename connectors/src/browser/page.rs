//! A page that is open: it is read while it grows.

use super::CONNECTOR;
use super::client::BrowserClient;
use super::fault::{DriverFault, Stop};
use super::listen::{Heard, Listener};
use super::session::Session;
use crate::client::answer::{Answer, Seen};
use crate::client::classify::classify;
use crate::client::{Class, ClientFault, Expect, Fingerprint, Route};
use crate::drift::Tally;
use crate::reading::opt_bool;
use crate::source::{CycleContext, Reject};
use crate::web::{Kind, Label, Target};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tidelake_schemas::{Observation, Timestamp};
use url::Url;

/// Between two looks at the log.
const TICK: Duration = Duration::from_millis(150);

/// Where lists stand in answers (tiktok-surfaces §6.5).
const LISTS: &[&str] = &["/itemList"];

/// Whose page it is: a page is gone on with only by the task that opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) task: String,
    pub(super) cycle: i64,
    pub(super) target: String,
}

/// How far a page has been read; kept by the caller between polls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    /// Answers of the page's list.
    pub(super) answers: u32,
    /// Videos in them, each once.
    pub(super) seen: usize,
    /// The cursor that the last of them gave.
    pub(super) cursor: Option<String>,
}

/// What a poll has found so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) observations: Vec<Observation>,
    pub(super) rejects: Vec<Reject>,
    pub(super) seen: Tally,
    pub(super) requests: i32,
    /// Ids that are among the observations.
    ids: HashSet<String>,
}

impl Gathered {
    pub(super) fn push(&mut self, record: Observation) {
        if self.ids.insert(record.event_id().to_owned()) {
            self.observations.push(record);
        }
    }
}

/// An open page.
#[derive(Debug)]
pub(super) struct OpenPage {
    pub(super) key: Key,
    pub(super) session: Session,
    pub(super) progress: Progress,
    /// The page has said that there is no more.
    pub(super) done: bool,
    target: Target,
    address: Url,
    listener: Listener,
    fingerprint: Option<Fingerprint>,
    seen: HashSet<i64>,
    /// The page itself has been read.
    stands: bool,
}

/// Who reads, and for whom.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) client: &'a BrowserClient,
    pub(super) context: &'a CycleContext,
    /// When this poll began, by the machine's steady clock.
    pub(super) since: Instant,
}

impl Reader<'_> {
    /// The caller's clock, running on.
    pub(super) fn now(&self) -> Timestamp {
        let micros = i64::try_from(self.since.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.context.now.0.saturating_add(micros))
    }

    /// What is written on records of this address.
    pub(super) fn label<'b>(&'b self, origin: &'b str) -> Label<'b> {
        let (task, cycle) = (self.context.task.as_str(), self.context.cycle);
        Label { task, cycle, now: self.now(), connector: CONNECTOR, origin }
    }
}

impl OpenPage {
    /// Shows a target's page in a session.
    pub(super) async fn open(
        mut session: Session,
        key: Key,
        target: &Target,
        address: Url,
    ) -> Result<Self, DriverFault> {
        let listener = Listener::new(&address, target.kind().list());
        session.show(&address).await?;
        Ok(Self {
            key,
            session,
            progress: Progress::default(),
            done: false,
            target: target.clone(),
            address,
            listener,
            fingerprint: None,
            seen: HashSet::new(),
            stands: false,
        })
    }

    /// Reads on until the page has no more, or so many answers have been heard in all.
    pub(super) async fn advance(&mut self, reader: Reader<'_>, until: u32, into: &mut Gathered) -> Result<(), Stop> {
        let config = reader.client.config();
        let (mut heard_at, mut scrolled_at) = (Instant::now(), None::<Instant>);
        while !self.done && self.progress.answers < until {
            if self.listen(reader, into).await? {
                heard_at = Instant::now();
                continue;
            }
            if heard_at.elapsed() >= config.answer_timeout {
                return self.stand_still().await;
            }
            if self.stands && scrolled_at.is_none_or(|at| at.elapsed() >= config.scroll_pause) {
                self.session.scroll().await?;
                scrolled_at = Some(Instant::now());
            }
            tokio::time::sleep(TICK).await;
        }
        Ok(())
    }

    /// Takes what has come; whether anything has.
    async fn listen(&mut self, reader: Reader<'_>, into: &mut Gathered) -> Result<bool, Stop> {
        let mut any = false;
        for entry in self.session.log().await? {
            if let Some(heard) = self.listener.hear(&entry) {
                any = true;
                self.take(reader, &heard, into).await?;
            }
        }
        Ok(any)
    }

    async fn take(&mut self, reader: Reader<'_>, heard: &Heard, into: &mut Gathered) -> Result<(), Stop> {
        into.requests += 1;
        if let Some(why) = &heard.failed {
            return Err(self.fault(Class::Network, &format!("the page's call failed: {why}")).into());
        }
        let Some(body) = self.session.body(&heard.request).await? else {
            let why = "the browser had thrown the answer away before it was fetched";
            return Err(self.fault(Class::Network, why).into());
        };
        let expect = if heard.document { self.target.expect() } else { Expect::list(LISTS).after(self.fingerprint) };
        let seen = Seen { status: heard.status, url: &heard.url, location: None, body: body.as_bytes() };
        let answer = Answer::read(seen);
        let fingerprint = classify(Route::Browser, &answer, &expect).map_err(|finding| {
            let mut fault = self.fault(finding.class, &finding.details);
            fault.context.status = Some(heard.status);
            fault.context.code = finding.code;
            fault
        })?;
        let records = self.read(reader, heard, &body, into)?;
        if heard.document {
            return self.arrive(&records, into).await;
        }
        self.fingerprint = fingerprint;
        self.note_list(answer.doc.as_ref(), &records)?;
        records.into_iter().for_each(|record| into.push(record));
        Ok(())
    }

    fn read(
        &self,
        reader: Reader<'_>,
        heard: &Heard,
        body: &str,
        into: &mut Gathered,
    ) -> Result<Vec<Observation>, ClientFault> {
        // Without what the page's script adds to its calls: device ids, signatures.
        let mut origin = heard.url.clone();
        origin.set_query(None);
        let imported = reader.label(origin.as_str()).read(body.as_bytes());
        let imported = imported.map_err(|error| self.fault(Class::FormatDrift, &error.seen))?;
        let variant = if heard.document { self.target.kind().name() } else { "list" };
        into.seen.absorb(imported.seen, Some(variant));
        into.rejects.extend(imported.rejects);
        Ok(imported.observations)
    }

    /// The page itself has come.
    async fn arrive(&mut self, records: &[Observation], into: &mut Gathered) -> Result<(), Stop> {
        let Some(own) = records.iter().find(|record| self.target.names(record)) else {
            return Err(self.fault(Class::FormatDrift, "the page is not about what was asked for").into());
        };
        let nothing = matches!(own, Observation::Creator(creator) if creator.stats.videos == Some(0));
        self.done = nothing || self.target.kind() == Kind::Video;
        self.stands = true;
        records.iter().cloned().for_each(|record| into.push(record));
        match self.session.look().await?.refusal() {
            Some((class, why)) => Err(self.fault(class, why).into()),
            None => Ok(()),
        }
    }

    /// An answer of the list has come.
    fn note_list(&mut self, answer: Option<&Value>, records: &[Observation]) -> Result<(), ClientFault> {
        let own = records.iter().filter_map(|record| match record {
            Observation::Video(video) => Some(video.video_id),
            _ => None,
        });
        let ids: Vec<i64> = own.collect();
        let fresh = ids.iter().filter(|id| self.seen.insert(**id)).count();
        let more = answer.and_then(|answer| opt_bool(answer, "hasMore").or_else(|| opt_bool(answer, "has_more")));
        self.done = more == Some(false);
        let cursor = answer.and_then(|answer| answer.get("cursor"));
        self.progress = Progress {
            answers: self.progress.answers + 1,
            seen: self.seen.len(),
            cursor: cursor.map(|cursor| cursor.as_str().map_or_else(|| cursor.to_string(), str::to_owned)),
        };
        if fresh == 0 && !ids.is_empty() && !self.done {
            return Err(self.fault(Class::RepeatedPage, "no video of the answer is new, and more are promised"));
        }
        Ok(())
    }

    /// Nothing has come for a long time: the page says why, or it is a fault.
    async fn stand_still(&mut self) -> Result<(), Stop> {
        let marks = self.session.look().await?;
        if marks.empty && self.stands && self.progress.answers == 0 {
            self.done = true;
            return Ok(());
        }
        let (class, why) = marks.standstill();
        Err(self.fault(class, why).into())
    }

    fn fault(&self, class: Class, details: &str) -> ClientFault {
        BrowserClient::fault(class, &self.target, &self.address, details)
    }
}
