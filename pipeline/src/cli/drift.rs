//! `tidelake drift`: what has changed in what sources give.

use super::Failure;
use super::listing::text_format;
use super::sql::to_stdout;
use crate::config::Config;
use tidelake_sinks::format::Format;

#[derive(clap::Args)]
pub(crate) struct DriftArgs {
    /// Only sources (CONNECTOR/ROUTE) that begin so.
    #[arg(value_name = "SOURCE")]
    source: Option<String>,
    /// Only what goes on.
    #[arg(long)]
    open: bool,
    /// table, json, ndjson or csv.
    #[arg(short, long, default_value = "table", value_parser = text_format)]
    format: Format,
}

pub(crate) async fn run(args: &DriftArgs, config: &Config) -> Result<(), Failure> {
    let engine = super::lake::engine(config).await?;
    let mut only = vec!["true".to_owned()];
    if args.open {
        only.push("state = 'open'".into());
    }
    if let Some(source) = &args.source {
        only.push(format!("starts_with(connector || '/' || route, '{}')", source.replace('\'', "''")));
    }
    let query = format!("SELECT * FROM drift WHERE {} ORDER BY opened_at, incident_id", only.join(" AND "));
    to_stdout(engine.sql(&query).await?, args.format).await?;
    Ok(())
}
