//! How to reach the Data API.

use crate::client::budget::BudgetConfig;
use crate::client::lease::{self, fingerprint};
use crate::client::{ClientConfig, Route};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Where the API lives.
pub const BASE_URL: &str = "https://www.googleapis.com";

/// Access to the Data API, with a key of a Google Cloud project in which it is enabled.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YoutubeConfig {
    /// The API key. It is sent in a header, and stands in no address.
    pub api_key: SecretString,
    /// Scheme and host, without a path.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// Units per day of the Pacific coast; each request but a search is one.
    #[serde(default = "daily_units")]
    pub daily_units: u32,
    /// Searches per day: they have a quota of their own.
    #[serde(default = "daily_searches")]
    pub daily_searches: u32,
    /// For a project whose searches are still charged in units (100 each, before they had a quota of their own): so many
    /// are taken from `daily_units`, and `daily_searches` does not matter.
    #[serde(default)]
    pub search_units: Option<u32>,
    /// Rate, retries and connections; not of the configuration file.
    #[serde(skip, default = "usual")]
    pub http: ClientConfig,
}

impl YoutubeConfig {
    /// The usual settings with this key.
    pub fn new(api_key: SecretString) -> Self {
        Self {
            api_key,
            base_url: base_url(),
            daily_units: daily_units(),
            daily_searches: daily_searches(),
            search_units: None,
            http: usual(),
        }
    }

    /// The daily budgets of the project: units, and searches. Both end with the same day.
    pub fn budgets(&self) -> [BudgetConfig; 2] {
        let budget = |name, daily| BudgetConfig { name, ..BudgetConfig::of(Route::Youtube, daily) };
        [budget("units", self.daily_units), budget("searches", self.daily_searches)]
    }

    /// What lenders call a budget of the project.
    pub fn budget_key(&self, budget: &BudgetConfig) -> String {
        lease::key(Route::Youtube, &self.credential(), budget.name)
    }

    /// The settings of a client that spends this budget.
    pub(super) fn client(&self, budget: BudgetConfig) -> ClientConfig {
        ClientConfig { credential: self.credential(), budget: Some(budget), ..self.http.clone() }
    }

    /// The key's name where others can read it.
    fn credential(&self) -> String {
        fingerprint(self.api_key.expose_secret())
    }
}

fn base_url() -> String {
    BASE_URL.into()
}

/// developers.google.com/youtube/v3/determine_quota_cost
fn daily_units() -> u32 {
    10_000
}

/// As above.
fn daily_searches() -> u32 {
    100
}

fn usual() -> ClientConfig {
    ClientConfig::of(Route::Youtube, "")
}
