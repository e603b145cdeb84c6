//! Views, refusals and errors over small Delta tables.

use super::*;
use crate::format::{Format, FormatOptions, write_stream};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use deltalake::DeltaTable;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{StructField, StructType};
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use tidelake_schemas::arrow_schema::arrow_schema;
use tidelake_schemas::topics::{LANDED, Landed};
use url::Url;

const VIDEO: i64 = 7_106_594_312_292_453_675;

struct Bench {
    _dir: tempfile::TempDir,
    root: Url,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let root = Url::from_directory_path(dir.path()).expect("a URL");
        Self { _dir: dir, root }
    }

    async fn engine(&self) -> Engine {
        let options = QueryOptions { memory_bytes: 64 << 20, target_partitions: Some(2), ..QueryOptions::default() };
        Engine::open(&self.root, &HashMap::new(), options).await.expect("opens")
    }

    /// Appends rows, given as JSON, to a table (made if absent).
    async fn land(&self, table: &str, rows: &[Value]) {
        let landed = LANDED.into_iter().find(|l| l.table == table).expect("a landed table");
        let url = self.root.join(&format!("{table}/")).expect("a URL");
        let mut delta = match url.to_file_path().expect("a path").join("_delta_log").is_dir() {
            true => deltalake::open_table(url).await.expect("opens"),
            false => create(url, &landed).await,
        };
        let mut writer = RecordBatchWriter::for_table(&delta).expect("a writer");
        let batch = batch(&writer.arrow_schema(), rows);
        writer.write(batch).await.expect("writes");
        writer.flush_and_commit(&mut delta).await.expect("commits");
    }
}

fn batch(schema: &Arc<Schema>, rows: &[Value]) -> RecordBatch {
    let mut decoder = arrow::json::ReaderBuilder::new(schema.clone()).build_decoder().expect("a decoder");
    decoder.serialize(rows).expect("fits the schema");
    decoder.flush().expect("fits the schema").expect("has rows")
}

async fn create(url: Url, landed: &Landed) -> DeltaTable {
    std::fs::create_dir_all(url.to_file_path().expect("a path")).expect("a directory");
    let mut fields: Vec<_> = arrow_schema(landed.schema).expect("derives").fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("kafka_offset", DataType::Int64, true)));
    fields.push(Arc::new(Field::new("observed_date", DataType::Date32, true)));
    let schema: StructType = (&Schema::new(fields)).try_into_kernel().expect("Delta has these types");
    let columns: Vec<StructField> = schema.fields().cloned().collect();
    let table = deltalake::DeltaTableBuilder::from_url(url).expect("a URL").build().expect("a table");
    table.create().with_columns(columns).with_partition_columns(["observed_date"]).await.expect("creates")
}

/// A video as seen at an hour of 2026-01-0`day`; published on the 1st at midnight.
fn video(video_id: i64, day: u32, hour: u32, views: Option<i64>, caption: &str) -> Value {
    let at = format!("2026-01-0{day}T{hour:02}:00:00Z");
    let hashtags: Vec<_> = caption
        .split_whitespace()
        .filter_map(|w| w.strip_prefix('#'))
        .map(|t| json!({"text": t, "start": 0, "end": 1}))
        .collect();
    json!({
        "event_id": format!("{video_id}-{at}"), "platform": "tiktok", "video_id": video_id, "observed_at": at,
        "provenance": {"connector": "research-api", "route": "video/query", "task": "t", "cycle": 1, "fetched_at": at,
                       "zone": "research", "origin": null},
        "created_at": "2026-01-01T00:00:00Z", "created_at_derived": false,
        "author": {"id": 5, "handle": "ann"}, "caption": caption, "caption_entities": [],
        "source_hashtags": [{"id": 1, "name": "Listed"}, {"id": 2, "name": "FYP"}],
        "region": "DE", "source_language": "en", "kind": "video", "duration_s": 15, "sound": {"id": 9},
        "stats": {"views": views, "likes": 2}, "counts_rounded": false,
        "findings": {"prices": [], "sentiment": null, "calls_to_action": [], "offers": [], "products": [],
                     "hashtag_words": [], "keywords": [], "tags": [], "categories": [], "seo": null,
                     "language": {"code": "und", "confidence": 0.0}, "hashtags": hashtags, "mentions": [],
                     "cashtags": [], "urls": [], "emojis": []},
        "stages": [], "kafka_offset": 1, "observed_date": format!("2026-01-0{day}")
    })
}

