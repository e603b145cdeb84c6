//! Short listings: a table for people, CSV or JSON for programs.

use super::Failure;
use serde_json::Value;
use std::io::Write;
use tidelake_sinks::format::{Format, UnknownFormat};

/// Prints rows as `table` or `csv`, or objects as `json`: one array.
pub(super) fn print<const N: usize>(
    format: &str,
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    objects: impl IntoIterator<Item = Value>,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match format {
        "table" => writeln!(out, "{}", table(header, rows))?,
        "csv" => {
            writeln!(out, "{}", header.map(|name| name.replace(' ', "_")).join(","))?;
            rows.into_iter().try_for_each(|row| writeln!(out, "{}", row.map(|cell| quoted(&cell)).join(",")))?;
        }
        "json" => writeln!(out, "{}", Value::Array(objects.into_iter().collect()))?,
        other => return Err(format!("unknown format {other:?}; formats are table, json and csv").into()),
    }
    Ok(())
}

/// Reads the name of a format that is text.
pub(super) fn text_format(name: &str) -> Result<Format, String> {
    let format: Format = name.parse().map_err(|e: UnknownFormat| e.to_string())?;
    if format.is_binary() {
        return Err(format!("{format} is not for a terminal; formats are table, json, ndjson and csv"));
    }
    Ok(format)
}

/// Rows under a header.
pub(super) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_header(header).add_rows(rows);
    table
}

/// A cell of a CSV line (RFC 4180).
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!((quoted("a b"), quoted("a,\"b\"")), ("a b".into(), "\"a,\"\"b\"\"\"".into()));
    }

    #[test]
    fn unknown_formats_are_refused() {
        let error = print("xml", ["a"], [], []).expect_err("unknown").to_string();
        assert!(error.contains("table, json and csv"), "{error}");
    }
}
