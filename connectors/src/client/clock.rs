//! The caller's clock. The client layer reads no wall clock of its own: the daemon has one place that does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tidelake_schemas::Timestamp;
use tokio::time::Instant;

/// Gives the time in UTC: for the daily budget, dates in `Retry-After`, and instants shown to people.
/// Intervals are measured with tokio's [`Instant`], which tests can stop.
#[derive(Clone)]
pub struct Clock {
    read: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    speed: f64,
}

impl Clock {
    /// A clock that is read with this function.
    pub fn new(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { read: Arc::new(read), speed: 1.0 }
    }

    /// The same clock, of a simulated time in which so many seconds pass per real second.
    #[must_use]
    pub fn at_speed(self, speed: f64) -> Self {
        Self { speed, ..self }
    }

    /// A clock that runs on from an instant the caller names.
    pub fn starting_at(start: Timestamp) -> Self {
        let since = Instant::now();
        Self::new(move || later(start, since.elapsed()))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.read)()
    }

    /// Waits for so long of this clock's time.
    pub async fn sleep(&self, wait: Duration) {
        tokio::time::sleep(wait.div_f64(self.speed)).await;
    }

    /// The time at an instant of tokio's clock, given both clocks now.
    pub(super) fn at(&self, instant: Instant, now: Instant) -> Timestamp {
        let wall = self.now();
        match instant.checked_duration_since(now) {
            Some(ahead) => later(wall, ahead.mul_f64(self.speed)),
            None => {
                Timestamp(wall.0.saturating_sub(micros(now.saturating_duration_since(instant).mul_f64(self.speed))))
            }
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// A clock for clients whose pollers bring the time along: it shows the last time it was told, and runs on from there.
#[derive(Clone, Debug)]
pub struct ToldClock {
    told: Arc<Mutex<Clock>>,
    given: Option<Clock>,
}

impl Default for ToldClock {
    fn default() -> Self {
        Self { told: Arc::new(Mutex::new(Clock::starting_at(Timestamp::default()))), given: None }
    }
}

/// Whatever it is told, this clock.
impl From<Clock> for ToldClock {
    fn from(clock: Clock) -> Self {
        Self { given: Some(clock), ..Self::default() }
    }
}

impl ToldClock {
    /// It is this time now.
    pub fn tell(&self, now: Timestamp) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Clock::starting_at(now);
    }

    /// To be read.
    pub fn clock(&self) -> Clock {
        let told = Arc::clone(&self.told);
        let told = move || told.lock().unwrap_or_else(PoisonError::into_inner).now();
        self.given.clone().unwrap_or_else(|| Clock::new(told))
    }
}

/// A time moved forward (saturating).
pub(super) fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp(time.0.saturating_add(micros(by)))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
