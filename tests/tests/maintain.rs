//! Upkeep by the command and by the role: fewer files, the same rows, and an audit that still balances.

use serde_json::{Value, json};
use std::time::Duration;
use tidelake_tests::{Stage, until};

const FIRST: u64 = 7_500_000_000_000_000_000;
const ROWS: &str = "SELECT count(*) FROM video_observations";

/// Imports some videos, which land in files of their own.
fn import(stage: &Stage, ids: std::ops::Range<u64>) {
    let video = |id: u64| {
        json!({
            "id": FIRST + id, "create_time": 1_760_000_000, "username": "ann", "region_code": "US",
            "video_description": "my cat for $5", "like_count": 1, "comment_count": 1, "share_count": 1,
            "view_count": 10, "music_id": 3,
        })
    };
    let videos: Vec<Value> = ids.clone().map(video).collect();
    let answer = json!({"data": {"videos": videos, "cursor": 1, "has_more": false}, "error": {"code": "ok"}});
    let path = stage.dir().join(format!("{}.json", ids.start));
    std::fs::write(&path, answer.to_string()).expect("writes the file");
    stage.done(&["import", path.to_str().expect("UTF-8"), "--wait"]);
}

/// What the command says of the table of videos.
fn maintain(stage: &Stage, arguments: &[&str]) -> Value {
    let all = [&["maintain", "--format", "json"], arguments].concat();
    let output = stage.run_with(&all, &[("TIDELAKE__MAINTAIN__MIN_FILES", "2")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tables: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    tables.into_iter().find(|table| table["table"] == "video_observations").expect("the table")
}

fn chores(report: &Value) -> Vec<&str> {
    report["done"].as_array().expect("a list").iter().filter_map(|done| done["chore"].as_str()).collect()
}

#[test]
fn one_command_tidies_up() {
    let stage = Stage::alone();
    for part in 0..5 {
        import(&stage, part * 4..(part + 1) * 4);
    }
    let why = stage.done(&["why", &FIRST.to_string()]);
    let landed = why.lines().find(|line| line.contains("landed in version")).expect("a commit").to_owned();
    let before = stage.audit();
    let would = maintain(&stage, &["--dry-run"]);
    assert_eq!((&would["files_before"], &would["files"]), (&5.into(), &5.into()), "{would:#}");
    assert!(
        would["done"][0]["what"].as_str().is_some_and(|what| what.starts_with("would compact 5 files")),
        "{would:#}"
    );

    let did = maintain(&stage, &["compact", "--table", "video_observations"]);
    assert_eq!((&did["files_before"], &did["files"], chores(&did)), (&5.into(), &1.into(), vec!["compact"]), "{did:#}");
    let refused = stage.run(&["maintain", "vacuum", "--grace", "1m"]);
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("--allow-short-grace"), "{refused}");
    let output = stage.run_with(
        &["maintain", "checkpoint", "clean", "vacuum", "--log-retention", "0s", "--grace", "0s", "--allow-short-grace"],
        &[("TIDELAKE__MAINTAIN__CHECKPOINT_VERSIONS", "1")],
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in ["wrote a checkpoint", "objects of the log before version", "deleted 5 files", "done in"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let log = stage.dir().join("lake/video_observations/_delta_log");
    let commits = std::fs::read_dir(&log).expect("the log").flatten();
    let commits = commits.filter(|entry| entry.file_name().to_string_lossy().ends_with(".json")).count();
    assert_eq!(commits, 1, "the log is clean");

    // Nothing is lost, doubled or forgotten.
    assert_eq!(stage.integer(ROWS), 20);
    assert_eq!(stage.audit(), before, "the audit knows what the log no longer says");
    assert!(stage.done(&["why", &FIRST.to_string()]).contains(&landed), "{landed}");
    import(&stage, 20..24);
    assert_eq!(stage.integer(ROWS), 24);
    assert_eq!(stage.audit()["balanced"], true);
    let unknown = stage.run(&["maintain", "--table", "no_such"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no table \"no_such\""));
    assert_eq!(stage.run(&["maintain", "sweep"]).status.code(), Some(2));
}

#[test]
fn what_is_kept_no_longer_goes_and_is_accounted_for() {
    let stage = Stage::alone();
    import(&stage, 0..6);
    let config = stage.dir().join("maintain.toml");
    std::fs::write(&config, "[maintain.retention]\nvideo_observations = \"30d\"\n").expect("writes");
    // A year from now.
    let later = chrono::Utc::now() + chrono::TimeDelta::days(365);
    let clock = later.format("%Y-%m-%dT%H:%M:%SZ*1").to_string();
    let arguments = ["maintain", "retention", "--config", config.to_str().expect("UTF-8")];
    let output = stage.run_with(&arguments, &[("TIDELAKE_CLOCK", &clock)]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("dropped 1 date(s)") && said.contains(": 6 rows"), "{said}");
    assert_eq!(stage.integer(ROWS), 0);
    let report = stage.audit();
    let table = &report["tables"]["video_observations"];
    assert_eq!((&report["balanced"], &table["rows_removed"]), (&true.into(), &6.into()), "{report:#}");
}

#[test]
fn the_role_does_it_by_itself() {
    let stage = Stage::set();
    let every = "{ compact = \"200ms\", checkpoint = \"200ms\", clean = \"200ms\" }";
    let settings = [
        ("TIDELAKE__MAINTAIN__MIN_FILES", "2"),
        ("TIDELAKE__MAINTAIN__CHECKPOINT_VERSIONS", "2"),
        ("TIDELAKE__MAINTAIN__LOG_RETENTION", "1s"),
        ("TIDELAKE__MAINTAIN__EVERY", every),
    ];
    // Two of them: one is elected, and when it goes the other is.
    let mut workers = stage.start(&["run", "--roles", "enrich,land"], &[]);
    let mut maintainers = [0, 1].map(|_| stage.start(&["run", "--roles", "maintain"], &settings));
    let log = stage.dir().join("lake/video_observations/_delta_log");
    let kept = || std::fs::read_dir(log.join("_ledger")).is_ok_and(|mut entries| entries.next().is_some());
    for part in 0..6 {
        import(&stage, part * 4..(part + 1) * 4);
    }
    until("the log is cleaned", Duration::from_secs(60), kept);
    // The embedded broker is slow to believe that a member is gone that does not say so.
    maintainers[0].signal("TERM");
    assert_eq!(maintainers[0].wait(Duration::from_secs(60)), Some(0));
    for part in 6..9 {
        import(&stage, part * 4..(part + 1) * 4);
    }
    let few = || maintain(&stage, &["compact", "--dry-run"])["files"].as_u64().is_some_and(|files| files <= 2);
    until("the other goes on", Duration::from_secs(60), few);
    assert_eq!(stage.integer(ROWS), 36);
    maintainers[1].signal("TERM");
    workers.signal("TERM");
    assert_eq!(maintainers[1].wait(Duration::from_secs(60)), Some(0));
    assert_eq!(workers.wait(Duration::from_secs(60)), Some(0));
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
}
