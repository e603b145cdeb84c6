//! Stored ids, over a real lake.

use super::*;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tidelake_schemas::topics::{LANDED, Landed};
use tidelake_schemas::{CommentObservation, Enrichment, Provenance, VideoObservation, arrow_schema, codec};
use tidelake_sinks::lake::{CommitRecord, Lake, Outcome, Position, TableWriter, WriterOptions};

/// 2026-03-01T00:00:00Z
const START: Timestamp = Timestamp(1_772_323_200_000_000);

struct Store {
    dir: tempfile::TempDir,
    offset: i64,
}

fn provenance(zone: &str, route: &str) -> Provenance {
    Provenance { connector: "research-api".into(), zone: zone.into(), route: route.into(), ..Provenance::default() }
}

/// A video as seen at a second before (or after) [`START`].
fn video(video_id: i64, second: i64, gone: bool) -> VideoObservation {
    VideoObservation {
        event_id: format!("{video_id}/{second}"),
        platform: "tiktok".into(),
        video_id,
        observed_at: START.plus_secs(second),
        provenance: provenance("research", "video/query"),
        unavailable: gone.then(|| "not_available".into()),
        ..VideoObservation::default()
    }
}

fn enriched(video: &VideoObservation) -> Vec<u8> {
    let observed = codec::encode(video).expect("encodes");
    codec::append_enrichment(&observed, &Enrichment::default()).expect("appends")
}

impl Store {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("temp dir"), offset: 0 }
    }

    fn ids(&self, look: usize) -> StoredIds {
        let lake = StoredLake {
            location: self.location(),
            storage: HashMap::new(),
            spill_dir: self.dir.path().join("spill"),
            settling: Duration::from_secs(60),
        };
        StoredIds { lake, look, window: Mutex::default() }
    }

    fn location(&self) -> String {
        self.dir.path().join("lake").display().to_string()
    }

    async fn land(&mut self, table: &str, messages: Vec<Vec<u8>>, landed_at: Timestamp) {
        let landed: Landed = LANDED.into_iter().find(|l| l.table == table).expect("is landed");
        let lake = Lake::at(&self.location(), HashMap::new()).expect("a lake");
        let mut writer = TableWriter::open(&lake, landed, &WriterOptions::default()).await.expect("opens");
        let mut decoder = arrow_schema::decoder(landed.schema, messages.len()).expect("a decoder");
        for message in &messages {
            decoder.decode(message).expect("decodes");
        }
        let batch = decoder.flush().expect("flushes").expect("has rows");
        let position = |row| Position { partition: 0, offset: self.offset + row };
        let positions: Vec<Position> = (0_i64..).map(position).take(messages.len()).collect();
        writer.append(&batch, &positions, landed_at).await.expect("appends");
        let app = format!("test/{}", self.offset);
        self.offset += i64::try_from(messages.len()).expect("few");
        let (before, after) = ([(app.clone(), None)].into(), [(app, self.offset)].into());
        let record = CommitRecord {
            operation: uuid::Uuid::now_v7().to_string(),
            topic: landed.topic.into(),
            partitions: BTreeMap::new(),
        };
        assert_eq!(writer.commit(&before, &after, &record).await.expect("commits"), Outcome::Landed);
    }

    async fn videos(&mut self, videos: &[VideoObservation], landed_at: Timestamp) {
        self.land("video_observations", videos.iter().map(enriched).collect(), landed_at).await;
    }
}

fn context() -> CycleContext {
    CycleContext { task: "refresh".into(), cycle: 0, started_at: START, now: START }
}

async fn batch(ids: &StoredIds, category: Category, after: Option<&str>, max: usize) -> IdBatch {
    ids.batch(&context(), category, after, max).await.expect("a batch")
}

