//! Tracking against the sandbox.

use super::*;
use crate::research::ResearchConfig;
use secrecy::SecretString;
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use tidelake_sandbox::{Sandbox, SandboxConfig, SimClock, World, WorldConfig};

fn task(ids: &[i64]) -> TrackTask {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let spec = json!({"kind": "track", "video_ids": ids, "requests_per_day": 960});
    serde_json::from_value(spec).expect("a task")
}

#[test]
fn wrong_tasks_say_why() {
    let message = |task: TrackTask| task.validate().expect_err("an error").to_string();
    assert!(task(&[7_385_291_383_449_439_519]).validate().is_ok());
    assert!(message(task(&[])).contains("1 to 4000"));
    assert!(message(task(&[7])).contains("no video id"));
    let good = || task(&[7_385_291_383_449_439_519]);
    assert!(message(TrackTask { requests_per_day: 0, ..good() }).contains("nothing"));
    let revisit = RevisitConfig { batch_span_days: None, ..RevisitConfig::default() };
    assert!(message(TrackTask { revisit, ..good() }).contains("17 days"));
    assert!(serde_json::from_value::<TrackTask>(json!({"kind": "videos"})).is_err());
}

struct Tracked {
    sandbox: Sandbox,
    source: TrackSource,
    now: Timestamp,
    state: Option<Value>,
}

impl Tracked {
    async fn start(world: WorldConfig) -> Self {
        let ids: Vec<_> = {
            let world = World::new(world.clone()).expect("a world");
            (0..world.config().videos).filter_map(|index| world.video(index)).map(|video| video.id()).collect()
        };
        let at = world.epoch + chrono::TimeDelta::days(i64::from(world.days));
        let clock = Some(SimClock::frozen(at));
        let sandbox = Sandbox::start(SandboxConfig { world, clock, ..SandboxConfig::default() }).await.expect("starts");
        let usual = ResearchConfig::new("key", SecretString::from("secret"));
        let config = ResearchConfig { base_url: sandbox.base_url(), per_second: 1e6, ..usual };
        let client = Arc::new(ResearchClient::new(config).expect("a client"));
        let source = TrackSource::with_client(client, task(&ids)).expect("a source");
        Self { sandbox, source, now: at.into(), state: None }
    }

    /// The next page, when it is time for it.
    async fn page(&mut self) -> Page {
        self.sandbox.clock().set(self.now.to_chrono());
        let context = CycleContext { task: "t".into(), cycle: 0, started_at: self.now, now: self.now };
        let page = self.source.poll(&context, self.state.as_ref()).await.expect("a page");
        let Next::Page { state, not_before } = &page.next else { panic!("tracking does not end: {page:?}") };
        self.state = Some(state.clone());
        self.now = self.now.max(not_before.unwrap_or(self.now));
        page
    }
}

#[tokio::test]
async fn every_video_is_asked_for_and_then_the_best_again() {
    let world = WorldConfig { videos: 250, days: 10, ..WorldConfig::default() };
    let mut tracked = Tracked::start(world).await;
    let (mut events, mut polls) = (HashSet::new(), BTreeMap::<i64, u32>::new());
    let begin = tracked.now;
    // Two days at a request every 90 seconds would be 1920; these are 30.
    for _ in 0..30 {
        let page = tracked.page().await;
        assert!(page.observations.len() <= 100);
        assert!(page.ledger.fault.is_none() && page.rejects.is_empty(), "{:?}", page.ledger);
        for observation in &page.observations {
            let Observation::Video(video) = observation else { panic!("a video") };
            assert!(events.insert(video.event_id.clone()), "an event id of its own for each request");
            *polls.entry(video.video_id).or_default() += 1;
        }
    }
    assert!(tracked.now >= begin.plus_secs(29 * 90), "the day's requests are spread");
    let world = tracked.sandbox.world();
    let available =
        (0..250).filter_map(|index| world.video(index)).filter(|video| video.is_available(begin.to_chrono()));
    assert!(polls.len().abs_diff(available.count()) <= 2, "{}", polls.len());
    assert!(tracked.sandbox.stats().requests.values().sum::<u64>() <= 32, "a token and a request per page");
    tracked.sandbox.stop().await;
}

#[tokio::test]
async fn the_position_survives_and_the_missing_leave() {
    let world = WorldConfig { videos: 60, days: 2, deleted_share: 1.0, ..WorldConfig::default() };
    let mut tracked = Tracked::start(world).await;
    for _ in 0..40 {
        tracked.page().await;
        tracked.now = tracked.now.plus_secs(12 * 3600);
    }
    let state = tracked.state.clone().expect("a state");
    let left = state["planner"]["videos"].as_object().expect("videos").len();
    let world = tracked.sandbox.world();
    let now = tracked.now.to_chrono();
    let available = (0..60).filter_map(|index| world.video(index)).filter(|video| video.is_available(now)).count();
    assert!(left < 60 && left >= available, "{left} {available}");
    tracked.sandbox.stop().await;
}
