//! The client: cache → robots.txt → breaker → bucket → budget → send → classify → retry.

use super::breaker::{Breaker, BreakerConfig, Outcome};
use super::budget::{Budget, BudgetConfig, Denied, reset_after};
use super::cache::{CacheConfig, CacheKey, ResponseCache};
use super::clock::{Clock, later};
use super::exchange::{Bad, Good, exchange};
use super::fault::{Class, ClientFault, Group};
use super::lease::{self, LendError, Lender, LocalLender};
use super::profile::{Grant, Route};
use super::rate::{Feedback, RateConfig, RateLimiter};
use super::redact;
use super::retry::{Retry, RetryConfig, retry_after};
use super::robots::{RobotsConfig, RobotsGate, Verdict};
use super::snapshot::{Counter, Snapshot};
use super::transport::TransportConfig;
use super::usage::Usage;
use super::wire::{Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// One client's settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientConfig {
    /// The credential's name (never the credential): budgets and cached answers belong to it.
    pub credential: String,
    /// Connections and the name we give ourselves.
    pub transport: TransportConfig,
    /// How fast.
    pub rate: RateConfig,
    /// How much per day; `None` for routes without a quota.
    pub budget: Option<BudgetConfig>,
    /// How often again.
    pub retry: RetryConfig,
    /// When to rest.
    pub breaker: BreakerConfig,
    /// What is kept.
    pub cache: CacheConfig,
    /// robots.txt, on public-web routes.
    pub robots: RobotsConfig,
}

/// A client of one route with one credential. Tasks share it, and with it rate, budget, breaker, pool and cache.
#[derive(Debug)]
pub struct HttpClient {
    route: Route,
    config: ClientConfig,
    clock: Clock,
    http: reqwest::Client,
    robots: Option<RobotsGate>,
    budget: Option<Budget>,
    breaker: Breaker,
    limiter: RateLimiter,
    cache: ResponseCache,
    in_flight: Semaphore,
    counter: Counter,
}

/// One request and what became of it so far.
struct Call<'a> {
    request: &'a Request,
    retry: Retry<'a>,
    requests: u32,
    survived: Option<String>,
}

/// An attempt that brought no answer.
struct Failed {
    fault: ClientFault,
    retry_after: Option<Duration>,
}

