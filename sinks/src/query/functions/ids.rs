//! TikTok's ids: what time they carry, and the addresses they stand in.

use super::scalar::{function, instant};
use super::{ID_TO_TIME, TIME_TO_ID, URL_TO_ID, VIDEO_URL};
use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;
use tidelake_schemas::{Timestamp, ids};
use url::Url;

pub(super) fn functions() -> [ScalarUDF; 4] {
    [
        function(&ID_TO_TIME, vec![DataType::Int64], instant(), id_to_time),
        function(&TIME_TO_ID, vec![instant()], DataType::Int64, time_to_id),
        function(&VIDEO_URL, vec![DataType::Utf8, DataType::Int64], DataType::Utf8, video_url),
        function(&URL_TO_ID, vec![DataType::Utf8], DataType::Int64, url_to_id),
    ]
}

fn id_to_time(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let times = columns[0].as_primitive::<Int64Type>().iter().map(|id| id.and_then(ids::time_of_id).map(|time| time.0));
    Ok(Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC")))
}

fn time_to_id(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let times = columns[0].as_primitive::<TimestampMicrosecondType>().iter();
    let lowest = |micros: i64| Some(Timestamp(micros).secs() << 32).filter(|id| ids::time_of_id(*id).is_some());
    Ok(Arc::new(times.map(|time| time.and_then(lowest)).collect::<Int64Array>()))
}

fn video_url(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let (handles, ids) = (columns[0].as_string::<i32>(), columns[1].as_primitive::<Int64Type>());
    let url = |(handle, id): (Option<&str>, Option<i64>)| {
        let handle = handle.map(|handle| handle.trim_start_matches('@')).filter(|handle| !handle.is_empty())?;
        Some(format!("https://www.tiktok.com/@{handle}/video/{}", id?))
    };
    Ok(Arc::new(handles.iter().zip(ids).map(url).collect::<StringArray>()))
}

fn url_to_id(columns: &[ArrayRef]) -> Result<ArrayRef> {
    Ok(Arc::new(columns[0].as_string::<i32>().iter().map(|url| id_in(url?)).collect::<Int64Array>()))
}

/// The id that an address of tiktok.com names.
fn id_in(text: &str) -> Option<i64> {
    let text = text.trim();
    let url = Url::parse(text).or_else(|_| Url::parse(&format!("https://{text}"))).ok()?;
    let host = url.host_str()?;
    let ours = ["tiktok.com", "www.tiktok.com", "m.tiktok.com", "us.tiktok.com"].contains(&host);
    if !ours || !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let parts: Vec<&str> = url.path_segments()?.filter(|part| !part.is_empty()).collect();
    match parts[..] {
        [handle, "video" | "photo", id] if handle.starts_with('@') => number(id),
        ["video" | "embed", id] | ["share" | "embed" | "player", "video" | "v1" | "v2" | "v3", id] => number(id),
        ["v", page] => number(page.strip_suffix(".html").unwrap_or(page)),
        _ => None,
    }
}

/// Ids are positive, in decimal digits without a leading zero.
fn number(text: &str) -> Option<i64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().ok() } else { None }
}
