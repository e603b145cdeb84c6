//! A model to be asked: an endpoint of OpenAI's chat completions whose answers are scripted.
//!
//! Wire facts: platform.openai.com/docs/api-reference/chat/create.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is answered unless something else is scripted.
pub const GOOD: &str = r#"{"summary":"A serum.","topics":["skincare"],"brands":[],"language":"en"}"#;

/// One answer: status, headers, body, and how long it takes.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<&'static str>,
    /// The body.
    pub body: String,
    /// How long it takes.
    pub takes: Duration,
}

impl Reply {
    /// A completion with this text.
    pub fn completion(content: &str) -> Self {
        let message = json!({ "role": "assistant", "content": content });
        let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
        let usage = json!({ "prompt_tokens": 90, "completion_tokens": 21, "total_tokens": 111 });
        let body =
            json!({ "id": "c-1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage });
        Self { status: 200, body: body.to_string(), ..Self::default() }
    }

    /// Another status.
    pub fn refusal(status: u16, body: &str) -> Self {
        Self { status, body: body.to_owned(), ..Self::default() }
    }
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The header `Authorization`.
    pub authorization: String,
    /// The body.
    pub body: Value,
}

impl Asked {
    /// The text of the first message.
    pub fn prompt(&self) -> &str {
        self.body["messages"][0]["content"].as_str().unwrap_or_default()
    }
}

#[derive(Default)]
struct Script {
    next: VecDeque<Reply>,
    otherwise: Option<Reply>,
    asked: Vec<Asked>,
    busy: usize,
    busiest: usize,
}

/// The endpoint, on a free port of the loopback. Clones are the same one; it ends with the runtime it was started in.
#[derive(Clone)]
pub struct ChatModel {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl ChatModel {
    /// Answers with these, then with [`GOOD`].
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let script = Script { next: replies.into_iter().collect(), ..Script::default() };
        let model = Self { address: listener.local_addr()?, script: Arc::new(Mutex::new(script)) };
        let app = Router::new().route("/v1/chat/completions", post(answer)).with_state(model.clone());
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the model has ended");
            }
        });
        Ok(model)
    }

    /// What stands before `/chat/completions`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// From now on answers with this once nothing is scripted; `None`: with [`GOOD`].
    pub fn answer_with(&self, reply: Option<Reply>) {
        self.script().otherwise = reply;
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.script().asked.clone()
    }

    /// The most requests that were answered at the same time.
    pub fn busiest(&self) -> usize {
        self.script().busiest
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, asked: Asked) -> Reply {
        let mut script = self.script();
        script.asked.push(asked);
        script.busy += 1;
        script.busiest = script.busiest.max(script.busy);
        let next = script.next.pop_front().or_else(|| script.otherwise.clone());
        next.unwrap_or_else(|| Reply::completion(GOOD))
    }
}

async fn answer(State(model): State<ChatModel>, headers: HeaderMap, body: String) -> Response {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(body) = serde_json::from_str(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let reply = model.take(Asked { authorization: authorization.to_owned(), body });
    tokio::time::sleep(reply.takes).await;
    model.script().busy -= 1;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, reply.body).into_response();
    if let Some(wait) = reply.retry_after {
        response.headers_mut().insert("retry-after", HeaderValue::from_static(wait));
    }
    response
}
