//! How to reach the oEmbed route.

use crate::client::breaker::BreakerConfig;
use crate::client::rate::RateConfig;
use crate::client::retry::RetryConfig;
use crate::client::transport::{Redirects, TransportConfig};
use crate::client::{ClientConfig, Route};
use crate::research::duration;
use serde::Deserialize;
use std::time::Duration;

/// Where the oEmbed route lives.
pub const BASE_URL: &str = "https://www.tiktok.com";

/// No request is waited for longer, retries included: the task goes on where it stopped.
const PATIENCE: Duration = Duration::from_secs(30);

/// Access to the oEmbed route, which needs no credentials. Durations are written as `250ms`, `5s`, `2m` or `1h`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct OembedConfig {
    /// Scheme and host, without a path. When it is not TikTok's own, short links are asked for there, too.
    pub base_url: String,
    /// One request, from connecting to the last byte.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// Between two requests in the long run; longer while the route is slow or in trouble.
    #[serde(deserialize_with = "duration")]
    pub pause: Duration,
    /// Requests in a row for one link while the server is in trouble.
    pub attempts: u32,
    /// The first wait after trouble of the server is up to this; each further one up to twice as much.
    #[serde(deserialize_with = "duration")]
    pub retry_delay: Duration,
    /// The rest after a refusal: a captcha, an empty answer, a page instead of JSON. Twice as long after each probe
    /// that is refused, too.
    #[serde(deserialize_with = "duration")]
    pub block_pause: Duration,
}

impl Default for OembedConfig {
    fn default() -> Self {
        Self {
            base_url: BASE_URL.into(),
            request_timeout: Duration::from_secs(30),
            pause: Duration::from_millis(500),
            attempts: 3,
            retry_delay: Duration::from_secs(1),
            block_pause: Duration::from_secs(900),
        }
    }
}

impl OembedConfig {
    /// The server that stands in for all of TikTok's hosts, if one does.
    pub(super) fn stand_in(&self) -> Option<&str> {
        Some(self.base_url.trim_end_matches('/')).filter(|base| *base != BASE_URL)
    }

    pub(super) fn rate(&self) -> RateConfig {
        let per_second = 1.0 / self.pause.max(Duration::from_millis(1)).as_secs_f64();
        RateConfig { per_second, burst: 1.0, ..RateConfig::default() }
    }

    pub(super) fn retry(&self) -> RetryConfig {
        RetryConfig { attempts: self.attempts, base: self.retry_delay, total: PATIENCE, ..RetryConfig::default() }
    }

    /// The settings of the client.
    pub(super) fn http(&self) -> ClientConfig {
        let usual = ClientConfig::of(Route::Oembed, "");
        let redirects = Redirects::Never;
        ClientConfig {
            rate: self.rate(),
            retry: self.retry(),
            breaker: BreakerConfig { blocked: self.block_pause, ..usual.breaker },
            transport: TransportConfig { request_timeout: self.request_timeout, redirects, ..usual.transport },
            ..usual
        }
    }
}
