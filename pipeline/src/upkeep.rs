//! Chores of a lake: what `maintain` does in turn, as a role or once as a command. Any process may do any of them at any
//! time: two that do the same find each other's work done.

use crate::cli::Failure;
use crate::clock;
use crate::config::Config;
use crate::config::Every;
use crate::log::client::Connection;
use crate::log::suppressions;
use futures::future::BoxFuture;
use indicatif::ProgressBar;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tidelake_schemas::topics::LANDED;
use tidelake_sinks::lake::current::{Current, RefreshOptions, refresh};
use tidelake_sinks::lake::erasure::{self, Recheck};
use tidelake_sinks::lake::upkeep::{
    self, Compactor, Group, Repacked, UpkeepOptions, checkpoint, clean, retain, vacuum, widen,
};
use tidelake_sinks::lake::{Lake, LakeError};
use tidelake_sinks::privacy::gone;
use tokio::runtime::Handle;

/// How often in a row nothing may come of a look at a table.
const TRIES: usize = 5;
const HOUR: Duration = Duration::from_secs(3600);

/// A chore. To add one: its function, a line in [`CHORES`], and how often in `[maintain.every]`.
pub(crate) struct Chore {
    pub name: &'static str,
    /// How often the role does it.
    pub every: fn(&Every) -> Duration,
    pub run: fn(Upkeep) -> BoxFuture<'static, Outcome>,
}

/// What a chore did, and where it failed.
#[derive(Default)]
pub(crate) struct Outcome {
    pub done: Vec<Done>,
    pub failed: Vec<String>,
}

/// What a chore did to a table.
#[derive(Debug, PartialEq)]
pub(crate) struct Done {
    pub table: String,
    pub what: String,
}

/// What was done to one table, if anything.
type Said = Result<Option<String>, Failure>;

/// The chores, in the order in which each leaves least to do for the next.
#[rustfmt::skip]
pub(crate) const CHORES: [Chore; 9] = [
    Chore { name: "recheck", every: |every| every.recheck, run: |upkeep| Box::pin(recheck(upkeep)) },
    Chore { name: "retention", every: |every| every.retention, run: |upkeep| each(upkeep, |u, t| Box::pin(retention(u, t))) },
    Chore { name: "evolve", every: |every| every.evolve, run: |upkeep| each(upkeep, |u, t| Box::pin(evolve(u, t))) },
    Chore { name: "zorder", every: |every| every.zorder, run: |upkeep| each(upkeep, |u, t| Box::pin(zorder(u, t))) },
    Chore { name: "compact", every: |every| every.compact, run: |upkeep| each(upkeep, |u, t| Box::pin(compact(u, t))) },
    Chore { name: "current", every: |every| every.current, run: |upkeep| Box::pin(current(upkeep)) },
    Chore { name: "checkpoint", every: |every| every.checkpoint, run: |upkeep| each(upkeep, |u, t| Box::pin(write_checkpoint(u, t))) },
    Chore { name: "clean", every: |every| every.clean, run: |upkeep| each(upkeep, |u, t| Box::pin(clean_log(u, t))) },
    Chore { name: "vacuum", every: |every| every.vacuum, run: |upkeep| each(upkeep, |u, t| Box::pin(vacuum_table(u, t))) },
];

/// Does something to each table; that it fails for one does not keep it from the others.
fn each(upkeep: Upkeep, chore: fn(Upkeep, String) -> BoxFuture<'static, Said>) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        let mut outcome = Outcome::default();
        let tables = match upkeep.tables().await {
            Ok(tables) => tables,
            Err(error) => return Outcome { failed: vec![error.to_string()], ..outcome },
        };
        for table in tables {
            match chore(upkeep.clone(), table.clone()).await {
                Ok(what) => outcome.done.extend(what.map(|what| Done { table, what })),
                Err(error) => outcome.failed.push(error.to_string()),
            }
        }
        outcome
    })
}

/// What chores are done to.
#[derive(Clone)]
pub(crate) struct Upkeep {
    pub lake: Lake,
    pub config: Arc<Config>,
    /// Only this table.
    pub only: Option<String>,
    /// Only say what would be done.
    pub dry_run: bool,
    pub allowance: Allowance,
    pub bar: ProgressBar,
    /// Where it is written who is erased; `None` where no broker is reached.
    pub log: Option<Connection>,
}

impl Upkeep {
    pub(crate) fn options(&self) -> UpkeepOptions {
        self.config.maintain.options(self.config.files(), self.config.data_dir.join("spill"))
    }

    /// The tables it is about.
    pub(crate) async fn tables(&self) -> Result<Vec<String>, LakeError> {
        let mut tables = upkeep::tables(&self.lake).await?;
        tables.retain(|table| self.only.as_ref().is_none_or(|only| only == table));
        Ok(tables)
    }

