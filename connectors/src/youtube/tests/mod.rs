//! The connector against the sandbox.

mod faults;
mod tasks;

use super::{YoutubeClient, YoutubeConfig, YoutubeSource, YoutubeTask};
use crate::client::rate::RateConfig;
use crate::client::retry::RetryConfig;
use crate::client::{ClientConfig, Clock, Profile, Route};
use crate::source::{CycleContext, Fault, Next, Page, Source};
use secrecy::SecretString;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tidelake_sandbox::world::{Creator, Video};
use tidelake_sandbox::{
    FaultKind, FaultPlan, FaultRule, Quota, Sandbox, SandboxConfig, SimClock, TimeBase, World, WorldConfig,
};
use tidelake_schemas::{CommentObservation, CreatorObservation, Observation, Timestamp, VideoObservation};

/// A secret that nothing may show.
const KEY: &str = "AIzaSy-hush-hush";

struct Bench {
    sandbox: Sandbox,
    client: Arc<YoutubeClient>,
}

fn quick() -> ClientConfig {
    let millis = Duration::from_millis;
    ClientConfig {
        rate: RateConfig { per_second: 1e6, burst: 1e6, ..RateConfig::default() },
        retry: RetryConfig { attempts: 3, base: millis(1), cap: millis(2), ..RetryConfig::default() },
        ..ClientConfig::of(Route::Youtube, "")
    }
}

impl Bench {
    async fn new(faults: impl IntoIterator<Item = FaultRule>) -> Self {
        Self::with(YoutubeConfig::new(SecretString::from(KEY)), faults).await
    }

    async fn with(config: YoutubeConfig, faults: impl IntoIterator<Item = FaultRule>) -> Self {
        let world = WorldConfig { videos: 3_000, creators: 60, ..WorldConfig::default() };
        let end = World::new(world.clone()).expect("a world").end();
        let settings = SandboxConfig {
            world,
            clock: Some(SimClock::frozen(end)),
            faults: FaultPlan::of(faults),
            quota: Quota { time_base: TimeBase::Simulated, ..Quota::default() },
            youtube_key: Some(KEY.into()),
            ..SandboxConfig::default()
        };
        let sandbox = Sandbox::start(settings).await.expect("a sandbox");
        let client = Arc::new(client(&sandbox, config));
        Self { sandbox, client }
    }

    fn world(&self) -> &World {
        self.sandbox.world()
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.sandbox.clock().now()
    }

    /// The creator with the most videos.
    fn creator(&self) -> Creator {
        self.world().creator(0).expect("a creator")
    }

    /// A creator's videos, newest first, those that are gone too.
    fn uploads(&self, creator: &Creator) -> Vec<Video<'_>> {
        let all = (0..self.world().config().videos).rev().filter_map(|index| self.world().video(index));
        let mut own: Vec<_> = all.filter(|video| video.creator_index() == creator.index).collect();
        own.retain(|video| video.created_at() <= self.now());
        own.sort_by_key(|video| std::cmp::Reverse((video.created_at(), video.id())));
        own
    }

    async fn poll(&self, spec: Value, state: Option<&Value>) -> Result<Page, Fault> {
        let task: YoutubeTask = serde_json::from_value(spec).expect("a task");
        let source = YoutubeSource::with_client(Arc::clone(&self.client), &task).expect("a source");
        let now = Timestamp::from(self.now());
        let context = CycleContext { task: "t".into(), cycle: 0, started_at: now, now };
        source.poll(&context, state).await
    }

    /// Every page of a cycle.
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

fn client(sandbox: &Sandbox, config: YoutubeConfig) -> YoutubeClient {
    let config = YoutubeConfig { base_url: sandbox.base_url(), http: quick(), ..config };
    let clock = sandbox.clock().clone();
    let grant = Profile::Research.grant(Route::Youtube, None).expect("a grant");
    YoutubeClient::new(config, grant, Clock::new(move || clock.now().into())).expect("a client")
}

/// The observations of one kind.
fn kind<'a, T>(pages: &'a [Page], pick: fn(&'a Observation) -> Option<&'a T>) -> Vec<&'a T> {
    pages.iter().flat_map(|page| &page.observations).filter_map(pick).collect()
}

fn videos(pages: &[Page]) -> Vec<&VideoObservation> {
    kind(pages, |observation| if let Observation::Video(video) = observation { Some(video) } else { None })
}

fn creators(pages: &[Page]) -> Vec<&CreatorObservation> {
    kind(pages, |observation| if let Observation::Creator(creator) = observation { Some(creator) } else { None })
}

fn comments(pages: &[Page]) -> Vec<&CommentObservation> {
    kind(pages, |observation| if let Observation::Comment(comment) = observation { Some(comment) } else { None })
}
