//! The connector against a server that answers from a script.

mod compliance;
mod faults;
mod fixtures;
mod lists;
mod playlists;
mod sandbox;
mod server;
mod tokens;
mod user_lists;
mod videos;

use super::{Patience, ResearchConfig, ResearchSource, ResearchTask};
use crate::source::{CycleContext, Fault, Next, Page, Source};
use secrecy::SecretString;
use serde_json::{Value, json};
use server::Server;
use std::time::Duration;
use tidelake_schemas::Timestamp;

/// 2024-03-10T14:30:00Z.
const NOW: Timestamp = Timestamp(1_710_081_000_000_000);

/// A secret that no message may carry.
const SECRET: &str = "hush-hush";

fn quick() -> Patience {
    let instant = Duration::from_millis(1);
    Patience {
        stale_attempts: 3,
        stale_delay: instant,
        stale_restarts: 2,
        server_attempts: 4,
        server_delay: instant,
        server_delay_max: instant,
        validation_delay: Duration::from_secs(30),
        validation_delay_max: Duration::from_secs(100),
        validation_polls: 4,
        ..Patience::default()
    }
}

fn config(server: &Server) -> ResearchConfig {
    ResearchConfig {
        base_url: server.url.clone(),
        patience: quick(),
        per_second: 1e6,
        ..ResearchConfig::new("key", SecretString::from(SECRET))
    }
}

fn source(server: &Server, task: &Value) -> ResearchSource {
    let task = ResearchTask::from_value(task).expect("a task");
    ResearchSource::new(config(server), task).expect("a source")
}

fn videos_task(start: &str, end: &str) -> Value {
    let condition = json!({"operation": "EQ", "field_name": "hashtag_name", "field_values": ["cats"]});
    json!({"kind": "videos", "query": {"and": [condition]}, "start": start, "end": end})
}

fn context() -> CycleContext {
    CycleContext { task: "cats".into(), cycle: 0, started_at: NOW, now: NOW }
}

async fn poll(source: &ResearchSource, state: Option<&Value>) -> Result<Page, Fault> {
    source.poll(&context(), state).await
}

async fn page(source: &ResearchSource, state: Option<&Value>) -> Page {
    poll(source, state).await.expect("a page")
}

async fn fault(source: &ResearchSource) -> Fault {
    let fault = poll(source, None).await.expect_err("a fault");
    assert!(!format!("{fault} {fault:?}").contains(SECRET), "{fault:?}");
    fault
}

/// The state to go on from.
fn state(page: &Page) -> Value {
    match &page.next {
        Next::Page { state, .. } => state.clone(),
        Next::NextCycle { .. } | Next::CycleDone => panic!("the cycle is done: {page:?}"),
    }
}

/// An answer of `video/query`.
fn found(ids: &[i64], cursor: i64, has_more: bool) -> Value {
    let videos: Vec<_> = ids.iter().map(|id| json!({"id": id, "create_time": 1_704_499_196})).collect();
    json!({
        "data": {"videos": videos, "cursor": cursor, "has_more": has_more, "search_id": "s1"},
        "error": {"code": "ok", "message": "", "log_id": "l"},
    })
}

fn refused(code: &str, message: &str) -> Value {
    json!({"data": {}, "error": {"code": code, "message": message, "log_id": "l"}})
}
