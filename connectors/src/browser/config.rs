//! Which browser, and how far it goes.

use crate::client::Acknowledgement;
use crate::research::duration;
use crate::web::BASE_URL;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// The browser route to public pages. Durations are written as `250ms`, `5s`, `2m` or `1h`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct BrowserConfig {
    /// Scheme and host, without a path.
    pub base_url: String,
    /// Who approved that public pages are read, when and for what. Without it the route stays closed.
    pub acknowledgement: Option<Acknowledgement>,
    /// Where the operator can be reached; stands in the browser's name.
    pub contact: Option<String>,
    /// A chromedriver that runs already, e.g. `http://127.0.0.1:9515`, by plain HTTP. Without it one is started.
    pub driver_url: Option<String>,
    /// The chromedriver to start.
    pub chromedriver: PathBuf,
    /// The browser that chromedriver starts.
    pub chromium: PathBuf,
    /// Whether Chromium shuts itself into its sandbox. As root it cannot, and needs `false`.
    pub sandbox: bool,
    /// Sessions at the same time. Each needs some 450 MB.
    pub sessions: usize,
    /// A session is ended after so many pages, and its memory with it.
    pub pages_per_session: u32,
    /// A session that nobody uses for so long is ended.
    #[serde(deserialize_with = "duration")]
    pub idle_timeout: Duration,
    /// Pages per minute, when all is well.
    pub per_minute: f64,
    /// Until a page stands.
    #[serde(deserialize_with = "duration")]
    pub page_timeout: Duration,
    /// Between two scrolls.
    #[serde(deserialize_with = "duration")]
    pub scroll_pause: Duration,
    /// A grid that brings nothing for so long is stuck.
    #[serde(deserialize_with = "duration")]
    pub answer_timeout: Duration,
    /// Answers of lists per poll; the page stays open for the next.
    pub answers_per_poll: u32,
    /// Answers of lists per page; then the target is left, and the ledger says so.
    pub answers_per_page: u32,
    /// How long the route rests after the first refusal; twice as long after each further one.
    #[serde(deserialize_with = "duration")]
    pub block_rest: Duration,
}

impl Default for BrowserConfig {
    fn default() -> Self {
        Self {
            base_url: BASE_URL.into(),
            acknowledgement: None,
            contact: None,
            driver_url: None,
            chromedriver: "/usr/bin/chromedriver".into(),
            chromium: "/usr/bin/chromium".into(),
            sandbox: true,
            sessions: 1,
            pages_per_session: 20,
            idle_timeout: Duration::from_secs(120),
            per_minute: 6.0,
            page_timeout: Duration::from_secs(30),
            scroll_pause: Duration::from_secs(2),
            answer_timeout: Duration::from_secs(20),
            answers_per_poll: 5,
            answers_per_page: 400,
            block_rest: Duration::from_secs(6 * 3600),
        }
    }
}
