//! Requests to the Research API, with every fault waited out that can be.

use super::config::{Patience, ResearchConfig};
use super::fault::Trouble;
use super::quota::{Quota, reset_after};
use super::request::{Purse, Refusal, Reply, Request};
use super::token::{Token, TokenSource};
use crate::source::{Fault, FaultClass};
use secrecy::ExposeSecret;
use std::time::{Duration, Instant};
use tidelake_schemas::Timestamp;

/// A client of one research project. Tasks that share it share its token and its quota.
#[derive(Debug)]
pub struct ResearchClient {
    config: ResearchConfig,
    http: reqwest::Client,
    tokens: TokenSource,
    quota: Quota,
    follows: Quota,
}

/// The caller's clock, running on from the instant it named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Timestamp,
    since: Instant,
}

impl Clock {
    pub(super) fn starting_at(start: Timestamp) -> Self {
        Self { start, since: Instant::now() }
    }

    pub(super) fn now(&self) -> Timestamp {
        let micros = i64::try_from(self.since.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.start.0.saturating_add(micros))
    }
}

/// One attempt that brought no data.
struct Failure {
    trouble: Trouble,
    message: String,
    retry_after: Option<Duration>,
    /// A fault that is to be handed on as it is.
    fault: Option<Fault>,
}

impl ResearchClient {
    /// A client. Sends nothing yet.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new(config: ResearchConfig) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("tidelake/", env!("CARGO_PKG_VERSION")))
            .timeout(config.patience.request_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let tokens = TokenSource::new(http.clone(), &config);
        let (quota, follows) = (Quota::new(config.daily_quota), Quota::new(config.daily_follow_quota));
        Ok(Self { config, http, tokens, quota, follows })
    }

    /// What a request is taken from; `None` when it is not counted.
    fn purse(&self, purse: Purse) -> Option<&Quota> {
        match purse {
            Purse::Common => Some(&self.quota),
            Purse::Follows => Some(&self.follows),
            Purse::Validation => self.config.validation_in_quota.then_some(&self.quota),
        }
    }

    /// How faults are waited out.
    pub(super) fn patience(&self) -> &Patience {
        &self.config.patience
    }

    /// Asks for a new token: says whether the credentials are good, without spending quota.
    pub(super) async fn check_credentials(&self) -> Result<(), Fault> {
        self.tokens.fresh().await.map(|_| ())
    }

    /// Sends a request until there is an answer or a fault outlasts its budget.
    pub(super) async fn call<T>(&self, request: &Request<'_, T>, clock: &Clock) -> Reply<T> {
        let mut run = Run::new(&self.config.patience);
        loop {
            let failure = match self.attempt(request, clock, &mut run).await {
                Ok(data) => return run.reply(clock, Ok(data)),
                Err(failure) => failure.within(request.narrowable),
            };
            let Some(delay) = run.wait(&failure) else {
                let refusal = refusal(request.route, failure, run.requests, clock.now());
                return run.reply(clock, Err(refusal));
            };
            tracing::info!(route = request.route, fault = failure.message, wait = ?delay, "waiting out a fault");
            run.survived = Some(failure.message);
            tokio::time::sleep(delay).await;
        }
    }

    /// One request; two when its token is refused.
    async fn attempt<T>(&self, request: &Request<'_, T>, clock: &Clock, run: &mut Run<'_>) -> Result<T, Failure> {
        let token = self.tokens.get().await.map_err(Failure::of_token)?;
        let failure = match self.send(request, &token, clock, run).await {
            Err(failure) if failure.trouble == Trouble::Token && !run.renewed => failure,
            answer => return answer,
        };
        run.renewed = true;
        run.survived = Some(failure.message);
        let token = self.tokens.replace(&token).await.map_err(Failure::of_token)?;
        self.send(request, &token, clock, run).await
    }

    async fn send<T>(
        &self,
        request: &Request<'_, T>,
        token: &Token,
        clock: &Clock,
        run: &mut Run<'_>,
    ) -> Result<T, Failure> {
        if let Some(quota) = self.purse(request.purse)
            && !quota.spend(clock.now())
        {
            let message = format!("the daily quota of {} requests is spent", quota.limit());
            return Err(Failure::new(Trouble::Quota, message));
        }
        run.requests += 1;
        let (content_type, body) = request.body.write();
        let fields = Some(("fields", request.fields)).filter(|(_, fields)| !fields.is_empty());
        let answer = self
            .http
            .post(self.config.url(&format!("v2/research/{}/", request.route)))
            .query(fields.as_slice())
            .bearer_auth(token.secret.expose_secret())
            .header(reqwest::header::CONTENT_TYPE, content_type)
            .body(body)
            .send()
            .await?;
        let (status, retry_after) = (answer.status().as_u16(), retry_after(&answer));
        let bytes = answer.bytes().await?;
        (request.open)(status, &bytes).map_err(|(trouble, message)| {
            let message = message.replace(token.secret.expose_secret(), "***");
            Failure { retry_after, ..Failure::new(trouble, message) }
        })
    }
}

impl Failure {
    fn new(trouble: Trouble, message: String) -> Self {
        Self { trouble, message, retry_after: None, fault: None }
    }

    /// A token that is not to be had: waited out like trouble of the server, or handed on.
    fn of_token(fault: Fault) -> Self {
        let trouble = match fault.class {
            FaultClass::Transient => Trouble::Server,
            FaultClass::Limited | FaultClass::Blocked => Trouble::Rate,
            FaultClass::Auth => Trouble::Token,
            FaultClass::Request | FaultClass::Format => Trouble::Format,
        };
        Self { fault: Some(fault.clone()), ..Self::new(trouble, format!("{}: {}", fault.operation, fault.message)) }
    }

