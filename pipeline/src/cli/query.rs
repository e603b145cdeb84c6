//! `tidelake query`: the questions that are asked of every lake, by name.

use super::copies::command;
use super::{Failure, lake, listing, sql};
use crate::clock;
use crate::config::Config;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use tidelake_sinks::format::Format;
use tidelake_sinks::query::named::{self, NamedQuery};
use tidelake_sinks::query::{Bind, Binds};

#[derive(clap::Args)]
pub(crate) struct QueryArgs {
    /// The query's name; without one, all of them are listed.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// List the queries: what they answer, what a row is, and their parameters.
    #[arg(long, conflicts_with = "name")]
    list: bool,
    /// Print the query instead of its answer.
    #[arg(long)]
    sql: bool,
    #[command(flatten)]
    given: Given,
    /// table, json, ndjson, csv or parquet; by default what FILE's extension says, else table.
    #[arg(short, long, value_name = "FORMAT", value_parser = str::parse::<Format>)]
    format: Option<Format>,
    /// Write the answer to a file, which appears when the answer is complete.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Values for a query's parameters.
#[derive(clap::Args)]
pub(super) struct Given {
    /// Only this region (two letters).
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// From this instant or day on.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// The instant that is asked about, which makes answers repeatable; by default now.
    #[arg(long, value_name = "WHEN")]
    now: Option<String>,
    /// The metric to compare by.
    #[arg(long, value_name = "METRIC")]
    by: Option<String>,
    /// How many rows.
    #[arg(long, value_name = "ROWS")]
    limit: Option<String>,
    /// Any parameter of the query: an instant, a number, null or a text for :NAME.
    #[arg(long = "bind", value_name = "NAME=VALUE", value_parser = Binds::read)]
    binds: Vec<(String, Bind)>,
}

pub(crate) async fn run(args: &QueryArgs, config: &Config) -> Result<(), Failure> {
    let Some(name) = args.name.as_ref().filter(|_| !args.list) else {
        return list(args.format.unwrap_or_default());
    };
    let query = named::find(name)?;
    if args.sql {
        return Ok(std::io::stdout().write_all(query.sql.as_bytes())?);
    }
    let format = sql::format_of(args.format, args.output.as_deref())?;
    let binds = query.binds(&args.given.binds(), clock::now())?;
    let (engine, watch) = match args.output {
        Some(_) => lake::copied(config, lake::options(config)).await.map(|(engine, watch)| (engine, Some(watch)))?,
        None => (lake::asked(config, lake::options(config)).await?, None),
    };
    let answer = engine.ask(query.sql, &binds).await?;
    match &args.output {
        Some(file) => {
            sql::to_file(answer, format, file).await?;
            sql::noted(watch, format, file, command()).await?;
        }
        None => drop(sql::to_stdout(answer, format).await?),
    }
    Ok(())
}

impl Given {
    /// The values, by name.
    pub(super) fn binds(&self) -> Binds {
        let mut binds = Binds::default();
        let named = self.named().into_iter().map(|(name, value)| (name.to_owned(), value));
        named.chain(self.binds.iter().cloned()).for_each(|(name, value)| binds.set(&name, value));
        binds
    }

    /// Those that have an option of their own.
    pub(super) fn named(&self) -> Vec<(&'static str, Bind)> {
        let named = [
            ("region", self.region.as_ref().map(|region| Bind::Text(region.to_ascii_uppercase()))),
            ("since", self.since.as_deref().map(typed)),
            ("now", self.now.as_deref().map(typed)),
            ("by", self.by.clone().map(Bind::Text)),
            ("limit", self.limit.as_deref().map(typed)),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn typed(text: &str) -> Bind {
    let Ok(value) = text.parse();
    value
}

fn list(format: Format) -> Result<(), Failure> {
    let parameters = |query: &NamedQuery| {
        let shown = query.parameters().into_iter().map(|p| match p.default {
            Some(default) => format!("{}={default}", p.name),
            None => p.name.to_owned(),
        });
        shown.collect::<Vec<_>>().join(" ")
    };
    let rows = named::QUERIES.iter().map(|q| [q.name.to_owned(), q.title().to_owned(), parameters(q)]);
    let objects = named::QUERIES.iter().map(|q| {
        let parameters = q
            .parameters()
            .into_iter()
            .map(|p| json!({ "name": p.name, "default": p.default, "choices": p.choices, "about": p.about }));
        json!({ "name": q.name, "title": q.title(), "row": q.row(), "parameters": parameters.collect::<Vec<_>>() })
    });
    listing::print(format.name(), ["name", "answers", "parameters"], rows, objects)
}
