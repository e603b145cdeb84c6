//! The client token: one for all tasks of a client key, renewed before it expires.

use super::config::ResearchConfig;
use super::fault::{ErrorBody, Trouble};
use crate::source::{Fault, FaultClass};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

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
    http: reqwest::Client,
    url: String,
    client_key: String,
    client_secret: SecretString,
    margin: Duration,
    current: Mutex<Option<Token>>,
}

impl TokenSource {
    pub(super) fn new(http: reqwest::Client, config: &ResearchConfig) -> Self {
        Self {
            http,
            url: config.url("v2/oauth/token/"),
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
            return Err(self.fault(Trouble::Format, "the answer has no access_token".into()));
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

    async fn ask(&self) -> Result<Value, Fault> {
        let form = [
            ("client_key", self.client_key.as_str()),
            ("client_secret", self.client_secret.expose_secret()),
            ("grant_type", "client_credentials"),
        ];
        let sent = self.http.post(&self.url).header("Cache-Control", "no-cache").form(&form).send().await;
        let answer = sent.map_err(|e| self.fault(Trouble::Server, super::client::transport(&e)))?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(|e| self.fault(Trouble::Server, super::client::transport(&e)))?;
        self.read(status, &bytes)
    }

    /// Errors are flat here, and may come with HTTP 200.
    fn read(&self, status: u16, bytes: &[u8]) -> Result<Value, Fault> {
        let answer: Value = tidelake_schemas::json::from_slice(bytes).unwrap_or_default();
        match ErrorBody::read(&answer) {
            Some(error) if !matches!(error.code.as_str(), "" | "ok") => {
                Err(self.fault(refusal(status, &error.code), error.describe(status)))
            }
            _ if status >= 400 => Err(self.fault(refusal(status, ""), format!("HTTP {status}"))),
            _ => Ok(answer),
        }
    }

    fn fault(&self, trouble: Trouble, message: String) -> Fault {
        let message = message.replace(self.client_secret.expose_secret(), "***");
        let mut fault = trouble.fault(OPERATION, message, 0, None);
        if fault.class == FaultClass::Transient {
            fault.action = "Wait; the token is asked for again.".into();
        }
        fault
    }
}

fn refusal(status: u16, code: &str) -> Trouble {
    match (status, code) {
        (_, "server_error" | "temporarily_unavailable" | "internal_error") | (500.., _) => Trouble::Server,
        (429, _) | (_, "rate_limit_exceeded") => Trouble::Rate,
        (404 | 405, "") => Trouble::Format,
        _ => Trouble::Token,
    }
}
