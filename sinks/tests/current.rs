//! The tables of newest observations: whatever happened to the observations, the view is what the whole history says.

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use deltalake::DeltaTable;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, DataType, MetadataExt, Remove, StructField};
use deltalake::protocol::DeltaOperation;
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use futures::{FutureExt, StreamExt};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use tidelake_schemas::topics::{LANDED, Landed};
use tidelake_schemas::{Timestamp, arrow_schema};
use tidelake_sinks::lake::current::{Act, Current, RefreshOptions, Refreshed, refresh, refresh_all};
use tidelake_sinks::lake::replace::{Replaced, Replacement, active, replace, rows};
use tidelake_sinks::lake::{CommitRecord, Counts, Lake, Outcome, PartitionRange, Position, TableWriter, WriterOptions};
use tidelake_sinks::query::{Engine, QueryOptions, views};

const APP: &str = "tl/test/";
const DAY: i64 = 86_400_000_000;
const START: i64 = 1_700_006_400_000_000;

/// A lake, and where its log stands.
struct House {
    _dir: tempfile::TempDir,
    lake: Lake,
    which: Current,
    offsets: [AtomicI64; 2],
}

/// An observation: which key, at which quarter day, which count.
type Seen = (u8, u8, i64);

#[derive(Clone, Debug)]
enum Op {
    Land {
        partition: usize,
        seen: Vec<Seen>,
    },
    Refresh {
        share: f64,
    },
    /// One that is killed after so many steps.
    Killed {
        steps: usize,
    },
    /// Two at once.
    Race,
    Compact,
    /// New values in the rows of a date.
    Rewrite {
        day: u8,
    },
    /// The rows of a key go.
    Erase {
        key: u8,
    },
    AddColumn,
    /// The table's own files are put together.
    Tidy,
}

fn options(share: f64) -> RefreshOptions {
    RefreshOptions { share, ..RefreshOptions::default() }
}

fn instant(at: i64) -> String {
    let days = at.div_euclid(DAY) - START.div_euclid(DAY);
    let hours = at.rem_euclid(DAY) / (DAY / 24);
    format!("2023-11-{:02}T{hours:02}:00:00Z", 15 + days)
}

impl House {
    fn new(which: Current) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let lake = Lake::at(dir.path().to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
        Self { _dir: dir, lake, which, offsets: [AtomicI64::new(0), AtomicI64::new(0)] }
    }

    fn landed(&self) -> Landed {
        LANDED.into_iter().find(|landed| landed.table == self.which.source()).expect("is landed")
    }

    fn row(&self, (key, quarter, count): Seen) -> Value {
        let at = instant(START + i64::from(quarter) * DAY / 4);
        let provenance =
            json!({"connector": "c", "route": "r", "task": "t", "cycle": 1, "fetched_at": at, "zone": "research"});
        let event_id = uuid::Uuid::new_v4().to_string();
        match self.which {
            Current::Videos | Current::Ages => json!({
                "event_id": event_id, "platform": if key.is_multiple_of(5) { "youtube" } else { "tiktok" },
                "video_id": key / 2, "observed_at": at, "provenance": provenance, "created_at": instant(START - DAY / 8),
                "created_at_derived": false,
                "author": {"handle": "ann"}, "caption": format!("#{count}"), "caption_entities": [],
                "source_hashtags": [{"name": "a"}], "sound": {}, "stats": {"views": count}, "counts_rounded": false,
                "findings": {"prices": [], "calls_to_action": [], "offers": [], "products": [], "hashtag_words": [],
                             "keywords": [], "tags": [], "categories": [], "hashtags": [], "mentions": [],
                             "cashtags": [], "urls": [], "emojis": [], "language": {"code": "und", "confidence": 0.0}},
                "stages": [],
            }),
            Current::Creators => json!({
                "event_id": event_id, "platform": "tiktok", "observed_at": at, "provenance": provenance,
                "handle": if key.is_multiple_of(2) { format!("Ann{}", key / 2) } else { format!("aNN{}", key / 2) },
                "stats": {"followers": count}, "counts_rounded": false,
            }),
        }
    }

