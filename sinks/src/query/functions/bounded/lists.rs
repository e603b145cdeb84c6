//! How large lists become, and texts made of them.

use super::Size;
use super::arguments::{Argument, Arguments, bytes, items};
use super::texts::{number, wrong};
use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::DataType;
use datafusion::error::Result;

/// Bytes of an item at the least: its place in what is copied.
const ITEM: u128 = 8;
/// Bytes of a number, an instant or the like as text, at the most.
const WRITTEN: u128 = 48;

/// A value so often.
pub(super) fn repeat(given: &Arguments) -> Result<Size<'_>> {
    let [value, times] = given.all() else { return wrong() };
    Ok(Box::new(|row| (ITEM + value.value(row).map_or(0, |value| bytes(value.as_ref()))) * number(times, row)))
}

/// A list made so long by a value, or null.
pub(super) fn resize(given: &Arguments) -> Result<Size<'_>> {
    let [list, length, fill @ ..] = given.all() else { return wrong() };
    let null = match list.values.data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            bytes(new_null_array(item.data_type(), 1).as_ref())
        }
        _ => 0,
    };
    let fill = move |row| {
        let value = fill.first().and_then(|fill: &Argument| fill.value(row));
        ITEM + value.map_or(null, |value| bytes(value.as_ref()))
    };
    Ok(Box::new(move |row| list.value(row).map_or(0, |list| bytes(list.as_ref()) + number(length, row) * fill(row))))
}

/// The items of a list as texts, with a text between them and one in place of nulls.
pub(super) fn to_string(given: &Arguments) -> Result<Size<'_>> {
    let [list, between, null @ ..] = given.all() else { return wrong() };
    Ok(Box::new(|row| {
        let Some(list) = list.value(row) else { return 0 };
        let null = null.first().map_or(0, |null| null.length(row));
        let (count, texts) = leaves(&list);
        count * (between.length(row) + null) + texts
    }))
}

/// How many items there are, in lists of lists too, and how long they are as texts.
fn leaves(values: &ArrayRef) -> (u128, u128) {
    match items(values.as_ref()) {
        Some(items) => leaves(&items),
        None if values.data_type().is_string() => (values.len() as u128, bytes(values.as_ref())),
        None => (values.len() as u128, WRITTEN * values.len() as u128),
    }
}
