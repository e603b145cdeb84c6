//! What an answer of the oEmbed route means, once the client layer has told blocks and troubles apart.
//!
//! Documented is only the good answer. Known from users: HTTP 400 `{"message":"Something went wrong","code":400}` for
//! what it does not tell (removed, private, another host), and such messages with HTTP 200 (tiktok-surfaces §5).

use crate::client::fault::Group;
use crate::client::{Class, ClientFault, Response, Route};
use serde_json::Value;

/// Texts of the source are cut to this many characters.
const TEXT_LIMIT: usize = 120;

/// What it means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// JSON that should be a card; whether it is one is told by whoever reads it.
    Card(Value),
    /// This link gets no card. Others may.
    Refused(Refused),
}

/// Why a link brought no observation: a fact for the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// In one word.
    pub(super) reason: &'static str,
    /// What was answered.
    pub(super) said: String,
}

/// What an answer means.
///
/// # Errors
/// What is not about the link: no other one will get a card now, either.
pub(super) fn read(answer: Result<Response, ClientFault>) -> Result<Verdict, ClientFault> {
    match answer {
        Ok(response) => card(&response),
        Err(fault) if matches!(fault.class.group(), Group::Entity | Group::Request) => {
            let reason = if fault.class == Class::RequestInvalid { "unavailable" } else { fault.class.name() };
            Ok(refused(reason, &fault.context.details))
        }
        Err(fault) => Err(fault),
    }
}

fn card(response: &Response) -> Result<Verdict, ClientFault> {
    let Ok(answer) = response.json::<Value>() else {
        let details = format!("HTTP {}: neither JSON nor a page", response.status);
        return Err(ClientFault::new(Class::FormatDrift, Route::Oembed, super::ROUTE, String::new(), &details));
    };
    let refusal = ["code", "status_code", "statusCode", "status_msg", "message"];
    if answer.get("html").is_some() || refusal.iter().all(|key| answer.get(key).is_none()) {
        return Ok(Verdict::Card(answer));
    }
    let text = ["message", "status_msg", "statusMsg"].iter().find_map(|key| answer.get(key)?.as_str());
    Ok(refused("unavailable", format!("HTTP {} {}", response.status, text.unwrap_or_default()).trim_end()))
}

fn refused(reason: &'static str, said: &str) -> Verdict {
    Verdict::Refused(Refused { reason, said: said.chars().take(TEXT_LIMIT).collect() })
}
