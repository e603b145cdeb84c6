//! robots.txt (RFC 9309), obeyed on public-web routes.

use super::transport::{PRODUCT, TransportConfig, read_body};
use robotxt::{AccessResult, BYTE_LIMIT, Robots, robots_url};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// Hosts remembered; a route speaks to a handful.
const HOSTS: usize = 64;

/// How long files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotsConfig {
    /// A file that was read, or that is said not to exist (RFC 9309 §2.4: at most 24 h).
    pub keep: Duration,
    /// After a failure, until the next attempt.
    pub again: Duration,
}

impl Default for RobotsConfig {
    fn default() -> Self {
        Self { keep: Duration::from_secs(24 * 3600), again: Duration::from_secs(600) }
    }
}

/// Whether an address may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may; the site asks for this pause between requests.
    Allowed {
        /// `Crawl-delay`: no part of the RFC, but kept.
        delay: Option<Duration>,
    },
    /// It may not, by this rule.
    Disallowed {
        /// The pattern.
        rule: String,
    },
    /// The file cannot be read: nothing may be asked for, for now.
    Unreachable {
        /// When it is tried again.
        until: Instant,
    },
}

/// Asks robots.txt before an address is asked for.
#[derive(Debug)]
pub struct RobotsGate {
    http: reqwest::Client,
    config: RobotsConfig,
    /// Held while a file is fetched, so that it is fetched once.
    hosts: Mutex<HashMap<Url, Kept>>,
}

#[derive(Clone, Debug)]
struct Kept {
    /// `None`: unreachable, and never read before.
    robots: Option<Robots>,
    until: Instant,
}

impl RobotsGate {
    /// A gate that knows no file yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(transport: &TransportConfig, config: RobotsConfig) -> Result<Self, reqwest::Error> {
        Ok(Self { http: transport.robots_client()?, config, hosts: Mutex::default() })
    }

    /// Whether this address may be asked for. Fetches the host's file when it is not known, or too old.
    pub async fn check(&self, url: &Url) -> Verdict {
        let Ok(file) = robots_url(url) else {
            return Verdict::Disallowed { rule: "no http address".into() };
        };
        let kept = self.file(file).await;
        match kept.robots {
            None => Verdict::Unreachable { until: kept.until },
            Some(robots) if robots.is_url_allowed(url) => Verdict::Allowed { delay: robots.crawl_delay() },
            Some(robots) => {
                let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
                let rule = robots.matching_rule(path).map(|rule| rule.pattern().to_owned());
                Verdict::Disallowed { rule: rule.unwrap_or_else(|| "/".into()) }
            }
        }
    }

    async fn file(&self, file: Url) -> Kept {
        let mut hosts = self.hosts.lock().await;
        let old = hosts.get(&file).cloned();
        if let Some(kept) = old.as_ref().filter(|kept| Instant::now() < kept.until) {
            return kept.clone();
        }
        let kept = match self.fetch(&file).await {
            Some(robots) => Kept { robots: Some(robots), until: Instant::now() + self.config.keep },
            // §2.4: an old copy goes on being used while the file is unreachable; §2.3.1.4: without one, nothing goes.
            None => Kept { robots: old.and_then(|old| old.robots), until: Instant::now() + self.config.again },
        };
        if hosts.len() >= HOSTS {
            hosts.clear();
        }
        hosts.insert(file, kept.clone());
        kept
    }

    /// The rules; `None` when they cannot be known now.
    async fn fetch(&self, file: &Url) -> Option<Robots> {
        let access = |access| Some(Robots::from_access(access, PRODUCT));
        let mut answer = match self.http.get(file.clone()).send().await {
            Ok(answer) => answer,
            Err(error) if error.is_redirect() => return access(AccessResult::TooManyRedirects),
            Err(error) => {
                tracing::warn!(%file, error = %error.without_url(), "robots.txt cannot be read");
                return None;
            }
        };
        match answer.status().as_u16() {
            200..300 => {
                // One byte more than is parsed shows that the last line is cut.
                let (body, _) = read_body(&mut answer, BYTE_LIMIT + 1).await.ok()?;
                access(AccessResult::Successful(&body))
            }
            // §2.3.1.3: unavailable, so that anything goes.
            400..500 => access(AccessResult::Unavailable),
            status => {
                tracing::warn!(%file, status, "robots.txt cannot be read");
                None
            }
        }
    }
}

#[cfg(test)]
#[path = "tests/robots.rs"]
mod tests;
