//! completeness (Q10).

use crate::bench::{Bench, Seen, at, columns, post};
use serde_json::{Value, json};
use tidelake_schemas::{CoverageEntry, Provenance, Timestamp};

fn day(day: i64, hour: i64) -> Timestamp {
    at("2026-05-01T00:00:00Z").plus_secs((day - 1) * 86_400 + hour * 3600)
}

/// A poll of the task `q`: for a window of one day, what it asked, what it got, why it stopped.
fn poll(at: Timestamp, page: i64, window: i64, got: i64, stop: &str, more: bool) -> CoverageEntry {
    CoverageEntry {
        event_id: format!("{}/{page}", at.0),
        platform: "tiktok".into(),
        observed_at: at,
        provenance: Provenance {
            connector: "research-api".into(),
            task: "q".into(),
            fetched_at: at,
            ..Provenance::default()
        },
        page,
        window_start: Some(day(window, 0)),
        window_end: Some(day(window + 1, 0)),
        requested: Some(100),
        got,
        has_more: more,
        stop_reason: stop.into(),
        fault: (stop == "fault").then(|| "HTTP 500".into()),
        ..CoverageEntry::default()
    }
}

fn seen(id: i64, at: Timestamp, views: i64) -> Seen {
    post(id, "a", day(-9, 0)).seen(at).views(views).by("research-api", "research", "q")
}

#[tokio::test]
async fn completeness() {
    let mut bench = Bench::new();
    bench
        .coverage([
            // The 1st: three windows. One in two pages, to its end; one to its end; one ended by a fault.
            poll(day(1, 1), 0, -3, 100, "continue", true),
            poll(day(1, 2), 1, -3, 50, "continue", false),
            poll(day(1, 3), 2, -2, 10, "exhausted", false),
            poll(day(1, 4), 0, -1, 0, "fault", true),
            // The 2nd: an answer without anything, where there always was something.
            poll(day(2, 1), 0, -1, 0, "silent_zero", false),
        ])
        .await;
    let other = |id: i64, at: Timestamp, views: i64| seen(id, at, views).by("web", "web", "w");
    bench
        .videos([
            // q was the first to see 1, 2 and 3 on the 1st; w had seen 4 the day before, and q sees it again.
            seen(1, day(1, 1), 100),
            seen(2, day(1, 1), 100),
            seen(3, day(1, 2), 100),
            seen(1, day(1, 3), 100),
            other(4, day(0, 0), 100),
            seen(4, day(1, 1), 100),
            // w sees 1 with twice the views and 2 with the same, within a day; 3 within 30 hours: not compared; 4 was seen 25 hours
            // before. So q's pairs on the 1st: 1 twice (both of its looks), 2 once.
            other(1, day(1, 5), 200),
            other(2, day(1, 5), 100),
            other(3, day(2, 8), 900),
        ])
        .await;
    let found = bench.query("completeness", &[]).await;
    let q: Vec<Value> = found.iter().filter(|row| row["query_id"] == "q").cloned().collect();
    let names =
        ["day", "windows_planned", "windows_finished", "windows_failed", "requested", "returned", "distinct_new"];
    let expected = [json!(["2026-05-01", 3, 2, 1, 400, 160, 3]), json!(["2026-05-02", 1, 0, 1, 100, 0, 0])];
    assert_eq!(columns(&q, &names), expected);
    // Of what ended on the 1st (two windows at their ends, one by a fault) two ended because there was no more.
    let names = ["complete_share", "interrupted", "canary_ok", "suspect", "terminated_by", "last_fault"];
    let expected =
        [json!([0.666666667, 1, true, false, "fault", "HTTP 500"]), json!([0.0, 1, false, true, "silent_zero", null])];
    assert_eq!(columns(&q, &names), expected);
    // |ln(100 / 200)| = 0.693147 twice and 0 once: the middle one is 0.693147.
    assert_eq!((&q[0]["compared"], &q[1]["compared"]), (&json!(3), &json!(0)));
    assert!((q[0]["median_gap"].as_f64().expect("a number") - std::f64::consts::LN_2).abs() < 1e-6, "{:?}", q[0]);
    assert_eq!(q[1]["median_gap"], Value::Null);
    // What a query brought first are the rows of `videos` that are its.
    for (query, videos) in [("q", 3), ("w", 1)] {
        let rows = found.iter().filter(|row| row["query_id"] == query);
        assert_eq!(rows.map(|row| row["distinct_new"].as_i64().expect("a number")).sum::<i64>(), videos);
    }
    assert_eq!(bench.ask("SELECT count(*) AS n FROM videos").await, [json!({"n": 4})]);
    let since = bench.query("completeness", &[("since", "2026-05-02")]).await;
    assert!(since.iter().all(|row| row["day"] == "2026-05-02") && !since.is_empty(), "{since:?}");
}
