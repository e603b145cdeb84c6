//! The browser route in headless Chromium, against the sandbox. Skips, and says why, where there is no Chromium.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tidelake_connectors::browser::{BrowserClient, BrowserConfig, BrowserSource};
use tidelake_connectors::client::{Acknowledgement, Clock, Profile};
use tidelake_connectors::web::PageTask;
use tidelake_connectors::{CycleContext, Fault, FaultClass, Next, Page, Source, StopReason};
use tidelake_sandbox::{
    Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, World, WorldConfig, world::Creator,
};
use tidelake_schemas::{Observation, Timestamp};

/// 2026-03-10T14:30:00Z.
const NOW: Timestamp = Timestamp(1_773_153_000_000_000);

const VIDEOS: u64 = 22_000;

/// One browser at a time: two cores are all there is.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Why these tests cannot run here.
fn skipped() -> bool {
    let config = BrowserConfig::default();
    let absent = [config.chromedriver, config.chromium].into_iter().find(|path| !Path::new(path).exists());
    if let Some(path) = &absent {
        eprintln!("skipped: {} is not installed (apt-get install chromium chromium-driver)", path.display());
    }
    absent.is_some()
}

async fn sandbox() -> Sandbox {
    let world = WorldConfig { videos: VIDEOS, creators: 500, ..WorldConfig::default() };
    let end = World::new(world.clone()).expect("a world").end();
    let config = SandboxConfig { world, clock: Some(SimClock::frozen(end)), ..SandboxConfig::default() };
    Sandbox::start(config).await.expect("a sandbox")
}

fn config(sandbox: &Sandbox) -> BrowserConfig {
    BrowserConfig {
        base_url: sandbox.base_url(),
        acknowledgement: Some(Acknowledgement { approval: "letter 17".into() }),
        contact: Some("https://lab.example/tidelake".into()),
        sandbox: !rustix::process::geteuid().is_root(),
        per_minute: 6e6,
        scroll_pause: Duration::from_millis(100),
        answer_timeout: Duration::from_secs(6),
        answers_per_poll: 3,
        block_rest: Duration::from_millis(1),
        ..BrowserConfig::default()
    }
}

fn client(config: BrowserConfig) -> Arc<BrowserClient> {
    Arc::new(BrowserClient::new(Profile::Web, config, Clock::starting_at(NOW)).expect("a client"))
}

fn source(client: &Arc<BrowserClient>, task: &Value) -> BrowserSource {
    let task: PageTask = serde_json::from_value(task.clone()).expect("a task");
    BrowserSource::with_client(Arc::clone(client), &task).expect("a source")
}

async fn poll(source: &BrowserSource, state: Option<&Value>) -> Result<Page, Fault> {
    let context = CycleContext { task: "grids".into(), cycle: 1, started_at: NOW, now: NOW };
    source.poll(&context, state).await
}

/// What everybody can see of a creator.
fn visible(sandbox: &Sandbox, creator: &Creator) -> HashSet<i64> {
    let (world, now) = (sandbox.world(), sandbox.clock().now());
    let all = (0..VIDEOS).filter_map(|index| world.video(index));
    all.filter(|video| video.creator_index() == creator.index && video.is_available(now)).map(|v| v.id()).collect()
}

/// Somebody with at least 300 videos.
fn busy_creator(sandbox: &Sandbox) -> Creator {
    let all = (0..500).filter_map(|index| sandbox.world().creator(index));
    let mut open = all.filter(|creator| !creator.is_restricted);
    open.find(|creator| visible(sandbox, creator).len() >= 300).expect("somebody")
}

/// Videos by id, with their event ids.
#[derive(Default)]
struct Collected {
    videos: HashMap<i64, String>,
    captions: HashMap<i64, String>,
    repeated: usize,
}

impl Collected {
    fn take(&mut self, page: &Page) {
        for record in &page.observations {
            let Observation::Video(video) = record else { continue };
            assert_eq!((&*video.provenance.connector, &*video.provenance.zone), ("browser", "web"));
            match self.videos.insert(video.video_id, video.event_id.clone()) {
                Some(event_id) => {
                    assert_eq!(event_id, video.event_id, "seen again in this cycle, it is the same event");
                    self.repeated += 1;
                }
                None => drop(self.captions.insert(video.video_id, video.caption.clone().unwrap_or_default())),
            }
        }
    }
}

fn state(page: &Page) -> Option<Value> {
    match &page.next {
        Next::Page { state, .. } => Some(state.clone()),
        Next::NextCycle { .. } | Next::CycleDone => None,
    }
}

