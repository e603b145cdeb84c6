//! `tidelake publish`: an export that names nobody.

use super::Failure;
use super::export::{one, rows};
use super::shown::Shown;
use crate::clock::now;
use crate::config::Config;
use std::io::Write;
use std::path::PathBuf;
use tidelake_sinks::copies::{Copied, Copies, CopyKind};
use tidelake_sinks::export::ExportFormat;
use tidelake_sinks::publish::{Detail, Publication, publish};
use tidelake_sinks::query::QueryOptions;
use uuid::Uuid;

/// Memory for grouping; beyond it it spills.
const MEMORY: usize = 256 << 20;

#[derive(clap::Args)]
pub(crate) struct PublishArgs {
    /// A query that gives author_id, author_handle, creator_id or handle (counted, not published), quasi-identifiers and numbers.
    #[arg(long, value_name = "SQL")]
    query: String,
    /// A directory that is not there yet: data, CODEBOOK.md, SUPPRESSION.md, MANIFEST.json.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Creators that share a combination of quasi-identifiers at least.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(2..))]
    k: u64,
    /// Columns by which others may know a person; by default all that are no numbers (with --rows: all).
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    quasi: Option<Vec<String>>,
    /// Quasi-identifiers of which rare values become "other".
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    generalise: Vec<String>,
    /// The rows instead of one row per combination, where the terms of their sources allow it.
    #[arg(long)]
    rows: bool,
    /// Also a list of the ids of what was published, for others with access of their own.
    #[arg(long)]
    with_ids: bool,
    /// Who approved that rows or ids are handed on, when and for what.
    #[arg(long, value_name = "TEXT")]
    approval: Option<String>,
    /// What it is for; stands in the manifest.
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// csv or parquet.
    #[arg(short, long, default_value = "csv", value_parser = ["csv", "parquet"])]
    format: String,
}

pub(crate) async fn run(args: &PublishArgs, config: &Config) -> Result<(), Failure> {
    let spill_dir = Some(config.data_dir.join("spill"));
    // In one partition sums of floats come out the same each time.
    let options =
        QueryOptions { memory_bytes: MEMORY, spill_dir, target_partitions: Some(1), ..QueryOptions::default() };
    let engine = super::lake::asked(config, options).await?;
    let publication = Publication {
        to: args.to.clone(),
        query: one(&args.query)?,
        k: args.k,
        quasi: args.quasi.clone(),
        generalise: args.generalise.clone(),
        detail: if args.rows { Detail::Rows } else { Detail::Cells },
        with_ids: args.with_ids,
        approval: args.approval.clone(),
        purpose: args.purpose.clone(),
        format: args.format.parse::<ExportFormat>()?,
    };
    let mut shown = Shown::new();
    let done = publish(&engine, &publication, |reached| shown.tell(|| rows(reached))).await?;
    drop(shown);
    let copy = Copied {
        id: Uuid::now_v7(),
        kind: CopyKind::Publication,
        location: done.location.clone(),
        format: args.format.clone(),
        made_at: now(),
        statement: Some(publication.query),
        sha256: None,
    };
    Copies::of(engine.lake())?.note(&copy).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", done.location)?;
    for file in &done.files {
        writeln!(out, "  {}  {} bytes  sha256 {}", file.path, file.bytes, file.sha256)?;
    }
    for (table, version) in &done.tables {
        writeln!(out, "  read from {table} version {version}")?;
    }
    let left = done.suppressed;
    writeln!(
        out,
        "  {} of {} cells and {} of {} rows are in it; SUPPRESSION.md says why the others are not",
        left.published_cells, left.cells, left.published_rows, left.rows
    )?;
    Ok(())
}
