//! `tidelake export`: the answer to a query, with or without a name, or a table, as files.

use super::copies::Watch;
use super::query::Given;
use super::shown::Shown;
use super::{Failure, sql};
use crate::clock::now;
use crate::config::Config;
use indicatif::{HumanBytes, HumanCount};
use std::io::Write;
use tidelake_sinks::copies::{Copied, CopyKind};
use tidelake_sinks::export::{
    Compression, Export, ExportFormat, Exported, Partition, Reached, export, graph, partitioned,
};
use tidelake_sinks::query::{Answer, Engine, QueryOptions, named, split};
use uuid::Uuid;

/// Memory for sorting and grouping; beyond it they spill.
const MEMORY: usize = 256 << 20;

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["query", "named", "table"])))]
pub(crate) struct ExportArgs {
    /// A query.
    #[arg(long, value_name = "SQL")]
    query: Option<String>,
    /// A query of `tidelake query`, e.g. fastest-hashtags, with its parameters (--region, --since, …).
    #[arg(long, value_name = "NAME")]
    named: Option<String>,
    /// A table or view, whole.
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Of TABLE only the rows for which this holds, e.g. "region = 'US'".
    #[arg(long, value_name = "SQL", requires = "table")]
    r#where: Option<String>,
    #[command(flatten)]
    given: Given,
    /// The lake as it was at this instant.
    #[arg(long, value_name = "WHEN")]
    as_of: Option<String>,
    /// A path or a URL (s3://, gs://, az://); `-` is standard output, which is not noted in the register of copies.
    #[arg(long, value_name = "PATH")]
    to: String,
    /// parquet, csv, json, ndjson, xlsx or gexf (a graph of edges, as the view graph_edges has them); by default what PATH's
    /// extension says.
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<ExportFormat>,
    /// Of Parquet: zstd (as a rule), snappy, gzip, lz4 or none. Of text: gzip or zstd, as PATH.gz or PATH.zst say, too.
    #[arg(long, value_name = "CODEC")]
    compression: Option<Compression>,
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
    let (engine, watch) = args.engine(config).await?;
    if args.to == "-" {
        return to_stdout(args, &engine, &query).await;
    }
    let wanted = args.export(config)?;
    let reads = engine.reads(&query).await?;
    let answer = args.answer(&engine, &query, wanted.format).await?;
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
        statement: Some(args.statement(query)),
        sha256: done.sha256().map(str::to_owned),
    };
    watch.note(copy).await?;
    summary(&done, &reads.into_iter().collect::<Vec<_>>())
}

impl ExportArgs {
    /// What is asked, with values in the place of parameters: one text for the answer, for what it reads, and for the
    /// register of copies.
    fn query(&self) -> Result<String, Failure> {
        if let (Some((option, _)), None) = (self.given.named().first(), &self.named) {
            return Err(format!("--{option} is for --named; elsewhere write --bind {option}=VALUE").into());
        }
        let (query, binds) = match (&self.query, &self.named, &self.table) {
            (Some(query), ..) => (one(query)?, sql::with_now(&self.given.binds())),
            (None, Some(name), _) => {
                let query = named::find(name)?;
                (one(query.sql)?, query.binds(&self.given.binds(), now())?)
            }
            (None, None, Some(table)) => {
                let table =
                    table.split('.').map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect::<Vec<_>>();
                let only = self.r#where.as_ref().map(|only| format!("\nWHERE {only}")).unwrap_or_default();
                (format!("SELECT * FROM {}{only}", table.join(".")), sql::with_now(&self.given.binds()))
            }
            (None, None, None) => {
                return Err("name what is to be written: --query SQL, --named NAME or --table TABLE".into());
            }
        };
        Ok(binds.written_into(&query)?)
    }

    /// An engine for one large answer.
    async fn engine(&self, config: &Config) -> Result<(Engine, Watch), Failure> {
        let spill_dir = Some(config.data_dir.join("spill"));
        let options = QueryOptions { memory_bytes: MEMORY, spill_dir, ..QueryOptions::default() };
        let (engine, watch) = super::lake::copied(config, options).await?;
        match &self.as_of {
            Some(at) => Ok((engine.as_of(sql::instant(at)?).await?, watch)),
            None => Ok((engine, watch)),
        }
    }

    /// The rows, as the format and the parts want them.
    async fn answer(&self, engine: &Engine, query: &str, format: ExportFormat) -> Result<Answer, Failure> {
        match &self.partition_by {
            Some(_) if format == ExportFormat::Gexf => Err("a graph is one file: leave --partition-by out".into()),
            None if format == ExportFormat::Gexf => Ok(graph(engine, query).await?),
            Some(by) => {
                let answer = engine.sql(query).await?;
                let parts = Partition::of(by, &answer.schema)?;
                Ok(engine.sql(&partitioned(query, &parts, &answer)).await?)
            }
            None => Ok(engine.sql(query).await?),
        }
    }

    /// By which the export can be made again.
    fn statement(&self, query: String) -> String {
        match &self.as_of {
            Some(at) => format!("-- as of {at}\n{query}"),
            None => query,
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
        let wanted = Export::new(&self.to, format);
        Ok(Export {
            compression: self.compression.unwrap_or(wanted.compression),
            storage: config.lake.storage.clone(),
            row_group_rows: usize::try_from(self.row_group_size).unwrap_or(usize::MAX),
            partition: self.partition_by.clone(),
            bom: self.bom,
            guard_formulas: !self.no_formula_guard,
            force: self.force,
            scratch: Some(scratch),
            ..wanted
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
    if let Some(codec) = args.compression.filter(|codec| *codec != Compression::None) {
        return Err(format!("standard output is not compressed: name a file, or pipe into {}", codec.name()).into());
    }
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
