//! Texts as they are compared, and a ratio that is asked for everywhere.

use super::scalar::function;
use super::{ENGAGEMENT_RATE, FOLD};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

pub(super) fn functions() -> [ScalarUDF; 2] {
    [
        function(&FOLD, vec![DataType::Utf8], DataType::Utf8, fold),
        function(&ENGAGEMENT_RATE, vec![DataType::Int64; 4], DataType::Float64, engagement_rate),
    ]
}

fn fold(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let texts = columns[0].as_string::<i32>().iter();
    Ok(Arc::new(texts.map(|text| text.map(folded)).collect::<StringArray>()))
}

/// Lower case may leave the normal form (İ), and what is then made of it is its own lower case.
fn folded(text: &str) -> String {
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes if text.is_ascii() => text.to_ascii_lowercase(),
        IsNormalized::Yes => text.to_lowercase().nfkc().collect(),
        _ => text.nfkc().collect::<String>().to_lowercase().nfkc().collect(),
    }
}

fn engagement_rate(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let count = |column: usize, row: usize| {
        let counts = columns[column].as_primitive::<Int64Type>();
        counts.is_valid(row).then(|| counts.value(row) as f64)
    };
    let rate = |row| {
        let views = count(3, row).filter(|views| *views > 0.0)?;
        Some((count(0, row)? + count(1, row)? + count(2, row)?) / views)
    };
    Ok(Arc::new((0..columns[0].len()).map(rate).collect::<Float64Array>()))
}
