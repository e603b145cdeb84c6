//! Fetching a file: through the client layer, as everything that is asked of a source.

use super::Format;
use crate::client::fault::Class;
use crate::client::{ClientConfig, ClientFault, Clock, Expect, Grant, HttpClient, Request, Response, Route, Snapshot};
use bytes::Bytes;
use std::time::Duration;
use tidelake_schemas::Timestamp;
use url::Url;

/// Of routes that are no public pages: files come from hosts that are made for them. The rate falls when they are slow.
const FILES_PER_SECOND: f64 = 20.0;

/// How files are fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchSettings {
    /// At the same time.
    pub parallel: usize,
    /// Longer ones are refused. At most `parallel` of them are in memory.
    pub max_bytes: usize,
    /// How often again after a fault that passes by itself.
    pub retries: u32,
    /// The first wait before that.
    pub retry_delay: Duration,
    /// Where the operator can be reached; sent along on routes to public pages.
    pub contact: Option<String>,
    /// Files per minute on routes to public pages.
    pub web_per_minute: f64,
}

/// Fetches the files that one route names: with that route's leave, rate and breaker, and robots.txt on public pages.
#[derive(Debug)]
pub struct MediaClient {
    http: HttpClient,
    route: Route,
    clock: Clock,
}

impl MediaClient {
    /// A client. Sends nothing yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(grant: Grant, settings: &FetchSettings, clock: Clock) -> Result<Self, reqwest::Error> {
        let mut config = ClientConfig::of(grant.route(), "media");
        // The day's quota is that of the API; files come from other hosts.
        config.budget = None;
        config.transport.contact.clone_from(&settings.contact);
        config.transport.max_body = settings.max_bytes;
        if grant.route().is_web() {
            config.rate.per_second = settings.web_per_minute / 60.0;
        } else {
            config.transport.in_flight = settings.parallel;
            config.rate.per_second = FILES_PER_SECOND;
            config.rate.burst = FILES_PER_SECOND;
        }
        config.retry.attempts = settings.retries.saturating_add(1);
        config.retry.base = settings.retry_delay;
        Ok(Self { http: HttpClient::new(grant, config, clock.clone())?, route: grant.route(), clock })
    }

    /// What the client is doing.
    pub fn snapshot(&self) -> Snapshot {
        self.http.snapshot()
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Fetches a file. A page or a text in its place is a refusal. `renewed`: the address was given just now, so that a
    /// 403 is a refusal; else it means that the address has ended ([`Class::NotFound`]), and nothing is sent at all when
    /// it says so itself.
    ///
    /// # Errors
    /// The last fault.
    pub async fn fetch(&self, format: &Format, renewed: bool) -> Result<Bytes, ClientFault> {
        const OPERATION: &str = "fetch media";
        let fault = |class, why: &str| ClientFault::new(class, self.route, OPERATION, String::new(), why);
        if format.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(fault(Class::NotFound, "its address has ended"));
        }
        let url = Url::parse(&format.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| fault(Class::FormatDrift, "its address is none of http or https"))?;
        let request = Request { expect: Expect::file(renewed), ..Request::get(OPERATION, url) };
        self.http.send(request).await.map(|Response { body, .. }| body)
    }
}