    async fn land(&self, partition: usize, seen: &[Seen]) {
        let landed = self.landed();
        let schema = arrow_schema::arrow_schema(landed.schema).expect("derives");
        let mut decoder = arrow::json::ReaderBuilder::new(schema).build_decoder().expect("a decoder");
        let rows: Vec<_> = seen.iter().map(|seen| self.row(*seen)).collect();
        decoder.serialize(&rows).expect("fits the schema");
        let batch = decoder.flush().expect("fits the schema").expect("has rows");
        let count = i64::try_from(seen.len()).expect("small");
        let from = self.offsets[partition].fetch_add(count, Ordering::Relaxed);
        let place = i32::try_from(partition).expect("small");
        let positions: Vec<_> = (from..from + count).map(|offset| Position { partition: place, offset }).collect();
        let mut writer = TableWriter::open(&self.lake, landed, &WriterOptions::default()).await.expect("opens");
        writer.append(&batch, &positions, Timestamp(START)).await.expect("appends");
        let counts = Counts { rows: count, ..Counts::default() };
        let record = CommitRecord {
            operation: uuid::Uuid::now_v7().to_string(),
            topic: landed.topic.to_owned(),
            partitions: BTreeMap::from([(place, PartitionRange { from, to: from + count, counts })]),
        };
        let app = format!("{APP}{partition}");
        let before = BTreeMap::from([(app.clone(), (from > 0).then_some(from))]);
        let after = BTreeMap::from([(app, from + count)]);
        assert_eq!(writer.commit(&before, &after, &record).await.expect("comes to an outcome"), Outcome::Landed);
    }

    async fn open(&self, name: &str) -> Option<DeltaTable> {
        self.lake.open(name).await.expect("opens")
    }

    /// Replaces the files of a table whose path holds `part` by what `change` makes of their rows.
    async fn replace(&self, name: &str, part: &str, data_change: bool, change: impl Fn(RecordBatch) -> RecordBatch) {
        let Some(mut table) = self.open(name).await else { return };
        let files: Vec<Remove> = {
            let log = table.snapshot().expect("a snapshot").snapshot().try_log_data().expect("reads");
            log.iter().filter(|file| file.path().contains(part)).map(|file| file.remove_action(data_change)).collect()
        };
        if files.is_empty() {
            return;
        }
        let old = active(&table, name, &files, data_change).expect("reads").expect("they are there");
        let mut writer = RecordBatchWriter::for_table(&table).expect("a writer");
        let schema = writer.arrow_schema();
        let mut batches = rows(&table, name, &old).await.expect("reads");
        while let Some(batch) = batches.next().await {
            let batch = change(batch.expect("reads"));
            let columns = schema.fields().iter().map(|field| {
                arrow::compute::cast(batch.column_by_name(field.name()).expect("has it"), field.data_type())
                    .expect("fits")
            });
            let batch = RecordBatch::try_new(schema.clone(), columns.collect()).expect("fits");
            if batch.num_rows() > 0 {
                writer.write(batch).await.expect("writes");
            }
        }
        let mut new = writer.flush().await.expect("writes");
        new.iter_mut().for_each(|file| file.data_change = data_change);
        let operation = DeltaOperation::Update { predicate: None };
        let replacement = Replacement { old: &old, new: &new, operation, metadata: Vec::new() };
        assert_eq!(replace(&mut table, name, &replacement).await.expect("comes to an outcome"), Replaced::Done);
    }

    async fn refresh(&self, share: f64) -> Option<Refreshed> {
        refresh(&self.lake, self.which, &options(share)).await.expect("refreshes")
    }

