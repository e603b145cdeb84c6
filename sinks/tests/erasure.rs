//! Somebody is taken out of the lake: out of rows, older versions, the log's statistics, and what lands meanwhile.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use deltalake::DeltaTableBuilder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use tidelake_schemas::codec::{self, Record};
use tidelake_schemas::topics::{LANDED, Landed};
use tidelake_schemas::{
    AuthorRef, CommentObservation, CoverageEntry, CreatorObservation, DeadLetter, Enrichment, Provenance, Timestamp,
    VideoObservation, arrow_schema,
};
use tidelake_sinks::lake::erasure::{self, Purged};
use tidelake_sinks::lake::{
    CommitRecord, Counts, Lake, Outcome, PartitionRange, Position, TableWriter, WriterOptions, ledger,
};
use tidelake_sinks::privacy::{PrivacyKey, PseudonymKey, Subject, Suppressions, access, gone};
use tidelake_sinks::query::{Engine, QueryOptions};

const MIA: &str = "mia.cooks.9917";
const MIA_ID: i64 = 6_800_111_222_333_444_555;
const MIA_NAME: &str = "Mia Quillfeather";
const BEN: &str = "ben_bakes_4471";
const BEN_ID: i64 = 6_900_999_888_777_666_111;
const DAY: i64 = 86_400_000_000;
const START: i64 = 1_700_000_000_000_000;
/// Long after every file was written.
const LATER: Timestamp = Timestamp(4_000_000_000_000_000);

