//! A table that an older release made: new rows land in it, and old rows read null where columns came later.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::AvroSchema;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{StructField, StructType};
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tidelake_schemas::observation::AuthorRef;
use tidelake_schemas::topics::{COMMENT_OBSERVED, LANDED, Landed};
use tidelake_schemas::{CommentObservation, Timestamp, arrow_schema, codec};
use tidelake_sinks::lake::{CommitRecord, Counts, Lake, Outcome, PartitionRange, Position, TableWriter, WriterOptions};
use tidelake_sinks::query::{Engine, QueryOptions};

const APP: &str = "tl/test/0";
const SEEN: Timestamp = Timestamp(1_700_000_000_000_000);

fn landed() -> Landed {
    LANDED.into_iter().find(|landed| landed.topic == COMMENT_OBSERVED).expect("is landed")
}

/// The table's columns as the release 0.1.0 made them.
fn old_schema() -> Schema {
    let (_, json) = landed().schema.released().first().expect("a release");
    let reader = ReaderBuilder::new()
        .with_tz(arrow_avro::codec::Tz::Utc)
        .with_reader_schema(AvroSchema::new((*json).to_owned()));
    let mut store = arrow_avro::schema::SchemaStore::new();
    let fingerprint = store.register(AvroSchema::new((*json).to_owned())).expect("registers");
    let decoder = reader.with_writer_schema_store(store).with_active_fingerprint(fingerprint).build_decoder();
    let record = decoder.expect("a decoder").schema();
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let landing = [
        Field::new("kafka_partition", DataType::Int32, false),
        Field::new("kafka_offset", DataType::Int64, false),
        Field::new("landed_at", instant, false),
        Field::new("observed_date", DataType::Date32, false),
    ];
    Schema::new(record.fields().iter().cloned().chain(landing.map(Arc::new)).collect::<Vec<_>>())
}

