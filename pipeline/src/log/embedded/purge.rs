//! Takes what was deleted off the disk. Both stores keep deleted bytes in their files until they have a reason to compact;
//! after an erasure they may not. So their files are written anew before the broker starts, when nobody has them open.

use super::batches::Batches;
use super::{LogError, at, open};
use libsql::Builder;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

/// The file that asks for it.
const MARK: &str = "purge";
/// How long another connection to the database is waited for.
const BUSY: Duration = Duration::from_secs(10);
/// What compaction leaves out: values that a later one of the same key replaces, and removals, but for a partition's last
/// record, which its readers wait for.
const COMPACT: &str = "
with compacted as (
  select p.id from topition p join topic_configuration c on c.topic = p.topic
  where c.name = 'cleanup.policy' and c.value like '%compact%'),
newest as (
  select topition, k, max(offset_id) as offset_id from record
  where topition in (select id from compacted) and k is not null group by topition, k),
ends as (
  select topition, max(offset_id) as offset_id from record
  where topition in (select id from compacted) group by topition)
select r.topition, r.offset_id from record r
join newest n on n.topition = r.topition and n.k = r.k join ends e on e.topition = r.topition
where r.offset_id < n.offset_id or (r.v is null and r.offset_id < e.offset_id)";

/// Asks for it: it is done when the broker of this directory starts.
pub(super) fn ask(dir: &Path) -> io::Result<()> {
    File::create(dir.join(MARK))?.sync_all()
}

/// Does what was asked for. The caller has the directory's lock.
///
/// # Errors
/// A store failed; it is as it was, and the next start tries again.
pub(super) async fn carry_out(dir: &Path) -> Result<(), LogError> {
    let [stores, new, old] = ["batches", "batches.new", "batches.old"].map(|name| dir.join(name));
    let failed = |e: io::Error| at(dir, &e);
    if !stores.exists() && new.exists() {
        // It was whole before the old one was moved away.
        fs::rename(&new, &stores).map_err(failed)?;
    }
    remove(&old).map_err(failed)?;
    if !dir.join(MARK).exists() {
        return Ok(());
    }
    remove(&new).map_err(failed)?;
    sqlite(&dir.join("log.db")).await.map_err(|e| LogError::Embedded(format!("purge {}: {e}", dir.display())))?;
    if stores.exists() {
        copy(&stores, &new).await?;
        fs::rename(&stores, &old).map_err(failed)?;
        fs::rename(&new, &stores).map_err(failed)?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        remove(&old).map_err(failed)?;
    }
    fs::remove_file(dir.join(MARK)).map_err(failed)
}

fn remove(dir: &Path) -> io::Result<()> {
    if dir.exists() { fs::remove_dir_all(dir) } else { Ok(()) }
}

/// Copies the partition logs, without what is deleted in them. Both are closed when it is done.
async fn copy(from: &Path, to: &Path) -> Result<(), LogError> {
    let (old, new): (Batches, Batches) = (open(from).await?, open(to).await?);
    let copied = tokio::task::spawn_blocking(move || old.copy_to(&new)).await;
    let what = |e: String| LogError::Embedded(format!("purge {}: {e}", from.display()));
    copied.map_err(|e| what(e.to_string()))?.map_err(|e| what(e.to_string()))
}

async fn sqlite(database: &Path) -> Result<(), libsql::Error> {
    if !database.exists() {
        return Ok(());
    }
    let connection = Builder::new_local(database).build().await?.connect()?;
    connection.busy_timeout(BUSY)?;
    // A record's headers go with it here, rather than by a check of each.
    connection.execute("pragma foreign_keys = off", ()).await?;
    connection.execute(&format!("create temp table superseded as {COMPACT}"), ()).await?;
    for table in ["header", "record"] {
        let sql =
            format!("delete from {table} where (topition, offset_id) in (select topition, offset_id from superseded)");
        connection.execute(&sql, ()).await?;
    }
    connection.execute("drop table superseded", ()).await?;
    connection.execute("vacuum", ()).await?;
    let mut done = connection.query("pragma wal_checkpoint(truncate)", ()).await?;
    done.next().await.map(drop)
}
