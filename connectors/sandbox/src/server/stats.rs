//! Counters.

use crate::{Endpoint, FaultKind};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Names of browsers that are kept.
const AGENTS: usize = 64;

/// What a sandbox has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests by endpoint.
    pub requests: BTreeMap<Endpoint, u64>,
    /// Answers by HTTP status. A reset connection counts as 0.
    pub answers: BTreeMap<u16, u64>,
    /// Troubles that struck, by kind.
    pub faults: BTreeMap<FaultKind, u64>,
    /// By what names (`User-Agent`) the website's pages and lists were asked for.
    pub agents: BTreeSet<String>,
    /// Calls of lists by pages that saw that a program drives their browser (`navigator.webdriver`).
    pub driven: u64,
    /// Videos, comments and users handed out.
    pub records: u64,
    /// Requests taken from today's quota.
    pub quota_requests: u64,
    /// Records taken from today's quota.
    pub quota_records: u64,
    /// Requests of each day that the quota is about.
    pub quota_days: BTreeMap<NaiveDate, QuotaDay>,
}

/// Requests of one day, by the clock of the quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaDay {
    /// Taken from the quota.
    pub taken: u64,
    /// Refused because nothing was left: more than a careful client asks.
    pub refused: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    requests: BTreeMap<Endpoint, u64>,
    answers: BTreeMap<u16, u64>,
    faults: BTreeMap<FaultKind, u64>,
    agents: BTreeSet<String>,
    driven: u64,
    pub(super) records: u64,
    days: BTreeMap<NaiveDate, QuotaDay>,
}

impl Counters {
    pub(super) fn request(&mut self, endpoint: Endpoint) {
        *self.requests.entry(endpoint).or_default() += 1;
    }

    pub(super) fn answer(&mut self, status: u16) {
        *self.answers.entry(status).or_default() += 1;
    }

    pub(super) fn fault(&mut self, kind: FaultKind) {
        *self.faults.entry(kind).or_default() += 1;
    }

    /// Counts a request that the quota is about.
    pub(super) fn quota(&mut self, day: NaiveDate, taken: bool) {
        let day = self.days.entry(day).or_default();
        *(if taken { &mut day.taken } else { &mut day.refused }) += 1;
    }

    /// A page or a list was asked for by this name; `driven` when the page says so of its browser.
    pub(super) fn visitor(&mut self, agent: &str, driven: bool) {
        if self.agents.len() < AGENTS && !self.agents.contains(agent) {
            self.agents.insert(agent.to_owned());
        }
        self.driven += u64::from(driven);
    }

    pub(super) fn snapshot(&self, quota_requests: u64, quota_records: u64) -> Stats {
        Stats {
            requests: self.requests.clone(),
            answers: self.answers.clone(),
            faults: self.faults.clone(),
            agents: self.agents.clone(),
            driven: self.driven,
            records: self.records,
            quota_requests,
            quota_records,
            quota_days: self.days.clone(),
        }
    }
}
