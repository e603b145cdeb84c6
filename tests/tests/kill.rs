//! Real processes, killed at random while a sandbox feeds a known set: nothing is lost, nothing doubled.
//!
//! On a Kafka (`TIDELAKE_TEST_BROKER`): two processes of each role, some of them frozen until others have taken over.
//! On the embedded broker: the one process there is, broker and all roles, since that one dies as a whole.
//!
//! Upkeep never rests meanwhile: as a role, which dies with the others, and as commands, which are killed wherever they are.
//! Files are put together, checkpoints written, logs cleaned and files vacuumed as soon as that is safe with writers that
//! are frozen for half a minute.
//!
//! And creators are erased meanwhile, by commands that are killed too: of them nothing is left, of the others everything.
//!
//! `TIDELAKE_TEST_KILLS=500` makes it longer; `TIDELAKE_TEST_SEED=n` repeats a run's choices.

#![allow(clippy::print_stderr, reason = "a long test says how it went")]

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tidelake_sandbox::{
    Condition, Endpoint, FaultKind, FaultPlan, FaultRule, FieldName, Operation, Query, Quota, Sandbox, SandboxConfig,
    SimClock, World, WorldConfig,
};
use tidelake_schemas::{EntityKind, ids};
use tidelake_tests::{Process, Stage};

const REGIONS: [&str; 6] = ["US", "GB", "DE", "FR", "JP", "BR"];
const ROLES: [&str; 4] = ["collect", "enrich", "land", "maintain"];
const ALL: &str = "collect,enrich,land,maintain";
/// Upkeep that does in seconds what takes days else.
const UPKEEP: &str = "[maintain]\nmin_files = 2\ncheckpoint_versions = 3\nlog_retention = \"2s\"\n\
    grace = \"60s\"\nallow_short_grace = true\n[maintain.every]\nretention = \"1s\"\nevolve = \"1s\"\nzorder = \"1s\"\n\
    compact = \"500ms\"\ncheckpoint = \"500ms\"\nclean = \"500ms\"\nvacuum = \"1s\"\n\
    current = \"500ms\"\nrecheck = \"1s\"\n";
const DAYS: u32 = 6;
/// Videos of the world.
const VIDEOS: u64 = 10_000;
/// Creators that are erased.
const ERASED: usize = 4;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// A world whose time stands still: what can be found in it is a known set.
fn sandbox(seed: u64, end: DateTime<Utc>) -> SandboxConfig {
    let slow = FaultRule { millis: Some(40), ..FaultRule::with_probability(FaultKind::SlowAnswer, 1.0) };
    SandboxConfig {
        world: WorldConfig {
            seed,
            videos: VIDEOS,
            days: DAYS,
            epoch: end - TimeDelta::days(i64::from(DAYS)),
            deleted_share: 0.0,
            private_share: 0.0,
            ..WorldConfig::default()
        },
        clock: Some(SimClock::frozen(end + TimeDelta::days(30))),
        quota: Quota::unlimited(),
        // Slow answers spread the work over the kills; refused searches and errors make pages repeat.
        faults: FaultPlan::of([
            slow.at(Endpoint::VideoQuery),
            FaultRule::with_probability(FaultKind::SearchIdRefused, 0.02).at(Endpoint::VideoQuery),
            FaultRule::with_probability(FaultKind::InternalError, 0.02).at(Endpoint::VideoQuery),
        ]),
        ..SandboxConfig::default()
    }
}

fn configuration(base_url: &str, first: NaiveDate, last: NaiveDate) -> String {
    let mut text = format!(
        "[research]\nbase_url = \"{base_url}\"\nclient_key = \"k\"\nclient_secret = \"s\"\ndaily_quota = 4000000000\n\
         per_second = 1000\n\
         [research.patience]\nstale_delay = \"10ms\"\nserver_delay = \"10ms\"\n{UPKEEP}"
    );
    let (first, last) = (first.format("%Y%m%d"), last.format("%Y%m%d"));
    for region in REGIONS {
        text.push_str(&format!(
            "[[tasks]]\nname = \"{}\"\nconnector = \"research-api\"\n[tasks.spec]\nkind = \"videos\"\nmax_count = 20\n\
             start = \"{first}\"\nend = \"{last}\"\n\
             query = {{ and = [{{ operation = \"EQ\", field_name = \"region_code\", field_values = [\"{region}\"] }}] }}\n",
            task(region)
        ));
    }
    text
}

fn task(region: &str) -> String {
    format!("kill/{region}")
}

