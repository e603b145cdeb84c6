//! Requests with the key, each charged what its method costs.

use super::config::YoutubeConfig;
use super::fault::{self, Refused};
use crate::client::lease::LendError;
use crate::client::{Clock, Grant, HttpClient, Lender, Request};
use crate::turn::Turn;
use secrecy::ExposeSecret;
use serde_json::Value;
use std::sync::Arc;
use tidelake_schemas::Timestamp;
use url::Url;

/// The header that carries the key (cloud.google.com/docs/authentication/api-keys-use), so that no address does.
const KEY: &str = "x-goog-api-key";

/// A client of the Data API for one key. Tasks share it, and with it rate and quotas.
#[derive(Debug)]
pub struct YoutubeClient {
    config: YoutubeConfig,
    base: Url,
    http: HttpClient,
    /// Searches have a quota of their own.
    searches: HttpClient,
}

/// Why a client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is none.
    #[error("base_url: {0:?} is no http or https address such as https://www.googleapis.com")]
    Address(String),
    /// The key is none.
    #[error("api_key: it is empty, or holds characters that no key has; copy it again from the Google Cloud console")]
    Key,
    /// A quota of nothing.
    #[error("{0}: must be above 0")]
    Quota(&'static str),
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up: {0}. Check the machine's certificates")]
    Http(#[from] reqwest::Error),
}

/// A method of the API. Each request costs one unit of the daily quota, or one search of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Channels,
    PlaylistItems,
    Videos,
    CommentThreads,
    Search,
}

impl Method {
    /// As provenance names it.
    pub(super) fn route(self) -> &'static str {
        match self {
            Self::Channels => "channels.list",
            Self::PlaylistItems => "playlistItems.list",
            Self::Videos => "videos.list",
            Self::CommentThreads => "commentThreads.list",
            Self::Search => "search.list",
        }
    }

    /// Its place below `/youtube/v3/`.
    fn place(self) -> &'static str {
        self.route().trim_end_matches(".list")
    }
}

/// The items of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) items: Vec<Value>,
    /// Where the next page is.
    pub(super) next: Option<String>,
    pub(super) at: Timestamp,
}

impl YoutubeClient {
    /// A client. Sends nothing yet.
    ///
    /// # Errors
    /// When the settings make no sense, or TLS cannot be set up.
    pub fn new(config: YoutubeConfig, grant: Grant, clock: Clock) -> Result<Self, SetupError> {
        let base = Url::parse(&config.base_url).ok().filter(|url| url.has_host() && url.scheme().starts_with("http"));
        let base = base.ok_or_else(|| SetupError::Address(config.base_url.clone()))?;
        let key = config.api_key.expose_secret();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SetupError::Key);
        }
        let quotas = [
            ("daily_units", Some(config.daily_units)),
            ("daily_searches", Some(config.daily_searches)),
            ("search_units", config.search_units),
        ];
        if let Some((name, _)) = quotas.into_iter().find(|(_, quota)| *quota == Some(0)) {
            return Err(SetupError::Quota(name));
        }
        let [units, searches] = config.budgets();
        let http = HttpClient::new(grant, config.client(units), clock.clone())?;
        let searches = HttpClient::new(grant, config.client(searches), clock)?;
        Ok(Self { config, base, http, searches })
    }

    /// Spends only what this lender lends: processes that share it share the quotas, and a restart goes on with them.
    #[must_use]
    pub fn with_lender(self, lender: &Arc<dyn Lender>) -> Self {
        let http = self.http.with_lender(Arc::clone(lender));
        let searches = self.searches.with_lender(Arc::clone(lender));
        Self { http, searches, ..self }
    }

    /// Gives back what was lent and is not spent, at an orderly end.
    ///
    /// # Errors
    /// When the lender cannot be told; it then counts as spent.
    pub async fn give_back(&self) -> Result<(), LendError> {
        self.http.give_back().await?;
        self.searches.give_back().await
    }

    /// The clients of both quotas, units and searches: for what is shown of them.
    pub fn quotas(&self) -> [&HttpClient; 2] {
        [&self.http, &self.searches]
    }

    /// Asks for a page of items.
    pub(super) async fn ask(
        &self,
        method: Method,
        parameters: &[(&str, String)],
        turn: &mut Turn<'_>,
    ) -> Result<Answer, Refused> {
        let response = self.charged(method).send(self.request(method, parameters)).await;
        let response = response.map_err(|refused| fault::of(refused, turn))?;
        turn.answered(&response);
        let unreadable = |what: &str| Refused::from(turn.fault(fault::unreadable(method, what)));
        let mut document: Value = response.json().map_err(|error| unreadable(&error.to_string()))?;
        let items = match document.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            // Absent where nothing was found, as for a channel that does not exist; but some list that is.
            None if document.get("kind").is_some() => Vec::new(),
            _ => return Err(unreadable("the answer has no list of items")),
        };
        let next = document.get("nextPageToken").and_then(Value::as_str).map(str::to_owned);
        Ok(Answer { items, next, at: response.at })
    }

    fn charged(&self, method: Method) -> &HttpClient {
        if method == Method::Search && self.config.search_units.is_none() { &self.searches } else { &self.http }
    }

    fn request(&self, method: Method, parameters: &[(&str, String)]) -> Request {
        let mut url = self.base.clone();
        url.set_path(&format!("/youtube/v3/{}", method.place()));
        url.query_pairs_mut().extend_pairs(parameters);
        let units = self.config.search_units.filter(|_| method == Method::Search).unwrap_or(1);
        let key = Some((KEY, self.config.api_key.clone()));
        Request { key, units, ..Request::get(format!("youtube {}", method.route()), url) }
    }
}
