//! Tables and views as they were.

use crate::bench::{Bench, NOW, ago, at, post, rows};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tidelake_schemas::Timestamp;
use tidelake_sinks::lake::upkeep::{checkpoint, clean};
use tidelake_sinks::query::{Binds, Engine};

const TABLE: &str = "video_observations";

/// Three commits after the one that made the table: videos 1, 2 and 3, the last with a new look at 1.
async fn lake() -> Bench {
    let mut bench = Bench::new();
    bench.videos([post(1, "a", ago(9.0)).views(10)]).await;
    bench.videos([post(2, "a", ago(8.0)).views(20)]).await;
    bench.videos([post(3, "b", ago(7.0)).views(30), post(1, "a", ago(9.0)).aged(99).views(11)]).await;
    bench
}

/// The object of the log that made a version.
fn entry(bench: &Bench, version: u64) -> PathBuf {
    let dir = bench.lake().table_url(TABLE).expect("a URL").to_file_path().expect("a path");
    dir.join(format!("_delta_log/{version:020}.json"))
}

/// When a version was committed, as it says.
fn committed(bench: &Bench, version: u64) -> DateTime<Utc> {
    let text = std::fs::read_to_string(entry(bench, version)).expect("reads");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("reads"));
    let millis = lines.filter_map(|line| line["commitInfo"]["timestamp"].as_i64()).next().expect("says when");
    DateTime::from_timestamp_millis(millis).expect("an instant")
}

/// Writes what the log says of a version anew.
fn rewrite(bench: &Bench, version: u64, change: impl Fn(&mut Value)) {
    let text = std::fs::read_to_string(entry(bench, version)).expect("reads");
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("reads")).collect();
    lines.iter_mut().filter_map(|line| line.get_mut("commitInfo")).for_each(change);
    std::fs::remove_file(entry(bench, version)).expect("removes");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(entry(bench, version), text).expect("writes");
}

async fn count(engine: &Engine, from: &str) -> Value {
    rows(engine, &format!("SELECT count(*) AS n FROM {from}"), &Binds::at(at(NOW))).await[0]["n"].clone()
}

async fn refusal(engine: &Engine, query: &str) -> String {
    let answer = engine.ask(query, &Binds::at(at(NOW))).await;
    answer.err().unwrap_or_else(|| panic!("{query} runs")).to_string()
}

#[tokio::test]
async fn versions_and_instants() {
    let bench = lake().await;
    let engine = bench.engine().await;
    for (version, rows) in [(0, 0), (1, 1), (2, 2), (3, 4)] {
        assert_eq!(count(&engine, &format!("{TABLE} VERSION AS OF {version}")).await, json!(rows));
    }
    // Two versions in one query, named by the table and by an alias.
    let joined = format!(
        "{TABLE} VERSION AS OF 1 JOIN {TABLE} VERSION AS OF 3 AS later ON later.video_id = {TABLE}.video_id
         WHERE later.event_id <> {TABLE}.event_id"
    );
    assert_eq!(count(&engine, &joined).await, json!(1));
    let second = committed(&bench, 2).to_rfc3339();
    for clause in [
        format!("TIMESTAMP AS OF '{second}'"),
        format!("FOR SYSTEM_TIME AS OF TIMESTAMP '{second}'"),
        format!(
            "FOR SYSTEM_TIME AS OF arrow_cast('{second}', 'Timestamp(Microsecond, Some(\"UTC\"))') + INTERVAL '0 days'"
        ),
    ] {
        assert_eq!(count(&engine, &format!("{TABLE} {clause}")).await, json!(2), "{clause}");
        assert_eq!(count(&engine, &format!("videos {clause} AS v WHERE v.views > 10")).await, json!(1), "{clause}");
    }
    // Views then and now, and inside of a CTE.
    let gained = format!(
        "WITH then AS (SELECT video_id, views FROM videos TIMESTAMP AS OF '{second}')
         SELECT sum(now.views - then.views) AS gained FROM videos AS now JOIN then USING (video_id)"
    );
    assert_eq!(rows(&engine, &gained, &Binds::default()).await, [json!({"gained": 1})]);
    // Before there was anything.
    assert_eq!(count(&engine, "videos TIMESTAMP AS OF '2020-01-01'").await, json!(0));
    // Without a version, what is newest.
    assert_eq!(count(&engine, TABLE).await, json!(4));
}

#[tokio::test]
async fn a_whole_engine_of_the_past() {
    let mut bench = lake().await;
    let engine = bench.engine().await;
    let then = engine.as_of(Timestamp::from(committed(&bench, 1))).await.expect("is there");
    bench.videos([post(9, "c", ago(1.0))]).await;
    assert!(!then.refresh().await.expect("stays"));
    assert_eq!((count(&then, "videos").await, count(&then, "stats_at(INTERVAL '1 hour')").await), (json!(1), json!(1)));
    assert!(engine.refresh().await.expect("goes on"));
    assert_eq!(count(&engine, "videos").await, json!(4));
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let engine = lake().await.engine().await;
    for (from, parts) in [
        ("videos VERSION AS OF 1", &["videos is a view", "TIMESTAMP AS OF"][..]),
        ("video_observations VERSION AS OF 99", &["no version 99", "newest is 3"]),
        ("comments VERSION AS OF 1", &["no version 1", "empty"]),
        ("nosuch VERSION AS OF 1", &["no table \"nosuch\""]),
        ("vidoes TIMESTAMP AS OF '2026-01-01'", &["no table \"vidoes\"", "did you mean videos"]),
        ("videos TIMESTAMP AS OF 'soon'", &["no instant to go back to"]),
        ("videos TIMESTAMP AS OF NULL", &["it is null"]),
        ("videos TIMESTAMP AS OF (SELECT observed_at FROM nosuch)", &["no instant"]),
    ] {
        let said = refusal(&engine, &format!("SELECT * FROM {from}")).await;
        assert!(parts.iter().all(|part| said.contains(part)), "{from}: {said}");
    }
}

