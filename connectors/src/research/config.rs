//! How to reach the Research API.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// Where TikTok's API lives.
pub const BASE_URL: &str = "https://open.tiktokapis.com";

/// Access to the Research API. Durations are written as `250ms`, `5s`, `2m` or `1h`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResearchConfig {
    /// Scheme and host, without a path.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// The client key of the research project.
    pub client_key: String,
    /// The client secret of the research project.
    pub client_secret: SecretString,
    /// Requests per UTC day; the project's share of it when several programs use the same client key.
    #[serde(default = "daily_quota")]
    pub daily_quota: u32,
    /// Requests per UTC day for the lists of followers and of followed accounts, which have a quota of their own.
    #[serde(default = "daily_follow_quota")]
    pub daily_follow_quota: u32,
    /// Whether requests of batch compliance are taken from `daily_quota`. Nobody documents it; counting them is the
    /// careful side.
    #[serde(default = "validation_in_quota")]
    pub validation_in_quota: bool,
    /// How faults are waited out.
    #[serde(default)]
    pub patience: Patience,
}

impl ResearchConfig {
    /// The usual settings with these credentials.
    pub fn new(client_key: impl Into<String>, client_secret: SecretString) -> Self {
        Self {
            base_url: base_url(),
            client_key: client_key.into(),
            client_secret,
            daily_quota: daily_quota(),
            daily_follow_quota: daily_follow_quota(),
            validation_in_quota: validation_in_quota(),
            patience: Patience::default(),
        }
    }

    /// The address of a path below the base.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base_url.trim_end_matches('/'))
    }
}

/// How long and how often to wait before a fault is handed to the caller.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Patience {
    /// One request, from connecting to the last byte.
    #[serde(deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// Requests in a row before a refused search id or cursor restarts the search.
    pub stale_attempts: u32,
    /// The n-th wait after a refused search id or cursor is n times this.
    #[serde(deserialize_with = "duration")]
    pub stale_delay: Duration,
    /// Restarts of one search before the fault is handed to the caller.
    pub stale_restarts: u32,
    /// Requests in a row while the server is in trouble (each of them spends quota).
    pub server_attempts: u32,
    /// The first wait after trouble of the server; doubles each time, with jitter.
    #[serde(deserialize_with = "duration")]
    pub server_delay: Duration,
    /// No wait after trouble of the server is longer.
    #[serde(deserialize_with = "duration")]
    pub server_delay_max: Duration,
    /// All waits of one poll after trouble of the server together.
    #[serde(deserialize_with = "duration")]
    pub server_budget: Duration,
    /// Requests in a row while the per-minute rate is spent.
    pub rate_attempts: u32,
    /// The wait when the per-minute rate is spent and the answer names none.
    #[serde(deserialize_with = "duration")]
    pub rate_delay: Duration,
    /// The wait before a validation task is asked about for the first time; doubles each time.
    #[serde(deserialize_with = "duration")]
    pub validation_delay: Duration,
    /// No wait for a validation task is longer.
    #[serde(deserialize_with = "duration")]
    pub validation_delay_max: Duration,
    /// Questions about one validation task before its ids are submitted again.
    pub validation_polls: u32,
    /// A token is renewed this long before it expires.
    #[serde(deserialize_with = "duration")]
    pub token_margin: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(60),
            stale_attempts: 6,
            stale_delay: Duration::from_secs(5),
            stale_restarts: 3,
            server_attempts: 8,
            server_delay: Duration::from_secs(2),
            server_delay_max: Duration::from_secs(60),
            server_budget: Duration::from_secs(300),
            rate_attempts: 5,
            rate_delay: Duration::from_secs(15),
            validation_delay: Duration::from_secs(30),
            validation_delay_max: Duration::from_secs(900),
            validation_polls: 60,
            token_margin: Duration::from_secs(300),
        }
    }
}

fn base_url() -> String {
    BASE_URL.into()
}

fn daily_quota() -> u32 {
    1000
}

fn daily_follow_quota() -> u32 {
    20_000
}

fn validation_in_quota() -> bool {
    true
}

pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| {
        serde::de::Error::custom(format!("`{text}` is no duration; write a whole number and ms, s, m or h, e.g. `5s`"))
    })
}

fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let millis = match text[digits..].trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn credentials_are_enough() {
        let config: ResearchConfig =
            serde_json::from_value(json!({"client_key": "k", "client_secret": "hush"})).expect("a config");
        assert_eq!((config.base_url.as_str(), config.daily_quota), (BASE_URL, 1000));
        assert_eq!(config.patience, Patience::default());
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn typos_and_bad_durations_are_errors() {
        let read = |patience: serde_json::Value| {
            let config = json!({"client_key": "k", "client_secret": "s", "patience": patience});
            serde_json::from_value::<ResearchConfig>(config).map_err(|e| e.to_string())
        };
        assert!(read(json!({"stale_delay": "250ms", "server_budget": "2 m"})).is_ok());
        assert!(read(json!({"stale_delai": "5s"})).is_err_and(|e| e.contains("stale_delai")));
        assert!(read(json!({"stale_delay": "5 parsecs"})).is_err_and(|e| e.contains("is no duration")));
        assert!(read(json!({"stale_delay": ""})).is_err());
    }
}
