//! What an answer other than a page means.

use crate::client::{Class, ClientFault, Route};
use crate::source::{Fault, FaultClass};
use serde_json::Value;
use tidelake_schemas::Timestamp;

/// Error texts of the source are cut to this many characters.
const TEXT_LIMIT: usize = 300;

/// The kinds of trouble, each with its own handling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The token is refused.
    Token,
    /// The app or the user lacks a scope: no token helps.
    Scope,
    /// A search id or a cursor is refused; often it is good and the source is not.
    Stale,
    /// The request itself is refused.
    Request,
    /// Too many requests per minute.
    Rate,
    /// The daily quota is spent.
    Quota,
    /// The gateway gave up waiting: the query is too broad.
    Timeout,
    /// The server is in trouble, or the way to it.
    Server,
    /// The answer cannot be read.
    Format,
}

/// The error part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) log_id: String,
}

impl ErrorBody {
    /// Reads `error` of an answer: an object, or the flat form of the token endpoint.
    pub(super) fn read(answer: &Value) -> Option<Self> {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match answer.get("error")? {
            Value::Object(_) => {
                let error = &answer["error"];
                Some(Self { code: text(error, "code"), message: text(error, "message"), log_id: text(error, "log_id") })
            }
            Value::String(code) => Some(Self {
                code: code.clone(),
                message: text(answer, "error_description"),
                log_id: text(answer, "log_id"),
            }),
            _ => None,
        }
    }

    /// Code, message and log id as one text.
    pub(super) fn describe(&self, status: u16) -> String {
        let message: String = self.message.chars().take(TEXT_LIMIT).collect();
        let log_id = if self.log_id.is_empty() { String::new() } else { format!(" (log id {})", self.log_id) };
        format!("HTTP {status} {}: {message}{log_id}", self.code)
    }
}

/// What an error code (or, where there is none, an HTTP status) asks for.
pub(super) fn classify(status: u16, error: &ErrorBody) -> Trouble {
    match error.code.as_str() {
        "access_token_invalid" => Trouble::Token,
        "scope_not_authorized" | "scope_permission_missed" => Trouble::Scope,
        "invalid_params" | "invalid_param" | "invalid_request" => classify_refusal(&error.message),
        "rate_limit_exceeded" => Trouble::Rate,
        "daily_quota_limit_exceeded" => Trouble::Quota,
        "timeout" => Trouble::Timeout,
        "internal_error" if status != 504 => Trouble::Server,
        _ => classify_status(status),
    }
}

fn classify_status(status: u16) -> Trouble {
    match status {
        401 => Trouble::Token,
        403 => Trouble::Scope,
        408 | 504 => Trouble::Timeout,
        429 => Trouble::Rate,
        400..=499 => Trouble::Request,
        500..=599 => Trouble::Server,
        _ => Trouble::Format,
    }
}

/// The two messages that come for good requests, too.
fn classify_refusal(message: &str) -> Trouble {
    let message = message.to_lowercase();
    let search_id = message.contains("search id") || message.contains("search_id");
    if search_id || message.contains("count or cursor") { Trouble::Stale } else { Trouble::Request }
}

impl Trouble {
    /// The fault when this trouble could not be outlasted.
    pub(super) fn fault(self, operation: &str, message: String, requests: i32, retry_at: Option<Timestamp>) -> Fault {
        let (class, action) = match self {
            Self::Token => (FaultClass::Auth, "Check client_key and client_secret of the research project"),
            Self::Scope => (FaultClass::Auth, "Ask TikTok for the scope research.data.basic for this client key"),
            Self::Request => (FaultClass::Request, "Correct the task; the source will refuse it again as it is"),
            Self::Rate => (FaultClass::Limited, "Wait; let fewer tasks run at the same time if this comes often"),
            Self::Quota => (FaultClass::Limited, "Wait for 00:00 UTC, when the daily quota is free again"),
            Self::Stale => (FaultClass::Transient, "Wait; the search goes on where it stopped"),
            Self::Timeout => (FaultClass::Transient, "Wait; if it comes again, narrow the query"),
            Self::Server => (FaultClass::Transient, "Wait; TikTok's servers have hours of trouble at times"),
            Self::Format => {
                (FaultClass::Format, "Check base_url; if it is right, the API has changed: update tidelake")
            }
        };
        let cause = ClientFault::new(self.class(), Route::ResearchApi, operation, String::new(), &message);
        let fault = Fault::new(class, operation, message, format!("{action}."));
        Fault { retry_at, requests, cause: Some(Box::new(cause)), ..fault }
    }

    fn class(self) -> Class {
        match self {
            Self::Token => Class::AuthExpired,
            Self::Scope => Class::ScopeMissing,
            Self::Request => Class::RequestInvalid,
            Self::Rate => Class::RateLimited,
            Self::Quota => Class::Quota,
            Self::Stale | Self::Server => Class::Server,
            Self::Timeout => Class::Timeout,
            Self::Format => Class::FormatDrift,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(status: u16, code: &str, message: &str) -> Trouble {
        classify(status, &ErrorBody { code: code.into(), message: message.into(), log_id: String::new() })
    }

    #[test]
    fn the_fault_table() {
        assert_eq!(of(400, "invalid_params", "Search Id 735 is invalid or expired"), Trouble::Stale);
        assert_eq!(of(400, "invalid_params", "Invalid count or cursor"), Trouble::Stale);
        assert_eq!(of(400, "invalid_params", "user x is invalid: cannot find the user"), Trouble::Request);
        assert_eq!(of(200, "invalid_param", "The query is malformed"), Trouble::Request);
        assert_eq!(of(401, "access_token_invalid", ""), Trouble::Token);
        assert_eq!(of(401, "scope_permission_missed", ""), Trouble::Scope);
        assert_eq!(of(429, "rate_limit_exceeded", ""), Trouble::Rate);
        assert_eq!(of(429, "daily_quota_limit_exceeded", ""), Trouble::Quota);
        assert_eq!(of(500, "internal_error", ""), Trouble::Server);
        assert_eq!(of(504, "", ""), Trouble::Timeout);
        assert_eq!(of(504, "timeout", ""), Trouble::Timeout);
        assert_eq!(of(502, "", ""), Trouble::Server);
        assert_eq!(of(200, "", ""), Trouble::Format);
    }

    #[test]
    fn both_forms_of_an_error() {
        let struct_form = json!({"error": {"code": "invalid_params", "message": "m", "log_id": "l"}});
        let flat = json!({"error": "invalid_client", "error_description": "d", "log_id": "l"});
        assert_eq!(
            ErrorBody::read(&struct_form).map(|e| e.describe(400)).as_deref(),
            Some("HTTP 400 invalid_params: m (log id l)")
        );
        assert_eq!(ErrorBody::read(&flat).map(|e| (e.code, e.message)), Some(("invalid_client".into(), "d".into())));
        assert_eq!(ErrorBody::read(&json!({"data": {}})), None);
    }
}
