//! `POST /v2/oauth/token/`: client credentials, with flat errors.

use super::answer::Answer;
use super::shared::Shared;
use crate::{Credentials, Endpoint, FaultKind};
use serde_json::json;
use std::collections::HashMap;

/// A form, or `None` when the body is not one.
pub(super) type Form = Option<HashMap<String, String>>;

/// Answers a request for a token.
pub(super) fn answer(shared: &Shared, form: &Form) -> Answer {
    match check(shared, form) {
        Ok(()) => {
            let token = shared.issue_token();
            let life = shared.config.token_seconds;
            Answer::json(200, &json!({"access_token": token, "expires_in": life, "token_type": "Bearer"}))
        }
        Err((error, description)) => {
            let body = json!({"error": error, "error_description": description, "log_id": shared.log_id()});
            Answer::json(shared.config.oauth_error_status, &body)
        }
    }
}

type FlatError = (&'static str, &'static str);

fn check(shared: &Shared, form: &Form) -> Result<(), FlatError> {
    let malformed = ("invalid_request", "The request parameters are malformed.");
    let form = form.as_ref().ok_or(malformed)?;
    let field = |name: &str| form.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or(malformed);
    if field("grant_type")? != "client_credentials" {
        return Err(("unsupported_grant_type", "The grant type is not supported."));
    }
    let given =
        Credentials { client_key: field("client_key")?.to_owned(), client_secret: field("client_secret")?.to_owned() };
    let is_good = shared.config.credentials.as_ref().is_none_or(|known| *known == given);
    if !is_good || shared.strikes(FaultKind::OauthRefused, Endpoint::Token) {
        return Err(("invalid_client", "Client key or secret is incorrect."));
    }
    Ok(())
}
