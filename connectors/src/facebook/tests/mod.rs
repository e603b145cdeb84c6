//! The connector against the sandbox.

use super::{FacebookClient, FacebookConfig, FacebookSource};
use crate::client::rate::RateConfig;
use crate::client::retry::RetryConfig;
use crate::client::{ClientConfig, Clock, Profile, Route};
use crate::source::{CycleContext, Fault, FaultClass, Next, Page, Source, StopReason};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tidelake_sandbox::{FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, World, WorldConfig};
use tidelake_schemas::{Observation, Timestamp, VideoObservation};

/// A secret that nothing may show.
const TOKEN: &str = "EAAG-hush-hush";

struct Bench {
    sandbox: Sandbox,
    client: Arc<FacebookClient>,
}

fn client(sandbox: &Sandbox, token: &str) -> Arc<FacebookClient> {
    let millis = Duration::from_millis;
    let http = ClientConfig {
        rate: RateConfig { per_second: 1e6, burst: 1e6, ..RateConfig::default() },
        retry: RetryConfig { attempts: 3, base: millis(1), cap: millis(2), ..RetryConfig::default() },
        ..ClientConfig::of(Route::Facebook, "page")
    };
    let base_url = format!("{}/graph", sandbox.base_url());
    let config = FacebookConfig { base_url, http, ..FacebookConfig::new(SecretString::from(token)) };
    let clock = sandbox.clock().clone();
    let grant = Profile::Creator.grant(Route::Facebook, None).expect("a grant");
    Arc::new(FacebookClient::new(config, grant, Clock::new(move || clock.now().into())).expect("a client"))
}

impl Bench {
    async fn new(faults: impl IntoIterator<Item = FaultRule>) -> Self {
        let world = WorldConfig { videos: 2_000, creators: 60, ..WorldConfig::default() };
        let end = World::new(world.clone()).expect("a world").end();
        let settings = SandboxConfig {
            world,
            clock: Some(SimClock::frozen(end)),
            faults: FaultPlan::of(faults),
            graph_token: Some(TOKEN.into()),
            ..SandboxConfig::default()
        };
        let sandbox = Sandbox::start(settings).await.expect("a sandbox");
        let client = client(&sandbox, TOKEN);
        Self { sandbox, client }
    }

    async fn poll(&self, spec: Value, state: Option<&Value>) -> Result<Page, Fault> {
        let task = serde_json::from_value(spec).expect("a task");
        let source = FacebookSource::with_client(Arc::clone(&self.client), task).expect("a source");
        let now = Timestamp::from(self.sandbox.clock().now());
        let context = CycleContext { task: "t".into(), cycle: 0, started_at: now, now };
        source.poll(&context, state).await
    }

    async fn cycle(&self, spec: Value) -> Vec<Page> {
        let (mut pages, mut state) = (Vec::new(), None);
        loop {
            let page = self.poll(spec.clone(), state.as_ref()).await.expect("a page");
            let next = page.next.clone();
            pages.push(page);
            match next {
                Next::Page { state: next, .. } => state = Some(next),
                Next::NextCycle { .. } | Next::CycleDone => return pages,
            }
        }
    }
}

fn videos(pages: &[Page]) -> Vec<&VideoObservation> {
    let all = pages.iter().flat_map(|page| &page.observations);
    all.filter_map(|observation| if let Observation::Video(video) = observation { Some(video) } else { None }).collect()
}

#[tokio::test]
async fn a_page_brings_itself_its_videos_reels_and_posts() {
    let bench = Bench::new([]).await;
    let (world, now) = (bench.sandbox.world(), bench.sandbox.clock().now());
    let pages = bench.cycle(json!({"kind": "page"})).await;
    let owner = world.creator(0).expect("a creator");
    let Some(Observation::Creator(page)) = pages[0].observations.first() else { panic!("the page comes first") };
    assert_eq!((page.platform.as_str(), &page.handle, page.creator_id), ("facebook", &owner.handle, Some(owner.id)));
    assert_eq!((page.native_id.as_ref(), page.stats.followers), (None, Some(owner.followers_at(now))));
    let all = (0..2_000).filter_map(|index| world.video(index));
    let own: Vec<_> = all.filter(|video| video.creator_index() == 0 && video.is_available(now)).collect();
    let mut expected = BTreeMap::from([("video", 0), ("reel", 0), ("post", 0)]);
    for video in &own {
        let kind = if video.index().is_multiple_of(3) { "reel" } else { "video" };
        *expected.entry(kind).or_insert(0) += 1;
        *expected.entry("post").or_insert(0) += usize::from(video.index().is_multiple_of(2));
    }
    let mut got = BTreeMap::new();
    for seen in videos(&pages) {
        let kind = seen.kind.as_deref().expect("a kind");
        *got.entry(kind).or_insert(0) += 1;
        assert_eq!((seen.author.id, seen.author.handle.as_ref()), (Some(owner.id), Some(&owner.handle)));
        let id = match &seen.native_id {
            Some(post) => post.split_once('_').and_then(|(_, id)| id.parse().ok()).expect("page and post"),
            None => seen.video_id,
        };
        let video = world.video_by_id(id).expect("a video of the world");
        let stats = video.stats_at(now);
        assert_eq!((seen.stats.likes, seen.stats.comments), (Some(stats.likes), Some(stats.comments)));
        assert_eq!(seen.stats.views, (kind != "post").then_some(stats.views));
        let shares = (kind == "post" && stats.shares > 0).then_some(stats.shares);
        assert_eq!((seen.stats.shares, seen.created_at), (shares, Some(video.created_at().into())));
        assert_eq!(seen.caption, Some(video.caption().text).filter(|text| !text.is_empty()));
    }
    assert_eq!(got, expected);
    assert!(expected["video"] > 25, "more than one page of videos");
    let ids: HashSet<_> = pages.iter().flat_map(|page| &page.observations).map(Observation::event_id).collect();
    assert_eq!(ids.len(), videos(&pages).len() + 1, "every event id is its own");
    let told =
        serde_json::to_string(&pages.iter().map(|page| &page.next).map(|next| format!("{next:?}")).collect::<Vec<_>>());
    assert!(!told.expect("JSON").contains("hush"), "no token in a position");
}

