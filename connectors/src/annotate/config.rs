//! How to reach the model, and what it is asked.

use super::{prompt, terms};
use crate::client::{Acknowledgement, wire};
use crate::research::duration;
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;
use url::{Host, Url};

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
    /// Whether the daemon asks about what it collects, too.
    #[serde(default)]
    pub enabled: bool,
    /// Which captions the daemon asks about.
    #[serde(default)]
    pub select: Select,
    /// Licence zones whose captions may be handed on although their terms alone do not allow it.
    #[serde(default)]
    pub allow_zones: Vec<String>,
    /// Who approved that, when and for what.
    pub acknowledgement: Option<Acknowledgement>,
}

/// `select`: which captions are asked about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Select {
    /// Captions with fewer letters are not.
    pub min_letters: usize,
    /// ISO 639-1 codes, as the language stage finds them; none means any.
    pub languages: Vec<String>,
    /// Licence zones; absent: all that are allowed.
    pub zones: Option<Vec<String>>,
}

impl Default for Select {
    fn default() -> Self {
        Self { min_letters: 20, languages: Vec::new(), zones: None }
    }
}

impl Select {
    /// Whether a caption in this language is worth a question.
    pub fn wants(&self, caption: &str, language: &str) -> bool {
        let of_language = self.languages.is_empty() || self.languages.iter().any(|wanted| wanted == language);
        of_language && caption.chars().filter(|c| c.is_alphabetic()).nth(self.min_letters.saturating_sub(1)).is_some()
    }
}

impl ExternalModelConfig {
    /// Everything that is wrong, as (key, why).
    pub fn mistakes(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if let Err(why) = self.endpoint() {
            // The address itself may hold a password.
            found.push(("base_url", format!("{why}; write http://127.0.0.1:11434/v1")));
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
        within("select.min_letters", self.select.min_letters, 100_000);
        self.mistakes_of_zones(&mut found);
        found
    }

    fn mistakes_of_zones(&self, found: &mut Vec<(&'static str, String)>) {
        let zones = self.select.zones.iter().flatten();
        for (key, zone) in zones
            .clone()
            .map(|zone| ("select.zones", zone))
            .chain(self.allow_zones.iter().map(|zone| ("allow_zones", zone)))
        {
            if terms::term(zone).is_none() {
                let known: Vec<&str> = terms::TERMS.iter().map(|term| term.zone).collect();
                found.push((key, format!("{zone:?} is no licence zone; they are {}", known.join(", "))));
            }
        }
        if !self.allow_zones.is_empty() && !self.is_acknowledged() {
            let why = "say who approved it, when and for what: acknowledgement = { approval = \"…\" }";
            found.push(("allow_zones", format!("captions are handed on only under an approval; {why}")));
        }
        if self.enabled {
            found.extend(zones.filter_map(|zone| Some(("select.zones", self.may_ask_about(zone).err()?))));
        }
    }

    fn is_acknowledged(&self) -> bool {
        self.acknowledgement.as_ref().is_some_and(|words| !words.approval.trim().is_empty())
    }

    /// Whether the endpoint is this machine, so that nothing is handed on.
    pub fn is_local(&self) -> bool {
        match self.endpoint().ok().as_ref().and_then(Url::host) {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }

    /// May the endpoint be asked about captions of a licence zone?
    ///
    /// # Errors
    /// Why not, and what would help.
    pub fn may_ask_about(&self, zone: &str) -> Result<(), String> {
        let named = self.is_acknowledged() && self.allow_zones.iter().any(|allowed| allowed == zone);
        let term = terms::term(zone);
        if self.is_local() || named || term.is_some_and(|term| term.allowed) {
            return Ok(());
        }
        let because = term.map_or("its terms are not known", |term| term.because);
        Err(format!(
            "no caption of zone {zone} is handed to {}: {because}. Ask a model on this machine, or name the zone in \
             external_model.allow_zones with an acknowledgement",
            self.base_url
        ))
    }

    /// Whether captions of a zone are asked about.
    pub fn asks_about(&self, zone: &str) -> bool {
        let wanted = |zones: &Vec<String>| zones.iter().any(|wanted| wanted == zone);
        self.select.zones.as_ref().is_none_or(wanted) && self.may_ask_about(zone).is_ok()
    }

    /// Where requests go.
    pub(super) fn endpoint(&self) -> Result<Url, String> {
        let address = wire::address(&format!("{}/chat/completions", self.base_url.trim_end_matches('/')))?;
        if !address.username().is_empty() || address.password().is_some() {
            return Err("an address takes no user name and no password; a key goes into api_key".to_owned());
        }
        Ok(address)
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
