//! A creator is taken out of everything, while the daemon runs, while it is stopped, and when the erasure itself is killed.

use chrono::{DateTime, Days, Utc};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tidelake_sandbox::{Quota, Sandbox, SandboxConfig, SimClock, WorldConfig};
use tidelake_schemas::topics;
use tidelake_tests::{Process, Stage, until};

/// The project's own recorded shapes.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/fixtures");
const DAYS: u32 = 4;

/// An offline TikTok and a configuration that collects of it: a search, the creator's own task, and cards with pictures.
struct Bench {
    stage: Stage,
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    config: String,
    handle: String,
}

impl Bench {
    fn set() -> Self {
        let stage = Stage::alone();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let end: DateTime<Utc> = Utc::now().date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        let settings = SandboxConfig {
            world: WorldConfig {
                videos: 3_000,
                days: DAYS,
                epoch: end - Days::new(u64::from(DAYS)),
                deleted_share: 0.0,
                private_share: 0.0,
                ..WorldConfig::default()
            },
            clock: Some(SimClock::frozen(Utc::now())),
            quota: Quota::unlimited(),
            ..SandboxConfig::default()
        };
        let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline TikTok starts");
        // Whoever has most videos, and some of others.
        let mut by_handle: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for index in 0..3_000 {
            let creator = sandbox.world().video(index).expect("a video").creator();
            by_handle.entry(creator.handle).or_default().push(index);
        }
        let (handle, own) = by_handle.iter().max_by_key(|(_, videos)| videos.len()).expect("a creator");
        let (handle, own) = (handle.clone(), own[0]);
        let others = (0..3_000).filter(|i| sandbox.world().video(*i).is_some_and(|v| v.creator().handle != handle));
        let chosen = std::iter::once(own).chain(others.step_by(11).take(11));
        let videos: Vec<_> = chosen.map(|i| sandbox.world().video(i).expect("a video")).collect();
        let links: Vec<String> = videos
            .iter()
            .map(|video| format!("\"https://www.tiktok.com/@{}/video/{}\"", video.creator().handle, video.id()))
            .collect();
        let (first, last) =
            ((end - Days::new(u64::from(DAYS))).format("%Y%m%d"), (end - Days::new(1)).format("%Y%m%d"));
        let search = |name: &str, every: &str, field: &str, value: &str| {
            format!(
                "[[tasks]]\nname = \"{name}\"\nconnector = \"research-api\"\n{every}\n\
                 spec = {{ kind = \"videos\", start = \"{first}\", end = \"{last}\", query = {{ and = [\
                 {{ operation = \"IN\", field_name = \"{field}\", field_values = [{value}] }}] }} }}\n"
            )
        };
        let url = sandbox.base_url();
        let text = format!(
            "[research]\nbase_url = \"{url}\"\nclient_key = \"k\"\nclient_secret = \"s\"\ndaily_quota = 4000000000\n\
             per_second = 1000\n[oembed]\nbase_url = \"{url}\"\npause = \"0ms\"\n\
             [media]\nenabled = true\nformat = \"jpeg\"\nsizes = {{ small = 96 }}\nretry_delay = \"10ms\"\n\
             [[tasks]]\nname = \"cards\"\nconnector = \"oembed\"\nspec = {{ kind = \"links\", links = [{}] }}\n{}{}",
            links.join(", "),
            search("regions", "", "region_code", "\"US\", \"GB\", \"DE\", \"FR\", \"JP\", \"BR\""),
            search("theirs", "every = \"1s\"", "username", &format!("\"{handle}\"")),
        );
        let file = stage.dir().join("tidelake.toml");
        std::fs::write(&file, text).expect("writes");
        let config = file.to_str().expect("UTF-8").to_owned();
        Self { stage, runtime, sandbox, config, handle }
    }

    fn start(&self) -> Process {
        let daemon = self.stage.start(&["run", "--config", &self.config], &[]);
        let (lock, holder) = (self.stage.dir().join("broker/lock"), format!("process {},", daemon.id()));
        let taken = || std::fs::read_to_string(&lock).is_ok_and(|text| text.contains(&holder));
        until("the broker is this daemon's", Duration::from_secs(30), || !self.stage.is_embedded() || taken());
        daemon
    }

