//! `tidelake tables`

use super::Failure;
use crate::config::Config;
use std::io::Write;
use tidelake_sinks::query::TableKind;

#[derive(clap::Args)]
pub(crate) struct TablesArgs {
    /// table, json or csv.
    #[arg(long, default_value = "table")]
    format: String,
}

pub(crate) async fn run(args: &TablesArgs, config: &Config) -> Result<(), Failure> {
    let engine = super::lake::engine(config).await?;
    let tables = engine.tables().await?;
    let number = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
    let rows = tables.iter().map(|t| {
        let version = number(t.version.and_then(|v| i64::try_from(v).ok()));
        [
            t.name.clone(),
            kind(t.kind).to_owned(),
            number(t.rows.map(to_i64)),
            number(t.files.map(to_i64)),
            number(t.bytes.map(to_i64)),
            version,
        ]
    });
    let mut out = std::io::stdout().lock();
    const HEADER: [&str; 6] = ["name", "kind", "rows", "files", "bytes", "version"];
    match args.format.as_str() {
        "table" => {
            let mut lines = comfy_table::Table::new();
            lines.load_preset(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_header(HEADER);
            lines.add_rows(rows);
            writeln!(out, "{lines}")?;
        }
        "csv" => {
            writeln!(out, "{}", HEADER.join(","))?;
            rows.into_iter().try_for_each(|row| writeln!(out, "{}", row.join(",")))?;
        }
        "json" => {
            let objects: Vec<serde_json::Value> = tables
                .iter()
                .map(|t| serde_json::json!({ "name": t.name, "kind": kind(t.kind), "rows": t.rows, "files": t.files, "bytes": t.bytes, "version": t.version }))
                .collect();
            writeln!(out, "{}", serde_json::Value::Array(objects))?;
        }
        other => return Err(format!("unknown format {other:?}; formats are table, json and csv").into()),
    }
    Ok(())
}

fn kind(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Table => "table",
        TableKind::View => "view",
    }
}

fn to_i64<N: TryInto<i64>>(number: N) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
