//! The daemon with the browser route: a profile of the sandbox, shown by a real Chromium, becomes rows. Skips, and says
//! why, where there is no Chromium.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tidelake_sandbox::{Endpoint, Sandbox, SandboxConfig, SimClock, World, WorldConfig, world::Creator};
use tidelake_tests::{Process, Stage, until};
use tokio::runtime::Runtime;

const VIDEOS: u64 = 22_000;
const CREATORS: u64 = 500;
const PATIENCE: Duration = Duration::from_secs(60);

fn skipped() -> bool {
    let absent = ["/usr/bin/chromedriver", "/usr/bin/chromium"].into_iter().find(|path| !Path::new(path).exists());
    if let Some(path) = absent {
        eprintln!("skipped: {path} is not installed (apt-get install chromium chromium-driver)");
    }
    absent.is_some()
}

fn sandbox(runtime: &Runtime) -> Sandbox {
    let world = WorldConfig { videos: VIDEOS, creators: CREATORS, ..WorldConfig::default() };
    let end = World::new(world.clone()).expect("a world").end();
    let config = SandboxConfig { world, clock: Some(SimClock::frozen(end)), ..SandboxConfig::default() };
    runtime.block_on(Sandbox::start(config)).expect("the offline TikTok starts")
}

/// What everybody can see of a creator.
fn visible(sandbox: &Sandbox, creator: &Creator) -> BTreeSet<String> {
    let (world, now) = (sandbox.world(), sandbox.clock().now());
    let all = (0..VIDEOS).filter_map(|index| world.video(index));
    all.filter(|v| v.creator_index() == creator.index && v.is_available(now)).map(|v| v.id().to_string()).collect()
}

/// Somebody with at least 300 videos.
fn busy_creator(sandbox: &Sandbox) -> Creator {
    let mut open = (0..CREATORS).filter_map(|n| sandbox.world().creator(n)).filter(|creator| !creator.is_restricted);
    open.find(|creator| visible(sandbox, creator).len() >= 300).expect("somebody")
}

/// A configuration as `deploy/tidelake.example.toml` describes it.
fn configuration(sandbox: &Sandbox, handle: &str) -> String {
    // As root Chromium cannot shut itself in.
    let root = std::fs::metadata("/proc/self").expect("/proc").uid() == 0;
    format!(
        "profile = \"web\"\n\
         [browser]\nbase_url = \"{}\"\nacknowledgement = {{ approval = \"letter 17\" }}\n\
         contact = \"https://lab.example/tidelake\"\nsandbox = {}\nper_minute = 600\nscroll_pause = \"500ms\"\n\
         answer_timeout = \"10s\"\nanswers_per_poll = 2\n\
         [[tasks]]\nname = \"profile\"\nconnector = \"browser\"\nspec = {{ kind = \"user\", handles = [\"{handle}\"] }}\n",
        sandbox.base_url(),
        !root,
    )
}

/// Processes that run, with what tells their places: parent and group.
fn processes() -> Vec<(u32, u32, u32)> {
    let stat = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let ended = matches!(fields.next()?, "Z" | "X");
        let (parent, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (!ended).then_some((pid, parent, group))
    };
    std::fs::read_dir("/proc").expect("/proc").flatten().filter_map(stat).collect()
}

/// The chromedriver of a daemon: it leads a group, in which its browsers are.
fn driver_of(daemon: &Process) -> Option<u32> {
    let own = |(pid, parent, group): &(u32, u32, u32)| *parent == daemon.id() && pid == group;
    processes().into_iter().find(own).map(|(pid, ..)| pid)
}

/// Where a driver's browsers keep their profiles.
fn scratch_of(driver: u32) -> String {
    let environment = std::fs::read_to_string(format!("/proc/{driver}/environ")).expect("its environment");
    environment
        .split('\0')
        .find_map(|variable| variable.strip_prefix("TMPDIR="))
        .expect("a scratch directory")
        .to_owned()
}

/// Waits until a driver, its browsers and their files are gone.
fn nothing_is_left(driver: u32, scratch: &str) {
    until("the end of all browsers", PATIENCE, || processes().iter().all(|(.., group)| *group != driver));
    until("the removal of their files", PATIENCE, || !Path::new(scratch).exists());
}

fn lists_asked(sandbox: &Sandbox) -> u64 {
    sandbox.stats().requests.get(&Endpoint::ItemList).copied().unwrap_or_default()
}

#[test]
fn a_profile_becomes_rows_although_the_driver_is_killed() {
    if skipped() {
        return;
    }
    let (stage, runtime) = (Stage::alone(), Runtime::new().expect("a runtime"));
    let sandbox = sandbox(&runtime);
    let creator = busy_creator(&sandbox);
    let config = stage.dir().join("tidelake.toml");
    std::fs::write(&config, configuration(&sandbox, &creator.handle)).expect("writes the configuration");
    let config = config.to_str().expect("UTF-8").to_owned();
    let mut daemon = stage.start(&["run", "--config", &config], &[]);

    // Mid-way: some polls are over, the page stays open between them.
    until("the fourth list", PATIENCE, || lists_asked(&sandbox) >= 4);
    let first = driver_of(&daemon).expect("a driver");
    let scratch = scratch_of(first);
    assert!(Command::new("kill").args(["-KILL", &first.to_string()]).status().expect("kill").success());

    until("the end of the cycle", PATIENCE, || {
        stage.done(&["coverage", "profile", "--format", "json"]).contains("exhausted")
    });
    nothing_is_left(first, &scratch);
    let second = driver_of(&daemon).expect("another driver");
    let scratch = scratch_of(second);
    assert_ne!(second, first);
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    nothing_is_left(second, &scratch);

    let rows = stage.sql("SELECT DISTINCT video_id FROM video_observations");
    let found: BTreeSet<String> = rows.iter().filter_map(|row| row["video_id"].as_str()).map(str::to_owned).collect();
    assert_eq!(found, visible(&sandbox, &creator), "every id, and no other");
    let doubled = "SELECT count(*) - count(DISTINCT event_id) FROM video_observations";
    assert_eq!(stage.integer(doubled), 0, "read twice, written once");
    assert_eq!(stage.integer("SELECT count(*) FROM video_observations WHERE provenance['connector'] <> 'browser'"), 0);
    let told = stage.sql("SELECT fault FROM coverage WHERE fault IS NOT NULL");
    assert!(told.iter().any(|row| row["fault"].as_str().is_some_and(|fault| fault.contains("chromedriver is gone"))));
    assert_eq!(stage.audit()["balanced"], true);
    runtime.block_on(sandbox.stop());
}

#[test]
fn a_daemon_that_is_killed_leaves_no_browser() {
    if skipped() {
        return;
    }
    let (stage, runtime) = (Stage::alone(), Runtime::new().expect("a runtime"));
    let sandbox = sandbox(&runtime);
    let config = stage.dir().join("tidelake.toml");
    std::fs::write(&config, configuration(&sandbox, &busy_creator(&sandbox).handle)).expect("writes the configuration");
    let mut daemon = stage.start(&["run", "--config", config.to_str().expect("UTF-8")], &[]);
    until("the second list", PATIENCE, || lists_asked(&sandbox) >= 2);
    let driver = driver_of(&daemon).expect("a driver");
    let scratch = scratch_of(driver);
    assert!(processes().iter().filter(|(.., group)| *group == driver).count() > 3, "driver, shell, browsers");
    daemon.kill();
    nothing_is_left(driver, &scratch);
    runtime.block_on(sandbox.stop());
}
