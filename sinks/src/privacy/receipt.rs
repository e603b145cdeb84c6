//! What an erasure did: kept with the lake, without personal data, to show when somebody asks.

use crate::lake::Lake;
use crate::lake::erasure::Basis;
use crate::place::Place;
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use tidelake_schemas::Timestamp;
use uuid::Uuid;

const FOLDER: &str = "_tidelake/erasures";

/// How far an erasure is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// At work, or stopped in the middle: the same command goes on.
    #[default]
    Running,
    /// Done, but for what remains.
    Partial,
    /// Done.
    Complete,
}

impl State {
    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Partial => "partial",
            Self::Complete => "complete",
        }
    }
}

/// What became of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableErased {
    /// The table.
    pub table: String,
    /// Rows that went.
    pub rows: usize,
    /// Rows of others that no longer name the subject.
    pub redacted: usize,
    /// Files that were replaced.
    pub files: usize,
    /// Files of older versions that were deleted.
    pub old_files: usize,
    /// Entries of the table's log that lost statistics.
    pub log_entries: usize,
    /// Checkpoints that were replaced.
    pub checkpoints: usize,
    /// The first version known to hold nothing of the subject; no older one can be read where it did.
    pub clean_version: u64,
}

impl TableErased {
    /// Adds what a later pass did.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.redacted += other.redacted;
        self.files += other.files;
        self.old_files += other.old_files;
        self.log_entries += other.log_entries;
        self.checkpoints += other.checkpoints;
        self.clean_version = other.clean_version;
    }
}

/// What became of a partition of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicErased {
    /// The topic.
    pub topic: String,
    /// Messages that were removed, from the oldest on; of a compacted topic, keys that were taken back.
    pub removed: i64,
    /// Messages from before the erasure that are still there.
    pub remaining: i64,
}

/// What became of stored files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaErased {
    /// Files that were deleted.
    pub files: usize,
    /// Notes that were deleted.
    pub notes: usize,
    /// Files that stay because others' videos have the same bytes.
    pub shared: usize,
}

/// What became of an export or backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyErased {
    /// Its id in the register.
    pub id: Uuid,
    /// export, publication, report or backup.
    pub kind: String,
    /// Where it is, without names.
    pub location: String,
    /// clean, rewritten, deleted, gone, or failed.
    pub outcome: String,
    /// Rows that went.
    pub rows: usize,
    /// How to make it again, where it was deleted; why not, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What is not erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// What.
    pub what: String,
    /// Why, and what ends it.
    pub why: String,
}

/// What an erasure did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub state: State,
    /// When it was asked for; microseconds since 1970, UTC.
    pub asked_at: Timestamp,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
    /// The platform.
    pub platform: String,
    /// Keyed hashes of what was named in the command, sorted: who has the key can tell whether this was somebody's.
    pub asked: Vec<String>,
    /// By which right it was asked for, where that was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// In words, without names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Names that are suppressed since: handles and ids of accounts and videos.
    pub suppressed: usize,
    /// Per table.
    pub tables: Vec<TableErased>,
    /// Per topic.
    pub topics: Vec<TopicErased>,
    /// Stored files.
    pub media: MediaErased,
    /// Exports, reports and backups.
    pub copies: Vec<CopyErased>,
    /// How often copies were looked for: a copy that is made meanwhile tells by it that it may have been missed.
    #[serde(default)]
    pub looks: usize,
    /// What is not erased.
    pub remains: Vec<Remains>,
    /// What is erased, but leaves the disk only later, by itself.
    #[serde(default)]
    pub fades: Vec<Remains>,
}

impl Receipt {
    /// Notes what a pass did to a table.
    pub fn note_table(&mut self, erased: TableErased) {
        match self.tables.iter_mut().find(|known| known.table == erased.table) {
            Some(known) => known.add(&erased),
            None => self.tables.push(erased),
        }
    }

    /// Rows of all tables.
    pub fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// Receipts could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("receipts {place}: {why}. Check that the lake can be written to")]
pub struct ReceiptError {
    place: String,
    why: String,
}

/// How the receipts of a lake stand: different when one was written in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(Vec<ObjectMeta>);

/// The receipts of a lake.
#[derive(Clone, Debug)]
pub struct Receipts {
    place: Place,
}

impl Receipts {
    /// Of a lake.
    ///
    /// # Errors
    /// [`ReceiptError`] when the lake's store cannot be reached.
    pub fn of(lake: &Lake) -> Result<Self, ReceiptError> {
        let at = Place::at(lake.root().as_str(), lake.options());
        Ok(Self { place: at.map_err(|why| ReceiptError { place: lake.root().to_string(), why })? })
    }

    /// Writes a receipt, or writes it anew.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub async fn put(&self, receipt: &Receipt) -> Result<(), ReceiptError> {
        let content = serde_json::to_vec_pretty(receipt).map_err(|e| self.error(&e))?;
        let path = self.place.path(&format!("{FOLDER}/{}.json", receipt.id));
        self.place.store.put(&path, PutPayload::from(content)).await.map_err(|e| self.error(&e))?;
        Ok(())
    }

    /// How receipts stand: another answer later says that an erasure was at work in between.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub async fn mark(&self) -> Result<Mark, ReceiptError> {
        let mut listed = self.listed().await?;
        listed.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(Mark(listed))
    }

    /// Every receipt, oldest first.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub async fn all(&self) -> Result<Vec<Receipt>, ReceiptError> {
        let mut receipts = Vec::new();
        for entry in self.listed().await? {
            let got = self.place.store.get(&entry.location).await.map_err(|e| self.error(&e))?;
            let content = got.bytes().await.map_err(|e| self.error(&e))?;
            receipts.push(serde_json::from_slice::<Receipt>(&content).map_err(|e| self.error(&e))?);
        }
        receipts.sort_by(|a, b| (a.asked_at, &a.id).cmp(&(b.asked_at, &b.id)));
        Ok(receipts)
    }

    async fn listed(&self) -> Result<Vec<ObjectMeta>, ReceiptError> {
        let folder = self.place.path(FOLDER);
        let mut listed: Vec<_> =
            self.place.store.list(Some(&folder)).try_collect().await.map_err(|e| self.error(&e))?;
        listed.retain(|entry| is_receipt(entry.location.filename()));
        Ok(listed)
    }

    fn error(&self, why: &dyn std::error::Error) -> ReceiptError {
        ReceiptError { place: format!("{}{FOLDER}", self.place.shown), why: why.to_string() }
    }
}

/// Receipts are named by their ids.
fn is_receipt(name: Option<&str>) -> bool {
    name.and_then(|name| name.strip_suffix(".json")).is_some_and(|id| Uuid::parse_str(id).is_ok())
}
