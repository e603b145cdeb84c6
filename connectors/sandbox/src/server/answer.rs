//! Answers and refusals in the v2 form.

use super::shared::Shared;
use serde_json::{Value, json};
use std::borrow::Cow;

/// An answer before it becomes HTTP.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    /// Where a redirect leads.
    pub(super) location: Option<String>,
    /// Facebook's `X-App-Usage`.
    pub(super) usage: Option<String>,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            body: body.to_string().into_bytes(),
            location: None,
            usage: None,
        }
    }

    pub(super) fn html(status: u16, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/html", body: body.into().into_bytes(), location: None, usage: None }
    }

    pub(super) fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self { location: Some(location.into()), ..Self::html(status, "") }
    }

    /// `data` of a good answer.
    pub(super) fn ok(shared: &Shared, data: Value) -> Self {
        let error = json!({"code": "ok", "message": "", "log_id": shared.log_id()});
        Self::json(200, &json!({"data": data, "error": error}))
    }
}

/// A request that gets no data.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: Cow<'static, str>,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_params", message)
    }

    pub(super) fn count_or_cursor() -> Self {
        Self::params("Invalid count or cursor")
    }

    pub(super) fn search_id(id: &str) -> Self {
        Self::params(format!("Search Id {id} is invalid or expired"))
    }

    pub(super) fn token() -> Self {
        let message = "The access token is invalid or not found in the request.";
        Self::new(401, "access_token_invalid", message)
    }

    pub(super) fn into_answer(self, shared: &Shared) -> Answer {
        if self.status == 504 {
            return Answer::html(504, "<html><head><title>504 Gateway Time-out</title></head><body></body></html>");
        }
        let error = json!({"code": self.code, "message": self.message, "log_id": shared.log_id()});
        Answer::json(self.status, &json!({"data": {}, "error": error}))
    }
}
