//! What went wrong, as RFC 9457 puts it: `application/problem+json`.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer that says what went wrong.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    /// Which kind of problem: `tag:tidelake,2026:` and a word.
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    /// The SQLSTATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("tag:tidelake,2026:{kind}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            code: None,
        }
    }

    pub(super) fn with_code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(CONTENT_TYPE, "application/problem+json")], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let asks = axum::http::HeaderValue::from_static("Basic realm=\"tidelake\", Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, asks);
        }
        response
    }
}
