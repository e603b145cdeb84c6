//! 10,000 small files: how many there are after upkeep, and how much longer a scan took before. Takes minutes:
//!
//! ```sh
//! cargo test --workspace --release --test upkeep -- --ignored --nocapture ten_thousand
//! ```

use super::lake::*;
use std::time::Instant;
use tidelake_sinks::lake::WriterOptions;
use tidelake_sinks::lake::upkeep::{Compactor, Repacked, UpkeepOptions, shape};

const FILES: i64 = 10_000;
const ROWS: i64 = 200;
const DAYS: i64 = 8;
/// Of this size, what each date holds fills many.
const TARGET: u64 = 1 << 20;

async fn scan(test: &TestLake) -> f64 {
    let engine = engine(&test.lake).await;
    let query = "SELECT count(*), sum(likes), count(DISTINCT video_id), max(length(text)) FROM comments";
    let mut best = f64::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(engine.integers(query).await.expect("answers")[0], FILES * ROWS);
        best = best.min(begun.elapsed().as_secs_f64());
    }
    best
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement that takes minutes"]
async fn ten_thousand_small_files() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    for _ in 0..FILES / DAYS {
        lander.land_days(ROWS, DAYS).await;
    }
    let files = WriterOptions { target_file_bytes: TARGET, ..WriterOptions::default() };
    let options = UpkeepOptions { files, ..options() };
    let before = shape(&test.lake, TABLE, TARGET).await.expect("reads").expect("is there");
    let slow = scan(&test).await;
    let begun = Instant::now();
    let mut compactor = Compactor::open(&test.lake, TABLE, options).await.expect("opens").expect("is there");
    for group in compactor.unordered(LATER).expect("lists") {
        let done = compactor.repack(&group).await.expect("an outcome");
        assert!(matches!(done, Repacked::Done { .. }), "{done:?}");
    }
    let took = begun.elapsed().as_secs_f64();
    let after = shape(&test.lake, TABLE, TARGET).await.expect("reads").expect("is there");
    let fast = scan(&test).await;
    eprintln!(
        "{} files, {:.1} MB, {:.3} in files of the target size, scanned in {slow:.3} s; after {took:.1} s of upkeep {} files, \
         {:.1} MB, {:.3}, scanned in {fast:.3} s: {:.1} times as fast",
        before.files,
        before.bytes as f64 / 1e6,
        before.full_share().unwrap_or(0.0),
        after.files,
        after.bytes as f64 / 1e6,
        after.full_share().unwrap_or(0.0),
        slow / fast
    );
    assert!(
        before.files as i64 == FILES && after.full_share().is_some_and(|share| share >= 0.9),
        "{before:?} {after:?}"
    );
}
