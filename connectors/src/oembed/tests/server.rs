//! A server on a free port that gives scripted answers in order and remembers what it was asked.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Status, body, a header.
type Answer = (u16, Vec<u8>, Option<(&'static str, &'static str)>);

/// One request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) path: String,
    /// The parameter `url`.
    pub(super) url: Option<String>,
    pub(super) headers: HeaderMap,
}

#[derive(Default)]
struct Shared {
    answers: VecDeque<Answer>,
    seen: Vec<Seen>,
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
    /// A server that gives these answers.
    pub(super) async fn with(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") });
        let server = Self { url, shared, task };
        answers.into_iter().for_each(|(status, body)| server.then(status, body.to_string().as_bytes(), None));
        server
    }

    /// One more answer.
    pub(super) fn then(&self, status: u16, body: &[u8], header: Option<(&'static str, &'static str)>) {
        self.shared.lock().expect("unpoisoned").answers.push_back((status, body.to_vec(), header));
    }

    pub(super) fn asked(&self) -> Vec<Seen> {
        self.shared.lock().expect("unpoisoned").seen.clone()
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let url = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "url").map(|(_, v)| v.into_owned());
    let seen = Seen { path: request.uri().path().to_owned(), url, headers: request.headers().clone() };
    let mut shared = shared.lock().expect("unpoisoned");
    shared.seen.push(seen);
    let (status, body, header) =
        shared.answers.pop_front().unwrap_or((418, b"the script is at its end".to_vec(), None));
    let mut response = (StatusCode::from_u16(status).expect("a status"), body).into_response();
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value.parse().expect("a value"));
    }
    response
}
