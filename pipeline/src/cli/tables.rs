//! `tidelake tables`

use super::{Failure, listing};
use crate::config::Config;
use serde_json::json;
use tidelake_sinks::query::TableKind;
use tidelake_sinks::query::functions::FUNCTIONS;

#[derive(clap::Args)]
pub(crate) struct TablesArgs {
    /// The functions that queries have beside SQL's own.
    #[arg(long)]
    functions: bool,
    /// table, json or csv.
    #[arg(long, default_value = "table")]
    format: String,
}

pub(crate) async fn run(args: &TablesArgs, config: &Config) -> Result<(), Failure> {
    if args.functions {
        let rows = FUNCTIONS.iter().map(|f| [f.kind.to_string(), f.syntax.to_owned(), f.about.to_owned()]);
        let objects = FUNCTIONS.iter().map(|f| json!(f));
        return listing::print(&args.format, ["kind", "call", "returns"], rows, objects);
    }
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
    let objects = tables.iter().map(|t| {
        json!({ "name": t.name, "kind": kind(t.kind), "rows": t.rows, "files": t.files, "bytes": t.bytes, "version": t.version })
    });
    listing::print(&args.format, ["name", "kind", "rows", "files", "bytes", "version"], rows, objects)
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