/// All batches; each is read again by a store that knows nothing yet, as after a restart.
async fn walk(store: &Store, category: Category, look: usize, max: usize) -> Vec<i64> {
    let (ids, mut all, mut after) = (store.ids(look), Vec::new(), None::<String>);
    loop {
        let read = batch(&ids, category, after.as_deref(), max).await;
        assert!(read.ids.len() <= max);
        assert_eq!(batch(&store.ids(look), category, after.as_deref(), max).await, read, "the same again");
        all.extend(read.ids);
        match read.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_gone_comes_in_order_and_once() {
    let mut store = Store::new();
    // In no order, many more than once; every third is gone by its newest observation, some came back.
    let id = |n: i64| 7_000_000_000_000_000_000 + n * 7919 % 401;
    let mut videos: Vec<_> = (0..1000).map(|n| video(id(n), n - 5000, false)).collect();
    let (gone, back): (BTreeSet<i64>, BTreeSet<i64>) = ((0..401).step_by(3).collect(), (0..401).step_by(6).collect());
    let base = 7_000_000_000_000_000_000;
    videos.extend(gone.iter().map(|n| video(base + n, -1000, true)));
    videos.extend(back.iter().map(|n| video(base + n, -500, false)));
    store.videos(&videos, START.plus_secs(-400)).await;
    let there: Vec<i64> = (0..401).filter(|n| !gone.contains(n) || back.contains(n)).map(|n| base + n).collect();
    for (look, max) in [(100, 40), (41, 40), (100, 100), (401, 10), (1000, 1000)] {
        assert_eq!(walk(&store, Category::Video, look, max).await, there, "{look} {max}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lands_later_moves_nothing() {
    let mut store = Store::new();
    let first: Vec<_> = (0..10).map(|n| video(100 + n * 10, -900, false)).collect();
    store.videos(&first, START.plus_secs(-800)).await;
    let submitted = batch(&store.ids(50), Category::Video, None, 5).await;
    assert_eq!(submitted.ids, [100, 110, 120, 130, 140]);
    // Later, and within the time that a commit may take: new ids, older observations, and what the cycle itself found.
    store.videos(&[video(105, -900, false), video(110, 20, true)], START.plus_secs(30)).await;
    store.videos(&[video(104, -61, false)], START.plus_secs(-59)).await;
    assert_eq!(batch(&store.ids(50), Category::Video, None, 5).await, submitted);
    let next = CycleContext { started_at: START.plus_secs(1000), ..context() };
    let ids = store.ids(50).batch(&next, Category::Video, None, 5).await.expect("a batch").ids;
    assert_eq!(ids, [100, 104, 105, 120, 130], "the next cycle knows all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_research_zone_is_asked_about() {
    let mut store = Store::new();
    let of = |id, zone: &str| VideoObservation { provenance: provenance(zone, "x"), ..video(id, -900, false) };
    // Gone by another route is no refresh: that one may be blocked, or too early.
    let gone_elsewhere = VideoObservation { unavailable: Some("gone".into()), ..of(3, "oembed") };
    let videos = [of(1, "research"), of(2, "oembed"), of(3, "research"), gone_elsewhere, of(4, "web")];
    store.videos(&videos, START.plus_secs(-800)).await;
    assert_eq!(walk(&store, Category::Video, 9, 9).await, [1, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_comments_are_known_by_their_route() {
    let mut store = Store::new();
    let comment = |comment_id: i64, second, route: &str| {
        let provenance = provenance("research", route);
        let (event_id, observed_at) = (format!("{comment_id}/{second}"), START.plus_secs(second));
        let platform = "tiktok".into();
        let comment =
            CommentObservation { event_id, platform, comment_id, observed_at, provenance, ..Default::default() };
        codec::encode(&comment).expect("encodes")
    };
    let listed = "video/comment/list";
    let comments = vec![comment(8, -900, listed), comment(7, -900, listed), comment(8, -800, GONE_ROUTE)];
    store.land("comments", comments, START.plus_secs(-700)).await;
    assert_eq!(walk(&store, Category::Comment, 9, 9).await, [7]);
}

#[tokio::test]
async fn an_empty_lake_has_nothing_and_a_strange_position_is_refused() {
    let store = Store::new();
    let nothing = batch(&store.ids(9), Category::Video, None, 9).await;
    assert!(nothing.ids.is_empty() && nothing.next.is_none() && nothing.stored_before.is_some(), "{nothing:?}");
    let fault = store.ids(9).batch(&context(), Category::Video, Some("x"), 9).await.expect_err("no position");
    assert!(fault.action.contains("Reset"), "{fault}");
    assert!(!format!("{:?}", store.ids(9)).contains("storage"));
}
