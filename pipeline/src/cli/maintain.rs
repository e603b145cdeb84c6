//! `tidelake maintain`: the lake's chores, once.

use super::{Failure, listing};
use crate::config::Config;
use crate::upkeep::{Allowance, CHORES, Chore, Done, Upkeep};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidelake_sinks::lake::upkeep::{Shape, shape};

#[derive(clap::Args)]
pub(crate) struct MaintainArgs {
    /// Only these chores, in this order. Default: retention, evolve, zorder, compact, checkpoint, clean, vacuum.
    #[arg(value_name = "CHORE", value_parser = CHORES.map(|chore| chore.name))]
    chores: Vec<String>,
    /// Only this table.
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// vacuum: how long files are kept that no version needs any more; instead of the configuration's.
    #[arg(long, value_name = "TIME", value_parser = time)]
    grace: Option<Duration>,
    /// clean: how long the log of old versions is kept; instead of the configuration's.
    #[arg(long, value_name = "TIME", value_parser = time)]
    log_retention: Option<Duration>,
    /// Allow a grace of less than a day: only where no writer or reader can need what is older.
    #[arg(long)]
    allow_short_grace: bool,
    /// table, json or csv.
    #[arg(short, long, default_value = "table")]
    format: String,
}

fn time(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text).ok_or_else(|| format!("{text:?} is not a duration; write 90s, 1m30s, 6h or 7d"))
}

pub(crate) async fn run(args: &MaintainArgs, mut config: Config) -> Result<(), Failure> {
    config.maintain.grace = args.grace.unwrap_or(config.maintain.grace);
    config.maintain.log_retention = args.log_retention.unwrap_or(config.maintain.log_retention);
    config.maintain.allow_short_grace |= args.allow_short_grace;
    let upkeep = Upkeep {
        lake: super::lake::lake(&config)?,
        config: Arc::new(config),
        only: args.table.clone(),
        dry_run: args.dry_run,
        allowance: Allowance::of(u64::MAX),
        bar: bar(),
        // Only the role has a broker; `tidelake privacy recheck` asks for it by hand.
        log: None,
    };
    let tables = upkeep.tables().await?;
    if let (Some(table), []) = (&args.table, tables.as_slice()) {
        return Err(format!("the lake has no table {table:?}; tidelake tables lists them").into());
    }
    let before = shapes(&upkeep, &tables).await?;
    let begun = Instant::now();
    let mut done = Vec::new();
    let mut failed = Vec::new();
    for chore in wanted(&args.chores) {
        upkeep.bar.set_message(chore.name);
        let outcome = (chore.run)(upkeep.clone()).await;
        done.extend(outcome.done.into_iter().map(|done| (chore.name, done)));
        failed.extend(outcome.failed.into_iter().map(|error| format!("{}: {error}", chore.name)));
    }
    upkeep.bar.finish_and_clear();
    let after = shapes(&upkeep, &tables).await?;
    print(&args.format, &before, &after, &done, begun.elapsed())?;
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}

fn wanted(names: &[String]) -> Vec<Chore> {
    let mut all: Vec<Chore> = CHORES.into();
    if !names.is_empty() {
        all.retain(|chore| names.iter().any(|name| name == chore.name));
        all.sort_by_key(|chore| names.iter().position(|name| name == chore.name));
    }
    all
}

async fn shapes(upkeep: &Upkeep, tables: &[String]) -> Result<BTreeMap<String, Shape>, Failure> {
    let mut shapes = BTreeMap::new();
    for table in tables {
        let found = shape(&upkeep.lake, table, upkeep.config.maintain.target_file_bytes).await?;
        shapes.extend(found.map(|shape| (table.clone(), shape)));
    }
    Ok(shapes)
}

#[allow(clippy::print_stdout, reason = "this is what the command says")]
fn print(
    format: &str,
    before: &BTreeMap<String, Shape>,
    after: &BTreeMap<String, Shape>,
    done: &[(&str, Done)],
    took: Duration,
) -> Result<(), Failure> {
    let pairs: Vec<(&String, Shape, Shape)> =
        after.iter().map(|(table, now)| (table, before.get(table).copied().unwrap_or_default(), *now)).collect();
    let header = [
        "table",
        "version",
        "files before",
        "files",
        "bytes before",
        "bytes",
        "share in full files before",
        "share in full files",
    ];
    let share = |shape: &Shape| shape.full_share().map_or_else(String::new, |share| format!("{share:.3}"));
    let rows = pairs.iter().map(|(table, old, new)| {
        let [version, files_before, files] = [new.version.to_string(), old.files.to_string(), new.files.to_string()];
        let [bytes_before, bytes] = [old.bytes, new.bytes].map(|bytes| bytes.to_string());
        [(*table).clone(), version, files_before, files, bytes_before, bytes, share(old), share(new)]
    });
    let objects = pairs.iter().map(|(table, old, new)| {
        let own = done.iter().filter(|(_, done)| done.table == **table);
        let done: Vec<_> = own.map(|(chore, done)| json!({"chore": chore, "what": done.what})).collect();
        let full = |shape: &Shape| json!(shape.full_share());
        json!({
            "table": table, "version": new.version, "files_before": old.files, "files": new.files,
            "bytes_before": old.bytes, "bytes": new.bytes, "share_in_full_files_before": full(old),
            "share_in_full_files": full(new), "done": done, "seconds": took.as_secs_f64(),
        })
    });
    listing::print(format, header, rows, objects)?;
    if format == "table" {
        for (chore, Done { table, what }) in done {
            println!("{chore}: {table}: {what}");
        }
        println!("{} in {:.1} s", if done.is_empty() { "nothing to do" } else { "done" }, took.as_secs_f64());
    }
    Ok(())
}

fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
    let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
