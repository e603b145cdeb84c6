//! The route against the sandbox, and against pages of other eras.

mod blocks;
mod eras;
mod pages;
mod tasks;

use super::{PageTask, WebClient, WebConfig, WebSource};
use crate::client::{Acknowledgement, Clock, Profile};
use crate::source::{CycleContext, Fault, Next, Page, Source};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tidelake_sandbox::{FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, World, WorldConfig};
use tidelake_schemas::{CreatorObservation, Observation, Timestamp, VideoObservation};

/// 2026-03-10T14:30:00Z.
const NOW: Timestamp = Timestamp(1_773_153_000_000_000);

fn config(base_url: &str) -> WebConfig {
    WebConfig {
        base_url: base_url.into(),
        acknowledgement: Some(Acknowledgement { approval: "letter 17".into() }),
        contact: Some("https://lab.example/tidelake".into()),
        per_minute: 6e7,
        retry_delay: Duration::from_millis(1),
        ..WebConfig::default()
    }
}

fn client(base_url: &str) -> Arc<WebClient> {
    let client = WebClient::new(Profile::Web, &config(base_url), Clock::starting_at(NOW));
    Arc::new(client.expect("a client"))
}

fn source(base_url: &str, task: Value) -> WebSource {
    let task: PageTask = serde_json::from_value(task).expect("a task");
    WebSource::with_client(client(base_url), &task).expect("a source")
}

async fn poll(source: &WebSource, state: Option<&Value>) -> Result<Page, Fault> {
    let context = CycleContext { task: "pages".into(), cycle: 3, started_at: NOW, now: NOW };
    source.poll(&context, state).await
}

async fn page(source: &WebSource, state: Option<&Value>) -> Page {
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

async fn sandbox(faults: impl IntoIterator<Item = FaultRule>) -> Sandbox {
    let world = WorldConfig { videos: 5_000, creators: 500, ..WorldConfig::default() };
    let end = World::new(world.clone()).expect("a world").end();
    let faults = FaultPlan::of(faults);
    let config = SandboxConfig { world, faults, clock: Some(SimClock::frozen(end)), ..SandboxConfig::default() };
    Sandbox::start(config).await.expect("a sandbox")
}

/// Positions of videos that can be seen, or cannot.
fn some_videos(sandbox: &Sandbox, visible: bool, count: usize) -> Vec<u64> {
    let now = sandbox.clock().now();
    let all = (0..5_000).filter(|index| sandbox.world().video(*index).is_some_and(|v| v.is_available(now) == visible));
    all.take(count).collect()
}

fn link(sandbox: &Sandbox, index: u64) -> String {
    let video = sandbox.world().video(index).expect("a video");
    format!("https://www.tiktok.com/@{}/video/{}?_t=8abc", video.creator().handle, video.id())
}
