//! The duty to refresh what the Research API gave, from the lake to the lake: what TikTok has deleted since is marked,
//! nothing else is; a million stored ids cost three hundred requests and little memory.

#![allow(clippy::print_stderr, reason = "the figures are worth knowing (--nocapture)")]

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tidelake_sandbox::world::region_codes;
use tidelake_sandbox::{
    Condition, Endpoint, FieldName, Operation, Query, Quota, Sandbox, SandboxConfig, SimClock, World, WorldConfig,
};
use tidelake_schemas::topics::LANDED;
use tidelake_schemas::{Enrichment, Provenance, Timestamp, VideoObservation, arrow_schema, codec};
use tidelake_sinks::lake::{CommitRecord, Lake, Position, TableWriter, WriterOptions};
use tidelake_tests::{Process, Stage, until};

const DAYS: u32 = 6;

/// The daemon's time: runs on from the end of the world, a minute per second.
fn clock(world: &World) -> String {
    let (start, real) = (world.end().to_rfc3339(), Utc::now().to_rfc3339());
    format!("{start}*60@{real}")
}

fn research(sandbox: &Sandbox, more: &str) -> String {
    format!(
        "[research]\nbase_url = \"{}\"\nclient_key = \"k\"\nclient_secret = \"s\"\ndaily_quota = 1000000\n\
         per_second = 1000\n{more}",
        sandbox.base_url()
    )
}

fn videos_task(world: &World) -> String {
    let regions: Vec<String> = region_codes().map(|code| format!("\"{code}\"")).collect();
    let day = |at: DateTime<Utc>| at.format("%Y%m%d").to_string();
    format!(
        "[[tasks]]\nname = \"all\"\nconnector = \"research-api\"\n[tasks.spec]\nkind = \"videos\"\nstart = \"{}\"\nend = \"{}\"\n\
         query = {{ and = [{{ operation = \"IN\", field_name = \"region_code\", field_values = [{}] }}] }}\n",
        day(world.config().epoch),
        day(world.end() - TimeDelta::days(1)),
        regions.join(", ")
    )
}

fn start(stage: &Stage, config: &str, roles: &str, clock: &str) -> Process {
    stage.start(&["run", "--config", config, "--roles", roles], &[("TIDELAKE_CLOCK", clock)])
}

const ALL: &str = "collect,enrich,land";

/// What the polls of a task asked that ended a batch: `compliance of 5 video ids: 4 valid, 1 gone`.
fn judged(stage: &Stage, task: &str) -> Vec<String> {
    let rows = stage.sql(&format!(
        "SELECT asked FROM coverage WHERE provenance['task'] = '{task}' AND provenance['route'] = 'validation_task/download' \
         ORDER BY observed_at, page"
    ));
    rows.iter().filter_map(|row| row["asked"].as_str().map(str::to_owned)).collect()
}

fn exhausted(stage: &Stage, task: &str) -> i64 {
    stage.integer(&format!(
        "SELECT count(*) FROM coverage WHERE provenance['task'] = '{task}' AND stop_reason = 'exhausted'"
    ))
}