/// A lake with a table of the release 0.1.0 that holds one comment.
async fn old_lake(dir: &tempfile::TempDir) -> Lake {
    let lake = Lake::at(dir.path().to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    let url = lake.table_url(landed().table).expect("a URL");
    std::fs::create_dir_all(url.to_file_path().expect("a path")).expect("a directory");
    let schema: StructType = (&old_schema()).try_into_kernel().expect("Delta has these types");
    assert!(schema.field("native_id").is_none(), "the release had no such column");
    let columns: Vec<StructField> = schema.fields().cloned().collect();
    let table = deltalake::DeltaTableBuilder::from_url(url).expect("a URL").build().expect("a table");
    let create = table.create().with_columns(columns).with_partition_columns(["observed_date"]);
    let mut table = create.await.expect("creates");
    let mut writer = RecordBatchWriter::for_table(&table).expect("a writer");
    let row = serde_json::json!({
        "event_id": "old", "platform": "tiktok", "comment_id": 7, "observed_at": "2023-11-14T22:13:20Z",
        "provenance": {"connector": "c", "route": "r", "task": "t", "cycle": 0, "fetched_at": "2023-11-14T22:13:20Z",
                       "zone": "research"},
        "author": {"id": 5, "handle": "ann"}, "text": "first",
        "kafka_partition": 0, "kafka_offset": 0, "landed_at": "2023-11-14T22:13:20Z", "observed_date": "2023-11-14",
    });
    let mut decoder = arrow::json::ReaderBuilder::new(writer.arrow_schema()).build_decoder().expect("a decoder");
    decoder.serialize(&[row]).expect("fits the schema");
    writer.write(decoder.flush().expect("fits").expect("a row")).await.expect("writes");
    writer.flush_and_commit(&mut table).await.expect("commits");
    lake
}

fn comment() -> RecordBatch {
    let comment = CommentObservation {
        event_id: "new".into(),
        platform: "youtube".into(),
        comment_id: 8,
        native_id: Some("Ugx8".into()),
        author: AuthorRef { native_id: Some("UC8".into()), ..AuthorRef::default() },
        observed_at: SEEN,
        ..CommentObservation::default()
    };
    let mut decoder = arrow_schema::decoder(landed().schema, 8).expect("a decoder");
    decoder.decode(&codec::encode(&comment).expect("encodes")).expect("decodes");
    decoder.flush().expect("flushes").expect("a row")
}

async fn land(writer: &mut TableWriter, from: Option<i64>, to: i64) -> Outcome {
    let position = Position { partition: 0, offset: from.unwrap_or(0) };
    writer.append(&comment(), &[position], SEEN).await.expect("appends");
    let record = CommitRecord {
        operation: uuid::Uuid::now_v7().to_string(),
        topic: "test".into(),
        partitions: BTreeMap::from([(
            0,
            PartitionRange { from: from.unwrap_or(0), to, counts: Counts { rows: 1, ..Counts::default() } },
        )]),
    };
    let (before, after) = (BTreeMap::from([(APP.into(), from)]), BTreeMap::from([(APP.into(), to)]));
    writer.commit(&before, &after, &record).await.expect("an outcome")
}

async fn natives(lake: &Lake) -> Vec<(i64, Option<String>, Option<String>)> {
    let engine = Engine::over(lake.clone(), QueryOptions::default()).await.expect("opens");
    let query = "SELECT comment_id, CAST(native_id AS VARCHAR) AS own, CAST(author['native_id'] AS VARCHAR) AS writer \
                 FROM comments ORDER BY 1";
    let mut rows = Vec::new();
    for batch in engine.collect(query).await.expect("answers") {
        let texts = |name: &str| arrow::compute::cast(&batch[name], &DataType::Utf8).expect("is text");
        let (own, writer) = (texts("own"), texts("writer"));
        let text = |column: &dyn Array, row| {
            let column = column.as_string::<i32>();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let ids = batch["comment_id"].as_primitive::<Int64Type>();
        rows.extend((0..batch.num_rows()).map(|row| (ids.value(row), text(&own, row), text(&writer, row))));
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_table_gains_the_columns_and_keeps_its_rows() {
    let dir = tempfile::tempdir().expect("temp dir");
    let lake = old_lake(&dir).await;
    let mut writer = TableWriter::open(&lake, landed(), &WriterOptions::default()).await.expect("opens");
    assert_eq!(land(&mut writer, None, 1).await, Outcome::Landed);
    let texts = |text: &str| Some(text.to_owned());
    assert_eq!(natives(&lake).await, [(7, None, None), (8, texts("Ugx8"), texts("UC8"))]);
    // Nothing is left to add: opening again commits nothing.
    let version = lake.open(landed().table).await.expect("opens").expect("is there").version();
    TableWriter::open(&lake, landed(), &WriterOptions::default()).await.expect("opens");
    assert_eq!(lake.open(landed().table).await.expect("opens").expect("is there").version(), version);
}

/// A writer that opened the table before it gained its columns goes on, and so do two that add them at once.
#[tokio::test(flavor = "multi_thread")]
async fn writers_that_open_at_once_agree() {
    let dir = tempfile::tempdir().expect("temp dir");
    let lake = old_lake(&dir).await;
    let options = WriterOptions::default();
    let open = || TableWriter::open(&lake, landed(), &options);
    let (one, two, three) = tokio::join!(open(), open(), open());
    let mut writers = [one.expect("opens"), two.expect("opens"), three.expect("opens")];
    for (at, writer) in (0_i64..).zip(&mut writers) {
        let from = (at > 0).then_some(at);
        let stored = writer.reload([APP.to_owned()]).await.expect("reloads");
        assert_eq!(stored[APP], from);
        assert_eq!(land(writer, from, at + 1).await, Outcome::Landed);
    }
    assert_eq!(natives(&lake).await.len(), 4);
}

/// Reading alone changes nothing, and yet has every column.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_table_can_be_read_before_it_is_written_to() {
    let dir = tempfile::tempdir().expect("temp dir");
    let lake = old_lake(&dir).await;
    let engine = Engine::over(lake.clone(), QueryOptions::default()).await.expect("opens");
    let counted = engine.integers("SELECT count(*), count(native_id), max(comment_id) FROM comments").await;
    assert_eq!(counted.expect("answers"), [1, 0, 7]);
}
