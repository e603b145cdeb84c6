//! Publications: nobody can be told from what is published, nor from what is left out.

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use tidelake_schemas::topics::{LANDED, Landed, VIDEO_ENRICHED};
use tidelake_schemas::{
    AuthorRef, Enrichment, Provenance, Timestamp, VideoObservation, VideoStats, arrow_schema, codec,
};
use tidelake_sinks::export::ExportFormat;
use tidelake_sinks::lake::{CommitRecord, Counts, Lake, Outcome, PartitionRange, Position, TableWriter, WriterOptions};
use tidelake_sinks::publish::{Detail, Publication, PublishError, Published, publish};
use tidelake_sinks::query::{Engine, QueryOptions};

const K: u64 = 3;
const QUERY: &str =
    "SELECT author['handle'] AS author_handle, region, kind, stats['views'] AS views FROM video_observations";

fn landed() -> Landed {
    LANDED.into_iter().find(|l| l.topic == VIDEO_ENRICHED).expect("is landed")
}

/// A video: whose, where, of what kind, how often seen.
#[derive(Clone, Debug)]
struct Seen {
    author: u8,
    region: Option<u8>,
    kind: u8,
    views: Option<i64>,
}

fn seen() -> impl Strategy<Value = Seen> {
    (0..12_u8, proptest::option::weighted(0.9, 0..4_u8), 0..2_u8, proptest::option::weighted(0.9, 0..1_000_i64))
        .prop_map(|(author, region, kind, views)| Seen { author, region, kind, views })
}

impl Seen {
    fn author(&self) -> String {
        format!("who{}", self.author)
    }

    fn cell(&self) -> (String, String) {
        (self.region.map(|r| format!("R{r}")).unwrap_or_default(), format!("k{}", self.kind))
    }

    fn record(&self, n: usize, zone: &str) -> VideoObservation {
        let id = i64::try_from(n).expect("few");
        let (region, kind) = self.cell();
        VideoObservation {
            event_id: n.to_string(),
            platform: "tiktok".into(),
            video_id: id,
            observed_at: Timestamp(1_700_000_000_000_000 + id),
            provenance: Provenance { zone: zone.into(), ..Provenance::default() },
            author: AuthorRef { handle: Some(self.author()), ..AuthorRef::default() },
            caption: Some(format!("caption {n}")),
            region: Some(region).filter(|region| !region.is_empty()),
            kind: kind.into(),
            stats: VideoStats { views: self.views, ..VideoStats::default() },
            ..VideoObservation::default()
        }
    }
}

