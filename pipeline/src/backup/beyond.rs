//! Rows of a restored table that its state does not know, and that will be collected again.

use super::state::LogState;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use std::collections::{BTreeMap, HashMap};
use tidelake_schemas::topics::LANDED;
use tidelake_schemas::{Cursor, ids};
use tidelake_sinks::lake::withdraw::withdraw;
use tidelake_sinks::lake::{Lake, LakeError, earlier};

/// Cycles back in which a refused record may have been refused.
const CYCLES: i64 = 64;

/// Takes out of the tables what the state does not know and will be collected again; how many rows.
pub(crate) async fn withdraw_beyond(lake: &Lake, state: &LogState) -> Result<u64, LakeError> {
    let cursors: HashMap<&str, &Cursor> =
        state.cursors.iter().map(|kept| (kept.cursor.task.as_str(), &kept.cursor)).collect();
    let mut gone = 0;
    for landed in LANDED {
        let Some(table) = lake.open(landed.table).await? else { continue };
        let before = state.before.get(landed.topic).cloned().unwrap_or_default();
        let partitions = (0..i32::try_from(before.len()).unwrap_or(i32::MAX)).collect();
        let earlier = earlier::until(&table, landed.table, landed.topic, partitions).await?;
        let first = before.iter().copied().min().unwrap_or(0);
        gone += withdraw(lake, &landed, first, |batch| stay(batch, &before, &earlier, &cursors)).await?;
    }
    Ok(gone)
}

/// Which rows stay: those that had been published when the cursors were read, and those of cycles that the cursors know.
/// The offsets of a row that stands in an earlier log say nothing of that: it had landed before this one began.
fn stay(
    batch: &RecordBatch,
    before: &[i64],
    earlier: &BTreeMap<i32, i64>,
    cursors: &HashMap<&str, &Cursor>,
) -> Result<BooleanArray, ArrowError> {
    let absent = |name: &str| ArrowError::SchemaError(format!("the table has no column {name}"));
    let column = |name: &str, kind: DataType| cast(batch.column_by_name(name).ok_or_else(|| absent(name))?, &kind);
    let (partitions, offsets) = (column("kafka_partition", DataType::Int32)?, column("kafka_offset", DataType::Int64)?);
    let (partitions, offsets) = (partitions.as_primitive::<Int32Type>(), offsets.as_primitive::<Int64Type>());
    let landed = column("landed_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
    let landed = landed.as_primitive::<TimestampMicrosecondType>();
    let is_known: Box<dyn Fn(usize) -> bool> = match batch.column_by_name("provenance").map(|c| c.as_struct_opt()) {
        Some(Some(provenance)) => of_cycles(provenance, cursors)?,
        _ => of_letters(batch, cursors)?,
    };
    let stays = (0..batch.num_rows()).map(|row| {
        let partition = partitions.value(row);
        let of_earlier = earlier.get(&partition).is_some_and(|until| landed.value(row) <= *until);
        // A partition that the log does not have was one of an earlier log's.
        let before = usize::try_from(partition).ok().and_then(|partition| before.get(partition));
        Some(of_earlier || before.is_none_or(|before| offsets.value(row) < *before) || is_known(row))
    });
    Ok(stays.collect())
}

/// Rows of cycles that their tasks' cursors know.
fn of_cycles<'a>(
    provenance: &StructArray,
    cursors: &'a HashMap<&'a str, &'a Cursor>,
) -> Result<Box<dyn Fn(usize) -> bool + 'a>, ArrowError> {
    let absent = || ArrowError::SchemaError("provenance has no task or cycle".into());
    let field = |name: &str, kind: DataType| cast(provenance.column_by_name(name).ok_or_else(absent)?, &kind);
    let (tasks, cycles) = (field("task", DataType::Utf8)?, field("cycle", DataType::Int64)?);
    Ok(Box::new(move |row| {
        let cycle = cycles.as_primitive::<Int64Type>().value(row);
        cursors.get(tasks.as_string::<i32>().value(row)).is_some_and(|cursor| cycle <= cursor.cycle)
    }))
}

/// Letters of roles, and of polls in cycles that their tasks' cursors know.
fn of_letters<'a>(
    batch: &RecordBatch,
    cursors: &'a HashMap<&'a str, &'a Cursor>,
) -> Result<Box<dyn Fn(usize) -> bool + 'a>, ArrowError> {
    let letters = Letters::of(batch)?;
    Ok(Box::new(move |row| match letters.task(row) {
        None => true,
        Some(task) => cursors.get(task).is_some_and(|cursor| {
            let cycles = (0..=cursor.cycle).rev().take(usize::try_from(CYCLES).unwrap_or(1));
            cycles.into_iter().any(|cycle| letters.is_of(row, task, cycle))
        }),
    }))
}

/// Dead letters. Their ids tell the cycle, which no column does.
pub(super) struct Letters {
    ids: ArrayRef,
    tasks: ArrayRef,
    payloads: ArrayRef,
}

impl Letters {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let absent = |name: &str| ArrowError::SchemaError(format!("the table has no column {name}"));
        let column = |name: &str, kind: DataType| cast(batch.column_by_name(name).ok_or_else(|| absent(name))?, &kind);
        let (ids, tasks) = (column("event_id", DataType::Utf8)?, column("task", DataType::Utf8)?);
        Ok(Self { ids, tasks, payloads: column("payload", DataType::Binary)? })
    }

    /// The task whose poll brought the record.
    fn task(&self, row: usize) -> Option<&str> {
        self.tasks.is_valid(row).then(|| self.tasks.as_string::<i32>().value(row))
    }

    pub(super) fn is_of(&self, row: usize, task: &str, cycle: i64) -> bool {
        let payload = self.payloads.as_binary::<i32>().value(row);
        self.ids.as_string::<i32>().value(row) == ids::reject_id(task, cycle, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::Field;
    use std::sync::Arc;

    /// Rows of cycle 9 of a task: partition, offset, when they landed.
    fn rows(rows: &[(i32, i64, i64)]) -> RecordBatch {
        let task: ArrayRef = Arc::new(StringArray::from(vec!["t"; rows.len()]));
        let cycle: ArrayRef = Arc::new(Int64Array::from(vec![9; rows.len()]));
        let field = |name: &str, column: &ArrayRef| Arc::new(Field::new(name, column.data_type().clone(), true));
        let provenance = StructArray::from(vec![(field("task", &task), task), (field("cycle", &cycle), cycle)]);
        let landed = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.2)).with_timezone("UTC");
        RecordBatch::try_from_iter([
            ("kafka_partition", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.0))) as ArrayRef),
            ("kafka_offset", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1)))),
            ("landed_at", Arc::new(landed)),
            ("provenance", Arc::new(provenance)),
        ])
        .unwrap()
    }

    #[test]
    fn offsets_of_an_earlier_log_say_nothing() {
        // Before the cut, after it, of the earlier log with a high offset, of a partition that only that one had.
        let batch = rows(&[(0, 4, 200), (0, 5, 200), (0, 99, 100), (3, 99, 100), (1, 7, 100)]);
        let earlier = BTreeMap::from([(0, 150)]);
        let knows = |cycle| Cursor { task: "t".into(), cycle, ..Cursor::default() };
        let stays = |cursor: &Cursor| {
            let stays = stay(&batch, &[5, 5], &earlier, &HashMap::from([("t", cursor)])).unwrap();
            stays.iter().map(Option::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(stays(&knows(8)), [true, false, true, true, false]);
        assert_eq!(stays(&knows(9)), [true; 5]);
    }
}
