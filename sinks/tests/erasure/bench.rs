//! A lake with two creators, and what takes somebody out of it.

use std::collections::{BTreeMap, HashMap};
use tidelake_schemas::codec::{self, Record};
use tidelake_schemas::topics::{LANDED, Landed};
use tidelake_schemas::{
    AuthorRef, CommentObservation, CoverageEntry, CreatorObservation, DeadLetter, Enrichment, Provenance, Timestamp,
    VideoObservation, arrow_schema,
};
use tidelake_sinks::lake::erasure::{self, Purged, Why};
use tidelake_sinks::lake::{
    CommitRecord, Counts, Lake, Outcome, PartitionRange, Position, TableWriter, WriterOptions, ledger,
};
use tidelake_sinks::privacy::{PrivacyKey, Suppressions};
use tidelake_sinks::query::{Engine, QueryOptions};

pub(crate) const MIA: &str = "mia.cooks.9917";
pub(crate) const MIA_ID: i64 = 6_800_111_222_333_444_555;
pub(crate) const MIA_NAME: &str = "Mia Quillfeather";
pub(crate) const BEN: &str = "ben_bakes_4471";
pub(crate) const BEN_ID: i64 = 6_900_999_888_777_666_111;
pub(crate) const DAY: i64 = 86_400_000_000;
pub(crate) const START: i64 = 1_700_000_000_000_000;
/// Long after every file was written.
pub(crate) const LATER: Timestamp = Timestamp(4_000_000_000_000_000);

pub(crate) fn lake() -> (tempfile::TempDir, Lake) {
    let dir = tempfile::tempdir().expect("temp dir");
    let lake = Lake::at(dir.path().to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    (dir, lake)
}

pub(crate) fn landed(table: &str) -> Landed {
    LANDED.into_iter().find(|l| l.table == table).expect("is landed")
}

pub(crate) fn key() -> PrivacyKey {
    PrivacyKey::new(&[9; 32])
}

pub(crate) fn mia() -> Suppressions {
    Suppressions::of(key(), "tiktok", [MIA, &MIA_ID.to_string()])
}

/// Lands messages of one table, one commit each time, as the role does.
pub(crate) struct Lander {
    writer: TableWriter,
    landed: Landed,
    next: i64,
}

impl Lander {
    pub(crate) async fn open(lake: &Lake, table: &str) -> Self {
        let landed = landed(table);
        let mut writer = TableWriter::open(lake, landed, &WriterOptions::default()).await.expect("opens");
        let stored = writer.reload([Self::app(&landed)]).await.expect("reloads");
        let next = stored.into_values().next().flatten().unwrap_or(0);
        Self { writer, landed, next }
    }

    fn app(landed: &Landed) -> String {
        format!("tl/{}/0", landed.topic)
    }

    pub(crate) async fn buffer(&mut self, messages: &[Vec<u8>]) {
        let mut decoder = arrow_schema::decoder(self.landed.schema, 1000).expect("decoder");
        for message in messages {
            assert_eq!(decoder.decode(message).expect("decodes"), message.len());
        }
        let batch = decoder.flush().expect("flushes").expect("rows");
        let positions: Vec<Position> =
            (0..messages.len()).map(|i| Position { partition: 0, offset: self.next + i as i64 }).collect();
        self.writer.append(&batch, &positions, Timestamp(START)).await.expect("appends");
    }

    pub(crate) async fn commit(&mut self, messages: i64) -> Outcome {
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

    pub(crate) async fn land(&mut self, messages: &[Vec<u8>]) {
        self.buffer(messages).await;
        assert_eq!(self.commit(messages.len() as i64).await, Outcome::Landed);
    }
}

pub(crate) fn encoded<R: Record>(record: &R) -> Vec<u8> {
    codec::encode(record).expect("encodes")
}

pub(crate) fn provenance(task: &str) -> Provenance {
    Provenance { connector: "research-api".into(), task: task.into(), zone: "research".into(), ..Provenance::default() }
}

pub(crate) fn author(handle: Option<&str>, id: Option<i64>, nickname: &str) -> AuthorRef {
    AuthorRef { handle: handle.map(str::to_owned), id, nickname: Some(nickname.into()), ..AuthorRef::default() }
}

pub(crate) fn video(id: i64, day: i64, author: AuthorRef, caption: &str) -> Vec<u8> {
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
pub(crate) async fn videos(lake: &Lake) -> Lander {
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

pub(crate) async fn others(lake: &Lake) {
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

pub(crate) async fn engine(lake: &Lake) -> Engine {
    Engine::over(lake.clone(), QueryOptions::default()).await.expect("opens")
}

pub(crate) async fn integer(lake: &Lake, query: &str) -> i64 {
    engine(lake).await.integers(query).await.expect("answers")[0]
}

pub(crate) async fn erase_everywhere(
    lake: &Lake,
    erased: &Suppressions,
) -> BTreeMap<String, (erasure::Erased, Purged)> {
    erase_at(lake, erased, LATER).await
}

pub(crate) async fn erase_at(
    lake: &Lake,
    erased: &Suppressions,
    now: Timestamp,
) -> BTreeMap<String, (erasure::Erased, Purged)> {
    let mut done = BTreeMap::new();
    for name in erasure::tables(lake).await.expect("lists") {
        let options = WriterOptions::default();
        let taken = erasure::erase(lake, &name, erased, &Why::of("test"), &options, None)
            .await
            .expect("erases")
            .expect("is there");
        let mut table = lake.open(&name).await.expect("opens").expect("is there");
        let purged = erasure::purge(&mut table, &name, erased, now).await.expect("purges");
        done.insert(name, (taken, purged));
    }
    done
}

/// Rows that commits of the videos' table took away.
pub(crate) async fn removed(lake: &Lake) -> i64 {
    let history = ledger::history(lake, "video_observations").await.expect("reads");
    history.entries.iter().filter_map(|entry| entry.removed.as_ref()).map(|removed| removed.rows).sum()
}
