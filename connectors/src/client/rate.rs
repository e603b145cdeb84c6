//! How fast a route is asked: a token bucket whose rate adapts to what the route answers.
//!
//! The rate is cut in half when the route throttles, is in trouble or is slow, and grows back by the same amount per
//! second while it answers well (additive increase, multiplicative decrease: Chiu and Jain 1989).

use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// No wait is shorter: tokio's timers count milliseconds.
const TICK: Duration = Duration::from_millis(1);

/// How fast a route may be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct RateConfig {
    /// Requests per second in the long run, when all is well.
    pub per_second: f64,
    /// Requests that may be sent at once after a pause; at least 1.
    pub burst: f64,
    /// The rate is never cut below this share of `per_second`.
    pub floor: f64,
    /// From nothing to the full rate takes this long.
    pub recovery: Duration,
    /// Faults closer together than this are one event, and cut the rate once.
    pub settle: Duration,
    /// The route is slow when the percentile of its answer times is above this.
    pub slow: Duration,
    /// Which percentile, between 0 and 1.
    pub percentile: f64,
    /// The percentile is taken over this many answers.
    pub window: usize,
}

impl Default for RateConfig {
    fn default() -> Self {
        Self {
            per_second: 2.0,
            burst: 5.0,
            floor: 0.05,
            recovery: Duration::from_secs(300),
            settle: Duration::from_secs(1),
            slow: Duration::from_secs(10),
            percentile: 0.95,
            window: 20,
        }
    }
}

/// What an answer says about the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// An answer, and how long it took.
    Answered(Duration),
    /// HTTP 429, 5xx or no answer.
    Overloaded,
}

/// The rate as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RateSnapshot {
    /// The rate when all is well, requests per second.
    pub per_second: f64,
    /// The rate now.
    pub effective_per_second: f64,
    /// Requests that may be sent at once.
    pub available: f64,
    /// The route asked for a pause that lasts this much longer, in milliseconds.
    pub held_ms: u64,
    /// Median of the last answer times, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 95th percentile of the last answer times, in milliseconds.
    pub p95_ms: Option<u64>,
}

/// A token bucket with the time passed in: the same calls always give the same answers.
#[derive(Clone, Debug)]
pub struct Bucket {
    config: RateConfig,
    factor: f64,
    tokens: f64,
    /// The bucket is filled up to here; in the future while the route asked for a pause.
    filled_at: Instant,
    cut_at: Option<Instant>,
    changed_at: Instant,
    recent: VecDeque<Duration>,
}

impl Bucket {
    /// A full bucket. Settings out of range are brought into it.
    pub fn new(config: RateConfig, now: Instant) -> Self {
        let config = RateConfig {
            per_second: if config.per_second.is_finite() { config.per_second.max(1e-6) } else { 1.0 },
            burst: config.burst.max(1.0),
            floor: config.floor.clamp(0.001, 1.0),
            percentile: config.percentile.clamp(0.0, 1.0),
            window: config.window.max(1),
            ..config
        };
        let tokens = config.burst;
        Self { config, factor: 1.0, tokens, filled_at: now, cut_at: None, changed_at: now, recent: VecDeque::new() }
    }

    /// Takes one token, or says how long to wait for one.
    pub fn try_take(&mut self, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        // Waits are rounded to nanoseconds: the last token may be short of what a nanosecond brings.
        let slack = self.rate().max(1.0) * 1e-9;
        if now >= self.filled_at && self.tokens > 1.0 - slack {
            self.tokens = (self.tokens - 1.0).max(0.0);
            return Ok(());
        }
        let missing = (1.0 - self.tokens).max(0.0) / self.rate();
        let held = self.filled_at.saturating_duration_since(now);
        Err((held + Duration::try_from_secs_f64(missing).unwrap_or(Duration::MAX / 4)).max(TICK))
    }

    /// Adapts the rate to an answer.
    pub fn feed(&mut self, feedback: Feedback, now: Instant) {
        self.fill(now);
        match feedback {
            Feedback::Overloaded => self.cut(now),
            Feedback::Answered(took) => self.answered(took, now),
        }
    }

    /// Nothing is sent before this instant, and then slowly at first: what waited does not come all at once.
    pub fn hold_until(&mut self, until: Instant, now: Instant) {
        self.fill(now);
        if until > self.filled_at {
            (self.filled_at, self.tokens) = (until, 1.0);
        }
    }

