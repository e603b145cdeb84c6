//! The commit protocol.
//!
//! A commit carries files and, as Delta `txn` actions, how far each touched partition has been read. delta-rs refuses
//! a commit when one that is newer than the snapshot handed to it wrote one of the same `txn` ids. That fences a
//! zombie only if the snapshot is never older than the positions the writer believes in; so the writer reads positions
//! and snapshot together (on assignment, and after every error) and from then on uses only the snapshots its own
//! commits return.
//!
//! After any error the outcome is unknown until the table says: [`Outcome`]. Files that were written for an older version
//! are only offered again when a vacuum has not taken them: [`orphans`].

use super::evolve::fits;
use super::ledger::{self, CommitRecord};
use super::location::LakeError;
use super::orphans;
use deltalake::DeltaTable;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, StructType, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often the same files are offered again when the table is unchanged after an error.
const ATTEMPTS: u32 = 8;
/// How many commits back a commit of unknown outcome is looked for.
const LOOK_BACK: usize = 200;

/// What became of a commit.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the table.
    Landed,
    /// Somebody else has moved these positions, changed columns, or deleted the files, which had waited for long: drop what
    /// is buffered and read again from the table's positions.
    Fenced {
        /// The first position that was not as expected, for the log; or what else it was.
        app_id: String,
    },
}

/// A commit that could not be brought to an outcome.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The table could not be read back after an error.
    #[error("{0}")]
    Lake(#[from] LakeError),
    /// The table stayed unchanged over every attempt.
    #[error(
        "table {table}: {attempts} attempts to commit failed, last: {last}. Nothing was lost: the log is read again from the table's position"
    )]
    GaveUp {
        /// The table.
        table: String,
        /// Attempts made.
        attempts: u32,
        /// What the last one said.
        last: String,
    },
}

/// Positions by `txn` id; `None` = the table has none yet.
pub type Positions = BTreeMap<String, Option<i64>>;

/// What one commit is to do.
pub struct Proposal<'a> {
    /// Files to add.
    pub files: &'a [Add],
    /// The columns they were written with.
    pub columns: &'a StructType,
    /// The positions these files start from.
    pub from: &'a Positions,
    /// The positions after them.
    pub to: &'a BTreeMap<String, i64>,
    /// What the commit says about itself.
    pub record: &'a CommitRecord,
}

/// Reads positions from the table's current snapshot.
///
/// # Errors
/// [`LakeError`].
pub async fn positions(
    table: &DeltaTable,
    name: &str,
    app_ids: impl IntoIterator<Item = String>,
) -> Result<Positions, LakeError> {
    let snapshot = table.snapshot().map_err(LakeError::delta(name))?;
    let store = table.log_store();
    let mut positions = Positions::new();
    for app_id in app_ids {
        let version = snapshot.transaction_version(store.as_ref(), &app_id).await.map_err(LakeError::delta(name))?;
        positions.insert(app_id, version);
    }
    Ok(positions)
}

/// Commits a proposal and finds out what became of it, whatever the store answers.
///
/// # Errors
/// [`CommitError`] when no outcome could be established; the caller reads again from the table's positions.
pub async fn commit(table: &mut DeltaTable, name: &str, proposal: &Proposal<'_>) -> Result<Outcome, CommitError> {
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        match attempt_once(table, name, proposal).await {
            Ok(()) => return Ok(Outcome::Landed),
            Err(error) => last = error,
        }
        tracing::warn!(table = name, attempt, error = %last, "commit not acknowledged; asking the table what became of it");
        // Then the table is read, so that the next attempt is on a version that is as new as can be.
        tokio::time::sleep(backoff(attempt)).await;
        if let Some(outcome) = settle(table, name, proposal).await? {
            return Ok(outcome);
        }
    }
    Err(CommitError::GaveUp { table: name.to_owned(), attempts: ATTEMPTS, last })
}

/// 50 ms, doubling to 3.2 s, with up to half of it taken off so that writers part.
fn backoff(attempt: u32) -> Duration {
    let full = Duration::from_millis(50 << attempt.min(6));
    let jitter = uuid::Uuid::new_v4().as_bytes()[0];
    full - full.mul_f64(f64::from(jitter) / 512.0)
}

/// Without hooks, which belong to the maintainer: a failing checkpoint would turn a landed commit into an error.
pub(super) fn quietly() -> CommitProperties {
    CommitProperties::default().with_create_checkpoint(false).with_cleanup_expired_logs(Some(false))
}

async fn attempt_once(table: &mut DeltaTable, name: &str, proposal: &Proposal<'_>) -> Result<(), String> {
    let record = serde_json::to_value(proposal.record).map_err(|e| e.to_string())?;
    let metadata = [("isBlindAppend".to_owned(), serde_json::Value::Bool(true)), (ledger::KEY.to_owned(), record)];
    let transactions = proposal.to.iter().map(|(id, v)| Transaction::new(id, *v)).collect();
    let properties = quietly().with_metadata(metadata).with_application_transactions(transactions);
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    let snapshot = table.snapshot().map_err(|e| e.to_string())?;
    let finalized = CommitBuilder::from(properties)
        .with_actions(proposal.files.iter().cloned().map(Action::Add).collect())
        .build(Some(snapshot), table.log_store(), operation)
        .await
        .map_err(|e| format!("{name}: {e}"))?;
    table.state = Some(finalized.snapshot());
    Ok(())
}

/// Reloads the table and compares its positions with the proposal's. `None`: unchanged, so offer the files again.
async fn settle(table: &mut DeltaTable, name: &str, proposal: &Proposal<'_>) -> Result<Option<Outcome>, CommitError> {
    table.update_state().await.map_err(LakeError::delta(name))?;
    let now = positions(table, name, proposal.to.keys().cloned()).await?;
    let moved = now.iter().find(|(id, version)| proposal.from.get(*id).copied().flatten() != **version);
    let Some((app_id, _)) = moved else {
        let columns =
            table.snapshot().and_then(|s| Ok(s.metadata().parse_schema()?)).map_err(LakeError::delta(name))?;
        // A column has become another meanwhile: the same rows have to be written anew.
        let app_id = format!("the columns of {name}");
        if !fits(proposal.columns, &columns) {
            return Ok(Some(Outcome::Fenced { app_id }));
        }
        // The files are older than the version that is now at hand.
        let lost = orphans::lost(table, name, proposal.files).await?;
        return Ok(lost.map(|file| Outcome::Fenced { app_id: format!("{file}, which was vacuumed") }));
    };
    let landed = now.iter().all(|(id, version)| proposal.to.get(id).copied() == *version);
    if landed && is_ours(table, name, proposal).await? {
        return Ok(Some(Outcome::Landed));
    }
    Ok(Some(Outcome::Fenced { app_id: app_id.clone() }))
}

async fn is_ours(table: &DeltaTable, name: &str, proposal: &Proposal<'_>) -> Result<bool, CommitError> {
    let recent = ledger::of_table(table, name, Some(LOOK_BACK)).await?;
    Ok(recent.iter().any(|(_, record)| record.operation == proposal.record.operation))
}
