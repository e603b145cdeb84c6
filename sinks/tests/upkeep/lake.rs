//! A lake with one table of comments, and a writer that lands in it.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tidelake_schemas::topics::{COMMENT_OBSERVED, LANDED, Landed};
use tidelake_schemas::{CommentObservation, Timestamp, arrow_schema, codec};
use tidelake_sinks::lake::upkeep::{Compactor, Repacked, UpkeepOptions};
use tidelake_sinks::lake::{
    CommitRecord, Counts, Lake, Outcome, PartitionRange, Position, TableWriter, WriterOptions, ledger,
};
use tidelake_sinks::query::{Engine, QueryOptions};

pub(crate) const APP: &str = "tl/test/0";
pub(crate) const DAY: i64 = 86_400_000_000;
/// 2023-11-14T22:13:20Z
pub(crate) const FIRST: Timestamp = Timestamp(1_700_000_000_000_000);
/// Long after every date of the tests is complete.
pub(crate) const LATER: Timestamp = Timestamp(1_800_000_000_000_000);

pub(crate) fn landed() -> Landed {
    LANDED.into_iter().find(|landed| landed.topic == COMMENT_OBSERVED).expect("is landed")
}

pub(crate) const TABLE: &str = "comments";

pub(crate) struct TestLake {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) lake: Lake,
}

pub(crate) fn lake() -> TestLake {
    let dir = tempfile::tempdir().expect("temp dir");
    let lake = Lake::at(dir.path().to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    TestLake { dir, lake }
}

/// Small files and groups of rows, so that little data has many of them.
pub(crate) fn files() -> WriterOptions {
    WriterOptions { row_group_rows: 500, target_file_bytes: 40_000, ..WriterOptions::default() }
}

pub(crate) fn options() -> UpkeepOptions {
    let order = BTreeMap::from([(TABLE.to_owned(), vec!["video_id".to_owned()])]);
    UpkeepOptions { files: files(), min_files: 2, order, ..UpkeepOptions::default() }
}

/// Pseudo-random and the same each time.
pub(crate) fn scramble(n: i64) -> i64 {
    let mixed = n.cast_unsigned().wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).cast_signed().rem_euclid(1 << 40)
}

/// Comments of ids, of a day; some have no text, and some no video.
pub(crate) fn batch(ids: std::ops::Range<i64>, day: i64) -> RecordBatch {
    let mut decoder = arrow_schema::decoder(landed().schema, 100_000).expect("a decoder");
    for id in ids {
        let comment = CommentObservation {
            event_id: format!("event-{id}"),
            platform: "tiktok".into(),
            comment_id: id,
            video_id: (id % 11 != 5).then(|| scramble(id / 3)),
            observed_at: Timestamp(FIRST.0 + day * DAY + id),
            text: (id % 3 != 0).then(|| format!("comment {id} \u{1f600} {}", scramble(id))),
            likes: (id % 4 != 0).then_some(id % 100),
            ..CommentObservation::default()
        };
        decoder.decode(&codec::encode(&comment).expect("encodes")).expect("decodes");
    }
    decoder.flush().expect("flushes").expect("rows")
}

/// A writer, and how far it is.
pub(crate) struct Lander {
    pub(crate) writer: TableWriter,
    pub(crate) next: i64,
}

impl Lander {
    pub(crate) async fn start(lake: &Lake) -> Self {
        let mut writer = TableWriter::open(lake, landed(), &files()).await.expect("opens");
        let stored = writer.reload([APP.to_owned()]).await.expect("reloads");
        Self { writer, next: stored[APP].unwrap_or(0) }
    }

    /// Buffers `rows` comments of a day.
    pub(crate) async fn append(&mut self, rows: i64, day: i64) {
        let ids = self.next..self.next + rows;
        let positions: Vec<_> = ids.clone().map(|offset| Position { partition: 0, offset }).collect();
        self.writer.append(&batch(ids, day), &positions, LATER).await.expect("appends");
    }

    pub(crate) async fn commit(&mut self, rows: i64) -> Outcome {
        let (from, to) = (self.next, self.next + rows);
        let counts = Counts { rows, ..Counts::default() };
        let record = CommitRecord {
            operation: uuid::Uuid::now_v7().to_string(),
            topic: "test".into(),
            partitions: BTreeMap::from([(0, PartitionRange { from, to, counts })]),
        };
        let before = BTreeMap::from([(APP.to_owned(), (from > 0).then_some(from))]);
        let outcome = self.writer.commit(&before, &BTreeMap::from([(APP.to_owned(), to)]), &record).await;
        let outcome = outcome.expect("comes to an outcome");
        if outcome == Outcome::Landed {
            self.next = to;
        }
        outcome
    }

    /// Lands `rows` comments of each of some days, by one commit.
    pub(crate) async fn land_days(&mut self, rows: i64, days: i64) {
        let first = self.next;
        for day in 0..days {
            self.next = first + day * rows;
            self.append(rows, day).await;
        }
        self.next = first;
        assert_eq!(self.commit(rows * days).await, Outcome::Landed);
    }

