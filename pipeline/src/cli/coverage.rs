//! `tidelake coverage`: how complete is what was collected?

use super::Failure;
use super::listing::text_format;
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
    #[arg(short, long, default_value = "table", value_parser = text_format)]
    format: Format,
}

pub(crate) async fn run(args: &CoverageArgs, config: &Config) -> Result<(), Failure> {
    let engine = super::lake::engine(config).await?;
    let (columns, from, task, order) = if args.polls {
        const COLUMNS: &str = "provenance['task'] AS task, provenance['connector'] AS connector, observed_at, asked, requested, got, \"new\" AS fresh, rejected, \
                               requests, has_more, stop_reason, fault, took_ms";
        (COLUMNS, "coverage", "provenance['task']", "observed_at, task, page")
    } else {
        // As many as fit a terminal; the other formats have them all.
        const SHOWN: &str = "task, connector, polls, requests, got, fresh, complete_cycles, interrupted, suspect, \
                             days_missing, last_poll, more_left, last_stop, last_fault";
        let columns = if args.format == Format::Table { SHOWN } else { "*" };
        (columns, "coverage_by_task", "task", "task")
    };
    let only = args
        .task
        .as_ref()
        .map_or_else(String::new, |t| format!("WHERE starts_with({task}, '{}')", t.replace('\'', "''")));
    let answer = engine.sql(&format!("SELECT {columns} FROM {from} {only} ORDER BY {order}")).await?;
    to_stdout(answer, args.format).await?;
    Ok(())
}
