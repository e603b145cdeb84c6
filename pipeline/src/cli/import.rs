//! `tidelake import PATH…`: recorded files into the log, and with `--wait` on into the lake.

use super::Failure;
use crate::config::Config;
use crate::daemon::{Daemon, Role};
use crate::drained;
use crate::roles::collect::{self, Entry, Lane, Sentinel};
use crate::roles::{Stop, now};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tidelake_connectors::import::ImportContext;
use tidelake_connectors::recorded::RecordedFile;
use tidelake_schemas::{EntityKind, Task, Timestamp};

#[derive(clap::Args)]
pub(crate) struct ImportArgs {
    /// Files, or directories to walk.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Enrich and land what was imported before returning (starts those roles in this process).
    #[arg(long)]
    wait: bool,
}

/// What became of one file.
enum FileOutcome {
    Imported { shape: &'static str, kinds: BTreeMap<EntityKind, usize>, rejects: usize, notes: Vec<String> },
    Before(Timestamp),
    NotUnderstood(String),
}

pub(crate) async fn run(args: &ImportArgs, mut config: Config) -> Result<(), Failure> {
    // Somebody waits: commit soon rather than in large files.
    config.lake.commit_age = config.lake.commit_age.min(Duration::from_secs(1));
    let files = walk(&args.paths)?;
    let daemon = Daemon::start(config).await?;
    let stop = Stop::default();
    let running = args.wait.then(|| daemon.run(&[Role::Enrich, Role::Land], &stop));
    let lane = daemon.config.layout().import_lane();
    let connection = daemon.connection.clone();
    let sentinel = Arc::new(tokio::task::spawn_blocking(move || Sentinel::load(&connection)).await??);
    let mut lane = Lane::take_over(&daemon.connection, lane, daemon.progress.clone(), sentinel).await?;
    lane.suppressed = Some(daemon.suppressed());
    daemon.suppressed().ready().await?;
    let progress = bar(files.len());
    let (mut total, mut refused, mut failed) = (BTreeMap::<EntityKind, usize>::new(), 0, 0);
    let mut out = std::io::stdout();
    for file in &files {
        let outcome = import(&mut lane, file, &stop).await?;
        match &outcome {
            FileOutcome::Imported { kinds, rejects, .. } => {
                kinds.iter().for_each(|(kind, n)| *total.entry(*kind).or_default() += n);
                refused += rejects;
            }
            FileOutcome::NotUnderstood(_) => failed += 1,
            FileOutcome::Before(_) => {}
        }
        progress.suspend(|| writeln!(out, "{}", line(file, &outcome)))?;
        progress.inc(1);
    }
    lane.keep_baselines().await?;
    progress.finish_and_clear();
    writeln!(
        out,
        "{} file(s): {}; {refused} record(s) refused, {failed} file(s) not understood",
        files.len(),
        list(&total)
    )?;
    if let Some(running) = running {
        wait_until_landed(&daemon).await?;
        running.drain(daemon.config.shutdown.grace).await?;
        writeln!(out, "landed: {}", landed(&daemon))?;
    }
    Ok(())
}

/// Every file below the paths, sorted.
fn walk(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        collect_files(path, &mut files).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn collect_files(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.metadata()?.is_dir() {
        for entry in std::fs::read_dir(path)? {
            collect_files(&entry?.path(), files)?;
        }
    } else {
        files.push(path.to_owned());
    }
    Ok(())
}

async fn import(lane: &mut Lane, path: &Path, stop: &Stop) -> Result<FileOutcome, Failure> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let name = RecordedFile::task_name(&bytes);
    if let Some(cursor) = lane.cursor(&name).filter(|c| c.finished) {
        return Ok(FileOutcome::Before(cursor.written_at));
    }
    let context = ImportContext { task: name.clone(), cycle: 0, now: now(), file_time: modified(path) };
    let file = match RecordedFile::read(path, &bytes, &context) {
        Ok(file) => file,
        Err(why) => return Ok(FileOutcome::NotUnderstood(why.to_string())),
    };
    let mut kinds = BTreeMap::new();
    for record in &file.imported().observations {
        *kinds.entry(record.kind()).or_default() += 1;
    }
    let imported = file.imported();
    let outcome = FileOutcome::Imported {
        shape: imported.shape.name(),
        kinds,
        rejects: imported.rejects.len(),
        notes: imported.notes.clone(),
    };
    let task = Task { task: name.clone(), connector: "import".into(), declared_at: now(), ..Task::default() };
    let mut entry = Entry::new(task, Box::new(file), Timestamp::default());
    while !lane.cursor(&name).is_some_and(|c| c.finished) {
        collect::step(lane, &mut entry, stop).await?;
    }
    Ok(outcome)
}

fn modified(path: &Path) -> Option<Timestamp> {
    let since = path.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok().map(Timestamp)
}

/// Resolves once everything published has been landed.
pub(super) async fn wait_until_landed(daemon: &Daemon) -> Result<(), Failure> {
    let partitions = daemon.config.layout().partitions();
    while !drained::backlog(&daemon.connection, &daemon.lake, partitions).await?.is_empty() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

fn bar(files: usize) -> indicatif::ProgressBar {
    if std::io::stderr().is_terminal() {
        indicatif::ProgressBar::new(u64::try_from(files).unwrap_or(0))
    } else {
        indicatif::ProgressBar::hidden()
    }
}

fn line(path: &Path, outcome: &FileOutcome) -> String {
    let path = path.display();
    match outcome {
        FileOutcome::Imported { shape, kinds, rejects, notes } => {
            let refused = if *rejects == 0 { String::new() } else { format!(", {rejects} refused") };
            let notes: String = notes.iter().map(|n| format!("\n    {n}")).collect();
            format!("{path}: {shape}: {}{refused}{notes}", list(kinds))
        }
        FileOutcome::Before(at) => format!("{path}: imported before, at {at}; nothing to do"),
        FileOutcome::NotUnderstood(why) => format!("{path}: not understood: {why}"),
    }
}

fn list(kinds: &BTreeMap<EntityKind, usize>) -> String {
    if kinds.is_empty() {
        return "no record".into();
    }
    let parts: Vec<String> =
        kinds.iter().map(|(kind, n)| format!("{n} {}{}", kind.name(), if *n == 1 { "" } else { "s" })).collect();
    parts.join(", ")
}

fn landed(daemon: &Daemon) -> String {
    let reading = daemon.progress.read();
    let parts: Vec<String> =
        reading.landed.iter().filter(|(_, c)| c.rows > 0).map(|(t, c)| format!("{} in {t}", c.rows)).collect();
    if parts.is_empty() { "nothing new".into() } else { parts.join(", ") }
}