    pub(crate) async fn land(&mut self, rows: i64, day: i64) {
        self.append(rows, day).await;
        assert_eq!(self.commit(rows).await, Outcome::Landed);
    }
}

pub(crate) async fn engine(lake: &Lake) -> Engine {
    Engine::over(lake.clone(), QueryOptions::default()).await.expect("opens")
}

/// Every row, as text, sorted.
pub(crate) async fn rows(lake: &Lake) -> Vec<String> {
    rows_of(&engine(lake).await).await
}

pub(crate) async fn rows_of(engine: &Engine) -> Vec<String> {
    let query = "SELECT comment_id, video_id, observed_at, text, likes, event_id, kafka_offset FROM comments";
    let mut all = Vec::new();
    for batch in engine.collect(query).await.expect("answers") {
        let texts =
            [3, 5].map(|i| arrow::compute::cast(batch.column(i), &arrow::datatypes::DataType::Utf8).expect("is text"));
        let at = arrow::compute::cast(batch.column(2), &arrow::datatypes::DataType::Int64).expect("a number");
        for row in 0..batch.num_rows() {
            let number = |i: usize| {
                let column = batch.column(i);
                (!column.is_null(row)).then(|| column.as_primitive::<Int64Type>().value(row))
            };
            let text = |i: usize| {
                let column = &texts[i];
                (!arrow::array::Array::is_null(column, row)).then(|| column.as_string::<i32>().value(row).to_owned())
            };
            let at = at.as_primitive::<Int64Type>().value(row);
            all.push(format!(
                "{:?} {:?} {at} {:?} {:?} {:?} {:?}",
                number(0),
                number(1),
                text(0),
                number(4),
                text(1),
                number(6)
            ));
        }
    }
    all.sort();
    all
}

/// What `rows` gives when the comments are each there once.
pub(crate) fn expected(parts: &[(i64, i64)]) -> Vec<String> {
    let mut all = Vec::new();
    let mut next = 0;
    for (rows, day) in parts {
        for id in next..next + rows {
            let video = (id % 11 != 5).then(|| scramble(id / 3));
            let text = (id % 3 != 0).then(|| format!("comment {id} \u{1f600} {}", scramble(id)));
            let likes = (id % 4 != 0).then_some(id % 100);
            let at = FIRST.0 + day * DAY + id;
            all.push(format!(
                "{:?} {video:?} {at} {text:?} {likes:?} {:?} {:?}",
                Some(id),
                Some(format!("event-{id}")),
                Some(id)
            ));
        }
        next += rows;
    }
    all.sort();
    all
}

/// Compacts until nothing is left; gives how often files were replaced.
pub(crate) async fn compact(lake: &Lake, options: &UpkeepOptions) -> usize {
    let mut compactor = Compactor::open(lake, TABLE, options.clone()).await.expect("opens").expect("is there");
    let mut done = 0;
    loop {
        let groups = compactor.small(LATER).expect("lists");
        let Some(group) = groups.first() else { return done };
        if let Repacked::Done { .. } = compactor.repack(group).await.expect("comes to an outcome") {
            done += 1;
        }
        compactor.refresh().await.expect("refreshes");
    }
}

/// The table's ledger adds up to so many rows in the table, from its first version on, and its ranges join.
pub(crate) async fn balances(lake: &Lake, rows: i64) {
    let history = ledger::history(lake, TABLE).await.expect("reads");
    assert_eq!(history.complete_from, 0);
    let mut next = 0;
    for entry in history.entries.iter().rev() {
        if let Some(range) = entry.landed.as_ref().and_then(|record| record.partitions.get(&0)) {
            assert_eq!(range.from, next, "version {}", entry.version);
            next = range.to;
        }
    }
    let removed: i64 = history.entries.iter().filter_map(|entry| entry.removed.as_ref()).map(|r| r.rows).sum();
    assert_eq!(next - removed, rows);
}

/// Files below the table whose names end so.
pub(crate) fn listed(lake: &TestLake, ending: &str) -> Vec<std::path::PathBuf> {
    fn walk(dir: &std::path::Path, ending: &str, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
            if entry.path().is_dir() {
                walk(&entry.path(), ending, found);
            } else if entry.file_name().to_string_lossy().ends_with(ending) {
                found.push(entry.path());
            }
        }
    }
    let mut found = Vec::new();
    walk(&lake.dir.path().join(TABLE), ending, &mut found);
    found.sort();
    found
}

/// The data files there are, whether a version has them or not.
pub(crate) fn data_files(lake: &TestLake) -> usize {
    listed(lake, ".parquet").iter().filter(|path| !path.to_string_lossy().contains("_delta_log")).count()
}

/// An instant by which everything on disk is older than `age`.
pub(crate) fn after(age: Duration) -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from((now + age).as_micros()).expect("fits") + 1_000_000)
}
