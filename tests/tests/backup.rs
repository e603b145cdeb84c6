//! A backup is taken while everything runs; then everything is lost, and the restored copy goes on: nothing is lost, nothing
//! doubled. The world of the offline TikTok stands still, so that what must be in the table is a known set.

#![allow(clippy::print_stderr, reason = "a long test says how it went")]

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tidelake_sandbox::{
    Condition, Endpoint, FaultKind, FaultPlan, FaultRule, FieldName, Operation, Query, Quota, Sandbox, SandboxConfig,
    SimClock, World, WorldConfig,
};
use tidelake_schemas::{EntityKind, ids};
use tidelake_tests::{Process, Stage, until};

const REGIONS: [&str; 5] = ["US", "GB", "DE", "FR", "JP"];
const DAYS: u32 = 5;

/// A world that stands still, and what is asked of it.
struct Scene {
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    days: (NaiveDate, NaiveDate),
    /// Keys of a task's declaration.
    declared: String,
}

impl Scene {
    fn set(videos: u64, answer_ms: u64, declared: &str) -> Self {
        let slow = FaultRule { millis: Some(answer_ms), ..FaultRule::with_probability(FaultKind::SlowAnswer, 1.0) };
        Self::with(videos, slow, declared)
    }

    /// Every page has a record that is refused.
    fn refusing(videos: u64, declared: &str) -> Self {
        Self::with(videos, FaultRule::with_probability(FaultKind::MissingId, 1.0), declared)
    }

    fn with(videos: u64, fault: FaultRule, declared: &str) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        let end: DateTime<Utc> = Utc::now().date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        let world = WorldConfig {
            seed: 11,
            videos,
            days: DAYS,
            epoch: end - TimeDelta::days(i64::from(DAYS)),
            deleted_share: 0.0,
            private_share: 0.0,
            ..WorldConfig::default()
        };
        let config = SandboxConfig {
            world,
            clock: Some(SimClock::frozen(end + TimeDelta::days(30))),
            quota: Quota::unlimited(),
            faults: FaultPlan::of([fault.at(Endpoint::VideoQuery)]),
            ..SandboxConfig::default()
        };
        let sandbox = runtime.block_on(Sandbox::start(config)).expect("sandbox");
        let days = (end.date_naive() - Days::new(u64::from(DAYS)), end.date_naive() - Days::new(1));
        Self { runtime, sandbox, days, declared: declared.to_owned() }
    }

    /// Writes the configuration into a stage; its path.
    fn configure(&self, stage: &Stage) -> String {
        let base_url = self.sandbox.base_url();
        let mut text = format!(
            "[research]\nbase_url = \"{base_url}\"\nclient_key = \"k\"\nclient_secret = \"s\"\n\
             daily_quota = 4000000000\nper_second = 1000\n[research.patience]\nstale_delay = \"10ms\"\n"
        );
        let (first, last) = (self.days.0.format("%Y%m%d"), self.days.1.format("%Y%m%d"));
        for region in REGIONS {
            text.push_str(&format!(
                "[[tasks]]\nname = \"{}\"\nconnector = \"research-api\"\n{}[tasks.spec]\nkind = \"videos\"\n\
                 max_count = 20\nstart = \"{first}\"\nend = \"{last}\"\nquery = {{ and = [{{ operation = \"EQ\", \
                 field_name = \"region_code\", field_values = [\"{region}\"] }}] }}\n",
                task(region),
                self.declared
            ));
        }
        let path = stage.dir().join("backup.toml");
        std::fs::write(&path, text).expect("writes");
        path.to_str().expect("UTF-8").to_owned()
    }

    fn world(&self) -> &World {
        self.sandbox.world()
    }

    /// The event ids of a cycle of a task.
    fn of_cycle(&self, region: &str, cycle: i64) -> BTreeSet<String> {
        let condition = Condition::new(FieldName::RegionCode, Operation::Eq, &[region]).expect("a condition");
        let query = Query::days(self.days.0, self.days.1).and(condition);
        let found = self.world().matching(&query, self.sandbox.clock().now());
        found.map(|id| ids::event_id(&task(region), cycle, EntityKind::Video, &id.to_string())).collect()
    }

    fn end(self) {
        self.runtime.block_on(self.sandbox.stop());
    }
}

fn task(region: &str) -> String {
    format!("backup/{region}")
}

fn run(stage: &Stage, config: &str) -> Process {
    stage.start(&["run", "--roles", "collect,enrich,land", "--config", config], &[])
}

fn landed(stage: &Stage) -> usize {
    usize::try_from(stage.integer("SELECT count(*) FROM video_observations")).expect("a number")
}

fn stop(mut process: Process) {
    process.signal("TERM");
    assert_eq!(process.wait(Duration::from_secs(60)), Some(0), "drains and stops");
}

