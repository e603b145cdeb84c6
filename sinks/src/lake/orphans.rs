//! Files that were written and not committed: when they may be deleted, and how their writer learns of it.
//!
//! A process can be frozen between writing files and committing them for longer than any grace. So whoever deletes files
//! that no version knows first commits until when such files must have been written ([`give_up`]). That commit repeats the
//! table's metadata: delta-rs refuses what stands on an older version then, as other engines do. Whoever is refused reads
//! the table again, and before it offers files that are older than the version it now stands on, asks whether they are
//! [`lost`]: by that commit, and by a look into the store, since others vacuum without a word.
//!
//! Files that were written after the version at hand was read need no look: they are younger than all that was given up.

use super::commit::{positions, quietly};
use super::location::LakeError;
use super::log;
use deltalake::DeltaTable;
use deltalake::kernel::transaction::CommitBuilder;
use deltalake::kernel::{Action, Add, Transaction};
use deltalake::protocol::DeltaOperation;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use std::sync::Arc;

/// The Delta `txn` that holds until when uncommitted files are given up; milliseconds since 1970, by the store's clock.
const GIVEN_UP: &str = "tl/orphans";
/// How long delta-rs keeps removed files by default, for the history that other engines show.
const DEFAULT_RETENTION_MILLIS: i64 = 7 * 86_400_000;
/// Files that are asked for at once.
const ASKED_AT_ONCE: usize = 32;

/// Gives up the uncommitted files that were written until an instant (milliseconds), as the version at hand has them: they
/// may be deleted then. `false` when that is the newest version no more: look again which files those are.
///
/// # Errors
/// [`LakeError`].
pub(super) async fn give_up(table: &mut DeltaTable, name: &str, until: i64) -> Result<bool, LakeError> {
    if given_up(table, name).await?.is_some_and(|known| known >= until) {
        return Ok(true);
    }
    let snapshot = table.snapshot().map_err(LakeError::delta(name))?;
    let operation = DeltaOperation::VacuumStart {
        retention_check_enabled: false,
        specified_retention_millis: None,
        default_retention_millis: DEFAULT_RETENTION_MILLIS,
    };
    let properties = quietly().with_max_retries(0).with_application_transaction(Transaction::new(GIVEN_UP, until));
    let committed = CommitBuilder::from(properties)
        .with_actions(vec![Action::Metadata(snapshot.metadata().clone())])
        .build(Some(snapshot), table.log_store(), operation)
        .await;
    match committed {
        Ok(finalized) => table.state = Some(finalized.snapshot()),
        Err(error) => {
            tracing::debug!(table = name, %error, "uncommitted files are not given up yet");
            return Ok(false);
        }
    }
    Ok(true)
}

/// The first of some files that are to be committed on the version at hand and must not be: it is gone, or given up.
///
/// # Errors
/// [`LakeError`].
pub(super) async fn lost(table: &DeltaTable, name: &str, files: &[Add]) -> Result<Option<String>, LakeError> {
    if files.is_empty() {
        return Ok(None);
    }
    let given_up = given_up(table, name).await?.unwrap_or(i64::MIN);
    let store = log::store(table);
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let looked = stream::iter(paths).map(|path| {
        let store = Arc::clone(&store);
        async move {
            let key = Path::parse(&path).unwrap_or_else(|_| Path::from(path.as_str()));
            match store.head(&key).await {
                Ok(found) => Ok((found.last_modified.timestamp_millis() <= given_up).then_some(path)),
                Err(Error::NotFound { .. }) => Ok(Some(path)),
                Err(error) => Err(error),
            }
        }
    });
    let looked: Vec<Option<String>> = looked.buffered(ASKED_AT_ONCE).try_collect().await.map_err(log::failed(name))?;
    Ok(looked.into_iter().flatten().next())
}

async fn given_up(table: &DeltaTable, name: &str) -> Result<Option<i64>, LakeError> {
    let known = positions(table, name, [GIVEN_UP.to_owned()]).await?;
    Ok(known.into_values().next().flatten())
}