    async fn run(&self, op: &Op) {
        let source = self.which.source();
        match op {
            Op::Land { partition, seen } => self.land(*partition, seen).await,
            Op::Refresh { share } => {
                self.refresh(*share).await;
            }
            Op::Killed { steps } => killed(refresh(&self.lake, self.which, &options(0.0)), *steps).await,
            Op::Race => {
                let (a, b) = tokio::join!(self.refresh(0.0), self.refresh(0.0));
                assert_eq!(a.is_some(), b.is_some());
            }
            Op::Compact => self.replace(source, "", false, |batch| batch).await,
            Op::Rewrite { day } => {
                let date = format!("observed_date=2023-11-{:02}", 15 + day);
                self.replace(source, &date, true, rounded).await;
            }
            Op::Erase { key } => {
                let row = self.row((*key, 0, 0));
                let (column, value) = match self.which {
                    Current::Videos | Current::Ages => ("video_id", row["video_id"].to_string()),
                    Current::Creators => ("handle", row["handle"].as_str().expect("text").to_owned()),
                };
                self.replace(source, "", true, |batch| without(&batch, column, &value)).await;
            }
            Op::AddColumn => {
                let Some(table) = self.open(source).await else { return };
                let name = format!("extra{}", table.version().expect("has one"));
                let field = StructField::nullable(name, DataType::LONG);
                table.add_columns().with_fields([field]).await.expect("adds it");
            }
            Op::Tidy => self.replace(self.which.table(), "", false, |batch| batch).await,
        }
    }

    /// The view, and what the whole history says.
    async fn both(&self) -> (String, String) {
        let options = QueryOptions { memory_bytes: 64 << 20, target_partitions: Some(2), ..QueryOptions::default() };
        let engine = Engine::over(self.lake.clone(), options).await.expect("opens");
        let (view, definition, key) = match self.which {
            Current::Videos => ("newest_videos", views::NEWEST_VIDEOS, "platform, video_id"),
            Current::Creators => ("newest_creators", views::NEWEST_CREATORS, "lower(handle)"),
            Current::Ages => ("newest_at_ages", at_ages(), "platform, video_id, hours"),
        };
        let served = engine.collect(&format!("SELECT * FROM {view} ORDER BY {key}")).await.expect("answers");
        let defined = engine.collect(&format!("SELECT * FROM ({definition}) ORDER BY {key}")).await.expect("answers");
        let text = |batches: &[RecordBatch]| pretty_format_batches(batches).expect("prints").to_string();
        (text(&served), text(&defined))
    }

    async fn check(&self, what: &str) {
        let (served, defined) = self.both().await;
        assert_eq!(served, defined, "{what}");
    }

    /// What the table itself holds, without what has landed since.
    async fn kept(&self) -> String {
        let Some(table) = self.open(self.which.table()).await else { return String::new() };
        let session = datafusion::prelude::SessionContext::new();
        table.update_datafusion_session(&session.state()).expect("reads");
        session.register_table("kept", table.table_provider().await.expect("reads")).expect("registers");
        let frame = session.sql("SELECT * FROM kept ORDER BY event_id").await.expect("plans");
        pretty_format_batches(&frame.collect().await.expect("reads")).expect("prints").to_string()
    }
}

