//! What functions answer, through SQL.

use crate::format::{Format, FormatOptions, write_stream};
use crate::query::{Bind, Binds, Engine, QueryOptions};
use serde_json::{Value, json};
use std::collections::HashMap;
use tidelake_schemas::Timestamp;
use url::Url;

struct Lake {
    _dir: tempfile::TempDir,
    engine: Engine,
}

async fn lake() -> Lake {
    let dir = tempfile::tempdir().expect("a directory");
    let root = Url::from_directory_path(dir.path()).expect("a URL");
    let options = QueryOptions { target_partitions: Some(2), ..QueryOptions::default() };
    let engine = Engine::open(&root, &HashMap::new(), options).await.expect("opens");
    Lake { _dir: dir, engine }
}

async fn rows(engine: &Engine, query: &str) -> Value {
    let binds = Binds::at(Timestamp(1_772_323_200_000_000)).with("name", Bind::Text("it's :now".into()));
    let answer = engine.ask(query, &binds).await.unwrap_or_else(|e| panic!("{query}: {e}"));
    let mut out = Vec::new();
    let options = FormatOptions::default();
    write_stream(answer.stream, &answer.schema, Format::Json, &mut out, &options)
        .await
        .unwrap_or_else(|e| panic!("{query}: {e}"));
    serde_json::from_slice(&out).expect("JSON")
}

/// The values of one column.
async fn column(engine: &Engine, query: &str) -> Vec<Value> {
    let rows = rows(engine, query).await;
    rows.as_array()
        .expect("rows")
        .iter()
        .map(|row| row.as_object().and_then(|r| r.values().next()).cloned().expect("one"))
        .collect()
}

#[tokio::test]
async fn ids_times_and_addresses() {
    let lake = lake().await;
    let engine = &lake.engine;
    for (expression, expected) in [
        ("id_to_time(6806030056956251397)", json!("2020-03-19T21:12:38Z")),
        ("id_to_time(5831967)", json!(null)),
        ("time_to_id(TIMESTAMP '2020-03-19T21:12:38.5Z')", json!("6806030053139283968")),
        ("id_to_time(time_to_id(TIMESTAMP '2026-01-01T00:00:00Z'))", json!("2026-01-01T00:00:00Z")),
        ("id_to_time(time_to_id(TIMESTAMP '2026-01-01T00:00:00Z') - 1)", json!("2025-12-31T23:59:59Z")),
        ("video_url('@Ann', 7)", json!("https://www.tiktok.com/@Ann/video/7")),
        ("video_url(NULL, 7)", json!(null)),
        ("engagement_rate(1, 2, 3, 60)", json!(0.1)),
        ("engagement_rate(1, NULL, 3, 60)", json!(null)),
        ("engagement_rate(1, 2, 3, 0)", json!(null)),
        ("fold('ＦＹＰ Straße')", json!("fyp straße")),
        ("fold('ÉTÉ') = fold('e' || chr(769) || 'te' || chr(769))", json!(true)),
    ] {
        assert_eq!(column(engine, &format!("SELECT {expression}")).await, [expected], "{expression}");
    }
}

#[tokio::test]
async fn addresses_have_ids_in_every_canonical_form() {
    let lake = lake().await;
    let id = "7106594312292453675";
    for address in [
        "https://www.tiktok.com/@ann.b_1/video/ID",
        "https://www.tiktok.com/@ann/photo/ID?lang=en#x",
        "http://tiktok.com/@ann/video/ID/",
        "www.tiktok.com/@ann/video/ID",
        "https://m.tiktok.com/v/ID.html?u_code=0",
        "https://www.tiktok.com/embed/ID",
        "https://www.tiktok.com/embed/v2/ID?x=1",
        "https://www.tiktok.com/player/v1/ID",
        "https://www.tiktok.com/share/video/ID/?region=US",
        "https://www.tiktok.com/video/ID",
        "https://www.tiktok.com/@/video/ID",
    ] {
        let query = format!("SELECT url_to_id('{}')", address.replace("ID", id));
        assert_eq!(column(&lake.engine, &query).await, [json!(id)], "{address}");
    }
    for address in [
        "https://vm.tiktok.com/ZMabc/",
        "https://www.tiktok.com/t/ZTabc/",
        "https://www.tiktok.com/@ann",
        "https://www.tiktok.com/@ann/live",
        "https://www.tiktok.com/@ann/video/12x",
        "https://www.tiktok.com/@ann/video/99999999999999999999",
        "https://tiktok.com.evil.example/@ann/video/7",
        "https://evil.example/?u=https://www.tiktok.com/@ann/video/7",
        "ftp://www.tiktok.com/@ann/video/7",
        "7106594312292453675",
        "",
    ] {
        assert_eq!(column(&lake.engine, &format!("SELECT url_to_id('{address}')")).await, [json!(null)], "{address}");
    }
}

