//! The client of the route: what may be shown, how often, and in which browser.

use super::config::BrowserConfig;
use super::pool::Pool;
use crate::client::breaker::{Breaker, BreakerSnapshot, Outcome, Permit};
use crate::client::fault::Group;
use crate::client::rate::{RateConfig, RateLimiter};
use crate::client::robots::{RobotsGate, Verdict};
use crate::client::transport::TransportConfig;
use crate::client::{Class, ClientConfig, ClientFault, Clock, Profile, Route};
use crate::web::{SetupError, Target, base_url};
use tidelake_schemas::Timestamp;
use tokio::time::Instant;
use url::Url;

/// Shows public pages. Tasks share it, and with it browsers, rate, breaker and robots.txt.
#[derive(Debug)]
pub struct BrowserClient {
    config: BrowserConfig,
    base: Url,
    clock: Clock,
    robots: RobotsGate,
    breaker: Breaker,
    limiter: RateLimiter,
    pool: Pool,
}

impl BrowserClient {
    /// A client. Starts nothing yet.
    ///
    /// # Errors
    /// When the profile does not allow the route, or the settings make no sense.
    pub fn new(profile: Profile, config: BrowserConfig, clock: Clock) -> Result<Self, SetupError> {
        let route = profile.grant(Route::Browser, config.acknowledgement.as_ref())?.route();
        let base = base_url(&config.base_url, config.contact.as_deref())?;
        if config.per_minute.is_nan() || config.per_minute <= 0.0 {
            return Err(SetupError::Number("per_minute"));
        }
        if config.answers_per_poll == 0 || config.answers_per_page == 0 {
            return Err(SetupError::Number("answers_per_poll and answers_per_page"));
        }
        if config.page_timeout.is_zero() || config.answer_timeout.is_zero() {
            return Err(SetupError::Number("page_timeout and answer_timeout"));
        }
        if let Some(url) = config.driver_url.as_ref().filter(|url| !url.starts_with("http://")) {
            return Err(SetupError::Driver(url.clone()));
        }
        let usual = ClientConfig::of(route, "public");
        let transport = TransportConfig { contact: config.contact.clone(), ..usual.transport };
        let mut breaker = usual.breaker;
        breaker.blocked = config.block_rest;
        breaker.blocked_max = breaker.blocked_max.max(config.block_rest);
        Ok(Self {
            robots: RobotsGate::new(&transport, usual.robots)?,
            breaker: Breaker::new(breaker, Instant::now()),
            limiter: RateLimiter::new(RateConfig { per_second: config.per_minute / 60.0, ..usual.rate }),
            pool: Pool::new(config.clone()),
            base,
            clock,
            config,
        })
    }

    /// The process id of the chromedriver that was started here, while it runs.
    pub async fn driver_pid(&self) -> Option<u32> {
        self.pool.driver().pid().await
    }

    /// Whether the route rests, and why.
    pub fn breaker(&self) -> BreakerSnapshot {
        self.breaker.snapshot(&self.clock, Instant::now())
    }

    pub(super) fn config(&self) -> &BrowserConfig {
        &self.config
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) fn address(&self, target: &Target) -> Url {
        target.address(&self.base)
    }

    /// Asks our own rules for leave to read a target: robots.txt for the page and for the list that it calls, then the
    /// breaker.
    pub(super) async fn admit(&self, target: &Target, address: &Url) -> Result<Permit<'_>, ClientFault> {
        self.obey_robots(target, address).await?;
        if let Some(list) = target.kind().list() {
            let mut call = self.base.clone();
            call.set_path(&format!("{list}/"));
            self.obey_robots(target, &call).await?;
        }
        self.breaker.admit(Instant::now()).map_err(|rejected| {
            let class = if rejected.refused { Class::Resting } else { Class::CircuitOpen };
            let fault = Self::fault(class, target, address, &rejected.reason);
            ClientFault { retry_at: Some(self.at(rejected.until)), ..fault }
        })
    }

    async fn obey_robots(&self, target: &Target, address: &Url) -> Result<(), ClientFault> {
        let fault = |details: &str| Self::fault(Class::Policy, target, address, details);
        match self.robots.check(address).await {
            Verdict::Allowed { delay } => {
                let rate = delay.map(|delay| 1.0 / delay.as_secs_f64()).filter(|rate| rate.is_finite());
                rate.into_iter().for_each(|rate| self.limiter.bucket().limit(rate, Instant::now()));
                Ok(())
            }
            Verdict::Disallowed { rule } => Err(fault(&format!("robots.txt disallows `{rule}`"))),
            Verdict::Unreachable { until } => {
                let fault = fault("robots.txt cannot be read, so nothing is asked for");
                Err(ClientFault { retry_at: Some(self.at(until)), ..fault })
            }
        }
    }

    /// The caller's time at an instant to come.
    fn at(&self, instant: Instant) -> Timestamp {
        let ahead = instant.saturating_duration_since(Instant::now());
        let micros = i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.clock.now().0.saturating_add(micros))
    }

    /// Waits until another page may be shown.
    pub(super) async fn pace(&self) {
        self.limiter.acquire().await;
    }

    /// Tells the breaker what became of a visit; gives the fault with the time of the next probe.
    pub(super) fn settle(&self, permit: Permit<'_>, met: Option<ClientFault>) -> Option<ClientFault> {
        let reason = met.as_ref().map(|fault| format!("{}: {}", fault.class, fault.context.details));
        let outcome = match (met.as_ref().map(|fault| fault.class.group()), reason.as_deref()) {
            (None | Some(Group::Entity), _) => Outcome::Good,
            // A visitor who comes too often is told so on a page: nothing says when he may come again.
            (Some(Group::Block | Group::Limit), Some(reason)) => Outcome::Blocked(reason),
            (Some(Group::Trouble | Group::Format), Some(reason)) => Outcome::Trouble(reason),
            _ => Outcome::Neutral,
        };
        permit.settle(outcome, Instant::now());
        met.map(|fault| ClientFault { retry_at: fault.retry_at.or_else(|| self.breaker().next_probe), ..fault })
    }

    pub(super) fn fault(class: Class, target: &Target, address: &Url, details: &str) -> ClientFault {
        let operation = format!("browser {}", target.kind().name());
        ClientFault::new(class, Route::Browser, &operation, address.to_string(), details)
    }
}
