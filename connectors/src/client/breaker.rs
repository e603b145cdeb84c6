//! The circuit breaker: a route that fails again and again, or that refuses us, is left alone for a while.

use super::clock::Clock;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tidelake_schemas::Timestamp;
use tokio::time::Instant;

/// While a probe is under way, others are told to come back after this.
const PROBING: Duration = Duration::from_secs(1);

/// When a breaker opens, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerConfig {
    /// Opens after this many failures in a row.
    pub consecutive: u32,
    /// Opens when this share of the last requests failed.
    pub share: f64,
    /// The share is taken over this many requests.
    pub window: usize,
    /// … once there are at least this many.
    pub samples: usize,
    /// Open for this long; twice as long after each failed probe.
    pub open: Duration,
    /// Never open longer, after failures.
    pub open_max: Duration,
    /// Open for this long after a block; twice as long after each blocked probe.
    pub blocked: Duration,
    /// Never open longer, after a block.
    pub blocked_max: Duration,
    /// Requests at the same time while half-open.
    pub probes: u32,
    /// Good probes that close it.
    pub close_after: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            consecutive: 5,
            share: 0.5,
            window: 20,
            samples: 10,
            open: Duration::from_secs(30),
            open_max: Duration::from_secs(600),
            blocked: Duration::from_secs(2 * 3600),
            blocked_max: Duration::from_secs(24 * 3600),
            probes: 1,
            close_after: 1,
        }
    }
}

/// What became of a request, as the breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The route answers.
    Good,
    /// Says nothing about the route: a refused token, a spent quota.
    Neutral,
    /// The route is in trouble; why.
    Trouble(&'a str),
    /// The route refuses us; why. Opens at once.
    Blocked(&'a str),
}

/// Whether requests go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// All of them.
    Closed,
    /// None.
    Open,
    /// A few, to see.
    HalfOpen,
}

/// The breaker as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerSnapshot {
    /// Whether requests go through.
    pub state: BreakerState,
    /// Since when.
    pub since: Timestamp,
    /// Why it opened last, while it is not closed.
    pub reason: Option<String>,
    /// When the next probe may go, while it is open.
    pub next_probe: Option<Timestamp>,
}

/// A request that is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// When to come back.
    pub until: Instant,
    /// Why it opened.
    pub reason: String,
    /// It opened because the route refused us, not because it failed.
    pub refused: bool,
}

/// A circuit breaker. Time is passed in.
#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    since: Instant,
    reason: String,
    refused: bool,
    /// Counts changes of state: what was sent before a change says nothing about the time after it.
    epoch: u64,
    /// Times opened since it was closed.
    trips: u32,
}

#[derive(Debug)]
enum State {
    Closed { row: u32, recent: VecDeque<bool> },
    Open { until: Instant },
    HalfOpen { in_flight: u32, good: u32 },
}

