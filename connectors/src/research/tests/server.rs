//! A server on a free port that gives scripted answers in order and remembers what it was asked.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

const TOKEN_PATH: &str = "/v2/oauth/token/";

/// The status of an answer that never comes.
const SILENCE: u16 = 0;

/// One request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

#[derive(Default)]
struct Shared {
    answers: VecDeque<(u16, Vec<u8>)>,
    tokens: VecDeque<(u16, Value)>,
    seen: Vec<Seen>,
    refused_token: Option<String>,
}

pub(super) struct Server {
    pub(super) url: String,
    shared: Arc<Mutex<Shared>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") });
        Self { url, shared, task }
    }

    /// A server that gives these answers.
    pub(super) async fn with(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let server = Self::start().await;
        server.script(answers);
        server
    }

    pub(super) fn script(&self, answers: impl IntoIterator<Item = (u16, Value)>) {
        for (status, body) in answers {
            self.script_bytes(status, body.to_string().into_bytes());
        }
    }

    pub(super) fn script_bytes(&self, status: u16, body: Vec<u8>) {
        self.shared.lock().expect("unpoisoned").answers.push_back((status, body));
    }

    pub(super) fn script_token(&self, status: u16, body: Value) {
        self.shared.lock().expect("unpoisoned").tokens.push_back((status, body));
    }

    /// From now on this token is refused.
    pub(super) fn refuse_token(&self, token: &str) {
        self.shared.lock().expect("unpoisoned").refused_token = Some(format!("Bearer {token}"));
    }

    /// The next request for data gets no answer.
    pub(super) fn script_silence(&self) {
        self.script_bytes(SILENCE, Vec::new());
    }

    /// Requests for data.
    pub(super) fn asked(&self) -> Vec<Seen> {
        self.seen(|seen| seen.path != TOKEN_PATH)
    }

    /// Requests for tokens.
    pub(super) fn tokens(&self) -> Vec<Seen> {
        self.seen(|seen| seen.path == TOKEN_PATH)
    }

    fn seen(&self, which: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        self.shared.lock().expect("unpoisoned").seen.iter().filter(|seen| which(seen)).cloned().collect()
    }
}

async fn answer(
    State(shared): State<Arc<Mutex<Shared>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let path = uri.path().to_owned();
    let query = uri.query().unwrap_or_default().to_owned();
    let seen = Seen { path, query, headers, body };
    let (status, body) = shared.lock().expect("unpoisoned").answer(seen);
    if status == SILENCE {
        std::future::pending::<()>().await;
    }
    (StatusCode::from_u16(status).expect("a status"), body)
}

impl Shared {
    fn answer(&mut self, seen: Seen) -> (u16, Vec<u8>) {
        self.seen.push(seen.clone());
        if seen.path == TOKEN_PATH {
            return self.token();
        }
        if self.refused_token.as_deref() == Some(seen.header("authorization")) {
            return (401, super::refused("access_token_invalid", "expired").to_string().into_bytes());
        }
        self.next_answer()
    }

    fn token(&mut self) -> (u16, Vec<u8>) {
        let number = self.seen.iter().filter(|seen| seen.path == TOKEN_PATH).count();
        let usual = json!({"access_token": format!("clt.{number}"), "expires_in": 7200, "token_type": "Bearer"});
        let (status, body) = self.tokens.pop_front().unwrap_or((200, usual));
        (status, body.to_string().into_bytes())
    }

    fn next_answer(&mut self) -> (u16, Vec<u8>) {
        self.answers.pop_front().unwrap_or((418, b"the script is at its end".to_vec()))
    }
}
