//! Directories of files, named as Hive does: `region=US/part-0.parquet`. What the rows of a file have in common stands in
//! its path alone, if the answer has a column of that name.

use crate::query::Answer;
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{cast, partition};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::fmt::Write;
use std::sync::Arc;

/// What Hive calls a part whose value is null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";
/// The name of the last column while rows are on their way.
const KEY: &str = "__part";

/// How rows are parted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The name of the parts, before `=`.
    pub name: String,
    /// What the rows of a part have in common, as SQL over the answer's columns.
    pub sql: String,
}

/// There is nothing to part the rows by.
#[derive(Debug, thiserror::Error)]
#[error("rows cannot be parted by {by:?}: the answer has no column {}. It has: {}", wanted.join(" or "), columns.join(", "))]
pub struct UnknownPartition {
    by: String,
    wanted: Vec<String>,
    columns: Vec<String>,
}

impl Partition {
    /// By `author`, `date`, `region` or the name of a column.
    ///
    /// # Errors
    /// [`UnknownPartition`] when the answer has no such column.
    pub fn of(by: &str, answer: &Schema) -> Result<Self, UnknownPartition> {
        // The first that is there.
        let wanted: &[(&str, &str)] = match by {
            "author" => &[
                ("author_handle", "\"author_handle\""),
                ("handle", "\"handle\""),
                ("author", "\"author\"['handle']"),
                ("creator_id", "\"creator_id\""),
            ],
            "date" => &[
                ("observed_date", "\"observed_date\""),
                ("observed_at", "CAST(\"observed_at\" AS DATE)"),
                ("created_at", "CAST(\"created_at\" AS DATE)"),
            ],
            _ => &[],
        };
        let has = |name: &str| answer.column_with_name(name).is_some();
        if has(by) && by != "author" {
            return Ok(Self { name: by.to_owned(), sql: quoted(by) });
        }
        match wanted.iter().find(|(column, _)| has(column)) {
            Some((_, sql)) => Ok(Self { name: by.to_owned(), sql: (*sql).to_owned() }),
            None => Err(UnknownPartition {
                by: by.to_owned(),
                wanted: [by].into_iter().chain(wanted.iter().map(|(column, _)| *column)).map(str::to_owned).collect(),
                columns: answer.fields().iter().map(|field| field.name().clone()).collect(),
            }),
        }
    }
}

/// The query whose answer has its rows part after part, and what they are parted by as its last column.
pub fn partitioned(query: &str, partition: &Partition, answer: &Answer) -> String {
    let columns = answer.schema.fields().iter().map(|field| field.name()).filter(|name| **name != partition.name);
    let columns: String = columns.map(|name| format!("{}, ", quoted(name))).collect();
    let query = query.trim().trim_end_matches(';');
    format!("SELECT {columns}{} AS \"{KEY}\" FROM (\n{query}\n) ORDER BY \"{KEY}\"", partition.sql)
}

/// A name as SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The columns but the last.
pub(super) fn without_last(schema: &SchemaRef) -> SchemaRef {
    let count = schema.fields().len().saturating_sub(1);
    Arc::new(Schema::new(schema.fields().iter().take(count).cloned().collect::<Vec<_>>()))
}

/// Rows that follow each other and have the last column in common: its value as part of a path, and the other columns.
pub(super) fn runs(batch: &RecordBatch, schema: &SchemaRef) -> Result<Vec<(String, RecordBatch)>, ArrowError> {
    let Some((key, columns)) = batch.columns().split_last() else { return Ok(Vec::new()) };
    let key = plain(key)?;
    let options = FormatOptions::new();
    let texts = ArrayFormatter::try_new(&key, &options)?;
    let rest = RecordBatch::try_new(Arc::clone(schema), columns.to_vec())?;
    let run = |range: std::ops::Range<usize>| {
        let name = match key.is_null(range.start) {
            true => NULL.to_owned(),
            false => escaped(&texts.value(range.start).try_to_string()?),
        };
        Ok((name, rest.slice(range.start, range.len())))
    };
    partition(std::slice::from_ref(&key))?.ranges().into_iter().map(run).collect()
}

/// Without a dictionary, which cannot be parted.
fn plain(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, value) => cast(column, value),
        _ => Ok(Arc::clone(column)),
    }
}

/// A value as a part of a path: what a path or a URL could take for its own is percent-encoded, as Hive does.
fn escaped(value: &str) -> String {
    let mut name = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'@' | b'+' => name.push(char::from(byte)),
            // `write!` to a text cannot fail.
            byte => _ = write!(name, "%{byte:02X}"),
        }
    }
    match name.as_str() {
        "" => NULL.to_owned(),
        "." | ".." => name.replace('.', "%2E"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Field;

    #[test]
    fn rows_are_parted_by_what_the_answer_has() {
        let schema = |names: &[&str]| {
            Schema::new(names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect::<Vec<_>>())
        };
        let part = |by, names: &[&str]| Partition::of(by, &schema(names)).map(|p| p.sql);
        assert_eq!(part("author", &["handle", "author_handle"]).unwrap(), "\"author_handle\"");
        assert_eq!(part("date", &["observed_at"]).unwrap(), "CAST(\"observed_at\" AS DATE)");
        assert_eq!(part("region", &["region"]).unwrap(), "\"region\"");
        let error = part("region", &["a", "b"]).expect_err("has none").to_string();
        assert!(error.contains("no column region. It has: a, b"), "{error}");
    }

    #[test]
    fn paths_hold_no_value_that_leads_elsewhere() {
        assert_eq!(escaped("a/b c=ü"), "a%2Fb%20c%3D%C3%BC");
        assert_eq!(escaped(".."), "%2E%2E");
        assert_eq!(escaped(""), NULL);
    }
}