    fn rows(&self, condition: &str) -> i64 {
        self.stage.integer(&format!("SELECT count(*) FROM video_observations WHERE {condition}"))
    }

    fn theirs(&self) -> i64 {
        self.rows(&format!("lower(author['handle']) = lower('{}')", self.handle))
    }

    fn collected(&self) -> bool {
        let done = "SELECT count(DISTINCT provenance['task']) FROM coverage WHERE stop_reason = 'exhausted'";
        self.stage.integer(done) >= 3 && self.theirs() > 2 && self.stage.integer("SELECT count(*) FROM media") >= 12
    }

    /// The receipt, whatever remains.
    fn erase(&self) -> Value {
        let output = self.stage.run(&[
            "erase",
            "--config",
            &self.config,
            "--creator",
            &format!("@{}", self.handle),
            "--yes",
            "--format",
            "json",
        ]);
        let receipt: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(output.status.success(), receipt["remains"] == serde_json::json!([]), "{receipt:#}");
        receipt
    }

    /// Nothing says who it was: no row, no file below the lake or the media store, no audit that differs.
    fn check(&self, ids: &[String]) {
        assert_eq!(self.theirs(), 0);
        for table in ["comments", "media", "annotations"] {
            let of_them = format!("SELECT count(*) FROM {table} WHERE CAST(video_id AS VARCHAR) IN ({})", quoted(ids));
            assert_eq!(self.stage.integer(&of_them), 0, "{table}");
        }
        let mut needles = vec![self.handle.clone()];
        needles.extend(ids.iter().cloned());
        for folder in ["lake", "media"] {
            for file in files(&self.stage.dir().join(folder)) {
                let said = String::from_utf8_lossy(&std::fs::read(&file).expect("reads")).into_owned();
                let name = file.display().to_string();
                for needle in &needles {
                    assert!(!said.contains(needle) && !name.contains(needle), "{name} holds {needle}");
                }
            }
        }
        // The broker may be the daemon's.
        let report = self.stage.done(&["audit", "--offline"]);
        assert!(report.contains("Every offset has exactly one outcome"), "{report}");
    }

    fn ids(&self) -> Vec<String> {
        let query = format!(
            "SELECT DISTINCT CAST(video_id AS VARCHAR) AS id FROM video_observations WHERE author['handle'] = '{}'",
            self.handle
        );
        self.stage.sql(&query).iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
    }

    fn stop(self) {
        let Self { runtime, sandbox, .. } = self;
        runtime.block_on(sandbox.stop());
    }
}

fn quoted(ids: &[String]) -> String {
    ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return found };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Messages of the data topics that hold a text; the broker of the running process is asked.
fn messages_with(stage: &Stage, needle: &str) -> usize {
    let lock = std::fs::read_to_string(stage.dir().join("broker/lock")).expect("a holder");
    let broker =
        if stage.is_embedded() { lock.trim().rsplit(' ').next().expect("an address") } else { stage.bootstrap() };
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker).set("group.id", "test").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut found = 0;
    for topic in topics::COLLECTED.into_iter().chain([topics::VIDEO_ENRICHED, topics::MEDIA]) {
        for partition in 0..5 {
            let (low, high) = consumer.fetch_watermarks(topic, partition, Duration::from_secs(10)).expect("watermarks");
            if low == high {
                continue;
            }
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(topic, partition, Offset::Offset(low)).expect("an offset");
            consumer.assign(&list).expect("assigns");
            while let Some(Ok(message)) = consumer.poll(Duration::from_secs(5)) {
                let text = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
                found += usize::from(text.contains(needle));
            }
        }
    }
    found
}