    fn would(&self, done: &str, would: &str) -> String {
        if self.dry_run { would.to_owned() } else { done.to_owned() }
    }
}

/// Takes out what landed of those who are erased, and videos that are gone where that is wanted.
async fn recheck(upkeep: Upkeep) -> Outcome {
    let mut outcome = Outcome::default();
    if upkeep.dry_run || upkeep.only.is_some() {
        return outcome;
    }
    let Some(connection) = upkeep.log.clone() else { return outcome };
    // On a thread of its own: rustc cannot tell that this work may move between threads.
    let handle = Handle::current();
    let work = tokio::task::spawn_blocking(move || handle.block_on(erased_again(&upkeep, &connection)));
    match work.await {
        Ok(Ok(done)) => outcome.done = done,
        Ok(Err(error)) => outcome.failed.push(error.to_string()),
        Err(error) => outcome.failed.push(error.to_string()),
    }
    outcome
}

async fn erased_again(upkeep: &Upkeep, connection: &Connection) -> Result<Vec<Done>, Failure> {
    let key = upkeep.config.privacy.key(&upkeep.config.data_dir)?;
    let erased = suppressions::everybody(connection, &key).await?;
    let files = upkeep.config.files();
    // By the clock that stores date files by.
    let found = erasure::recheck(&upkeep.lake, &erased, &files, clock::wall()).await?;
    let said = |table: &Recheck| Done {
        table: table.table.clone(),
        what: format!("{} rows of those who are erased taken out", table.erased.rows),
    };
    let mut done: Vec<Done> = found.iter().map(said).collect();
    if upkeep.config.privacy.erase_gone {
        let (videos, _) = gone::erase_gone(&upkeep.lake, &key, &files, clock::now()).await?;
        let what = format!("{videos} videos that are gone were erased");
        done.extend((videos > 0).then(|| Done { table: "video_observations".to_owned(), what }));
    }
    Ok(done)
}

/// Brings the tables of the newest observations up to date.
async fn current(upkeep: Upkeep) -> Outcome {
    let mut outcome = Outcome::default();
    if upkeep.dry_run {
        return outcome;
    }
    let spill_dir = Some(upkeep.config.data_dir.join("spill"));
    let options = RefreshOptions { spill_dir, writer: upkeep.config.files(), ..RefreshOptions::default() };
    for which in Current::ALL {
        if upkeep.only.as_ref().is_some_and(|only| only != which.table()) {
            continue;
        }
        match refresh(&upkeep.lake, which, &options).await {
            Ok(Some(done)) if done.written > 0 => {
                let what = format!("{} rows written for {} observations", done.written, done.gained);
                outcome.done.push(Done { table: done.table.to_owned(), what });
            }
            Ok(_) => {}
            Err(error) => outcome.failed.push(error.to_string()),
        }
    }
    outcome
}

/// Bytes that may be rewritten in an hour.
#[derive(Clone)]
pub(crate) struct Allowance(Arc<Mutex<Spent>>);

struct Spent {
    per_hour: u64,
    since: Instant,
    bytes: u64,
}

impl Allowance {
    pub(crate) fn of(per_hour: u64) -> Self {
        Self(Arc::new(Mutex::new(Spent { per_hour, since: Instant::now(), bytes: 0 })))
    }

    /// Takes bytes; `false` when the hour's are used up. The last group of an hour may go beyond.
    fn take(&self, bytes: u64) -> bool {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.since.elapsed() >= HOUR {
            (spent.since, spent.bytes) = (Instant::now(), 0);
        }
        let may = spent.bytes < spent.per_hour;
        if may {
            spent.bytes += bytes;
        }
        may
    }
}

async fn retention(upkeep: Upkeep, table: String) -> Said {
    let Some(keep) = upkeep.config.maintain.retention.get(&table) else { return Ok(None) };
    let dropped = retain(&upkeep.lake, &table, *keep, clock::now(), upkeep.dry_run).await?;
    let (Some(first), Some(last)) = (dropped.dates.first(), dropped.dates.last()) else { return Ok(None) };
    let verb = upkeep.would("dropped", "would drop");
    Ok(Some(format!("{verb} {} date(s), {first} to {last}: {} rows", dropped.dates.len(), dropped.rows)))
}

async fn evolve(upkeep: Upkeep, table: String) -> Said {
    let Some(landed) = LANDED.into_iter().find(|landed| landed.table == table) else { return Ok(None) };
    let widened = widen(&upkeep.lake, &landed, &upkeep.options(), upkeep.dry_run).await?;
    if !upkeep.dry_run {
        // Adds the columns that it lacks.
        upkeep.lake.open_or_create(&landed).await?;
    }
    let verb = upkeep.would("widened", "would widen");
    let what = format!("{verb} {} ({} files)", widened.columns.join(", "), widened.files);
    Ok((!widened.columns.is_empty()).then_some(what))
}

