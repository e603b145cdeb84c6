//! Requests with the page's token.

use super::config::FacebookConfig;
use super::fault;
use crate::client::{Clock, Grant, HttpClient, Request, Response};
use crate::source::Fault;
use crate::turn::Turn;
use secrecy::ExposeSecret;
use serde_json::Value;
use tidelake_schemas::Timestamp;
use url::Url;

/// A client of the Graph API for one token. Tasks share it, and with it rate and limits.
#[derive(Debug)]
pub struct FacebookClient {
    config: FacebookConfig,
    /// Address and version.
    base: Url,
    http: HttpClient,
}

/// Why a client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is none.
    #[error("base_url: {0:?} is no http or https address such as https://graph.facebook.com")]
    Address(String),
    /// The version is none.
    #[error("version: {0:?} is none; write it as in v25.0")]
    Version(String),
    /// The token is none.
    #[error("access_token: it is empty, or holds characters that no token has; copy it again")]
    Token,
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up: {0}. Check the machine's certificates")]
    Http(#[from] reqwest::Error),
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) document: Value,
    pub(super) at: Timestamp,
}

impl FacebookClient {
    /// A client. Sends nothing yet.
    ///
    /// # Errors
    /// When the settings make no sense, or TLS cannot be set up.
    pub fn new(config: FacebookConfig, grant: Grant, clock: Clock) -> Result<Self, SetupError> {
        let version = config.version.strip_prefix('v').unwrap_or_default();
        let numbers = version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        if !numbers {
            return Err(SetupError::Version(config.version));
        }
        let address = format!("{}/{}/", config.base_url.trim_end_matches('/'), config.version);
        let base = Url::parse(&address).ok().filter(|url| url.has_host() && url.scheme().starts_with("http"));
        let base = base.ok_or_else(|| SetupError::Address(config.base_url.clone()))?;
        let token = config.access_token.expose_secret();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SetupError::Token);
        }
        let http = HttpClient::new(grant, config.http.clone(), clock)?;
        Ok(Self { config, base, http })
    }

    /// What the client is doing: rate, breaker, counts.
    pub fn snapshot(&self) -> crate::client::Snapshot {
        self.http.snapshot()
    }

    /// Asks for a page (no edge), or for what hangs on it. Addresses of next pages are not taken from answers: they repeat
    /// the token.
    pub(super) async fn ask(
        &self,
        page: &str,
        edge: Option<&'static str>,
        parameters: &[(&str, String)],
        turn: &mut Turn<'_>,
    ) -> Result<Answer, Fault> {
        let operation = format!("facebook {}", edge.unwrap_or("page"));
        let request = self.request(&operation, page, edge, parameters);
        let response = self.http.send(request).await.map_err(|refused| turn.fault(fault::of(refused)))?;
        turn.answered(&response);
        let Response { at, .. } = response;
        let unreadable = |what: &str| turn.fault(fault::unreadable(&operation, what));
        let document: Value = response.json().map_err(|error| unreadable(&error.to_string()))?;
        if document.is_object() { Ok(Answer { document, at }) } else { Err(unreadable("the answer is no object")) }
    }

    fn request(&self, operation: &str, page: &str, edge: Option<&str>, parameters: &[(&str, String)]) -> Request {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(page).extend(edge);
        }
        url.query_pairs_mut().extend_pairs(parameters);
        Request { bearer: Some(self.config.access_token.clone()), ..Request::get(operation, url) }
    }
}
