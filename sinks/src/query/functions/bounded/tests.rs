//! Within the bounds the same answers as DataFusion's; beyond them nothing is made.

use super::*;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{Volatility, create_udf};
use datafusion::prelude::{SessionConfig, SessionContext};

/// DataFusion's own session, and one with these functions; both with a table of rows that differ.
fn sessions() -> [SessionContext; 2] {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("ab"), Some("ééé"), None, Some("")]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), Some(-1), Some(5), None]));
    let rows = RecordBatch::try_from_iter_with_nullable([("t", texts, true), ("n", numbers, true)]).expect("rows");
    [false, true].map(|ours| {
        let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        if ours {
            functions().into_iter().for_each(|function| session.register_udf(function));
        }
        session.register_batch("rows", rows.clone()).expect("registers");
        session
    })
}

async fn answer(session: &SessionContext, query: &str) -> Result<String> {
    let batches = session.sql(query).await?.collect().await?;
    Ok(pretty_format_batches(&batches)?.to_string())
}

/// Calls that are within the bounds, for each function.
const WITHIN: [&str; 33] = [
    "repeat('ab', 3)",
    "repeat(t, n)",
    "repeat(arrow_cast(t, 'LargeUtf8'), 2)",
    "lpad(t, 5)",
    "lpad('abc', abs(n), t)",
    "lpad(t, 7, 'xé')",
    "rpad(t, 5, '')",
    "rpad(arrow_cast(t, 'Utf8View'), 9, 'yz')",
    "concat(t, n, 'x', NULL)",
    "concat('a', 1)",
    "concat_ws('-', t, n, 'x', NULL)",
    "concat_ws(t, 'a', 'b')",
    "replace(t, 'é', 'eee')",
    "replace('aaa', 'a', t)",
    "replace(t, '', 'x')",
    "replace(repeat('a', 50000), 'aaaa', 'bbbbb')",
    "regexp_replace(t, '(.)', '\\1\\1', 'g')",
    "regexp_replace(repeat('ab', 50000), '(b)', '<$1$1$1$1$1>')",
    "regexp_replace(t, 'B', 'x', 'gi')",
    "array_to_string([t, 'x', NULL], '-', '?')",
    "array_to_string([n, 1], t)",
    "array_to_string([[1, 2], [3]], ', ')",
    "array_repeat(t, 3)",
    "array_repeat([n, 1], n)",
    "list_repeat(NULL, 2)",
    "array_resize([t, 'x'], 4)",
    "array_resize([n, 1], 3, n)",
    "range(n)",
    "range(5, n, -2)",
    "generate_series(n, 6)",
    "generate_series(1, NULL)",
    "range(DATE '2024-01-31', DATE '2024-06-01', INTERVAL '1 month')",
    "generate_series(TIMESTAMP '2024-01-01T00:00:00Z', TIMESTAMP '2023-12-31T00:00:00Z', INTERVAL '-6 hours')",
];

#[tokio::test]
async fn within_the_bounds_they_answer_as_datafusions_do() {
    let [theirs, ours] = sessions();
    for call in WITHIN {
        for query in [format!("SELECT {call} FROM rows"), format!("SELECT {call} AS x")] {
            match (answer(&theirs, &query).await, answer(&ours, &query).await) {
                (Ok(theirs), Ok(ours)) => assert_eq!(theirs, ours, "{query}"),
                (Err(theirs), Err(ours)) => assert_eq!(theirs.to_string(), ours.to_string(), "{query}"),
                (theirs, ours) => panic!("{query}: {theirs:?}, {ours:?}"),
            }
        }
    }
}

#[tokio::test]
async fn beyond_the_bounds_they_refuse() {
    let [_, ours] = sessions();
    for call in [
        "array_length(range(0, 3000000000))",
        "array_length(range(0, -9223372036854775807, -1))",
        "generate_series(n, 3000000000)",
        "generate_series(0, 3000000000)[1]",
        "range(DATE '0001-01-01', DATE '9999-12-31', INTERVAL '1 day')",
        "range(DATE '2020-01-01', DATE '2021-01-01', INTERVAL '1 day -24 hours')",
        "range(TIMESTAMP '2020-01-01', TIMESTAMP '2021-01-01', INTERVAL '1 microsecond')",
        "length(repeat('x', 2000000000))",
        "length(repeat(repeat('x', 1000000), 1000000))",
        "repeat(t, 2000000000)",
        "length(lpad('x', 2000000000))",
        "lpad(t, 300000 * n, 'é')",
        "length(rpad('x', 2000000000, 'ab'))",
        "concat(repeat('x', 600000), t, repeat('y', 600000))",
        "concat_ws(repeat('x', 600000), 'a', 'b', 'c')",
        "replace(repeat('a', 100000), 'a', repeat('b', 100000))",
        "regexp_replace(repeat('a', 100000), 'a', repeat('b', 100000), 'g')",
        "regexp_replace(repeat('a', 100000), '.+', repeat('$0', 100000))",
        "array_to_string(range(0, 100000), repeat(',', 100000))",
        "array_to_string(array_repeat(NULL, 100000), ',', repeat('x', 100000))",
        "array_length(array_repeat(1, 3000000000))",
        "array_length(list_repeat(NULL, 2000000000))",
        "array_repeat(repeat('x', 1000000), n * 100)",
        "array_length(array_repeat(range(0, 1000000), 1000000))",
        "array_length(array_resize([1], 3000000000))",
        "array_resize([t], 2000000000, 'x')",
    ] {
        let query = format!("SELECT {call} FROM rows");
        let refused = answer(&ours, &query).await.err().unwrap_or_else(|| panic!("{query} is answered")).to_string();
        assert!(refused.contains("would make") && refused.contains("bytes"), "{query}: {refused}");
    }
}

#[tokio::test]
async fn all_rows_of_a_batch_count_together() {
    let [_, ours] = sessions();
    let query = |n: u32| format!("SELECT max(length(repeat('x', 100000 + value % 2))) FROM generate_series(1, {n})");
    assert!(answer(&ours, &query(2_000)).await.expect("200 MB").contains("100001"));
    let refused = answer(&ours, &query(8_000)).await.expect_err("800 MB").to_string();
    assert!(refused.contains("one batch"), "{refused}");
    let rows = "SELECT count(*) FROM generate_series(1, 3000000)";
    assert!(answer(&ours, rows).await.expect("rows are not kept").contains("3000000"));
}

#[tokio::test]
async fn what_is_refused_is_not_begun() {
    let panics = |_: &[ColumnarValue]| -> Result<ColumnarValue> { panic!("it was called") };
    let inner = create_udf(
        "repeat",
        vec![DataType::Utf8, DataType::Int64],
        DataType::Utf8,
        Volatility::Immutable,
        Arc::new(panics),
    );
    let bounded = Bounded { inner: Arc::new(inner), measure: texts::repeat, most: TEXT, instead: "Ask for less" };
    let field = Arc::new(arrow::datatypes::Field::new("", DataType::Utf8, true));
    let refused = bounded.invoke_with_args(ScalarFunctionArgs {
        args: vec![ColumnarValue::Scalar("x".into()), ColumnarValue::Scalar(2_000_000_000_i64.into())],
        arg_fields: vec![Arc::clone(&field), Arc::clone(&field)],
        number_rows: 1,
        return_field: field,
        config_options: Arc::new(ConfigOptions::default()),
    });
    assert!(refused.expect_err("refused").to_string().contains("2000000000 bytes"));
}