    /// A time-out is trouble of the server where no narrower request can be made.
    fn within(mut self, narrowable: bool) -> Self {
        if self.trouble == Trouble::Timeout && !narrowable {
            self.trouble = Trouble::Server;
        }
        self
    }
}

/// No answer in time says of a query what a gateway's 504 says: it is too broad.
impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        let too_broad = error.is_timeout() && !error.is_connect();
        let trouble = if too_broad { Trouble::Timeout } else { Trouble::Server };
        Self::new(trouble, transport(&error))
    }
}

/// The waits of one call.
struct Run<'a> {
    patience: &'a Patience,
    requests: i32,
    survived: Option<String>,
    renewed: bool,
    stale: u32,
    server: u32,
    server_waited: Duration,
    rate: u32,
}

impl<'a> Run<'a> {
    fn new(patience: &'a Patience) -> Self {
        Self {
            patience,
            requests: 0,
            survived: None,
            renewed: false,
            stale: 0,
            server: 0,
            server_waited: Duration::ZERO,
            rate: 0,
        }
    }

    /// How long to wait before the same request is sent again; `None` when it is not.
    fn wait(&mut self, failure: &Failure) -> Option<Duration> {
        match failure.trouble {
            Trouble::Stale => {
                self.stale += 1;
                (self.stale < self.patience.stale_attempts).then(|| self.patience.stale_delay * self.stale)
            }
            Trouble::Rate => {
                self.rate += 1;
                let delay = failure.retry_after.unwrap_or(self.patience.rate_delay).min(self.patience.server_budget);
                (self.rate < self.patience.rate_attempts).then_some(delay)
            }
            Trouble::Server => self.wait_for_server(),
            _ => None,
        }
    }

    fn wait_for_server(&mut self) -> Option<Duration> {
        let patience = self.patience;
        let doubled = patience.server_delay.saturating_mul(1 << self.server.min(20));
        let delay = jitter(doubled.min(patience.server_delay_max));
        self.server += 1;
        self.server_waited += delay;
        let left = self.server < patience.server_attempts && self.server_waited <= patience.server_budget;
        left.then_some(delay)
    }

    fn reply<T>(self, clock: &Clock, outcome: Result<T, Refusal>) -> Reply<T> {
        Reply { requests: self.requests, survived: self.survived, at: clock.now(), outcome }
    }
}

/// What is left to do when a failure is not waited out.
fn refusal(route: &str, failure: Failure, requests: i32, now: Timestamp) -> Refusal {
    let Failure { trouble, message, retry_after, fault } = failure;
    if trouble == Trouble::Quota {
        return Refusal::Quota(message, reset_after(now));
    }
    let retry_at = matches!(trouble, Trouble::Rate | Trouble::Server | Trouble::Stale | Trouble::Timeout)
        .then(|| now.plus_secs(retry_after.map_or(60, |wait| i64::try_from(wait.as_secs()).unwrap_or(60))));
    let fault = match fault {
        Some(fault) => Fault { requests, retry_at, ..fault },
        None => trouble.fault(&format!("research {route}"), message, requests, retry_at),
    };
    match trouble {
        Trouble::Stale => Refusal::Stale(fault),
        Trouble::Timeout => Refusal::Timeout(fault),
        Trouble::Request => Refusal::Request(fault),
        _ => Refusal::Fault(fault),
    }
}

/// `Retry-After` in seconds, the only form TikTok is known to send.
fn retry_after(answer: &reqwest::Response) -> Option<Duration> {
    let text = answer.headers().get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// Between half of the delay and all of it, so that tasks which failed together do not come back together.
fn jitter(delay: Duration) -> Duration {
    // A random UUID is the house's source of randomness outside the sandbox.
    let random = uuid::Uuid::new_v4().as_fields().0;
    delay.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

/// A transport error with its causes. Its URL carries no secret, but says nothing either.
pub(super) fn transport(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    let mut text = what.to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(trouble: Trouble, patience: &Patience) -> Vec<Duration> {
        let mut run = Run::new(patience);
        std::iter::from_fn(|| run.wait(&Failure::new(trouble, String::new()))).take(99).collect()
    }

    #[test]
    fn a_refused_search_id_is_repeated_with_growing_delay() {
        let secs: Vec<_> = waits(Trouble::Stale, &Patience::default()).iter().map(Duration::as_secs).collect();
        assert_eq!(secs, [5, 10, 15, 20, 25]);
    }

    #[test]
    fn trouble_of_the_server_is_waited_out_within_a_budget() {
        let patience = Patience { server_attempts: 99, ..Patience::default() };
        let waits = waits(Trouble::Server, &patience);
        assert!(waits[0] >= Duration::from_secs(1) && waits[0] <= Duration::from_secs(2));
        assert!(waits.iter().all(|wait| *wait <= patience.server_delay_max));
        assert!(waits.iter().sum::<Duration>() <= patience.server_budget);
        assert!(waits.len() < 20);
    }

    #[test]
    fn the_rest_is_not_waited_out() {
        for trouble in [Trouble::Request, Trouble::Quota, Trouble::Timeout, Trouble::Scope, Trouble::Format] {
            assert!(waits(trouble, &Patience::default()).is_empty());
        }
    }
}
