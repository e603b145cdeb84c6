//! A temporary lake, written as the daemon writes it, and questions to it.

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use tidelake_schemas::topics::{LANDED, Landed};
use tidelake_schemas::{
    AuthorRef, CallToAction, CaptionFindings, Category, CoverageEntry, CreatorObservation, CreatorStats, Enrichment,
    HashtagRef, PriceFinding, Provenance, Record, Sentiment, Timestamp, VideoObservation, VideoStats, arrow_schema,
    codec,
};
use tidelake_sinks::format::{Format, FormatOptions, write_stream};
use tidelake_sinks::lake::{CommitRecord, Lake, Outcome, Position, TableWriter, WriterOptions};
use tidelake_sinks::query::{Answer, Binds, Engine, QueryError, QueryOptions, named};

/// A Monday.
pub(crate) const NOW: &str = "2026-05-11T00:00:00Z";

pub(crate) fn at(text: &str) -> Timestamp {
    let value = codec_time(text);
    Timestamp(value)
}

fn codec_time(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).unwrap_or_else(|e| panic!("{text}: {e}")).timestamp_micros()
}

/// Seconds before [`NOW`].
pub(crate) fn ago(days: f64) -> Timestamp {
    at(NOW).plus_secs((-days * 86_400.0).round() as i64)
}

/// A video as seen once, and what its caption holds.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) video: VideoObservation,
    pub(crate) found: CaptionFindings,
}

/// A post of a creator in the US, seen an hour later with nothing known.
pub(crate) fn post(video_id: i64, handle: &str, created_at: Timestamp) -> Seen {
    let video = VideoObservation {
        platform: "tiktok".into(),
        video_id,
        created_at: Some(created_at),
        author: AuthorRef { handle: Some(handle.into()), ..AuthorRef::default() },
        region: Some("US".into()),
        kind: Some("video".into()),
        provenance: Provenance {
            connector: "research-api".into(),
            zone: "research".into(),
            task: "t".into(),
            route: "video/query".into(),
            ..Provenance::default()
        },
        ..VideoObservation::default()
    };
    Seen { video, found: CaptionFindings::default() }.seen(created_at.plus_secs(3600))
}

impl Seen {
    pub(crate) fn seen(mut self, at: Timestamp) -> Self {
        self.video.observed_at = at;
        self.video.provenance.fetched_at = at;
        self
    }

    /// Seen at this age, in hours.
    pub(crate) fn aged(self, hours: i64) -> Self {
        let at = self.video.created_at.expect("known").plus_secs(hours * 3600);
        self.seen(at)
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut VideoObservation)) -> Self {
        change(&mut self.video);
        self
    }

    pub(crate) fn region(self, region: &str) -> Self {
        self.with(|v| v.region = Some(region.into()))
    }

    pub(crate) fn tags(self, tags: &[&str]) -> Self {
        let tags = tags.iter().map(|tag| HashtagRef { id: None, name: (*tag).to_owned() }).collect();
        self.with(|v| v.source_hashtags = Some(tags))
    }

    pub(crate) fn views(self, views: i64) -> Self {
        self.with(|v| v.stats = VideoStats { views: Some(views), ..VideoStats::default() })
    }

    /// 1,000 views and an engagement rate of so many thousandths.
    pub(crate) fn rate(self, thousandths: i64) -> Self {
        let stats = VideoStats {
            views: Some(1000),
            likes: Some(thousandths),
            comments: Some(0),
            shares: Some(0),
            ..VideoStats::default()
        };
        self.with(|v| v.stats = stats)
    }

    pub(crate) fn by(self, connector: &str, zone: &str, task: &str) -> Self {
        self.with(|v| {
            let p = &mut v.provenance;
            (p.connector, p.zone, p.task) = (connector.into(), zone.into(), task.into());
        })
    }

    pub(crate) fn gone(self, why: &str) -> Self {
        self.with(|v| v.unavailable = Some(why.into()))
    }

    pub(crate) fn about(mut self, category: &str) -> Self {
        self.found.categories.push(Category { name: category.into(), score: 0.9, reasons: Vec::new() });
        self
    }

    /// A price in hundredths.
    pub(crate) fn price(mut self, whole: u32, currency: &str, kind: &str) -> Self {
        let amount = tidelake_schemas::Amount::whole(whole);
        let price =
            PriceFinding { amount, currency: Some(currency.into()), kind: kind.into(), ..PriceFinding::default() };
        self.found.prices.push(price);
        self
    }

    pub(crate) fn feels(mut self, compound: f64) -> Self {
        self.found.sentiment = Some(Sentiment { compound, ..Sentiment::default() });
        self
    }

    pub(crate) fn calls(mut self, kind: &str) -> Self {
        self.found.calls_to_action.push(CallToAction { kind: kind.into(), strength: 1.0, ..CallToAction::default() });
        self
    }
}

pub(crate) fn creator(handle: &str, followers: i64, at: Timestamp) -> CreatorObservation {
    CreatorObservation {
        event_id: format!("{handle}/{}", at.0),
        platform: "tiktok".into(),
        creator_id: Some(7),
        handle: handle.into(),
        observed_at: at,
        provenance: Provenance { fetched_at: at, ..Provenance::default() },
        stats: CreatorStats { followers: Some(followers), ..CreatorStats::default() },
        ..CreatorObservation::default()
    }
}

