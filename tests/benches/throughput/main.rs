//! Records per second and peak memory of each role and of the whole path, next to a bare consumer of the same topic.
//!
//! ```sh
//! cargo build --release --workspace && cargo bench --workspace --bench throughput
//! TIDELAKE_TEST_BROKER=127.0.0.1:9092 cargo bench --workspace --bench throughput   # the same on a Kafka
//! ```
//!
//! Settings by environment: `TIDELAKE_BENCH_RECORDS` (1,000,000), `TIDELAKE_BENCH_SECONDS` of the whole path (30),
//! `TIDELAKE_BENCH_DAYS` that the backlog is made of, mixed (1), `TIDELAKE_BENCH_ONLY` (a comma-separated choice of collect,
//! enrich, land, path).
//!
//! Each role runs alone, as a process of the real binary, on a backlog that is there already; its rate is taken between
//! its first and last sign of progress, so that starting up does not count. The bare consumer is librdkafka with land's
//! own settings, counting messages and throwing them away.

#![allow(clippy::print_stdout, reason = "a benchmark's output is its result")]

mod feed;
mod meter;

use meter::{Figure, Meter, Progress};
use std::time::Duration;
use tidelake_schemas::topics::{VIDEO_ENRICHED, VIDEO_OBSERVED};
use tidelake_tests::Stage;

/// A commit each 100,000 rows: often enough to see progress, seldom enough not to be what is measured.
const LAND: [(&str, &str); 2] = [("TIDELAKE__LAKE__COMMIT_ROWS", "100000"), ("TIDELAKE__LAKE__COMMIT_AGE", "60s")];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn wanted(name: &str) -> bool {
    std::env::var("TIDELAKE_BENCH_ONLY").map_or(true, |only| only.split(',').any(|o| o == name))
}

fn main() {
    // `cargo bench` passes --bench; `cargo test --benches` does not, and must not wait for minutes.
    if !std::env::args().any(|a| a == "--bench") {
        println!("throughput: run with cargo bench");
        return;
    }
    let records = setting("TIDELAKE_BENCH_RECORDS", 1_000_000);
    let broker = std::env::var("TIDELAKE_TEST_BROKER").map_or("embedded", |_| "Kafka");
    println!("broker: {broker}; {records} video observations\n\n{}", Figure::HEADER);
    if wanted("collect") {
        collect();
    }
    if wanted("enrich") || wanted("land") {
        enrich_and_land(records);
    }
    if wanted("path") {
        whole_path(setting("TIDELAKE_BENCH_SECONDS", 30));
    }
}

/// The Research API's connector against the offline TikTok, which runs in this process and shares the cores.
fn collect() {
    let stage = Stage::set();
    stage.done(&["check"]);
    let offline = feed::OfflineTikTok::start();
    let config = stage.dir().join("collect.toml");
    std::fs::write(&config, offline.configuration()).expect("writes the configuration");
    let config = config.to_str().expect("UTF-8").to_owned();
    let observed = Meter::of(&stage, VIDEO_OBSERVED, "bench");
    let process = stage.start(&["run", "--roles", "collect", "--config", &config], &[]);
    let progress = Progress::during(Duration::from_secs(20), || observed.written());
    println!("{}", Figure::of("collect", &progress, &process));
}

fn enrich_and_land(records: u64) {
    let stage = Stage::set();
    stage.done(&["check"]);
    let enriched = Meter::of(&stage, VIDEO_ENRICHED, "bench");
    feed::observed(&stage, enriched.partitions, records, setting("TIDELAKE_BENCH_DAYS", 1));
    let process = stage.start(&["run", "--roles", "enrich"], &[]);
    let progress = Progress::until(records, || enriched.written());
    println!("{}", Figure::of("enrich", &progress, &process));
    drop(process);
    if !wanted("land") {
        return;
    }
    let bare = enriched.consume(records);
    println!("{}", Figure::bare(bare));
    let table = Meter::of(&stage, VIDEO_ENRICHED, "tidelake-land");
    let process = stage.start(&["run", "--roles", "land"], &LAND);
    let progress = Progress::until(records / 100_000 * 100_000, || table.committed());
    println!("{}  ({:.2} of the bare consumer)", Figure::of("land", &progress, &process), progress.rate() / bare);
}

/// The demo: offline TikTok, collect, enrich, land and the embedded broker in one process, everything landed at the end.
fn whole_path(seconds: u64) {
    let stage = Stage::alone();
    let length = format!("{seconds}s");
    let output = stage.run_with(&["demo", "--for", &length], &[("TIDELAKE__LAKE__COMMIT_AGE", "5s")]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "the demo failed: {}", String::from_utf8_lossy(&output.stderr));
    let lines = text.lines().skip_while(|line| !line.starts_with("In ")).take_while(|line| !line.is_empty());
    println!("whole path, {length} of the demo:");
    lines.for_each(|line| println!("    {line}"));
}
