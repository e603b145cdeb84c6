//! `tidelake copies`: what copies of the lake's rows were made.

use super::{Failure, listing};
use crate::config::Config;
use serde_json::json;
use tidelake_sinks::copies::{Copied, Copies, CopyKind};

#[derive(clap::Args)]
pub(crate) struct CopiesArgs {
    /// table, json or csv.
    #[arg(short, long, default_value = "table", value_parser = ["table", "json", "csv"])]
    format: String,
}

pub(crate) async fn run(args: &CopiesArgs, config: &Config) -> Result<(), Failure> {
    let copies = Copies::of(&super::lake::lake(config)?)?.all().await?;
    let rows = copies.iter().map(|copy| {
        let statement = copy.statement.clone().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        [kind(copy).into(), copy.made_at.to_string(), copy.format.clone(), copy.location.clone(), statement]
    });
    let objects = copies.iter().map(|copy| {
        json!({
            "id": copy.id, "kind": kind(copy), "made_at": copy.made_at.to_string(), "format": copy.format,
            "location": copy.location, "statement": copy.statement, "sha256": copy.sha256,
        })
    });
    listing::print(&args.format, ["kind", "made at", "format", "location", "statement"], rows, objects)
}

fn kind(copy: &Copied) -> &'static str {
    match copy.kind {
        CopyKind::Export => "export",
        CopyKind::Publication => "publication",
        CopyKind::Backup => "backup",
    }
}
