//! The client of the route, and why there may be none.

use super::config::WebConfig;
use super::target::{Kind, Target};
use crate::client::answer::{Answer, Seen, Want};
use crate::client::profile::NotAllowed;
use crate::client::{ClientFault, Clock, HttpClient, Profile, Request, Response, Route};
use crate::links::parse_url;
use crate::media::{MediaRef, of_item};
use crate::source::Fault;
use std::time::Duration;
use url::Url;

/// Asks for public pages. Tasks share it, and with it rate, breaker and robots.txt.
#[derive(Debug)]
pub struct WebClient {
    http: HttpClient,
    base: Url,
    block_rest: Duration,
}

/// Why a route to public pages cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The profile does not allow it.
    #[error("{0}")]
    NotAllowed(#[from] NotAllowed),
    /// Nobody to ask.
    #[error("contact: name a page or an address where you can be reached; it is sent with every request")]
    NoContact,
    /// The address of the site.
    #[error("base_url: {base:?} is not an address such as https://www.tiktok.com: {why}")]
    Base {
        /// What stands there.
        base: String,
        /// What is wrong with it.
        why: String,
    },
    /// The browser route's driver.
    #[error("driver_url: {0:?} is not an address such as http://127.0.0.1:9515; drivers are spoken to by plain HTTP")]
    Driver(String),
    /// A number that must be above zero.
    #[error("{0}: must be a number above 0")]
    Number(&'static str),
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up: {0}. Check the contact and the machine's certificates")]
    Http(#[from] reqwest::Error),
}

impl WebClient {
    /// A client. Sends nothing yet.
    ///
    /// # Errors
    /// When the profile does not allow the route, or the settings make no sense.
    pub fn new(profile: Profile, config: &WebConfig, clock: Clock) -> Result<Self, SetupError> {
        let grant = profile.grant(Route::Web, config.acknowledgement.as_ref())?;
        let base = base_url(&config.base_url, config.contact.as_deref())?;
        if config.per_minute.is_nan() || config.per_minute <= 0.0 {
            return Err(SetupError::Number("per_minute"));
        }
        let http = HttpClient::new(grant, config.client(), clock)?;
        Ok(Self { http, base, block_rest: config.block_rest })
    }

    /// What the client is doing: rate, breaker, counts.
    pub fn snapshot(&self) -> crate::client::Snapshot {
        self.http.snapshot()
    }

    /// How long to wait after a refusal that the client layer did not see.
    pub(super) fn block_rest(&self) -> Duration {
        self.block_rest
    }

    /// The address of a target's page.
    pub(super) fn address(&self, target: &Target) -> Url {
        target.address(&self.base)
    }

    /// The files of a video, with fresh addresses.
    ///
    /// # Errors
    /// When the page is not shown now.
    pub async fn media(&self, page: &str) -> Result<Vec<MediaRef>, Fault> {
        let Ok(target) = parse_url(page).map_err(drop).and_then(|l| Target::new(Kind::Video, &l).map_err(drop)) else {
            return Ok(Vec::new());
        };
        let response = self.page(&target).await?;
        Ok(media_of(&target, &response))
    }

    /// Asks for a page, and holds it against what such a page must show.
    pub(super) async fn page(&self, target: &Target) -> Result<Response, ClientFault> {
        let mut request = Request::get(format!("web {}", target.kind().name()), self.address(target));
        request.expect = target.expect();
        self.http.send(request).await
    }
}

/// The files that the page of a video names.
pub(super) fn media_of(target: &Target, response: &Response) -> Vec<MediaRef> {
    let seen = Seen { status: response.status, url: &response.url, location: None, body: &response.body };
    let (document, expect) = (Answer::read(seen).doc.unwrap_or_default(), target.expect());
    let Some(Want::Item(places)) = expect.want.filter(|_| target.kind() == Kind::Video) else { return Vec::new() };
    let item = places.iter().find_map(|place| document.pointer(place));
    item.map_or_else(Vec::new, |item| of_item(item, &target.canonical()))
}

/// The site's address, once it is known whom the site may write to.
pub(crate) fn base_url(base: &str, contact: Option<&str>) -> Result<Url, SetupError> {
    let wrong = |why: &str| SetupError::Base { base: base.to_owned(), why: why.to_owned() };
    if contact.is_none_or(|contact| contact.trim().is_empty()) {
        return Err(SetupError::NoContact);
    }
    let url = Url::parse(base).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("it names no host to ask by HTTP"));
    }
    Ok(url)
}