#[test]
fn what_tiktok_deletes_is_marked_and_nothing_else() {
    let stage = Stage::alone();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = WorldConfig { videos: 2_000, days: DAYS, deleted_share: 0.2, ..WorldConfig::default() };
    let world = World::new(world).expect("a world");
    let settings = SandboxConfig {
        world: world.config().clone(),
        clock: Some(SimClock::frozen(world.end())),
        quota: Quota::unlimited(),
        ..SandboxConfig::default()
    };
    let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline TikTok starts");
    let (minute, clock) = (Duration::from_secs(60), clock(&world));
    let path = stage.dir().join("tidelake.toml");
    let config = path.to_str().expect("UTF-8").to_owned();
    let collecting = research(&sandbox, &videos_task(&world));
    std::fs::write(&path, &collecting).expect("writes the configuration");
    let check = stage.done(&["check", "--offline", "--config", &config]);
    assert!(check.contains("warn") && check.contains("sources add compliance video"), "{check}");

    let mut daemon = start(&stage, &config, ALL, &clock);
    stage.wait_for_embedded_broker();
    let regions: Vec<&str> = region_codes().collect();
    let query = Query::days(world.config().epoch.date_naive(), world.end().date_naive() - TimeDelta::days(1))
        .and(Condition::new(FieldName::RegionCode, Operation::In, &regions).expect("a condition"));
    let is_there = |id: &i64, at| world.video_by_id(*id).is_some_and(|video| video.is_available(at));
    let collected: BTreeSet<i64> = world.matching(&query, world.end()).filter(|id| is_there(id, world.end())).collect();
    let landed = || stage.integer("SELECT count(DISTINCT video_id) FROM video_observations");
    until("videos land", minute, || usize::try_from(landed()).ok() == Some(collected.len()));

    // Two months later.
    sandbox.clock().advance(TimeDelta::days(60));
    let later = sandbox.clock().now();
    let gone: BTreeSet<String> = collected.iter().filter(|id| !is_there(id, later)).map(ToString::to_string).collect();
    assert!(gone.len() > 100, "{} are too few to say anything", gone.len());
    let sources = |arguments: &[&str]| stage.done(&[&["--config", &config, "sources"], arguments].concat());
    sources(&["add", "compliance", "video", "--name", "refresh"]);
    let listed: serde_json::Value = serde_json::from_str(&sources(&["list", "--format", "json"])).expect("JSON");
    let refresh = listed.as_array().and_then(|all| all.iter().find(|one| one["name"] == "refresh").cloned());
    assert_eq!(refresh.map(|one| one["every_s"].clone()), Some(serde_json::json!(14 * 86_400)), "{listed:#}");
    until("the cycle ends", minute, || exhausted(&stage, "refresh") == 1);
    let marked = || -> BTreeSet<String> {
        let rows = stage.sql("SELECT video_id FROM videos WHERE unavailable IS NOT NULL");
        rows.iter().filter_map(|row| row["video_id"].as_str().map(str::to_owned)).collect()
    };
    until("what is gone lands", minute, || marked().len() >= gone.len());
    assert_eq!(marked(), gone);
    let (all, left) = (collected.len(), collected.len() - gone.len());
    let asked = format!("compliance of {all} video ids: {left} valid, {} gone", gone.len());
    assert_eq!(judged(&stage, "refresh"), [asked], "the ledger says what was asked and got");
    let confirmed = |outcome: &str| {
        stage.integer(&format!(
            "SELECT count(*) FROM compliance c JOIN video_observations v ON v.video_id = c.video_id AND v.unavailable IS NULL
             WHERE c.outcome = '{outcome}' AND c.last_validated_at > v.observed_at"
        ))
    };
    assert_eq!(
        (confirmed("valid"), confirmed("gone")),
        (left as i64, gone.len() as i64),
        "each was confirmed by the refresh"
    );

    // Declared in the configuration, in small batches, by another process: what is gone is not asked about again.
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    let again =
        "[[tasks]]\nname = \"again\"\nconnector = \"research-api\"\nspec = { kind = \"compliance\", batch = 300 }\n";
    std::fs::write(&path, collecting + again).expect("writes the configuration");
    let check = stage.done(&["check", "--config", &config]);
    assert!(!check.contains("warn"), "{check}");
    let _daemon = start(&stage, &config, ALL, &clock);
    until("the second cycle ends", minute, || exhausted(&stage, "again") == 1);
    let judged = judged(&stage, "again");
    assert_eq!(judged.len(), left.div_ceil(300), "{judged:#?}");
    assert!(judged[0].starts_with("compliance of 300 video ids: 300 valid, 0 gone"), "{judged:#?}");
    assert_eq!(marked(), gone);
    runtime.block_on(sandbox.stop());
}