impl HttpClient {
    /// A client. Sends nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up, or the contact cannot stand in a header.
    pub fn new(grant: Grant, config: ClientConfig, clock: Clock) -> Result<Self, reqwest::Error> {
        let route = grant.route();
        let lender: Arc<dyn Lender> = Arc::<LocalLender>::default();
        let gate = route.is_web().then(|| RobotsGate::new(&config.transport, config.robots.clone()));
        Ok(Self {
            route,
            http: config.transport.client(route)?,
            robots: gate.transpose()?,
            budget: config.budget.clone().map(|budget| {
                let key = lease::key(route, &config.credential, budget.name);
                Budget::new(budget, key, lender)
            }),
            breaker: Breaker::new(config.breaker.clone(), Instant::now()),
            limiter: RateLimiter::new(config.rate.clone()),
            cache: ResponseCache::new(config.cache.clone()),
            in_flight: Semaphore::new(config.transport.in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            counter: Counter::default(),
            clock,
            config,
        })
    }

    /// Spends only what this lender lends: processes that share it share the budget, and a restart goes on with it.
    #[must_use]
    pub fn with_lender(self, lender: Arc<dyn Lender>) -> Self {
        Self { budget: self.budget.map(|budget| budget.with_lender(lender)), ..self }
    }

    /// Gives back what was lent and is not spent, at an orderly end.
    ///
    /// # Errors
    /// When the lender cannot be told; it then counts as spent.
    pub async fn give_back(&self) -> Result<(), LendError> {
        match &self.budget {
            Some(budget) => budget.give_back(self.clock.now()).await,
            None => Ok(()),
        }
    }

    /// What the client is doing.
    pub fn snapshot(&self) -> Snapshot {
        let (now, at) = (Instant::now(), self.clock.now());
        Snapshot {
            route: self.route,
            credential: self.config.credential.clone(),
            at,
            rate: self.limiter.bucket().snapshot(now),
            budget: self.budget.as_ref().map(|budget| budget.snapshot(at)),
            breaker: self.breaker.snapshot(&self.clock, now),
            cache: self.cache.snapshot(),
            in_flight: self.config.transport.in_flight.max(1).saturating_sub(self.in_flight.available_permits()),
            counts: self.counter.read(),
        }
    }

    /// Sends a request until there is an answer or a fault outlasts its budget. While the route rests, an answer past
    /// its time is given, marked [`Response::stale`], where one was kept.
    ///
    /// # Errors
    /// The last fault.
    pub async fn send(&self, request: Request) -> Result<Response, ClientFault> {
        let key = request.cache.map(|ttl| (CacheKey::of(&self.config.credential, &request), ttl));
        if let Some(kept) = key.and_then(|(key, _)| self.cache.get(key, Instant::now())) {
            return Ok(kept);
        }
        let retry = Retry::new(&self.config.retry, Instant::now());
        let mut call = Call { request: &request, retry, requests: 0, survived: None };
        match (self.run(&mut call).await, key) {
            (Ok(response), Some((key, ttl))) => {
                self.cache.put(key, ttl, &response, Instant::now());
                Ok(response)
            }
            (Err(fault), Some((key, _))) if matches!(fault.class, Class::CircuitOpen | Class::Resting) => {
                self.cache.get_stale(key, Instant::now()).ok_or(fault)
            }
            (result, _) => result,
        }
    }

    async fn run(&self, call: &mut Call<'_>) -> Result<Response, ClientFault> {
        self.obey_robots(call.request).await.inspect_err(|fault| self.counter.fault(fault.class))?;
        loop {
            let Failed { mut fault, retry_after } = match self.attempt(call).await {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            self.counter.fault(fault.class);
            let wait = call.retry.next(fault.class, retry_after, Instant::now());
            let Some(wait) = wait.filter(|_| call.request.repeats(fault.class)) else {
                fault.requests = call.requests;
                tracing::warn!(
                    route = %self.route, operation = call.request.operation, url = fault.context.url,
                    class = %fault.class, details = fault.context.details, requests = call.requests, "request failed"
                );
                return Err(fault);
            };
            tracing::info!(route = %self.route, class = %fault.class, ?wait, "waiting out a fault");
            call.survived = Some(format!("{}: {}", fault.class, fault.context.details));
            self.clock.sleep(wait).await;
        }
    }

    async fn obey_robots(&self, request: &Request) -> Result<(), ClientFault> {
        let Some(gate) = &self.robots else { return Ok(()) };
        match gate.check(&request.url).await {
            Verdict::Allowed { delay } => {
                let per_second = delay.map(|delay| 1.0 / delay.as_secs_f64()).filter(|rate| rate.is_finite());
                per_second.into_iter().for_each(|rate| self.limiter.bucket().limit(rate, Instant::now()));
                Ok(())
            }
            Verdict::Disallowed { rule } => {
                Err(self.fault(request, Class::Policy, &format!("robots.txt disallows `{rule}`")))
            }
            Verdict::Unreachable { until } => {
                let retry_at = Some(self.clock.at(until, Instant::now()));
                let fault = self.fault(request, Class::Policy, "robots.txt cannot be read, so nothing is asked for");
                Err(ClientFault { retry_at, ..fault })
            }
        }
    }

    /// One request, if breaker, rate and budget allow it. The budget comes last: what is spent is sent at once, and on
    /// the day that it is spent on.
    async fn attempt(&self, call: &mut Call<'_>) -> Result<Response, Failed> {
        let request = call.request;
        let _slot = self.in_flight.acquire().await;
        let permit = self.breaker.admit(Instant::now()).map_err(|rejected| {
            let class = if rejected.refused { Class::Resting } else { Class::CircuitOpen };
            let fault = self.fault(request, class, &rejected.reason);
            let retry_at = Some(self.clock.at(rejected.until, Instant::now()));
            Failed { fault: ClientFault { retry_at, ..fault }, retry_after: None }
        })?;
        let turn = self.limiter.acquire_by(call.retry.deadline()).await;
        turn.map_err(|wait| {
            let fault = self.fault(request, Class::RateLimited, "its turn would come too late");
            Failed {
                fault: ClientFault { retry_at: Some(later(self.clock.now(), wait)), ..fault },
                retry_after: Some(wait),
            }
        })?;
        if let Some(budget) = &self.budget {
            let taken = budget.take_units(request.units, request.priority, self.clock.now()).await;
            taken.map_err(|denied| self.denied(request, denied))?;
        }
        self.counter.request(call.requests > 0);
        call.requests += 1;

        let since = Instant::now();
        let result = exchange(&self.http, self.route, request, self.config.transport.max_body).await;
        let told = result
            .as_ref()
            .err()
            .map(|Bad { finding, .. }| (finding.class, format!("{}: {}", finding.class, finding.details)));
        let outcome = match &told {
            // The caller asks for something else then: it says nothing about the route.
            Some((class, _)) if request.hands_on.contains(class) => Outcome::Neutral,
            told => as_outcome(told.as_ref()),
        };
        permit.settle(outcome, Instant::now());
        self.limiter.bucket().feed(as_feedback(told.as_ref(), since.elapsed()), Instant::now());
        match result {
            Ok(good) => {
                if let Some(pause) = good.usage.and_then(Usage::pause) {
                    let now = Instant::now();
                    self.limiter.bucket().hold_until(now + pause, now);
                }
                Ok(self.response(good, call))
            }
            Err(bad) => Err(self.failed(request, bad).await),
        }
    }

    fn response(&self, good: Good, call: &mut Call<'_>) -> Response {
        Response {
            status: good.status,
            location: good.location,
            url: good.url,
            body: good.body,
            fingerprint: good.fingerprint,
            at: self.clock.now(),
            cached: false,
            stale: false,
            requests: call.requests,
            usage: good.usage,
            survived: call.survived.take(),
        }
    }

    /// The fault of an answer, and what it says about the time after it.
    async fn failed(&self, request: &Request, Bad { finding, status, retry_after: asked, pause }: Bad) -> Failed {
        let (instant, now) = (Instant::now(), self.clock.now());
        let asked = asked.and_then(|text| retry_after(&text, now)).or(pause);
        if let Some(asked) = asked.filter(|_| finding.class.passes_by_itself()) {
            // For everyone who shares this client.
            self.limiter.bucket().hold_until(instant + asked, instant);
        }
        let mut fault = self.fault(request, finding.class, &finding.details);
        fault.retry_at = match finding.class {
            Class::Quota => {
                if let Some(budget) = &self.budget {
                    budget.close(now).await;
                }
                Some(self.budget.as_ref().map_or_else(|| reset_after(now), |budget| budget.resets_at(now)))
            }
            _ => asked.map(|asked| later(now, asked)).max(self.breaker.snapshot(&self.clock, instant).next_probe),
        };
        fault.context.status = status;
        fault.context.code = finding.code;
        Failed { fault, retry_after: asked }
    }

    fn denied(&self, request: &Request, denied: Denied) -> Failed {
        let (class, details, retry_at) = match denied {
            Denied::Exhausted { resets_at, reserve_left: 0 } => {
                (Class::Quota, "the daily budget is spent".to_owned(), Some(resets_at))
            }
            Denied::Exhausted { resets_at, reserve_left } => {
                let details = format!("the daily budget is spent but for {reserve_left} requests kept for urgent work");
                (Class::Quota, details, Some(resets_at))
            }
            Denied::Unknown(error) => {
                (Class::Network, format!("not sent, for what is left of the daily budget is not known: {error}"), None)
            }
        };
        let fault = self.fault(request, class, &details);
        Failed { fault: ClientFault { retry_at, ..fault }, retry_after: None }
    }

    /// A fault without secrets.
    fn fault(&self, request: &Request, class: Class, details: &str) -> ClientFault {
        let url = redact::url(&request.url);
        ClientFault::new(class, self.route, &request.operation, url, &request.scrub(details))
    }
}

/// What the breaker is told.
fn as_outcome(fault: Option<&(Class, String)>) -> Outcome<'_> {
    match fault.map(|(class, reason)| (class.group(), reason)) {
        None | Some((Group::Entity | Group::Request, _)) => Outcome::Good,
        Some((Group::Block, reason)) => Outcome::Blocked(reason),
        Some((Group::Trouble | Group::Format, reason)) => Outcome::Trouble(reason),
        Some((Group::Limit | Group::Credential | Group::Policy | Group::Circuit, _)) => Outcome::Neutral,
    }
}

/// What the rate is told. A name that does not resolve is no overload.
fn as_feedback(fault: Option<&(Class, String)>, took: Duration) -> Feedback {
    match fault {
        Some((Class::RateLimited | Class::Server | Class::Maintenance | Class::Timeout, _)) => Feedback::Overloaded,
        _ => Feedback::Answered(took),
    }
}
