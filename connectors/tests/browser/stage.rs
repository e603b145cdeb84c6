//! A sandbox, a client, and the processes that belong to it.

use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidelake_connectors::browser::{BrowserClient, BrowserConfig, BrowserSource};
use tidelake_connectors::client::{Acknowledgement, Clock, Profile};
use tidelake_connectors::web::PageTask;
use tidelake_connectors::{CycleContext, Fault, Next, Page, Source};
use tidelake_sandbox::{Sandbox, SandboxConfig, SimClock, World, WorldConfig, world::Creator};
use tidelake_schemas::{Observation, Timestamp};

/// 2026-03-10T14:30:00Z.
const NOW: Timestamp = Timestamp(1_773_153_000_000_000);

pub(crate) const VIDEOS: u64 = 22_000;

/// One browser at a time: two cores are all there is.
pub(crate) static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Why these tests cannot run here.
pub(crate) fn skipped() -> bool {
    let config = BrowserConfig::default();
    let absent = [config.chromedriver, config.chromium].into_iter().find(|path| !Path::new(path).exists());
    if let Some(path) = &absent {
        eprintln!("skipped: {} is not installed (apt-get install chromium chromium-driver)", path.display());
    }
    absent.is_some()
}

pub(crate) async fn sandbox() -> Sandbox {
    let world = WorldConfig { videos: VIDEOS, creators: 500, ..WorldConfig::default() };
    let end = World::new(world.clone()).expect("a world").end();
    let config = SandboxConfig { world, clock: Some(SimClock::frozen(end)), ..SandboxConfig::default() };
    Sandbox::start(config).await.expect("a sandbox")
}

pub(crate) fn config(base_url: &str) -> BrowserConfig {
    BrowserConfig {
        base_url: base_url.into(),
        acknowledgement: Some(Acknowledgement { approval: "letter 17".into() }),
        contact: Some("https://lab.example/tidelake".into()),
        // As root Chromium cannot shut itself in.
        sandbox: std::fs::metadata("/proc/self").expect("/proc").uid() != 0,
        per_minute: 6e6,
        scroll_pause: Duration::from_millis(100),
        answer_timeout: Duration::from_secs(10),
        answers_per_poll: 3,
        block_rest: Duration::from_millis(1),
        ..BrowserConfig::default()
    }
}

pub(crate) fn client(config: BrowserConfig) -> Arc<BrowserClient> {
    Arc::new(BrowserClient::new(Profile::Web, config, Clock::starting_at(NOW)).expect("a client"))
}

pub(crate) fn source(client: &Arc<BrowserClient>, task: &Value) -> BrowserSource {
    let task: PageTask = serde_json::from_value(task.clone()).expect("a task");
    BrowserSource::with_client(Arc::clone(client), &task).expect("a source")
}

pub(crate) async fn poll(source: &BrowserSource, state: Option<&Value>) -> Result<Page, Fault> {
    poll_as("grids", source, state).await
}

pub(crate) async fn poll_as(task: &str, source: &BrowserSource, state: Option<&Value>) -> Result<Page, Fault> {
    let context = CycleContext { task: task.into(), cycle: 1, started_at: NOW, now: NOW };
    source.poll(&context, state).await
}

/// What everybody can see of a creator.
pub(crate) fn visible(sandbox: &Sandbox, creator: &Creator) -> HashSet<i64> {
    let (world, now) = (sandbox.world(), sandbox.clock().now());
    let all = (0..VIDEOS).filter_map(|index| world.video(index));
    all.filter(|video| video.creator_index() == creator.index && video.is_available(now)).map(|v| v.id()).collect()
}

/// Somebody with at least 300 videos.
pub(crate) fn busy_creator(sandbox: &Sandbox) -> Creator {
    let all = (0..500).filter_map(|index| sandbox.world().creator(index));
    let mut open = all.filter(|creator| !creator.is_restricted);
    open.find(|creator| visible(sandbox, creator).len() >= 300).expect("somebody")
}

/// Videos by id, with their event ids.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) videos: HashMap<i64, String>,
    pub(crate) captions: HashMap<i64, String>,
    pub(crate) repeated: usize,
}

impl Collected {
    pub(crate) fn take(&mut self, page: &Page) {
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

pub(crate) fn state(page: &Page) -> Option<Value> {
    match &page.next {
        Next::Page { state, .. } => Some(state.clone()),
        Next::NextCycle { .. } | Next::CycleDone => None,
    }
}

/// chromedriver, the shell beside it, and its browsers.
pub(crate) struct Family {
    driver: u32,
    scratch: PathBuf,
}

/// A process that runs.
struct Process {
    pid: u32,
    parent: u32,
    command: String,
}

impl Family {
    pub(crate) async fn of(client: &BrowserClient) -> Self {
        let driver = client.driver_pid().await.expect("a driver of our own");
        let environment = std::fs::read_to_string(format!("/proc/{driver}/environ")).expect("its environment");
        let scratch =
            environment.split('\0').find_map(|variable| variable.strip_prefix("TMPDIR=")).expect("its scratch");
        Self { driver, scratch: scratch.into() }
    }

    pub(crate) fn driver(&self) -> u32 {
        self.driver
    }

    /// The browser that the driver has started, if there is one.
    pub(crate) fn browser(&self) -> Option<u32> {
        let members = self.members();
        let is_browser = |p: &&Process| p.parent == self.driver && p.command.contains("--user-data-dir");
        members.iter().find(is_browser).map(|process| process.pid)
    }

    /// Bytes that all of them hold of memory, each shared page once for every process.
    pub(crate) fn memory(&self) -> u64 {
        let pages = |process: Process| {
            let numbers = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid)).unwrap_or_default();
            let line = numbers.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
        };
        self.members().into_iter().map(pages).sum()
    }

    /// Every process of the driver's group, and whoever names its scratch directory: the handlers of crashes have
    /// sessions of their own.
    fn members(&self) -> Vec<Process> {
        let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
        entries.filter_map(|entry| self.member(&entry.path())).collect()
    }

    fn member(&self, process: &Path) -> Option<Process> {
        let pid = process.file_name()?.to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(process.join("stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let (state, parent, group) =
            (fields.next()?, fields.next()?.parse().ok()?, fields.next()?.parse::<u32>().ok()?);
        let text = |name| String::from_utf8_lossy(&std::fs::read(process.join(name)).unwrap_or_default()).into_owned();
        let command = text("cmdline");
        let scratch = self.scratch.to_str()?;
        let ours = group == self.driver || command.contains(scratch) || text("environ").contains(scratch);
        (ours && !matches!(state, "Z" | "X")).then_some(Process { pid, parent, command })
    }

    /// Waits until none of them runs, and nothing of theirs is left on the disk.
    pub(crate) async fn has_ended(&self) {
        let begun = Instant::now();
        while !self.members().is_empty() || self.scratch.exists() {
            let left: Vec<_> = self.members().into_iter().map(|p| format!("{} {}", p.pid, p.command)).collect();
            assert!(begun.elapsed() < Duration::from_secs(10), "left: {left:?}, {}", self.scratch.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Sends a signal, e.g. `KILL`.
pub(crate) fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().expect("kill");
    assert!(sent.success(), "kill -{name} {pid}");
}
