//! Rows that are given values in new columns, while others land.

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type};
use arrow::error::ArrowError;
use futures::TryStreamExt;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tidelake_schemas::topics::{COVERAGE, LANDED, Landed};
use tidelake_schemas::{CoverageEntry, Timestamp, arrow_schema, codec};
use tidelake_sinks::lake::rewrite::{Group, Rewriter, Rewritten, Scope, replayed, replayed_field};
use tidelake_sinks::lake::{CommitRecord, Lake, Outcome, Position, TableWriter, WriterOptions};
use tidelake_sinks::query::{Engine, QueryOptions};

const APP: &str = "tl/test/0";
const LABEL: &str = "twice@1";
const DAY: i64 = 86_400_000_000;

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

async fn rewriter(lake: &Lake) -> Rewriter {
    Rewriter::open(lake, landed(), WriterOptions::default()).await.expect("opens").expect("is there")
}

/// Lands a row of `page` on a day.
async fn land(writer: &mut TableWriter, page: i64, day: i64) -> Outcome {
    let observed_at = Timestamp(1_700_000_000_000_000 + day * DAY);
    let entry = CoverageEntry { event_id: page.to_string(), page, observed_at, ..CoverageEntry::default() };
    let mut decoder = arrow_schema::decoder(landed().schema, 100).expect("decoder");
    decoder.decode(&codec::encode(&entry).expect("encodes")).expect("decodes");
    let batch = decoder.flush().expect("flushes").expect("a row");
    let position = Position { partition: 0, offset: page };
    writer.append(&batch, &[position], Timestamp(1_800_000_000_000_000)).await.expect("appends");
    let from = BTreeMap::from([(APP.to_owned(), (page > 0).then_some(page))]);
    let to = BTreeMap::from([(APP.to_owned(), page + 1)]);
    let record = CommitRecord { operation: uuid::Uuid::now_v7().to_string(), ..CommitRecord::default() };
    writer.commit(&from, &to, &record).await.expect("comes to an outcome")
}

fn labels() -> Vec<String> {
    vec![LABEL.to_owned()]
}

fn scope() -> Scope {
    let dates = ("0000-01-01".to_owned(), "9999-12-31".to_owned());
    Scope { labels: labels(), dates, landed_by: Timestamp(1_900_000_000_000_000) }
}

fn columns() -> [Field; 2] {
    [Field::new(LABEL, DataType::Int64, true), replayed_field()]
}

fn twice(batch: &RecordBatch) -> Result<Vec<ArrayRef>, ArrowError> {
    let pages = batch.column_by_name("page").expect("has it").as_primitive::<Int64Type>();
    let twice: Int64Array = pages.iter().map(|page| page.map(|page| 2 * page)).collect();
    Ok(vec![Arc::new(twice), replayed(batch, &labels())?])
}

async fn groups(rewriter: &Rewriter) -> Vec<Group> {
    rewriter.groups(&scope()).await.expect("lists")
}

async fn rewrite(rewriter: &mut Rewriter, group: Group) -> Rewritten {
    rewriter.rewrite(group, &columns(), twice).await.expect("comes to an outcome")
}

/// The pages and what was given to them.
async fn rows(lake: &Lake) -> Vec<(i64, Option<i64>)> {
    let engine = Engine::open(lake.root(), lake.options(), QueryOptions::default()).await.expect("opens");
    let answer = engine.sql(&format!("SELECT page, \"{LABEL}\" FROM coverage ORDER BY page")).await.expect("runs");
    let batches: Vec<RecordBatch> = answer.stream.try_collect().await.expect("answers");
    let column = |batch: &RecordBatch, i: usize| batch.column(i).as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
    let pairs = batches.iter().flat_map(|batch| column(batch, 0).into_iter().zip(column(batch, 1)));
    pairs.map(|(page, given)| (page.expect("not null"), given)).collect()
}

#[tokio::test]
async fn every_row_is_given_its_value_once() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    for page in 0..6 {
        assert_eq!(land(&mut writer, page, page % 2).await, Outcome::Landed);
    }
    let mut rewriter = rewriter(&lake).await;
    rewriter.add_columns(&columns()).await.expect("adds them");
    let found = groups(&rewriter).await;
    assert_eq!(found.iter().map(Group::files).collect::<Vec<_>>(), [3, 3]);
    let dates = ("2023-11-15".to_owned(), "2023-12-31".to_owned());
    let later = rewriter.groups(&Scope { dates, ..scope() }).await.expect("lists");
    assert_eq!(later.iter().map(|group| group.date.as_str()).collect::<Vec<_>>(), ["2023-11-15"]);
    for group in found {
        assert_eq!(rewrite(&mut rewriter, group).await, Rewritten::Done { rows: 3 });
    }
    assert_eq!(rows(&lake).await, (0..6).map(|page| (page, Some(2 * page))).collect::<Vec<_>>());
    assert!(groups(&rewriter).await.is_empty());
}

