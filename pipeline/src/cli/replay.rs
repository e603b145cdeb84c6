//! `tidelake replay`: stages run again over history, into columns of their own.

use super::Failure;
use super::dates::Dates;
use crate::catalogue::Follower;
use crate::clock;
use crate::config::Config;
use crate::replay::Replay;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use tidelake_schemas::topics::{LANDED, VIDEO_ENRICHED};
use tidelake_sinks::lake::rewrite::{Group, Rewriter, Rewritten, Scope};

/// How often in a row nothing may come of a look at the table.
const TRIES: usize = 5;

#[derive(clap::Args)]
pub(crate) struct ReplayArgs {
    /// Stages to run again, by `,`: prices or prices@2. Their findings go into columns of that name with the version.
    #[arg(long, value_name = "STAGE", value_delimiter = ',', required = true)]
    stages: Vec<String>,
    #[command(flatten)]
    dates: Dates,
    /// Only say how many files would be rewritten.
    #[arg(long)]
    dry_run: bool,
}

#[allow(clippy::print_stdout, reason = "this is what the command says")]
pub(crate) async fn run(args: &ReplayArgs, config: &Config) -> Result<(), Failure> {
    let lake = super::lake::lake(config)?;
    let stages = Follower::start(lake.clone()).await?.stages().now();
    let replay = Replay::of(stages, &args.stages)?;
    let landed = LANDED.into_iter().find(|landed| landed.topic == VIDEO_ENRICHED).ok_or("videos are not landed")?;
    let names = replay.labels().join(", ");
    let Some(mut rewriter) = Rewriter::open(&lake, landed, config.files()).await? else {
        println!("{names}: the lake holds no video yet; nothing to do");
        return Ok(());
    };
    let scope = Scope { labels: replay.labels().to_vec(), dates: args.dates.range(), landed_by: clock::now() };
    if args.dry_run {
        let files: usize = rewriter.groups(&scope).await?.iter().map(Group::files).sum();
        println!("{names}: {files} file{} to rewrite", if files == 1 { "" } else { "s" });
        return Ok(());
    }
    let rows = rewrite(&replay, &mut rewriter, &scope).await?;
    match rows {
        0 => println!("{names}: every row has them; nothing to do"),
        _ => println!("{names}: {rows} rows have them now"),
    }
    Ok(())
}

/// Rewrites until no row that had landed lacks a value; gives how many gained theirs.
async fn rewrite(replay: &Replay, rewriter: &mut Rewriter, scope: &Scope) -> Result<usize, Failure> {
    let columns = replay.columns()?;
    rewriter.add_columns(&columns).await?;
    let (mut rows, mut failed) = (0, 0);
    loop {
        let groups = rewriter.groups(scope).await?;
        if groups.is_empty() {
            return Ok(rows);
        }
        let bar = bar(groups.iter().map(Group::files).sum());
        for group in groups {
            let (date, files) = (group.date.clone(), group.files());
            bar.set_message(date.clone());
            match rewriter.rewrite(group, &columns, |batch| replay.values(batch)).await? {
                Rewritten::Done { rows: here } => {
                    tracing::info!(date, files, rows = here, "replay: rewritten");
                    (rows, failed) = (rows + here, 0);
                    bar.inc(u64::try_from(files).unwrap_or(0));
                }
                Rewritten::Gone { why } if failed == TRIES => {
                    return Err(format!(
                        "files of {date} could not be replaced: {why}. What was done stays; run the command again to go on"
                    )
                    .into());
                }
                Rewritten::Gone { why } => {
                    tracing::info!(date, why, "replay: the table has changed; looking again");
                    failed += 1;
                    break;
                }
            }
        }
        bar.finish_and_clear();
    }
}

fn bar(files: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} files, {eta} left");
    ProgressBar::new(u64::try_from(files).unwrap_or(0))
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
