//! The connector against a server that answers from a script, and against the sandbox.

mod answers;
mod pages;
mod records;
mod sandbox;
mod server;

use super::{OembedConfig, OembedSource, OembedTask};
use crate::source::{CycleContext, Fault, Next, Page, Source};
use serde_json::{Value, json};
use std::time::Duration;
use tidelake_schemas::{CreatorObservation, Observation, Timestamp, VideoObservation};

/// 2024-03-10T14:30:00Z.
const NOW: Timestamp = Timestamp(1_710_081_000_000_000);

const FIRST: i64 = 7_198_206_283_571_285_000;

fn config(base_url: &str) -> OembedConfig {
    let quick = Duration::from_millis(1);
    OembedConfig { base_url: base_url.into(), pause: quick, retry_delay: quick, ..OembedConfig::default() }
}

fn source<T: AsRef<str>>(base_url: &str, links: &[T]) -> OembedSource {
    let links: Vec<&str> = links.iter().map(AsRef::as_ref).collect();
    let task: OembedTask = serde_json::from_value(json!({"kind": "links", "links": links})).expect("a task");
    OembedSource::new(config(base_url), &task).expect("a source")
}

/// Links to videos with ids from [`FIRST`] on.
fn links(count: i64) -> Vec<String> {
    (0..count).map(|n| format!("https://www.tiktok.com/@somebody/video/{}", FIRST + n)).collect()
}

async fn poll(source: &OembedSource, state: Option<&Value>) -> Result<Page, Fault> {
    source.poll(&CycleContext { task: "links".into(), cycle: 2, started_at: NOW, now: NOW }, state).await
}

async fn page(source: &OembedSource, state: Option<&Value>) -> Page {
    poll(source, state).await.expect("a page")
}

fn state(page: &Page) -> (Value, Option<Timestamp>) {
    match &page.next {
        Next::Page { state, not_before } => (state.clone(), *not_before),
        Next::NextCycle { .. } | Next::CycleDone => panic!("the cycle is done: {page:?}"),
    }
}

fn fault(page: &Page) -> &str {
    page.ledger.fault.as_deref().unwrap_or_default()
}

fn videos(page: &Page) -> Vec<&VideoObservation> {
    page.observations.iter().filter_map(|o| if let Observation::Video(v) = o { Some(v) } else { None }).collect()
}

fn creators(page: &Page) -> Vec<&CreatorObservation> {
    page.observations.iter().filter_map(|o| if let Observation::Creator(c) = o { Some(c) } else { None }).collect()
}

/// The card of a video.
fn card(id: i64) -> Value {
    json!({
        "version": "1.0", "type": "video", "title": format!("caption of {id} #tag"), "author_name": "Some Body",
        "author_url": "https://www.tiktok.com/@somebody", "author_unique_id": "somebody", "html": "<blockquote>",
        "embed_product_id": id.to_string(), "embed_type": "video", "provider_name": "TikTok",
    })
}
