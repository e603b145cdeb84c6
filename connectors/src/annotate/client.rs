//! Asks: kept answers → a place among those at the same time → the rate → the wire → retry.

use super::answer::{self, Answer};
use super::config::ExternalModelConfig;
use super::prompt::{self, Prompt};
use crate::client::Clock;
use crate::client::fault::Class;
use crate::client::rate::{Feedback, RateConfig, RateLimiter};
use crate::client::redact;
use crate::client::retry::{Retry, RetryConfig, retry_after};
use crate::client::transport::{TransportConfig, read_body, transport_fault};
use moka::sync::Cache;
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

/// What a kept answer costs beside its text.
const OVERHEAD: usize = 128;
/// Of an endpoint's own words, so many characters are shown.
const SHOWN: usize = 300;
/// Longer answers are none.
const MAX_BODY: usize = 4 << 20;
/// One caption waits no longer, pauses that the endpoint asks for included.
const PATIENCE: Duration = Duration::from_secs(600);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("external model: {why}")]
pub struct AskError {
    /// What went wrong, as of any source.
    pub class: Class,
    /// In words, without secrets.
    pub why: String,
}

impl AskError {
    /// Whether no caption would get an answer: the key or the configuration is wrong.
    pub fn is_final(&self) -> bool {
        matches!(self.class, Class::AuthExpired | Class::Forbidden | Class::NotFound | Class::Tls)
    }
}

/// An attempt that brought no answer.
struct Failed {
    error: AskError,
    retry_after: Option<Duration>,
}

/// A model that can be asked. Shared by all who ask, and with it rate, places and kept answers.
pub struct Annotator {
    http: reqwest::Client,
    endpoint: Url,
    model: String,
    api_key: Option<SecretString>,
    prompt: Prompt,
    max_tokens: u32,
    json: bool,
    limiter: RateLimiter,
    places: Semaphore,
    retry: RetryConfig,
    kept: Cache<[u8; 32], Answer>,
    clock: Clock,
}

/// Without the key.
impl std::fmt::Debug for Annotator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let endpoint = redact::url(&self.endpoint);
        f.debug_struct("Annotator").field("endpoint", &endpoint).field("model", &self.model).finish_non_exhaustive()
    }
}

