//! Tracking against the sandbox.

use super::*;
use crate::research::ResearchConfig;
use crate::revisit::RevisitConfig;
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
    assert!(message(TrackTask { stored: Some(Stored::default()), ..good() }).contains("either"));
    assert!(message(TrackTask { fields: Some(vec!["views".into()]), ..good() }).contains("view_count"));
    assert!(message(TrackTask { requests_per_day: 0, ..good() }).contains("nothing"));
    let revisit = RevisitConfig { batch_span_days: None, ..RevisitConfig::default() };
    assert!(message(TrackTask { revisit, ..good() }).contains("17 days"));
    assert!(serde_json::from_value::<TrackTask>(json!({"kind": "videos"})).is_err());
}

struct Tracked {
    sandbox: Sandbox,
    source: TrackSource,
    now: Timestamp,
    cycle: i64,
    state: Option<Value>,
}

impl Tracked {
    async fn start(world: WorldConfig, task: impl FnOnce(&[i64]) -> TrackTask) -> Self {
        let ids: Vec<_> = {
            let world = World::new(world.clone()).expect("a world");
            (0..world.config().videos).filter_map(|index| world.video(index)).map(|video| video.id()).collect()
        };
        let at = world.epoch + chrono::TimeDelta::days(i64::from(world.days));
        let clock = Some(SimClock::frozen(at));
        let sandbox = Sandbox::start(SandboxConfig { world, clock, ..SandboxConfig::default() }).await.expect("starts");
        let source = source(&sandbox, task(&ids));
        Self { sandbox, source, now: at.into(), cycle: 0, state: None }
    }

    fn context(&self) -> CycleContext {
        CycleContext { task: "t".into(), cycle: self.cycle, started_at: self.now, now: self.now }
    }

    /// The next page, when it is time for it.
    async fn page(&mut self) -> Page {
        self.sandbox.clock().set(self.now.to_chrono());
        let page = self.source.poll(&self.context(), self.state.as_ref()).await.expect("a page");
        let (state, not_before, cycles) = match &page.next {
            Next::Page { state, not_before } => (state, not_before, 0),
            Next::NextCycle { state, not_before } => (state, not_before, 1),
            Next::CycleDone => panic!("tracking does not end: {page:?}"),
        };
        self.state = Some(state.clone());
        self.cycle += cycles;
        self.now = self.now.max(not_before.unwrap_or(self.now));
        page
    }
}

fn source(sandbox: &Sandbox, task: TrackTask) -> TrackSource {
    let config = ResearchConfig {
        base_url: sandbox.base_url(),
        per_second: 1e6,
        ..ResearchConfig::new("key", SecretString::from("secret"))
    };
    let client = Arc::new(ResearchClient::new(config).expect("a client"));
    TrackSource::with_client(client, task).expect("a source")
}

#[tokio::test]
async fn every_video_is_asked_for_and_then_the_best_again() {
    let world = WorldConfig { videos: 250, days: 10, ..WorldConfig::default() };
    let mut tracked = Tracked::start(world, task).await;
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
    let mut tracked = Tracked::start(world, task).await;
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

#[tokio::test]
async fn what_is_no_longer_listed_leaves() {
    let world = WorldConfig { videos: 60, days: 2, ..WorldConfig::default() };
    let mut tracked = Tracked::start(world, task).await;
    tracked.page().await;
    let listed = tracked.source.task.video_ids[5..].to_vec();
    tracked.source = source(&tracked.sandbox, task(&listed));
    tracked.now = tracked.now.plus_secs(3600);
    let page = tracked.page().await;
    assert!(page.ledger.asked.contains("of 55 tracked videos"), "{}", page.ledger.asked);
    tracked.sandbox.stop().await;
}

/// A store, and how often it was read to its end.
#[derive(Debug, Default)]
struct Store {
    counts: std::sync::Mutex<Vec<(Timestamp, Count)>>,
}

impl Store {
    fn put(&self, stored: Timestamp, counts: impl Iterator<Item = Count>) {
        self.counts.lock().expect("a lock").extend(counts.map(|count| (stored, count)));
    }
}

#[async_trait]
impl CountFeed for Store {
    async fn counts(&self, wanted: &Wanted<'_>, each: &mut (dyn FnMut(Count) + Send)) -> Result<(), Fault> {
        for (stored, count) in self.counts.lock().expect("a lock").iter() {
            let inside = (wanted.stored_from..wanted.stored_until).contains(stored);
            if inside && count.published >= wanted.published_from {
                each(*count);
            }
        }
        Ok(())
    }
}

fn stored(most: usize) -> TrackTask {
    let stored = json!({"max_age_days": 10, "most": most});
    serde_json::from_value(json!({"kind": "track", "stored": stored, "requests_per_day": 960})).expect("a task")
}

fn found(sandbox: &Sandbox, indices: std::ops::Range<u64>, at: Timestamp) -> Vec<Count> {
    let videos = indices.filter_map(|index| sandbox.world().video(index));
    let count = |video: tidelake_sandbox::world::Video<'_>| {
        let views = Some(video.stats_at(at.to_chrono()).views);
        Count { video_id: video.id(), published: video.created_at().into(), at, views }
    };
    videos.map(count).collect()
}