fn found(stage: &Stage) -> BTreeSet<String> {
    let rows = stage.sql("SELECT event_id FROM video_observations");
    let ids: BTreeSet<String> = rows.iter().filter_map(|row| row["event_id"].as_str().map(str::to_owned)).collect();
    assert_eq!(rows.len(), ids.len(), "rows were doubled");
    ids
}

fn balanced(stage: &Stage) {
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
}

#[test]
fn a_restored_copy_goes_on_exactly_once() {
    let scene = Scene::set(12_000, 60, "");
    let expected: BTreeSet<String> = REGIONS.iter().flat_map(|region| scene.of_cycle(region, 0)).collect();
    assert!(expected.len() > 400, "{} videos are too few to say anything", expected.len());
    let backups = tempfile::tempdir().expect("temp dir");
    let place = backups.path().to_str().expect("UTF-8");

    let stage = Stage::alone();
    let config = scene.configure(&stage);
    let mut daemon = run(&stage, &config);
    stage.wait_for_embedded_broker();
    until("collecting is under way", Duration::from_secs(90), || landed(&stage) > expected.len() / 5);
    eprintln!("{}", stage.done(&["backup", "--to", place, "--config", &config]));
    let first = landed(&stage);
    // A second one only adds; and what comes after it is lost.
    until("more lands", Duration::from_secs(60), || landed(&stage) > first);
    eprintln!("{}", stage.done(&["backup", "--to", place, "--config", &config]));
    let saved = landed(&stage);
    assert!(saved < expected.len(), "all {saved} were there before the backup: it shows nothing");
    until("more lands", Duration::from_secs(60), || landed(&stage) > saved || saved + 20 > expected.len());
    daemon.kill();
    drop(stage);

    let stage = Stage::alone();
    let config = scene.configure(&stage);
    eprintln!("{}", stage.done(&["restore", "--from", place, "--config", &config]));
    balanced(&stage);
    assert!(found(&stage).is_subset(&expected) && landed(&stage) > 0);
    let again = stage.run(&["restore", "--from", place, "--config", &config]);
    assert_eq!(again.status.code(), Some(1), "there is a lake now");
    // What was published before the backup has to be known to every owner of a lane that comes after.
    let mut daemon = run(&stage, &config);
    let restored = landed(&stage);
    until("it goes on", Duration::from_secs(90), || landed(&stage) > restored || restored == expected.len());
    daemon.kill();
    let daemon = run(&stage, &config);
    until("all has landed", Duration::from_secs(180), || landed(&stage) >= expected.len());
    stop(daemon);
    assert_eq!(found(&stage).symmetric_difference(&expected).count(), 0, "rows were lost or came from nowhere");
    balanced(&stage);
    let copies = stage.done(&["copies", "--format", "json", "--config", &config]);
    assert!(copies.contains("\"kind\":\"backup\""), "{copies}");
    scene.end();
}

#[test]
fn cycles_that_had_begun_after_the_state_was_read_are_collected_again_once() {
    let scene = Scene::set(2_500, 10, "every = \"100ms\"\n");
    let backups = tempfile::tempdir().expect("temp dir");
    let place = backups.path().to_str().expect("UTF-8");
    let stage = Stage::alone();
    let config = scene.configure(&stage);
    let mut daemon = run(&stage, &config);
    stage.wait_for_embedded_broker();
    let newest = |stage: &Stage| stage.integer("SELECT coalesce(max(provenance['cycle']), 0) FROM video_observations");
    until("some cycles", Duration::from_secs(90), || newest(&stage) >= 3);
    stage.done(&["backup", "--to", place, "--config", &config]);
    daemon.kill();
    drop(stage);

    let stage = Stage::alone();
    let config = scene.configure(&stage);
    eprintln!("{}", stage.done(&["restore", "--from", place, "--config", &config]));
    balanced(&stage);
    let restored = newest(&stage);
    let mut daemon = run(&stage, &config);
    until("cycles go on", Duration::from_secs(90), || newest(&stage) > restored);
    daemon.kill();
    let daemon = run(&stage, &config);
    until("cycles go on", Duration::from_secs(90), || newest(&stage) > restored + 2);
    stop(daemon);
    // With nobody else at work, it lands what is still in the log.
    stage.done(&["backup", "--to", place, "--config", &config]);
    found(&stage);
    balanced(&stage);
    // Each cycle whose end is in the ledger is whole.
    let ended = stage.sql(
        "SELECT provenance['task'] AS task, provenance['cycle'] AS cycle FROM coverage WHERE stop_reason = 'exhausted'",
    );
    let rows =
        stage.sql("SELECT provenance['task'] AS task, provenance['cycle'] AS cycle, event_id FROM video_observations");
    let text =
        |row: &serde_json::Value, name: &str| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
    let mut cycles: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for row in &rows {
        cycles.entry((text(row, "task"), text(row, "cycle"))).or_default().insert(text(row, "event_id"));
    }
    assert!(ended.len() > REGIONS.len(), "{} cycles ended", ended.len());
    for row in &ended {
        let (name, cycle) = (text(row, "task"), text(row, "cycle"));
        let region = name.trim_start_matches("backup/").to_owned();
        let expected = scene.of_cycle(&region, cycle.parse().expect("a number"));
        let got = cycles.get(&(name.clone(), cycle.clone())).cloned().unwrap_or_default();
        let differ = got.symmetric_difference(&expected).count();
        assert_eq!(differ, 0, "cycle {cycle} of {name}: {} rows, {} expected", got.len(), expected.len());
    }
    scene.end();
}

