//! How to reach the oEmbed route.

use crate::research::duration;
use serde::Deserialize;
use std::time::Duration;

/// Where the oEmbed route lives.
pub const BASE_URL: &str = "https://www.tiktok.com";

/// Access to the oEmbed route, which needs no credentials. Durations are written as `250ms`, `5s`, `2m` or `1h`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct OembedConfig {
    /// Scheme and host, without a path. When it is not TikTok's own, short links are asked for there, too.
    pub base_url: String,
    /// One request, from connecting to the last byte.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// Between two requests; they are sent one after the other.
    #[serde(deserialize_with = "duration")]
    pub pause: Duration,
    /// Requests in a row for one link while the server is in trouble.
    pub attempts: u32,
    /// The first wait after trouble of the server; doubles each time.
    #[serde(deserialize_with = "duration")]
    pub retry_delay: Duration,
    /// The wait after a refusal that names none: a captcha, an empty answer, a page instead of JSON.
    #[serde(deserialize_with = "duration")]
    pub block_pause: Duration,
}

impl Default for OembedConfig {
    fn default() -> Self {
        Self {
            base_url: BASE_URL.into(),
            request_timeout: Duration::from_secs(30),
            pause: Duration::from_millis(200),
            attempts: 3,
            retry_delay: Duration::from_secs(1),
            block_pause: Duration::from_secs(900),
        }
    }
}

impl OembedConfig {
    /// The base without a slash at the end.
    pub(super) fn base(&self) -> &str {
        self.base_url.trim_end_matches('/')
    }

    /// The server that stands in for all of TikTok's hosts, if one does.
    pub(super) fn stand_in(&self) -> Option<&str> {
        Some(self.base()).filter(|base| *base != BASE_URL)
    }
}
