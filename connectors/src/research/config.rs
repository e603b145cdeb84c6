//! How to reach the Research API.

use crate::client::budget::BudgetConfig;
use crate::client::lease::{self, fingerprint};
use crate::client::rate::RateConfig;
use crate::client::retry::RetryConfig;
use crate::client::transport::{Redirects, TransportConfig};
use crate::client::{ClientConfig, Route};
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
    /// Requests per UTC day; the project's share of it when several programs use the same client key. The quota of
    /// 100,000 records is kept with it, since a request gives 100 at most.
    #[serde(default = "daily_quota")]
    pub daily_quota: u32,
    /// Requests per UTC day for the lists of followers and of followed accounts, which have quotas of their own: 20,000
    /// requests and 2 million records.
    #[serde(default = "daily_follow_quota")]
    pub daily_follow_quota: u32,
    /// The share of `daily_quota`, between 0 and 1, that is kept for batch compliance: stored data must be refreshed
    /// in time even on days on which everything else is spent.
    #[serde(default = "reserve", deserialize_with = "share")]
    pub reserve: f64,
    /// Requests per second in the long run; fewer while the API is slow or in trouble.
    #[serde(default = "per_second", deserialize_with = "positive")]
    pub per_second: f64,
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
            reserve: reserve(),
            per_second: per_second(),
            validation_in_quota: validation_in_quota(),
            patience: Patience::default(),
        }
    }

    /// The daily budgets of the project: the common one, and that of the lists of accounts.
    pub fn budgets(&self) -> [BudgetConfig; 2] {
        let follows = BudgetConfig { name: "follows", ..BudgetConfig::new(self.daily_follow_quota) };
        [BudgetConfig { reserve: self.reserve, ..BudgetConfig::new(self.daily_quota) }, follows]
    }

    /// What lenders call a budget of the project.
    pub fn budget_key(&self, budget: &BudgetConfig) -> String {
        lease::key(Route::ResearchApi, &fingerprint(&self.client_key), budget.name)
    }

    /// The settings of a client that spends this budget.
    pub(super) fn http(&self, budget: Option<BudgetConfig>) -> ClientConfig {
        let usual = ClientConfig::of(Route::ResearchApi, fingerprint(&self.client_key));
        let patience = &self.patience;
        ClientConfig {
            budget,
            rate: RateConfig { per_second: self.per_second, ..usual.rate },
            retry: RetryConfig {
                attempts: patience.server_attempts,
                base: patience.server_delay,
                cap: patience.server_delay_max,
                total: patience.server_budget,
                ..usual.retry
            },
            transport: TransportConfig {
                request_timeout: patience.request_timeout,
                redirects: Redirects::Never,
                ..usual.transport
            },
            ..usual
        }
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
    /// Requests in a row while the server is in trouble or the per-minute rate is spent (each of them spends quota).
    pub server_attempts: u32,
    /// The first wait is up to this; each further one up to twice as much. A `Retry-After` is kept.
    #[serde(deserialize_with = "duration")]
    pub server_delay: Duration,
    /// No such wait is longer.
    #[serde(deserialize_with = "duration")]
    pub server_delay_max: Duration,
    /// From the first request to the last, waits included.
    #[serde(deserialize_with = "duration")]
    pub server_budget: Duration,
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
            server_attempts: 5,
            server_delay: Duration::from_secs(2),
            server_delay_max: Duration::from_secs(60),
            server_budget: Duration::from_secs(300),
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

fn reserve() -> f64 {
    0.01
}

fn per_second() -> f64 {
    ClientConfig::of(Route::ResearchApi, "").rate.per_second
}

fn validation_in_quota() -> bool {
    true
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    number(deserializer, |share| (0.0..=1.0).contains(&share), "a share: write a number from 0 to 1, e.g. 0.05")
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    number(deserializer, |number| number.is_finite() && number > 0.0, "a rate: write a number above 0, e.g. 2")
}

fn number<'de, D: Deserializer<'de>>(from: D, good: fn(f64) -> bool, what: &str) -> Result<f64, D::Error> {
    let number = f64::deserialize(from)?;
    if good(number) { Ok(number) } else { Err(serde::de::Error::custom(format!("{number} is not {what}"))) }
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
    fn budgets_of_a_project() {
        let read = |more: serde_json::Value| {
            let mut config = json!({"client_key": "hush-key", "client_secret": "s"});
            config.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            serde_json::from_value::<ResearchConfig>(config).map_err(|e| e.to_string())
        };
        let config = read(json!({"reserve": 0.05, "per_second": 3})).expect("a config");
        let [common, follows] = config.budgets();
        assert_eq!((common.daily, common.kept(), follows.daily, follows.kept()), (1000, 50, 20_000, 0));
        let (key, other) = (config.budget_key(&common), config.budget_key(&follows));
        assert!(key.starts_with("research-api/") && key.ends_with("/requests") && other.ends_with("/follows"), "{key}");
        assert!(!key.contains("hush"), "{key}");
        for (wrong, part) in [
            (json!({"reserve": 1.5}), "a share"),
            (json!({"reserve": -0.1}), "a share"),
            (json!({"per_second": 0}), "a rate"),
            (json!({"daily_quota": -1}), "u32"),
        ] {
            assert!(read(wrong.clone()).is_err_and(|why| why.contains(part)), "{wrong}");
        }
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
