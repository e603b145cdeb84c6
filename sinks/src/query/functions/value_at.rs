//! The value that held at an instant, of values over time.

use super::VALUE_AT;
use super::scalar::{function as scalar, instant};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
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
        let (from, to) = (*times.offsets().get(row)?, *times.offsets().get(row + 1)?);
        let seen = all_times.values().get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)?;
        let until = seen.partition_point(|time| *time <= instant);
        let found = match until.checked_sub(1) {
            Some(newest) => newest,
            None => seen.first().is_some_and(|first| first.saturating_sub(instant) <= WITHIN).then_some(0)?,
        };
        let place = usize::try_from(*values.offsets().get(row)?).ok()? + found;
        let held = place < usize::try_from(*values.offsets().get(row + 1)?).ok()? && all_values.is_valid(place);
        held.then(|| all_values.value(place))
    };
    Ok(Arc::new(instants.iter().enumerate().map(at).collect::<Int64Array>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ListArray, TimestampMicrosecondArray};
    use arrow::compute::cast;

    const DAY: i64 = WITHIN / 7;

    #[test]
    fn the_newest_before_else_the_first_soon_after() {
        let times = ListArray::from_iter_primitive::<TimestampMicrosecondType, _, _>([
            Some([10 * DAY, 20 * DAY].map(Some)),
            Some([10 * DAY, 20 * DAY].map(Some)),
            Some([10 * DAY, 20 * DAY].map(Some)),
            Some([10 * DAY, 20 * DAY].map(Some)),
            Some([10 * DAY, 20 * DAY].map(Some)),
            None,
        ]);
        let values = ListArray::from_iter_primitive::<Int64Type, _, _>((0..6).map(|_| Some([Some(1), Some(2)])));
        let instants = [Some(10 * DAY), Some(25 * DAY), Some(3 * DAY), Some(3 * DAY - 1), None, Some(0)];
        let instants = cast(&TimestampMicrosecondArray::from(instants.to_vec()), &instant()).expect("casts");
        let found = value_at(&[Arc::new(times), Arc::new(values), instants]).expect("finds");
        let found: Vec<_> = found.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(found, [Some(1), Some(2), Some(1), None, None, None]);
    }
}
