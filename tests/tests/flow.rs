//! The whole path, in one process and in several: from a source to SQL.

use std::time::{Duration, Instant};
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
fn the_demo_ends_with_answers() {
    let stage = Stage::alone();
    let text = stage.done(&["demo", "--for", "4s", "--videos", "20000"]);
    for part in ["observed", "enriched", "landed", "bytes per video row", "end to end", "gained"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
}
