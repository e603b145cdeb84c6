//! Other files in place of some files of a table, in one commit, exactly once.
//!
//! Everything that rewrites what has landed – values in new columns, compaction, erasure – goes through here: read the
//! rows of files ([`rows`]), write them anew, and [`replace`] the old files. delta-rs would look past a file that a
//! compaction took away meanwhile, and let both through; so it is not left to it to reconcile such a commit with others:
//! each try is on the newest version, and only made while the files are still what was read. Positions of the log are not
//! touched.
//! A writer that lands records meanwhile only adds files; its own commit may be refused once, and it offers it again.

use super::commit::{positions, quietly};
use super::location::LakeError;
use super::orphans;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use deltalake::DeltaTable;
use deltalake::kernel::transaction::CommitBuilder;
use deltalake::kernel::{Action, Add, Remove, Transaction};
use deltalake::protocol::DeltaOperation;
use serde_json::Value;
use std::collections::BTreeSet;

/// Rows that are held at once.
const BATCH_ROWS: usize = 4096;
/// How often a commit is tried while others commit.
const ATTEMPTS: u32 = 12;

/// What is to be replaced, and by what.
pub struct Replacement<'a> {
    /// Files, as [`active`] gave them: with their deletion vectors.
    pub old: &'a [Remove],
    /// The files in their place; none when their rows go.
    pub new: &'a [Add],
    /// What the table's history says was done.
    pub operation: DeltaOperation,
    /// More to say there, by key.
    pub metadata: Vec<(String, Value)>,
}

/// What became of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It is in the table.
    Done,
    /// Nothing was changed by the last try, mostly because somebody else has replaced some of the files: look again.
    Gone {
        /// What the table said.
        why: String,
    },
}

/// A file's own name, which no other file of the table has.
pub fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Files of these paths as the snapshot has them, with their deletion vectors; `None` when one is not in it.
/// `data_change` says whether the rows will be others than before.
///
/// # Errors
/// [`LakeError`] when the table's log cannot be read.
pub fn active(
    table: &DeltaTable,
    name: &str,
    files: &[Remove],
    data_change: bool,
) -> Result<Option<Vec<Remove>>, LakeError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
    let wanted: BTreeSet<&str> = files.iter().map(|file| name_of(&file.path)).collect();
    let there = log.iter().filter(|file| wanted.contains(name_of(&file.path())));
    let there: Vec<Remove> = there.map(|file| file.remove_action(data_change)).collect();
    Ok((there.len() == files.len()).then_some(there))
}

/// The rows of files, in the order in which they were written; rows that a deletion vector marks are left out.
///
/// # Errors
/// [`LakeError`].
pub async fn rows(table: &DeltaTable, name: &str, files: &[Remove]) -> Result<SendableRecordBatchStream, LakeError> {
    // One partition keeps the order.
    let config = SessionConfig::new().with_batch_size(BATCH_ROWS).with_target_partitions(1);
    let frame = frame(table, name, files, &SessionContext::new_with_config(config)).await?;
    frame.execute_stream().await.map_err(|e| LakeError::delta(name)(e.into()))
}

/// The rows of files, to be asked for.
pub(super) async fn frame(
    table: &DeltaTable,
    name: &str,
    files: &[Remove],
    session: &SessionContext,
) -> Result<DataFrame, LakeError> {
    let paths = files.iter().map(|file| file.path.clone());
    let frame = async {
        table.update_datafusion_session(&session.state())?;
        let snapshot = table.snapshot()?.snapshot().clone();
        let provider = table.table_provider().with_eager_snapshot(snapshot).with_file_paths(paths).await?;
        Ok(session.read_table(provider)?)
    };
    frame.await.map_err(LakeError::delta(name))
}

/// A Delta `txn` that goes on with a replacement: whoever moved it first has done the same work.
pub(super) struct Move {
    /// Its id.
    pub(super) app_id: String,
    /// What it must be still.
    pub(super) from: Option<i64>,
    /// What it becomes.
    pub(super) to: i64,
}

/// Replaces files, if they are still what was read.
///
/// # Errors
/// [`LakeError`]; the table is as it was then, or the replacement is done, which the next look shows.
pub async fn replace(table: &mut DeltaTable, name: &str, replacement: &Replacement<'_>) -> Result<Replaced, LakeError> {
    replace_and_move(table, name, replacement, &[]).await
}

/// Replaces files and moves `txn`s in the same commit, if both are still what was read.
///
/// # Errors
/// As [`replace`].
pub(super) async fn replace_and_move(
    table: &mut DeltaTable,
    name: &str,
    replacement: &Replacement<'_>,
    moves: &[Move],
) -> Result<Replaced, LakeError> {
    let identity = |file: &Remove| (file.path.clone(), file.deletion_vector.clone());
    let old: BTreeSet<_> = replacement.old.iter().map(|file| format!("{:?}", identity(file))).collect();
    let data_change = replacement.old.iter().any(|file| file.data_change);
    // A list: futures that hold a closure over references are not `Send` for rustc.
    let app_ids: Vec<String> = moves.iter().map(|step| step.app_id.clone()).collect();
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        table.update_state().await.map_err(LakeError::delta(name))?;
        let there = active(table, name, replacement.old, data_change)?.unwrap_or_default();
        // Also when an earlier try succeeded and its answer was lost: the next look at the table shows it done.
        if there.iter().map(|file| format!("{:?}", identity(file))).collect::<BTreeSet<_>>() != old {
            return Ok(Replaced::Gone { why: "its files were replaced meanwhile".to_owned() });
        }
        let known = positions(table, name, app_ids.clone()).await?;
        if moves.iter().any(|step| known.get(&step.app_id).copied().flatten() != step.from) {
            return Ok(Replaced::Gone { why: "somebody else was faster".to_owned() });
        }
        if let Some(file) = orphans::lost(table, name, replacement.new).await? {
            return Ok(Replaced::Gone {
                why: format!("{file}, which was to take their place, was vacuumed meanwhile"),
            });
        }
        match attempt(table, name, replacement, moves, there).await? {
            Ok(()) => return Ok(Replaced::Done),
            Err(refused) => why = refused,
        }
    }
    Ok(Replaced::Gone { why })
}

/// One try on the version at hand: fails when that is the newest no more.
async fn attempt(
    table: &mut DeltaTable,
    name: &str,
    replacement: &Replacement<'_>,
    moves: &[Move],
    old: Vec<Remove>,
) -> Result<Result<(), String>, LakeError> {
    let removes = old.into_iter().map(Action::Remove);
    let snapshot = table.snapshot().map_err(LakeError::delta(name))?;
    let transactions = moves.iter().map(|step| Transaction::new(&step.app_id, step.to)).collect();
    let properties = quietly().with_max_retries(0).with_metadata(replacement.metadata.clone());
    let committed = CommitBuilder::from(properties.with_application_transactions(transactions))
        .with_actions(removes.chain(replacement.new.iter().cloned().map(Action::Add)).collect())
        .build(Some(snapshot), table.log_store(), replacement.operation.clone())
        .await;
    Ok(match committed {
        Ok(finalized) => {
            table.state = Some(finalized.snapshot());
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    })
}
