//! Files are rewritten, rows are not.

use super::lake::*;
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::statistics::Statistics;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use tidelake_sinks::lake::Outcome;
use tidelake_sinks::lake::upkeep::{Compactor, Repacked, UpkeepOptions, shape};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the files are like: the same rows in no more files, and the positions as they were.
    #[test]
    fn rows_are_the_same_before_and_after(parts in prop::collection::vec((1_i64..400, 0_i64..3), 1..9)) {
        runtime().block_on(async {
            let test = lake();
            let mut lander = Lander::start(&test.lake).await;
            for (rows, day) in &parts {
                lander.land(*rows, *day).await;
            }
            let before = rows(&test.lake).await;
            assert_eq!(before, expected(&parts));
            let files = shape(&test.lake, TABLE, 1).await.expect("reads").expect("is there").files;
            let done = compact(&test.lake, &options()).await;
            assert_eq!(rows(&test.lake).await, before);
            let now = shape(&test.lake, TABLE, 1).await.expect("reads").expect("is there").files;
            assert!(if done > 0 { now < files } else { now == files }, "{files} files, then {now}");
            balances(&test.lake, lander.next).await;
            // The writer's snapshot is older than all of that, and it lands at the first try.
            lander.land(1, 0).await;
            assert_eq!(Lander::start(&test.lake).await.next, lander.next);
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_says_that_no_data_changed() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    for _ in 0..4 {
        lander.land(20, 0).await;
    }
    assert_eq!(compact(&test.lake, &options()).await, 1);
    let newest = listed(&test, ".json").pop().expect("a commit");
    let text = std::fs::read_to_string(newest).expect("reads");
    let actions: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let files: Vec<&Value> = actions.iter().filter_map(|a| a.get("add").or_else(|| a.get("remove"))).collect();
    assert_eq!(files.len(), 5);
    assert!(files.iter().all(|file| file["dataChange"] == false), "{text}");
    assert!(!actions.iter().any(|action| action.get("txn").is_some()), "positions are not touched");
    let add = actions.iter().find_map(|action| action.get("add")).expect("a file");
    let statistics: Value = serde_json::from_str(add["stats"].as_str().expect("text")).expect("JSON");
    assert_eq!((&statistics["numRecords"], &statistics["minValues"]["comment_id"]), (&80.into(), &0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_that_is_written_to_waits_for_more_files() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    let options = UpkeepOptions { min_files: 4, ..options() };
    let soon = tidelake_schemas::Timestamp(FIRST.0 + DAY);
    for files in 1..=4 {
        lander.land(10, 0).await;
        let compactor = Compactor::open(&test.lake, TABLE, options.clone()).await.expect("opens").expect("is there");
        let groups = |now| compactor.small(now).expect("lists").len();
        assert_eq!((groups(soon), groups(LATER)), (usize::from(files >= 4), usize::from(files >= 2)), "{files} files");
        assert!(compactor.unordered(soon).expect("lists").is_empty());
    }
}

/// Of two that compact the same, one finds it done; and so does one whose files a replay has replaced.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_compactors_one_gives_way() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    for _ in 0..3 {
        lander.land(30, 0).await;
    }
    let open = || Compactor::open(&test.lake, TABLE, options());
    let (mut one, mut other) = (open().await.expect("opens").expect("is"), open().await.expect("opens").expect("is"));
    let (group, same) = (one.small(LATER).expect("lists").remove(0), other.small(LATER).expect("lists").remove(0));
    let (first, second) = tokio::join!(one.repack(&group), other.repack(&same));
    let done = [first.expect("an outcome"), second.expect("an outcome")];
    assert_eq!(done.iter().filter(|outcome| matches!(outcome, Repacked::Done { rows: 90, .. })).count(), 1, "{done:?}");
    assert_eq!(rows(&test.lake).await, expected(&[(90, 0)]));
}

/// How many files and groups of rows may hold a video, by their statistics.
fn may_hold(test: &TestLake, files: &[String], video: i64) -> (usize, usize) {
    let (mut in_files, mut in_groups) = (0, 0);
    for path in files {
        let file = std::fs::File::open(test.dir.path().join(TABLE).join(path)).expect("opens");
        let metadata = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").metadata().clone();
        let holds = |group: &parquet::file::metadata::RowGroupMetaData| {
            let column = group.columns().iter().find(|c| c.column_path().string() == "video_id").expect("a column");
            assert!(column.bloom_filter_offset().is_some());
            match column.statistics() {
                Some(Statistics::Int64(range)) => {
                    range.min_opt().is_none_or(|min| *min <= video) && range.max_opt().is_none_or(|max| video <= *max)
                }
                _ => true,
            }
        };
        let groups = metadata.row_groups().iter().filter(|group| holds(group)).count();
        in_files += usize::from(groups > 0);
        in_groups += groups;
    }
    (in_files, in_groups)
}

async fn paths(test: &TestLake) -> Vec<String> {
    let table = test.lake.open(TABLE).await.expect("opens").expect("is there");
    let files = table.snapshot().expect("loaded").log_data();
    files.iter().map(|file| file.path().to_string()).collect()
}

async fn order(test: &TestLake, by: &[&str]) -> usize {
    let by = by.iter().map(|&column| column.to_owned()).collect();
    let order = BTreeMap::from([(TABLE.to_owned(), by)]);
    // So little memory that it has to spill.
    let options = UpkeepOptions { order, memory_bytes: 24 << 20, ..options() };
    let mut compactor = Compactor::open(&test.lake, TABLE, options).await.expect("opens").expect("is there");
    let mut done = 0;
    for group in compactor.unordered(LATER).expect("lists") {
        assert!(matches!(compactor.repack(&group).await.expect("an outcome"), Repacked::Done { .. }));
        done += 1;
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_order_are_found_in_few_files() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    let parts = [(4000, 0), (4000, 0), (4000, 0), (3000, 1)];
    for (rows, day) in parts {
        lander.land(rows, day).await;
    }
    compact(&test.lake, &options()).await;
    let video = scramble(700);
    let before = may_hold(&test, &paths(&test).await, video);
    assert_eq!(order(&test, &["video_id"]).await, 2);
    let after = may_hold(&test, &paths(&test).await, video);
    assert!(after.0 * 2 <= before.0 && after.1 * 5 <= before.1, "{before:?} files and groups, then {after:?}");
    assert_eq!(rows(&test.lake).await, expected(&parts));
    let target = files().target_file_bytes;
    let shape = shape(&test.lake, TABLE, target).await.expect("reads").expect("is there");
    assert!(
        shape.full_share().is_some_and(|share| share >= 0.8) && shape.bytes / shape.files < 2 * target,
        "{shape:?}"
    );
    assert_eq!(order(&test, &["video_id"]).await, 0, "the log says that it is done");
    // A little that comes late is left out of order; much is not.
    lander.land(100, 0).await;
    assert_eq!(order(&test, &["video_id"]).await, 0);
    lander.land(5000, 0).await;
    assert_eq!(order(&test, &["video_id"]).await, 1);
    balances(&test.lake, 20_100).await;

    // DataFusion itself reads fewer rows for it.
    let engine = engine(&test.lake).await;
    let query = format!("EXPLAIN ANALYZE SELECT count(*) FROM comments WHERE video_id = {video}");
    let explained = engine.sql(&query);
    let batches: Vec<_> = explained.await.expect("plans").stream.try_collect().await.expect("runs");
    let text = arrow::util::pretty::pretty_format_batches(&batches).expect("text").to_string();
    assert!(text.contains("row_groups_pruned_statistics"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_columns_are_interleaved() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    lander.land(8000, 0).await;
    let video = scramble(1234);
    let before = may_hold(&test, &paths(&test).await, video);
    assert_eq!(order(&test, &["video_id", "observed_at"]).await, 1);
    let after = may_hold(&test, &paths(&test).await, video);
    assert!(after.1 * 2 <= before.1, "{before:?} files and groups, then {after:?}");
    assert_eq!(rows(&test.lake).await, expected(&[(8000, 0)]));
    let options = UpkeepOptions { order: BTreeMap::from([(TABLE.to_owned(), vec!["none".to_owned()])]), ..options() };
    let mut compactor = Compactor::open(&test.lake, TABLE, options).await.expect("opens").expect("is there");
    let group = compactor.unordered(LATER).expect("lists").remove(0);
    let refused = compactor.repack(&group).await.expect_err("no such column").to_string();
    assert!(refused.contains("none"), "{refused}");
}

/// A writer that has buffered before a compaction lands after it, and a reader sees every row all the time.
#[tokio::test(flavor = "multi_thread")]
async fn writers_and_readers_go_on() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    for _ in 0..3 {
        lander.land(10, 0).await;
    }
    let reader = engine(&test.lake).await;
    lander.append(7, 0).await;
    assert_eq!(compact(&test.lake, &options()).await, 1);
    assert_eq!(lander.commit(7).await, Outcome::Landed);
    assert_eq!(rows_of(&reader).await, expected(&[(30, 0)]), "it goes on with the version it has");
    assert!(reader.refresh().await.expect("refreshes"));
    assert_eq!(rows_of(&reader).await, expected(&[(37, 0)]));
}