async fn lake(dir: &Path, all: &[Seen], zone: &str) -> Engine {
    let lake = Lake::at(dir.join("lake").to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    let mut writer = TableWriter::open(&lake, landed(), &WriterOptions::default()).await.expect("opens");
    let mut decoder = arrow_schema::decoder(landed().schema, 10_000).expect("decoder");
    for (n, seen) in all.iter().enumerate() {
        let observed = codec::encode(&seen.record(n, zone)).expect("encodes");
        let message = codec::append_enrichment(&observed, &Enrichment::default()).expect("appends");
        decoder.decode(&message).expect("decodes");
    }
    let count = i64::try_from(all.len()).expect("few");
    let positions: Vec<Position> = (0..count).map(|offset| Position { partition: 0, offset }).collect();
    let batch = decoder.flush().expect("flushes").expect("rows");
    writer.append(&batch, &positions, Timestamp(0)).await.expect("appends");
    let counts = Counts { rows: count, ..Counts::default() };
    let record = CommitRecord {
        operation: "o".into(),
        topic: landed().topic.into(),
        partitions: BTreeMap::from([(0, PartitionRange { from: 0, to: count, counts })]),
    };
    let (from, to) = (BTreeMap::from([("a".to_owned(), None)]), BTreeMap::from([("a".to_owned(), count)]));
    assert_eq!(writer.commit(&from, &to, &record).await.expect("an outcome"), Outcome::Landed);
    let options = QueryOptions { target_partitions: Some(1), ..QueryOptions::default() };
    Engine::over(lake, options).await.expect("an engine")
}

fn publication(to: &Path, query: &str) -> Publication {
    Publication {
        to: to.to_owned(),
        query: query.into(),
        k: K,
        quasi: None,
        generalise: Vec::new(),
        detail: Detail::Cells,
        with_ids: false,
        approval: None,
        purpose: Some("a test".into()),
        format: ExportFormat::Csv,
    }
}

fn table(path: &Path) -> Vec<HashMap<String, String>> {
    csv::Reader::from_path(path).expect("CSV").deserialize().map(|row| row.expect("a row")).collect()
}

/// Cells, with their creators, and the cells that are published.
fn judge(all: &[Seen], published: &BTreeSet<(String, String)>) {
    let mut cells: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for seen in all {
        cells.entry(seen.cell()).or_default().insert(seen.author());
    }
    for cell in published {
        assert!(cells[cell].len() as u64 >= K, "{cell:?} has {} creators", cells[cell].len());
    }
    let hidden: BTreeSet<&String> =
        cells.iter().filter(|(cell, _)| !published.contains(*cell)).flat_map(|(_, creators)| creators).collect();
    let small = cells.iter().any(|(_, creators)| (creators.len() as u64) < K);
    assert!(!small || hidden.len() as u64 >= K || published.is_empty(), "{} can be told by subtraction", hidden.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn no_cell_and_no_remainder_has_fewer_than_k_creators(all in proptest::collection::vec(seen(), 1..60)) {
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        let dir = tempfile::tempdir().expect("temp dir");
        let (out, rows) = (dir.path().join("out"), dir.path().join("rows"));
        let (cells, detailed) = runtime.block_on(async {
            let engine = lake(dir.path(), &all, "import").await;
            let cells = publish(&engine, &publication(&out, QUERY), |_| ()).await;
            let quasi = Some(vec!["region".to_owned(), "kind".to_owned()]);
            let approval = Some("the board, today, for a test".to_owned());
            let wanted = Publication { detail: Detail::Rows, quasi, approval, ..publication(&rows, QUERY) };
            (cells, publish(&engine, &wanted, |_| ()).await)
        });
        let cell = |row: &HashMap<String, String>| (row["region"].clone(), row["kind"].clone());
        match cells {
            Ok(Published { suppressed, .. }) => {
                let told = table(&out.join("data.csv"));
                let published: BTreeSet<_> = told.iter().map(cell).collect();
                judge(&all, &published);
                prop_assert_eq!(told.len() as u64, suppressed.published_cells);
                for row in &told {
                    let of: Vec<&Seen> = all.iter().filter(|seen| seen.cell() == cell(row)).collect();
                    prop_assert_eq!(&row["rows"], &of.len().to_string());
                    if !row["views_sum"].is_empty() {
                        let sum: i64 = of.iter().filter_map(|seen| seen.views).sum();
                        prop_assert_eq!(&row["views_sum"], &sum.to_string());
                    }
                }
                let told = table(&rows.join("data.csv"));
                prop_assert!(detailed.is_ok());
                let in_rows: BTreeSet<_> = told.iter().map(cell).collect();
                prop_assert_eq!(in_rows, published, "the same cells, as rows");
            }
            Err(PublishError::Nothing { .. }) => prop_assert!(!out.exists() && detailed.is_err()),
            Err(other) => panic!("{other}"),
        }
    }
}

/// Enough creators everywhere.
fn plenty() -> Vec<Seen> {
    (0..40).map(|n| Seen { author: n % 10, region: Some(n % 2), kind: n / 20, views: Some(i64::from(n)) }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_gives_the_same_bytes_and_says_what_it_is() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = lake(dir.path(), &plenty(), "research").await;
    let mut found = Vec::new();
    for name in ["a", "b"] {
        let out = dir.path().join(name);
        let done = publish(&engine, &publication(&out, QUERY), |_| ()).await.expect("publishes");
        assert_eq!(done.tables.keys().collect::<Vec<_>>(), ["video_observations"]);
        let files = ["data.csv", "CODEBOOK.md", "SUPPRESSION.md", "MANIFEST.json"];
        found.push(files.map(|file| std::fs::read_to_string(out.join(file)).expect("is there")));
    }
    assert_eq!(found[0], found[1]);
    let [data, book, report, manifest] = &found[0];
    assert!(data.starts_with("region,kind,rows,creators,views_sum,views_mean\n"), "{data}");
    assert!(!data.contains("who") && !manifest.contains("who1"), "nobody is named");
    assert!(book.contains("| `region` | text |") && book.contains("Quasi-identifier. Of `region`:"), "{book}");
    assert!(report.contains("Cells: 4, of which 4 are published"), "{report}");
    let manifest: serde_json::Value = serde_json::from_str(manifest).expect("JSON");
    assert_eq!(manifest["zones"], serde_json::json!(["research"]));
    assert_eq!(manifest["files"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_people_is_refused_whatever_it_is_called() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = lake(dir.path(), &plenty(), "research").await;
    let asked = |columns: &str| format!("SELECT author_handle, {columns} FROM videos");
    for (columns, of) in [
        ("caption AS kind", "caption"),
        ("upper(author_handle) AS region", "author.handle"),
        ("video_id % 1000 AS n", "video_id"),
        ("md5(CAST(author_id AS VARCHAR)) AS key", "author.id"),
        ("CASE WHEN author_handle = 'who1' THEN 1 ELSE 0 END AS flag", "author.handle"),
        ("max(caption) OVER () AS longest", "caption"),
        ("(SELECT min(caption) FROM videos) AS one", "caption"),
        ("zone || url AS address", "author.handle"),
        ("music_id AS sound", "sound.id"),
    ] {
        let refused = publish(&engine, &publication(&dir.path().join("out"), &asked(columns)), |_| ()).await;
        let Err(PublishError::Personal { columns: named }) = &refused else { panic!("{columns}: {refused:?}") };
        assert!(named[0].1.contains(of), "{columns}: {named:?}");
    }
    let hidden = "SELECT h AS author_handle, c AS region FROM (SELECT author_handle AS h, caption AS c FROM videos) t";
    let refused = publish(&engine, &publication(&dir.path().join("out"), hidden), |_| ()).await;
    assert!(matches!(refused, Err(PublishError::Personal { .. })), "{refused:?}");
    // A column that is only called like a creator's counts nobody.
    let fake = "SELECT video_id AS author_id, region FROM videos";
    let refused = publish(&engine, &publication(&dir.path().join("out"), fake), |_| ()).await;
    assert!(matches!(refused, Err(PublishError::NoSubject)), "{refused:?}");
    for (columns, of) in [
        ("sound['title'] AS region", "sound.title"),
        ("findings['products'] AS region", "findings.products"),
        ("findings['seo']['title'] AS region", "findings.seo.title"),
        ("event_id AS region", "event_id"),
        ("provenance['task'] AS region", "provenance.task"),
    ] {
        let query = format!("SELECT author['handle'] AS author_handle, {columns} FROM video_observations");
        let refused = publish(&engine, &publication(&dir.path().join("out"), &query), |_| ()).await;
        let Err(PublishError::Personal { columns: named }) = &refused else { panic!("{columns}: {refused:?}") };
        assert_eq!(named[0].1, of, "{columns}");
    }
    // Lengths and counts are no captions.
    let lengths = asked("character_length(caption) AS letters, region");
    publish(&engine, &publication(&dir.path().join("out"), &lengths), |_| ()).await.expect("publishes");
}

/// What is computed may have as many values as there are rows: then every cell would seem to have creators enough.
#[tokio::test(flavor = "multi_thread")]
async fn creators_are_counted_by_what_names_them_alone() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = lake(dir.path(), &plenty(), "research").await;
    for subject in [
        "concat(author_handle, random())",
        "author_handle || CAST(views AS VARCHAR)",
        "author_handle || CAST(row_number() OVER () AS VARCHAR)",
        "CASE WHEN views > 20 THEN author_handle ELSE lower(author_handle) || '2' END",
        "coalesce(author_handle, kind)",
        "substr(author_handle, 1, 4)",
        "'somebody'",
    ] {
        for query in [
            format!("SELECT {subject} AS author_handle, region FROM videos"),
            format!("SELECT w AS author_handle, region FROM (SELECT {subject} AS w, region FROM videos) AS videos"),
            format!(
                "SELECT {subject} AS author_handle, region FROM videos UNION ALL SELECT author_handle, region FROM videos"
            ),
        ] {
            let refused = publish(&engine, &publication(&dir.path().join("out"), &query), |_| ()).await;
            assert!(matches!(refused, Err(PublishError::NoSubject)), "{query}: {refused:?}");
        }
    }
    for (n, query) in [
        "SELECT creator_id, region FROM videos",
        "SELECT lower(author_handle) AS handle, region FROM videos WHERE views > 0 ORDER BY views LIMIT 1000",
        "SELECT h AS author_handle, region FROM (SELECT author_handle AS h, region FROM videos) AS x",
        "SELECT v.author_handle, v.region, count(*) AS n FROM videos AS v JOIN video_stats AS s USING (video_id)
         GROUP BY v.author_handle, v.region",
        "SELECT author_handle, region FROM videos UNION ALL SELECT author_handle, region FROM videos",
    ]
    .into_iter()
    .enumerate()
    {
        let done = publish(&engine, &publication(&dir.path().join(n.to_string()), query), |_| ()).await;
        assert!(done.is_ok(), "{query}: {done:?}");
    }
}

/// The column decides whose terms are looked at.
#[tokio::test(flavor = "multi_thread")]
async fn the_zone_is_what_the_rows_say() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = lake(dir.path(), &plenty(), "youtube").await;
    for zone in ["'web'", "coalesce(nullif(zone, 'youtube'), 'web')", "kind"] {
        let query = format!("SELECT author_handle, region, {zone} AS zone FROM videos");
        let refused = publish(&engine, &publication(&dir.path().join("out"), &query), |_| ()).await;
        assert!(
            matches!(&refused, Err(PublishError::Column { column, .. }) if column == "zone"),
            "{zone}: {refused:?}"
        );
    }
    let query = "SELECT author_handle, region, zone FROM videos";
    let refused = publish(&engine, &publication(&dir.path().join("out"), query), |_| ()).await;
    assert!(matches!(refused, Err(PublishError::Zone { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_ids_hold_ids_alone() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = lake(dir.path(), &plenty(), "web").await;
    let approval = Some("the board".to_owned());
    for columns in ["concat(video_id, voice_to_text) AS id", "video_id + views AS id", "coalesce(video_id, 1) AS id"] {
        let from = "(SELECT *, stats['views'] AS views FROM video_observations)";
        let query = format!("SELECT author['handle'] AS author_handle, region, {columns} FROM {from}");
        let wanted =
            Publication { with_ids: true, approval: approval.clone(), ..publication(&dir.path().join("out"), &query) };
        let refused = publish(&engine, &wanted, |_| ()).await;
        assert!(matches!(refused, Err(PublishError::Personal { .. })), "{columns}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_decide_what_may_be_published() {
    let dir = tempfile::tempdir().expect("temp dir");
    let engine = lake(dir.path(), &plenty(), "research").await;
    let quasi = Some(vec!["region".to_owned(), "kind".to_owned()]);
    let approval = Some("somebody".to_owned());
    let rows = |to: &str| Publication {
        detail: Detail::Rows,
        quasi: quasi.clone(),
        approval: approval.clone(),
        ..publication(&dir.path().join(to), QUERY)
    };
    let refused = publish(&engine, &rows("a"), |_| ()).await;
    assert!(matches!(&refused, Err(PublishError::Zone { zone, rows: true, .. }) if zone == "research"), "{refused:?}");
    let youtube = lake(&dir.path().join("y"), &plenty(), "youtube").await;
    let refused = publish(&youtube, &publication(&dir.path().join("b"), QUERY), |_| ()).await;
    assert!(matches!(&refused, Err(PublishError::Zone { rows: false, .. })), "{refused:?}");
    let web = lake(&dir.path().join("w"), &plenty(), "web").await;
    let refused = publish(&web, &Publication { approval: None, ..rows("c") }, |_| ()).await;
    assert!(matches!(&refused, Err(PublishError::Zone { .. })), "{refused:?}");
    let query = QUERY.replace("region,", "region, video_id,");
    let wanted = Publication { query, with_ids: true, ..rows("d") };
    publish(&web, &wanted, |_| ()).await.expect("is approved");
    assert_eq!(table(&dir.path().join("d/ids.csv")).len(), 40);
    assert_eq!(table(&dir.path().join("d/data.csv")).len(), 40);
    let generalised =
        Publication { generalise: vec!["region".into()], k: 6, ..publication(&dir.path().join("e"), QUERY) };
    publish(&web, &generalised, |_| ()).await.expect("publishes");
    let regions: BTreeSet<String> =
        table(&dir.path().join("e/data.csv")).into_iter().map(|row| row["region"].clone()).collect();
    assert_eq!(regions, BTreeSet::from(["other".to_owned()]), "each region has five creators");
}