/// Drops a future after so many polls: what a kill at that instruction leaves behind.
async fn killed(future: impl Future, steps: usize) {
    let mut future = std::pin::pin!(future);
    for _ in 0..steps {
        if (&mut future).now_or_never().is_some() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Other values in the same rows.
fn rounded(batch: RecordBatch) -> RecordBatch {
    let at = batch.schema().index_of("counts_rounded").expect("has it");
    let mut columns = batch.columns().to_vec();
    columns[at] = std::sync::Arc::new(arrow::array::BooleanArray::from(vec![true; batch.num_rows()]));
    RecordBatch::try_new(batch.schema(), columns).expect("fits")
}

fn without(batch: &RecordBatch, column: &str, value: &str) -> RecordBatch {
    let texts = arrow::compute::cast(batch.column_by_name(column).expect("has it"), &arrow::datatypes::DataType::Utf8);
    let texts = texts.expect("fits");
    let texts = arrow::array::AsArray::as_string::<i32>(&texts);
    let stay: arrow::array::BooleanArray = texts.iter().map(|text| Some(text != Some(value))).collect();
    arrow::compute::filter_record_batch(batch, &stay).expect("filters")
}

fn seen() -> impl Strategy<Value = Vec<Seen>> {
    proptest::collection::vec((0..12_u8, 0..16_u8, 0..1000_i64), 1..6)
}

fn op() -> impl Strategy<Value = Op> {
    let share = prop_oneof![Just(0.0), Just(0.0), Just(0.5), Just(1e9)];
    prop_oneof![
        6 => (0..2_usize, seen()).prop_map(|(partition, seen)| Op::Land { partition, seen }),
        4 => share.prop_map(|share| Op::Refresh { share }),
        1 => (0..400_usize).prop_map(|steps| Op::Killed { steps }),
        1 => Just(Op::Race),
        2 => Just(Op::Compact),
        1 => (0..4_u8).prop_map(|day| Op::Rewrite { day }),
        1 => (0..12_u8).prop_map(|key| Op::Erase { key }),
        1 => Just(Op::AddColumn),
        1 => Just(Op::Tidy),
    ]
}

fn holds(which: Current, ops: &[Op]) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let house = House::new(which);
        for (at, op) in ops.iter().enumerate() {
            house.run(op).await;
            house.check(&format!("after {op:?}, number {at}")).await;
        }
        // Nothing that happened keeps the table from catching up, and then it is the view.
        house.refresh(0.0).await;
        let again = house.refresh(0.0).await;
        assert!(again.is_none_or(|again| again.act == Act::UpToDate), "it is up to date");
        house.check("in the end").await;
    });
}