#[tokio::test]
async fn a_profile_of_300_videos_is_collected_completely() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let creator = busy_creator(&sandbox);
    let expected = visible(&sandbox, &creator);
    let source = source(&client(config(&sandbox)), &json!({"kind": "user", "handles": [creator.handle]}));
    let (mut collected, mut at, mut polls) = (Collected::default(), None, 0);
    loop {
        let page = poll(&source, at.as_ref()).await.expect("a page");
        collected.take(&page);
        polls += 1;
        at = state(&page);
        if polls == 1 {
            let profile = page.observations.iter().find_map(|record| match record {
                Observation::Creator(found) => Some(found),
                _ => None,
            });
            let profile = profile.expect("the profile");
            assert_eq!(profile.stats.followers, Some(creator.followers_at(sandbox.clock().now())), "exact");
        }
        if at.is_none() {
            assert_eq!((page.ledger.stop_reason, page.ledger.fault), (StopReason::Exhausted, None));
            break;
        }
        assert!(polls < 20, "{page:?}");
    }
    assert!(polls > 3, "bounded polls");
    assert_eq!(collected.videos.keys().copied().collect::<HashSet<_>>(), expected);
    for (id, caption) in &collected.captions {
        assert_eq!(*caption, sandbox.world().video_by_id(*id).expect("a video").caption().text);
    }
    assert_eq!((collected.repeated, sandbox.stats().requests[&Endpoint::UserPage]), (0, 1), "one page, gone on with");
}

#[tokio::test]
async fn a_driver_that_is_killed_loses_nothing() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let creator = busy_creator(&sandbox);
    let client = client(config(&sandbox));
    let source = source(&client, &json!({"kind": "user", "handles": [creator.handle]}));
    let first = poll(&source, None).await.expect("a page");
    let mut collected = Collected::default();
    collected.take(&first);
    let mut at = state(&first).expect("there is more");
    assert_eq!((at["answers"].as_u64(), at["seen"].as_u64()), (Some(3), Some(90)), "{at}");
    let cursor = at["cursor"].as_str().and_then(|cursor| cursor.parse::<i64>().ok());
    assert!(cursor.is_some_and(|millis| millis > 1_700_000_000_000), "{at}");

    let pid = client.driver_pid().await.expect("a driver of our own").to_string();
    let killed = std::process::Command::new("kill").args(["-KILL", &pid]).status().expect("kill");
    assert!(killed.success());

    let fault = poll(&source, Some(&at)).await.expect_err("the driver is gone");
    assert_eq!((fault.class, fault.operation.as_str()), (FaultClass::Transient, "browser session"), "{fault}");
    assert!(fault.message.contains("chromedriver is gone") && fault.action.contains("started again"), "{fault}");

    for polls in 0.. {
        let page = poll(&source, Some(&at)).await.expect("another driver");
        collected.take(&page);
        let Some(next) = state(&page) else { break };
        assert!(next["answers"].as_u64() > at["answers"].as_u64(), "it never goes back: {next} after {at}");
        assert!(polls < 20);
        at = next;
    }
    assert_eq!(collected.videos.keys().copied().collect::<HashSet<_>>(), visible(&sandbox, &creator));
    assert_eq!(collected.repeated, 90, "what had been read is read again, under the same ids");
    assert_ne!(client.driver_pid().await.expect("another").to_string(), pid);
}

#[tokio::test]
async fn another_process_goes_on() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let creator = busy_creator(&sandbox);
    let task = json!({"kind": "user", "handles": [creator.handle]});
    let (mut collected, mut at) = (Collected::default(), None);
    for _ in 0..2 {
        // Each with browsers of its own, which end with it.
        let page = poll(&source(&client(config(&sandbox)), &task), at.as_ref()).await.expect("a page");
        collected.take(&page);
        at = state(&page);
    }
    assert_eq!(at.expect("there is more")["answers"], 6);
    assert_eq!(collected.videos.len(), 180);
}

