//! `tidelake export`: the answer to a query, or a table, as files.

use super::Failure;
use super::shown::Shown;
use crate::clock::now;
use crate::config::Config;
use indicatif::{HumanBytes, HumanCount};
use std::io::Write;
use tidelake_sinks::copies::{Copied, CopyKind};
use tidelake_sinks::export::{Compression, Export, ExportFormat, Exported, Partition, Reached, export, partitioned};
use tidelake_sinks::query::{Engine, QueryOptions, split};
use uuid::Uuid;

/// Memory for sorting and grouping; beyond it they spill.
const MEMORY: usize = 256 << 20;

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["query", "table"])))]
pub(crate) struct ExportArgs {
    /// A query.
    #[arg(long, value_name = "SQL")]
    query: Option<String>,
    /// A table or view, whole.
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Of TABLE only the rows for which this holds, e.g. "region = 'US'".
    #[arg(long, value_name = "SQL", requires = "table")]
    r#where: Option<String>,
    /// A path or a URL (s3://, gs://, az://); `-` is standard output, which is not noted in the register of copies.
    #[arg(long, value_name = "PATH")]
    to: String,
    /// parquet, csv, json, ndjson or xlsx; by default what PATH's extension says.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<ExportFormat>,
    /// Of Parquet: zstd, snappy, gzip, lz4 or none.
    #[arg(long, value_name = "CODEC", default_value = "zstd")]
    compression: Compression,
    /// Of Parquet: rows per row group.
    #[arg(long, value_name = "ROWS", default_value = "131072", value_parser = clap::value_parser!(u32).range(1..))]
    row_group_size: u32,
    /// A directory with a file per author, date, region, or value of a column: region=US/part-0.parquet.
    #[arg(long, value_name = "author|date|region|COLUMN")]
    partition_by: Option<String>,
    /// CSV begins with a byte order mark: Excel then reads it as UTF-8.
    #[arg(long)]
    bom: bool,
    /// Leave texts that begin with = + - @ as they are. Otherwise CSV has ' before them, and Excel cells are marked as text:
    /// a spreadsheet would compute what strangers wrote.
    #[arg(long)]
    no_formula_guard: bool,
    /// Replace what is there.
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(args: &ExportArgs, config: &Config) -> Result<(), Failure> {
    let query = args.query()?;
    let (engine, watch) = super::lake::copied(config, options(config)).await?;
    if args.to == "-" {
        return to_stdout(args, &engine, &query).await;
    }
    let wanted = args.export(config)?;
    let reads = engine.reads(&query).await?;
    let mut answer = engine.sql(&query).await?;
    if let Some(by) = &args.partition_by {
        let parts = Partition::of(by, &answer.schema)?;
        answer = engine.sql(&partitioned(&query, &parts, &answer)).await?;
    }
    let mut shown = Shown::new();
    let done = tokio::select! {
        done = export(answer, &wanted, |reached| shown.tell(|| rows(reached))) => done?,
        _ = tokio::signal::ctrl_c() => return Err(format!("interrupted: {} is not written", args.to).into()),
    };
    drop(shown);
    let copy = Copied {
        id: Uuid::now_v7(),
        kind: CopyKind::Export,
        location: done.location.clone(),
        format: wanted.format.name().to_owned(),
        made_at: now(),
        statement: Some(query),
        sha256: done.sha256().map(str::to_owned),
    };
    watch.note(copy).await?;
    summary(&done, &reads.into_iter().collect::<Vec<_>>())
}

/// An engine for one large answer.
async fn engine(config: &Config) -> Result<Engine, Failure> {
    let spill_dir = Some(config.data_dir.join("spill"));
    let options = QueryOptions { memory_bytes: MEMORY, spill_dir, ..QueryOptions::default() };
    super::lake::asked(config, options).await
}

impl ExportArgs {
    fn query(&self) -> Result<String, Failure> {
        match (&self.query, &self.table) {
            (Some(query), _) => one(query),
            (None, Some(table)) => {
                let table =
                    table.split('.').map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect::<Vec<_>>();
                let only = self.r#where.as_ref().map(|only| format!("\nWHERE {only}")).unwrap_or_default();
                Ok(format!("SELECT * FROM {}{only}", table.join(".")))
            }
            (None, None) => Err("name what is to be written: --query SQL or --table TABLE".into()),
        }
    }

    fn export(&self, config: &Config) -> Result<Export, Failure> {
        let format = self.format.or_else(|| ExportFormat::of_extension(&self.to)).ok_or_else(|| {
            let known = ExportFormat::ALL.map(ExportFormat::name).join(", ");
            format!("{}: its extension names no format; give one with --format ({known})", self.to)
        })?;
        if self.bom && format != ExportFormat::Csv {
            return Err(format!("--bom is for CSV: readers of {format} would stumble over it").into());
        }
        let scratch = config.data_dir.join("spill");
        std::fs::create_dir_all(&scratch).map_err(|e| format!("{}: {e}", scratch.display()))?;
        Ok(Export {
            storage: config.lake.storage.clone(),
            compression: self.compression,
            row_group_rows: usize::try_from(self.row_group_size).unwrap_or(usize::MAX),
            partition: self.partition_by.clone(),
            bom: self.bom,
            guard_formulas: !self.no_formula_guard,
            force: self.force,
            scratch: Some(scratch),
            ..Export::new(&self.to, format)
        })
    }
}

/// One statement, without what comes after it.
pub(super) fn one(query: &str) -> Result<String, Failure> {
    match split::statements(query).as_slice() {
        [statement] => Ok((*statement).to_owned()),
        [] => Err("there is no statement to run. Try: --query 'SELECT * FROM videos'".into()),
        more => Err(format!("{} statements where one is taken: export them one by one", more.len()).into()),
    }
}

/// Text to standard output, as `tidelake sql` does.
async fn to_stdout(args: &ExportArgs, engine: &Engine, query: &str) -> Result<(), Failure> {
    let format = match args.format {
        Some(ExportFormat::Csv) | None => "csv",
        Some(ExportFormat::Json) => "json",
        Some(ExportFormat::Ndjson) => "ndjson",
        Some(format) => return Err(format!("{format} is not for standard output: name a file").into()),
    };
    super::sql::to_stdout(engine.sql(query).await?, format.parse()?).await?;
    Ok(())
}

fn summary(done: &Exported, reads: &[(String, u64)]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", done.location)?;
    let files = if done.sha256().is_some() { String::new() } else { format!(", {} files", done.files.len()) };
    writeln!(out, "  {} rows, {} bytes{files}", done.rows(), done.bytes())?;
    if let Some(sum) = done.sha256() {
        writeln!(out, "  sha256 {sum}")?;
    }
    for (table, version) in reads {
        writeln!(out, "  read from {table} version {version}")?;
    }
    if done.cut > 0 {
        writeln!(out, "  {} texts are longer than an Excel cell (32,767 characters) and were cut", done.cut)?;
    }
    Ok(())
}

/// A line about rows that are written.
pub(super) fn rows(reached: Reached) -> String {
    format!("{} rows, {}", HumanCount(reached.rows), HumanBytes(reached.bytes))
}
