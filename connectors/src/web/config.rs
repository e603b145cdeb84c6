//! How public pages are asked for.

use crate::client::rate::RateConfig;
use crate::client::transport::TransportConfig;
use crate::client::{Acknowledgement, ClientConfig, Route};
use crate::research::duration;
use serde::Deserialize;
use std::time::Duration;

/// Where the website lives.
pub const BASE_URL: &str = "https://www.tiktok.com";

/// The HTTP route to public pages. Durations are written as `250ms`, `5s`, `2m` or `1h`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct WebConfig {
    /// Scheme and host, without a path.
    pub base_url: String,
    /// Who approved that public pages are read, when and for what. Without it the route stays closed.
    pub acknowledgement: Option<Acknowledgement>,
    /// Where the operator can be reached, e.g. `https://lab.example/tidelake`; sent with every request.
    pub contact: Option<String>,
    /// Pages per minute, when all is well.
    pub per_minute: f64,
    /// One request, from connecting to the last byte.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// Requests in a row for one page while the server is in trouble.
    pub attempts: u32,
    /// The first wait after trouble of the server; doubles each time.
    #[serde(deserialize_with = "duration")]
    pub retry_delay: Duration,
    /// How long the route rests after the first refusal; twice as long after each further one.
    #[serde(deserialize_with = "duration")]
    pub block_rest: Duration,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            base_url: BASE_URL.into(),
            acknowledgement: None,
            contact: None,
            per_minute: 12.0,
            request_timeout: Duration::from_secs(30),
            attempts: 2,
            retry_delay: Duration::from_secs(2),
            block_rest: Duration::from_secs(6 * 3600),
        }
    }
}

impl WebConfig {
    /// The client layer's settings.
    pub(super) fn client(&self) -> ClientConfig {
        let usual = ClientConfig::of(Route::Web, "public");
        let rate = RateConfig { per_second: self.per_minute / 60.0, ..usual.rate.clone() };
        let transport = TransportConfig {
            contact: self.contact.clone(),
            request_timeout: self.request_timeout,
            ..usual.transport.clone()
        };
        let mut config = ClientConfig { rate, transport, ..usual };
        config.retry.attempts = self.attempts.max(1);
        config.retry.base = self.retry_delay;
        config.breaker.blocked = self.block_rest;
        config.breaker.blocked_max = config.breaker.blocked_max.max(self.block_rest);
        config
    }
}
