//! The sandbox, and a poll of a source until something ends it.

use std::time::Duration;
use tidelake_connectors::client::rate::RateConfig;
use tidelake_connectors::client::retry::RetryConfig;
use tidelake_connectors::client::{ClientConfig, Clock};
use tidelake_connectors::{CycleContext, Fault, Next, Page, Source};
use tidelake_sandbox::{FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, World, WorldConfig};
use tidelake_schemas::Timestamp;

/// Pages of one run at most.
const PAGES: usize = 40;

/// A sandbox whose time stands still.
pub(crate) async fn sandbox(faults: impl IntoIterator<Item = FaultRule>) -> Sandbox {
    let world = WorldConfig { videos: 3_000, creators: 500, ..WorldConfig::default() };
    let end = World::new(world.clone()).expect("a world").end();
    let faults = FaultPlan::of(faults);
    let config = SandboxConfig { world, faults, clock: Some(SimClock::frozen(end)), ..SandboxConfig::default() };
    Sandbox::start(config).await.expect("a sandbox")
}

/// The sandbox's clock, for a connector.
pub(crate) fn clock(sandbox: &Sandbox) -> Clock {
    let clock = sandbox.clock().clone();
    Clock::new(move || clock.now().into())
}

/// A client that waits for nothing.
pub(crate) fn quick(config: ClientConfig) -> ClientConfig {
    let rate = RateConfig { per_second: 1e6, burst: 1e6, ..RateConfig::default() };
    let (base, cap) = (Duration::from_millis(1), Duration::from_millis(2));
    ClientConfig { rate, retry: RetryConfig { attempts: 2, base, cap, ..RetryConfig::default() }, ..config }
}

/// A video that can be seen.
pub(crate) fn visible(sandbox: &Sandbox) -> tidelake_sandbox::world::Video<'_> {
    let now = sandbox.clock().now();
    let all = (0..3_000).filter_map(|index| sandbox.world().video(index));
    all.into_iter().find(|video| video.is_available(now)).expect("a video")
}

/// The pages of a cycle until it is done, or until something stops it.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) pages: Vec<Page>,
    pub(crate) fault: Option<Fault>,
    pub(crate) now: Timestamp,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for Page { observations, rejects, ledger, .. } in &self.pages {
            write!(f, "[{} records, {} rejects, {ledger:?}] ", observations.len(), rejects.len())?;
        }
        write!(f, "{:?}", self.fault)
    }
}

pub(crate) async fn poll(source: &dyn Source, now: Timestamp) -> Seen {
    let context = CycleContext { task: "t".into(), cycle: 0, started_at: now, now };
    let mut seen = Seen { now, ..Seen::default() };
    let mut state = None;
    while seen.pages.len() < PAGES {
        let page = match source.poll(&context, state.as_ref()).await {
            Ok(page) => page,
            Err(fault) => {
                seen.fault = Some(fault);
                return seen;
            }
        };
        let stopped = page.ledger.stopped_by.clone();
        let next = page.next.clone();
        seen.pages.push(page);
        match (next, stopped) {
            (Next::Page { not_before, .. }, Some(fault)) => {
                seen.fault = Some(Fault { retry_at: fault.retry_at.or(not_before), ..fault });
                return seen;
            }
            (Next::Page { state: next, not_before: None }, None) => state = Some(next),
            _ => return seen,
        }
    }
    panic!("it does not end: {seen:?}")
}