#[tokio::test]
async fn refusals_of_page_and_list_are_blocks() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let creator = busy_creator(&sandbox);
    let client = client(config(&sandbox));
    let source = source(&client, &json!({"kind": "user", "handles": [creator.handle]}));
    for (kind, endpoint, sign) in [
        (FaultKind::HtmlPage, Endpoint::UserPage, "firewall"),
        (FaultKind::CaptchaPage, Endpoint::UserPage, "captcha"),
        (FaultKind::EmptyBody, Endpoint::UserPage, "empty body"),
        (FaultKind::LoginRedirect, Endpoint::UserPage, "login"),
        (FaultKind::LoginWall, Endpoint::UserPage, "login"),
        (FaultKind::EmptyItem, Endpoint::UserPage, "absent or `{}`"),
        (FaultKind::EmptyBody, Endpoint::ItemList, "empty body"),
        (FaultKind::CaptchaJson, Endpoint::ItemList, "captcha"),
        (FaultKind::HtmlPage, Endpoint::ItemList, "firewall"),
        (FaultKind::EmptyItem, Endpoint::ItemList, "the answer is `{}`"),
        (FaultKind::MissingList, Endpoint::ItemList, "the list is absent"),
        (FaultKind::RepeatedPage, Endpoint::ItemList, "the page before"),
    ] {
        sandbox.set_faults(&FaultPlan::of([FaultRule::next(kind, 9).at(endpoint)])).expect("set");
        let page = poll(&source, None).await.expect("a page");
        let told = page.ledger.fault.clone().unwrap_or_default();
        assert_eq!(page.ledger.stop_reason, StopReason::Blocked, "{kind:?} at {endpoint:?}: {page:?}");
        assert!(told.contains(sign), "{kind:?} at {endpoint:?}: {told}");
        assert!(state(&page).is_some_and(|at| at["at"] == 0), "the target is asked for again");
        tokio::time::sleep(Duration::from_millis(30)).await;
        sandbox.set_faults(&FaultPlan::default()).expect("cleared");
        // The probe of the breaker: the next page is a good one.
        while poll(&source, None).await.expect("a page").ledger.stop_reason == StopReason::Blocked {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn robots_txt_and_states_of_accounts() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let shut = (0..500).find_map(|n| sandbox.world().creator(n).filter(|creator| creator.is_restricted)).expect("one");
    let handles = json!({"kind": "user", "handles": [shut.handle, "nobody.at.all"]});
    let open = source(&client(config(&sandbox)), &handles);
    let mut why = Vec::new();
    let mut at = None;
    loop {
        let page = poll(&open, at.as_ref()).await.expect("a page");
        for record in &page.observations {
            let Observation::Creator(creator) = record else { panic!("{record:?}") };
            why.push(creator.unavailable.clone().unwrap_or_default());
        }
        at = state(&page);
        if at.is_none() {
            break;
        }
    }
    assert_eq!(why, ["private", "not_found"]);

    sandbox.set_faults(&FaultPlan::of([FaultRule::next(FaultKind::RobotsClosed, 9)])).expect("set");
    let asked = sandbox.stats().requests[&Endpoint::UserPage];
    let page = poll(&source(&client(config(&sandbox)), &handles), None).await.expect("a page");
    let told = page.ledger.fault.unwrap_or_default();
    assert!(told.contains("robots.txt disallows"), "{told}");
    assert_eq!(sandbox.stats().requests[&Endpoint::UserPage], asked, "nothing was asked for");
}

#[tokio::test]
async fn videos_hashtags_and_sounds_are_shown() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let now = sandbox.clock().now();
    let recent: Vec<_> = (VIDEOS - 500..VIDEOS).filter_map(|index| sandbox.world().video(index)).collect();
    let shown = || recent.iter().filter(|video| video.is_available(now));
    let client = client(BrowserConfig { pages_per_session: 2, ..config(&sandbox) });

    let ids: Vec<i64> = shown().take(3).map(|video| video.id()).collect();
    let links: Vec<String> = ids.iter().map(i64::to_string).collect();
    let page = poll(&source(&client, &json!({"kind": "videos", "links": links})), None).await.expect("a page");
    let mut collected = Collected::default();
    collected.take(&page);
    assert_eq!(collected.videos.keys().copied().collect::<HashSet<_>>(), ids.into_iter().collect());
    assert_eq!((page.next, page.ledger.requests), (Next::CycleDone, 3));

    let tag = shown().find_map(|video| video.caption().hashtags.into_iter().next()).expect("a tag");
    let sound = shown().next().expect("one").sound();
    for task in [json!({"kind": "tag", "tags": [tag]}), json!({"kind": "sound", "ids": [sound.id.to_string()]})] {
        let (source, mut at, mut collected) = (source(&client, &task), None, Collected::default());
        loop {
            let page = poll(&source, at.as_ref()).await.expect("a page");
            collected.take(&page);
            at = state(&page);
            if at.is_none() {
                break;
            }
        }
        let fits = |id: &i64| {
            let video = sandbox.world().video_by_id(*id).expect("a video");
            video.sound().id == sound.id || video.caption().hashtags.contains(&tag)
        };
        assert!(!collected.videos.is_empty() && collected.videos.keys().all(fits), "{task}");
    }
}