#[tokio::test]
async fn a_limit_is_kept_for_each_edge() {
    let bench = Bench::new([]).await;
    let handle = bench.sandbox.world().creator(0).expect("a creator").handle;
    let spec = json!({"kind": "page", "page": handle, "edges": ["reels", "videos"], "limit": 7});
    let pages = bench.cycle(spec).await;
    let kinds: Vec<_> = videos(&pages).iter().filter_map(|video| video.kind.clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "reel").count(), 7);
    assert_eq!(kinds.len(), 14);
    assert!(pages.iter().all(|page| page.ledger.stop_reason == StopReason::Limit));
    let nothing = bench.cycle(json!({"kind": "page", "edges": []})).await;
    assert_eq!((nothing.len(), nothing[0].observations.len()), (1, 1), "the page alone");
}

#[tokio::test]
async fn every_fault_says_what_to_do() {
    for (kind, class, requests, part) in [
        (FaultKind::TokenExpired, FaultClass::Auth, 1, "new page access token"),
        (FaultKind::ScopeMissing, FaultClass::Auth, 1, "pages_read_engagement"),
        (FaultKind::RateLimit, FaultClass::Limited, 1, "prolong"),
        (FaultKind::InternalError, FaultClass::Transient, 3, "Wait"),
    ] {
        let bench = Bench::new([FaultRule::every(kind, 1)]).await;
        let fault = bench.poll(json!({"kind": "page"}), None).await.expect_err("a fault");
        assert_eq!((fault.class, fault.requests), (class, requests), "{kind:?}: {fault}");
        assert!(fault.action.contains(part), "{kind:?}: {}", fault.action);
        if kind == FaultKind::RateLimit {
            let pause = fault.retry_at.expect("a time").0 - Timestamp::from(bench.sandbox.clock().now()).0;
            assert_eq!(pause, 900_000_000, "nobody is asked again for a quarter of an hour");
            let again = bench.poll(json!({"kind": "page"}), None).await.expect_err("a fault");
            assert_eq!((again.class, again.requests), (FaultClass::Limited, 0));
        }
    }
    let bench = Bench::new([]).await;
    let fault = bench.poll(json!({"kind": "page", "page": "nobody.at.all"}), None).await.expect_err("a fault");
    assert_eq!((fault.class, fault.requests), (FaultClass::Request, 1));
    assert!(fault.message.contains("100/33"), "{}", fault.message);
    let bench = Bench { client: client(&bench.sandbox, "EAAG-not-the-one"), ..bench };
    let fault = bench.poll(json!({"kind": "page"}), None).await.expect_err("a fault");
    let shown = format!("{fault} {fault:?} {:?} {:?}", bench.client, bench.client.snapshot());
    assert!(fault.class == FaultClass::Auth && !shown.contains("EAAG"), "{shown}");
}

#[tokio::test]
async fn a_limit_that_is_nearly_used_up_is_left_to_recover() {
    let bench = Bench::new([FaultRule::next(FaultKind::UsageHigh, 2)]).await;
    let page = bench.poll(json!({"kind": "page", "edges": ["videos"]}), None).await;
    // The page itself said so: its videos have to wait, 15 % of an hour.
    let fault = page.expect_err("a pause");
    assert_eq!((fault.class, fault.requests), (FaultClass::Limited, 1));
    let pause = fault.retry_at.expect("a time").0 - Timestamp::from(bench.sandbox.clock().now()).0;
    assert!((535_000_000..=540_000_000).contains(&pause), "{pause}");
}
