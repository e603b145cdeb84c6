//! When a table's versions were made, for whoever goes back to an instant.
//!
//! By what commits say themselves: their in-commit timestamp where the table has them, else `commitInfo.timestamp`, the
//! clock of the writer as it offered the commit. Neither changes when an object of the log is written anew, as an erasure
//! does, or copied, as a backup is; the store's own time of the object does, and only dates commits that say nothing.
//! Writers' clocks differ. As in Delta's protocol no version counts as older than one before it: of an instant is the last
//! version before the first that was made later.

use super::location::LakeError;
use super::log::{self, Entry, Kind};
use deltalake::DeltaTable;
use std::collections::BTreeMap;
use tidelake_schemas::Timestamp;

/// Commits before the one in question that are looked at, since the clock of another writer may have been ahead.
const NEAR: usize = 64;

/// What a table was at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// This version.
    Version(u64),
    /// There was none.
    NotYet,
    /// An older one than this, which is the oldest that the log can still give.
    Before(u64),
}

/// The newest version that was made by an instant.
///
/// # Errors
/// [`LakeError`].
pub(crate) async fn newest_until(table: &DeltaTable, name: &str, at: Timestamp) -> Result<Then, LakeError> {
    let entries = log::list(table, name, 0).await?;
    let commits = readable(&entries);
    let later = |dates: &[i64]| dates.iter().position(|date| *date > at.millis());
    // How many were made by then, if their dates rise.
    let (mut made, mut end) = (0, commits.len());
    while made < end {
        let middle = made + (end - made) / 2;
        match later(&dates(table, name, &commits[middle..=middle]).await?) {
            None => made = middle + 1,
            Some(_) => end = middle,
        }
    }
    loop {
        let near = made.saturating_sub(NEAR);
        match later(&dates(table, name, &commits[near..made]).await?) {
            Some(first) => made = near + first,
            None => break,
        }
    }
    let version = |entry: &&Entry| u64::try_from(entry.version).unwrap_or(0);
    Ok(match (made, commits.first().map(version)) {
        (0, Some(0)) => Then::NotYet,
        (0, oldest) => Then::Before(oldest.or(table.version()).unwrap_or(0)),
        (made, _) => Then::Version(commits.get(made - 1).map(version).unwrap_or(0)),
    })
}

/// When a version was made; `None` when its commit is no longer there.
///
/// # Errors
/// [`LakeError`].
pub(crate) async fn of(table: &DeltaTable, name: &str, version: u64) -> Result<Option<Timestamp>, LakeError> {
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    let entries = log::list(table, name, version).await?;
    let commit = entries.iter().find(|entry| entry.version == version && entry.kind == Kind::Commit);
    let dates = dates(table, name, commit.as_slice()).await?;
    Ok(dates.first().copied().and_then(Timestamp::from_millis))
}

/// The commits whose versions can be read, oldest first: from the first or a checkpoint on, without a gap.
fn readable(entries: &[Entry]) -> Vec<&Entry> {
    let mut commits = log::unbroken(entries);
    commits.reverse();
    let oldest = commits.first().map_or(0, |entry| entry.version);
    let checkpoints = entries.iter().filter(|entry| entry.kind == Kind::Checkpoint).map(|entry| entry.version);
    let from = if oldest == 0 { Some(0) } else { checkpoints.filter(|version| *version >= oldest - 1).min() };
    commits.retain(|entry| from.is_some_and(|from| entry.version >= from));
    commits
}

/// When commits were made, in their order; milliseconds since 1970.
async fn dates(table: &DeltaTable, name: &str, commits: &[&Entry]) -> Result<Vec<i64>, LakeError> {
    let infos: BTreeMap<_, _> = log::infos(table, name, commits).await?.into_iter().collect();
    let date = |entry: &&Entry| {
        let said = |key: &str| infos.get(&entry.version).and_then(|info| info[key].as_i64());
        said("inCommitTimestamp").or_else(|| said("timestamp")).unwrap_or(entry.modified)
    };
    Ok(commits.iter().map(date).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::path::Path;

    #[test]
    fn what_can_be_read_begins_with_a_checkpoint() {
        let entry = |version, kind| Entry { version, kind, path: Path::from("x"), modified: 0, bytes: 0 };
        let versions = |log: &[Entry]| readable(log).iter().map(|entry| entry.version).collect::<Vec<_>>();
        let commits = |from: i64, to: i64| (from..=to).map(|version| entry(version, Kind::Commit)).collect::<Vec<_>>();
        assert_eq!(versions(&commits(0, 2)), [0, 1, 2]);
        assert_eq!(versions(&commits(3, 6)), [0_i64; 0]);
        for (checkpoint, first) in [(2, 3), (3, 3), (5, 5)] {
            let mut log = commits(3, 6);
            log.push(entry(checkpoint, Kind::Checkpoint));
            assert_eq!(versions(&log).first(), Some(&first), "checkpoint {checkpoint}");
        }
    }
}
