//! What a table of observations gained since a version: rows that came in, by its log.
//!
//! A commit that only adds files brings new rows. One that replaces files without changing data (a compaction) brings
//! none; when it puts new rows together with old ones, those are told apart by their place in the topic, which each
//! landing commit notes: a partition's rows from the first offset that landed since are new, but for those that stand in an
//! earlier log. Whatever else replaces files
//! that were there before – erasure, values in new columns – has changed rows, and everything is read again.

use crate::lake::earlier;
use crate::lake::ledger::{self, CommitRecord};
use crate::lake::location::LakeError;
use crate::lake::replace::name_of;
use aws_lc_rs::digest::{SHA256, digest};
use datafusion::common::ScalarValue;
use datafusion::prelude::{DataFrame, Expr, SessionContext, ident, lit};
use deltalake::{DeltaTable, DeltaTableError};
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tidelake_schemas::topics::LANDED;

/// Commits read at once.
const AT_ONCE: usize = 16;
/// Commits that are looked through at most.
const LOOK_BACK: i64 = 5000;

/// A version of the observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The version.
    pub(crate) version: i64,
    /// Of its commit, so that a table that was made again or restored is told from this one.
    pub(crate) commit: i64,
}

/// Rows that came in.
#[derive(Debug, Default)]
pub(crate) struct Gained {
    /// The files that hold them.
    pub(crate) files: Vec<String>,
    /// Rows of these files.
    pub(crate) rows: u64,
    /// When the files hold older rows, too: per partition, the first offset that is new.
    from: Option<BTreeMap<i32, i64>>,
    /// Until when a partition's rows landed that stand in an earlier log, where offsets say nothing.
    earlier: BTreeMap<i32, i64>,
}

/// What became of the observations.
#[derive(Debug)]
pub(crate) enum Since {
    /// Rows came in, perhaps none; those that were there are as they were.
    Gained(Gained),
    /// That cannot be said.
    Changed {
        /// Why not.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    path: String,
    #[serde(default = "yes")]
    data_change: bool,
}

fn yes() -> bool {
    true
}

/// One line of a commit.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    add: Option<File>,
    remove: Option<File>,
    commit_info: Option<Value>,
}

/// What the files that came in hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// New rows alone.
    New,
    /// New and old ones.
    Both,
}

/// Files that came in, by name, and where the log was read from.
#[derive(Default)]
struct Trace {
    files: BTreeMap<String, Holds>,
    from: BTreeMap<i32, i64>,
    /// Rows landed without saying where they stood.
    unplaced: bool,
}

impl Seen {
    /// The version at hand.
    pub(crate) async fn of(table: &DeltaTable, name: &str) -> Result<Self, LakeError> {
        let version = table.version().unwrap_or(0);
        let bytes = table.log_store().read_commit_entry(version).await.map_err(LakeError::delta(name))?;
        let commit = bytes.map_or(0, |bytes| fingerprint(&bytes));
        Ok(Self { version: i64::try_from(version).unwrap_or(i64::MAX), commit })
    }
}

/// 62 bits that tell a commit from others.
fn fingerprint(bytes: &[u8]) -> i64 {
    let hash = digest(&SHA256, bytes);
    hash.as_ref().iter().take(8).fold(0_i64, |sum, byte| (sum << 8) ^ i64::from(*byte)) & (i64::MAX >> 1)
}

/// What became of a table since it was `seen`.
pub(crate) async fn since(table: &DeltaTable, name: &str, seen: Option<Seen>) -> Result<Since, LakeError> {
    let changed = |why: &str| Ok(Since::Changed { why: why.to_owned() });
    let Some(seen) = seen else { return changed("it was never filled") };
    let now = table.version().and_then(|version| i64::try_from(version).ok()).unwrap_or(0);
    if now < seen.version || now - seen.version > LOOK_BACK {
        return changed("too much has happened since");
    }
    let store = table.log_store();
    let commits = futures::stream::iter(seen.version..=now).map(|version| {
        let store = store.clone();
        async move { store.read_commit_entry(u64::try_from(version).unwrap_or(0)).await }
    });
    let mut commits = std::pin::pin!(commits.buffered(AT_ONCE));
    let mut trace = Trace::default();
    let mut first = true;
    while let Some(bytes) = commits.try_next().await.map_err(LakeError::delta(name))? {
        let Some(bytes) = bytes else { return changed("the log does not reach back to what it has seen") };
        if std::mem::take(&mut first) {
            if fingerprint(&bytes) != seen.commit {
                return changed("the table it was made of is another");
            }
            continue;
        }
        if !trace.follow(&lines(&bytes).map_err(LakeError::delta(name))?) {
            return changed("rows it has seen were changed or removed");
        }
    }
    trace.gained(table, name).await
}

