//! What a source gives changes in the middle of its work: it is told, and collecting goes on.

use serde_json::Value;
use std::time::{Duration, Instant};
use tidelake_sandbox::{FaultKind, FaultPlan, FaultRule, Quota, Sandbox, SandboxConfig, SimClock, World, WorldConfig};
use tidelake_tests::{Process, Stage};
use tokio::runtime::Runtime;

struct Scene {
    stage: Stage,
    runtime: Runtime,
    sandbox: Sandbox,
    config: String,
    daemon: Option<Process>,
}

impl Scene {
    /// A daemon that polls an offline TikTok. `tasks` is given the window as settings of a task's spec.
    fn set(tasks: impl FnOnce(&World, &str) -> String) -> Self {
        let stage = Stage::alone();
        let runtime = Runtime::new().expect("a runtime");
        let world = WorldConfig { videos: 4_000, creators: 400, days: 6, ..WorldConfig::default() };
        let world = World::new(world).expect("a world");
        let clock = Some(SimClock::frozen(world.end()));
        let settings = SandboxConfig {
            world: world.config().clone(),
            clock,
            quota: Quota::unlimited(),
            ..SandboxConfig::default()
        };
        let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline TikTok starts");
        let day = |at: chrono::DateTime<chrono::Utc>| at.format("%Y%m%d").to_string();
        let window = format!("start = \"{}\"\nend = \"{}\"\n", day(world.config().epoch), day(world.end()));
        let research =
            format!("[research]\nbase_url = \"{}\"\nclient_key = \"k\"\nclient_secret = \"s\"\n", sandbox.base_url());
        let path = stage.dir().join("tidelake.toml");
        std::fs::write(&path, format!("{research}{}", tasks(&world, &window))).expect("writes the configuration");
        let config = path.to_str().expect("UTF-8").to_owned();
        let mut scene = Self { stage, runtime, sandbox, config, daemon: None };
        scene.start();
        scene
    }

    fn start(&mut self) {
        self.daemon = Some(self.stage.start(&["run", "--config", &self.config], &[]));
        self.stage.wait_for_embedded_broker();
    }

    fn stop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.signal("TERM");
            assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
        }
    }

    fn faults(&self, kinds: &[FaultKind]) {
        let rules = kinds.iter().map(|kind| FaultRule::with_probability(*kind, 1.0));
        self.sandbox.set_faults(&FaultPlan::of(rules)).expect("a plan");
    }

    fn wait(&self, query: &str, enough: impl Fn(i64) -> bool) {
        let begun = Instant::now();
        while !enough(self.stage.integer(query)) {
            let seen = self.stage.sql("SELECT * FROM drift");
            assert!(begun.elapsed() < Duration::from_secs(90), "{query}: {}; {seen:#?}", self.stage.integer(query));
        }
    }

    fn end(mut self) {
        self.stop();
        let report = self.stage.audit();
        assert_eq!(report["balanced"], true, "{report:#}");
        self.runtime.block_on(self.sandbox.stop());
    }
}

fn task(name: &str, every: &str, field: &str, value: &str, window: &str) -> String {
    format!(
        "[[tasks]]\nname = \"{name}\"\nconnector = \"research-api\"\nevery = \"{every}\"\n[tasks.spec]\nkind = \"videos\"\n{window}\
         query = {{ and = [{{ operation = \"EQ\", field_name = \"{field}\", field_values = [\"{value}\"] }}] }}\n"
    )
}

const ROWS: &str = "SELECT count(*) FROM video_observations";