fn lake() -> (tempfile::TempDir, Lake) {
    let dir = tempfile::tempdir().expect("temp dir");
    let lake = Lake::at(dir.path().to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    (dir, lake)
}

fn landed(table: &str) -> Landed {
    LANDED.into_iter().find(|l| l.table == table).expect("is landed")
}

fn key() -> PrivacyKey {
    PrivacyKey::new(&[9; 32])
}

fn mia() -> Suppressions {
    Suppressions::of(key(), "tiktok", [MIA, &MIA_ID.to_string()])
}

/// Lands messages of one table, one commit each time, as the role does.
struct Lander {
    writer: TableWriter,
    landed: Landed,
    next: i64,
}

impl Lander {
    async fn open(lake: &Lake, table: &str) -> Self {
        let landed = landed(table);
        let mut writer = TableWriter::open(lake, landed, &WriterOptions::default()).await.expect("opens");
        let stored = writer.reload([Self::app(&landed)]).await.expect("reloads");
        let next = stored.into_values().next().flatten().unwrap_or(0);
        Self { writer, landed, next }
    }

    fn app(landed: &Landed) -> String {
        format!("tl/{}/0", landed.topic)
    }

    async fn buffer(&mut self, messages: &[Vec<u8>]) {
        let mut decoder = arrow_schema::decoder(self.landed.schema, 1000).expect("decoder");
        for message in messages {
            assert_eq!(decoder.decode(message).expect("decodes"), message.len());
        }
        let batch = decoder.flush().expect("flushes").expect("rows");
        let positions: Vec<Position> =
            (0..messages.len()).map(|i| Position { partition: 0, offset: self.next + i as i64 }).collect();
        self.writer.append(&batch, &positions, Timestamp(START)).await.expect("appends");
    }

    async fn commit(&mut self, messages: i64) -> Outcome {
        let app = Self::app(&self.landed);
        let (from, to) = (self.next, self.next + messages);
        let counts = Counts { rows: messages, ..Counts::default() };
        let record = CommitRecord {
            operation: uuid::Uuid::now_v7().to_string(),
            topic: self.landed.topic.to_owned(),
            partitions: BTreeMap::from([(0, PartitionRange { from, to, counts })]),
        };
        let before = BTreeMap::from([(app.clone(), (from > 0).then_some(from))]);
        let outcome = self.writer.commit(&before, &BTreeMap::from([(app, to)]), &record).await.expect("an outcome");
        self.next = to;
        outcome
    }

    async fn land(&mut self, messages: &[Vec<u8>]) {
        self.buffer(messages).await;
        assert_eq!(self.commit(messages.len() as i64).await, Outcome::Landed);
    }
}

fn encoded<R: Record>(record: &R) -> Vec<u8> {
    codec::encode(record).expect("encodes")
}

fn provenance(task: &str) -> Provenance {
    Provenance { connector: "research-api".into(), task: task.into(), zone: "research".into(), ..Provenance::default() }
}

fn author(handle: Option<&str>, id: Option<i64>, nickname: &str) -> AuthorRef {
    AuthorRef { handle: handle.map(str::to_owned), id, nickname: Some(nickname.into()), ..AuthorRef::default() }
}

fn video(id: i64, day: i64, author: AuthorRef, caption: &str) -> Vec<u8> {
    let observed = VideoObservation {
        event_id: format!("v{id}-{day}"),
        platform: "tiktok".into(),
        video_id: id,
        observed_at: Timestamp(START + day * DAY),
        provenance: provenance("search"),
        created_at: Some(Timestamp(START)),
        author,
        caption: Some(caption.into()),
        ..VideoObservation::default()
    };
    codec::append_enrichment(&encoded(&observed), &Enrichment::default()).expect("enriches")
}

/// Videos of two creators over some days; of Mia some rows have only her handle, some only her id.
async fn videos(lake: &Lake) -> Lander {
    let mut lander = Lander::open(lake, "video_observations").await;
    for day in 0..3 {
        lander
            .land(&[
                video(7_000_000_000_000_000_001, day, author(Some("Mia.Cooks.9917"), Some(MIA_ID), MIA_NAME), "pie"),
                video(7_000_000_000_000_000_002, day, author(None, Some(MIA_ID), MIA_NAME), "with @ben_bakes_4471"),
                video(
                    7_000_000_000_000_000_003,
                    day,
                    author(Some(BEN), Some(BEN_ID), "Ben"),
                    "thanks @mia.cooks.9917!",
                ),
            ])
            .await;
        lander.land(&[video(7_000_000_000_000_000_004, day, author(Some(BEN), None, "Ben"), "bread")]).await;
    }
    lander
}

async fn others(lake: &Lake) {
    let creator = |handle: &str, id, nickname: &str| CreatorObservation {
        event_id: format!("c{}", id % 1000),
        platform: "tiktok".into(),
        creator_id: Some(id),
        handle: handle.into(),
        nickname: Some(nickname.into()),
        bio: Some(format!("{nickname} here")),
        observed_at: Timestamp(START),
        provenance: provenance("search"),
        ..CreatorObservation::default()
    };
    let mut lander = Lander::open(lake, "creator_observations").await;
    lander.land(&[encoded(&creator(MIA, MIA_ID, MIA_NAME)), encoded(&creator(BEN, BEN_ID, "Ben"))]).await;
    let comment = |id: i64, video: i64, author| CommentObservation {
        event_id: format!("k{id}"),
        platform: "tiktok".into(),
        comment_id: id,
        video_id: Some(video),
        observed_at: Timestamp(START),
        provenance: provenance("comments"),
        text: Some("nice, @mia.cooks.9917".into()),
        author,
        ..CommentObservation::default()
    };
    let mut lander = Lander::open(lake, "comments").await;
    lander
        .land(&[
            encoded(&comment(1, 7_000_000_000_000_000_003, author(None, Some(MIA_ID), MIA_NAME))),
            encoded(&comment(2, 7_000_000_000_000_000_001, author(Some(BEN), None, "Ben"))),
            encoded(&comment(3, 7_000_000_000_000_000_003, author(Some("zoe_x_11"), None, "Zoe"))),
        ])
        .await;
    let entry = |page, asked: &str, task: &str| CoverageEntry {
        event_id: format!("p{page}"),
        platform: "tiktok".into(),
        observed_at: Timestamp(START),
        provenance: provenance(task),
        page,
        asked: asked.into(),
        stop_reason: "exhausted".into(),
        ..CoverageEntry::default()
    };
    let mut lander = Lander::open(lake, "coverage").await;
    lander
        .land(&[
            encoded(&entry(1, "liked of mia.cooks.9917 from 0", "creator/mia.cooks.9917,ben_bakes_4471")),
            encoded(&entry(2, "liked of ben_bakes_4471", "search")),
        ])
        .await;
    let letter = |id: &str, payload: Vec<u8>| DeadLetter {
        event_id: id.into(),
        observed_at: Timestamp(START),
        origin: "land".into(),
        reason: "undecodable".into(),
        payload,
        ..DeadLetter::default()
    };
    let mut lander = Lander::open(lake, "dead_letters").await;
    let observed = VideoObservation {
        platform: "tiktok".into(),
        author: author(None, Some(MIA_ID), MIA_NAME),
        ..VideoObservation::default()
    };
    lander
        .land(&[
            encoded(&letter("d1", encoded(&observed))),
            encoded(&letter("d2", br#"{"username":"mia.cooks.9917"}"#.to_vec())),
            encoded(&letter("d3", br#"{"username":"ben_bakes_4471"}"#.to_vec())),
        ])
        .await;
}

async fn engine(lake: &Lake) -> Engine {
    Engine::over(lake.clone(), QueryOptions::default()).await.expect("opens")
}

async fn integer(lake: &Lake, query: &str) -> i64 {
    engine(lake).await.integers(query).await.expect("answers")[0]
}

async fn erase_everywhere(lake: &Lake, erased: &Suppressions) -> BTreeMap<String, (erasure::Erased, Purged)> {
    erase_at(lake, erased, LATER).await
}

async fn erase_at(lake: &Lake, erased: &Suppressions, now: Timestamp) -> BTreeMap<String, (erasure::Erased, Purged)> {
    let mut done = BTreeMap::new();
    for name in erasure::tables(lake).await.expect("lists") {
        let options = WriterOptions::default();
        let taken =
            erasure::erase(lake, &name, erased, "test", &options, None).await.expect("erases").expect("is there");
        let mut table = lake.open(&name).await.expect("opens").expect("is there");
        let purged = erasure::purge(&mut table, &name, erased, now).await.expect("purges");
        done.insert(name, (taken, purged));
    }
    done
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("lists") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Every value of a column, nested ones too, as text.
fn texts(column: &ArrayRef, found: &mut BTreeSet<String>) {
    match column.data_type() {
        DataType::Struct(_) => column.as_struct().columns().iter().for_each(|inner| texts(inner, found)),
        DataType::List(_) => texts(column.as_list::<i32>().values(), found),
        DataType::Map(..) => texts(&(std::sync::Arc::new(column.as_map().entries().clone()) as ArrayRef), found),
        kind if kind.is_binary() => {
            let bytes = cast(column, &DataType::Binary).expect("casts");
            let bytes = bytes.as_binary::<i32>();
            found.extend(bytes.iter().flatten().map(|b| String::from_utf8_lossy(b).into_owned()));
        }
        _ => {
            if let Ok(text) = cast(column, &DataType::Utf8) {
                found.extend(text.as_string::<i32>().iter().flatten().map(str::to_owned));
            }
        }
    }
}

fn all_texts(batches: &[RecordBatch]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    batches.iter().flat_map(RecordBatch::columns).for_each(|column| texts(column, &mut found));
    found
}

/// What a file of the lake says: its bytes, and of Parquet every value.
fn said_by(path: &Path) -> BTreeSet<String> {
    let bytes = std::fs::read(path).expect("reads");
    let mut said = BTreeSet::from([String::from_utf8_lossy(&bytes).to_lowercase()]);
    if path.extension().is_some_and(|e| e == "parquet") {
        let file = std::fs::File::open(path).expect("opens");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("reads");
        let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("a batch")).collect();
        said.extend(all_texts(&batches).into_iter().map(|text| text.to_lowercase()));
    }
    said
}

/// Nobody else's words mention them in these.
fn assert_gone(dir: &Path, needles: &[&str]) {
    let mut found = Vec::new();
    files(dir, &mut found);
    assert!(found.len() > 10, "{} files are too few to say anything", found.len());
    for file in found {
        for text in said_by(&file) {
            for needle in needles {
                // Others mention her: their words are theirs.
                let without = text.replace(&format!("@{needle}"), "");
                assert!(!without.contains(needle), "{} still holds {needle}: {text:.200}", file.display());
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_left_in_rows_versions_or_the_log() {
    let (dir, lake) = lake();
    let mut lander = videos(&lake).await;
    others(&lake).await;
    // A checkpoint with statistics, and files of an older version.
    for name in erasure::tables(&lake).await.expect("lists") {
        let table = lake.open(&name).await.expect("opens").expect("is there");
        deltalake::checkpoints::create_checkpoint(&table, None).await.expect("a checkpoint");
    }
    let subject = Subject::of_creator(&engine(&lake).await, "tiktok", "@Mia.Cooks.9917").await.expect("resolves");
    assert_eq!((subject.ids.len(), subject.handles.len(), subject.videos.len()), (1, 1, 2), "{subject:?}");
    let by_id = Subject::of_creator(&engine(&lake).await, "tiktok", &MIA_ID.to_string()).await.expect("resolves");
    assert!(by_id == subject, "an id finds the handle");
    let erased = Suppressions::of(key(), "tiktok", subject.names().iter().map(String::as_str));

    let held = access::held(&lake, &erased).await.expect("reads");
    assert_eq!(held["video_observations"].len(), 6);
    assert_eq!((held["comments"].len(), held["dead_letters"].len(), held["creator_observations"].len()), (2, 2, 1));
    assert_eq!(held["video_observations"][0]["provenance"]["task"], "search");

    let (counted, _) = erasure::count(&lake, "video_observations", &erased).await.expect("counts");
    assert_eq!(counted, 6);
    let done = erase_everywhere(&lake, &erased).await;
    assert_eq!(done["video_observations"].0.rows, 6);
    assert_eq!((done["comments"].0.rows, done["dead_letters"].0.rows, done["creator_observations"].0.rows), (2, 2, 1));
    assert_eq!((done["coverage"].0.rows, done["coverage"].0.redacted), (0, 1), "a poll stays in the ledger");
    assert!(done["video_observations"].1.files > 0 && done["video_observations"].1.checkpoints > 0);

    let needles = [MIA, &MIA_ID.to_string(), "7000000000000000001", "7000000000000000002", &MIA_NAME.to_lowercase()];
    assert_gone(dir.path(), &needles);
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 6);
    assert_eq!(integer(&lake, "SELECT count(*) FROM coverage WHERE asked LIKE 'liked of […]%'").await, 1);

    // An older version is not read, rather than read without them.
    let url = lake.table_url("video_observations").expect("a URL");
    let mut old = DeltaTableBuilder::from_url(url).expect("a table").build().expect("builds");
    old.load_version(3).await.expect("its log can be read");
    let session = datafusion::prelude::SessionContext::new();
    old.update_datafusion_session(&session.state()).expect("a session");
    let frame = session.read_table(old.table_provider().await.expect("a provider")).expect("a table");
    assert!(frame.collect().await.is_err(), "its files are gone");

    // The ledger is whole, and says what is missing.
    let removed: i64 = removed(&lake).await;
    let records = ledger::read(&lake, "video_observations", None).await.expect("reads");
    let rows: i64 = records.iter().flat_map(|(_, r)| r.partitions.values()).map(|range| range.counts.rows).sum();
    assert_eq!((rows, removed), (12, 6));

    // Again: nothing to do, and the writer from before goes on.
    for (name, (taken, purged)) in erase_everywhere(&lake, &erased).await {
        assert!(taken.rows == 0 && taken.files == 0 && purged.is_nothing(), "{name}: {taken:?} {purged:?}");
    }
    lander.land(&[video(7_000_000_000_000_000_009, 1, author(Some(BEN), None, "Ben"), "more")]).await;
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 7);
}

#[tokio::test]
async fn what_lands_late_is_found_again() {
    let (_dir, lake) = lake();
    let mut lander = videos(&lake).await;
    let erased = mia();
    let options = WriterOptions::default();
    let found = erasure::recheck(&lake, &erased, &options, LATER).await.expect("checks");
    assert_eq!(found.iter().map(|f| f.erased.rows).sum::<usize>(), 6);
    assert!(erasure::recheck(&lake, &erased, &options, LATER).await.expect("checks").is_empty(), "nothing has landed");
    // A writer that had not heard.
    lander.buffer(&[video(7_000_000_000_000_000_005, 1, author(Some(MIA), None, MIA_NAME), "late")]).await;
    assert_eq!(lander.commit(1).await, Outcome::Landed);
    let found = erasure::recheck(&lake, &erased, &options, LATER).await.expect("checks");
    assert_eq!((found.len(), found[0].erased.rows), (1, 1));
    // Somebody else is suppressed since: everything is looked at.
    let mut more = erased.clone();
    more.extend(&Suppressions::of(key(), "tiktok", [BEN, &BEN_ID.to_string()]));
    let found = erasure::recheck(&lake, &more, &options, LATER).await.expect("checks");
    assert_eq!(found.iter().map(|f| f.erased.rows).sum::<usize>(), 6);
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 0);
}

#[tokio::test]
async fn an_erasure_and_a_writer_lose_and_double_nothing() {
    let (_dir, lake) = lake();
    let mut lander = videos(&lake).await;
    let erased = mia();
    let writing = async {
        for round in 0..20 {
            let id = 7_100_000_000_000_000_000 + round;
            let messages = [
                video(id, round % 3, author(Some(BEN), None, "Ben"), "bread"),
                video(id + 1000, round % 3, author(Some(MIA), None, MIA_NAME), "pie"),
            ];
            lander.land(&messages).await;
        }
    };
    let erasing = async {
        for _ in 0..6 {
            // Every file is young: the writer's may be about to be committed.
            erase_at(&lake, &erased, Timestamp(START)).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(writing, erasing);
    erase_everywhere(&lake, &erased).await;
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 6 + 20);
    assert_eq!(integer(&lake, "SELECT count(DISTINCT event_id) FROM video_observations").await, 6 + 20);
    let removed: i64 = removed(&lake).await;
    assert_eq!(removed, 6 + 20);
}

#[tokio::test]
async fn a_handle_that_two_have_had_is_asked_about() {
    let (_dir, lake) = lake();
    let mut lander = videos(&lake).await;
    lander.land(&[video(7_000_000_000_000_000_006, 1, author(Some(MIA), Some(77_777_777), "Other"), "hi")]).await;
    let engine = engine(&lake).await;
    let error = Subject::of_creator(&engine, "tiktok", MIA).await.expect_err("is ambiguous").to_string();
    assert!(error.contains("77777777") && error.contains("--creator ID"), "{error}");
    let subject = Subject::of_creator(&engine, "tiktok", &MIA_ID.to_string()).await.expect("resolves");
    assert_eq!((subject.handles.len(), subject.shared_handles), (0, 1), "the handle stays the other's");
}

#[tokio::test]
async fn pseudonyms_show_nobody() {
    let (_dir, lake) = lake();
    videos(&lake).await;
    others(&lake).await;
    let plain = engine(&lake).await;
    let key = PseudonymKey::of(&key());
    let engine = plain.pseudonymised(&key).await.expect("opens");
    let needles = [MIA, BEN, "zoe_x_11", MIA_NAME, &MIA_ID.to_string(), &BEN_ID.to_string()];
    let (mut looked, mut shown) = (0, 0);
    for table in engine.tables().await.expect("lists") {
        let batches = engine.collect(&format!("SELECT * FROM {}", table.name)).await.expect("answers");
        looked += 1;
        for text in all_texts(&batches) {
            shown += 1;
            for needle in needles {
                assert!(!text.to_lowercase().contains(&needle.to_lowercase()), "{} shows {needle}: {text}", table.name);
            }
        }
    }
    assert!(looked > 30 && shown > 100, "{looked} tables, {shown} values");
    // Neither does a field of a structure, nor a filter on one.
    for query in [
        "SELECT handle, nickname, stats['followers'] FROM creator_observations LIMIT 5",
        "SELECT caption, author['handle'], provenance['task'] FROM video_observations WHERE caption LIKE '%a%' LIMIT 5",
        "SELECT author, provenance['task'] FROM video_observations LIMIT 5",
        "SELECT findings['mentions'][1]['text'], source_mentions FROM video_observations",
    ] {
        for text in all_texts(&engine.collect(query).await.expect("answers")) {
            let text = text.to_lowercase();
            assert!(needles.iter().all(|needle| !text.contains(&needle.to_lowercase())), "{query}: {text}");
        }
    }
    let hit = format!("SELECT count(*) FROM video_observations WHERE author['handle'] = '{MIA}'");
    assert_eq!(engine.integers(&hit).await.expect("answers"), [0], "nobody is found by name");
    // What is never true is true of no row, also beside other filters.
    let never = "SELECT count(*) FROM video_observations WHERE video_id IN (NULL) AND platform = 'tiktok'";
    assert_eq!(plain.integers(never).await.expect("answers"), [0]);
    // It is still of use: the same creator has the same pseudonym everywhere, and captions keep their places.
    let query = "SELECT count(*) FROM videos v JOIN creators c ON lower(v.author_handle) = lower(c.handle)";
    assert_eq!(engine.integers(query).await.expect("answers"), [3]);
    assert_eq!(
        engine.integers("SELECT count(*) FROM videos WHERE caption = 'thanks @**************!'").await.unwrap(),
        [1]
    );
    assert_eq!(engine.integers("SELECT max(length(author_handle)) FROM videos").await.unwrap(), [22]);
    for query in ["SELECT * FROM creator_pseudonyms", "SET datafusion.explain.show_statistics = true"] {
        assert!(engine.sql(query).await.is_err(), "{query}");
    }
    let known = plain.with_pseudonyms(&key).await.expect("opens");
    let query = format!("SELECT count(*) FROM creator_pseudonyms WHERE handle = '{MIA}' AND numeric_id = {MIA_ID}");
    assert_eq!(known.integers(&query).await.expect("answers"), [2], "by handle and by id");
    let whose = format!("SELECT pseudonym FROM creator_pseudonyms WHERE pseudonym = '{}'", key.creator("tiktok", MIA));
    assert_eq!(known.collect(&whose).await.expect("answers").iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
}

#[tokio::test]
async fn videos_that_are_gone_leave_only_a_count() {
    let (dir, lake) = lake();
    let mut lander = videos(&lake).await;
    let gone_video = VideoObservation {
        event_id: "gone".into(),
        platform: "tiktok".into(),
        video_id: 7_000_000_000_000_000_003,
        observed_at: Timestamp(START + 9 * DAY),
        provenance: provenance("refresh"),
        created_at: Some(Timestamp(START)),
        unavailable: Some("deleted".into()),
        ..VideoObservation::default()
    };
    lander.land(&[codec::append_enrichment(&encoded(&gone_video), &Enrichment::default()).expect("enriches")]).await;
    let options = WriterOptions::default();
    let (videos, taken) = gone::erase_gone(&lake, &key(), &options, LATER).await.expect("erases");
    assert_eq!((videos, taken["video_observations"].rows), (1, 4));
    let (again, _) = gone::erase_gone(&lake, &key(), &options, LATER).await.expect("erases");
    assert_eq!(again, 0);
    let counts = gone::attrition(&lake).await.expect("reads");
    assert_eq!(counts.videos["deleted"]["2023-11"], 1);
    assert_gone(dir.path(), &["7000000000000000003"]);
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 9);
}

/// Rows that commits of the videos' table took away.
async fn removed(lake: &Lake) -> i64 {
    let history = ledger::history(lake, "video_observations").await.expect("reads");
    history.entries.iter().filter_map(|entry| entry.removed.as_ref()).map(|removed| removed.rows).sum()
}
