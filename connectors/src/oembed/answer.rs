//! What an answer of the oEmbed route means.
//!
//! Documented is only the good answer. Known from users: HTTP 400 `{"message":"Something went wrong","code":400}` for
//! what it does not tell (removed, private, another host); as for the rest of TikTok's website, pages, captchas and
//! empty answers instead of JSON are refusals, to be met by waiting.

use crate::client::fault::Group;
use crate::client::{Class, ClientFault, Route};
use crate::source::Fault;
use serde_json::Value;
use std::time::Duration;
use tidelake_schemas::Timestamp;

/// Texts of the source are cut to this many characters.
const TEXT_LIMIT: usize = 120;

/// An answer as it came.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// What it means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// JSON that should be a card; whether it is one is told by whoever reads it.
    Card(Value),
    /// This link gets no card. Others may.
    Refused(Refused),
    /// No link will get one now.
    Trouble(Trouble),
}

/// Why a link brought no observation: a fact for the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// In one word.
    pub(super) reason: &'static str,
    /// What was answered.
    pub(super) said: String,
}

/// Trouble that is not about the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) class: Class,
    pub(super) message: String,
    pub(super) retry_after: Option<Duration>,
}

/// What an answer means.
pub(super) fn read(raw: &Raw) -> Verdict {
    let status = raw.status;
    match status {
        429 | 503 => raw.trouble(Class::RateLimited, "too many requests"),
        401 | 403 => raw.trouble(Class::Forbidden, "refused"),
        504 => raw.trouble(Class::Timeout, "the gateway gave up waiting"),
        500.. => raw.trouble(Class::Server, "trouble of the server"),
        300..=399 => raw.redirected(),
        404 | 410 => refused("not_found", status, &raw.said()),
        _ if raw.body.iter().all(u8::is_ascii_whitespace) => raw.trouble(
            Class::EmptyAnswer,
            "an answer without a byte, which is how TikTok refuses what it takes for a bot",
        ),
        _ => raw.content(),
    }
}

impl Raw {
    fn trouble(&self, class: Class, what: &str) -> Verdict {
        let message = format!("HTTP {}: {what}", self.status);
        Verdict::Trouble(Trouble { class, message, retry_after: self.retry_after })
    }

    fn redirected(&self) -> Verdict {
        let to = self.location.as_deref().unwrap_or("nowhere");
        if to.contains("/login") {
            return self.trouble(Class::LoginWall, "redirected to the login page");
        }
        let to: String = to.chars().take(TEXT_LIMIT).collect();
        self.trouble(Class::FormatDrift, &format!("redirected to {to}"))
    }

    fn content(&self) -> Verdict {
        let text = tidelake_schemas::json::repair(&self.body);
        if text.trim_start().starts_with('<') {
            let (class, what) = page(&text);
            return self.trouble(class, what);
        }
        let Ok(answer) = serde_json::from_str::<Value>(&text) else {
            return self.trouble(Class::FormatDrift, "neither JSON nor a page");
        };
        if text.contains("too frequently") && answer.get("html").is_none() {
            return self.trouble(Class::RateLimited, "too many requests");
        }
        let refusal = ["code", "status_code", "statusCode", "status_msg", "message"];
        let refuses = answer.get("html").is_none() && refusal.iter().any(|key| answer.get(key).is_some());
        if self.status >= 400 || refuses {
            return refused("unavailable", self.status, &self.said());
        }
        Verdict::Card(answer)
    }

    /// The message of an error answer.
    fn said(&self) -> String {
        let answer: Option<Value> = serde_json::from_slice(&self.body).ok();
        let text = answer
            .as_ref()
            .and_then(|answer| ["message", "status_msg", "statusMsg"].iter().find_map(|key| answer.get(key)?.as_str()));
        text.unwrap_or_default().chars().take(TEXT_LIMIT).collect()
    }
}

fn refused(reason: &'static str, status: u16, said: &str) -> Verdict {
    let said = if said.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status} {said}") };
    Verdict::Refused(Refused { reason, said })
}

/// Which page came instead of JSON.
fn page(text: &str) -> (Class, &'static str) {
    if text.contains("_wafchallengeid") || text.contains("Please wait") {
        (Class::Waf, "the page of TikTok's firewall instead of JSON")
    } else if text.contains("captcha") || text.contains("tiktok-verify-ele") {
        (Class::Captcha, "a captcha page instead of JSON")
    } else if text.contains("too frequently") {
        (Class::RateLimited, "too many requests")
    } else {
        (Class::Forbidden, "a page instead of JSON")
    }
}

impl Trouble {
    /// When to ask again: as the answer says, else after the pause of refusals; trouble of the server is left to the
    /// caller's back-off.
    pub(super) fn retry_at(&self, now: Timestamp, block_pause: Duration) -> Option<Timestamp> {
        let wait = match self.class.group() {
            Group::Block => Some(self.retry_after.unwrap_or(block_pause)),
            _ => self.retry_after,
        };
        wait.map(|wait| now.plus_secs(i64::try_from(wait.as_secs().max(1)).unwrap_or(i64::MAX / 2_000_000)))
    }

    /// The fault, at this address.
    pub(super) fn fault(&self, url: &str, requests: i32, retry_at: Option<Timestamp>) -> Fault {
        let requests = u32::try_from(requests).unwrap_or_default();
        let fault = ClientFault::new(self.class, Route::Oembed, "oembed", url.to_owned(), &self.message);
        ClientFault { retry_at, requests, ..fault }.into()
    }
}
