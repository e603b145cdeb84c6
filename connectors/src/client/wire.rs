//! Requests and responses of the client layer. Neither shows a secret in its `Debug` form.

use super::answer::{Expect, Fingerprint};
use super::budget::Priority;
use super::cache::Ttl;
use super::fault::Class;
use super::redact;
use super::usage::Usage;
use bytes::Bytes;
use reqwest::Method;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidelake_schemas::Timestamp;
use url::Url;

/// What is sent along.
#[derive(Clone, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// A JSON document.
    Json(Value),
    /// A form. Values are kept secret: token requests carry client secrets (tiktok-surfaces §2).
    Form(Vec<(&'static str, SecretString)>),
    /// Bytes of this content type.
    Bytes(String, Bytes),
}

/// A request. All of them only read.
#[derive(Clone)]
pub struct Request {
    /// What is being done, for people: `research video/query`.
    pub operation: String,
    /// GET, POST or HEAD.
    pub method: Method,
    /// The address, query included.
    pub url: Url,
    /// What is sent along.
    pub body: Body,
    /// The access token.
    pub bearer: Option<SecretString>,
    /// A secret in a header of its own: its name and value.
    pub key: Option<(&'static str, SecretString)>,
    /// What it takes from the budget, where the source counts units.
    pub units: u32,
    /// Whether the reserve of the budget may be used.
    pub priority: Priority,
    /// Keep the answer, and for how long.
    pub cache: Option<Ttl>,
    /// What the answer is held against.
    pub expect: Expect,
    /// Repeat it after faults that pass by themselves. Not for requests that use up what they carry, such as refresh
    /// tokens.
    pub repeat: bool,
    /// … but hand these on at once, although they pass by themselves: the caller has something better to ask then.
    pub hands_on: &'static [Class],
}

impl Request {
    /// A request that expects a document.
    pub fn new(operation: impl Into<String>, method: Method, url: Url) -> Self {
        Self {
            operation: operation.into(),
            method,
            url,
            body: Body::None,
            bearer: None,
            key: None,
            units: 1,
            priority: Priority::Normal,
            cache: None,
            expect: Expect::document(),
            repeat: true,
            hands_on: &[],
        }
    }

    /// GET.
    pub fn get(operation: impl Into<String>, url: Url) -> Self {
        Self::new(operation, Method::GET, url)
    }

    /// HEAD: a redirect, or an answer without a body.
    pub fn head(operation: impl Into<String>, url: Url) -> Self {
        Self { expect: Expect::redirect(), ..Self::new(operation, Method::HEAD, url) }
    }

    /// POST of a JSON document.
    pub fn post(operation: impl Into<String>, url: Url, body: Value) -> Self {
        Self { body: Body::Json(body), ..Self::new(operation, Method::POST, url) }
    }

    /// Whether the same request is sent again after such a fault, if it passes by itself.
    pub(super) fn repeats(&self, class: Class) -> bool {
        self.repeat && !self.hands_on.contains(&class)
    }

    /// A text of the source without the secrets of this request, which it may repeat.
    pub(super) fn scrub(&self, text: &str) -> String {
        let fields = match &self.body {
            Body::Form(fields) => fields.as_slice(),
            Body::None | Body::Json(_) | Body::Bytes(..) => &[],
        };
        let clean = redact::scrub(text, self.bearer.as_ref());
        let clean = redact::scrub(&clean, self.key.as_ref().map(|(_, value)| value));
        fields.iter().fold(clean, |text, (_, value)| redact::scrub(&text, Some(value)))
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("url", &redact::url(&self.url))
            .field("body", &self.body)
            .field("bearer", &self.bearer.as_ref().map(|_| redact::HIDDEN))
            .field("key", &self.key.as_ref().map(|(name, _)| name))
            .field("units", &self.units)
            .field("priority", &self.priority)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            // What people search for is not for logs either.
            Self::Json(_) => f.write_str("Json(…)"),
            Self::Bytes(kind, bytes) => write!(f, "{} bytes of {kind}", bytes.len()),
            Self::Form(fields) => f.debug_list().entries(fields.iter().map(|(name, _)| name)).finish(),
        }
    }
}

/// A good answer.
#[derive(Clone)]
pub struct Response {
    /// HTTP status: 2xx, or 3xx where a redirect was expected.
    pub status: u16,
    /// The address that answered, after redirects.
    pub url: Url,
    /// The header `Location`.
    pub location: Option<String>,
    /// The body.
    pub body: Bytes,
    /// Which items the page holds; for [`Expect::after`] of the next.
    pub fingerprint: Option<Fingerprint>,
    /// When the answer came.
    pub at: Timestamp,
    /// From the cache.
    pub cached: bool,
    /// From the cache, past its time, because the route rests.
    pub stale: bool,
    /// Requests spent on it, retries included.
    pub requests: u32,
    /// How much of its limit the source says is used, where it does.
    pub usage: Option<Usage>,
    /// The last fault that was waited out.
    pub survived: Option<String>,
}

impl Response {
    /// The body as JSON.
    ///
    /// # Errors
    /// What serde_json says of it.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        tidelake_schemas::json::from_slice(&self.body)
    }
}

/// An address of http or https that requests can be sent to.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn address(given: &str) -> Result<Url, String> {
    let url = Url::parse(given).map_err(|error| error.to_string())?;
    let web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if web { Ok(url) } else { Err("scheme or host is missing".into()) }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("url", &redact::url(&self.url))
            .field("bytes", &self.body.len())
            .field("at", &self.at)
            .field("cached", &self.cached)
            .field("stale", &self.stale)
            .field("requests", &self.requests)
            .field("survived", &self.survived)
            .finish_non_exhaustive()
    }
}