#[tokio::test]
async fn local_time_knows_summer() {
    let lake = lake().await;
    for (instant, region, expected) in [
        // Clocks go forward in New York at 07:00 UTC on the 8th of March 2026, and back at 06:00 UTC on the 1st of November.
        ("2026-03-08T06:59:59Z", "US", json!("2026-03-08T01:59:59")),
        ("2026-03-08T07:00:00Z", "US", json!("2026-03-08T03:00:00")),
        ("2026-11-01T05:30:00Z", "US", json!("2026-11-01T01:30:00")),
        ("2026-11-01T06:30:00Z", "US", json!("2026-11-01T01:30:00")),
        ("2026-07-01T12:00:00Z", "de", json!("2026-07-01T14:00:00")),
        ("2026-07-01T12:00:00Z", "IN", json!("2026-07-01T17:30:00")),
        ("2026-07-01T12:00:00Z", "QQ", json!(null)),
    ] {
        let query = format!("SELECT to_local(TIMESTAMP '{instant}', '{region}')");
        assert_eq!(column(&lake.engine, &query).await, [expected], "{instant} {region}");
    }
    assert_eq!(column(&lake.engine, "SELECT to_local(:now, NULL)").await, [json!(null)]);
}

#[tokio::test]
async fn the_bootstrap_is_the_same_every_time_and_in_every_order() {
    let lake = lake().await;
    let interval = async |order: &str, seed: i64| {
        let query = format!(
            "SELECT bootstrap_interval(x, 0.95, {seed}) AS i FROM
             (SELECT CAST(value AS DOUBLE) AS x FROM generate_series(0, 1009) ORDER BY value {order})"
        );
        rows(&lake.engine, &query).await[0]["i"].clone()
    };
    let first = interval("ASC", 1).await;
    assert_eq!(interval("DESC", 1).await, first);
    assert_ne!(interval("ASC", 2).await, first);
    // 1,010 values spread evenly over 0 to 1,009: the median is 504.5 and its standard error 15.9 [1/(2·f·√n)], times 1.96.
    let (low, high) = (first["low"].as_f64().expect("a number"), first["high"].as_f64().expect("a number"));
    assert!((465.0..=482.0).contains(&low) && (527.0..=544.0).contains(&high), "{first}");
    for (query, expected) in [
        (
            "SELECT bootstrap_interval(x, 0.9, 1) AS i FROM (VALUES (3), (NULL)) AS t(x)",
            json!({"low": 3.0, "high": 3.0}),
        ),
        ("SELECT bootstrap_interval(x, 0.9, 1) AS i FROM (SELECT 1 AS x WHERE false)", json!(null)),
    ] {
        assert_eq!(rows(&lake.engine, query).await[0]["i"], expected, "{query}");
    }
}

#[tokio::test]
async fn values_stand_in_for_names_and_nowhere_else() {
    let lake = lake().await;
    assert_eq!(column(&lake.engine, "SELECT ':now' || :name").await, [json!(":nowit's :now")]);
    assert_eq!(
        column(&lake.engine, "SELECT :now - INTERVAL '1 day' -- :nothing").await,
        [json!("2026-02-28T00:00:00Z")]
    );
    assert_eq!(column(&lake.engine, "SELECT count(*) FROM videos WHERE created_at < :now").await, [json!(0)]);
    let unbound =
        lake.engine.ask("EXPLAIN SELECT :since", &Binds::at(Timestamp(0))).await.err().expect("refused").to_string();
    assert!(unbound.contains(":since has no value, but now has") && unbound.contains("--bind since="), "{unbound}");
}

#[tokio::test]
async fn table_functions_take_constants() {
    let lake = lake().await;
    for query in [
        "SELECT * FROM stats_at(INTERVAL '48 hours')",
        "SELECT * FROM stats_at(INTERVAL '1 day' + INTERVAL '1 day') AS s JOIN videos USING (platform, video_id)",
        "SELECT * FROM creator_baseline()",
        "SELECT * FROM creator_baseline(INTERVAL '7 days', :now)",
    ] {
        assert_eq!(rows(&lake.engine, query).await, json!([]), "{query}");
    }
    for query in
        ["SELECT * FROM stats_at()", "SELECT * FROM stats_at(INTERVAL '1 month')", "SELECT * FROM stats_at('soon')"]
    {
        let refused = lake.engine.sql(query).await.err().expect("refused").to_string();
        assert!(refused.contains("stats_at(INTERVAL '48 hours')"), "{query}: {refused}");
    }
}

#[tokio::test]
async fn every_function_is_listed() {
    let lake = lake().await;
    for function in super::FUNCTIONS {
        let query = format!("SHOW FUNCTIONS LIKE '{}'", function.name);
        let shown = rows(&lake.engine, &query).await;
        let known = shown.as_array().expect("rows").iter().any(|row| row["description"] == function.about);
        assert!(known || function.kind != super::FunctionKind::Scalar, "{}: {shown}", function.name);
    }
}
