//! How many values a series has.

use super::Size;
use super::arguments::{Argument, Arguments};
use super::texts::wrong;
use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::error::Result;

/// Bytes of a value.
const VALUE: u128 = 8;
const HOUR: i128 = 3_600_000_000_000;
const DAY: i128 = 24 * HOUR;
/// Far more than any bound.
const NO_END: u128 = 1 << 64;

/// The series of whole numbers up to one (from 0, or another), or of days or instants, by steps.
pub(super) fn size(given: &Arguments) -> Result<Size<'_>> {
    let all = given.all();
    let (start, stop, step) = match all {
        [stop] => (None, stop, None),
        [start, stop] => (Some(start), stop, None),
        [start, stop, step] => (Some(start), stop, Some(step)),
        _ => return wrong(),
    };
    if all.iter().any(|argument| argument.values.data_type().is_null()) {
        return Ok(Box::new(|_| 0));
    }
    let (from, to) = (start.map(|start| scale(&start.values)).transpose()?, scale(&stop.values)?);
    let at = |argument: &Argument, scaled: &Scaled, row| argument.at(row).map(|at| scaled.at(at));
    Ok(Box::new(move |row| {
        let start = match (start, &from) {
            (Some(start), Some(from)) => at(start, from, row),
            _ => Some(0),
        };
        let step = step.map_or(Some(Step::Exactly(1)), |step| Step::at(step, row, to.days));
        match (start, at(stop, &to, row), step) {
            (Some(start), Some(stop), Some(step)) => VALUE * step.count(stop - start),
            _ => 0,
        }
    }))
}

/// Whole numbers as they are, days and instants in nanoseconds.
struct Scaled {
    values: ArrayRef,
    by: i128,
    days: bool,
}

fn scale(values: &ArrayRef) -> Result<Scaled> {
    let (days, by) = match values.data_type() {
        DataType::Date32 | DataType::Date64 => (true, DAY),
        DataType::Timestamp(TimeUnit::Second, _) => (false, 1_000_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => (false, 1_000_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => (false, 1_000),
        _ => (false, 1),
    };
    let values = if days { cast(&cast(values, &DataType::Date32)?, &DataType::Int32)? } else { values.clone() };
    Ok(Scaled { values: cast(&values, &DataType::Int64)?, by, days })
}

impl Scaled {
    fn at(&self, at: usize) -> i128 {
        i128::from(self.values.as_primitive::<Int64Type>().value(at)) * self.by
    }
}

/// How far it is from one value to the next.
enum Step {
    /// So far.
    Exactly(i128),
    /// In this direction, and so far at the least: months and days have no length of their own.
    AtLeast(i128),
    /// Forth and back: nobody knows when that ends.
    BothWays,
}

impl Step {
    /// A row's step. Of days, only whole ones count.
    fn at(step: &Argument, row: usize, days_only: bool) -> Option<Self> {
        let at = step.at(row)?;
        if *step.values.data_type() != DataType::Interval(IntervalUnit::MonthDayNano) {
            return Some(Self::Exactly(i128::from(step.values.as_primitive_opt::<Int64Type>()?.value(at))));
        }
        let steps = step.values.as_primitive_opt::<IntervalMonthDayNanoType>()?;
        let (months, days, nanos) = IntervalMonthDayNanoType::to_parts(steps.value(at));
        let parts = [i128::from(months), i128::from(days), i128::from(nanos)];
        if parts.iter().any(|part| *part > 0) && parts.iter().any(|part| *part < 0) {
            return Some(Self::BothWays);
        }
        let nanos = if days_only { parts[2] / DAY * DAY } else { parts[2] };
        let least = parts[0] * 28 * DAY + parts[1] * DAY + nanos;
        // A day on which the clocks change is shorter.
        Some(if months == 0 && days == 0 {
            Self::Exactly(nanos)
        } else {
            Self::AtLeast(least - 2 * HOUR * least.signum())
        })
    }

    /// The values over a distance, both ends included. DataFusion refuses steps of 0 itself.
    fn count(&self, distance: i128) -> u128 {
        match self {
            Self::BothWays => NO_END,
            Self::Exactly(0) | Self::AtLeast(0) => 0,
            Self::Exactly(step) | Self::AtLeast(step) if distance != 0 && distance.signum() != step.signum() => 0,
            Self::Exactly(step) | Self::AtLeast(step) => distance.unsigned_abs() / step.unsigned_abs() + 1,
        }
    }
}
