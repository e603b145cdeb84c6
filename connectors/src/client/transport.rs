//! The connection: pool, time-outs, honest name, bounded bodies.

use super::fault::Class;
use super::profile::Route;
use bytes::{Bytes, BytesMut};
use reqwest::redirect::{Attempt, Policy};
use std::time::Duration;

/// The product token: what robots.txt files call us (RFC 9309 §2.2.1).
pub const PRODUCT: &str = "tidelake";

/// Redirects followed in a row.
const HOPS: usize = 5;

/// Which redirects are followed. On public-web routes none is, whatever is set: robots.txt is asked for each address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// None.
    Never,
    /// Those that stay on the host.
    #[default]
    SameHost,
    /// All, up to five.
    Any,
}

/// The connections of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportConfig {
    /// Where the operator can be reached, e.g. `https://lab.example/tidelake`; sent with every request.
    pub contact: Option<String>,
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// One request, from connecting to the last byte.
    pub request_timeout: Duration,
    /// Idle connections kept per host.
    pub idle_connections: usize,
    /// … for this long.
    pub idle_timeout: Duration,
    /// Requests at the same time (S143).
    pub in_flight: usize,
    /// Longer bodies are refused, in bytes.
    pub max_body: usize,
    /// Which redirects are followed.
    pub redirects: Redirects,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            contact: None,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            idle_connections: 5,
            idle_timeout: Duration::from_secs(90),
            in_flight: 5,
            max_body: 16 << 20,
            redirects: Redirects::default(),
        }
    }
}

impl TransportConfig {
    /// `tidelake/<version> (+<contact>)`: who we are, the same for every request.
    pub fn user_agent(&self) -> String {
        let name = format!("{PRODUCT}/{}", env!("CARGO_PKG_VERSION"));
        match self.contact.as_deref().map(str::trim).filter(|contact| !contact.is_empty()) {
            Some(contact) => format!("{name} (+{contact})"),
            None => name,
        }
    }

    /// A client for a route. Cookies are never kept: reqwest is built without its cookie store.
    pub(super) fn client(&self, route: Route) -> Result<reqwest::Client, reqwest::Error> {
        let redirects = if route.is_web() { Redirects::Never } else { self.redirects };
        self.builder().redirect(redirects.policy()).build()
    }

    /// A client for what is no route to observations.
    pub(crate) fn plain_client(&self) -> Result<reqwest::Client, reqwest::Error> {
        self.builder().redirect(self.redirects.policy()).build()
    }

    /// A client for robots.txt files, for which five redirects are followed across hosts (RFC 9309 §2.3.1.2).
    pub(super) fn robots_client(&self) -> Result<reqwest::Client, reqwest::Error> {
        self.builder().redirect(Policy::limited(HOPS)).build()
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .user_agent(self.user_agent())
            // A referrer could carry secrets of the address before.
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .timeout(self.request_timeout)
            .pool_max_idle_per_host(self.idle_connections)
            .pool_idle_timeout(self.idle_timeout)
    }
}

impl Redirects {
    fn policy(self) -> Policy {
        match self {
            Self::Never => Policy::none(),
            Self::SameHost => Policy::custom(|attempt| follow(attempt, true)),
            Self::Any => Policy::custom(|attempt| follow(attempt, false)),
        }
    }
}

/// What is not followed is handed on as it came, and judged there.
fn follow(attempt: Attempt<'_>, same_host: bool) -> reqwest::redirect::Action {
    let origin =
        |url: &url::Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    let first = attempt.previous().first().map(origin);
    let leaves = first.is_some_and(|first| first != origin(attempt.url()));
    let login = attempt.url().path().starts_with("/login");
    if attempt.previous().len() > HOPS || login || (same_host && leaves) { attempt.stop() } else { attempt.follow() }
}

/// What a transport error means, and its causes in words. Without the address, which may carry secrets.
pub(crate) fn transport_fault(error: &reqwest::Error) -> (Class, String) {
    let mut text = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    // reqwest has no predicate for this: rustls speaks through an I/O error.
    let marks = ["certificate", "fatal alert", "corrupt message", "handshake"];
    // A connection that does not come about says nothing of the request.
    let (class, what) = if error.is_timeout() && !error.is_connect() {
        (Class::Timeout, "no answer in time")
    } else if error.is_builder() {
        (Class::RequestInvalid, "the request cannot be sent")
    } else if marks.into_iter().any(|mark| text.to_lowercase().contains(mark)) {
        (Class::Tls, "no secure connection")
    } else if error.is_connect() {
        (Class::Network, "no connection")
    } else {
        (Class::Network, "the connection broke")
    };
    (class, format!("{what}{text}"))
}

/// The body, or as much of it as is wanted; whether there was more.
pub(crate) async fn read_body(answer: &mut reqwest::Response, max: usize) -> Result<(Bytes, bool), reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        let room = max - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((body.freeze(), true));
        }
    }
    Ok((body.freeze(), false))
}