/// Asks until the store has been read.
async fn first_request(tracked: &mut Tracked) -> Page {
    loop {
        let page = tracked.page().await;
        if !page.ledger.asked.starts_with("nothing yet") {
            return page;
        }
    }
}

#[tokio::test]
async fn what_others_found_is_tracked_with_a_small_cursor() {
    let world = WorldConfig { videos: 600, days: 6, ..WorldConfig::default() };
    let mut tracked = Tracked::start(world, |_| stored(500)).await;
    let store = Arc::new(Store::default());
    tracked.source = source(&tracked.sandbox, stored(500)).with_feed(store.clone());
    let (begin, day) = (tracked.now, 86_400);
    store.put(begin.plus_secs(-2 * day), found(&tracked.sandbox, 0..300, begin.plus_secs(-2 * day)).into_iter());
    let page = first_request(&mut tracked).await;
    assert!(page.ledger.asked.contains("of 300 tracked videos"), "{}", page.ledger.asked);
    let mut events = HashSet::new();
    let mut note = |page: &Page| {
        for observation in &page.observations {
            let Observation::Video(video) = observation else { panic!("a video") };
            assert!(events.insert(video.event_id.clone()), "an event id of its own for each request");
        }
    };
    note(&page);
    // A search task finds more; they are heard of within minutes.
    store.put(tracked.now, found(&tracked.sandbox, 300..600, tracked.now).into_iter());
    tracked.now = tracked.now.plus_secs(2 * LOOK_S);
    let page = tracked.page().await;
    note(&page);
    assert!(page.ledger.asked.contains("of 500 tracked"), "{}", page.ledger.asked);
    assert!(page.ledger.asked.contains("more videos are stored than `most`"), "{}", page.ledger.asked);
    // Another process goes on: from the store and a cursor of a few kilobytes.
    let state = tracked.state.as_ref().expect("a state").to_string();
    assert!(state.len() < 4096, "{} bytes: {state}", state.len());
    tracked.source = source(&tracked.sandbox, stored(500)).with_feed(store);
    let page = first_request(&mut tracked).await;
    note(&page);
    assert!(page.ledger.asked.contains("of 500 tracked"), "{}", page.ledger.asked);
    tracked.sandbox.stop().await;
}

#[tokio::test]
async fn a_failed_request_is_made_again_and_without_a_store_nothing_is_tracked() {
    let world = WorldConfig { videos: 150, days: 2, ..WorldConfig::default() };
    let mut tracked = Tracked::start(world, |_| stored(500)).await;
    let fault = tracked.source.poll(&tracked.context(), None).await.expect_err("no store");
    assert!(fault.action.contains("video_ids"), "{fault}");
    let store = Arc::new(Store::default());
    store.put(tracked.now.plus_secs(-60), found(&tracked.sandbox, 0..150, tracked.now.plus_secs(-60)).into_iter());
    tracked.source = source(&tracked.sandbox, stored(500)).with_feed(store);
    first_request(&mut tracked).await;
    let kept =
        |tracked: &Tracked| tracked.source.kept.try_lock().expect("idle").as_ref().and_then(|k| k.chosen.clone());
    assert_eq!(kept(&tracked), None);
    let state = tracked.state.clone();
    tracked.now = tracked.now.plus_secs(3600);
    let unreachable = ResearchConfig {
        base_url: "http://127.0.0.1:9".into(),
        patience: crate::research::Patience {
            server_attempts: 1,
            server_delay: std::time::Duration::from_millis(1),
            ..Default::default()
        },
        per_second: 1e6,
        ..ResearchConfig::new("key", SecretString::from("secret"))
    };
    let client =
        std::mem::replace(&mut tracked.source.client, Arc::new(ResearchClient::new(unreachable).expect("a client")));
    assert!(tracked.source.poll(&tracked.context(), state.as_ref()).await.is_err());
    let chosen = kept(&tracked).expect("ids that were chosen");
    tracked.source.client = client;
    let page = tracked.page().await;
    assert!(page.ledger.asked.starts_with(&format!("{} of", chosen.len())), "{}", page.ledger.asked);
    assert_eq!(kept(&tracked), None);
    tracked.sandbox.stop().await;
}
