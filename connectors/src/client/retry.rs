//! Which outcomes are asked for again, and when.

use super::fault::Class;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::{Duration, SystemTime};
use tidelake_schemas::Timestamp;
use tokio::time::Instant;

/// No `Retry-After` is believed beyond this.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often and how long a request is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryConfig {
    /// Requests in all, the first included.
    pub attempts: u32,
    /// The first wait is up to this; each further one up to twice as much.
    pub base: Duration,
    /// No back-off is longer. A wait that the source asks for may be.
    pub cap: Duration,
    /// From the first request to the last, waits included.
    pub total: Duration,
    /// Makes the waits the same each time; for tests.
    pub seed: Option<u64>,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            attempts: 5,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            total: Duration::from_secs(300),
            seed: None,
        }
    }
}

/// The waits of one request.
#[derive(Debug)]
pub struct Retry<'a> {
    config: &'a RetryConfig,
    random: StdRng,
    deadline: Instant,
    failed: u32,
}

impl<'a> Retry<'a> {
    /// Before the first request.
    pub fn new(config: &'a RetryConfig, now: Instant) -> Self {
        // A random UUID is the house's source of randomness outside the sandbox.
        let seed = config.seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        let deadline = now + config.total.min(LONGEST);
        Self { config, random: StdRng::seed_from_u64(seed), deadline, failed: 0 }
    }

    /// Nothing is waited for beyond this instant.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// After a fault: how long to wait before the same request is sent again; `None` when it is not.
    ///
    /// Waits are drawn evenly between nothing and twice the last bound ("full jitter"), so that tasks which failed
    /// together do not come back together. A wait that the source asked for is kept, plus up to one base.
    pub fn next(&mut self, class: Class, retry_after: Option<Duration>, now: Instant) -> Option<Duration> {
        if !class.passes_by_itself() {
            return None;
        }
        self.failed += 1;
        let doubled = self.config.base.saturating_mul(1 << (self.failed - 1).min(20)).min(self.config.cap);
        let wait = match retry_after {
            Some(asked) => asked.min(LONGEST) + self.config.base.mul_f64(self.random.random()),
            None => doubled.mul_f64(self.random.random()),
        };
        (self.failed < self.config.attempts && now + wait <= self.deadline).then_some(wait)
    }
}

/// `Retry-After`: whole seconds, or an HTTP date in any of its three forms (RFC 9110 §10.2.3, §5.6.7).
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let now = Duration::from_micros(u64::try_from(now.0).ok()?);
    Some(date.saturating_sub(now).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn waits(config: &RetryConfig, class: Class, after: Option<Duration>) -> Vec<Duration> {
        let mut now = Instant::now();
        let mut retry = Retry::new(config, now);
        std::iter::from_fn(|| {
            let wait = retry.next(class, after, now)?;
            now += wait;
            Some(wait)
        })
        .take(99)
        .collect()
    }

    #[test]
    fn waits_grow_with_full_jitter_and_the_seed_decides() {
        let config = RetryConfig { attempts: 8, seed: Some(7), ..RetryConfig::default() };
        let first = waits(&config, Class::Server, None);
        assert_eq!(first, waits(&config, Class::Server, None));
        assert_eq!(first.len(), 7);
        for (n, wait) in first.iter().enumerate() {
            assert!(*wait <= secs((1 << n).min(60)), "{n}: {wait:?}");
        }
        assert_ne!(first, waits(&RetryConfig { seed: Some(8), ..config }, Class::Server, None));
    }

    #[test]
    fn the_total_time_is_a_budget() {
        let config = RetryConfig { attempts: 99, total: secs(120), ..RetryConfig::default() };
        let waits = waits(&config, Class::Timeout, None);
        assert!(waits.len() > 3 && waits.iter().sum::<Duration>() <= secs(120));
    }

    #[test]
    fn what_the_source_asks_for_is_kept_or_not_waited_for_at_all() {
        let config = RetryConfig { attempts: 2, total: secs(100), ..RetryConfig::default() };
        let wait = waits(&config, Class::RateLimited, Some(secs(90)));
        assert!(wait.len() == 1 && wait[0] >= secs(90) && wait[0] <= secs(91), "{wait:?}");
        assert!(waits(&config, Class::RateLimited, Some(secs(101))).is_empty());
        assert!(waits(&config, Class::RateLimited, Some(Duration::MAX)).is_empty());
    }

    #[test]
    fn only_what_passes_by_itself_is_repeated() {
        let config = RetryConfig { seed: Some(1), ..RetryConfig::default() };
        for class in Class::ALL {
            let expected = matches!(
                class,
                Class::RateLimited | Class::Server | Class::Maintenance | Class::Network | Class::Timeout
            );
            assert_eq!(!waits(&config, class, None).is_empty(), expected, "{class:?}");
        }
    }

    #[test]
    fn both_forms_of_retry_after() {
        // 1994-11-06T08:49:37Z, the example of RFC 9110.
        let now = Timestamp(784_111_777_000_000).plus_secs(-30);
        assert_eq!(retry_after(" 120 ", now), Some(secs(120)));
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(retry_after(date, now), Some(secs(30)), "{date}");
        }
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now.plus_secs(60)), Some(Duration::ZERO));
        assert_eq!(retry_after("99999999999999999999999", now), Some(LONGEST));
        for wrong in ["", "soon", "-5", "1.5"] {
            assert_eq!(retry_after(wrong, now), None, "{wrong}");
        }
    }
}