async fn zorder(upkeep: Upkeep, table: String) -> Said {
    let verb = upkeep.would("ordered", "would order");
    rewrite(upkeep, table, &verb, |compactor| compactor.unordered(clock::now())).await
}

async fn compact(upkeep: Upkeep, table: String) -> Said {
    let verb = upkeep.would("compacted", "would compact");
    rewrite(upkeep, table, &verb, |compactor| compactor.small(clock::now())).await
}

/// Rewrites groups of files until a look at the table finds no more of them.
async fn rewrite(
    upkeep: Upkeep,
    table: String,
    verb: &str,
    find: fn(&Compactor) -> Result<Vec<Group>, LakeError>,
) -> Said {
    let Some(mut compactor) = Compactor::open(&upkeep.lake, &table, upkeep.options()).await? else { return Ok(None) };
    let (files, into, bytes) = if upkeep.dry_run {
        let groups = find(&compactor)?;
        let bytes = groups.iter().map(|group| group.bytes).sum();
        (groups.iter().map(Group::files).sum(), String::new(), bytes)
    } else {
        let (files, made, bytes) = rewrite_all(&upkeep, &table, &mut compactor, find).await?;
        (files, format!(" into {made}"), bytes)
    };
    Ok((files > 0).then(|| format!("{verb} {files} files{into}, {:.1} MB", bytes as f64 / 1e6)))
}

/// Gives files that were rewritten, files that stand in their place, and bytes that were read.
async fn rewrite_all(
    upkeep: &Upkeep,
    table: &str,
    compactor: &mut Compactor,
    find: fn(&Compactor) -> Result<Vec<Group>, LakeError>,
) -> Result<(usize, usize, u64), Failure> {
    let (mut files, mut made, mut bytes, mut tries) = (0, 0, 0, 0);
    loop {
        compactor.refresh().await?;
        let groups = find(compactor)?;
        if groups.is_empty() {
            return Ok((files, made, bytes));
        }
        for group in groups {
            if !upkeep.allowance.take(group.bytes) {
                tracing::info!(table, "the hour's bytes are used up; going on later (maintain.bytes_per_hour)");
                return Ok((files, made, bytes));
            }
            upkeep.bar.set_message(format!("{table} {}: {} files", group.date, group.files()));
            match compactor.repack(&group).await? {
                Repacked::Done { files: now, .. } => {
                    (files, made, bytes, tries) = (files + group.files(), made + now, bytes + group.bytes, 0);
                    if now >= group.files() && group.files() > 1 {
                        // Nothing is gained by looking for more of this kind.
                        return Ok((files, made, bytes));
                    }
                }
                Repacked::Gone { why } if tries == TRIES => {
                    tracing::warn!(table, date = group.date, why, "files could not be replaced; trying again later");
                    return Ok((files, made, bytes));
                }
                Repacked::Gone { why } => {
                    tracing::debug!(table, date = group.date, why, "the table has changed; looking again");
                    tries += 1;
                    break;
                }
            }
        }
    }
}

async fn write_checkpoint(upkeep: Upkeep, table: String) -> Said {
    let every = upkeep.config.maintain.checkpoint_versions;
    let version = checkpoint(&upkeep.lake, &table, every, upkeep.dry_run).await?;
    let verb = upkeep.would("wrote", "would write");
    Ok(version.map(|version| format!("{verb} a checkpoint of version {version}")))
}

async fn clean_log(upkeep: Upkeep, table: String) -> Said {
    let retention = upkeep.config.maintain.log_retention;
    let cleaned = clean(&upkeep.lake, &table, clock::wall(), retention, upkeep.dry_run).await?;
    let verb = upkeep.would("deleted", "would delete");
    let what = format!("{verb} {} objects of the log before version {}", cleaned.objects, cleaned.from);
    Ok((cleaned.objects > 0).then_some(what))
}

async fn vacuum_table(upkeep: Upkeep, table: String) -> Said {
    upkeep.bar.set_message(format!("vacuum {table}"));
    let options = upkeep.config.maintain.vacuum(upkeep.dry_run);
    let vacuumed = vacuum(&upkeep.lake, &table, clock::wall(), &options).await?;
    let verb = upkeep.would("deleted", "would delete");
    let what = format!("{verb} {} files, {:.1} MB", vacuumed.files, vacuumed.bytes as f64 / 1e6);
    Ok((vacuumed.files > 0).then_some(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_its_bytes() {
        let allowance = Allowance::of(100);
        assert!(allowance.take(99) && allowance.take(500), "the last may go beyond");
        assert!(!allowance.take(1));
    }
}