async fn rows(engine: &Engine, query: &str) -> Value {
    let answer = engine.sql(query).await.unwrap_or_else(|e| panic!("{query}: {e}"));
    let mut out = Vec::new();
    write_stream(answer.stream, &answer.schema, Format::Json, &mut out, &FormatOptions::default())
        .await
        .unwrap_or_else(|e| panic!("{query}: {e}"));
    serde_json::from_slice(&out).expect("JSON")
}

async fn refusal(engine: &Engine, query: &str) -> String {
    match engine.sql(query).await {
        Ok(_) => panic!("{query} ran"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn addresses_are_those_of_each_platform() {
    let bench = Bench::new();
    let of = |platform: &str, kind: &str, id: i64, native: Option<&str>| {
        let mut row = video(id, 1, 6, Some(1), "a");
        (row["platform"], row["kind"], row["native_id"]) = (json!(platform), json!(kind), json!(native));
        row["event_id"] = json!(format!("{platform} {kind} {id}"));
        row
    };
    let rows_in = [
        // The same number on two platforms is two videos.
        of("tiktok", "video", VIDEO, None),
        of("youtube", "video", VIDEO, Some("Yp8jQ1sXcQ8")),
        of("youtube", "video", -1, Some("__________8")),
        of("facebook", "video", 1, None),
        of("facebook", "reel", 2, None),
        of("facebook", "post", 3, Some("4_5")),
    ];
    bench.land("video_observations", &rows_in).await;
    let found = rows(&bench.engine().await, "SELECT video_id, url FROM videos ORDER BY platform, video_id").await;
    let expected = json!([
        {"video_id": "1", "url": "https://www.facebook.com/watch/?v=1"},
        {"video_id": "2", "url": "https://www.facebook.com/reel/2"},
        {"video_id": "3", "url": "https://www.facebook.com/4_5"},
        {"video_id": VIDEO.to_string(), "url": format!("https://www.tiktok.com/@ann/video/{VIDEO}")},
        {"video_id": "-1", "url": "https://www.youtube.com/watch?v=__________8"},
        {"video_id": VIDEO.to_string(), "url": "https://www.youtube.com/watch?v=Yp8jQ1sXcQ8"},
    ]);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn an_empty_lake_answers_with_no_rows() {
    let engine = Bench::new().engine().await;
    assert_eq!(rows(&engine, "SELECT count(*) AS n FROM video_observations").await, json!([{"n": 0}]));
    // A row of totals there always is.
    for view in views::VIEWS.into_iter().filter(|view| view.name != "overview") {
        let query = format!("SELECT * FROM {}", view.name);
        assert_eq!(rows(&engine, &query).await, json!([]), "{}", view.name);
    }
    assert!(engine.tables().await.expect("lists").iter().all(|t| t.rows.is_none()));
}

#[tokio::test]
async fn videos_are_the_newest_observations() {
    let bench = Bench::new();
    bench.land("video_observations", &[video(VIDEO, 1, 12, Some(10), "#Fyp #new"), video(3, 1, 1, None, "old")]).await;
    bench.land("video_observations", &[video(VIDEO, 3, 0, Some(30), "#Fyp"), video(VIDEO, 2, 0, Some(20), "")]).await;
    let engine = bench.engine().await;
    let query = "SELECT video_id, author_handle, author_id, caption, language, views, likes, comments, observed_at,
                        first_observed_at, observations, url FROM videos ORDER BY video_id";
    let expected = json!([
        {"video_id": "3", "author_handle": "ann", "author_id": "5", "caption": "old", "language": "en", "views": null,
         "likes": 2, "comments": null, "observed_at": "2026-01-01T01:00:00Z",
         "first_observed_at": "2026-01-01T01:00:00Z", "observations": 1,
         "url": "https://www.tiktok.com/@ann/video/3"},
        {"video_id": VIDEO.to_string(), "author_handle": "ann", "author_id": "5", "caption": "#Fyp", "language": "en",
         "views": 30, "likes": 2, "comments": null, "observed_at": "2026-01-03T00:00:00Z",
         "first_observed_at": "2026-01-01T12:00:00Z", "observations": 3,
         "url": format!("https://www.tiktok.com/@ann/video/{VIDEO}")}
    ]);
    assert_eq!(rows(&engine, query).await, expected);
}

#[tokio::test]
async fn annotations_are_the_newest_answers() {
    let bench = Bench::new();
    let row = |day: u32, model: &str, status: &str, answer: Option<&str>| {
        let at = format!("2026-01-0{day}T00:00:00Z");
        json!({
            "event_id": format!("{model} {day}"), "question_id": "q", "platform": "tiktok", "video_id": VIDEO,
            "observed_at": at, "provenance": {"connector": "oembed", "route": "oembed", "task": "t", "cycle": 1,
                "fetched_at": at, "zone": "oembed", "origin": null},
            "caption_hash": "h", "model": model, "prompt_version": "p", "status": status, "answer": answer,
            "asked_at": at, "kafka_offset": day, "observed_date": format!("2026-01-0{day}")
        })
    };
    bench.land("annotations", &[row(1, "m", "answered", Some("1")), row(2, "m", "answered", Some("2"))]).await;
    bench.land("annotations", &[row(3, "m", "failed", None), row(1, "n", "answered", Some("3"))]).await;
    let found = rows(&bench.engine().await, "SELECT model, answer FROM caption_annotations ORDER BY model").await;
    assert_eq!(found, json!([{"model": "m", "answer": "2"}, {"model": "n", "answer": "3"}]));
}

#[tokio::test]
async fn ties_are_broken_the_same_way_every_time() {
    let bench = Bench::new();
    let mut later_fetched = video(1, 2, 0, Some(2), "");
    later_fetched["provenance"]["fetched_at"] = json!("2026-01-02T00:00:01Z");
    let mut same = later_fetched.clone();
    same["event_id"] = json!("zzz");
    same["stats"]["views"] = json!(3);
    for order in [[0, 1, 2], [2, 1, 0]] {
        let all = [video(1, 2, 0, Some(1), ""), later_fetched.clone(), same.clone()];
        for i in order {
            bench.land("video_observations", &[all[i].clone()]).await;
        }
        let engine = bench.engine().await;
        assert_eq!(rows(&engine, "SELECT views FROM videos").await, json!([{"views": 3}]));
    }
}

#[tokio::test]
async fn stats_keep_every_observation_and_know_the_age() {
    let bench = Bench::new();
    bench.land("video_observations", &[video(1, 1, 6, Some(1), ""), video(1, 1, 20, Some(2), "")]).await;
    bench.land("video_observations", &[video(1, 3, 0, None, "")]).await;
    let engine = bench.engine().await;
    let all = rows(&engine, "SELECT views, age_hours, connector FROM video_stats ORDER BY observed_at").await;
    let connector = "research-api";
    assert_eq!(
        all,
        json!([{"views": 1, "age_hours": 6.0, "connector": connector}, {"views": 2, "age_hours": 20.0, "connector": connector},
               {"views": null, "age_hours": 48.0, "connector": connector}])
    );
    assert_eq!(rows(&engine, "SELECT views FROM stats_24h").await, json!([{"views": 2}]));
    assert_eq!(rows(&engine, "SELECT views FROM stats_72h").await, json!([{"views": null}]));
    assert_eq!(rows(&engine, "SELECT views FROM stats_7d").await, json!([]));
}

#[tokio::test]
async fn hashtags_are_folded_and_each_counts_once() {
    let bench = Bench::new();
    bench
        .land("video_observations", &[video(1, 1, 1, None, "#Gone"), video(1, 2, 1, None, "#FYP #fyp #Ölkanne")])
        .await;
    let mut unknown = video(2, 1, 1, None, "no tags");
    unknown["source_hashtags"] = Value::Null;
    bench.land("video_observations", &[unknown]).await;
    let engine = bench.engine().await;
    let tags = rows(&engine, "SELECT video_id, tag FROM video_hashtags ORDER BY tag").await;
    let tag = |t: &str| json!({"video_id": "1", "tag": t});
    assert_eq!(tags, json!([tag("fyp"), tag("listed"), tag("ölkanne")]));
}

/// What each view of findings says of the newest caption, and only of that.
#[tokio::test]
async fn findings_have_views() {
    let bench = Bench::new();
    let mut old = video(1, 1, 1, None, "old");
    old["findings"]["products"] = json!([{"name": "Old", "attributes": [], "confidence": 1.0, "start": 0, "end": 3}]);
    let mut new = video(1, 2, 1, None, "new");
    let found = &mut new["findings"];
    let colour = json!({"name": "colour", "value": "red"});
    found["products"] = json!([
        {"name": "Airwrap", "brand": "Dyson", "catalog_id": "007", "attributes": [colour], "confidence": 0.95, "start": 3, "end": 10},
        {"name": "PS5", "brand": "Sony", "catalog_id": null, "attributes": [], "confidence": 0.6, "start": 14, "end": 17}]);
    found["prices"] =
        json!([{"amount": "19.99", "currency": "USD", "symbol": "$", "kind": "now", "start": 0, "end": 6}]);
    found["offers"] = json!([{"type": "percent_off", "percent": 20.0, "code": "ANN20", "start": 1, "end": 8}]);
    found["calls_to_action"] = json!([{"type": "buy", "strength": 0.9, "start": 2, "end": 9}]);
    found["sentiment"] = json!({"compound": 0.5, "pos": 0.4, "neu": 0.6, "neg": 0.0, "label": "positive"});
    found["keywords"] = json!([{"text": "hair", "score": 0.7, "start": 4, "end": 8}]);
    found["categories"] =
        json!([{"name": "beauty/hair", "score": 0.8, "reasons": [{"text": "hair", "start": 4, "end": 8}]}]);
    // Nothing found: no row in any of them.
    bench.land("video_observations", &[old, new, video(2, 1, 1, None, "")]).await;
    let engine = bench.engine().await;
    let span = |row: Value, start: u32, end: u32| {
        let mut row = row;
        (row["span_start"], row["span_end"]) = (json!(start), json!(end));
        row
    };
    for (view, order, expected) in [
        (
            "caption_products",
            "name",
            json!([
                span(
                    json!({"name": "Airwrap", "brand": "Dyson", "catalog_id": "007", "attributes": [colour], "confidence": 0.95}),
                    3,
                    10
                ),
                span(
                    json!({"name": "PS5", "brand": "Sony", "catalog_id": null, "attributes": [], "confidence": 0.6}),
                    14,
                    17
                )
            ]),
        ),
        (
            "caption_prices",
            "amount",
            json!([span(
                json!({"amount": "19.990000", "currency": "USD", "symbol": "$", "kind": "now", "is_discount": false}),
                0,
                6
            )]),
        ),
        (
            "caption_offers",
            "type",
            json!([span(json!({"type": "percent_off", "percent": 20.0, "code": "ANN20"}), 1, 8)]),
        ),
        ("caption_cta", "type", json!([span(json!({"type": "buy", "cta_type": "buy", "strength": 0.9}), 2, 9)])),
        (
            "caption_sentiment",
            "label",
            json!([
            {"compound": 0.5, "pos": 0.4, "neu": 0.6, "neg": 0.0, "label": "positive", "score": 0.5}]),
        ),
        ("caption_keywords", "keyword", json!([span(json!({"keyword": "hair", "score": 0.7}), 4, 8)])),
        (
            "caption_categories",
            "category",
            json!([
            {"category": "beauty/hair", "score": 0.8, "reasons": [{"text": "hair", "start": 4, "end": 8}]}]),
        ),
    ] {
        let mut expected = expected;
        for row in expected.as_array_mut().expect("rows") {
            let at = json!("2026-01-02T01:00:00Z");
            (row["video_id"], row["observed_at"], row["platform"]) = (json!("1"), at, json!("tiktok"));
        }
        let query = format!("SELECT * FROM {view} ORDER BY {order}");
        assert_eq!(rows(&engine, &query).await, expected, "{view}");
    }
}

#[tokio::test]
async fn creators_are_the_newest_per_handle() {
    let bench = Bench::new();
    let creator = |handle: &str, day: u32, followers: Option<i64>| {
        let at = format!("2026-01-0{day}T00:00:00Z");
        json!({"event_id": format!("{handle}{at}"), "platform": "tiktok", "creator_id": VIDEO, "handle": handle,
               "observed_at": at, "provenance": {"connector": "c", "route": "r", "task": "t", "cycle": 1,
               "fetched_at": at, "zone": "web"}, "stats": {"followers": followers}, "counts_rounded": false,
               "kafka_offset": 1, "observed_date": format!("2026-01-0{day}")})
    };
    bench
        .land(
            "creator_observations",
            &[creator("Ann", 1, Some(1)), creator("ann", 2, Some(2)), creator("bob", 1, None)],
        )
        .await;
    let engine = bench.engine().await;
    let query = "SELECT handle, creator_id, numeric_id, followers, observations FROM creators ORDER BY handle";
    let expected = json!([
        {"handle": "ann", "creator_id": "@ann", "numeric_id": VIDEO.to_string(), "followers": 2, "observations": 2},
        {"handle": "bob", "creator_id": "@bob", "numeric_id": VIDEO.to_string(), "followers": null, "observations": 1}
    ]);
    assert_eq!(rows(&engine, query).await, expected);
}

#[tokio::test]
async fn a_refresh_brings_what_has_landed_since() {
    let bench = Bench::new();
    let engine = bench.engine().await;
    let count = "SELECT count(*) AS n FROM videos";
    assert!(!engine.refresh().await.expect("refreshes"));
    bench.land("video_observations", &[video(1, 1, 1, None, "")]).await;
    assert_eq!(rows(&engine, count).await, json!([{"n": 0}]));
    assert!(engine.refresh().await.expect("refreshes"));
    assert_eq!(rows(&engine, count).await, json!([{"n": 1}]));
    bench.land("video_observations", &[video(2, 1, 1, None, ""), video(2, 2, 1, None, "")]).await;
    assert!(engine.refresh().await.expect("refreshes"));
    assert_eq!(rows(&engine, count).await, json!([{"n": 2}]));
    let counts = engine.integers("SELECT count(*), max(views) FROM video_stats").await.expect("counts");
    assert_eq!(counts, [3, 0]);
    let info =
        engine.tables().await.expect("lists").into_iter().find(|t| t.name == "video_observations").expect("listed");
    assert_eq!((info.rows, info.files, info.version), (Some(3), Some(3), Some(2)));
    assert!(info.bytes.is_some_and(|b| b > 0));
}

#[tokio::test]
async fn a_session_option_survives_a_refresh() {
    let bench = Bench::new();
    let engine = bench.engine().await;
    rows(&engine, "SET datafusion.execution.batch_size = 17").await;
    bench.land("video_observations", &[video(1, 1, 1, None, "")]).await;
    engine.refresh().await.expect("refreshes");
    let shown = rows(&engine, "SHOW datafusion.execution.batch_size").await;
    assert_eq!(shown[0]["value"], "17");
}

#[tokio::test]
async fn what_would_change_something_is_refused() {
    let bench = Bench::new();
    bench.land("video_observations", &[video(1, 1, 1, None, "")]).await;
    let engine = bench.engine().await;
    let target = bench.root.join("out.parquet").expect("a URL");
    for query in [
        "INSERT INTO comments SELECT * FROM comments".to_owned(),
        "DELETE FROM video_observations".to_owned(),
        "UPDATE video_observations SET caption = 'x'".to_owned(),
        "DROP TABLE video_observations".to_owned(),
        "DROP VIEW videos".to_owned(),
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "CREATE VIEW v AS SELECT 1".to_owned(),
        "CREATE EXTERNAL TABLE passwords STORED AS CSV LOCATION '/etc/passwd'".to_owned(),
        "CREATE FUNCTION f(DOUBLE) RETURNS DOUBLE RETURN $1".to_owned(),
        "TRUNCATE TABLE video_observations".to_owned(),
        "PREPARE p AS SELECT 1".to_owned(),
        "BEGIN".to_owned(),
        format!("COPY (SELECT 1) TO '{target}'"),
        format!("EXPLAIN ANALYZE COPY (SELECT 1) TO '{target}'"),
        "EXPLAIN INSERT INTO comments SELECT * FROM comments".to_owned(),
        "EXPLAIN ANALYZE INSERT INTO comments SELECT * FROM comments".to_owned(),
    ] {
        let said = refusal(&engine, &query).await;
        assert!(said.contains("only reads"), "{query}: {said}");
    }
    assert_eq!(rows(&engine, "SELECT count(*) AS n FROM videos").await, json!([{"n": 1}]));
}

#[tokio::test]
async fn options_beyond_the_session_are_fixed() {
    let engine = Bench::new().engine().await;
    for query in [
        "SET datafusion.runtime.memory_limit = '100G'",
        "SET datafusion.runtime.temp_directory = '/tmp/x'",
        "SET datafusion.catalog.information_schema = false",
        "RESET datafusion.runtime.memory_limit",
    ] {
        let said = refusal(&engine, query).await;
        assert!(said.contains("fixed by the configuration"), "{query}: {said}");
    }
}

#[tokio::test]
async fn what_reads_is_allowed() {
    let engine = Bench::new().engine().await;
    for query in [
        "SELECT 1;",
        "WITH x AS (SELECT 1 AS a) SELECT * FROM x",
        "(SELECT 1)",
        "VALUES (1), (2)",
        "EXPLAIN SELECT * FROM videos",
        "EXPLAIN ANALYZE SELECT * FROM videos",
        "SHOW TABLES",
        "SHOW COLUMNS FROM videos",
        "DESCRIBE videos",
        "-- a comment\nSELECT 1",
        "SET datafusion.execution.batch_size = 100",
        "SET TIME ZONE = '+00:00'",
    ] {
        rows(&engine, query).await;
    }
}

#[tokio::test]
async fn errors_say_what_to_do() {
    let engine = Bench::new().engine().await;
    for (query, expected) in [
        ("SELECT * FROM video", &["there is no table \"video\"", "did you mean videos", "creator_observations"][..]),
        ("SELECT vews FROM videos", &["there is no column \"vews\"", "did you mean views?", "author_handle"]),
        ("SELECT v.Hashtag FROM videos v", &["there is no column"]),
        ("SELEC 1", &["not SQL"]),
        ("SELECT * FRM videos WHERE", &["not SQL"]),
        ("SELECT 'x", &["not SQL"]),
        ("SELECT nosuch(1)", &["nosuch"]),
        ("", &["no statement"]),
        (" -- nothing", &["no statement"]),
        ("SELECT 1; SELECT 2", &["2 statements"]),
    ] {
        let said = refusal(&engine, query).await;
        for part in expected {
            assert!(said.contains(part), "{query}: {said}");
        }
    }
}

#[tokio::test]
async fn a_failing_value_is_an_error_of_the_query() {
    let bench = Bench::new();
    bench.land("video_observations", &[video(1, 1, 1, None, "not a number")]).await;
    let engine = bench.engine().await;
    let answer = engine.sql("SELECT CAST(caption AS BIGINT) FROM videos").await.expect("plans");
    let out = Vec::new();
    let error = write_stream(answer.stream, &answer.schema, Format::Json, out, &FormatOptions::default()).await;
    let said = error.expect_err("fails").to_string();
    assert!(said.contains("try_cast"), "{said}");
}

#[tokio::test]
async fn an_answer_is_wholly_collected_or_an_error() {
    let engine = Bench::new().engine().await;
    let batches = engine.collect("SELECT * FROM generate_series(1, 20000)").await.expect("runs");
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 20_000);
    let error =
        engine.collect("SELECT 1 / (value - 5) FROM generate_series(1, 9) AS t(value)").await.expect_err("fails");
    assert!(error.to_string().contains("nullif"), "{error}");
}

#[tokio::test]
async fn too_little_memory_is_said_so() {
    let bench = Bench::new();
    let spill_dir = Some(bench.root.to_file_path().expect("a path").join("spill/here"));
    let options =
        QueryOptions { memory_bytes: 1 << 16, spill_dir, target_partitions: Some(1), ..QueryOptions::default() };
    let engine = Engine::open(&bench.root, &HashMap::new(), options).await.expect("opens");
    let answer = engine
        .sql("SELECT count(DISTINCT value), array_agg(value) FROM generate_series(1, 1000000) AS t(value)")
        .await
        .expect("plans");
    let out = Vec::new();
    let error = write_stream(answer.stream, &answer.schema, Format::Json, out, &FormatOptions::default()).await;
    let said = error.expect_err("fails").to_string();
    assert!(said.contains("more memory than it may have"), "{said}");
}

#[tokio::test]
async fn columns_are_listed() {
    let engine = Bench::new().engine().await;
    let columns = engine.columns("videos").await.expect("exists");
    assert_eq!(columns[0].name, "video_id");
    assert!(engine.columns("nosuch").await.is_err());
}
