//! `tidelake coverage`: how complete is what was collected?

use super::Failure;
use super::sql::to_stdout;
use crate::config::Config;
use tidelake_sinks::format::Format;

#[derive(clap::Args)]
pub(crate) struct CoverageArgs {
    /// Only tasks whose names begin so.
    #[arg(value_name = "TASK")]
    task: Option<String>,
    /// Each poll instead of one line a task: what was asked, what came, why it stopped.
    #[arg(long)]
    polls: bool,
    /// table, json, ndjson or csv.
    #[arg(short, long, default_value = "table", value_parser = str::parse::<Format>)]
    format: Format,
}

pub(crate) async fn run(args: &CoverageArgs, config: &Config) -> Result<(), Failure> {
    if args.format.is_binary() {
        return Err(format!("{} is not for a terminal; formats are table, json, ndjson and csv", args.format).into());
    }
    let engine = super::lake::engine(config).await?;
    let (columns, from, task, order) = if args.polls {
        const COLUMNS: &str = "provenance['task'] AS task, provenance['connector'] AS connector, observed_at, asked, requested, got, \"new\" AS fresh, rejected, \
                               requests, has_more, stop_reason, fault, took_ms";
        (COLUMNS, "coverage", "provenance['task']", "observed_at, task, page")
    } else {
        ("*", "coverage_by_task", "task", "task")
    };
    let only = args
        .task
        .as_ref()
        .map_or_else(String::new, |t| format!("WHERE starts_with({task}, '{}')", t.replace('\'', "''")));
    let answer = engine.sql(&format!("SELECT {columns} FROM {from} {only} ORDER BY {order}")).await?;
    to_stdout(answer, args.format).await?;
    Ok(())
}
