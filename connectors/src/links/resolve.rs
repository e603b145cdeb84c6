//! Where a short link leads: one HEAD request a hop, no cookie, no body.
//!
//! TikTok answers the request for a short link with a redirect to what it stands for, or, when it stands for nothing
//! (any more), to the home page. Clients it does not know get a page at times; that is taken as a refusal, and nothing
//! is done to look like another client.

use super::{Link, ShortHost, parse_url};
use crate::client::Class;
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use std::time::Duration;
use url::Url;

/// Short links that lead to short links: more hops are not followed.
pub const MAX_HOPS: u32 = 3;

/// Asks where short links lead.
#[derive(Clone, Debug)]
pub struct Resolver {
    http: Client,
    base_url: Option<String>,
    max_hops: u32,
}

/// Where a link leads, and what it cost to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// What was found out.
    pub outcome: Outcome,
    /// HEAD requests sent; 0 for links that are not short.
    pub requests: u32,
}

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stands for this.
    Link(Link),
    /// It stands for nothing, or for nothing any more: TikTok sends it to the home page or does not know it.
    Expired {
        /// What was answered.
        why: String,
    },
    /// TikTok does not tell us: a page instead of a redirect, a login wall, a refusal.
    Blocked {
        /// The kind of refusal.
        class: Class,
        /// What was answered.
        why: String,
    },
    /// It leads to something that is no link of this project, or round in circles.
    NotALink {
        /// What it leads to.
        why: String,
    },
}

/// A question that got no answer; asking again later may help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No connection, or no answer in time.
    #[error("{link} could not be asked for: {why}. Try again later")]
    Transport {
        /// The link asked for.
        link: String,
        /// What happened.
        why: String,
    },
    /// Too many requests.
    #[error("{link} could not be asked for: HTTP {status}, too many requests. Wait before asking again")]
    Limited {
        /// The link asked for.
        link: String,
        /// 429 or 503.
        status: u16,
        /// How long TikTok says to wait.
        retry_after: Option<Duration>,
    },
    /// Trouble of TikTok's servers.
    #[error("{link} could not be asked for: HTTP {status}. Try again later")]
    Server {
        /// The link asked for.
        link: String,
        /// The status.
        status: u16,
    },
    /// The client follows redirects by itself, so that more than one request would be sent.
    #[error("the HTTP client follows redirects by itself; make it with redirect::Policy::none()")]
    Client,
}

/// An answer to one HEAD request.
struct Answer {
    status: StatusCode,
    location: Option<String>,
    retry_after: Option<Duration>,
}

/// What one hop found.
enum Hop {
    To(Link),
    End(Outcome),
}

impl Resolver {
    /// A resolver with this client, which must not follow redirects and must keep no cookies.
    pub fn new(http: Client) -> Self {
        Self { http, base_url: None, max_hops: MAX_HOPS }
    }

    /// Asks this server instead of TikTok's hosts: `BASE/vm/CODE/`, `BASE/vt/CODE/`, `BASE/t/CODE/`.
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into().trim_end_matches('/').to_owned());
        self
    }

    /// Follows at most so many hops.
    #[must_use]
    pub fn with_max_hops(mut self, hops: u32) -> Self {
        self.max_hops = hops;
        self
    }

    /// Finds out what a link stands for. Only short links are asked for, with one HEAD request a hop.
    ///
    /// # Errors
    /// [`ResolveError`] when there was no answer; everything that was answered is an [`Outcome`].
    pub async fn resolve(&self, link: &Link) -> Result<Resolution, ResolveError> {
        let mut at = link.clone();
        for requests in 0..self.max_hops {
            let Link::Short { host, code } = &at else {
                return Ok(Resolution { outcome: Outcome::Link(at), requests });
            };
            let answer = self.head(&at, *host, code).await?;
            match read(&at, answer)? {
                Hop::To(next) => at = next,
                Hop::End(outcome) => return Ok(Resolution { outcome, requests: requests + 1 }),
            }
        }
        let requests = self.max_hops;
        if matches!(at, Link::Short { .. }) {
            let why = format!("after {requests} hops it still leads to a short link, {at}");
            return Ok(Resolution { outcome: Outcome::NotALink { why }, requests });
        }
        Ok(Resolution { outcome: Outcome::Link(at), requests })
    }

    async fn head(&self, link: &Link, host: ShortHost, code: &str) -> Result<Answer, ResolveError> {
        let asked = match &self.base_url {
            Some(base) => format!("{base}/{}/{code}/", host.name()),
            None => link.canonical(),
        };
        let transport = |e: reqwest::Error| ResolveError::Transport { link: link.canonical(), why: causes(&e) };
        let answer = self.http.head(&asked).send().await.map_err(transport)?;
        if Url::parse(&asked).is_ok_and(|asked| asked != *answer.url()) {
            return Err(ResolveError::Client);
        }
        let header = |name| Some(answer.headers().get(name)?.to_str().ok()?.trim().to_owned());
        let retry_after = header(RETRY_AFTER).and_then(|text| text.parse().ok()).map(Duration::from_secs);
        // Addresses in headers are bytes: what is not ASCII there is UTF-8.
        let location =
            answer.headers().get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Ok(Answer { status: answer.status(), location, retry_after })
    }
}

/// A client fit for resolving: it follows nothing, keeps no cookies, and says who it is.
///
/// # Errors
/// When the TLS library cannot be set up.
pub fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(concat!("tidelake/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

fn read(asked: &Link, answer: Answer) -> Result<Hop, ResolveError> {
    let status = answer.status.as_u16();
    let link = asked.canonical();
    match (status, answer.location) {
        (300..400, Some(location)) => Ok(read_location(asked, &location)),
        (404 | 410, _) => Ok(Hop::End(Outcome::Expired { why: format!("HTTP {status}") })),
        (429 | 503, _) => Err(ResolveError::Limited { link, status, retry_after: answer.retry_after }),
        (500.., _) => Err(ResolveError::Server { link, status }),
        (200..400, _) => {
            let why =
                format!("HTTP {status}: a page instead of a redirect, as TikTok gives to clients it does not know");
            Ok(Hop::End(Outcome::Blocked { class: Class::Waf, why }))
        }
        _ => Ok(Hop::End(Outcome::Blocked { class: Class::Forbidden, why: format!("HTTP {status}") })),
    }
}

fn read_location(asked: &Link, location: &str) -> Hop {
    // A relative address is meant relative to the public one, also when another server stands in for TikTok.
    let joined = Url::parse(&asked.canonical()).and_then(|base| base.join(location));
    let found =
        joined.map_err(|why| why.to_string()).and_then(|url| parse_url(url.as_str()).map_err(|error| error.brief()));
    Hop::End(match found {
        Ok(next @ Link::Short { .. }) => return Hop::To(next),
        Ok(Link::Home | Link::Feed(_)) => Outcome::Expired { why: "it leads to the home page".into() },
        Ok(Link::Page(page @ ("404" | "notfound"))) => Outcome::Expired { why: format!("it leads to /{page}") },
        Ok(Link::Page(page @ ("login" | "signup"))) => {
            Outcome::Blocked { class: Class::LoginWall, why: format!("it leads to /{page}") }
        }
        Ok(Link::Page(page)) => Outcome::NotALink { why: format!("it leads to /{page}") },
        Ok(link) => Outcome::Link(link),
        Err(why) => Outcome::NotALink { why },
    })
}

fn causes(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() { "no answer in time" } else { "the request failed" };
    let chain = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    chain.fold(what.to_owned(), |text, cause| format!("{text}: {cause}"))
}
