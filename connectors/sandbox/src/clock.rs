//! Simulated time.

use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A clock that starts at a chosen instant and runs at a chosen speed. Clones share the same time.
#[derive(Clone, Debug)]
pub struct SimClock {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    real_start: Instant,
    sim_start: DateTime<Utc>,
    speed: f64,
}

impl State {
    fn now(&self) -> DateTime<Utc> {
        let micros = self.real_start.elapsed().as_secs_f64() * self.speed * 1e6;
        let passed = TimeDelta::microseconds(micros as i64);
        self.sim_start.checked_add_signed(passed).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn starting(sim_start: DateTime<Utc>, speed: f64) -> Self {
        let speed = if speed.is_finite() { speed.max(0.0) } else { 0.0 };
        Self { real_start: Instant::now(), sim_start, speed }
    }
}

impl SimClock {
    /// A clock that shows `start` now and runs `speed` times as fast as real time. A negative or infinite speed
    /// counts as 0: time never goes back by itself.
    pub fn starting_at(start: DateTime<Utc>, speed: f64) -> Self {
        Self { state: Arc::new(Mutex::new(State::starting(start, speed))) }
    }

    /// A clock that stands still at `instant` until [`set`](Self::set) or [`advance`](Self::advance) moves it.
    pub fn frozen(instant: DateTime<Utc>) -> Self {
        Self::starting_at(instant, 0.0)
    }

    /// A clock that shows real time.
    pub fn real() -> Self {
        Self::starting_at(Utc::now(), 1.0)
    }

    /// The simulated instant.
    pub fn now(&self) -> DateTime<Utc> {
        self.lock().now()
    }

    /// How many simulated seconds pass per real second.
    pub fn speed(&self) -> f64 {
        self.lock().speed
    }

    /// Jumps to `instant`; the speed stays.
    pub fn set(&self, instant: DateTime<Utc>) {
        let mut state = self.lock();
        *state = State::starting(instant, state.speed);
    }

    /// Jumps forward (or, with a negative delta, back).
    pub fn advance(&self, by: TimeDelta) {
        let mut state = self.lock();
        let target = state.now().checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC);
        *state = State::starting(target, state.speed);
    }

    /// Goes on from the present simulated instant at another speed.
    pub fn set_speed(&self, speed: f64) {
        let mut state = self.lock();
        *state = State::starting(state.now(), speed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_still_and_is_moved_by_hand() {
        let clock = SimClock::frozen(DateTime::UNIX_EPOCH);
        let twin = clock.clone();
        clock.advance(TimeDelta::hours(2));
        assert_eq!(twin.now().timestamp(), 7200);
        twin.set(DateTime::UNIX_EPOCH);
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
    }

    #[test]
    fn runs_fast() {
        let clock = SimClock::starting_at(DateTime::UNIX_EPOCH, 1e6);
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(clock.now().timestamp() >= 20_000);
    }
}