fn lines(bytes: &[u8]) -> Result<Vec<Line>, DeltaTableError> {
    serde_json::Deserializer::from_slice(bytes)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|e| DeltaTableError::Generic(format!("a commit cannot be read: {e}")))
}

impl Trace {
    /// Takes in a commit; whether the rows that were there before are as they were.
    fn follow(&mut self, lines: &[Line]) -> bool {
        let (adds, removes): (Vec<_>, Vec<_>) = (
            lines.iter().filter_map(|l| l.add.as_ref()).collect(),
            lines.iter().filter_map(|l| l.remove.as_ref()).collect(),
        );
        let data_change = adds.iter().chain(&removes).any(|file| file.data_change);
        let held: Vec<_> = removes.iter().map(|file| self.files.remove(name_of(&file.path))).collect();
        let new = held.iter().all(|holds| *holds == Some(Holds::New));
        let old = held.iter().all(Option::is_none);
        if removes.is_empty() {
            self.place(lines, !adds.is_empty());
        } else if data_change && !new {
            return false;
        }
        if removes.is_empty() || !old {
            let holds = if new { Holds::New } else { Holds::Both };
            self.files.extend(adds.iter().map(|file| (name_of(&file.path).to_owned(), holds)));
        }
        true
    }

    /// Where in the topic the rows of a landing commit begin.
    fn place(&mut self, lines: &[Line], rows: bool) {
        let record = lines.iter().find_map(|line| line.commit_info.as_ref()?.get(ledger::KEY));
        let record = record.and_then(|record| serde_json::from_value::<CommitRecord>(record.clone()).ok());
        match record.filter(|record| !record.partitions.is_empty()) {
            Some(record) => {
                for (partition, range) in record.partitions {
                    self.from.entry(partition).or_insert(range.from);
                }
            }
            None => self.unplaced |= rows,
        }
    }

    async fn gained(self, table: &DeltaTable, name: &str) -> Result<Since, LakeError> {
        let mixed = self.files.values().any(|holds| *holds == Holds::Both);
        if mixed && self.unplaced {
            let why = "new rows that do not say where they stood in the log were put together with old ones";
            return Ok(Since::Changed { why: why.to_owned() });
        }
        let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
        let topic = LANDED.iter().find(|landed| landed.table == name).map(|landed| landed.topic).filter(|_| mixed);
        let earlier = match topic {
            Some(topic) => earlier::until(table, name, topic, self.from.keys().copied().collect()).await?,
            None => BTreeMap::new(),
        };
        let mut gained = Gained { from: mixed.then_some(self.from), earlier, ..Gained::default() };
        for file in log.iter().filter(|file| self.files.contains_key(name_of(&file.path()))) {
            gained.files.push(file.path().into_owned());
            gained.rows += file.num_records().unwrap_or(0) as u64;
        }
        Ok(Since::Gained(gained))
    }
}

impl Gained {
    /// The rows, all of them new.
    pub(crate) async fn rows(
        &self,
        table: &DeltaTable,
        session: &SessionContext,
    ) -> Result<DataFrame, DeltaTableError> {
        let rows = rows(table, session, Some(&self.files), None).await?;
        let Some(from) = &self.from else { return Ok(rows) };
        let new = |(partition, offset): (&i32, &i64)| {
            let new = ident("kafka_partition").eq(lit(*partition)).and(ident("kafka_offset").gt_eq(lit(*offset)));
            let until = self
                .earlier
                .get(partition)
                .map(|until| ScalarValue::TimestampMicrosecond(Some(*until), Some("UTC".into())));
            until.into_iter().fold(new, |new, until| new.and(ident("landed_at").gt(lit(until))))
        };
        Ok(rows.filter(from.iter().map(new).reduce(Expr::or).unwrap_or_else(|| lit(false)))?)
    }
}

/// The rows of a table, or of some of its files; with the name of each row's file in a column, where one is named.
pub(crate) async fn rows(
    table: &DeltaTable,
    session: &SessionContext,
    files: Option<&[String]>,
    file_column: Option<&str>,
) -> Result<DataFrame, DeltaTableError> {
    table.update_datafusion_session(&session.state())?;
    let snapshot = table.snapshot()?.snapshot().clone();
    // With the session: filters are not evaluated within Parquet; see crate::query.
    let mut provider =
        table.table_provider().with_eager_snapshot(snapshot).with_session(std::sync::Arc::new(session.state()));
    if let Some(files) = files {
        provider = provider.with_file_paths(files.iter().cloned());
    }
    if let Some(column) = file_column {
        provider = provider.with_file_column(column);
    }
    Ok(session.read_table(provider.await?)?)
}