/// The view's own definition.
fn at_ages() -> &'static str {
    views::VIEWS.iter().find(|view| view.name == "newest_at_ages").expect("is a view").sql
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn videos_are_what_history_says(ops in proptest::collection::vec(op(), 1..14)) {
        holds(Current::Videos, &ops);
    }

    #[test]
    fn counts_at_ages_are_what_history_says(ops in proptest::collection::vec(op(), 1..14)) {
        holds(Current::Ages, &ops);
    }

    #[test]
    fn creators_are_what_history_says(ops in proptest::collection::vec(op(), 1..10)) {
        holds(Current::Creators, &ops);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_lake_has_nothing_to_keep() {
    let house = House::new(Current::Videos);
    assert_eq!(refresh_all(&house.lake, &RefreshOptions::default()).await.expect("refreshes"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_landed_is_merged_when_it_is_worth_it() {
    let house = House::new(Current::Videos);
    house.land(0, &[(1, 0, 10), (2, 0, 20), (4, 1, 30), (6, 1, 40)]).await;
    let first = house.refresh(0.5).await.expect("there are observations");
    assert_eq!((first.act, first.gained, first.written), (Act::Rebuilt, 4, 4));
    assert_eq!(house.refresh(0.5).await.expect("there").act, Act::UpToDate);
    house.land(0, &[(2, 3, 21)]).await;
    assert_eq!(house.refresh(0.5).await.expect("there").act, Act::Deferred);
    house.check("one row is not merged").await;
    house.land(1, &[(2, 2, 19)]).await;
    let merged = house.refresh(0.5).await.expect("there");
    assert_eq!((merged.act, merged.gained, merged.written), (Act::Merged, 2, 4));
    house.check("merged").await;
    // A compaction of everything brings nothing new.
    house.run(&Op::Compact).await;
    assert_eq!(house.refresh(0.0).await.expect("there").act, Act::UpToDate);
    // New rows that were put together with old ones are told from them.
    house.land(0, &[(2, 4, 22)]).await;
    house.run(&Op::Compact).await;
    house.check("new among old").await;
    assert_eq!(house.refresh(0.0).await.expect("there").act, Act::Merged);
    house.check("new among old, merged").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_is_in_no_row_and_no_count() {
    let house = House::new(Current::Videos);
    house.land(0, &[(2, 0, 10), (4, 0, 20), (4, 1, 21)]).await;
    house.refresh(0.0).await;
    house.run(&Op::Erase { key: 4 }).await;
    house.check("before the refresh").await;
    assert_eq!(house.refresh(1e9).await.expect("there").act, Act::Rebuilt, "not put off");
    assert!(!house.kept().await.contains("#21"));
    house.check("after it").await;
}

/// A refresh that is killed leaves the table as it was or brought up to date, at whichever instruction it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_refresh_loses_and_doubles_nothing() {
    let house = House::new(Current::Videos);
    house.land(0, &[(2, 0, 10), (4, 0, 20)]).await;
    house.refresh(0.0).await;
    let before = house.kept().await;
    house.land(0, &[(4, 2, 21), (6, 2, 30)]).await;
    let mut steps = 1;
    while house.kept().await == before {
        killed(refresh(&house.lake, house.which, &options(0.0)), steps).await;
        house.check(&format!("killed after {steps} steps")).await;
        steps += 1 + steps / 4;
    }
    assert_eq!(house.refresh(0.0).await.expect("there").act, Act::UpToDate);
    assert!(steps > 4, "it was killed before it was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_refreshes_one_gives_way() {
    let house = House::new(Current::Videos);
    house.land(0, &[(2, 0, 10), (4, 0, 20)]).await;
    let (a, b) = tokio::join!(house.refresh(0.0), house.refresh(0.0));
    let mut acts = [a.expect("there").act, b.expect("there").act];
    acts.sort_by_key(|act| *act != Act::Rebuilt);
    assert!(matches!(acts, [Act::Rebuilt, Act::GaveWay | Act::UpToDate]), "{acts:?}");
    house.check("one of them").await;
}

/// Upkeep gives columns wider types: files and metadata in one commit.
#[tokio::test(flavor = "multi_thread")]
async fn wider_types_are_taken_over() {
    let house = House::new(Current::Videos);
    house.land(0, &[(2, 0, 10)]).await;
    let narrow = StructField::nullable("extra", DataType::INTEGER);
    let source = house.open(house.which.source()).await.expect("there");
    source.add_columns().with_fields([narrow]).await.expect("adds it");
    house.refresh(0.0).await;
    let source = house.open(house.which.source()).await.expect("there");
    let snapshot = source.snapshot().expect("a snapshot");
    let fields = snapshot.metadata().parse_schema().expect("parses");
    let wide = fields.fields().map(|field| match field.name().as_str() {
        "extra" => StructField::nullable("extra", DataType::LONG),
        _ => field.clone(),
    });
    let wide = deltalake::kernel::StructType::try_new(wide).expect("a schema");
    let metadata = snapshot.metadata().clone().with_schema(&wide).expect("a schema");
    CommitBuilder::from(CommitProperties::default())
        .with_actions(vec![Action::Metadata(metadata)])
        .build(Some(snapshot), source.log_store(), DeltaOperation::Update { predicate: None })
        .await
        .expect("commits");
    house.check("before the refresh").await;
    assert_eq!(house.refresh(1e9).await.expect("there").act, Act::Rebuilt);
    house.check("after it").await;
    assert_eq!(house.refresh(0.0).await.expect("there").act, Act::UpToDate);
}

/// The observations were restored from a copy and went on otherwise: the same version is another one.
#[tokio::test(flavor = "multi_thread")]
async fn another_table_of_that_name_is_told_from_it() {
    let house = House::new(Current::Videos);
    house.land(0, &[(2, 0, 10)]).await;
    house.land(0, &[(4, 0, 20)]).await;
    house.refresh(0.0).await;
    let log =
        house.lake.table_url(house.which.source()).expect("a URL").to_file_path().expect("a path").join("_delta_log");
    std::fs::remove_file(log.join(format!("{:020}.json", 2))).expect("removes");
    house.land(1, &[(6, 0, 30)]).await;
    house.land(1, &[(8, 0, 40)]).await;
    house.check("before the refresh").await;
    assert_eq!(house.refresh(1e9).await.expect("there").act, Act::Rebuilt);
    house.check("after it").await;
}
