//! `POST /v2/oauth/token/` and `/v2/oauth/revoke/`: client credentials, codes with PKCE, refresh tokens that change;
//! with flat errors.

use super::answer::Answer;
use super::display::open_id;
use super::grants::{Issued, Lives};
use super::shared::{Shared, lock};
use crate::{Credentials, Endpoint, FaultKind};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use std::collections::HashMap;

/// A form, or `None` when the body is not one.
pub(super) type Form = Option<HashMap<String, String>>;

type FlatError = (&'static str, &'static str);

/// The documented codes of refusals.
const ERRORS: [&str; 10] = [
    "access_denied",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
];

const MALFORMED: FlatError = ("invalid_request", "The request parameters are malformed.");

/// Answers a request for a token.
pub(super) fn answer(shared: &Shared, form: &Form) -> Answer {
    respond(shared, grant(shared, form))
}

/// Takes a consent back: an empty answer.
pub(super) fn revoke(shared: &Shared, form: &Form) -> Answer {
    let revoked = Fields::read(shared, form, Endpoint::Revoke).and_then(|fields| {
        let known = lock(&shared.grants).revoke(fields.get("token")?);
        if known { Ok(()) } else { Err(("invalid_grant", "The token is invalid or expired.")) }
    });
    match revoked {
        Ok(()) => Answer { content_type: "application/json", ..Answer::html(200, "") },
        Err(error) => respond(shared, Err(error)),
    }
}

fn respond(shared: &Shared, outcome: Result<Value, FlatError>) -> Answer {
    match outcome {
        Ok(tokens) => Answer::json(200, &tokens),
        Err((error, description)) => {
            let body = json!({"error": error, "error_description": description, "log_id": shared.log_id()});
            Answer::json(shared.config.oauth_error_status, &body)
        }
    }
}

/// The fields of a form whose client is known.
struct Fields<'a>(&'a HashMap<String, String>);

impl<'a> Fields<'a> {
    fn read(shared: &Shared, form: &'a Form, endpoint: Endpoint) -> Result<Self, FlatError> {
        let fields = Self(form.as_ref().ok_or(MALFORMED)?);
        let given = Credentials {
            client_key: fields.get("client_key")?.to_owned(),
            client_secret: fields.get("client_secret")?.to_owned(),
        };
        let is_good = shared.config.credentials.as_ref().is_none_or(|known| *known == given);
        if let Some(rule) = shared.strike(FaultKind::OauthRefused, endpoint) {
            let known = ERRORS.into_iter().find(|code| rule.says.as_deref() == Some(*code));
            return Err((known.unwrap_or("invalid_client"), "The request is refused."));
        }
        if !is_good {
            return Err(("invalid_client", "Client key or secret is incorrect."));
        }
        Ok(fields)
    }

    fn get(&self, name: &str) -> Result<&'a str, FlatError> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or(MALFORMED)
    }
}

fn grant(shared: &Shared, form: &Form) -> Result<Value, FlatError> {
    let kind = form.as_ref().and_then(|form| form.get("grant_type")).ok_or(MALFORMED)?;
    let known = ["client_credentials", "authorization_code", "refresh_token"].contains(&kind.as_str());
    if !known {
        return Err(("unsupported_grant_type", "The grant type is not supported."));
    }
    let fields = Fields::read(shared, form, Endpoint::Token)?;
    match kind.as_str() {
        "authorization_code" => redeem(shared, &fields).map(|issued| user_tokens(shared, &issued)),
        "refresh_token" => renew(shared, &fields).map(|issued| user_tokens(shared, &issued)),
        _ => {
            let (token, life) = (shared.issue_token(), shared.config.token_seconds);
            Ok(json!({"access_token": token, "expires_in": life, "token_type": "Bearer"}))
        }
    }
}

fn lives(shared: &Shared) -> Lives {
    let config = &shared.config;
    Lives { access_s: config.token_seconds, refresh_s: config.refresh_seconds, rotates: config.rotates_refresh_tokens }
}

fn redeem(shared: &Shared, fields: &Fields<'_>) -> Result<Issued, FlatError> {
    if let Ok(verifier) = fields.get("code_verifier") {
        shared.keep_secret(verifier);
    }
    let (now, expired) = (shared.now(), ("invalid_grant", "Authorization code is expired."));
    let mut grants = lock(&shared.grants);
    let pending = grants.redeem(fields.get("code")?, now).ok_or(expired)?;
    if pending.consent.client_key != fields.get("client_key")? {
        return Err(("invalid_client", "The code was given to another client."));
    }
    if pending.redirect_uri != fields.get("redirect_uri")? {
        return Err(("invalid_request", "Redirect_uri is not matched with the uri when requesting code."));
    }
    if let Some(challenge) = &pending.challenge
        && *challenge != hex(digest(&SHA256, fields.get("code_verifier")?.as_bytes()).as_ref())
    {
        return Err(("invalid_request", "Code verifier or code challenge is invalid."));
    }
    Ok(grants.issue(pending.consent, lives(shared), now, |kind| shared.user_token(kind)))
}

fn renew(shared: &Shared, fields: &Fields<'_>) -> Result<Issued, FlatError> {
    let (token, client_key) = (fields.get("refresh_token")?, fields.get("client_key")?);
    let mut grants = lock(&shared.grants);
    if shared.strikes(FaultKind::ConsentRevoked, Endpoint::Token) {
        grants.revoke(token);
    }
    let issued = grants.renew(token, client_key, lives(shared), shared.now(), |kind| shared.user_token(kind));
    issued.ok_or(("invalid_grant", "Refresh token is invalid or expired."))
}

fn user_tokens(shared: &Shared, issued: &Issued) -> Value {
    let scopes: Vec<&str> = issued.consent.scopes.iter().map(String::as_str).collect();
    json!({
        "open_id": open_id(shared, &issued.consent), "scope": scopes.join(","), "access_token": issued.access,
        "expires_in": shared.config.token_seconds, "refresh_token": issued.refresh,
        "refresh_expires_in": shared.config.refresh_seconds, "token_type": "Bearer",
    })
}

/// TikTok's PKCE challenge has hexadecimal digits where RFC 7636 has base64url.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
