//! Requests: one GET per card over the shared client layer, one HEAD per short link.

use super::ROUTE;
use super::answer::{Verdict, read};
use super::config::OembedConfig;
use super::records::thumbnail;
use super::source::SetupError;
use crate::client::rate::RateLimiter;
use crate::client::retry::Retry;
use crate::client::{
    Class, ClientFault, Clock, Expect, HttpClient, Profile, Request, Route, Snapshot, ToldClock, wire,
};
use crate::links::Link;
use crate::links::resolve::{Outcome, ResolveError, Resolver, client};
use crate::media::Format;
use crate::source::Fault;
use std::time::Duration;
use tidelake_schemas::Timestamp;
use tokio::time::Instant;
use url::Url;

/// A client of the oEmbed route. Tasks that share it share its rate and its breaker.
#[derive(Debug)]
pub struct OembedClient {
    config: OembedConfig,
    base: Url,
    http: HttpClient,
    resolver: Resolver,
    /// How fast short links are asked for.
    pace: RateLimiter,
    told: ToldClock,
    clock: Clock,
}

/// What the requests of one poll cost.
#[derive(Clone, Debug, Default)]
pub(super) struct Spent {
    pub(super) requests: i32,
    /// The last fault that was waited out.
    pub(super) survived: Option<String>,
}

impl Spent {
    fn add(&mut self, requests: u32) {
        self.requests = self.requests.saturating_add(i32::try_from(requests).unwrap_or(i32::MAX));
    }
}

impl OembedClient {
    /// A client. Sends nothing yet. It follows no redirects and keeps no cookies; its time is that of the polls.
    ///
    /// # Errors
    /// When the address is none or the TLS library cannot be set up.
    pub fn new(config: OembedConfig) -> Result<Self, SetupError> {
        Self::going_by(config, ToldClock::default())
    }

    /// As [`Self::new`], with a clock of the caller's.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn going_by(config: OembedConfig, told: ToldClock) -> Result<Self, SetupError> {
        let given = &config.base_url;
        let mut base = wire::address(given).map_err(|why| SetupError::Address { given: given.clone(), why })?;
        base.set_path("oembed");
        let grant = Profile::LinkOnly.grant(Route::Oembed, None)?;
        let http = HttpClient::new(grant, config.http(), told.clock())?;
        let resolver = Resolver::new(client(config.request_timeout)?);
        let resolver = match config.stand_in() {
            Some(base) => resolver.with_base_url(base),
            None => resolver,
        };
        let (pace, clock) = (RateLimiter::new(config.rate()), told.clock());
        Ok(Self { config, base, http, resolver, pace, told, clock })
    }

    /// What it is doing: rate, breaker, counts.
    pub fn snapshot(&self) -> Snapshot {
        self.http.snapshot()
    }

    /// It is this time now.
    pub(super) fn tell(&self, now: Timestamp) {
        self.told.tell(now);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Asks for the card of an address.
    pub(super) async fn card(&self, address: &str, spent: &mut Spent) -> Result<Verdict, ClientFault> {
        let mut url = self.base.clone();
        url.query_pairs_mut().append_pair("url", address);
        let answer = self.http.send(Request { expect: Expect::json(), ..Request::get(ROUTE, url) }).await;
        spent.add(answer.as_ref().map_or_else(|fault| fault.requests, |answer| answer.requests));
        if let Some(survived) = answer.as_ref().ok().and_then(|answer| answer.survived.clone()) {
            spent.survived = Some(survived);
        }
        read(answer)
    }

    /// A fresh address of the thumbnail of a video; `None` when the route gives none.
    ///
    /// # Errors
    /// When the route does not answer now.
    pub async fn thumbnail(&self, address: &str) -> Result<Option<Format>, Fault> {
        let mut spent = Spent::default();
        match self.card(address, &mut spent).await {
            Ok(Verdict::Card(answer)) => Ok(thumbnail(&answer)),
            Ok(Verdict::Refused(_)) => Ok(None),
            Err(fault) => Err(Fault { requests: spent.requests, ..fault.into() }),
        }
    }

    /// A short link that TikTok refuses to resolve for us: the poll ends, and goes on after the pause that follows any block.
    pub(super) fn blocked(&self, link: &Link, class: Class, why: &str) -> ClientFault {
        let rest = i64::try_from(self.config.block_pause.as_secs()).unwrap_or(i64::MAX / 2_000_000);
        ClientFault { retry_at: Some(self.now().plus_secs(rest)), ..short_link(link, class, why) }
    }

    /// Asks where a short link leads.
    pub(super) async fn resolve(&self, link: &Link, spent: &mut Spent) -> Result<Outcome, ClientFault> {
        let config = self.config.retry();
        let mut retry = Retry::new(&config, Instant::now());
        loop {
            self.pace.acquire().await;
            let error = match self.resolver.resolve(link).await {
                Ok(resolution) => {
                    spent.add(resolution.requests);
                    return Ok(resolution.outcome);
                }
                Err(error) => error,
            };
            spent.add(1);
            let (class, asked) = told_by(&error);
            let Some(wait) = retry.next(class, asked, Instant::now()) else {
                let fault = short_link(link, class, &error.to_string());
                let retry_at = asked.and_then(|wait| i64::try_from(wait.as_secs()).ok());
                return Err(ClientFault { retry_at: retry_at.map(|wait| self.now().plus_secs(wait)), ..fault });
            };
            spent.survived = Some(error.to_string());
            self.clock.sleep(wait).await;
        }
    }
}

fn short_link(link: &Link, class: Class, why: &str) -> ClientFault {
    ClientFault::new(class, Route::ShortLink, "short link", link.canonical(), why)
}

/// What is the matter with a short link, and how long TikTok says to wait.
fn told_by(error: &ResolveError) -> (Class, Option<Duration>) {
    match error {
        ResolveError::Transport { .. } => (Class::Network, None),
        ResolveError::Server { .. } => (Class::Server, None),
        ResolveError::Limited { retry_after, .. } => (Class::RateLimited, *retry_after),
        ResolveError::Client => (Class::FormatDrift, None),
    }
}
