//! Every format over one batch with everything that is awkward.

use super::*;
use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray, StructArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema};
use std::sync::Arc;

const BIG: i64 = 7_106_594_312_292_453_675;

fn batch() -> RecordBatch {
    let author = StructArray::new(
        Fields::from(vec![Field::new("id", DataType::Int64, true), Field::new("handle", DataType::Utf8, true)]),
        vec![
            Arc::new(Int64Array::from(vec![Some(5), None])) as ArrayRef,
            Arc::new(StringArray::from(vec![Some("a\"b"), None])) as ArrayRef,
        ],
        None,
    );
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), Some(BIG), None]), None]);
    let instant = TimestampMicrosecondArray::from(vec![1_700_000_000_123_000, 0]).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("video_id", Arc::new(Int64Array::from(vec![BIG, 12]))),
        ("views", Arc::new(Int64Array::from(vec![Some(1 << 53), None]))),
        ("total", Arc::new(UInt64Array::from(vec![Some(u64::MAX), Some(3)]))),
        ("author", Arc::new(author)),
        ("counts", Arc::new(list)),
        ("seen", Arc::new(instant)),
        ("naive", Arc::new(TimestampMicrosecondArray::from(vec![0, 1]))),
        ("day", Arc::new(Date32Array::from(vec![19_000, 0]))),
        (
            "price",
            Arc::new(Decimal128Array::from(vec![Some(1250), None]).with_precision_and_scale(10, 2).expect("fits")),
        ),
        ("ratio", Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN)]))),
        ("text", Arc::new(StringArray::from(vec![Some("a, \"b\"\nc 🎉"), Some("")]))),
        ("bytes", Arc::new(BinaryArray::from(vec![Some(b"\x00\xff".as_slice()), None]))),
    ];
    let fields: Vec<Field> = columns.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, a)| a).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("fits")
}

fn written(format: Format, batches: &[RecordBatch], width: Option<u16>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = format.writer(&mut out, &batch().schema(), &FormatOptions { width }).expect("a writer");
    for batch in batches {
        writer.write(batch).expect("writes");
    }
    writer.finish().expect("finishes");
    out
}

fn text(format: Format, batches: &[RecordBatch]) -> String {
    String::from_utf8(written(format, batches, None)).expect("UTF-8")
}

#[test]
fn json_keeps_every_digit() {
    let rows: serde_json::Value = serde_json::from_str(&text(Format::Json, &[batch()])).expect("JSON");
    let expected = serde_json::json!([
        {
            "video_id": BIG.to_string(), "views": 1_u64 << 53, "total": u64::MAX.to_string(),
            "author": {"id": "5", "handle": "a\"b"}, "counts": [1, BIG.to_string(), null],
            "seen": "2023-11-14T22:13:20.123Z", "naive": "1970-01-01T00:00:00", "day": "2022-01-08",
            "price": "12.50", "ratio": 0.5, "text": "a, \"b\"\nc 🎉", "bytes": "00ff"
        },
        {
            "video_id": "12", "views": null, "total": 3, "author": {"id": null, "handle": null}, "counts": null,
            "seen": "1970-01-01T00:00:00Z", "naive": "1970-01-01T00:00:00.000001", "day": "1970-01-01",
            "price": null, "ratio": null, "text": "", "bytes": null
        }
    ]);
    assert_eq!(rows, expected);
}

#[test]
fn json_of_several_batches_is_one_array_and_of_none_an_empty_one() {
    let rows: serde_json::Value = serde_json::from_str(&text(Format::Json, &[batch(), batch()])).expect("JSON");
    assert_eq!(rows.as_array().map(Vec::len), Some(4));
    assert_eq!(text(Format::Json, &[]), "[]\n");
    assert_eq!(text(Format::Ndjson, &[]), "");
}

#[test]
fn ndjson_is_one_object_per_line() {
    let text = text(Format::Ndjson, &[batch(), batch()]);
    assert_eq!(text.lines().count(), 4);
    for line in text.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).expect("JSON").is_object());
    }
}

#[test]
fn csv_quotes_ids_and_tells_null_from_empty() {
    let text = text(Format::Csv, &[batch()]);
    let (header, rows) = text.split_once('\n').expect("a header");
    assert_eq!(header, "video_id,views,total,author,counts,seen,naive,day,price,ratio,text,bytes");
    let expected = concat!(
        "\"7106594312292453675\",9007199254740992,\"18446744073709551615\",",
        "\"{\"\"id\"\":\"\"5\"\",\"\"handle\"\":\"\"a\\\"\"b\"\"}\",\"[1,\"\"7106594312292453675\"\",null]\",",
        "2023-11-14T22:13:20.123Z,1970-01-01T00:00:00,2022-01-08,\"12.50\",0.5,\"a, \"\"b\"\"\nc 🎉\",00ff\n",
        "\"12\",,3,\"{\"\"id\"\":null,\"\"handle\"\":null}\",,1970-01-01T00:00:00Z,1970-01-01T00:00:00.000001,",
        "1970-01-01,,NaN,\"\",\n",
    );
    assert_eq!(rows, expected);
    assert_eq!(self::text(Format::Csv, &[]), format!("{header}\n"));
}

#[test]
fn a_table_has_a_foot_and_fits() {
    let wide = text(Format::Table, &[batch()]);
    assert!(wide.ends_with("(2 rows)\n"), "{wide}");
    assert!(wide.contains("7106594312292453675"));
    let narrow = written(Format::Table, &[batch()], Some(120));
    let narrow = String::from_utf8(narrow).expect("UTF-8");
    assert!(narrow.contains('…'), "{narrow}");
    assert!(narrow.lines().all(|l| l.chars().count() <= 120), "{narrow}");
}

#[test]
fn a_terminal_too_narrow_for_a_table_gets_records() {
    let text = String::from_utf8(written(Format::Table, &[batch()], Some(40))).expect("UTF-8");
    assert!(text.starts_with("─[ 1 ]─\nvideo_id │ 7106594312292453675\n"), "{text}");
    assert!(text.lines().all(|l| l.chars().count() <= 40), "{text}");
}

#[test]
fn parquet_comes_back_as_it_went() {
    let bytes = bytes::Bytes::from(written(Format::Parquet, &[batch(), batch()], None));
    let reader = ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).expect("Parquet");
    let read: Vec<_> = reader.build().expect("reads").collect::<Result<_, _>>().expect("reads");
    let twice = arrow::compute::concat_batches(&batch().schema(), &[batch(), batch()]).expect("fits");
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].column_by_name("video_id"), twice.column_by_name("video_id"));
    assert_eq!(read[0].schema(), twice.schema());
}

#[test]
fn names_parse_back() {
    for format in Format::ALL {
        assert_eq!(format.name().parse::<Format>().expect("parses"), format);
    }
    let error = "xlsx".parse::<Format>().expect_err("is none").to_string();
    assert!(error.contains("ndjson"), "{error}");
}