/// Compaction leaves the files of old versions, vacuum takes them.
#[tokio::test(flavor = "multi_thread")]
async fn a_vacuumed_version_names_the_oldest_that_can_be_read() {
    let bench = lake().await;
    let third = committed(&bench, 3).to_rfc3339();
    let compacted = {
        // As another maintainer would: one file a date, of whatever there are; here every date is its own.
        let table = bench.lake().open(TABLE).await.expect("opens").expect("is there");
        table.delete().with_predicate("video_id = 1").await.expect("deletes").0
    };
    let engine = bench.engine().await;
    assert_eq!(count(&engine, &format!("{TABLE} VERSION AS OF 3")).await, json!(4), "the files are still there");
    let (_, gone) = compacted
        .vacuum()
        .with_retention_period(chrono::Duration::zero())
        .with_enforce_retention_duration(false)
        .await
        .expect("vacuums");
    assert!(!gone.files_deleted.is_empty());
    let engine = bench.engine().await;
    for from in [
        format!("{TABLE} VERSION AS OF 1"),
        format!("{TABLE} VERSION AS OF 3"),
        format!("videos TIMESTAMP AS OF '{third}'"),
    ] {
        let said = refusal(&engine, &format!("SELECT * FROM {from}")).await;
        assert!(said.contains("can no longer be read") && said.contains("is version 4, of 20"), "{from}: {said}");
    }
    // Other tables of that instant are not concerned.
    assert_eq!(count(&engine, &format!("comments TIMESTAMP AS OF '{third}'")).await, json!(0));
    assert_eq!(count(&engine, &format!("{TABLE} VERSION AS OF 4")).await, json!(2));
}

/// An erasure writes objects of the log anew, a backup copies them: versions stay as old as they are.
#[tokio::test]
async fn a_log_that_was_written_anew_tells_the_same_past() {
    let bench = lake().await;
    let (first, second) = (committed(&bench, 1), committed(&bench, 2));
    // So that their order is not the versions', by the store.
    for version in [2, 0, 3, 1] {
        rewrite(&bench, version, |_| ());
        std::thread::sleep(Duration::from_millis(10));
    }
    let engine = bench.engine().await;
    let at = |instant: DateTime<Utc>| format!("{TABLE} TIMESTAMP AS OF '{}'", instant.to_rfc3339());
    assert_eq!(count(&engine, &at(first)).await, json!(1));
    assert_eq!(count(&engine, &at(second)).await, json!(2));
    let then = engine.as_of(Timestamp::from(second)).await.expect("is there");
    assert_eq!(count(&then, TABLE).await, json!(2));

    // Version 2 is of a writer whose clock is a day ahead: no version counts as older than one before it.
    let third = committed(&bench, 3);
    rewrite(&bench, 2, |info| info["timestamp"] = json!(info["timestamp"].as_i64().expect("a number") + 86_400_000));
    let engine = bench.engine().await;
    assert_eq!(count(&engine, &at(third)).await, json!(1));
    assert_eq!(count(&engine, &at(committed(&bench, 2))).await, json!(4));
    // In-commit timestamps go before.
    rewrite(&bench, 2, |info| info["inCommitTimestamp"] = json!(second.timestamp_millis()));
    let engine = bench.engine().await;
    assert_eq!(count(&engine, &at(second)).await, json!(2));
    assert_eq!(count(&engine, &at(third)).await, json!(4));
}

/// Before the oldest version that the log still gives, nothing is known.
#[tokio::test(flavor = "multi_thread")]
async fn a_cleaned_log_has_an_oldest_version() {
    let mut bench = lake().await;
    let second = committed(&bench, 2).to_rfc3339();
    let now = Timestamp::from(Utc::now()).plus_secs(60);
    checkpoint(&bench.lake(), TABLE, 1, false).await.expect("writes");
    clean(&bench.lake(), TABLE, now, Duration::ZERO, false).await.expect("cleans");
    bench.videos([post(4, "c", ago(1.0))]).await;
    let engine = bench.engine().await;
    let said = refusal(&engine, &format!("SELECT * FROM {TABLE} TIMESTAMP AS OF '{second}'")).await;
    assert!(said.contains("can no longer be read") && said.contains("is version 3, of 20"), "{said}");
    let third = committed(&bench, 3).to_rfc3339();
    assert_eq!(count(&engine, &format!("{TABLE} TIMESTAMP AS OF '{third}'")).await, json!(4));
}
