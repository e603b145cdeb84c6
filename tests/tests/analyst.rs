//! The command line of whoever asks the lake: named queries, values for names, the past; and prices from captions to SQL.

use serde_json::{Value, json};
use tidelake_tests::Stage;

/// 2026-05-01T00:00:00Z
const POSTED: i64 = 1_777_593_600;

/// A Research API answer with a video for each caption.
fn recorded(captions: &[&str]) -> String {
    let video = |(i, caption): (u64, &&str)| {
        json!({
            "id": 7_500_000_000_000_000_001 + i, "create_time": POSTED + 60 * i64::try_from(i).expect("small"), "username": "ann",
            "region_code": "US", "video_description": caption, "like_count": 1, "comment_count": 1, "share_count": 1,
            "view_count": 10 + i, "music_id": 3,
        })
    };
    let videos: Vec<Value> = (0..).zip(captions).map(video).collect();
    json!({"data": {"videos": videos, "cursor": 1, "has_more": false}, "error": {"code": "ok"}}).to_string()
}

fn import(stage: &Stage, name: &str, captions: &[&str]) {
    let file = stage.dir().join(name);
    std::fs::write(&file, recorded(captions)).expect("writes the file");
    stage.done(&["import", file.to_str().expect("UTF-8"), "--wait"]);
}

fn rows(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn prices_of_captions_are_the_documented_ones() {
    let stage = Stage::alone();
    let captions =
        ["$20 off $50 today", "nur 20€", "harga Rp 50.000 saja", "sadece 1.299,00 TL", "20k followers, thank you!"];
    import(&stage, "prices.json", &captions);
    let found =
        stage.sql("SELECT video_id, amount, currency, is_discount FROM caption_prices ORDER BY video_id, amount");
    let price = |i: u64, amount: &str, currency: &str, is_discount: bool| {
        let video_id = (7_500_000_000_000_000_001 + i).to_string();
        json!({"video_id": video_id, "amount": amount, "currency": currency, "is_discount": is_discount})
    };
    let expected = [
        price(0, "20.000000", "USD", true),
        price(0, "50.000000", "USD", false),
        price(1, "20.000000", "EUR", false),
        price(2, "50000.000000", "IDR", false),
        price(3, "1299.000000", "TRY", false),
    ];
    assert_eq!(found, expected, "a count of followers is no price");
}

#[test]
fn queries_have_names_values_and_a_past() {
    let stage = Stage::alone();
    import(&stage, "first.json", &["one", "two"]);
    let before = chrono_now(&stage);
    import(&stage, "second.json", &["one", "two", "three"]);

    let listed = rows(&stage.done(&["query", "--list", "--format", "json"]));
    assert!(listed.iter().any(|query| query["name"] == "fastest-hashtags" && query["parameters"][0]["name"] == "now"));
    assert!(stage.done(&["query", "attrition", "--sql"]).contains("FROM video_observations"));
    let top = |more: &[&str]| {
        let arguments = [&["query", "top-videos", "--format", "json"], more].concat();
        rows(&stage.done(&arguments)).iter().map(|row| row["views"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(top(&["--by", "views"]), [12, 11, 10]);
    assert_eq!(top(&["--limit", "1", "--region", "us"]), [12]);
    // Half-open: what was posted at now itself is not yet there.
    assert_eq!(top(&["--now", "2026-05-01T00:01:00Z"]), [10]);
    assert_eq!(top(&["--since", "2026-05-01T00:01:00Z"]), [12, 11]);
    for (arguments, said) in [
        (&["query", "top-videos", "--by", "followers"][..], "by is one of: views, likes"),
        (&["query", "overview", "--region", "US"], "no parameter region"),
        (&["query", "nosuch"], "fastest-hashtags"),
        (&["sql", "SELECT :since"], "--bind since="),
        (&["sql", "--as-of", "soon", "SELECT 1"], "no instant"),
    ] {
        let output = stage.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(said), "{arguments:?}: {errors}");
    }

    let bound = stage.done(&[
        "sql",
        "--format",
        "json",
        "--bind",
        "now=2026-05-01T00:01:00Z",
        "--bind",
        "least=10",
        "SELECT count(*) AS n FROM videos WHERE create_time < :now AND views >= :least",
    ]);
    assert_eq!(rows(&bound), [json!({"n": 1})]);
    assert_eq!(stage.integer("SELECT count(*) FROM videos WHERE create_time < :now"), 3, "now is now");

    let count = "SELECT count(*) AS n FROM videos";
    let past = stage.done(&["sql", "--format", "json", "--as-of", &before, count]);
    assert_eq!((rows(&past), stage.integer(count)), (vec![json!({"n": 2})], 3));
    assert_eq!(stage.integer(&format!("{count} TIMESTAMP AS OF '{before}'")), 2);
    assert_eq!(stage.integer("SELECT count(*) AS n FROM video_observations VERSION AS OF 0"), 0);
    assert!(stage.done(&["tables", "--functions"]).contains("to_local(timestamp, region)"));
}

/// An instant after everything that has been committed, by the binary's clock.
fn chrono_now(stage: &Stage) -> String {
    stage.sql("SELECT :now AS now")[0]["now"].as_str().expect("an instant").to_owned()
}

/// No rows would look like an answer.
#[test]
fn where_there_is_no_lake_commands_say_so() {
    let stage = Stage::alone();
    assert_eq!(stage.sql("SELECT count(*) AS n FROM videos"), [json!({"n": 0})], "set up, and nothing has landed");
    let wrong = stage.run(&["sql", "SELECT no FROM videos"]).status.code();
    std::fs::remove_dir(stage.dir().join("lake")).expect("is empty");
    let out = stage.dir().join("out");
    let out = out.to_str().expect("UTF-8");
    for command in [
        &["sql", "SELECT count(*) FROM videos"][..],
        &["query", "overview"],
        &["report", "--out", &format!("{out}.html")],
        &["export", "--query", "SELECT * FROM videos", "--to", &format!("{out}.csv")],
    ] {
        let refused = stage.run(command);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), wrong, "{command:?}: {said}");
        assert!(said.contains("no lake at") && said.contains("--data-dir") && said.contains("tidelake demo"), "{said}");
    }
    assert!(!stage.dir().join("lake").exists(), "asking makes none");
    // Somewhere else altogether.
    std::fs::create_dir_all(stage.dir().join("lake/photos")).expect("is made");
    let refused = stage.run(&["sql", "SELECT 1"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no lake at"), "{refused:?}");
}