    /// Lowers the full rate, e.g. to what robots.txt asks for. Never raises it.
    pub fn limit(&mut self, per_second: f64, now: Instant) {
        self.fill(now);
        if per_second > 0.0 && per_second < self.config.per_second {
            (self.config.per_second, self.config.burst) = (per_second, 1.0);
            self.tokens = self.tokens.min(1.0);
        }
    }

    /// Requests per second now.
    pub fn rate(&self) -> f64 {
        self.config.per_second * self.factor
    }

    /// The state for people and metrics.
    pub fn snapshot(&self, now: Instant) -> RateSnapshot {
        let mut view = self.clone();
        view.fill(now);
        let held = view.filled_at.saturating_duration_since(now);
        RateSnapshot {
            per_second: self.config.per_second,
            effective_per_second: self.rate(),
            available: if held.is_zero() { view.tokens } else { 0.0 },
            held_ms: millis(held),
            p50_ms: self.percentile(0.5).map(millis),
            p95_ms: self.percentile(0.95).map(millis),
        }
    }

    fn fill(&mut self, now: Instant) {
        if let Some(elapsed) = now.checked_duration_since(self.filled_at) {
            self.tokens = (self.tokens + elapsed.as_secs_f64() * self.rate()).min(self.config.burst);
            self.filled_at = now;
        }
    }

    fn answered(&mut self, took: Duration, now: Instant) {
        self.recent.push_back(took);
        while self.recent.len() > self.config.window {
            self.recent.pop_front();
        }
        let slow = self.percentile(self.config.percentile).is_some_and(|took| took > self.config.slow);
        if !slow {
            self.raise(now);
        } else if self.recent.len() == self.config.window {
            self.cut(now);
            // The next cut is for answers at the new rate.
            self.recent.clear();
        }
    }

    fn cut(&mut self, now: Instant) {
        let settled = self.cut_at.is_none_or(|at| now.saturating_duration_since(at) >= self.config.settle);
        if settled {
            self.factor = (self.factor / 2.0).max(self.config.floor);
            (self.cut_at, self.changed_at) = (Some(now), now);
        }
    }

    fn raise(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.changed_at).as_secs_f64();
        let recovery = self.config.recovery.as_secs_f64().max(1e-3);
        self.factor = (self.factor + elapsed / recovery).min(1.0);
        self.changed_at = now;
    }

    fn percentile(&self, share: f64) -> Option<Duration> {
        let mut sorted: Vec<_> = self.recent.iter().copied().collect();
        sorted.sort_unstable();
        // Nearest rank; the cast saturates, the index is checked.
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied()
    }
}

/// A bucket shared by tasks, which are served in the order they came.
#[derive(Debug)]
pub struct RateLimiter {
    bucket: Mutex<Bucket>,
    turn: tokio::sync::Mutex<()>,
}

impl RateLimiter {
    /// A full bucket.
    pub fn new(config: RateConfig) -> Self {
        Self { bucket: Mutex::new(Bucket::new(config, Instant::now())), turn: tokio::sync::Mutex::new(()) }
    }

    /// The bucket itself, for a moment.
    pub fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one token without waiting, or says how long the wait would be.
    ///
    /// # Errors
    /// The wait, not counting those who wait already.
    pub fn try_acquire(&self) -> Result<(), Duration> {
        self.bucket().try_take(Instant::now())
    }

    /// Waits for a token. Dropping the future gives up the place in the queue, and takes no token.
    pub async fn acquire(&self) {
        let _turn = self.turn.lock().await;
        while let Err(wait) = self.try_acquire() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits for a token, but not beyond `deadline`, and not at all when a pause is known to outlast it.
    ///
    /// # Errors
    /// How much longer the wait would be.
    pub async fn acquire_by(&self, deadline: Instant) -> Result<(), Duration> {
        let held = Duration::from_millis(self.bucket().snapshot(Instant::now()).held_ms);
        if held > deadline.saturating_duration_since(Instant::now()) {
            return Err(held);
        }
        let turn = tokio::time::timeout_at(deadline, self.acquire()).await;
        // A copy is asked, so that nothing is taken.
        turn.or_else(|_| self.bucket().clone().try_take(Instant::now()).map_or_else(Err, |()| Err(TICK)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "tests/rate.rs"]
mod tests;
