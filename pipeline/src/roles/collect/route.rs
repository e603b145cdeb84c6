//! A task's routes in order of preference: which one is polled, and what a fault changes about it.
//!
//! The transition table ([`fallback`]) decides; a route that was left rests until its fault says, and is preferred again
//! when the next cycle begins after that.

use crate::roles::now;
use std::time::Duration;
use tidelake_connectors::client::fallback::{self, Decision};
use tidelake_connectors::client::{Class, Route};
use tidelake_connectors::{Fault, Source};
use tidelake_schemas::{Cursor, RouteRest, Timestamp};

/// Polls of one page by one route before another is taken; the route has repeated its requests itself.
const POLLS: u32 = 3;
/// The longest pause after faults that pass by themselves.
const BACKOFF: Duration = Duration::from_secs(300);
/// The first pause after a fault that a person must mend; twice as long each time …
const MEND: Duration = Duration::from_secs(300);
/// … but never longer.
const MEND_MAX: Duration = Duration::from_secs(3600);

/// The sources of one task, the preferred first. Each is of another connector.
pub(crate) struct Routes {
    sources: Vec<Box<dyn Source>>,
    at: usize,
}

/// What follows a fault.
pub(super) struct Reaction {
    pub decision: Decision,
    /// When the task goes on.
    pub resume_at: Timestamp,
    /// The same, for the ledger.
    pub told: String,
}

impl Routes {
    /// Of a task that names one route.
    pub(crate) fn one(source: Box<dyn Source>) -> Self {
        Self { sources: vec![source], at: 0 }
    }

    /// Adds a route to take when those before cannot be.
    pub(crate) fn then(&mut self, source: Box<dyn Source>) {
        self.sources.push(source);
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Source> {
        self.sources.iter().map(AsRef::as_ref)
    }

    /// The one that is polled.
    pub(super) fn source(&self) -> &dyn Source {
        self.sources[self.at].as_ref()
    }

    pub(super) fn connector(&self) -> &'static str {
        self.source().capabilities().connector
    }

    /// For a new cycle: the first that does not rest; when all do, the one that will be up first.
    pub(super) fn begin(&mut self, rests: &[RouteRest]) {
        let now = now();
        let ends = |source: &dyn Source| rest_of(rests, source.capabilities().connector).filter(|until| *until > now);
        let first = (0..self.sources.len()).min_by_key(|at| (ends(self.sources[*at].as_ref()), *at));
        self.at = first.unwrap_or_default();
    }

    /// For a cycle that goes on: the route it was on. `false` when the task does not name it any more.
    pub(super) fn resume(&mut self, connector: &str) -> bool {
        let found = self.iter().position(|source| source.capabilities().connector == connector);
        self.at = found.unwrap_or_default();
        found.is_some()
    }

    /// When the first of the routes is up again, where all of them rest.
    pub(super) fn all_rest_until(&self, rests: &[RouteRest]) -> Option<Timestamp> {
        let ends: Option<Vec<_>> = self.iter().map(|source| rest_of(rests, source.capabilities().connector)).collect();
        ends?.into_iter().min()
    }

    /// What follows the `faults`-th fault in a row. Takes the next route where the table says so; the one that is left
    /// then rests in the cursor.
    pub(super) fn react(&mut self, fault: &Fault, faults: u32, cursor: &mut Cursor) -> Reaction {
        let now = now();
        cursor.rests.retain(|rest| rest.until > now);
        let from = self.connector();
        let decision = self.decide(fault.kind(), faults < POLLS, &cursor.rests);
        let pause = pause(decision, faults);
        let resume_at = fault.retry_at.unwrap_or_else(|| now.plus_secs(seconds(pause)));
        let (resume_at, told) = match decision {
            Decision::Next(route) => {
                cursor.rests.retain(|rest| rest.connector != from);
                cursor.rests.push(RouteRest { connector: from.to_owned(), until: resume_at });
                self.resume(route.name());
                (now, format!("Going on by {route}; {from} rests until {resume_at}."))
            }
            Decision::Retry => (resume_at, format!("Asking again by {from} at {resume_at}.")),
            Decision::Wait => (resume_at, format!("Waiting until {resume_at}.")),
            Decision::Stop => (resume_at, format!("A person must act; asking again at {resume_at}.")),
            Decision::Accept => (now, "Accepted as the answer.".to_owned()),
        };
        Reaction { decision, resume_at, told }
    }

    fn decide(&self, class: Class, polls_left: bool, rests: &[RouteRest]) -> Decision {
        let open = |at: &usize| *at == self.at || rest_of(rests, self.name(*at)).is_none();
        let allowed: Vec<Route> = (0..self.sources.len()).filter(open).map(|at| route(self.name(at))).collect();
        fallback::decide(route(self.connector()), class, polls_left, &allowed)
    }

    fn name(&self, at: usize) -> &'static str {
        self.sources[at].capabilities().connector
    }
}

/// A connector's row in the table; recorded files have no requests that could fail.
fn route(connector: &str) -> Route {
    Route::of_connector(connector).unwrap_or(Route::Import)
}

fn rest_of(rests: &[RouteRest], connector: &str) -> Option<Timestamp> {
    rests.iter().find(|rest| rest.connector == connector).map(|rest| rest.until)
}

/// The pause where the source names none.
fn pause(decision: Decision, faults: u32) -> Duration {
    let doubled =
        |first: Duration, most: Duration| first.saturating_mul(1 << faults.saturating_sub(1).min(12)).min(most);
    match decision {
        Decision::Retry | Decision::Wait => doubled(Duration::from_secs(2), BACKOFF),
        Decision::Next(_) | Decision::Stop | Decision::Accept => doubled(MEND, MEND_MAX),
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 2_000_000)
}

#[cfg(test)]
#[path = "route_tests.rs"]
pub(super) mod tests;
