//! How to reach the model, and what it is asked.

use super::prompt;
use crate::client::wire;
use crate::research::duration;
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// `[external_model]`: an endpoint of chat completions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalModelConfig {
    /// What stands before `/chat/completions`: `http://127.0.0.1:11434/v1`.
    pub base_url: String,
    /// The model, as the endpoint names it.
    pub model: String,
    /// Sent as a bearer token. Local servers need none.
    pub api_key: Option<SecretString>,
    /// What is asked; `{caption}` stands for the caption. Absent: summary, topics, brands and language, as JSON.
    pub prompt: Option<String>,
    /// Requests per minute in the long run, repeated ones included.
    #[serde(default = "per_minute")]
    pub per_minute: f64,
    /// One request, from connecting to the last byte.
    #[serde(default = "timeout", deserialize_with = "duration")]
    pub timeout: Duration,
    /// Requests at the same time.
    #[serde(default = "concurrency")]
    pub concurrency: usize,
    /// Tokens of an answer at most.
    #[serde(default = "max_tokens")]
    pub max_tokens: u32,
    /// Answers must be JSON objects, and the endpoint is told so.
    #[serde(default = "json")]
    pub json: bool,
    /// Requests in a row for one caption while the endpoint is in trouble or throttles.
    #[serde(default = "attempts")]
    pub attempts: u32,
    /// Memory for answers that are kept, in MiB; the least recently used go first.
    #[serde(default = "cache_mib")]
    pub cache_mib: u64,
}

impl ExternalModelConfig {
    /// Everything that is wrong, as (key, why).
    pub fn mistakes(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if let Err(why) = self.endpoint() {
            found.push(("base_url", format!("{:?}: {why}; write http://127.0.0.1:11434/v1", self.base_url)));
        }
        if self.model.trim().is_empty() {
            found.push(("model", "no model is named".to_owned()));
        }
        if self.prompt.as_ref().is_some_and(|prompt| !prompt.contains(prompt::CAPTION)) {
            found.push(("prompt", format!("{} stands nowhere in it", prompt::CAPTION)));
        }
        if !(self.per_minute > 0.0 && self.per_minute <= 60_000.0) {
            found.push(("per_minute", format!("{} is not above 0 and at most 60000", self.per_minute)));
        }
        let mut within = |key, value: usize, to: usize| {
            if !(1..=to).contains(&value) {
                found.push((key, format!("{value} is not from 1 to {to}")));
            }
        };
        within("concurrency", self.concurrency, 256);
        within("max_tokens", self.max_tokens as usize, 1 << 20);
        within("attempts", self.attempts as usize, 20);
        found
    }

    /// Where requests go.
    pub(super) fn endpoint(&self) -> Result<Url, String> {
        wire::address(&format!("{}/chat/completions", self.base_url.trim_end_matches('/')))
    }
}

fn per_minute() -> f64 {
    60.0
}

fn timeout() -> Duration {
    Duration::from_secs(60)
}

fn concurrency() -> usize {
    4
}

fn max_tokens() -> u32 {
    400
}

fn json() -> bool {
    true
}

fn attempts() -> u32 {
    4
}

fn cache_mib() -> u64 {
    16
}
