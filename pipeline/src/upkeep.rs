//! Chores of a lake: what `maintain` does in turn, as a role or once as a command. Any process may do any of them at any
//! time: two that do the same find each other's work done.

use crate::cli::Failure;
use crate::clock;
use crate::config::Config;
use crate::config::Every;
use futures::future::BoxFuture;
use indicatif::ProgressBar;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tidelake_schemas::topics::LANDED;
use tidelake_sinks::lake::upkeep::{
    self, Compactor, Group, Repacked, UpkeepOptions, checkpoint, clean, retain, vacuum, widen,
};
use tidelake_sinks::lake::{Lake, LakeError};

/// How often in a row nothing may come of a look at a table.
const TRIES: usize = 5;
const HOUR: Duration = Duration::from_secs(3600);

/// A chore.
pub(crate) struct Chore {
    pub name: &'static str,
    /// How often the role does it.
    pub every: fn(&Every) -> Duration,
    pub run: fn(Upkeep) -> BoxFuture<'static, Result<Vec<Done>, Failure>>,
}

/// What a chore did to a table.
#[derive(Debug, PartialEq, serde::Serialize)]
pub(crate) struct Done {
    pub table: String,
    pub what: String,
}

/// The chores, in the order in which each leaves least to do for the next.
pub(crate) const CHORES: [Chore; 7] = [
    Chore { name: "retention", every: |every| every.retention, run: |upkeep| Box::pin(retention(upkeep)) },
    Chore { name: "evolve", every: |every| every.evolve, run: |upkeep| Box::pin(evolve(upkeep)) },
    Chore { name: "zorder", every: |every| every.zorder, run: |upkeep| Box::pin(zorder(upkeep)) },
    Chore { name: "compact", every: |every| every.compact, run: |upkeep| Box::pin(compact(upkeep)) },
    Chore { name: "checkpoint", every: |every| every.checkpoint, run: |upkeep| Box::pin(checkpoints(upkeep)) },
    Chore { name: "clean", every: |every| every.clean, run: |upkeep| Box::pin(clean_logs(upkeep)) },
    Chore { name: "vacuum", every: |every| every.vacuum, run: |upkeep| Box::pin(vacuum_tables(upkeep)) },
];

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

async fn retention(upkeep: Upkeep) -> Result<Vec<Done>, Failure> {
    let mut done = Vec::new();
    for table in upkeep.tables().await? {
        let Some(keep) = upkeep.config.maintain.retention.get(&table) else { continue };
        let dropped = retain(&upkeep.lake, &table, *keep, clock::now(), upkeep.dry_run).await?;
        let (Some(first), Some(last)) = (dropped.dates.first(), dropped.dates.last()) else { continue };
        let verb = upkeep.would("dropped", "would drop");
        let what = format!("{verb} {} date(s), {first} to {last}: {} rows", dropped.dates.len(), dropped.rows);
        done.push(Done { table, what });
    }
    Ok(done)
}

async fn evolve(upkeep: Upkeep) -> Result<Vec<Done>, Failure> {
    let mut done = Vec::new();
    for table in upkeep.tables().await? {
        let Some(landed) = LANDED.into_iter().find(|landed| landed.table == table) else { continue };
        let widened = widen(&upkeep.lake, &landed, &upkeep.options(), upkeep.dry_run).await?;
        if !upkeep.dry_run {
            // Adds the columns that it lacks.
            upkeep.lake.open_or_create(&landed).await?;
        }
        if !widened.columns.is_empty() {
            let verb = upkeep.would("widened", "would widen");
            done.push(Done { table, what: format!("{verb} {} ({} files)", widened.columns.join(", "), widened.files) });
        }
    }
    Ok(done)
}

async fn zorder(upkeep: Upkeep) -> Result<Vec<Done>, Failure> {
    rewrite(upkeep, "ordered", "would order", |compactor| compactor.unordered(clock::now())).await
}

async fn compact(upkeep: Upkeep) -> Result<Vec<Done>, Failure> {
    rewrite(upkeep, "compacted", "would compact", |compactor| compactor.small(clock::now())).await
}

/// Rewrites groups of files until a look at the table finds no more of them.
async fn rewrite(
    upkeep: Upkeep,
    verb: &str,
    would: &str,
    find: fn(&Compactor) -> Result<Vec<Group>, LakeError>,
) -> Result<Vec<Done>, Failure> {
    let mut done = Vec::new();
    for table in upkeep.tables().await? {
        let Some(mut compactor) = Compactor::open(&upkeep.lake, &table, upkeep.options()).await? else { continue };
        if upkeep.dry_run {
            let groups = find(&compactor)?;
            let (files, bytes) = (groups.iter().map(Group::files).sum(), groups.iter().map(|group| group.bytes).sum());
            done.extend(said(&table, would, files, None, bytes));
            continue;
        }
        let (files, made, bytes) = rewrite_table(&upkeep, &table, &mut compactor, find).await?;
        done.extend(said(&table, verb, files, Some(made), bytes));
    }
    Ok(done)
}

fn said(table: &str, verb: &str, files: usize, made: Option<usize>, bytes: u64) -> Option<Done> {
    let into = made.map_or_else(String::new, |made| format!(" into {made}"));
    let what = format!("{verb} {files} files{into}, {:.1} MB", bytes as f64 / 1e6);
    (files > 0).then(|| Done { table: table.to_owned(), what })
}

/// Gives files that were rewritten, files that stand in their place, and bytes that were read.
async fn rewrite_table(
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

async fn checkpoints(upkeep: Upkeep) -> Result<Vec<Done>, Failure> {
    let mut done = Vec::new();
    for table in upkeep.tables().await? {
        let every = upkeep.config.maintain.checkpoint_versions;
        if let Some(version) = checkpoint(&upkeep.lake, &table, every, upkeep.dry_run).await? {
            let verb = upkeep.would("wrote", "would write");
            done.push(Done { table, what: format!("{verb} a checkpoint of version {version}") });
        }
    }
    Ok(done)
}

async fn clean_logs(upkeep: Upkeep) -> Result<Vec<Done>, Failure> {
    let mut done = Vec::new();
    for table in upkeep.tables().await? {
        let retention = upkeep.config.maintain.log_retention;
        let cleaned = clean(&upkeep.lake, &table, clock::wall(), retention, upkeep.dry_run).await?;
        if cleaned.objects > 0 {
            let verb = upkeep.would("deleted", "would delete");
            let what = format!("{verb} {} objects of the log before version {}", cleaned.objects, cleaned.from);
            done.push(Done { table, what });
        }
    }
    Ok(done)
}

async fn vacuum_tables(upkeep: Upkeep) -> Result<Vec<Done>, Failure> {
    let mut done = Vec::new();
    for table in upkeep.tables().await? {
        upkeep.bar.set_message(format!("vacuum {table}"));
        let options = upkeep.config.maintain.vacuum(upkeep.dry_run);
        let vacuumed = vacuum(&upkeep.lake, &table, clock::wall(), &options).await?;
        if vacuumed.files > 0 {
            let verb = upkeep.would("deleted", "would delete");
            let what = format!("{verb} {} files, {:.1} MB", vacuumed.files, vacuumed.bytes as f64 / 1e6);
            done.push(Done { table, what });
        }
    }
    Ok(done)
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
