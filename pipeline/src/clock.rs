//! The one place that reads the clock.
//!
//! Everything the daemon dates and waits for goes by [`now`] and [`sleep`]. `TIDELAKE_CLOCK` puts a simulated time in
//! place of the real one, so that a day of quota and schedules takes a minute: for tests against the offline TikTok.
//! Intervals of this machine (time-outs, commits, back-off of roles) stay real.

use std::sync::OnceLock;
use std::time::Duration;
use tidelake_connectors::client::Clock;
use tidelake_schemas::Timestamp;

/// Simulates time, e.g. `2026-03-01T00:00:00Z*1440`; see [`Simulation`].
pub(crate) const VARIABLE: &str = "TIDELAKE_CLOCK";

static SIMULATION: OnceLock<Simulation> = OnceLock::new();

/// A time that starts at an instant and runs at another speed: `START*SPEED`, or `START*SPEED@REAL` where it shows
/// START at the real instant REAL, which gives several processes the same time. Without REAL: when the process starts.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Simulation {
    start: Timestamp,
    speed: f64,
    real: Timestamp,
}

impl Simulation {
    fn parse(text: &str, real_now: Timestamp) -> Result<Self, String> {
        let (start, rest) = text.split_once('*').ok_or_else(|| format!("{text:?} has no speed after a *"))?;
        let (speed, real) = rest.split_once('@').map_or((rest, None), |(speed, real)| (speed, Some(real)));
        let speed_of = |text: &str| text.trim().parse().ok().filter(|s: &f64| (0.001..=1e6).contains(s));
        Ok(Self {
            start: instant(start)?,
            speed: speed_of(speed).ok_or_else(|| format!("{speed:?} is no speed from 0.001 to 1000000"))?,
            real: real.map_or(Ok(real_now), instant)?,
        })
    }

    fn at(&self, real: Timestamp) -> Timestamp {
        let passed = (real.0 - self.real.0) as f64 * self.speed;
        Timestamp(self.start.0.saturating_add(passed as i64))
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let parsed = chrono::DateTime::parse_from_rfc3339(text.trim());
    parsed.map(|at| at.to_utc().into()).map_err(|e| format!("{text:?} is no instant like 2026-03-01T00:00:00Z: {e}"))
}

/// Puts the simulated time of the environment in place, if there is one. To be called once, first of all.
pub(crate) fn read_environment() -> Result<(), String> {
    let Some(text) = std::env::var_os(VARIABLE) else { return Ok(()) };
    let text = text.to_string_lossy();
    let simulation = Simulation::parse(&text, wall()).map_err(|why| {
        format!("{VARIABLE}: {why}. Write START*SPEED or START*SPEED@REAL, or unset it for real time")
    })?;
    _ = SIMULATION.set(simulation);
    Ok(())
}

/// Now, UTC; simulated if time is.
pub(crate) fn now() -> Timestamp {
    let real = wall();
    SIMULATION.get().map_or(real, |simulation| simulation.at(real))
}

/// Now, UTC, whatever is simulated: for what others date by their own clocks, as Kafka's clients do messages.
pub(crate) fn wall() -> Timestamp {
    chrono::Utc::now().into()
}

/// Seconds that pass per real second.
fn speed() -> f64 {
    SIMULATION.get().map_or(1.0, |simulation| simulation.speed)
}

/// The speed of a simulated time.
pub(crate) fn simulated() -> Option<f64> {
    SIMULATION.get().map(|simulation| simulation.speed)
}

/// How long a wait lasts on this machine.
pub(crate) fn real(wait: Duration) -> Duration {
    wait.div_f64(speed())
}

/// How long an interval of this machine is by [`now`].
pub(crate) fn shown(interval: Duration) -> Duration {
    interval.mul_f64(speed())
}

/// The clock of connectors.
pub(crate) fn for_connectors() -> Clock {
    Clock::new(now).at_speed(speed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        instant(text).expect("an instant")
    }

    #[test]
    fn a_simulated_day_takes_a_minute() {
        let real = at("2030-01-01T12:00:00Z");
        for text in ["2026-03-01T00:00:00Z*1440", "2026-03-01T01:00:00+01:00 * 1440 @ 2030-01-01T12:00:00Z"] {
            let simulation = Simulation::parse(text, real).expect(text);
            assert_eq!(simulation.at(real.plus_secs(30)), at("2026-03-01T12:00:00Z"), "{text}");
            assert_eq!(simulation.at(real.plus_secs(-60)), at("2026-02-28T00:00:00Z"), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (text, part) in [
            ("2026-03-01T00:00:00Z", "no speed"),
            ("tomorrow*2", "\"tomorrow\" is no instant"),
            ("2026-03-01*2", "no instant"),
            ("2026-03-01T00:00:00Z*fast", "\"fast\" is no speed"),
            ("2026-03-01T00:00:00Z*0", "no speed"),
            ("2026-03-01T00:00:00Z*-1", "no speed"),
            ("2026-03-01T00:00:00Z*2@noon", "\"noon\" is no instant"),
        ] {
            let why = Simulation::parse(text, Timestamp(0)).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
