//! Adaptive polling against a fixed interval and against a schedule by age, at the same number of requests.
//!
//! ```sh
//! cargo bench --workspace --bench adaptive
//! TIDELAKE_BENCH_DOCS=1 cargo bench --workspace --bench adaptive    # also writes docs/adaptive-polling.{md,svg}
//! TIDELAKE_BENCH_SCALE=1000000 cargo bench --workspace --bench adaptive    # memory and time of a planner of so many
//! ```
//!
//! The errors are the same in every build (`--profile dev` spares the release build); memory and time are not.
//!
//! `TIDELAKE_BENCH_VIDEOS` (3000) is how many videos a scene has.

#![allow(clippy::print_stdout, reason = "a benchmark's output is its result")]

mod plot;
mod policies;
mod report;
mod scale;
mod scene;
mod score;

use policies::Quota;
use scene::{HOUR, Scene};
use std::path::Path;

/// Days of publication, days of watching: a collector's everyday life, new videos all the time.
const PUBLISHED: u32 = 28;
const WATCHED: i64 = 28;
/// Fixed intervals, in hours; each stands for a budget.
const INTERVALS: [i64; 5] = [48, 24, 12, 6, 3];
/// No parameter was chosen with these (101 served for that).
const SEEDS: [u64; 3] = [201, 202, 203];

fn main() {
    // `cargo bench` passes --bench; `cargo test --benches` does not, and must not wait for minutes.
    if !std::env::args().any(|a| a == "--bench") {
        println!("adaptive: run with cargo bench");
        return;
    }
    if let Some(videos) = std::env::var("TIDELAKE_BENCH_SCALE").ok().and_then(|v| v.parse().ok()) {
        scale::run(videos);
        return;
    }
    let videos = std::env::var("TIDELAKE_BENCH_VIDEOS").ok().and_then(|v| v.parse().ok()).unwrap_or(3000);
    let mut lines = Vec::new();
    let mut example = None;
    println!("{}", report::HEADER);
    for seed in SEEDS {
        let scene = Scene::set(seed, videos, PUBLISHED, WATCHED);
        for (quota, interval) in Quota::ALL.into_iter().flat_map(|quota| INTERVALS.map(|interval| (quota, interval))) {
            let runs = policies::compare(&scene, interval * HOUR, quota);
            let line = report::Line::of(seed, quota, interval, &scene, &runs);
            print!("{line}");
            lines.push(line);
            if (seed, quota, interval) == (SEEDS[0], Quota::Daily, 24) {
                example = plot::Example::of(&scene, &runs);
            }
        }
    }
    println!("\n{}", report::summary(&lines));
    if std::env::var_os("TIDELAKE_BENCH_DOCS").is_some() {
        let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
        std::fs::create_dir_all(docs).expect("makes docs/");
        std::fs::write(docs.join("adaptive-polling.md"), report::page(&lines, videos)).expect("writes the page");
        let plot = plot::svg(&lines, example.as_ref());
        std::fs::write(docs.join("adaptive-polling.svg"), plot).expect("writes the plot");
        println!("wrote {}/adaptive-polling.md and .svg", docs.display());
    }
}
