//! virality-lift (Q5).

use crate::as_written::Q5;
use crate::bench::{Bench, Seen, assert_alike, at, post};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{StructField, StructType};
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use serde_json::json;
use std::sync::Arc;

/// Nothing writes scores yet, so the test does: video, age in hours, probability.
async fn scores(bench: &Bench, rows: &[(i64, f64, f64)]) {
    let texts = |text: &str| Arc::new(StringArray::from(vec![text; rows.len()])) as ArrayRef;
    let numbers = |f: fn(&(i64, f64, f64)) -> f64| {
        Arc::new(rows.iter().map(|r| Some(f(r))).collect::<Float64Array>()) as ArrayRef
    };
    let instants = rows.iter().map(|r| Some(at(WEEK).plus_secs((r.1 * 3600.0) as i64).0));
    let batch = RecordBatch::try_from_iter([
        ("platform", texts("tiktok")),
        ("video_id", Arc::new(rows.iter().map(|r| Some(r.0)).collect::<Int64Array>())),
        ("scored_at", Arc::new(instants.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
        ("age_h", numbers(|r| r.1)),
        ("probability", numbers(|r| r.2)),
        ("model_version", texts("m@1")),
    ])
    .expect("a batch");
    let url = bench.lake().table_url("virality_scores").expect("a URL");
    std::fs::create_dir_all(url.to_file_path().expect("a path")).expect("a directory");
    let schema: StructType = batch.schema().as_ref().try_into_kernel().expect("Delta has these types");
    let columns: Vec<StructField> = schema.fields().cloned().collect();
    let table = deltalake::DeltaTableBuilder::from_url(url).expect("a URL").build().expect("a table");
    let mut table = table.create().with_columns(columns).await.expect("creates");
    let mut writer = RecordBatchWriter::for_table(&table).expect("a writer");
    writer.write(batch).await.expect("writes");
    writer.flush_and_commit(&mut table).await.expect("commits");
}

/// A Tuesday, some time ago.
const WEEK: &str = "2026-04-07T00:00:00Z";

fn cell(first_id: i64, n: i64, region: &str) -> Vec<Seen> {
    (1..=n).map(|i| post(first_id + i, "a", at(WEEK)).aged(160).views(i).region(region)).collect()
}

#[tokio::test]
async fn virality_lift() {
    let mut bench = Bench::new();
    // 200 videos with 1 to 200 views: those from rank 199 on, (199 - 1) / 199 = 0.995, are in the top 1 %, rank 198 with 0.98995
    // is not: two.
    bench.videos(cell(0, 200, "US")).await;
    // The last 20 are scored at 6 hours, from 0.05 to 1; earlier and later scores do not count.
    let at_six = (181..=200_i64).map(|id| (id, 6.0, (id - 180) as f64 / 20.0));
    let early = (181..=200_i64).map(|id| (id, 5.5, 0.99));
    let late = (181..=200_i64).map(|id| (id, 8.0, 0.01));
    let german = [(1001, 6.0, 0.9), (1002, 6.0, 0.8)];
    scores(&bench, &at_six.chain(early).chain(late).chain(german).collect::<Vec<_>>()).await;
    let named = bench.query("virality-lift", &[]).await;
    assert_alike(&bench.ask(Q5).await, &named);
    // Base rate 2 / 20. Decile 1: 0.05 and 0.10, no hit, Brier (0.0025 + 0.01) / 2. Decile 9: 0.85 and 0.9, (0.7225 + 0.81) / 2.
    // Decile 10: 0.95 and 1, two hits, lift 1 / 0.1, Brier (0.0025 + 0) / 2.
    let row = |decile: i64, mean_p: f64, hit_rate: f64, lift: f64, brier: f64| {
        json!({"model_version": "m@1", "decile": decile, "n": 2, "mean_p": mean_p, "hit_rate": hit_rate, "lift": lift,
               "brier": brier, "base_rate": 0.1, "excluded_videos": 0, "excluded_cells": 0})
    };
    assert_eq!(named.len(), 10);
    assert_eq!(named[0], row(1, 0.075, 0.0, 0.0, 0.00625));
    assert_eq!(named[8], row(9, 0.875, 0.0, 0.0, 0.76625));
    assert_eq!(named[9], row(10, 0.975, 1.0, 10.0, 0.00125));
    let n: i64 = named.iter().map(|row| row["n"].as_i64().expect("a number")).sum();
    assert_eq!(n, 20, "every scored video once");

    // 199 German videos are too few to have a top 1 %: not among the deciles, but counted.
    bench.videos(cell(1000, 199, "DE")).await;
    let named = bench.query("virality-lift", &[]).await;
    let n: i64 = named.iter().map(|row| row["n"].as_i64().expect("a number")).sum();
    assert_eq!((n, &named[0]["excluded_videos"], &named[0]["excluded_cells"]), (20, &json!(199), &json!(1)));
    let all = bench.query("virality-lift", &[("min_cell", "100")]).await;
    let n: i64 = all.iter().map(|row| row["n"].as_i64().expect("a number")).sum();
    assert_eq!((n, &all[0]["excluded_videos"]), (22, &json!(0)));
}

/// Without scores there is nothing to tell, and that is told.
#[tokio::test]
async fn no_scores_no_deciles() {
    let mut bench = Bench::new();
    bench.videos(cell(0, 3, "US")).await;
    let named = bench.query("virality-lift", &[]).await;
    assert_eq!((named.len(), &named[0]["n"], &named[0]["excluded_videos"]), (1, &json!(null), &json!(3)));
    assert!(bench.ask("SELECT * FROM virality_scores").await.is_empty());
}
