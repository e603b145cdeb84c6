//! `/v2/oauth/token/` and `/v2/oauth/revoke/` (tiktok-surfaces §2): forms, and errors that are flat.

use super::config::DisplayConfig;
use super::fault::{self, About};
use super::tokens::Tokens;
use crate::client::{Body, Clock, Expect, HttpClient, Request};
use crate::source::Fault;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

const TOKEN: &str = "display oauth/token";
const REVOKE: &str = "display oauth/revoke";

/// What a refresh token that is good for nothing any more is answered with.
pub(super) const GONE: &str = "invalid_grant";

type Form = Vec<(&'static str, SecretString)>;

/// The app before TikTok.
#[derive(Debug)]
pub(super) struct OAuth {
    http: HttpClient,
    base: Url,
    client_key: String,
    client_secret: SecretString,
    clock: Clock,
}

/// A refused request, and the code that TikTok gave.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) fault: Fault,
    pub(super) code: Option<Box<str>>,
}

impl Refusal {
    /// The owner's consent has ended, or the token was one of before.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.code.as_deref(), Some(GONE | "access_token_invalid"))
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { fault, code: None }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        refusal.fault
    }
}

impl OAuth {
    pub(super) fn new(http: HttpClient, base: Url, config: &DisplayConfig, clock: Clock) -> Self {
        let (client_key, client_secret) = (config.client_key.clone(), config.client_secret.clone());
        Self { http, base, client_key, client_secret, clock }
    }

    /// Tokens for the code of a redirect. Both can be used once.
    pub(super) async fn exchange(
        &self,
        code: SecretString,
        redirect_uri: &str,
        verifier: SecretString,
    ) -> Result<Tokens, Refusal> {
        let mut form = self.form("authorization_code");
        form.push(("code", code));
        // "Must equal the one of the authorise step" (§2).
        form.push(("redirect_uri", SecretString::from(redirect_uri)));
        form.push(("code_verifier", verifier));
        self.tokens(form, None, About::default()).await
    }

    /// Tokens for a refresh token, which may be good for nothing afterwards.
    pub(super) async fn refresh(
        &self,
        token: &SecretString,
        before: &Tokens,
        about: About<'_>,
    ) -> Result<Tokens, Refusal> {
        let mut form = self.form("refresh_token");
        form.push(("refresh_token", token.clone()));
        self.tokens(form, Some(before), about).await
    }

    /// Takes the owner's consent back.
    pub(super) async fn revoke(&self, token: &SecretString, about: About<'_>) -> Result<(), Refusal> {
        let form = vec![
            ("client_key", SecretString::from(self.client_key.as_str())),
            ("client_secret", self.client_secret.clone()),
            ("token", token.clone()),
        ];
        // "Empty body on success" (§2).
        let request = Request { expect: Expect::default(), ..self.request(REVOKE, "v2/oauth/revoke/", form) };
        self.send(request, about).await.map(drop)
    }

    fn form(&self, grant_type: &str) -> Form {
        vec![
            ("client_key", SecretString::from(self.client_key.as_str())),
            ("client_secret", self.client_secret.clone()),
            ("grant_type", SecretString::from(grant_type)),
        ]
    }

    fn request(&self, operation: &str, path: &str, form: Form) -> Request {
        let mut url = self.base.clone();
        url.set_path(path);
        // What such a request carries may be used up by the first one that arrives.
        Request { body: Body::Form(form), repeat: false, ..Request::new(operation, Method::POST, url) }
    }

    async fn tokens(&self, form: Form, before: Option<&Tokens>, about: About<'_>) -> Result<Tokens, Refusal> {
        let answer = self.send(self.request(TOKEN, "v2/oauth/token/", form), about).await?;
        let unreadable = |what: String| Refusal::from(fault::unreadable(TOKEN, what));
        let answer: Value = answer.json().map_err(|e| unreadable(format!("the answer is no JSON: {e}")))?;
        Tokens::read(&answer, before, self.clock.now()).map_err(|what| unreadable(what.to_owned()))
    }

    async fn send(&self, request: Request, about: About<'_>) -> Result<crate::client::Response, Refusal> {
        self.http.send(request).await.map_err(|refused| {
            let code = refused.context.code.as_deref().map(Into::into);
            Refusal { fault: about.fault(refused), code }
        })
    }
}
