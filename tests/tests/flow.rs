//! The whole path, in one process and in several: from a source to SQL.

use std::time::{Duration, Instant};
use tidelake_sandbox::{Sandbox, SandboxConfig, SimClock, World, WorldConfig};
use tidelake_tests::Stage;

/// The project's own recorded shapes.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/fixtures");

#[test]
fn recorded_files_become_rows_once() {
    let stage = Stage::set();
    let first = stage.done(&["import", FIXTURES, "--wait"]);
    assert!(first.contains("in video_observations"), "{first}");
    let rows = stage.integer("SELECT count(*) FROM video_observations");
    assert!(rows > 0);
    let again = stage.done(&["import", FIXTURES, "--wait"]);
    assert!(again.contains("landed: nothing new"), "{again}");
    assert_eq!(stage.integer("SELECT count(*) FROM video_observations"), rows);
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
}

#[test]
fn ids_are_strings_and_unknown_is_null() {
    let stage = Stage::set();
    stage.done(&["import", FIXTURES, "--wait"]);
    for row in stage.sql("SELECT video_id FROM video_observations") {
        assert!(row["video_id"].as_str().is_some_and(|id| id.parse::<i64>().is_ok()), "{row}");
    }
    // oEmbed knows no counts.
    let rows = stage.sql("SELECT stats['views'] AS views FROM video_observations WHERE provenance['zone'] = 'oembed'");
    assert!(!rows.is_empty() && rows.iter().all(|r| r["views"].is_null()), "{rows:?}");
}

#[test]
fn roles_of_their_own_processes_share_the_work() {
    let stage = Stage::set();
    let mut enrich = stage.start(&["run", "--roles", "enrich"], &[]);
    let mut land = stage.start(&["run", "--roles", "land"], &[]);
    stage.done(&["import", FIXTURES]);
    let published = stage.done(&["tap", "tiktok.video.observed", "--once", "--last", "100000"]);
    let expected = published.lines().filter(|line| line.contains("\"record\"")).count();
    let begun = Instant::now();
    while usize::try_from(stage.integer("SELECT count(*) FROM video_observations")).ok() != Some(expected) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{expected} videos did not land");
    }
    for process in [&mut enrich, &mut land] {
        process.signal("TERM");
        assert_eq!(process.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    }
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
}

#[test]
fn sources_are_declared_while_the_daemon_runs() {
    let stage = Stage::alone();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = World::new(WorldConfig { videos: 2_000, days: 6, ..WorldConfig::default() }).expect("a world");
    let creator = world.video(1_000).expect("a video").creator().handle;
    let clock = Some(SimClock::frozen(world.end()));
    let settings = SandboxConfig { world: world.config().clone(), clock, ..SandboxConfig::default() };
    let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline TikTok starts");
    let base_url = sandbox.base_url();
    let config = stage.dir().join("tidelake.toml");
    let research = format!("[research]\nbase_url = \"{base_url}\"\nclient_key = \"k\"\nclient_secret = \"s\"\n");
    std::fs::write(&config, research).expect("writes the configuration");
    let config = config.to_str().expect("UTF-8").to_owned();
    let sources = |arguments: &[&str]| stage.done(&[&["--config", &config, "sources"], arguments].concat());
    let mut daemon = stage.start(&["run", "--config", &config], &[]);
    stage.wait_for_embedded_broker();

    let (from, to) = (world.config().epoch.format("%Y-%m-%d").to_string(), world.end().format("%Y-%m-%d").to_string());
    sources(&["add", "creator", &creator, "--name", "one", "--from", &from, "--to", &to]);
    let begun = Instant::now();
    while stage.integer("SELECT count(*) FROM video_observations") == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing landed: {}", sources(&["list"]));
    }
    while !stage.done(&["coverage", "one", "--format", "json"]).contains("exhausted") {
        assert!(begun.elapsed() < Duration::from_secs(60), "the ledger did not land");
    }
    sources(&["add", "hashtag", "fyp", "--every", "1h", "--region", "US"]);
    sources(&["pause", "hashtag/fyp/US"]);
    let listed: serde_json::Value = serde_json::from_str(&sources(&["list", "--format", "json"])).expect("JSON");
    let state = |name: &str| listed.as_array()?.iter().find(|s| s["name"] == name)?["state"].as_str();
    assert_eq!((state("one"), state("hashtag/fyp/US")), (Some("finished"), Some("paused")), "{listed:#}");
    sources(&["remove", "one", "hashtag/fyp/US"]);
    assert_eq!(sources(&["list", "--format", "json"]).trim(), "[]");
    let unknown = stage.run(&["--config", &config, "sources", "pause", "one"]);
    assert!(!unknown.status.success(), "a source that is not declared cannot be paused");
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    runtime.block_on(sandbox.stop());
}

/// A task that tracks takes its videos from the lake: those that a search has found.
#[test]
fn what_a_search_finds_is_tracked() {
    let stage = Stage::alone();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = World::new(WorldConfig { videos: 500, days: 6, ..WorldConfig::default() }).expect("a world");
    let clock = Some(SimClock::frozen(world.end()));
    let settings = SandboxConfig { world: world.config().clone(), clock, ..SandboxConfig::default() };
    let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline TikTok starts");
    let (base_url, epoch) = (sandbox.base_url(), world.config().epoch.format("%Y-%m-%d"));
    let age = (chrono::Utc::now() - world.config().epoch).num_days().max(0) + 2;
    let config = stage.dir().join("tidelake.toml");
    let found = format!(
        "[research]\nbase_url = \"{base_url}\"\nclient_key = \"k\"\nclient_secret = \"s\"\n\
         [lake]\ncommit_age = \"1s\"\n\
         [[tasks]]\nname = \"found\"\nconnector = \"research-api\"\n\
         spec = {{ kind = \"videos\", start = \"{epoch}\", end = \"{end}\", limit = 200, query = {{ and = [\
         {{ operation = \"IN\", field_name = \"region_code\", field_values = [\"US\", \"GB\", \"DE\"] }}] }} }}\n",
        end = world.end().format("%Y-%m-%d"),
    );
    let again = format!(
        "{found}[[tasks]]\nname = \"again\"\nconnector = \"research-api\"\n\
         spec = {{ kind = \"track\", stored = {{ max_age_days = {age}, tasks = [\"found\"] }}, requests_per_day = 86400, \
         revisit = {{ refresh_s = 1 }} }}\n"
    );
    let seen_by = |task: &str| format!("SELECT count(*) FROM video_observations WHERE provenance['task'] = '{task}'");
    for (text, task) in [(found, "found"), (again, "again")] {
        std::fs::write(&config, text).expect("writes the configuration");
        let mut daemon = stage.start(&["run", "--config", config.to_str().expect("UTF-8")], &[]);
        let begun = Instant::now();
        while stage.integer(&seen_by(task)) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(90), "nothing of task {task} has landed");
        }
        daemon.signal("TERM");
        assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    }
    let others = "SELECT count(*) FROM video_observations WHERE provenance['task'] = 'again' AND video_id NOT IN \
                  (SELECT video_id FROM video_observations WHERE provenance['task'] = 'found')";
    assert_eq!(stage.integer(others), 0, "only what the search found is tracked");
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
    runtime.block_on(sandbox.stop());
}

#[test]
fn the_demo_ends_with_answers() {
    let stage = Stage::alone();
    let text = stage.done(&["demo", "--for", "4s", "--videos", "20000"]);
    for part in ["observed", "enriched", "landed", "bytes per video row", "end to end", "gained"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
}