#[test]
fn while_the_daemon_goes_on() {
    let bench = Bench::set();
    let mut daemon = bench.start();
    until("everything is collected", Duration::from_secs(120), || bench.collected());
    let ids = bench.ids();
    let others = bench.rows("true") - bench.theirs();
    assert!(ids.len() > 1 && messages_with(&bench.stage, &bench.handle) > 0);
    // An export that names them, known to the register.
    let export = bench.stage.dir().join("export.csv");
    let rows = "SELECT video_id, author_handle, views FROM videos ORDER BY video_id";
    bench.stage.done(&["sql", rows, "-o", export.to_str().expect("UTF-8")]);
    let lines = std::fs::read_to_string(&export).expect("reads").lines().count();
    let copies = bench.stage.dir().join("lake/_tidelake/copies");
    std::fs::create_dir_all(&copies).expect("makes");
    let id = uuid::Uuid::new_v4();
    let entry = serde_json::json!({
        "id": id, "kind": "export", "location": export, "format": "csv", "made_at": 1,
        "statement": format!("SELECT * FROM videos WHERE author_handle <> '{}'", bench.handle),
    });
    std::fs::write(copies.join(format!("{id}.json")), entry.to_string()).expect("writes");

    let preview = bench.stage.done(&["erase", "--config", &bench.config, "--creator", &bench.handle, "--dry-run"]);
    assert!(preview.contains("video_observations") && preview.contains("nothing was changed"), "{preview}");
    let held = bench.stage.done(&["privacy", "export", "--config", &bench.config, "--creator", &bench.handle]);
    let held: Value = serde_json::from_str(&held).expect("JSON");
    assert!(held["tables"]["video_observations"].as_array().is_some_and(|rows| rows.len() > 2));

    let receipt = bench.erase();
    let of = |list: &str, name: &str, key: &str| {
        let all = receipt[list].as_array().cloned().unwrap_or_default();
        all.iter().find(|entry| entry["table"] == name || entry["topic"] == name).map(|entry| entry[key].clone())
    };
    assert!(of("tables", "video_observations", "rows").and_then(|n| n.as_u64()) > Some(2), "{receipt:#}");
    assert!(of("topics", topics::TASKS, "removed").and_then(|n| n.as_u64()) >= Some(2), "{receipt:#}");
    assert!(of("topics", topics::VIDEO_ENRICHED, "removed").and_then(|n| n.as_u64()) > Some(0), "{receipt:#}");
    assert_eq!(of("topics", topics::VIDEO_ENRICHED, "remaining").and_then(|n| n.as_u64()), Some(0), "{receipt:#}");
    assert_eq!(receipt["media"]["files"].as_u64(), Some(1), "{receipt:#}");
    assert_eq!(receipt["copies"][0]["outcome"], "rewritten", "{receipt:#}");
    assert!(!receipt.to_string().contains(&bench.handle));
    let left = std::fs::read_to_string(&export).expect("reads");
    assert!(!left.contains(&bench.handle) && left.lines().count() == lines - ids.len(), "{left}");
    bench.check(&ids);

    // The daemon polls on, but not them; the other link of its task is still polled.
    let polls = "SELECT count(*) FROM coverage WHERE stop_reason = 'suppressed'";
    until("the refusal lands", Duration::from_secs(30), || {
        bench.stage.integer(polls) > 0 || !bench.stage.done(&["sources", "list"]).contains("theirs")
    });
    assert_eq!(bench.rows("true"), others);
    let remaining =
        receipt["topics"].as_array().expect("topics").iter().filter_map(|t| t["remaining"].as_u64()).sum::<u64>();
    assert!(messages_with(&bench.stage, &bench.handle) as u64 <= remaining, "more remains than the receipt says");
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");

    // Started again, its configuration still names them.
    let mut daemon = bench.start();
    until("the daemon works", Duration::from_secs(60), || bench.stage.done(&["sources", "list"]).contains("regions"));
    assert!(!bench.stage.done(&["sources", "list"]).contains("theirs"));
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    let again = bench.erase();
    assert!(
        again["tables"]
            .as_array()
            .is_some_and(|all| all.iter().all(|t| t["rows"] == 0 || again["id"] == receipt["id"]))
    );
    bench.check(&ids);
    let report = bench.stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
    let receipts = bench.stage.done(&["privacy", "receipts"]);
    assert!(receipts.contains(receipt["id"].as_str().expect("an id")), "{receipts}");
    bench.stop();
}

