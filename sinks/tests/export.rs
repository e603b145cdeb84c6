//! Exports: what comes back from each format, how files appear, and what is left when an export is cut short.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression as Codec;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tidelake_schemas::Timestamp;
use tidelake_sinks::copies::{Copied, CopyKind};
use tidelake_sinks::export::{
    Compression, Export, ExportError, ExportFormat, Exported, Partition, export, partitioned,
};
use tidelake_sinks::lake::erasure::Why;
use tidelake_sinks::lake::{Lake, WriterOptions};
use tidelake_sinks::privacy::copies::{self, Erasing};
use tidelake_sinks::privacy::{PrivacyKey, Suppressions};
use tidelake_sinks::query::{Engine, QueryOptions};

const ID: i64 = 7_106_594_312_292_453_675;
/// One row with everything that is awkward, one with nothing.
const AWKWARD: &str = "SELECT * FROM (VALUES
    (7106594312292453675, '=1+1', '🎉 \"quoted\", and\na line', 9007199254740993, 0.5, true),
    (12, '@you', NULL, 5, NULL, NULL)) AS t(video_id, handle, caption, views, score, verified)";

async fn engine(dir: &Path) -> Engine {
    let lake = Lake::at(dir.join("lake").to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    let options = QueryOptions { memory_bytes: 64 << 20, ..QueryOptions::default() };
    Engine::over(lake, options).await.expect("an engine")
}

async fn written(dir: &Path, query: &str, wanted: &Export) -> Result<Exported, ExportError> {
    let engine = engine(dir).await;
    let mut answer = engine.sql(query).await.expect("answers");
    if let Some(by) = &wanted.partition {
        let parts = Partition::of(by, &answer.schema).expect("a column");
        answer = engine.sql(&partitioned(query, &parts, &answer)).await.expect("answers");
    }
    export(answer, wanted, |_| ()).await
}

fn to(dir: &Path, name: &str) -> Export {
    let place = dir.join(name).to_str().expect("UTF-8").to_owned();
    let format = ExportFormat::of_extension(&place).unwrap_or(ExportFormat::Parquet);
    Export::new(place, format)
}

fn read(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).expect("is there")
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|n| n != "lake")
        .collect();
    names.sort();
    names
}

