//! Local time by region.

use super::TO_LOCAL;
use super::scalar::{function, instant};
use arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// The main time zone of each region, by its code; the file says where it is from.
static ZONES: LazyLock<HashMap<&'static str, Tz>> = LazyLock::new(|| {
    let lines = include_str!("regions.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).filter_map(|(code, zone)| Some((code, zone.parse().ok()?))).collect()
});

pub(super) fn to_local() -> ScalarUDF {
    let gives = DataType::Timestamp(TimeUnit::Microsecond, None);
    function(&TO_LOCAL, vec![instant(), DataType::Utf8], gives, local)
}

fn local(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let (instants, regions) = (columns[0].as_primitive::<TimestampMicrosecondType>(), columns[1].as_string::<i32>());
    let local = |(micros, region): (Option<i64>, Option<&str>)| wall_clock(micros?, zone(region?)?);
    Ok(Arc::new(instants.iter().zip(regions).map(local).collect::<TimestampMicrosecondArray>()))
}

fn zone(region: &str) -> Option<Tz> {
    ZONES.get(region).or_else(|| ZONES.get(region.trim().to_ascii_uppercase().as_str())).copied()
}

/// What the clock on the wall shows, as microseconds since 1970-01-01T00:00:00 on it.
fn wall_clock(micros: i64, zone: Tz) -> Option<i64> {
    let utc = DateTime::from_timestamp_micros(micros)?.naive_utc();
    let offset = i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc());
    micros.checked_add(offset * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_of_the_file_is_known() {
        let lines = include_str!("regions.tsv").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(ZONES.len(), lines);
        assert!(lines > 240);
        assert_eq!((zone("US"), zone("ru"), zone("QQ")), (Some(Tz::America__New_York), Some(Tz::Europe__Moscow), None));
    }
}