/// The event ids that are found, each once, and whose they are.
fn expected(world: &World, first: NaiveDate, last: NaiveDate, at: DateTime<Utc>) -> BTreeMap<String, String> {
    let videos = (0..VIDEOS).filter_map(|index| world.video(index));
    let creators: BTreeMap<_, _> = videos.map(|video| (video.id(), video.creator().handle)).collect();
    let mut all = BTreeMap::new();
    for region in REGIONS {
        let condition = Condition::new(FieldName::RegionCode, Operation::Eq, &[region]).expect("a condition");
        let query = Query::days(first, last).and(condition);
        all.extend(world.matching(&query, at).map(|id| {
            let event = ids::event_id(&task(region), 0, EntityKind::Video, &id.to_string());
            (event, creators.get(&id).expect("its creator").clone())
        }));
    }
    all
}

/// Those who have most videos.
fn most(expected: &BTreeMap<String, String>) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    expected.values().for_each(|handle| *counts.entry(handle).or_default() += 1);
    let mut handles: Vec<_> = counts.into_iter().map(|(handle, videos)| (videos, handle.to_owned())).collect();
    handles.sort_unstable_by(|a, b| b.cmp(a));
    handles.into_iter().take(ERASED).map(|(_, handle)| handle).collect()
}

/// What is said of rows that are somebody's.
fn theirs(handles: &[String]) -> String {
    let handles: Vec<String> = handles.iter().map(|handle| format!("'{}'", handle.to_lowercase())).collect();
    format!("coalesce(lower(author['handle']), '') IN ({})", handles.join(", "))
}

/// Two processes of each role; with the embedded broker one of all roles.
struct Fleet<'s> {
    stage: &'s Stage,
    config: String,
    processes: Vec<(&'static str, Process)>,
}

impl<'s> Fleet<'s> {
    fn start(stage: &'s Stage, config: &str) -> Self {
        let mut fleet = Self { stage, config: config.to_owned(), processes: Vec::new() };
        let roles: Vec<&str> =
            if stage.is_embedded() { vec![ALL] } else { ROLES.iter().chain(&ROLES).copied().collect() };
        for role in roles {
            let process = fleet.process(role);
            fleet.processes.push((role, process));
        }
        fleet
    }

    fn process(&self, role: &str) -> Process {
        self.stage.start(&["run", "--roles", role, "--config", &self.config], &[])
    }

    /// Kills one and starts another in its place. One in ten is frozen first and thaws when another has taken over.
    fn strike(&mut self, choose: &mut StdRng, zombies: &mut Vec<Process>) {
        let victim = choose.random_range(0..self.processes.len());
        let role = self.processes[victim].0;
        if role == ALL {
            self.processes[victim].1.kill();
            self.processes[victim].1 = self.process(role);
            return;
        }
        let fresh = self.process(role);
        let mut old = std::mem::replace(&mut self.processes[victim].1, fresh);
        if choose.random_ratio(1, 10) {
            old.signal("STOP");
            zombies.push(old);
        } else {
            old.kill();
        }
    }

    /// Upkeep as a command.
    fn upkeep(&self) -> Process {
        self.stage.start(&["maintain", "--config", &self.config], &[])
    }

    /// An erasure. It waits for no reader: whatever lands late is found when all is done.
    fn erase(&self, handle: &str) -> Process {
        let creator = format!("@{handle}");
        self.stage.start(&["erase", "--config", &self.config, "--creator", &creator, "--yes", "--wait", "5s"], &[])
    }

