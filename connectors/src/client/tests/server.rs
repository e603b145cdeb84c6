//! A server on a free port that gives scripted answers in order and remembers what it was asked.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use url::Url;

#[derive(Clone, Debug)]
pub(in super::super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    pub(in super::super) fn text(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(super) fn ok() -> Self {
        Self::text(200, "{\"data\":{\"n\":1}}")
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(in super::super) struct Seen {
    pub(in super::super) path: String,
    headers: HeaderMap,
}

impl Seen {
    pub(in super::super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

#[derive(Default)]
struct Shared {
    replies: VecDeque<Reply>,
    seen: Vec<Seen>,
}

pub(in super::super) struct Server {
    base: Url,
    shared: Arc<Mutex<Shared>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Gives these answers, and then good ones.
    pub(in super::super) async fn with(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = Url::parse(&format!("http://{}", listener.local_addr().expect("an address"))).expect("an address");
        let shared = Arc::new(Mutex::new(Shared { replies: replies.into_iter().collect(), seen: Vec::new() }));
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") });
        Self { base, shared, task }
    }

    pub(in super::super) fn url(&self, path: &str) -> Url {
        self.base.join(path).expect("an address")
    }

    pub(in super::super) fn seen(&self) -> Vec<Seen> {
        self.shared.lock().expect("unpoisoned").seen.clone()
    }

    pub(super) fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.lock().expect("unpoisoned").replies.extend(replies);
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, uri: Uri, headers: HeaderMap) -> Response {
    let mut shared = shared.lock().expect("unpoisoned");
    shared.seen.push(Seen { path: uri.path().to_owned(), headers });
    let reply = shared.replies.pop_front().unwrap_or_else(Reply::ok);
    let status = StatusCode::from_u16(reply.status).expect("a status");
    let mut response = (status, reply.body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().expect("a header"));
    }
    response
}
