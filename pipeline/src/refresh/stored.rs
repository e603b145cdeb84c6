//! The lake as a store of ids to refresh.
//!
//! Only rows of the research zone count, and of those what had landed when the cycle began, less what is gone by its
//! newest observation. So a batch that is read again hours later, or by another process, holds the same ids, however
//! much lands in between: also what the cycle itself finds gone lands after its start. What was being committed when the
//! cycle began is left for the next one; should a commit take longer than that, the connector notices by the batch's
//! digest and submits it again.

use crate::config::Config;
use crate::stored_lake::StoredLake;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use async_trait::async_trait;
use std::collections::BTreeMap;
use tidelake_connectors::research::{Category, GONE_ROUTE, IdBatch, IdSource};
use tidelake_connectors::{CycleContext, Fault, FaultClass};
use tidelake_schemas::Timestamp;
use tidelake_sinks::query::QueryError;
use tokio::sync::Mutex;

/// Ids that one look at the table finds: some batches in advance, since a look reads three columns to their end.
const LOOK: usize = 100_000;

/// Memory for the query, which only filters.
const MEMORY: usize = 64 << 20;

/// Stored ids of the research zone, ascending. A position is the last id of a batch.
#[derive(Debug)]
pub(crate) struct StoredIds {
    lake: StoredLake,
    look: usize,
    /// One look at a time; it is kept for the batches after it.
    window: Mutex<Option<Window>>,
}

/// A run of stored ids, as one look found them.
#[derive(Debug)]
struct Window {
    category: Category,
    /// What landed later is not in it.
    cut: Timestamp,
    /// The position it begins after.
    after: i64,
    /// Those that are not gone, ascending.
    ids: Vec<i64>,
    /// The last id that was looked at, gone or not; `None`: there are no more.
    last: Option<i64>,
}

/// When an id was last seen, and last seen gone: microseconds since 1970.
#[derive(Clone, Copy)]
struct Seen {
    there: i64,
    gone: i64,
}

impl StoredIds {
    /// The ids of the configuration's lake.
    pub(crate) fn of(config: &Config) -> Self {
        Self { lake: StoredLake::of(config), look: LOOK, window: Mutex::default() }
    }

    async fn look(&self, category: Category, cut: Timestamp, after: i64) -> Result<Window, QueryError> {
        let mut smallest = Smallest { most: self.look, seen: BTreeMap::new(), all: true };
        self.lake.ask(&query(category, cut, after), MEMORY, |batch| smallest.take(batch)).await?;
        Ok(smallest.window(category, cut, after))
    }
}

/// Rows of this category after a position: id, instant, gone or not. The table of comments tells by the route.
fn query(category: Category, cut: Timestamp, after: i64) -> String {
    let (table, id, gone) = match category {
        Category::Video => ("video_observations", "video_id", "unavailable IS NOT NULL".to_owned()),
        Category::Comment => ("comments", "comment_id", format!("provenance['route'] = '{GONE_ROUTE}'")),
    };
    format!(
        "SELECT {id} AS id, observed_at, {gone} AS gone FROM {table} \
         WHERE {id} > {after} AND landed_at < arrow_cast({cut}, 'Timestamp(Microsecond, Some(\"UTC\"))') \
           AND provenance['zone'] = 'research' AND platform = 'tiktok'",
        cut = cut.0
    )
}

/// The smallest ids of a stream of rows in any order, in as much memory as these need.
struct Smallest {
    most: usize,
    seen: BTreeMap<i64, Seen>,
    /// None had to be left out.
    all: bool,
}

impl Smallest {
    fn take(&mut self, batch: &RecordBatch) {
        let columns = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1), batch.column(2).as_boolean());
        let (ids, instants, gone) = (columns.0, columns.1.as_primitive::<TimestampMicrosecondType>(), columns.2);
        for (row, id) in ids.values().iter().enumerate() {
            // An id that was left out is greater than all that are kept, and stays out.
            if self.seen.len() == self.most && self.seen.last_key_value().is_some_and(|(last, _)| last < id) {
                self.all = false;
                continue;
            }
            let seen = self.seen.entry(*id).or_insert(Seen { there: i64::MIN, gone: i64::MIN });
            let newest = if gone.value(row) { &mut seen.gone } else { &mut seen.there };
            *newest = instants.value(row).max(*newest);
            if self.seen.len() > self.most {
                self.seen.pop_last();
                self.all = false;
            }
        }
    }

    fn window(self, category: Category, cut: Timestamp, after: i64) -> Window {
        let last = self.seen.last_key_value().map(|(id, _)| *id).filter(|_| !self.all);
        // Seen and gone at the same instant: asking again does no harm.
        let ids = self.seen.into_iter().filter(|(_, seen)| seen.there >= seen.gone).map(|(id, _)| id).collect();
        Window { category, cut, after, ids, last }
    }
}

impl Window {
    /// The ids after a position, if it is sure that a new look would find the same first ones.
    fn rest(&self, category: Category, cut: Timestamp, after: i64, max: usize) -> Option<&[i64]> {
        let same = (self.category, self.cut) == (category, cut) && self.after <= after;
        let rest = self.ids.get(self.ids.partition_point(|id| *id <= after)..)?;
        (same && (rest.len() >= max || self.last.is_none())).then_some(rest)
    }

    fn batch(&self, rest: &[i64], max: usize) -> IdBatch {
        let ids = rest.get(..max).unwrap_or(rest).to_vec();
        let next = if ids.len() < rest.len() { ids.last().copied() } else { self.last };
        IdBatch { ids, next: next.map(|id| id.to_string()), stored_before: Some(self.cut) }
    }
}

#[async_trait]
impl IdSource for StoredIds {
    async fn batch(
        &self,
        context: &CycleContext,
        category: Category,
        after: Option<&str>,
        max: usize,
    ) -> Result<IdBatch, Fault> {
        let settling = i64::try_from(self.lake.settling.as_micros()).unwrap_or(i64::MAX);
        let cut = Timestamp(context.started_at.0.saturating_sub(settling));
        let after = after.map_or(Ok(0), |text| text.parse().map_err(|_| no_position(text)))?;
        let mut window = self.window.lock().await;
        if let Some(kept) = window.as_ref()
            && let Some(rest) = kept.rest(category, cut, after, max)
        {
            return Ok(kept.batch(rest, max));
        }
        let found = self.look(category, cut, after).await.map_err(|error| unreadable(&error))?;
        let batch = found.batch(&found.ids, max);
        // Nothing is kept when a cycle ends: the next is days away.
        *window = Some(found).filter(|_| batch.next.is_some());
        Ok(batch)
    }
}

fn unreadable(error: &QueryError) -> Fault {
    let action = "The task waits and reads again; check that the lake can be reached.";
    fault(FaultClass::Transient, error.to_string(), action)
}

fn no_position(text: &str) -> Fault {
    let action = "Reset the task's position; its cycle then starts again.";
    fault(FaultClass::Request, format!("`{text}` is no position"), action)
}

fn fault(class: FaultClass, message: String, action: &str) -> Fault {
    Fault::new(class, "reading stored ids", message, action)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
