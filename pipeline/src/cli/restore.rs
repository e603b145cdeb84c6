//! `tidelake restore`: a lake, and a log to go on with, of a backup.

use super::Failure;
use super::backup::{files, listed, place};
use super::shown::Shown;
use crate::backup::beyond::withdraw_beyond;
use crate::backup::restore::{is_fresh, plant_log, reposition};
use crate::backup::state::LogState;
use crate::clock::now;
use crate::config::Config;
use crate::daemon::Daemon;
use crate::log::reader::Reader;
use crate::log::suppressions;
use std::io::Write;
use tidelake_schemas::topics::BUDGETS;
use tidelake_sinks::backup::{begin, finish, into_lake};
use tidelake_sinks::copies::Copies;
use tidelake_sinks::lake::Lake;
use tidelake_sinks::lake::erasure::{recheck, uncheck};

#[derive(clap::Args)]
pub(crate) struct RestoreArgs {
    /// Where the backup is: a directory or URL.
    #[arg(long, value_name = "PLACE")]
    from: String,
    /// Only the tables, for a log that is still there: land goes on from where they stand.
    #[arg(long)]
    lake_only: bool,
}

pub(crate) async fn run(args: &RestoreArgs, config: Config) -> Result<(), Failure> {
    let from = place(&args.from, &config)?;
    let lake = super::lake::lake(&config)?;
    let mut shown = Shown::new();
    let (manifest, state, again) = begin(&from, &lake, |progress| shown.tell(|| files("checked", progress))).await?;
    // Before anything is copied: a log with a past of its own would make of it neither one thing nor the other.
    let daemon = if args.lake_only { None } else { Some(Daemon::start_on(lake.clone(), config.clone()).await?) };
    if let Some(daemon) = &daemon
        && !again
        && !is_fresh(&daemon.connection, &daemon.config.layout()).await?
    {
        finish(&lake).await?;
        return Err(
            "the log holds messages. If the lake was landed from it, restore the tables alone, beside it: --lake-only. \
             Else restore to an empty broker or another --data-dir"
                .into(),
        );
    }
    let mut state: LogState = serde_json::from_slice(&state)?;
    let erased = match &daemon {
        Some(daemon) => Some(state.suppressed(&daemon.privacy_key)?),
        None => None,
    };
    into_lake(&from, &manifest, &lake, |progress| shown.tell(|| files("copied", progress))).await?;
    let mut told = Vec::new();
    if let Some((daemon, erased)) = daemon.as_ref().zip(erased.as_ref()) {
        // The backup may have been out of an erasure's reach.
        state.forget(erased);
        let gone = withdraw_beyond(&lake, &state).await?;
        told.push(format!(
            "{gone} rows that came after the state of the tasks were taken out; they are collected again"
        ));
        plant_log(daemon, &state, budgets_are_empty(daemon).await?).await?;
        reposition(daemon, &state).await?;
        let copies = Copies::of(&lake)?;
        for copy in &state.copies {
            copies.note(copy).await?;
        }
        told.push(format!("{} tasks, {} cursors", state.tasks.len(), state.cursors.len()));
    }
    finish(&lake).await?;
    drop(shown);
    told.extend(erased_again(daemon, &lake, config).await?);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: as of {}", lake.root(), manifest.made_at)?;
    listed(&mut out, &manifest)?;
    told.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    Ok(())
}

/// Takes out of the tables who is erased by now: the backup may be older than the erasure, and out of its reach.
async fn erased_again(daemon: Option<Daemon>, lake: &Lake, config: Config) -> Result<Option<String>, Failure> {
    let daemon = match daemon {
        Some(daemon) => daemon,
        None => Daemon::reach(config).await.map_err(|error| {
            format!(
                "the tables are restored, but not looked through for those who are erased: {error}. Then run \
                     tidelake privacy recheck"
            )
        })?,
    };
    let erased = suppressions::everybody(&daemon.connection, &daemon.privacy_key).await?;
    uncheck(lake).await?;
    let found = recheck(lake, &erased, &daemon.config.files(), now()).await?;
    let rows: usize = found.iter().map(|table| table.erased.rows).sum();
    Ok((rows > 0).then(|| format!("{rows} rows of those who are erased were taken out again")))
}

/// Leases that are written twice would be spent twice.
async fn budgets_are_empty(daemon: &Daemon) -> Result<bool, Failure> {
    let connection = daemon.connection.clone();
    let ends = tokio::task::spawn_blocking(move || Reader::new(&connection)?.watermarks(BUDGETS, 0)).await??;
    Ok(ends.1 == 0)
}