#[test]
fn killed_at_any_moment_it_goes_on() {
    let bench = Bench::set();
    let mut daemon = bench.start();
    until("everything is collected", Duration::from_secs(120), || bench.collected());
    let ids = bench.ids();
    let mut choose = StdRng::seed_from_u64(7);
    // The first strikes while the daemon lands; then both are killed.
    let handle = format!("@{}", bench.handle);
    for round in 0..5 {
        let mut erasing = bench.stage.start(&["erase", "--config", &bench.config, "--creator", &handle, "--yes"], &[]);
        std::thread::park_timeout(Duration::from_millis(choose.random_range(600..5_500)));
        erasing.kill();
        if round == 2 {
            daemon.kill();
            daemon = bench.start();
        }
    }
    bench.erase();
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    // Stopped: every reader has passed, and whatever a writer held has landed or is found.
    let receipt = bench.erase();
    let recheck = bench.stage.done(&["privacy", "recheck", "--config", &bench.config]);
    assert!(recheck.contains("nothing") || recheck.contains("rows taken out"), "{recheck}");
    assert!(
        receipt["suppressed"].as_u64() >= Some(ids.len() as u64),
        "what was known before the first kill is suppressed"
    );
    bench.check(&ids);
    bench.stop();
}

#[test]
fn what_comes_again_is_counted_and_does_not_land() {
    let stage = Stage::alone();
    // In the log, not in the lake.
    stage.done(&["import", FIXTURES]);
    let published = stage.done(&["tap", "tiktok.video.observed", "--once", "--last", "100000"]);
    let author = |line: &str| {
        let record: Value = serde_json::from_str(line).ok()?;
        record["record"]["author"]["handle"].as_str().map(str::to_owned)
    };
    let handle = published.lines().find_map(author).expect("a video with an author");
    let theirs = published.lines().filter(|line| author(line).as_deref() == Some(&handle)).count() as i64;
    let output = stage.run(&["erase", "--creator", &handle, "--yes", "--format", "json"]);
    assert!(!output.status.success(), "messages remain that nobody has read");
    let receipt: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((receipt["state"].as_str(), receipt["remains"].as_array().map(Vec::len)), (Some("partial"), Some(1)));

    // They are read now, and dropped.
    let copy = stage.dir().join("again");
    std::fs::create_dir_all(&copy).expect("makes");
    for file in files(Path::new(FIXTURES)) {
        // Another file with the same records: nothing of it was imported before.
        let mut content = std::fs::read(&file).expect("reads");
        content.extend_from_slice(b"\n");
        std::fs::write(copy.join(file.file_name().expect("a name")), content).expect("writes");
    }
    stage.done(&["import", copy.to_str().expect("UTF-8"), "--wait"]);
    let of_them = format!("SELECT count(*) FROM video_observations WHERE lower(author['handle']) = lower('{handle}')");
    assert_eq!(stage.integer(&of_them), 0);
    assert!(stage.integer("SELECT count(*) FROM video_observations") > 0, "others land");
    assert!(stage.integer("SELECT sum(suppressed) FROM coverage") > 0, "the second import dropped them");
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
    let counts = &report["tables"]["video_observations"]["counts"];
    assert_eq!(counts["suppressed"].as_i64(), Some(theirs), "{report:#}");
    let output = stage.run(&["erase", "--creator", &handle, "--yes", "--format", "json"]);
    let after: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(after["id"], receipt["id"], "the same erasure goes on");
    let inventory = stage.done(&["privacy", "inventory", "--format", "csv"]);
    assert!(inventory.contains("video_observations,table,author.handle"), "{inventory}");
    let hidden = stage.done(&["sql", "--pseudonyms", "SELECT DISTINCT author_handle FROM videos", "--format", "csv"]);
    assert!(hidden.lines().skip(1).all(|line| line.starts_with("c_") || line.is_empty()), "{hidden}");
}