pub(crate) struct Bench {
    dir: tempfile::TempDir,
    offset: i64,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("temp dir"), offset: 0 }
    }

    pub(crate) fn lake(&self) -> Lake {
        Lake::at(self.dir.path().to_str().expect("UTF-8"), HashMap::new()).expect("a lake")
    }

    /// Lands videos; each observation is an event of its own.
    pub(crate) async fn videos(&mut self, rows: impl IntoIterator<Item = Seen>) {
        self.videos_landed(rows, at(NOW)).await;
    }

    pub(crate) async fn videos_landed(&mut self, rows: impl IntoIterator<Item = Seen>, landed_at: Timestamp) {
        let base = self.offset;
        let message = |(i, mut seen): (usize, Seen)| {
            seen.video.event_id = format!("{base}-{i:06}");
            let observed = codec::encode(&seen.video).expect("encodes");
            let enrichment = Enrichment { findings: seen.found, stages: Vec::new() };
            codec::append_enrichment(&observed, &enrichment).expect("appends")
        };
        let messages = rows.into_iter().enumerate().map(message).collect();
        self.land("video_observations", messages, landed_at).await;
    }

    pub(crate) async fn creators(&mut self, rows: impl IntoIterator<Item = CreatorObservation>) {
        self.records("creator_observations", rows).await;
    }

    pub(crate) async fn coverage(&mut self, rows: impl IntoIterator<Item = CoverageEntry>) {
        self.records("coverage", rows).await;
    }

    async fn records<R: Record>(&mut self, table: &str, rows: impl IntoIterator<Item = R>) {
        let messages = rows.into_iter().map(|row| codec::encode(&row).expect("encodes")).collect();
        self.land(table, messages, at(NOW)).await;
    }

    async fn land(&mut self, table: &str, messages: Vec<Vec<u8>>, landed_at: Timestamp) {
        let landed: Landed = LANDED.into_iter().find(|l| l.table == table).expect("is landed");
        let mut writer = TableWriter::open(&self.lake(), landed, &WriterOptions::default()).await.expect("opens");
        let mut decoder = arrow_schema::decoder(landed.schema, messages.len()).expect("a decoder");
        messages.iter().for_each(|message| _ = decoder.decode(message).expect("decodes"));
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

    pub(crate) async fn engine(&self) -> Engine {
        let lake = self.lake();
        let options = QueryOptions { target_partitions: Some(2), ..QueryOptions::default() };
        Engine::open(lake.root(), lake.options(), options).await.expect("opens")
    }

    /// The rows of a named query at [`NOW`].
    pub(crate) async fn query(&self, name: &str, given: &[(&str, &str)]) -> Vec<Value> {
        let query = named::find(name).expect("is there");
        let binds = given.iter().fold(Binds::default(), |binds, (name, value)| {
            let Ok(value) = value.parse();
            binds.with(name, value)
        });
        let binds = query.binds(&binds, at(NOW)).expect("takes these");
        let engine = self.engine().await;
        let answer = rows(&engine, query.sql, &binds).await;
        // What an export asks, and keeps.
        let written = binds.written_into(query.sql).expect("has values for all");
        assert_eq!(rows(&engine, &written, &Binds::default()).await, answer, "{written}");
        answer
    }

    /// The rows of any query, with `:now`.
    pub(crate) async fn ask(&self, sql: &str) -> Vec<Value> {
        rows(&self.engine().await, sql, &Binds::at(at(NOW))).await
    }
}

pub(crate) async fn rows(engine: &Engine, sql: &str, binds: &Binds) -> Vec<Value> {
    let answer = engine.ask(sql, binds).await.unwrap_or_else(|e| panic!("{e}\n{sql}"));
    collect(answer).await.unwrap_or_else(|e| panic!("{e}\n{sql}"))
}

pub(crate) async fn collect(answer: Answer) -> Result<Vec<Value>, QueryError> {
    let schema = answer.schema;
    let batches: Vec<RecordBatch> = answer.stream.try_collect().await.map_err(QueryError::running)?;
    let stream = futures::stream::iter(batches.into_iter().map(Ok));
    let stream = datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(schema.clone(), stream);
    let mut out = Vec::new();
    write_stream(Box::pin(stream), &schema, Format::Json, &mut out, &FormatOptions::default()).await.expect("formats");
    let Value::Array(rows) = serde_json::from_slice(&out).expect("JSON") else { panic!("an array") };
    Ok(rows.into_iter().map(rounded).collect())
}

/// Numbers to nine digits: the last bits of a sum hang on its order.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(n) if n.is_f64() => {
            let number = n.as_f64().expect("is one");
            json!((number * 1e9).round() / 1e9 + 0.0)
        }
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, v)| (name, rounded(v))).collect()),
        Value::Array(all) => Value::Array(all.into_iter().map(rounded).collect()),
        other => other,
    }
}

/// The same rows, in any order, as far as the columns of the first go.
pub(crate) fn assert_alike(written: &[Value], named: &[Value]) {
    let columns: Vec<String> = written[0].as_object().expect("a row").keys().cloned().collect();
    let part = |row: &Value| {
        columns.iter().map(|c| row.get(c).unwrap_or_else(|| panic!("{c}")).to_string()).collect::<Vec<_>>()
    };
    let sorted = |rows: &[Value]| {
        let mut rows: Vec<_> = rows.iter().map(part).collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(written), sorted(named));
}

/// Some columns of the rows.
pub(crate) fn columns(rows: &[Value], names: &[&str]) -> Vec<Value> {
    rows.iter().map(|row| Value::Array(names.iter().map(|name| row[*name].clone()).collect())).collect()
}