/// A lake with one observation of each of these videos: one batch of rows, landed again and again under other ids.
async fn store(stage: &Stage, ids: &[i64], at: Timestamp) {
    const ROWS: usize = 10_000;
    let landed = LANDED.into_iter().find(|landed| landed.table == "video_observations").expect("is landed");
    let lake = Lake::at(stage.dir().join("lake").to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    let mut writer = TableWriter::open(&lake, landed, &WriterOptions::default()).await.expect("opens");
    let provenance = Provenance { zone: "research".into(), route: "video/query".into(), ..Provenance::default() };
    let video =
        VideoObservation { platform: "tiktok".into(), observed_at: at, provenance, ..VideoObservation::default() };
    let message = codec::append_enrichment(&codec::encode(&video).expect("encodes"), &Enrichment::default());
    let message = message.expect("appends");
    let mut decoder = arrow_schema::decoder(landed.schema, ROWS).expect("a decoder");
    for _ in 0..ROWS {
        decoder.decode(&message).expect("decodes");
    }
    let rows = decoder.flush().expect("flushes").expect("has rows");
    let place = rows.schema().index_of("video_id").expect("has it");
    let mut landed_rows = 0;
    // Commits hold ids of all times, as those of a task over a long window do.
    for (number, start) in (0..10_usize).enumerate() {
        let some: Vec<i64> = ids.iter().skip(start).step_by(10).copied().collect();
        for chunk in some.chunks(ROWS) {
            let rows = rows.slice(0, chunk.len());
            let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
            columns[place] = Arc::new(Int64Array::from(chunk.to_vec()));
            let batch = RecordBatch::try_new(rows.schema(), columns).expect("fits");
            let positions: Vec<Position> =
                (0..).map(|row| Position { partition: 0, offset: landed_rows + row }).take(chunk.len()).collect();
            writer.append(&batch, &positions, at).await.expect("appends");
            landed_rows += i64::try_from(chunk.len()).expect("few");
        }
        let app = format!("test/{number}");
        let (before, after) = (BTreeMap::from([(app.clone(), None)]), BTreeMap::from([(app, landed_rows)]));
        let operation = uuid::Uuid::now_v7().to_string();
        let record = CommitRecord { operation, topic: landed.topic.into(), partitions: BTreeMap::new() };
        writer.commit(&before, &after, &record).await.expect("commits");
    }
}

/// Runs a cycle over a lake of this many videos, of which this share is gone; gives requests by endpoint, what was called gone, and the most memory
/// that the daemon held.
fn refresh(videos: u64, deleted_share: f64) -> (BTreeMap<Endpoint, u64>, i64, u64) {
    let stage = Stage::alone();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = WorldConfig { videos, deleted_share, private_share: 0.0, ..WorldConfig::default() };
    let world = World::new(world).expect("a world");
    let later = world.end() + TimeDelta::days(700);
    let settings = SandboxConfig {
        world: world.config().clone(),
        clock: Some(SimClock::frozen(later)),
        quota: Quota::unlimited(),
        validation_polls: 0,
        ..SandboxConfig::default()
    };
    let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline TikTok starts");
    let ids: Vec<i64> = (0..videos).filter_map(|index| world.video(index)).map(|video| video.id()).collect();
    runtime.block_on(store(&stage, &ids, world.end().into()));
    let path = stage.dir().join("tidelake.toml");
    let task = "[[tasks]]\nname = \"refresh\"\nconnector = \"research-api\"\nspec = { kind = \"compliance\" }\n";
    std::fs::write(&path, research(&sandbox, task)).expect("writes the configuration");
    let clock = format!("{}*3600", (later + TimeDelta::days(1)).to_rfc3339());
    let config = path.to_str().expect("UTF-8");
    // The collector alone: its memory is what this is about.
    let mut daemon = start(&stage, config, "collect", &clock);
    until("the ids are asked about", Duration::from_secs(240), || {
        assert!(!daemon.ended(), "the daemon ended");
        sandbox.stats().requests.get(&Endpoint::ValidationDownload).copied() >= Some(videos.div_ceil(10_000))
    });
    let list = || stage.done(&["--config", config, "sources", "list", "--format", "json"]);
    until("the cycle ends", Duration::from_secs(60), || list().contains("waits until"));
    let memory = daemon.peak_memory();
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(60)), Some(0), "drains and stops");
    let mut daemon = start(&stage, config, "enrich,land", &clock);
    let missing = |id: &&i64| world.video_by_id(**id).is_none_or(|video| !video.is_available(later));
    let missing = i64::try_from(ids.iter().filter(missing).count()).expect("few");
    let marked = || stage.integer("SELECT count(*) FROM video_observations WHERE unavailable IS NOT NULL");
    let landed = || exhausted(&stage, "refresh") == 1 && marked() >= missing;
    until("the verdicts land", Duration::from_secs(60), landed);
    assert_eq!(marked(), missing);
    let twice = stage.integer("SELECT count(*) FROM coverage WHERE fault IS NOT NULL");
    assert_eq!(twice, 0, "no batch had to be submitted twice");
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(60)), Some(0), "drains and stops");
    let requests = sandbox.stats().requests;
    runtime.block_on(sandbox.stop());
    (requests, missing, memory)
}

#[test]
fn a_million_ids_cost_three_hundred_requests_and_little_memory() {
    let (_, _, few) = refresh(200_000, 0.01);
    let (requests, gone, many) = refresh(1_000_000, 0.002);
    let by = |endpoint| requests.get(&endpoint).copied().unwrap_or_default();
    let each = [Endpoint::ValidationCreate, Endpoint::ValidationStatus, Endpoint::ValidationDownload].map(by);
    let mib = |bytes: u64| bytes >> 20;
    eprintln!(
        "a million ids: {each:?} requests, {gone} gone, {} MiB at most; a fifth of them: {}",
        mib(many),
        mib(few)
    );
    assert_eq!(each, [100, 100, 100]);
    assert!(gone > 1000, "{gone} gone");
    assert!(many < few + (128 << 20), "{} MiB, and {} MiB for a fifth of the ids", mib(many), mib(few));
}
