//! A creator is taken out of everything, while the daemon runs, while it is stopped, and when the erasure itself is killed.

mod bench;
mod copies;
#[path = "../../../sinks/tests/erasure/search.rs"]
mod search;

use bench::Bench;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use search::files;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tidelake_schemas::topics;
use tidelake_tests::{Stage, until};

/// The project's own recorded shapes.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/fixtures");

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
    let rows = format!(
        "SELECT video_id, author_handle, views FROM videos WHERE author_handle <> '' OR author_handle = '{}' ORDER BY video_id",
        bench.handle
    );
    bench.stage.done(&["sql", &rows, "-o", export.to_str().expect("UTF-8")]);
    let lines = std::fs::read_to_string(&export).expect("reads").lines().count();

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
