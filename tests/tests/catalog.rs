//! The user's own products, from a file to SQL.

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tidelake_tests::Stage;

const CSV: &str = "id,name,aliases,brand,price,currency,finish\n\
                   007,Dyson Airwrap,airwrap,Dyson,499.99,usd,nickel\n\
                   8,,nameless,,,,\n\
                   9,Cloud Cream,,Foam,12,EUR,\n";

fn write(stage: &Stage, name: &str, content: &str) -> String {
    let path = stage.dir().join(name);
    std::fs::write(&path, content).expect("writes the file");
    path.to_str().expect("UTF-8").to_owned()
}

/// A Research API answer with one video of this caption.
fn recorded(id: u64, caption: &str) -> String {
    let video = serde_json::json!({
        "id": id, "create_time": 1_760_000_000, "username": "ann", "region_code": "US", "video_description": caption,
        "like_count": 1, "comment_count": 1, "share_count": 1, "view_count": 10, "music_id": 3,
    });
    serde_json::json!({"data": {"videos": [video], "cursor": 1, "has_more": false}, "error": {"code": "ok"}})
        .to_string()
}

fn products(stage: &Stage) -> Vec<Value> {
    stage
        .sql("SELECT video_id, name, brand, catalog_id, confidence FROM caption_products ORDER BY video_id, span_start")
}

#[test]
fn a_newcomer_needs_no_lake() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("c.csv");
    std::fs::write(&file, "id,name\n1,Dyson Airwrap\n,nothing\n").expect("writes the file");
    let mut enrich = Command::new(tidelake_tests::binary())
        .args(["enrich", "--catalog", file.to_str().expect("UTF-8")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = enrich.stdin.take().expect("piped");
    input
        .write_all("my dyson air-wrap 😍 in copper\n#dysonairwrap\nmy dysn airwrap\nnothing\n".as_bytes())
        .expect("writes");
    drop(input);
    let output = enrich.wait_with_output().expect("ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.contains("line 3: it has no id"), "{errors}");
    let lines: Vec<Value> =
        output.stdout.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let ids: Vec<&Value> = lines.iter().map(|line| &line["products"][0]["catalog_id"]).collect();
    assert_eq!(
        ids,
        ["1", "1", "1", ""].map(|id| if id.is_empty() { Value::Null } else { id.into() }).iter().collect::<Vec<_>>()
    );
    let text = lines[0]["text"].as_str().expect("a text");
    let product = &lines[0]["products"][0];
    let at = |field: &str| usize::try_from(product[field].as_u64().expect("an offset")).expect("small");
    assert_eq!(&text[at("start")..at("end")], "dyson air-wrap");
}

#[test]
fn a_catalogue_comes_in_changes_and_goes_out() {
    let stage = Stage::alone();
    let none = stage.run(&["catalog", "list"]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("tidelake catalog import"), "says what to do");
    let output = stage.run(&["catalog", "import", &write(&stage, "c.csv", CSV)]);
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("2 added, 0 changed; 1 row(s) refused. The catalogue has 2 product(s)"), "{said}{errors}");
    assert!(errors.contains("line 3: it has no name"), "{errors}");
    let rows = stage.sql("SELECT id, price, currency FROM catalog ORDER BY id");
    assert_eq!(
        (&rows[0]["id"], &rows[0]["price"], &rows[0]["currency"]),
        (&"007".into(), &"499.990000".into(), &"USD".into())
    );

    let search: Value =
        serde_json::from_str(&stage.done(&["catalog", "search", "AIRW", "--format", "json"])).expect("JSON");
    assert_eq!(search[0]["id"], "007");
    assert!(stage.done(&["catalog", "show", "007"]).contains("nickel"));

    // Whatever the form, what goes out comes in the same.
    let listed = stage.done(&["catalog", "list", "--format", "json"]);
    for form in ["csv", "json", "ndjson", "parquet"] {
        let file = stage.dir().join(format!("out.{form}"));
        let file = file.to_str().expect("UTF-8");
        stage.done(&["catalog", "export", file]);
        let said = stage.done(&["catalog", "import", file, "--replace"]);
        assert!(said.starts_with("0 added, 0 changed, 0 removed; 0 row(s) refused"), "{form}: {said}");
        assert_eq!(stage.done(&["catalog", "list", "--format", "json"]), listed, "{form}");
    }

    let said = stage.done(&[
        "catalog",
        "import",
        "--sql",
        "SELECT '11' AS sku, upper(name) AS title FROM catalog WHERE id = '9'",
    ]);
    assert!(said.starts_with("1 added"), "{said}");
    stage.done(&["catalog", "remove", "007", "9"]);
    assert_eq!(stage.sql("SELECT name FROM catalog"), [serde_json::json!({"name": "CLOUD CREAM"})]);
    assert!(!stage.run(&["catalog", "remove", "007"]).status.success(), "what is not there cannot be removed");
}

#[test]
fn captions_are_searched_for_the_lakes_products() {
    let stage = Stage::alone();
    stage.done(&["catalog", "import", &write(&stage, "c.csv", CSV)]);
    let before = write(&stage, "before.json", &recorded(7_500_000_000_000_000_001, "my airwrap and my PS5"));
    stage.done(&["import", &before, "--wait"]);
    let found = products(&stage);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((&found[0]["catalog_id"], &found[0]["brand"]), (&"007".into(), &"Dyson".into()));
    assert_eq!((&found[1]["catalog_id"], &found[1]["name"]), (&Value::Null, &"PS5".into()));
    let stages = stage.sql("SELECT stages FROM video_observations");
    let labels = stages[0]["stages"].to_string();
    assert!(labels.contains("products@1+"), "the row says which catalogue was used: {labels}");
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
}

/// A running enricher takes a newer catalogue without being started again, and nothing lands twice.
#[test]
fn a_newer_catalogue_is_taken_while_running() {
    let stage = Stage::set();
    let mut roles = stage.start(&["run", "--roles", "enrich,land"], &[]);
    stage.done(&["import", &write(&stage, "one.json", &recorded(7_500_000_000_000_000_001, "my airwrap"))]);
    let landed = |count: i64| {
        let begun = Instant::now();
        while stage.integer("SELECT count(*) FROM video_observations") < count {
            assert!(begun.elapsed() < Duration::from_secs(60), "{count} videos did not land");
        }
    };
    landed(1);
    assert_eq!(products(&stage), [] as [Value; 0], "no catalogue, no brand named");
    stage.done(&["catalog", "import", &write(&stage, "c.csv", CSV)]);
    let begun = Instant::now();
    let mut count = 1;
    while products(&stage).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the catalogue was not taken within a minute");
        count += 1;
        let id = 7_500_000_000_000_000_000 + u64::try_from(count).expect("small");
        stage.done(&["import", &write(&stage, &format!("{count}.json"), &recorded(id, "my airwrap"))]);
        landed(count);
    }
    roles.signal("TERM");
    assert_eq!(roles.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    assert_eq!(stage.integer("SELECT count(*) - count(DISTINCT event_id) FROM video_observations"), 0);
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
}
