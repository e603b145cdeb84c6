//! The value that held at an instant, of values over time.

use super::VALUE_AT;
use super::scalar::{function as scalar, instant};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

/// How long after the instant a value may have been seen first, in microseconds.
const WITHIN: i64 = 7 * 86_400_000_000;

pub(super) fn function() -> ScalarUDF {
    let list = |item| DataType::new_list(item, true);
    scalar(&VALUE_AT, vec![list(instant()), list(DataType::Int64), instant()], DataType::Int64, value_at)
}

fn value_at(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let (times, values) = (columns[0].as_list::<i32>(), columns[1].as_list::<i32>());
    let instants = columns[2].as_primitive::<TimestampMicrosecondType>();
    let all_times = times.values().as_primitive::<TimestampMicrosecondType>();
    let all_values = values.values().as_primitive::<Int64Type>();
    let at = |(row, instant): (usize, Option<i64>)| {
        let instant = instant.filter(|_| times.is_valid(row) && values.is_valid(row))?;
        let seen = span(times, row)?
            .zip(span(values, row)?)
            .filter(|(time, value)| all_times.is_valid(*time) && all_values.is_valid(*value));
        let (mut newest, mut soonest) = (None, None);
        for (time, value) in seen.map(|(time, value)| (all_times.value(time), all_values.value(value))) {
            if time <= instant {
                newest = newest.max(Some((time, value)));
            } else if time.saturating_sub(instant) <= WITHIN {
                soonest = soonest.max(Some((Reverse(time), value)));
            }
        }
        newest.map(|(_, value)| value).or(soonest.map(|(_, value)| value))
    };
    Ok(Arc::new(instants.iter().enumerate().map(at).collect::<Int64Array>()))
}

/// Where the items of a list are.
fn span(lists: &ListArray, row: usize) -> Option<Range<usize>> {
    let end = |at: usize| usize::try_from(*lists.offsets().get(at)?).ok();
    Some(end(row)?..end(row + 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::TimestampMicrosecondArray;
    use arrow::compute::cast;

    const DAY: i64 = WITHIN / 7;

    #[test]
    fn the_newest_before_else_the_first_soon_after() {
        let times = ListArray::from_iter_primitive::<TimestampMicrosecondType, _, _>([
            Some([20 * DAY, 10 * DAY].map(Some)),
            Some([20 * DAY, 10 * DAY].map(Some)),
            Some([20 * DAY, 10 * DAY].map(Some)),
            Some([20 * DAY, 10 * DAY].map(Some)),
            Some([20 * DAY, 10 * DAY].map(Some)),
            None,
        ]);
        let values = ListArray::from_iter_primitive::<Int64Type, _, _>((0..6).map(|_| Some([Some(2), Some(1)])));
        let instants = [Some(10 * DAY), Some(25 * DAY), Some(3 * DAY), Some(3 * DAY - 1), None, Some(0)];
        let instants = cast(&TimestampMicrosecondArray::from(instants.to_vec()), &instant()).expect("casts");
        let found = value_at(&[Arc::new(times), Arc::new(values), instants]).expect("finds");
        let found: Vec<_> = found.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(found, [Some(1), Some(2), Some(1), None, None, None]);
    }
}
