//! Stages run again over history: every row gains its value once, whatever stops in between.

use serde_json::{Value, json};
use std::time::Duration;
use tidelake_tests::Stage;

const FIRST: u64 = 7_500_000_000_000_000_000;

/// A Research API answer with videos whose captions name a product each third time.
fn recorded(ids: std::ops::Range<u64>) -> String {
    let video = |id: u64| {
        json!({
            "id": FIRST + id, "create_time": 1_760_000_000, "username": "ann", "region_code": "US",
            "video_description": if id.is_multiple_of(3) { "my airwrap" } else { "my cat for $5" },
            "like_count": 1, "comment_count": 1, "share_count": 1, "view_count": 10, "music_id": 3,
        })
    };
    let videos: Vec<Value> = ids.map(video).collect();
    json!({"data": {"videos": videos, "cursor": 1, "has_more": false}, "error": {"code": "ok"}}).to_string()
}

fn import(stage: &Stage, ids: std::ops::Range<u64>) {
    let path = stage.dir().join(format!("{}.json", ids.start));
    std::fs::write(&path, recorded(ids)).expect("writes the file");
    stage.done(&["import", path.to_str().expect("UTF-8"), "--wait"]);
}

/// Gives the lake a catalogue, and the label that rows then carry.
fn catalogue(stage: &Stage) -> String {
    let path = stage.dir().join("catalogue.csv");
    std::fs::write(&path, "id,name\n007,Airwrap\n").expect("writes the file");
    stage.done(&["catalog", "import", path.to_str().expect("UTF-8")]);
    let said = stage.done(&["replay", "--stages", "products", "--dry-run"]);
    let label = said.split(':').next().expect("a label").to_owned();
    assert!(label.starts_with("products@1+"), "{said}");
    label
}

/// Rows, distinct rows, rows that were replayed, rows whose new column names the product.
fn counts(stage: &Stage, label: &str) -> [i64; 4] {
    [
        "count(*)",
        "count(DISTINCT event_id)",
        &format!("count(*) FILTER (WHERE array_has(replayed, '{label}'))"),
        &format!("count(*) FILTER (WHERE \"{label}\"[1]['catalog_id'] = '007')"),
    ]
    .map(|what| stage.integer(&format!("SELECT {what} FROM video_observations")))
}

#[test]
fn history_gains_what_is_found_now() {
    let stage = Stage::alone();
    let said = stage.done(&["replay", "--stages", "prices"]);
    assert!(said.contains("holds no video yet"), "{said}");
    import(&stage, 0..9);
    let label = catalogue(&stage);
    let said = stage.done(&["replay", "--stages", "products,prices"]);
    assert!(said.contains("9 rows have them now"), "{said}");
    assert_eq!(counts(&stage, &label), [9, 9, 9, 3]);
    let landed = stage.integer("SELECT count(*) FROM video_observations WHERE cardinality(findings['products']) > 0");
    assert_eq!(landed, 0, "what the rows were landed with stays");
    let said = stage.done(&["replay", "--stages", "products"]);
    assert!(said.contains("nothing to do"), "{said}");

    let diff: Value =
        serde_json::from_str(&stage.done(&["diff", "products@1", &label, "--format", "json"])).expect("JSON");
    let numbers = ["rows", "same", "only_left", "only_right", "changed"].map(|name| diff[name].as_u64());
    assert_eq!(numbers, [9, 6, 0, 3, 0].map(Some), "{diff:#}");
    let example = &diff["examples"][0];
    assert_eq!(example["video_id"], FIRST.to_string(), "ids are strings");
    assert_eq!((&example["caption"], &example["right"][0]["catalog_id"]), (&"my airwrap".into(), &"007".into()));
    let said = stage.done(&["diff", "products@1", &label]);
    assert!(said.starts_with("9 rows have both: 6 the same"), "{said}");
    let output = stage.run(&["diff", "prices@7", "prices@8"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("tidelake replay --stages prices"), "says what to do");

    // What lands later has the catalogue's products in its findings, and gains the column when asked again.
    import(&stage, 9..12);
    assert_eq!(counts(&stage, &label), [12, 12, 9, 3]);
    let said = stage.done(&["replay", "--stages", "products", "--until", "2020-01-01"]);
    assert!(said.contains("nothing to do"), "no row is so old: {said}");
    stage.done(&["replay", "--stages", "products"]);
    assert_eq!(counts(&stage, &label), [12, 12, 12, 4]);
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
}

#[test]
fn a_replay_that_is_killed_goes_on() {
    let stage = Stage::set();
    let mut roles = stage.start(&["run", "--roles", "enrich,land"], &[]);
    for part in 0..8 {
        import(&stage, part * 20..(part + 1) * 20);
    }
    let label = catalogue(&stage);
    let (mut killed, mut delay) = (0, Duration::from_millis(150));
    for part in 8.. {
        let mut replay = stage.start(&["replay", "--stages", "products"], &[]);
        std::thread::sleep(delay); // Nothing tells from outside how far it is: it is killed wherever that may be.
        if replay.ended() {
            break;
        }
        replay.kill();
        killed += 1;
        delay += Duration::from_millis(40);
        // Records go on landing meanwhile.
        import(&stage, part * 20..(part + 1) * 20);
    }
    stage.done(&["replay", "--stages", "products"]);
    let rows = stage.integer("SELECT count(*) FROM video_observations");
    assert!(killed > 2 && rows >= 160, "{killed} kills, {rows} rows");
    assert_eq!(counts(&stage, &label), [rows, rows, rows, (rows + 2) / 3]);
    roles.signal("TERM");
    assert_eq!(roles.wait(Duration::from_secs(60)), Some(0));
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
}