/// Event ids of refused records, by their tables' own words, each once.
fn letters(stage: &Stage) -> BTreeSet<String> {
    let rows = stage.sql("SELECT event_id FROM dead_letters");
    let ids: BTreeSet<String> = rows.iter().filter_map(|row| row["event_id"].as_str().map(str::to_owned)).collect();
    assert_eq!(rows.len(), ids.len(), "letters were doubled");
    ids
}

/// Restore, run, back up, restore, run: rows of the first log stand at offsets that the second has not reached, and of
/// cycles that nobody remembers the records of.
#[test]
fn a_lake_is_restored_twice() {
    let scene = Scene::refusing(60, "every = \"100ms\"\n");
    let backups = tempfile::tempdir().expect("temp dir");
    let place = |generation: u32| backups.path().join(generation.to_string()).to_str().expect("UTF-8").to_owned();
    let newest = |stage: &Stage| stage.integer("SELECT coalesce(max(provenance['cycle']), 0) FROM coverage");
    let mut stage = Stage::alone();
    let mut config = scene.configure(&stage);
    let (mut rows, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for generation in 0..3 {
        let begun = newest_or_none(&stage, generation);
        let mut daemon = run(&stage, &config);
        stage.wait_for_embedded_broker();
        // More cycles than letters are known of by their cycle.
        let cycles = if generation == 0 { 85 } else { 3 };
        until("cycles go on", Duration::from_secs(300), || newest(&stage) >= begun + cycles);
        stage.done(&["backup", "--to", &place(generation), "--config", &config]);
        daemon.kill();
        // What had landed when the daemon ended is more than what the backup has.
        let (all, letters_then) = (found(&stage), letters(&stage));
        drop(stage);
        stage = Stage::alone();
        config = scene.configure(&stage);
        eprintln!("{}", stage.done(&["restore", "--from", &place(generation), "--config", &config]));
        balanced(&stage);
        let (kept, kept_letters) = (found(&stage), letters(&stage));
        assert!(kept.is_subset(&all) && kept_letters.is_subset(&letters_then), "rows came from nowhere");
        assert!(rows.is_subset(&kept), "{} rows of an earlier log were lost", rows.difference(&kept).count());
        let lost = refused.difference(&kept_letters).count();
        assert_eq!(lost, 0, "of {} letters of an earlier log", refused.len());
        (rows, refused) = (kept, kept_letters);
    }
    assert!(refused.len() > 300, "{} letters are too few to say anything", refused.len());
    scene.end();
}

/// The newest cycle of a stage that was restored.
fn newest_or_none(stage: &Stage, generation: u32) -> i64 {
    if generation == 0 { 0 } else { stage.integer("SELECT max(provenance['cycle']) FROM coverage") }
}

#[test]
fn a_lost_lake_is_put_back_beside_its_log() {
    let scene = Scene::set(8_000, 40, "");
    let expected: BTreeSet<String> = REGIONS.iter().flat_map(|region| scene.of_cycle(region, 0)).collect();
    let backups = tempfile::tempdir().expect("temp dir");
    let place = backups.path().to_str().expect("UTF-8");
    // The broker is a process of its own, so that it outlives the lake.
    let stage = Stage::set();
    let config = scene.configure(&stage);
    let mut daemon = run(&stage, &config);
    until("collecting is under way", Duration::from_secs(90), || landed(&stage) > expected.len() / 5);
    stage.done(&["backup", "--to", place, "--config", &config]);
    let saved = landed(&stage);
    until("more lands", Duration::from_secs(90), || landed(&stage) > saved || saved == expected.len());
    daemon.kill();
    std::fs::remove_dir_all(stage.dir().join("lake")).expect("the lake is lost");
    let refused = stage.run(&["restore", "--from", place, "--config", &config]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && why.contains("--lake-only"), "{why}");
    stage.done(&["restore", "--lake-only", "--from", place, "--config", &config]);
    let daemon = run(&stage, &config);
    until("all has landed", Duration::from_secs(180), || landed(&stage) >= expected.len());
    stop(daemon);
    assert_eq!(found(&stage).symmetric_difference(&expected).count(), 0, "rows were lost or came from nowhere");
    balanced(&stage);
    scene.end();
}
