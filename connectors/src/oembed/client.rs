//! Requests: one GET per card, one HEAD per short link, one after the other.

use super::answer::{Raw, Trouble, TroubleKind, Verdict, read};
use super::config::OembedConfig;
use super::records::thumbnail;
use crate::links::Link;
use crate::links::resolve::{Outcome, ResolveError, Resolver, client};
use crate::media::Format;
use crate::source::Fault;
use reqwest::header::{LOCATION, RETRY_AFTER};
use std::time::Duration;

/// A client of the oEmbed route. Sends one request at a time per poll.
#[derive(Clone, Debug)]
pub struct OembedClient {
    config: OembedConfig,
    http: reqwest::Client,
    resolver: Resolver,
}

/// What the requests of one poll cost.
#[derive(Clone, Debug, Default)]
pub(super) struct Spent {
    pub(super) requests: i32,
    /// The last fault that was waited out.
    pub(super) survived: Option<String>,
}

impl OembedClient {
    /// A client. Sends nothing yet. It follows no redirects and keeps no cookies.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new(config: OembedConfig) -> Result<Self, reqwest::Error> {
        let http = client(config.request_timeout)?;
        let resolver = Resolver::new(http.clone());
        let resolver = match config.stand_in() {
            Some(base) => resolver.with_base_url(base),
            None => resolver,
        };
        Ok(Self { config, http, resolver })
    }

    pub(super) fn config(&self) -> &OembedConfig {
        &self.config
    }

    /// Asks for the card of an address, again while the server is in trouble.
    pub(super) async fn card(&self, address: &str, spent: &mut Spent) -> Verdict {
        let mut attempt = 0;
        loop {
            self.pause(spent).await;
            spent.requests += 1;
            let verdict = self.get(address).await;
            attempt += 1;
            match verdict {
                Verdict::Trouble(trouble) if self.waits(&trouble, attempt) => {
                    self.wait_out(trouble, attempt, spent).await
                }
                verdict => return verdict,
            }
        }
    }

    /// A fresh address of the thumbnail of a video; `None` when the route gives none.
    ///
    /// # Errors
    /// When the route does not answer now.
    pub async fn thumbnail(&self, address: &str) -> Result<Option<Format>, Fault> {
        let mut spent = Spent::default();
        match self.card(address, &mut spent).await {
            Verdict::Card(answer) => Ok(thumbnail(&answer)),
            Verdict::Refused(_) => Ok(None),
            Verdict::Trouble(trouble) => Err(trouble.fault(spent.requests, None)),
        }
    }

    /// Asks where a short link leads, again while the server is in trouble.
    pub(super) async fn resolve(&self, link: &Link, spent: &mut Spent) -> Result<Outcome, Trouble> {
        let mut attempt = 0;
        loop {
            self.pause(spent).await;
            let error = match self.resolver.resolve(link).await {
                Ok(resolution) => {
                    spent.requests += i32::try_from(resolution.requests).unwrap_or(i32::MAX);
                    return Ok(resolution.outcome);
                }
                Err(error) => error,
            };
            spent.requests += 1;
            attempt += 1;
            let trouble = Trouble::from(error);
            if !self.waits(&trouble, attempt) {
                return Err(trouble);
            }
            self.wait_out(trouble, attempt, spent).await;
        }
    }

    async fn get(&self, address: &str) -> Verdict {
        match self.send(address).await {
            Ok(raw) => read(&raw),
            Err(error) => {
                let what = if error.is_timeout() { "no answer in time" } else { "the connection failed or broke" };
                Verdict::Trouble(Trouble { kind: TroubleKind::Server, message: what.into(), retry_after: None })
            }
        }
    }

    async fn send(&self, address: &str) -> reqwest::Result<Raw> {
        let route = format!("{}/oembed", self.config.base());
        let answer = self.http.get(route).query(&[("url", address)]).send().await?;
        let header = |name| Some(answer.headers().get(name)?.to_str().ok()?.trim().to_owned());
        let (status, location) = (answer.status().as_u16(), header(LOCATION));
        let retry_after = header(RETRY_AFTER).and_then(|text| text.parse().ok()).map(Duration::from_secs);
        Ok(Raw { status, location, retry_after, body: answer.bytes().await?.to_vec() })
    }

    fn waits(&self, trouble: &Trouble, attempt: u32) -> bool {
        trouble.kind == TroubleKind::Server && attempt < self.config.attempts
    }

    async fn wait_out(&self, trouble: Trouble, attempt: u32, spent: &mut Spent) {
        let delay = self.config.retry_delay.saturating_mul(1 << attempt.saturating_sub(1).min(10));
        tracing::info!(fault = trouble.message, wait = ?delay, "waiting out a fault of oembed");
        spent.survived = Some(trouble.message);
        tokio::time::sleep(delay).await;
    }

    async fn pause(&self, spent: &Spent) {
        if spent.requests > 0 {
            tokio::time::sleep(self.config.pause).await;
        }
    }
}

impl From<ResolveError> for Trouble {
    fn from(error: ResolveError) -> Self {
        let message = error.to_string();
        let (kind, retry_after) = match error {
            ResolveError::Transport { .. } | ResolveError::Server { .. } => (TroubleKind::Server, None),
            ResolveError::Limited { retry_after, .. } => (TroubleKind::Limited, retry_after),
            ResolveError::Client => (TroubleKind::Format, None),
        };
        Self { kind, message, retry_after }
    }
}
