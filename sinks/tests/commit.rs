//! The commit protocol against a real Delta table: what exactly-once stands on.

use deltalake::protocol::DeltaOperation;
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use futures::StreamExt;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tidelake_schemas::topics::{COVERAGE, LANDED, Landed};
use tidelake_schemas::{CoverageEntry, Timestamp, arrow_schema, codec};
use tidelake_sinks::lake::replace::{self, Replaced, Replacement};
use tidelake_sinks::lake::upkeep::{VacuumOptions, vacuum};
use tidelake_sinks::lake::{
    CommitRecord, Counts, Lake, Outcome, PartitionRange, Position, TableWriter, WriterOptions, ledger,
};
use tidelake_sinks::query::{Engine, QueryOptions};

const APP: &str = "tl/test/0";

fn landed() -> Landed {
    LANDED.into_iter().find(|l| l.topic == COVERAGE).expect("is landed")
}

fn lake() -> (tempfile::TempDir, Lake) {
    let dir = tempfile::tempdir().expect("temp dir");
    let lake = Lake::at(dir.path().to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    (dir, lake)
}

async fn writer(lake: &Lake) -> TableWriter {
    TableWriter::open(lake, landed(), &WriterOptions::default()).await.expect("opens")
}

fn batch(ids: std::ops::Range<i64>) -> (arrow::array::RecordBatch, Vec<Position>) {
    let mut decoder = arrow_schema::decoder(landed().schema, 100).expect("decoder");
    for id in ids.clone() {
        let entry = CoverageEntry {
            event_id: id.to_string(),
            observed_at: Timestamp(1_700_000_000_000_000),
            ..CoverageEntry::default()
        };
        decoder.decode(&codec::encode(&entry).expect("encodes")).expect("decodes");
    }
    let positions = ids.map(|offset| Position { partition: 0, offset }).collect();
    (decoder.flush().expect("flushes").expect("rows"), positions)
}

/// One row of each of `dates` days.
fn batch_of_dates(dates: i64) -> (arrow::array::RecordBatch, Vec<Position>) {
    let mut decoder = arrow_schema::decoder(landed().schema, 100).expect("decoder");
    for day in 0..dates {
        let observed_at = Timestamp(1_700_000_000_000_000 + day * 86_400_000_000);
        let entry = CoverageEntry { event_id: day.to_string(), observed_at, ..CoverageEntry::default() };
        decoder.decode(&codec::encode(&entry).expect("encodes")).expect("decodes");
    }
    let positions = (0..dates).map(|offset| Position { partition: 0, offset }).collect();
    (decoder.flush().expect("flushes").expect("rows"), positions)
}

async fn fill(writer: &mut TableWriter, ids: std::ops::Range<i64>) {
    let (batch, positions) = batch(ids);
    writer.append(&batch, &positions, Timestamp(1_700_000_001_000_000)).await.expect("appends");
}

fn record(from: i64, to: i64) -> CommitRecord {
    let counts = Counts { rows: to - from, ..Counts::default() };
    CommitRecord {
        operation: uuid::Uuid::now_v7().to_string(),
        topic: "test".into(),
        partitions: BTreeMap::from([(0, PartitionRange { from, to, counts })]),
    }
}

async fn commit(writer: &mut TableWriter, app: &str, from: Option<i64>, to: i64) -> Outcome {
    let before = BTreeMap::from([(app.to_owned(), from)]);
    let after = BTreeMap::from([(app.to_owned(), to)]);
    writer.commit(&before, &after, &record(from.unwrap_or(0), to)).await.expect("comes to an outcome")
}

async fn rows(lake: &Lake) -> i64 {
    ledger::read(lake, landed().table, None)
        .await
        .expect("reads")
        .iter()
        .map(|(_, r)| r.partitions[&0].counts.rows)
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_positions_land_together() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    fill(&mut writer, 0..3).await;
    assert_eq!(commit(&mut writer, APP, None, 3).await, Outcome::Landed);
    fill(&mut writer, 3..5).await;
    assert_eq!(commit(&mut writer, APP, Some(3), 5).await, Outcome::Landed);
    let stored = writer.reload([APP.to_owned()]).await.expect("reloads");
    assert_eq!(stored[APP], Some(5));
    assert_eq!(rows(&lake).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_is_fenced() {
    let (_dir, lake) = lake();
    let (mut zombie, mut owner) = (writer(&lake).await, writer(&lake).await);
    fill(&mut zombie, 0..3).await;
    fill(&mut owner, 0..4).await;
    assert_eq!(commit(&mut owner, APP, None, 4).await, Outcome::Landed);
    assert_eq!(commit(&mut zombie, APP, None, 3).await, Outcome::Fenced { app_id: APP.into() });
    assert_eq!(rows(&lake).await, 4, "nothing of the zombie landed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_that_covers_the_same_range_is_fenced_too() {
    let (_dir, lake) = lake();
    let (mut zombie, mut owner) = (writer(&lake).await, writer(&lake).await);
    fill(&mut zombie, 0..3).await;
    fill(&mut owner, 0..3).await;
    assert_eq!(commit(&mut owner, APP, None, 3).await, Outcome::Landed);
    assert_eq!(commit(&mut zombie, APP, None, 3).await, Outcome::Fenced { app_id: APP.into() });
    assert_eq!(rows(&lake).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_other_partitions_do_not_fence() {
    let (_dir, lake) = lake();
    let (mut one, mut other) = (writer(&lake).await, writer(&lake).await);
    fill(&mut one, 0..3).await;
    fill(&mut other, 3..5).await;
    assert_eq!(commit(&mut other, "tl/test/1", None, 2).await, Outcome::Landed);
    assert_eq!(commit(&mut one, APP, None, 3).await, Outcome::Landed);
    // And again, each on the snapshot its own commit returned.
    fill(&mut other, 5..6).await;
    assert_eq!(commit(&mut other, "tl/test/1", Some(2), 3).await, Outcome::Landed);
    fill(&mut one, 6..7).await;
    assert_eq!(commit(&mut one, APP, Some(3), 4).await, Outcome::Landed);
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_move_without_rows() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    assert_eq!(commit(&mut writer, APP, None, 7).await, Outcome::Landed);
    assert_eq!(writer.reload([APP.to_owned()]).await.expect("reloads")[APP], Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewrite_of_files_does_not_lose_an_append_in_flight() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    for i in 0..3 {
        fill(&mut writer, i..i + 1).await;
        let from = (i > 0).then_some(i);
        assert_eq!(commit(&mut writer, APP, from, i + 1).await, Outcome::Landed);
    }
    fill(&mut writer, 3..4).await;
    // Somebody compacts between this writer's snapshot and its commit.
    let table = lake.open(landed().table).await.expect("opens").expect("is there");
    let (_, metrics) = table.optimize().await.expect("compacts");
    assert_eq!(metrics.num_files_removed, 3);
    assert_eq!(commit(&mut writer, APP, Some(3), 4).await, Outcome::Landed);
    assert_eq!(rows(&lake).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_does_not_lose_an_append_in_flight() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    fill(&mut writer, 0..3).await;
    assert_eq!(commit(&mut writer, APP, None, 3).await, Outcome::Landed);
    fill(&mut writer, 3..4).await;
    let table = lake.open(landed().table).await.expect("opens").expect("is there");
    table.delete().with_predicate("event_id = '1'").await.expect("deletes");
    assert_eq!(commit(&mut writer, APP, Some(3), 4).await, Outcome::Landed, "ConcurrentDeleteRead is tried again");
    assert_eq!(writer.reload([APP.to_owned()]).await.expect("reloads")[APP], Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_survive_compaction_and_checkpoints() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    for i in 0..4 {
        fill(&mut writer, i..i + 1).await;
        let from = (i > 0).then_some(i);
        assert_eq!(commit(&mut writer, APP, from, i + 1).await, Outcome::Landed);
    }
    let table = lake.open(landed().table).await.expect("opens").expect("is there");
    let (table, _) = table.optimize().await.expect("compacts");
    deltalake::checkpoints::create_checkpoint(&table, None).await.expect("checkpoints");
    assert_eq!(writer.reload([APP.to_owned()]).await.expect("reloads")[APP], Some(4));
}

/// More dates than files may be open for: each row lands all the same, in the one commit, and what was dropped does not.
#[tokio::test]
async fn many_dates_land_together() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    let (batch, positions) = batch_of_dates(40);
    writer.append(&batch, &positions, Timestamp(1_700_000_001_000_000)).await.expect("appends");
    writer.reset();
    fill(&mut writer, 0..3).await;
    for _ in 0..2 {
        writer.append(&batch, &positions, Timestamp(1_700_000_001_000_000)).await.expect("appends");
    }
    fill(&mut writer, 3..5).await;
    assert_eq!(writer.rows(), 85);
    assert_eq!(commit(&mut writer, APP, None, 85).await, Outcome::Landed);
    assert_eq!(rows(&lake).await, 85);
    fill(&mut writer, 0..2).await;
    assert_eq!(commit(&mut writer, APP, Some(85), 87).await, Outcome::Landed);
    assert_eq!(rows(&lake).await, 87);
}

/// Deletes every file that no version knows, as a vacuum does whose grace is over.
async fn vacuum_all(lake: &Lake) -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros();
    let now = Timestamp(i64::try_from(now).expect("fits") + 1_000_000);
    let options = VacuumOptions { grace: Duration::ZERO, allow_short_grace: true, dry_run: false };
    vacuum(lake, landed().table, now, &options).await.expect("vacuums").files
}

/// Every file that the table has is there, and holds its rows.
async fn scanned(lake: &Lake) -> i64 {
    let engine = Engine::over(lake.clone(), QueryOptions::default()).await.expect("opens");
    let table = landed().table;
    engine.integers(&format!("SELECT count(DISTINCT event_id) FROM {table}")).await.expect("reads")[0]
}

/// A writer of files that are complete as soon as they have rows, and its first such files: rows `ids`, not committed.
async fn with_files(dir: &std::path::Path, lake: &Lake, ids: std::ops::Range<i64>) -> TableWriter {
    let options = WriterOptions { target_file_bytes: 1, ..WriterOptions::default() };
    let mut writer = TableWriter::open(lake, landed(), &options).await.expect("opens");
    let before = data_files(dir).len();
    let middle = ids.start + (ids.end - ids.start) / 2;
    fill(&mut writer, ids.start..middle).await;
    fill(&mut writer, middle..ids.end).await;
    let begun = std::time::Instant::now();
    while data_files(dir).len() == before {
        assert!(begun.elapsed() < Duration::from_secs(20), "no file is complete");
        tokio::task::yield_now().await;
    }
    writer
}

fn data_files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = |dir: &std::path::Path| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    let dates = entries(&dir.join(landed().table)).filter(|path| path.to_string_lossy().contains("observed_date="));
    dates
        .flat_map(|date| entries(&date).collect::<Vec<_>>())
        .filter(|p| p.extension().is_some_and(|e| e == "parquet"))
        .collect()
}

/// A process is stopped for longer than the grace between writing files and committing them (SIGSTOP, SIGCONT).
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_was_frozen_does_not_commit_what_was_vacuumed() {
    let (dir, lake) = lake();
    let mut first = writer(&lake).await;
    fill(&mut first, 0..3).await;
    assert_eq!(commit(&mut first, APP, None, 3).await, Outcome::Landed);
    let mut frozen = with_files(dir.path(), &lake, 3..7).await;
    assert!(vacuum_all(&lake).await > 0, "its files were there");
    let outcome = commit(&mut frozen, APP, Some(3), 7).await;
    assert!(matches!(&outcome, Outcome::Fenced { app_id } if app_id.contains("vacuumed")), "{outcome:?}");
    assert_eq!(scanned(&lake).await, 3);
    // It reads again from the table's position, and lands.
    assert_eq!(frozen.reload([APP.to_owned()]).await.expect("reloads")[APP], Some(3));
    fill(&mut frozen, 3..7).await;
    assert_eq!(commit(&mut frozen, APP, Some(3), 7).await, Outcome::Landed);
    assert_eq!((vacuum_all(&lake).await, scanned(&lake).await), (0, 7));
}

/// Others vacuum without a word: their files are missed when a commit is not acknowledged at once.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_somebody_deleted_are_not_offered_again() {
    let (dir, lake) = lake();
    let mut frozen = with_files(dir.path(), &lake, 0..4).await;
    data_files(dir.path()).into_iter().for_each(|file| std::fs::remove_file(file).expect("removes"));
    // A conflict, after which the files are offered again.
    let table = lake.open(landed().table).await.expect("opens").expect("is there");
    let property = HashMap::from([("delta.checkpointInterval".to_owned(), "77".to_owned())]);
    table.set_tbl_properties().with_properties(property).await.expect("sets");
    let outcome = commit(&mut frozen, APP, None, 4).await;
    assert!(matches!(outcome, Outcome::Fenced { .. }), "{outcome:?}");
    assert_eq!(scanned(&lake).await, 0);
}

/// A rewrite that was frozen, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_rewrite_that_was_frozen_does_not_commit_what_was_vacuumed() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    fill(&mut writer, 0..3).await;
    assert_eq!(commit(&mut writer, APP, None, 3).await, Outcome::Landed);
    let name = landed().table;
    let mut table = lake.open(name).await.expect("opens").expect("is there");
    let old: Vec<_> = {
        let log = table.snapshot().expect("a snapshot").snapshot().try_log_data().expect("reads");
        log.iter().map(|file| file.remove_action(false)).collect()
    };
    let mut anew = RecordBatchWriter::for_table(&table).expect("a writer");
    let mut batches = replace::rows(&table, name, &old).await.expect("reads");
    let schema = anew.arrow_schema();
    while let Some(batch) = batches.next().await {
        let batch = batch.expect("reads");
        let columns = schema.fields().iter().map(|field| {
            arrow::compute::cast(batch.column_by_name(field.name()).expect("has it"), field.data_type()).expect("fits")
        });
        anew.write(arrow::array::RecordBatch::try_new(schema.clone(), columns.collect()).expect("fits"))
            .await
            .expect("writes");
    }
    let new = anew.flush().await.expect("writes");
    assert_eq!(vacuum_all(&lake).await, 1);
    let operation = DeltaOperation::Update { predicate: None };
    let replacement = Replacement { old: &old, new: &new, operation, metadata: Vec::new() };
    let outcome = replace::replace(&mut table, name, &replacement).await.expect("comes to an outcome");
    assert!(matches!(&outcome, Replaced::Gone { why } if why.contains("vacuumed")), "{outcome:?}");
    assert_eq!(scanned(&lake).await, 3);
}
