//! `tidelake backup`: tables, positions and the state of tasks in another store.

use super::Failure;
use super::copies::Watch;
use super::shown::Shown;
use crate::backup::state::LogState;
use crate::backup::wait::{Behind, until_landed};
use crate::clock::now;
use crate::config::Config;
use crate::daemon::{Daemon, Role};
use crate::log::embedded::Embedded;
use crate::roles::Stop;
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tidelake_sinks::backup::{Manifest, Progress, Verified, take, verify};
use tidelake_sinks::copies::{Copied, Copies, CopyKind};
use tidelake_sinks::lake::erasure::Why;
use tidelake_sinks::place::Place;
use tidelake_sinks::privacy::copies::{Erasing, erase};

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["to", "verify"])))]
pub(crate) struct BackupArgs {
    /// A directory or URL (s3://, gs://, az://). What an earlier backup brought there is not copied again.
    #[arg(long, value_name = "PLACE")]
    to: Option<String>,
    /// Read every file of a backup and compare it with what the manifest says.
    #[arg(long, value_name = "PLACE")]
    verify: Option<String>,
    /// How long what is in the log may take to land; it has to be in the tables first.
    #[arg(long, default_value = "10m", value_parser = duration, value_name = "DURATION")]
    wait: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text).ok_or_else(|| format!("{text:?} is not a duration; write 60s or 10m"))
}

pub(crate) async fn run(args: &BackupArgs, config: Config) -> Result<(), Failure> {
    if let Some(place) = &args.verify {
        return check(&self::place(place, &config)?).await;
    }
    let to = place(args.to.as_deref().unwrap_or_default(), &config)?;
    let alone = config.log.broker == "embedded" && Embedded::running(&config.data_dir).is_none();
    let watch = Watch::begin(&super::lake::lake(&config)?).await?;
    let daemon = Daemon::reach(config).await?;
    let (connection, layout) = (daemon.connection.clone(), daemon.config.layout());
    let mut state = tokio::task::spawn_blocking(move || LogState::read(&connection, &layout)).await??;
    let copies = Copies::of(&daemon.lake)?;
    state.copies = copies.all().await?;
    land(&daemon, alone, args.wait).await?;
    let mut shown = Shown::new();
    let state = serde_json::to_vec(&state)?;
    let taken =
        take(&daemon.lake, &to, state.into(), now(), |progress| shown.tell(|| files("copied", progress))).await?;
    drop(shown);
    // One place, one entry, however often it is brought up to date.
    let known = copies.all().await?.into_iter().find(|copy| copy.kind == CopyKind::Backup && copy.location == to.shown);
    let copy = Copied {
        id: known.map_or(taken.manifest.id, |known| known.id),
        kind: CopyKind::Backup,
        location: to.shown.clone(),
        format: "delta".into(),
        made_at: taken.manifest.made_at,
        statement: None,
        sha256: None,
    };
    copies.note(&copy).await?;
    if watch.is_disturbed().await? {
        erase_from(&daemon, &copy).await?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", to.shown)?;
    listed(&mut out, &taken.manifest)?;
    let Progress { files, bytes } = taken.copied;
    writeln!(
        out,
        "  {} in all, of which {files} files ({}) were new",
        HumanBytes(taken.manifest.bytes()),
        HumanBytes(bytes)
    )?;
    Ok(())
}

/// Somebody was erased while the backup was made: takes out of it who is erased by now.
async fn erase_from(daemon: &Daemon, copy: &Copied) -> Result<(), Failure> {
    let (connection, layout) = (daemon.connection.clone(), daemon.config.layout());
    let state = tokio::task::spawn_blocking(move || LogState::read(&connection, &layout)).await??;
    let (erased, messages) = (state.suppressed(&daemon.privacy_key)?, state.suppressions());
    let (why, options) = (Why::of("of others while a backup was made"), daemon.config.files());
    let state = |written: &[u8]| LogState::without(written, &erased, &messages);
    let erasing = Erasing { erased: &erased, why: &why, options: &options, now: now(), state: &state };
    let (told, _) = erase(&daemon.lake, copy, &erasing).await;
    match told.outcome.as_str() {
        "failed" => {
            let why = told.note.unwrap_or_default();
            Err(format!("somebody was erased from the lake meanwhile and is in {}: {why}. Erase again", copy.location)
                .into())
        }
        _ => Ok(()),
    }
}

pub(super) fn place(location: &str, config: &Config) -> Result<Place, Failure> {
    Place::at(location, &config.lake.storage).map_err(|why| format!("{location}: {why}").into())
}

/// Waits until what is in the log has landed; where nobody else does, this process lands it.
async fn land(daemon: &Daemon, alone: bool, at_most: Duration) -> Result<(), Failure> {
    let stop = Stop::default();
    let running = alone.then(|| daemon.run(&[Role::Enrich, Role::Land], &stop));
    let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
    let waited = until_landed(daemon, at_most, |behind| {
        if let Some(bar) = &bar {
            bar.set_message(told(behind));
            bar.tick();
        }
    });
    let waited = waited.await?;
    bar.iter().for_each(ProgressBar::finish_and_clear);
    if let Some(running) = running {
        running.drain(daemon.config.shutdown.grace).await?;
    }
    waited.map_err(|behind| {
        format!(
            "{} after {at_most:?}. A backup needs everything that collectors have noted as published to be in the tables. \
             Is `tidelake run --roles enrich,land` at work? Start it, or wait longer with --wait",
            told(behind)
        )
        .into()
    })
}

fn told(behind: Behind) -> String {
    match behind {
        Behind::ToEnrich(left) => format!("{} observations are not enriched yet", HumanCount(left.unsigned_abs())),
        Behind::ToLand(left) => format!("{} messages have not landed yet", HumanCount(left.unsigned_abs())),
    }
}

pub(super) fn listed(out: &mut impl Write, manifest: &Manifest) -> std::io::Result<()> {
    for (name, table) in &manifest.tables {
        writeln!(out, "  {name} version {}, {} files", table.version, table.files.len())?;
    }
    Ok(())
}

async fn check(place: &Place) -> Result<(), Failure> {
    let mut shown = Shown::new();
    let Verified { manifest, damaged } = verify(place, |progress| shown.tell(|| files("checked", progress))).await?;
    drop(shown);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: made at {}", place.shown, manifest.made_at)?;
    listed(&mut out, &manifest)?;
    if damaged.is_empty() {
        writeln!(out, "Every file is as it was written.")?;
        return Ok(());
    }
    damaged.iter().try_for_each(|damage| writeln!(out, "  {damage}"))?;
    Err(format!("{} files are missing or damaged. Back up to another place, while the lake is there", damaged.len(),)
        .into())
}

/// A line about files that are copied or checked.
pub(super) fn files(what: &str, progress: Progress) -> String {
    format!("{what}: {} files, {}", HumanCount(progress.files), HumanBytes(progress.bytes))
}
