//! Rows in order, so that a query for one value reads few files and few groups of rows.
//!
//! By one column they are sorted. By several, each value becomes a number of 64 bits that grows with it, spread over the
//! range that occurs; the numbers' bits are interleaved (Morton, 1966), and rows are sorted by that. Sorting is
//! DataFusion's external one: it spills beyond its memory.

use super::compact::UpkeepOptions;
use crate::lake::location::LakeError;
use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::exec_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::prelude::{DataFrame, Expr, SessionConfig, SessionContext, cast as cast_to, ident};
use std::sync::Arc;

/// The tag of a file in the log that says what its rows are ordered by.
pub(super) const TAG: &str = "tidelake.order";
/// More would leave each too few bits to matter.
const MOST: usize = 4;
/// Rows that are held at once, and of a run that was spilled.
const BATCH_ROWS: usize = 4096;
/// Memory that is kept for putting spilled runs together.
const MERGE_BYTES: usize = 8 << 20;

/// Columns that rows are ordered by.
#[derive(Clone, Debug)]
pub(super) struct Order {
    columns: Vec<String>,
    label: String,
}

impl Order {
    pub(super) fn by(columns: &[String]) -> Self {
        Self { columns: columns.to_vec(), label: columns.join(",") }
    }

    /// What [`TAG`] says.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The rows in order.
    pub(super) async fn sorted(&self, rows: DataFrame, name: &str) -> Result<DataFrame, LakeError> {
        let refuse = |why: String| LakeError::Order { table: name.to_owned(), columns: self.label.clone(), why };
        let absent = |column: &&String| rows.schema().index_of_column_by_name(None, column).is_none();
        if let Some(column) = self.columns.iter().find(absent) {
            return Err(refuse(format!("there is no column {column}")));
        }
        if self.columns.len() > MOST {
            return Err(refuse(format!("more than {MOST} columns")));
        }
        let by = match self.columns.as_slice() {
            [column] => ident(column),
            several => interleaved(several, &rows).await.map_err(|e| refuse(e.to_string()))?,
        };
        rows.sort(vec![by.sort(true, true)]).map_err(|e| refuse(e.to_string()))
    }
}

/// A session that sorts within the memory of the options.
pub(super) fn session(options: &UpkeepOptions) -> Result<SessionContext> {
    let mode = match &options.spill_dir {
        Some(dir) => {
            std::fs::create_dir_all(dir)?;
            DiskManagerMode::Directories(vec![dir.clone()])
        }
        None => DiskManagerMode::OsTmpDirectory,
    };
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_bytes)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
        .build_arc()?;
    // One partition: upkeep leaves the other processors to those who wait for an answer.
    let mut config = SessionConfig::new().with_batch_size(BATCH_ROWS).with_target_partitions(1);
    config.options_mut().execution.sort_spill_reservation_bytes = MERGE_BYTES.min(options.memory_bytes / 4);
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

/// What rows are sorted by whose columns are interleaved.
async fn interleaved(columns: &[String], rows: &DataFrame) -> Result<Expr> {
    let kind = |column: &String| {
        let (_, field) = rows.schema().qualified_field_with_unqualified_name(column)?;
        Ok(if field.data_type().is_integer() || field.data_type().is_temporal() {
            DataType::Int64
        } else {
            DataType::Utf8
        })
    };
    let kinds: Vec<DataType> = columns.iter().map(kind).collect::<Result<_>>()?;
    let values: Vec<Expr> =
        columns.iter().zip(&kinds).map(|(column, kind)| cast_to(ident(column), kind.clone())).collect();
    let bounds = values.iter().enumerate().flat_map(|(i, value)| {
        [min(value.clone()).alias(format!("least {i}")), max(value.clone()).alias(format!("most {i}"))]
    });
    let bounds = rows.clone().aggregate(vec![], bounds.collect())?.collect().await?;
    let Some(bounds) = bounds.iter().find(|batch| batch.num_rows() > 0) else {
        return exec_err!("no bounds");
    };
    Ok(udf(kinds, spreads(bounds, columns.len())?).call(values))
}

/// How a column's numbers are spread over 64 bits: less the least, then moved up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Spread {
    least: u64,
    shift: u32,
}

fn spreads(bounds: &RecordBatch, columns: usize) -> Result<Vec<Spread>> {
    let bound = |i: usize| Ok::<_, DataFusionError>(numbers(bounds.column(i))?.first().copied().flatten());
    (0..columns)
        .map(|i| {
            let (least, most) = (bound(2 * i)?.unwrap_or(0), bound(2 * i + 1)?.unwrap_or(0));
            Ok(Spread { least, shift: (most.saturating_sub(least)).leading_zeros().min(63) })
        })
        .collect()
}

