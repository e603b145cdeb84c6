//! Out of the copies that every command makes, and out of what is made of them again.

use crate::bench::Bench;
use crate::search::{assert_gone, files};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tidelake_tests::{Stage, until};

/// A directory with everything below it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes");
    for entry in std::fs::read_dir(from).expect("lists") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { drop(std::fs::copy(entry.path(), target)) }
    }
}

fn outcome<'r>(receipt: &'r Value, file: &str) -> &'r Value {
    let copies = receipt["copies"].as_array().expect("copies");
    let found =
        copies.iter().find(|copy| copy["location"].as_str().is_some_and(|at| at.trim_end_matches('/').ends_with(file)));
    found.unwrap_or_else(|| panic!("{file} is not in {receipt:#}"))
}

fn theirs(stage: &Stage, handle: &str) -> i64 {
    stage.integer(&format!("SELECT count(*) FROM video_observations WHERE author['handle'] = '{handle}'"))
}

#[test]
fn no_copy_names_them_and_none_brings_them_back() {
    let bench = Bench::set();
    let (stage, handle) = (&bench.stage, bench.handle.clone());
    let mut daemon = bench.start();
    until("everything is collected", Duration::from_secs(120), || bench.collected());
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");

    let out = tempfile::tempdir().expect("temp dir");
    let at = |name: &str| out.path().join(name).to_str().expect("UTF-8").to_owned();
    let rows = "SELECT video_id, author_handle, region, views FROM videos";
    stage.done(&["export", "--table", "videos", "--to", &at("videos.parquet")]);
    stage.done(&["export", "--query", rows, "--to", &at("by-author"), "-f", "parquet", "--partition-by", "author"]);
    stage.done(&["export", "--query", rows, "--to", &at("videos.xlsx")]);
    stage.done(&["export", "--query", rows, "--to", &at("videos.csv")]);
    stage.done(&["sql", rows, "-o", &at("answer.ndjson")]);
    stage.done(&["query", "top-videos", "-o", &at("top.json"), "--limit", "1000"]);
    stage.done(&["report", "--out", &at("report.html")]);
    stage.done(&["privacy", "export", "--config", &bench.config, "--creator", &handle, "-o", &at("held.json")]);
    stage.done(&["backup", "--to", &at("backup"), "--config", &bench.config]);
    copy(&out.path().join("backup"), &out.path().join("unknown"));
    let ids = bench.ids();
    let part = out.path().join(format!("by-author/author={handle}"));
    assert!(part.is_dir() && ids.len() > 1, "{}", part.display());
    let (all, lines) = (bench.rows("true"), std::fs::read_to_string(at("videos.csv")).expect("reads").lines().count());

    let receipt = bench.erase();
    let mut needles: Vec<&str> = ids.iter().map(String::as_str).collect();
    needles.push(&handle);
    for file in ["videos.parquet", "by-author", "videos.csv", "answer.ndjson", "top.json"] {
        let told = outcome(&receipt, file);
        assert_eq!(told["outcome"], "rewritten", "{receipt:#}");
        // The best are not all.
        let expected = if file == "top.json" { told["rows"].as_u64().max(Some(1)) } else { Some(ids.len() as u64) };
        assert_eq!(told["rows"].as_u64(), expected, "{file}: {receipt:#}");
    }
    for file in ["videos.xlsx", "held.json"] {
        let told = outcome(&receipt, file);
        assert!(
            told["outcome"] == "deleted" && told["note"].as_str().is_some_and(|note| note.contains("make it again"))
        );
        assert!(!out.path().join(file).exists());
    }
    let report = outcome(&receipt, "report.html");
    assert_eq!(out.path().join("report.html").exists(), report["outcome"] == "clean", "{report:#}");
    let backup = outcome(&receipt, "backup");
    assert!(backup["outcome"] == "rewritten" && backup["rows"].as_u64() > Some(2), "{backup:#}");
    assert!(!part.exists());
    let left = std::fs::read_to_string(at("videos.csv")).expect("reads").lines().count();
    assert_eq!(left, lines - ids.len());
    for known in ["videos.parquet", "by-author", "videos.csv", "answer.ndjson", "top.json", "backup"] {
        assert!(!files(&out.path().join(known)).is_empty(), "{known}");
        assert_gone(&out.path().join(known), &needles);
    }
    stage.done(&["backup", "--verify", &at("backup")]);
    bench.check(&ids);
    // Nobody runs the broker: its files are written anew at once, with what the receipt says is needed to go on.
    let remaining =
        receipt["topics"].as_array().expect("topics").iter().filter_map(|topic| topic["remaining"].as_u64());
    if stage.is_embedded() && remaining.sum::<u64>() == 0 {
        for file in files(&stage.dir().join("broker")) {
            let said = String::from_utf8_lossy(&std::fs::read(&file).expect("reads")).into_owned();
            for needle in &needles {
                // Others mention them: their words are theirs.
                let said = said.replace(&format!("@{needle}"), "");
                let around = said.find(needle).map(|at| said.chars().skip(said[..at].chars().count().max(300) - 300));
                let around = around.map(|around| around.take(600).collect::<String>());
                assert_eq!(around, None, "{} holds {needle}; {:#}", file.display(), receipt["topics"]);
            }
        }
    }

    // A backup that no erasure knew of: what it brings back is taken out again.
    let erased = all - bench.rows("true");
    std::fs::remove_dir_all(stage.dir().join("lake")).expect("the lake is lost");
    let told = stage.done(&["restore", "--lake-only", "--from", &at("unknown"), "--config", &bench.config]);
    assert!(told.contains("rows of those who are erased were taken out again"), "{told}");
    assert_eq!((theirs(stage, &handle), all - bench.rows("true")), (0, erased));

    // The lake, the log: all is lost but the key. What is made of the backup knows who is erased.
    for lost in ["lake", "broker"] {
        std::fs::remove_dir_all(stage.dir().join(lost)).unwrap_or_default();
    }
    if stage.is_embedded() {
        stage.done(&["restore", "--from", &at("backup"), "--config", &bench.config]);
        let daemon = bench.start();
        until("it goes on", Duration::from_secs(60), || stage.done(&["sources", "list"]).contains("regions"));
        assert!(!stage.done(&["sources", "list"]).contains("theirs"));
        drop(daemon);
        assert_eq!(theirs(stage, &handle), 0);
    }
    bench.stop();
}