/// Leave to send one request. Dropped without an outcome, it says nothing.
#[derive(Debug)]
#[must_use = "an outcome is expected"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    epoch: u64,
    open: bool,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(config: BreakerConfig, now: Instant) -> Self {
        let inner =
            Inner { state: State::closed(), since: now, reason: String::new(), refused: false, epoch: 0, trips: 0 };
        Self { config, inner: Mutex::new(inner) }
    }

    /// Asks to send a request.
    ///
    /// # Errors
    /// [`Rejected`] while open, or while enough probes are under way.
    pub fn admit(&self, now: Instant) -> Result<Permit<'_>, Rejected> {
        let mut inner = self.lock();
        if matches!(inner.state, State::Open { until } if now >= until) {
            inner.change(State::HalfOpen { in_flight: 0, good: 0 }, now);
        }
        let until = match &mut inner.state {
            State::Closed { .. } => None,
            State::Open { until } => Some(*until),
            State::HalfOpen { in_flight, .. } if *in_flight >= self.config.probes.max(1) => Some(now + PROBING),
            State::HalfOpen { in_flight, .. } => {
                *in_flight += 1;
                None
            }
        };
        match until {
            Some(until) => Err(Rejected { until, reason: inner.reason.clone(), refused: inner.refused }),
            None => Ok(Permit { breaker: self, epoch: inner.epoch, open: true }),
        }
    }

    /// The state for people and metrics.
    pub fn snapshot(&self, clock: &Clock, now: Instant) -> BreakerSnapshot {
        let inner = self.lock();
        let (state, next_probe) = match inner.state {
            State::Closed { .. } => (BreakerState::Closed, None),
            State::Open { until } => (BreakerState::Open, Some(clock.at(until, now))),
            State::HalfOpen { .. } => (BreakerState::HalfOpen, None),
        };
        let reason = (state != BreakerState::Closed).then(|| inner.reason.clone());
        BreakerSnapshot { state, since: clock.at(inner.since, now), reason, next_probe }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Says what became of the request.
    pub fn settle(mut self, outcome: Outcome<'_>, now: Instant) {
        self.report(outcome, now);
    }

    fn report(&mut self, outcome: Outcome<'_>, now: Instant) {
        let Self { breaker: Breaker { config, .. }, epoch, .. } = *self;
        let mut inner = self.breaker.lock();
        self.open = false;
        match outcome {
            Outcome::Blocked(reason) => inner.open(config, reason, true, now),
            // Sent before the last change of state.
            _ if inner.epoch != epoch => {}
            Outcome::Good => inner.good(config, now),
            Outcome::Trouble(reason) => inner.trouble(config, reason, now),
            Outcome::Neutral => inner.release(),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.open {
            self.report(Outcome::Neutral, Instant::now());
        }
    }
}

impl Inner {
    fn good(&mut self, config: &BreakerConfig, now: Instant) {
        self.release();
        let healed = match &mut self.state {
            State::Closed { row, recent } => {
                *row = 0;
                remember(recent, true, config.window);
                false
            }
            State::HalfOpen { good, .. } => {
                *good += 1;
                *good >= config.close_after
            }
            State::Open { .. } => false,
        };
        if healed {
            self.trips = 0;
            self.change(State::closed(), now);
        }
    }

    fn trouble(&mut self, config: &BreakerConfig, reason: &str, now: Instant) {
        let trips = match &mut self.state {
            State::Closed { row, recent } => {
                *row += 1;
                remember(recent, false, config.window);
                let failed = recent.iter().filter(|good| !**good).count() as f64;
                let often = recent.len() >= config.samples.max(1) && failed / recent.len() as f64 >= config.share;
                *row >= config.consecutive || often
            }
            State::HalfOpen { .. } => true,
            State::Open { .. } => false,
        };
        if trips {
            self.open(config, reason, false, now);
        }
    }

    fn open(&mut self, config: &BreakerConfig, reason: &str, blocked: bool, now: Instant) {
        let (first, max) = if blocked { (config.blocked, config.blocked_max) } else { (config.open, config.open_max) };
        if !matches!(self.state, State::Open { .. }) {
            self.trips += 1;
        }
        let lasts = first.saturating_mul(1 << (self.trips - 1).min(20)).min(max.max(first));
        if matches!(self.state, State::Open { until } if until >= now + lasts) {
            return;
        }
        (self.reason, self.refused) = (reason.to_owned(), blocked);
        self.change(State::Open { until: now + lasts }, now);
    }

    /// A probe has ended.
    fn release(&mut self) {
        if let State::HalfOpen { in_flight, .. } = &mut self.state {
            *in_flight = in_flight.saturating_sub(1);
        }
    }

    fn change(&mut self, state: State, now: Instant) {
        (self.state, self.since) = (state, now);
        self.epoch += 1;
    }
}

impl State {
    fn closed() -> Self {
        Self::Closed { row: 0, recent: VecDeque::new() }
    }
}

fn remember(recent: &mut VecDeque<bool>, good: bool, window: usize) {
    recent.push_back(good);
    while recent.len() > window.max(1) {
        recent.pop_front();
    }
}

#[cfg(test)]
#[path = "tests/breaker.rs"]
mod tests;