fn udf(kinds: Vec<DataType>, spreads: Vec<Spread>) -> ScalarUDF {
    let fun = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        Ok(ColumnarValue::Array(interleave(&arrays, &spreads)?))
    };
    create_udf("interleave", kinds, DataType::Binary, Volatility::Immutable, Arc::new(fun))
}

/// Numbers that grow with the values: of integers and instants, or of the first 8 bytes of a text.
fn numbers(values: &ArrayRef) -> Result<Vec<Option<u64>>> {
    Ok(match values.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let texts = cast(values, &DataType::Utf8)?;
            let number = |text: &str| {
                let mut bytes = [0; 8];
                let length = text.len().min(8);
                bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
                u64::from_be_bytes(bytes)
            };
            texts.as_string::<i32>().iter().map(|text| text.map(number)).collect()
        }
        _ => {
            let integers = cast(values, &DataType::Int64)?;
            let number = |value: i64| value.cast_unsigned() ^ (1 << 63);
            integers.as_primitive::<Int64Type>().iter().map(|value| value.map(number)).collect()
        }
    })
}

/// The bits of each row's numbers, highest first, in turn. Null is least.
fn interleave(arrays: &[ArrayRef], spreads: &[Spread]) -> Result<ArrayRef> {
    let columns: Vec<Vec<Option<u64>>> = arrays.iter().map(numbers).collect::<Result<_>>()?;
    let rows = arrays.first().map_or(0, |array| array.len());
    let mut keys = BinaryBuilder::with_capacity(rows, rows * arrays.len() * 8);
    let mut key = Vec::new();
    for row in 0..rows {
        key.clear();
        key.resize(columns.len() * 8, 0_u8);
        for (at, (column, spread)) in columns.iter().zip(spreads).enumerate() {
            let number = column[row].map_or(0, |number| number.saturating_sub(spread.least) << spread.shift);
            for bit in 0..64 {
                let place = bit * columns.len() + at;
                key[place / 8] |= u8::from(number >> (63 - bit) & 1 == 1) << (7 - place % 8);
            }
        }
        keys.append_value(&key);
    }
    Ok(Arc::new(keys.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BinaryArray, Int64Array, StringArray};
    use proptest::prelude::*;

    fn keys(arrays: &[ArrayRef], spreads: &[Spread]) -> BinaryArray {
        interleave(arrays, spreads).unwrap().as_binary::<i32>().clone()
    }

    #[test]
    fn bits_are_taken_in_turn() {
        let spread = Spread { least: 1 << 63, shift: 62 };
        let column = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
        let arrays = [
            column(vec![Some(0), Some(1), Some(2), Some(3), None]),
            column(vec![Some(3), Some(2), Some(1), None, None]),
        ];
        let first: Vec<u8> = keys(&arrays, &[spread, spread]).iter().flatten().map(|key| key[0] >> 4).collect();
        assert_eq!(first, [0b0101, 0b0110, 0b1001, 0b1010, 0]);
    }

    #[test]
    fn texts_go_by_their_beginning() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["", "a", "ab", "b", "zzzzzzzzzz"]));
        let numbers: Vec<_> = numbers(&texts).unwrap().into_iter().flatten().collect();
        assert!(numbers.is_sorted() && numbers[0] == 0, "{numbers:?}");
    }

    proptest! {
        /// By one column the order is that of its values; and a row that is less in each column is less.
        #[test]
        fn the_order_is_that_of_the_columns(a in any::<[i64; 2]>(), b in any::<[i64; 2]>()) {
            let column = |values: [i64; 2]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
            let bounds = |values: [i64; 2]| [values.iter().min(), values.iter().max()].map(|v| column([*v.unwrap(); 2]));
            let (of_a, of_b) = (bounds(a), bounds(b));
            let names = ["0", "1", "2", "3"].into_iter().zip(of_a.into_iter().chain(of_b));
            let spreads = spreads(&RecordBatch::try_from_iter(names).unwrap(), 2).unwrap();
            let alone = keys(&[column(a)], &spreads[..1]);
            prop_assert_eq!(alone.value(0).cmp(alone.value(1)), a[0].cmp(&a[1]));
            let both = keys(&[column(a), column(b)], &spreads);
            if a[0] <= a[1] && b[0] <= b[1] {
                prop_assert!(both.value(0) <= both.value(1));
            }
        }
    }
}