#[test]
fn a_change_of_shape_opens_incidents_and_rows_keep_landing() {
    let mut scene = Scene::set(|_, window| {
        task("us", "1s", "region_code", "US", window) + &task("gb", "1s", "region_code", "GB", window)
    });
    scene.wait(ROWS, |rows| rows > 3_000);
    // The baseline survives a restart.
    scene.stop();
    scene.start();
    scene.wait(ROWS, |rows| rows > 6_000);
    assert_eq!(scene.stage.sql("SELECT * FROM drift_incidents"), Vec::<Value>::new(), "no false alarm");

    scene.faults(&[FaultKind::FieldRenamed, FaultKind::NumberAsText, FaultKind::FieldHalved]);
    scene.wait("SELECT count(*) FROM drift_incidents WHERE state = 'open'", |open| open >= 1);
    // Killed in the middle of it, it tells nothing twice.
    drop(scene.daemon.take());
    scene.start();
    scene.wait("SELECT count(*) FROM drift_incidents WHERE state = 'open'", |open| open >= 4);
    let rows = scene.stage.integer(ROWS);
    scene.wait(ROWS, |now| now > rows + 1_000);
    let query = "SELECT field, kind, before, after, sample, records, provenance['route'] AS route FROM drift_incidents \
                 WHERE state = 'open' ORDER BY field";
    let incidents = scene.stage.sql(query);
    let told: Vec<_> = incidents.iter().map(|i| (text(i, "field"), text(i, "kind"))).collect();
    let expected = [
        ("video.like_count", "type_changed"),
        ("video.play_count", "appeared"),
        ("video.video_duration", "rarer"),
        ("video.view_count", "vanished"),
    ];
    assert_eq!(told, expected, "{incidents:#?}");
    assert!(incidents.iter().all(|i| !text(i, "sample").is_empty() && text(i, "route") == "video/query"));
    assert!(text(&incidents[3], "sample").contains("play_count"), "{:#}", incidents[3]);
    let likes = text(&incidents[0], "sample");
    assert!(likes.starts_with('"') && likes.len() > 2, "a number that is a text: {likes}");
    // What can be read is read: likes are there, although they are texts.
    let unread = "SELECT count(*) FROM video_observations WHERE stats['likes'] IS NULL";
    assert_eq!(scene.stage.integer(unread), 0);

    scene.faults(&[]);
    scene.wait("SELECT count(*) FROM drift WHERE state = 'open'", |open| open == 0);
    assert_eq!(scene.stage.done(&["drift", "--open", "--format", "json"]).trim(), "[]");
    let all = scene.stage.done(&["drift", "research-api/video", "--format", "csv"]);
    assert!(all.contains("video.view_count") && all.contains("closed"), "{all}");
    scene.end();
}

#[test]
fn nothing_is_not_believed_where_there_was_something() {
    let scene = Scene::set(|world, window| {
        let creator = world.video(1_000).expect("a video").creator().handle;
        let known = "canary = { every = \"1s\", at_least = 1, spec = { kind = \"videos\", query = { and = [{ operation = \"EQ\", \
                     field_name = \"region_code\", field_values = [\"US\"] }] }, limit = 10, ";
        let quiet = task("quiet", "1s", "username", "nobody.at.all", window);
        let canary = format!("{known}{} }} }}\n[tasks.spec]", window.trim().replace('\n', ", "));
        task("creator", "1s", "username", &creator, window) + &quiet.replace("[tasks.spec]", &canary)
    });
    let complete = |task: &str| {
        format!("SELECT count(*) FROM coverage WHERE provenance['task'] = '{task}' AND stop_reason = 'exhausted'")
    };
    for name in ["creator", "quiet"] {
        scene.wait(&complete(name), |cycles| cycles >= 4);
    }
    let canary = "SELECT count(*) FROM coverage WHERE provenance['task'] = 'quiet/canary' AND got > 0";
    scene.wait(canary, |polls| polls > 0);
    let silent = "SELECT count(DISTINCT provenance['task']) FROM coverage WHERE stop_reason = 'silent_zero'";
    assert_eq!(scene.stage.integer(silent), 0, "a task that never brought anything is believed");

    scene.faults(&[FaultKind::SilentZero]);
    scene.wait(silent, |tasks| tasks == 3);
    let query = "SELECT task, kind, state FROM drift WHERE kind = 'silent_zero' AND state = 'open' ORDER BY task";
    let incidents = scene.stage.sql(query);
    let tasks: Vec<_> = incidents.iter().map(|i| text(i, "task")).collect();
    assert_eq!(tasks, ["creator", "quiet", "quiet/canary"], "{incidents:#?}");
    let coverage = scene
        .stage
        .sql("SELECT suspect, last_fault, days_asked, days_missing FROM coverage_by_task WHERE task = 'creator'");
    assert_eq!(coverage[0]["suspect"], true, "{coverage:#?}");
    assert!(text(&coverage[0], "last_fault").contains("silent zero"), "{coverage:#?}");

    scene.faults(&[]);
    scene.wait("SELECT count(*) FROM drift WHERE kind = 'silent_zero' AND state = 'open'", |open| open == 0);
    scene.end();
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}