impl Annotator {
    /// A client. Sends nothing yet.
    ///
    /// # Errors
    /// When the address is none, or TLS cannot be set up.
    pub fn new(config: &ExternalModelConfig, clock: Clock) -> Result<Self, AskError> {
        let wrong = |why: String| AskError { class: Class::RequestInvalid, why };
        let transport = TransportConfig { request_timeout: config.timeout, ..TransportConfig::default() };
        let per_second = config.per_minute / 60.0;
        let rate = RateConfig {
            per_second,
            burst: (config.concurrency as f64).min(config.per_minute).max(1.0),
            // Models think for a while: that is not trouble.
            slow: config.timeout,
            ..RateConfig::default()
        };
        let retry = RetryConfig { attempts: config.attempts, total: PATIENCE, ..RetryConfig::default() };
        let weigh = |_: &[u8; 32], answer: &Answer| u32::try_from(answer.json.len() + OVERHEAD).unwrap_or(u32::MAX);
        Ok(Self {
            http: transport.plain_client().map_err(|error| wrong(transport_fault(&error).1))?,
            endpoint: config.endpoint().map_err(wrong)?,
            model: config.model.clone(),
            api_key: config.api_key.clone(),
            prompt: Prompt::new(config.prompt.as_deref()),
            max_tokens: config.max_tokens,
            json: config.json,
            limiter: RateLimiter::new(rate),
            places: Semaphore::new(config.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            retry,
            kept: Cache::builder().max_capacity(config.cache_mib << 20).weigher(weigh).build(),
            clock,
        })
    }

    /// Waits between attempts as these settings say.
    #[cfg(test)]
    pub(super) fn with_retry(self, retry: RetryConfig) -> Self {
        Self { retry, ..self }
    }

    /// The model, as the endpoint names it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The prompt's version: another prompt has another.
    pub fn prompt_version(&self) -> &str {
        self.prompt.version()
    }

    /// What the model says of a caption.
    ///
    /// # Errors
    /// When it says nothing that can be used, after as many attempts as help.
    pub async fn ask(&self, caption: &str) -> Result<Answer, AskError> {
        let key = prompt::key(&self.model, &self.prompt, caption);
        if let Some(answer) = self.kept.get(&key) {
            return Ok(Answer { cached: true, ..answer });
        }
        let mut retry = Retry::new(&self.retry, Instant::now());
        loop {
            let failed = match self.attempt(caption).await {
                Ok(answer) => {
                    self.kept.insert(key, answer.clone());
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            let wait = retry.next(failed.error.class, failed.retry_after, Instant::now()).ok_or(failed.error)?;
            // Off its place, so that others are not held up.
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&self, caption: &str) -> Result<Answer, Failed> {
        let closed = |_| self.failed(Class::Network, "the client is closed");
        let _place = self.places.acquire().await.map_err(closed)?;
        self.limiter.acquire().await;
        let begun = Instant::now();
        let outcome = self.exchange(caption).await;
        let (mut bucket, now) = (self.limiter.bucket(), Instant::now());
        match &outcome {
            Err(failed) if failed.error.class.passes_by_itself() => {
                bucket.feed(Feedback::Overloaded, now);
                // The endpoint speaks for all who ask it.
                failed.retry_after.iter().for_each(|wait| bucket.hold_until(now + *wait, now));
            }
            _ => bucket.feed(Feedback::Answered(now - begun), now),
        }
        outcome
    }

    async fn exchange(&self, caption: &str) -> Result<Answer, Failed> {
        let mut request = self.http.post(self.endpoint.clone()).json(&self.body(caption));
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key.expose_secret());
        }
        let broken = |error: reqwest::Error| {
            let (class, why) = transport_fault(&error);
            self.failed(class, &why)
        };
        let mut answer = request.send().await.map_err(broken)?;
        let (status, now) = (answer.status(), self.clock.now());
        let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = asked.and_then(|value| retry_after(value, now));
        let (body, more) = read_body(&mut answer, MAX_BODY).await.map_err(broken)?;
        if !status.is_success() {
            // Before it is cut, which might leave half of a key.
            let said = redact::scrub(&String::from_utf8_lossy(&body), self.api_key.as_ref());
            let said: String = said.chars().take(SHOWN).collect();
            let failed = self.failed(class(status), &format!("HTTP {}: {}", status.as_u16(), said.trim()));
            return Err(Failed { retry_after: wait, ..failed });
        }
        if more {
            return Err(self.failed(Class::FormatDrift, &format!("the answer is longer than {MAX_BODY} bytes")));
        }
        answer::read(&body, self.json).map_err(|why| self.failed(Class::FormatDrift, &why))
    }

    fn body(&self, caption: &str) -> Value {
        let mut body = json!({
            "model": self.model,
            "messages": [{ "role": "user", "content": self.prompt.about(caption) }],
            "max_tokens": self.max_tokens,
            "temperature": 0,
        });
        if self.json {
            body["response_format"] = json!({ "type": "json_object" });
        }
        body
    }

    /// A failure in words that may quote the endpoint, which may quote the key.
    fn failed(&self, class: Class, why: &str) -> Failed {
        let why = redact::scrub(why, self.api_key.as_ref());
        Failed { error: AskError { class, why }, retry_after: None }
    }
}

fn class(status: StatusCode) -> Class {
    match status.as_u16() {
        401 => Class::AuthExpired,
        // Nothing is paid for; no other caption would fare better.
        402 | 403 => Class::Forbidden,
        404 | 405 => Class::NotFound,
        408 => Class::Timeout,
        429 => Class::RateLimited,
        503 => Class::Maintenance,
        500.. => Class::Server,
        _ => Class::RequestInvalid,
    }
}
