//! What an answer of the oEmbed route means.
//!
//! Documented is only the good answer. Known from users: HTTP 400 `{"message":"Something went wrong","code":400}` for
//! what it does not tell (removed, private, another host); as for the rest of TikTok's website, pages, captchas and
//! empty answers instead of JSON are refusals, to be met by waiting.

use crate::source::{Fault, FaultClass};
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
    pub(super) kind: TroubleKind,
    pub(super) message: String,
    pub(super) retry_after: Option<Duration>,
}

/// The kinds of trouble, each with its own handling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TroubleKind {
    /// Too many requests: wait.
    Limited,
    /// Refused as a client: wait longer, and do nothing else.
    Blocked,
    /// The server, or the way to it.
    Server,
    /// Nothing that is known.
    Format,
}

/// What an answer means.
pub(super) fn read(raw: &Raw) -> Verdict {
    let status = raw.status;
    match status {
        429 | 503 => raw.trouble(TroubleKind::Limited, "too many requests"),
        401 | 403 => raw.trouble(TroubleKind::Blocked, "refused"),
        500.. => raw.trouble(TroubleKind::Server, "trouble of the server"),
        300..=399 => raw.redirected(),
        404 | 410 => refused("not_found", status, &raw.said()),
        _ if raw.body.iter().all(u8::is_ascii_whitespace) => raw.trouble(
            TroubleKind::Blocked,
            "an answer without a byte, which is how TikTok refuses what it takes for a bot",
        ),
        _ => raw.content(),
    }
}

impl Raw {
    fn trouble(&self, kind: TroubleKind, what: &str) -> Verdict {
        let message = format!("HTTP {}: {what}", self.status);
        Verdict::Trouble(Trouble { kind, message, retry_after: self.retry_after })
    }

    fn redirected(&self) -> Verdict {
        let to = self.location.as_deref().unwrap_or("nowhere");
        if to.contains("/login") {
            return self.trouble(TroubleKind::Blocked, "redirected to the login page");
        }
        let to: String = to.chars().take(TEXT_LIMIT).collect();
        self.trouble(TroubleKind::Format, &format!("redirected to {to}"))
    }

    fn content(&self) -> Verdict {
        let text = tidelake_schemas::json::repair(&self.body);
        if text.trim_start().starts_with('<') {
            return self.trouble(TroubleKind::Blocked, page(&text));
        }
        let Ok(answer) = serde_json::from_str::<Value>(&text) else {
            return self.trouble(TroubleKind::Format, "neither JSON nor a page");
        };
        if text.contains("too frequently") && answer.get("html").is_none() {
            return self.trouble(TroubleKind::Limited, "too many requests");
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
fn page(text: &str) -> &'static str {
    if text.contains("_wafchallengeid") || text.contains("Please wait") {
        "the page of TikTok's firewall instead of JSON"
    } else if text.contains("captcha") || text.contains("tiktok-verify-ele") {
        "a captcha page instead of JSON"
    } else {
        "a page instead of JSON"
    }
}

impl Trouble {
    /// When to ask again: as the answer says, else after the pause of refusals; trouble of the server is left to the
    /// caller's back-off.
    pub(super) fn retry_at(&self, now: Timestamp, block_pause: Duration) -> Option<Timestamp> {
        let wait = match self.kind {
            TroubleKind::Blocked => Some(self.retry_after.unwrap_or(block_pause)),
            _ => self.retry_after,
        };
        wait.map(|wait| now.plus_secs(i64::try_from(wait.as_secs().max(1)).unwrap_or(i64::MAX / 2_000_000)))
    }

    /// The fault when nothing was got.
    pub(super) fn fault(&self, requests: i32, retry_at: Option<Timestamp>) -> Fault {
        let (class, action) = match self.kind {
            TroubleKind::Limited => (FaultClass::Limited, "Wait; raise [oembed] pause if this comes often"),
            TroubleKind::Blocked => {
                (FaultClass::Limited, "Wait: TikTok does not want these requests now; nothing is done to get around it")
            }
            TroubleKind::Server => (FaultClass::Transient, "Wait; the task goes on where it stopped"),
            TroubleKind::Format => {
                (FaultClass::Format, "Check [oembed] base_url; if it is right, the route has changed: update tidelake")
            }
        };
        let (message, action) = (self.message.clone(), format!("{action}."));
        Fault { class, operation: "oembed".into(), message, action, retry_at, requests }
    }
}