#[tokio::test]
async fn records_go_on_landing() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    land(&mut writer, 0, 0).await;
    let mut rewriter = rewriter(&lake).await;
    rewriter.add_columns(&columns()).await.expect("adds them");
    let group = groups(&rewriter).await.remove(0);
    // The writer's snapshot is older than the columns, the rewriter's older than the second row.
    assert_eq!(land(&mut writer, 1, 0).await, Outcome::Landed);
    assert_eq!(rewrite(&mut rewriter, group).await, Rewritten::Done { rows: 1 });
    assert_eq!(land(&mut writer, 2, 0).await, Outcome::Landed);
    assert_eq!(rows(&lake).await, [(0, Some(0)), (1, None), (2, None)]);
    rewriter.refresh().await.expect("refreshes");
    let group = groups(&rewriter).await.remove(0);
    assert_eq!(group.files(), 2, "only what lacks the value");
    assert_eq!(rewrite(&mut rewriter, group).await, Rewritten::Done { rows: 2 });
    assert_eq!(rows(&lake).await, [(0, Some(0)), (1, Some(2)), (2, Some(4))]);
    let positions = writer.reload([APP.to_owned()]).await.expect("reloads");
    assert_eq!(positions[APP], Some(3));
}

#[tokio::test]
async fn of_two_rewriters_one_gives_way() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    land(&mut writer, 0, 0).await;
    let mut first = rewriter(&lake).await;
    first.add_columns(&columns()).await.expect("adds them");
    let mut second = rewriter(&lake).await;
    second.add_columns(&columns()).await.expect("has them");
    let (one, other) = (groups(&first).await.remove(0), groups(&second).await.remove(0));
    assert_eq!(rewrite(&mut first, one).await, Rewritten::Done { rows: 1 });
    assert!(matches!(rewrite(&mut second, other).await, Rewritten::Gone { .. }));
    assert!(groups(&second).await.is_empty());
    assert_eq!(rows(&lake).await, [(0, Some(0))]);
}

#[tokio::test]
async fn what_landed_later_is_left_for_later() {
    let (_dir, lake) = lake();
    land(&mut writer(&lake).await, 0, 0).await;
    let rewriter = rewriter(&lake).await;
    let before = Scope { landed_by: Timestamp(1_700_000_000_000_000), ..scope() };
    assert!(rewriter.groups(&before).await.expect("lists").is_empty());
}

/// delta-rs itself would let both commits through, and every row would be there twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_meanwhile_doubles_nothing() {
    let (_dir, lake) = lake();
    let mut writer = writer(&lake).await;
    land(&mut writer, 0, 0).await;
    land(&mut writer, 1, 0).await;
    let mut rewriter = rewriter(&lake).await;
    rewriter.add_columns(&columns()).await.expect("adds them");
    let group = groups(&rewriter).await.remove(0);
    let compact = async || {
        let table = lake.open(landed().table).await.expect("opens").expect("is there");
        table.optimize().await.expect("compacts").1
    };
    // While the rows are read, and before they are.
    let compacted = std::sync::Mutex::new(false);
    let runtime = tokio::runtime::Handle::current();
    let outcome = rewriter
        .rewrite(group, &columns(), |batch| {
            if !std::mem::replace(&mut *compacted.lock().expect("one thread"), true) {
                std::thread::scope(|scope| {
                    let merged = scope.spawn(|| runtime.block_on(compact())).join().expect("compacts");
                    assert_eq!((merged.num_files_removed, merged.num_files_added), (2, 1));
                });
            }
            twice(batch)
        })
        .await
        .expect("comes to an outcome");
    assert!(matches!(outcome, Rewritten::Gone { .. }), "{outcome:?}");
    assert_eq!(rows(&lake).await, [(0, None), (1, None)]);
    let group = groups(&rewriter).await.remove(0);
    land(&mut writer, 2, 0).await;
    compact().await;
    assert!(matches!(rewrite(&mut rewriter, group).await, Rewritten::Gone { .. }));
    let group = groups(&rewriter).await.remove(0);
    assert_eq!(rewrite(&mut rewriter, group).await, Rewritten::Done { rows: 3 });
    assert_eq!(rows(&lake).await, [(0, Some(0)), (1, Some(2)), (2, Some(4))]);
}

#[tokio::test]
async fn a_column_of_another_type_is_refused() {
    let (_dir, lake) = lake();
    land(&mut writer(&lake).await, 0, 0).await;
    let mut rewriter = rewriter(&lake).await;
    let refused = rewriter.add_columns(&[Field::new("asked", DataType::Int64, true)]).await;
    assert!(refused.expect_err("another type").to_string().contains("asked"));
}