fn sheet(path: &Path, number: usize) -> Option<String> {
    let mut book = zip::ZipArchive::new(File::open(path).expect("is there")).expect("a workbook");
    let mut text = String::new();
    book.by_name(&format!("xl/worksheets/sheet{number}.xml")).ok()?.read_to_string(&mut text).expect("UTF-8");
    Some(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_keep_every_digit_and_say_nothing_that_is_computed() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    let done = written(dir, AWKWARD, &to(dir, "a.csv")).await.expect("writes");
    assert_eq!((done.rows(), done.bytes()), (2, read(dir, "a.csv").len() as u64));
    let mut rows = csv::Reader::from_path(dir.join("a.csv")).expect("CSV");
    let rows: Vec<Vec<String>> =
        rows.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect();
    let first = [&ID.to_string(), "'=1+1", "🎉 \"quoted\", and\na line", "9007199254740993", "0.5", "true"];
    assert_eq!(rows, [first.map(str::to_owned).to_vec(), ["12", "'@you", "", "5", "", ""].map(str::to_owned).to_vec()]);

    let plain = Export { guard_formulas: false, bom: true, ..to(dir, "b.csv") };
    written(dir, AWKWARD, &plain).await.expect("writes");
    let text = read(dir, "b.csv");
    assert!(text.starts_with("\u{feff}video_id,") && text.contains(",=1+1,"), "{text}");

    written(dir, AWKWARD, &to(dir, "a.json")).await.expect("writes");
    written(dir, AWKWARD, &to(dir, "a.ndjson")).await.expect("writes");
    let array: serde_json::Value = serde_json::from_str(&read(dir, "a.json")).expect("JSON");
    let lines: Vec<serde_json::Value> =
        read(dir, "a.ndjson").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(array, serde_json::Value::Array(lines));
    assert_eq!((&array[0]["video_id"], &array[0]["handle"]), (&ID.to_string().into(), &"=1+1".into()));
    assert_eq!(array[1]["caption"], serde_json::Value::Null);
}

/// A text file as its readers unpack it.
fn unpacked(path: &Path) -> String {
    let file = File::open(path).expect("is there");
    let mut text = String::new();
    match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip"),
        Some("zst") => zstd::Decoder::new(file).expect("zstd").read_to_string(&mut text).expect("zstd"),
        _ => panic!("{path:?}"),
    };
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_compressed_as_its_name_or_the_option_says() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    let query = "SELECT unnest(generate_series(1, 200000)) AS video_id, 'x' AS region";
    for format in ["csv", "json", "ndjson"] {
        let plain = format!("a.{format}");
        written(dir, query, &to(dir, &plain)).await.expect("writes");
        for extension in ["gz", "zst"] {
            let name = format!("{plain}.{extension}");
            let done = written(dir, query, &to(dir, &name)).await.expect("writes");
            assert_eq!(unpacked(&dir.join(&name)), read(dir, &plain), "{name}");
            let size = std::fs::metadata(dir.join(&name)).expect("is there").len();
            assert_eq!((done.rows(), done.bytes()), (200_000, size));
            assert!(size < std::fs::metadata(dir.join(&plain)).expect("is there").len() / 2);
        }
    }
    let parts = Export {
        partition: Some("region".into()),
        format: ExportFormat::Csv,
        compression: Compression::Gzip,
        ..to(dir, "parts")
    };
    written(dir, query, &parts).await.expect("writes");
    assert_eq!(unpacked(&dir.join("parts/region=x/part-0.csv.gz")).lines().count(), 200_001);
    let table = Export { format: ExportFormat::Gexf, compression: Compression::None, ..to(dir, "b") };
    assert!(matches!(written(dir, query, &table).await, Err(ExportError::NoGraph)));
    for (name, compression, why) in [
        ("b.csv.gz", Compression::Zstd, "zstd is not what .gz stands for"),
        ("b.csv", Compression::Lz4, "use gzip or zstd"),
        ("b.xlsx", Compression::Gzip, "leave --compression out"),
        ("b.parquet.gz", Compression::Zstd, "compressed within"),
    ] {
        let wanted = Export { compression, ..to(dir, name) };
        let error = written(dir, query, &wanted).await.expect_err("refused").to_string();
        assert!(error.contains(why), "{name}: {error}");
        assert!(!dir.join(name).exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_is_taken_out_of_compressed_text() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    let lake = Lake::at(dir.join("lake").to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    let erased = Suppressions::of(PrivacyKey::new(&[3; 32]), "tiktok", ["mia.cooks"]);
    let query = "SELECT * FROM (VALUES ('mia.cooks', 1), ('ben', 2), ('zoe', 3)) AS t(handle, views) ORDER BY views";
    let without = "SELECT * FROM (VALUES ('ben', 2), ('zoe', 3)) AS t(handle, views) ORDER BY views";
    for name in ["a.csv.gz", "a.csv.zst", "a.ndjson.gz", "a.ndjson.zst", "a.json.gz", "a.json.zst"] {
        let wanted = to(dir, name);
        let done = written(dir, query, &wanted).await.expect("writes");
        let copy = Copied {
            id: uuid::Uuid::now_v7(),
            kind: CopyKind::Export,
            location: done.location.clone(),
            format: wanted.format.name().to_owned(),
            made_at: Timestamp(0),
            statement: Some(query.to_owned()),
            sha256: done.sha256().map(str::to_owned),
        };
        let (why, options) = (Why::of("test"), WriterOptions::default());
        let erasing =
            Erasing { erased: &erased, why: &why, options: &options, now: Timestamp(1), state: &|_| Ok(None) };
        let (told, entry) = copies::erase(&lake, &copy, &erasing).await;
        assert_eq!((told.outcome.as_str(), told.rows), ("rewritten", 1), "{name}: {told:?}");
        let left = unpacked(&dir.join(name));
        let again = Export { force: true, ..wanted };
        let done = written(dir, without, &again).await.expect("writes");
        let values = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(values(&left), values(&unpacked(&dir.join(name))), "{name}");
        let entry = entry.expect("is still there");
        assert!(entry.sha256.is_some() && entry.sha256 != copy.sha256);
        // What was rewritten is clean, and what names nobody is left as it is.
        let before = std::fs::read(dir.join(name)).expect("is there");
        let (told, _) = copies::erase(&lake, &entry, &erasing).await;
        assert_eq!((told.outcome.as_str(), told.rows), ("clean", 0));
        assert_eq!(std::fs::read(dir.join(name)).expect("is there"), before);
        assert_eq!(done.rows(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workbooks_hold_ids_as_text_and_go_on_on_another_sheet() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    written(dir, AWKWARD, &to(dir, "a.xlsx")).await.expect("writes");
    let text = sheet(&dir.join("a.xlsx"), 1).expect("a sheet");
    assert!(text.contains(&format!("<t>{ID}</t>")), "{text}");
    assert!(text.contains("🎉") && text.contains("<t>=1+1</t>") && !text.contains("<f>"), "{text}");
    // Five is a number, and what a double cannot hold is a text.
    assert!(text.contains("<v>5</v>") && text.contains("<t>9007199254740993</t>"), "{text}");
    let many = "SELECT unnest(generate_series(1, 25)) AS n";
    let wanted = Export { sheet_rows: 10, ..to(dir, "b.xlsx") };
    assert_eq!(written(dir, many, &wanted).await.expect("writes").rows(), 25);
    let rows = |number| sheet(&dir.join("b.xlsx"), number).map(|text| text.matches("<row ").count());
    assert_eq!([rows(1), rows(2), rows(3), rows(4)], [Some(11), Some(11), Some(6), None], "headers included");
    let long = "SELECT repeat('x', 40000) AS text";
    assert_eq!(written(dir, long, &to(dir, "c.xlsx")).await.expect("writes").cut, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_is_written_as_told() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    for (compression, is) in [
        (Compression::Zstd, "ZSTD"),
        (Compression::Snappy, "SNAPPY"),
        (Compression::Gzip, "GZIP"),
        (Compression::Lz4, "LZ4_RAW"),
        (Compression::None, "UNCOMPRESSED"),
    ] {
        let wanted = Export { compression, row_group_rows: 400, force: true, ..to(dir, "a.parquet") };
        let query = "SELECT unnest(generate_series(1, 1000)) AS video_id, 'x' AS text";
        written(dir, query, &wanted).await.expect("writes");
        let file = ParquetRecordBatchReaderBuilder::try_new(File::open(dir.join("a.parquet")).expect("is there"));
        let file = file.expect("Parquet");
        let groups: Vec<i64> = file.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, [400, 400, 200]);
        let codec: Codec = file.metadata().row_group(0).column(0).compression();
        assert!(format!("{codec:?}").starts_with(is), "{codec:?} for {is}");
        assert!(file.metadata().file_metadata().key_value_metadata().is_none(), "no types but Parquet's own");
    }
    written(dir, AWKWARD, &to(dir, "b.parquet")).await.expect("writes");
    let file = File::open(dir.join("b.parquet")).expect("is there");
    let mut rows = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("reads");
    let batch = rows.next().expect("a batch").expect("reads");
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[ID, 12]);
    assert_eq!(batch.column(1).as_string::<i32>().value(0), "=1+1", "binary files are left alone");
    assert!(batch.column(2).is_null(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_has_a_file_per_value() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    let query = "SELECT n AS video_id, CASE n % 4 WHEN 0 THEN 'US' WHEN 1 THEN 'a/b' WHEN 2 THEN NULL ELSE 'DE' END AS region \
                 FROM (SELECT unnest(generate_series(1, 40)) AS n); -- all";
    let query = query.split(';').next().expect("a statement");
    let place = dir.join("parts").display().to_string();
    let wanted = Export { partition: Some("region".into()), ..Export::new(place, ExportFormat::Csv) };
    let done = written(dir, query, &wanted).await.expect("writes");
    let mut paths: Vec<&str> = done.files.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    let part = |value: &str| format!("region={value}/part-0.csv");
    assert_eq!(paths, [part("DE"), part("US"), part("__HIVE_DEFAULT_PARTITION__"), part("a%2Fb")]);
    assert!(done.files.iter().all(|file| file.rows == 10));
    let text = read(dir, "parts/region=US/part-0.csv");
    assert!(text.starts_with("video_id\n\"") && text.lines().count() == 11, "{text}");
    assert_eq!(names(&dir.join("parts")).len(), 5, "four parts and what says that they are all");
    assert_eq!(names(dir), ["parts"]);
    // Replaced as a whole, where it is an export's.
    let again = Export { force: true, ..wanted.clone() };
    let few = "SELECT 1 AS video_id, 'US' AS region";
    assert!(matches!(written(dir, few, &wanted).await, Err(ExportError::Exists(_))));
    written(dir, few, &again).await.expect("writes");
    assert_eq!(names(&dir.join("parts")), ["_SUCCESS", "region=US"]);
    std::fs::create_dir(dir.join("mine")).expect("makes");
    let mine = Export { to: dir.join("mine").display().to_string(), ..again };
    assert!(matches!(written(dir, few, &mine).await, Err(ExportError::NotOurs(_))));
    assert_eq!(names(dir), ["mine", "parts"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_over_unless_asked() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    std::fs::write(dir.join("a.csv"), "mine").expect("writes");
    let error = written(dir, "SELECT 1 AS a", &to(dir, "a.csv")).await.expect_err("is there").to_string();
    assert!(error.contains("--force"), "{error}");
    assert_eq!(read(dir, "a.csv"), "mine");
    let wanted = Export { force: true, ..to(dir, "a.csv") };
    written(dir, "SELECT 1 AS a", &wanted).await.expect("writes");
    assert_eq!(read(dir, "a.csv"), "a\n1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_given_up_leaves_nothing() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    let endless = "SELECT a.n * b.n AS n FROM (SELECT unnest(generate_series(1, 100000)) AS n) a \
                   CROSS JOIN (SELECT unnest(generate_series(1, 100000)) AS n) b";
    let wanted = to(dir, "a.csv");
    let given_up = tokio::time::timeout(Duration::from_millis(700), written(dir, endless, &wanted)).await;
    assert!(given_up.is_err(), "it was still at it");
    assert_eq!(names(dir), Vec::<String>::new());
    let failing = "SELECT 1 / (10 - n) AS n FROM (SELECT unnest(generate_series(1, 100000)) AS n)";
    assert!(matches!(written(dir, failing, &wanted).await, Err(ExportError::Query(_))));
    assert_eq!(names(dir), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_killed_exports_left_is_removed_and_what_others_write_is_not() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dir = dir.path();
    let left = |name: &str| -> PathBuf { dir.join(name) };
    std::fs::write(left(".a.csv.dead.part"), "half").expect("writes");
    let alive = File::create(left(".a.csv.alive.part")).expect("makes");
    alive.lock().expect("locks");
    std::fs::write(left(".b.csv.dead.part"), "another's").expect("writes");
    written(dir, "SELECT 1 AS a", &to(dir, "a.csv")).await.expect("writes");
    assert_eq!(names(dir), [".a.csv.alive.part", ".b.csv.dead.part", "a.csv"]);
}
