//! The client token: one for all tasks of a client key, renewed before it expires.

use super::config::ResearchConfig;
use super::fault::{self, unreadable};
use crate::client::{Body, Class, ClientFault, Clock, Expect, HttpClient, Request};
use crate::source::{Fault, FaultClass};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::Url;

const OPERATION: &str = "oauth/token";

/// A token, and which renewal it came from.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) secret: SecretString,
    generation: u64,
    renew_at: Option<Instant>,
}

impl Token {
    fn is_fresh(&self) -> bool {
        self.renew_at.is_none_or(|at| Instant::now() < at)
    }
}

/// Gives the current token. Who asks while another asks waits for that answer instead of asking again.
#[derive(Debug)]
pub(super) struct TokenSource {
    http: Arc<HttpClient>,
    clock: Clock,
    url: Url,
    client_key: String,
    client_secret: SecretString,
    margin: Duration,
    current: Mutex<Option<Token>>,
}

impl TokenSource {
    pub(super) fn new(http: Arc<HttpClient>, clock: Clock, url: Url, config: &ResearchConfig) -> Self {
        Self {
            http,
            clock,
            url,
            client_key: config.client_key.clone(),
            client_secret: config.client_secret.clone(),
            margin: config.patience.token_margin,
            current: Mutex::new(None),
        }
    }

    /// The token to use now.
    pub(super) async fn get(&self) -> Result<Token, Fault> {
        let mut current = self.current.lock().await;
        match current.as_ref().filter(|token| token.is_fresh()) {
            Some(token) => Ok(token.clone()),
            None => self.renew(&mut current).await,
        }
    }

    /// A token that is not the refused one: the current one if another caller has renewed it since.
    pub(super) async fn replace(&self, refused: &Token) -> Result<Token, Fault> {
        let mut current = self.current.lock().await;
        match current.as_ref().filter(|token| token.generation > refused.generation) {
            Some(token) => Ok(token.clone()),
            None => self.renew(&mut current).await,
        }
    }

    /// A new token, whatever the current one is worth.
    pub(super) async fn fresh(&self) -> Result<Token, Fault> {
        let mut current = self.current.lock().await;
        self.renew(&mut current).await
    }

    async fn renew(&self, current: &mut Option<Token>) -> Result<Token, Fault> {
        let generation = current.as_ref().map_or(0, |token| token.generation + 1);
        let answer = self.ask().await?;
        let Some(secret) = answer.get("access_token").and_then(Value::as_str) else {
            return Err(unreadable(OPERATION, "the answer has no access_token".into(), 0));
        };
        let life = crate::reading::opt_i64(&answer, "expires_in").and_then(|secs| u64::try_from(secs).ok());
        let token = Token {
            secret: SecretString::from(secret),
            generation,
            renew_at: life.map(|secs| Instant::now() + self.usable(Duration::from_secs(secs))),
        };
        tracing::debug!(expires_in_s = life, "new client token");
        Ok(current.insert(token).clone())
    }

    /// How long a token is used: its life less the margin, but at least half of it.
    fn usable(&self, life: Duration) -> Duration {
        life.saturating_sub(self.margin).max(life / 2)
    }

    /// Errors are flat here, and may come with HTTP 200.
    async fn ask(&self) -> Result<Value, Fault> {
        let form = vec![
            ("client_key", SecretString::from(self.client_key.as_str())),
            ("client_secret", self.client_secret.clone()),
            ("grant_type", SecretString::from("client_credentials")),
        ];
        let request = Request::new(OPERATION, Method::POST, self.url.clone());
        let request = Request { body: Body::Form(form), expect: Expect::default(), ..request };
        let answer = self.http.send(request).await.map_err(|refused| self.fault(refused))?;
        answer.json().map_err(|error| unreadable(OPERATION, format!("the answer is no JSON: {error}"), 0))
    }

    fn fault(&self, refused: ClientFault) -> Fault {
        let status = refused.context.status;
        let fault = Fault { requests: 0, ..fault::of(refused, self.clock.now()) };
        match (fault.class, status) {
            (FaultClass::Request, Some(404 | 405)) => unreadable(OPERATION, fault.message, 0),
            // Whatever is wrong with a request that holds nothing but credentials is wrong with them.
            (FaultClass::Request, _) => {
                let action = "Check client_key and client_secret of the research project.".into();
                let cause = fault.cause.map(|cause| Box::new(ClientFault { class: Class::AuthExpired, ..*cause }));
                Fault { class: FaultClass::Auth, action, cause, ..fault }
            }
            (FaultClass::Transient, _) => Fault { action: "Wait; the token is asked for again.".into(), ..fault },
            _ => fault,
        }
    }
}