    /// Erases while nobody works, an hour after the last file was written: whatever a killed writer has left goes too.
    fn erase_at_last(&self, handle: &str) {
        let later = format!("{}*1", (Utc::now() + TimeDelta::hours(2)).format("%Y-%m-%dT%H:%M:%SZ"));
        let arguments = ["erase", "--config", &self.config, "--creator", &format!("@{handle}"), "--yes"];
        let output = self.stage.run_with(&arguments, &[("TIDELAKE_CLOCK", &later)]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A process that ended by itself is started again, as a supervisor would.
    fn revive(&mut self) {
        for i in 0..self.processes.len() {
            if self.processes[i].1.ended() {
                self.processes[i].1 = self.process(self.processes[i].0);
            }
        }
    }
}

#[test]
fn killed_processes_lose_and_double_nothing() {
    let seed = setting("TIDELAKE_TEST_SEED", 1);
    let kills = setting("TIDELAKE_TEST_KILLS", 50);
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let end = Utc::now().date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let sandbox = runtime.block_on(Sandbox::start(sandbox(seed, end))).expect("sandbox");
    let (first, last) = (end.date_naive() - Days::new(u64::from(DAYS)), end.date_naive() - Days::new(1));
    let expected = expected(sandbox.world(), first, last, sandbox.clock().now());
    let gone = most(&expected);
    let all = expected.len();
    let expected: BTreeSet<String> =
        expected.into_iter().filter(|(_, handle)| !gone.contains(handle)).map(|(event, _)| event).collect();
    assert!(expected.len() > 500, "{} videos are too few to say anything", expected.len());
    assert!(all > expected.len() + ERASED, "nobody of them would be missed");

    let stage = Stage::alone();
    let config = stage.dir().join("kill.toml");
    std::fs::write(&config, configuration(&sandbox.base_url(), first, last)).expect("writes");
    let mut fleet = Fleet::start(&stage, config.to_str().expect("UTF-8"));
    let mut choose = StdRng::seed_from_u64(seed);
    let mut zombies = Vec::new();
    let mut upkeep = fleet.upkeep();
    let mut erasing: Vec<Process> = Vec::new();
    // A process needs about a second to begin working; kills are to strike before, while and after it does.
    let pace = if stage.is_embedded() { 800..3_000 } else { 200..1_500 };
    for kill in 0..kills {
        std::thread::park_timeout(Duration::from_millis(choose.random_range(pace.clone())));
        fleet.strike(&mut choose, &mut zombies);
        if upkeep.ended() || choose.random_ratio(1, 3) {
            upkeep.kill();
            upkeep = fleet.upkeep();
        }
        // Each of them twice: the first may be killed wherever it is.
        let moment = usize::try_from(kill * 2 * ERASED as u64 / kills).unwrap_or(0);
        if moment > erasing.len() {
            erasing.push(fleet.erase(&gone[erasing.len() % ERASED]));
        }
        if !erasing.is_empty() && choose.random_ratio(1, 4) {
            let victim = choose.random_range(0..erasing.len());
            erasing[victim].kill();
        }
        // Zombies thaw long after their partitions were given to others.
        if kill % 15 == 14 {
            zombies.iter().for_each(|zombie| zombie.signal("CONT"));
            // What they still hold they may publish; then they go.
        }
    }
    zombies.iter().for_each(|zombie| zombie.signal("CONT"));

    let begun = Instant::now();
    let others = format!("SELECT count(*) FROM video_observations WHERE NOT ({})", theirs(&gone));
    let mut landed = -1;
    while usize::try_from(landed).ok() < Some(expected.len()) {
        assert!(
            begun.elapsed() < Duration::from_secs(setting("TIDELAKE_TEST_SECONDS", 240)),
            "{landed} of {} landed",
            expected.len()
        );
        fleet.revive();
        landed = stage.integer(&others);
    }
    for (_, process) in &mut fleet.processes {
        process.signal("TERM");
    }
    for (_, process) in &mut fleet.processes {
        process.wait(Duration::from_secs(60));
    }
    drop(zombies);
    drop(erasing);
    upkeep.kill();
    gone.iter().for_each(|handle| fleet.erase_at_last(handle));
    assert_eq!(stage.integer(&format!("SELECT count(*) FROM video_observations WHERE {}", theirs(&gone))), 0);
    let log = stage.dir().join("lake/video_observations/_delta_log");
    let kept = std::fs::read_dir(log.join("_ledger")).is_ok_and(|mut entries| entries.next().is_some());
    assert!(kept, "no log was cleaned while processes were killed");
    stage.done(&["maintain", "--config", &fleet.config]);
    let newest = "SELECT count(*) AS videos, sum(observations) AS observations FROM newest_videos";
    let history = "SELECT count(DISTINCT video_id) AS videos, count(*) AS observations FROM video_observations";
    assert_eq!(stage.sql(newest), stage.sql(history), "the newest rows are not those of history");
    let ids = stage.sql("SELECT event_id FROM video_observations");
    let found: BTreeSet<String> = ids.iter().filter_map(|row| row["event_id"].as_str().map(str::to_owned)).collect();
    assert_eq!(ids.len(), found.len(), "rows were doubled");
    assert_eq!(found.symmetric_difference(&expected).count(), 0, "rows were lost or came from nowhere");
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
    let erased = all - expected.len();
    eprintln!("{kills} kills, {} records, each once, and {erased} erased; {report:#}", found.len());
    runtime.block_on(sandbox.stop());
}
