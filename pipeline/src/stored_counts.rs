//! The lake as a feed of observations, for tasks that track what other tasks have found.

use crate::config::Config;
use crate::stored_lake::StoredLake;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use async_trait::async_trait;
use tidelake_connectors::revisit::{Count, CountFeed, Wanted};
use tidelake_connectors::{Fault, FaultClass};
use tidelake_schemas::{Timestamp, ids};
use tidelake_sinks::query::QueryError;

/// Memory for sorting a day's observations; beyond it they spill.
const MEMORY: usize = 128 << 20;

/// Observations of the research zone, of the configuration's lake.
#[derive(Debug)]
pub(crate) struct StoredCounts(StoredLake);

impl StoredCounts {
    pub(crate) fn of(config: &Config) -> Self {
        Self(StoredLake::of(config))
    }

    async fn read(&self, wanted: &Wanted<'_>, each: &mut (dyn FnMut(Count) + Send)) -> Result<(), QueryError> {
        let settling_s = i64::try_from(self.0.settling.as_secs()).unwrap_or(i64::MAX);
        self.0.ask(&query(wanted, settling_s), MEMORY, |batch| counts(batch).for_each(&mut *each)).await
    }
}

/// Those of the research zone: other routes know other counts of the same video, newer or rounded.
fn query(wanted: &Wanted<'_>, settling_s: i64) -> String {
    let instant = |at: Timestamp| format!("arrow_cast({}, 'Timestamp(Microsecond, Some(\"UTC\"))')", at.0);
    let names: Vec<_> = wanted.tasks.iter().map(|task| format!("'{}'", task.replace('\'', "''"))).collect();
    let tasks = match names.is_empty() {
        true => String::new(),
        false => format!(" AND provenance['task'] IN ({})", names.join(", ")),
    };
    format!(
        "SELECT video_id, created_at, observed_at, stats['views'] AS views FROM video_observations \
         WHERE landed_at >= {from} AND landed_at < {until} AND platform = 'tiktok' AND provenance['zone'] = 'research' \
           AND unavailable IS NULL AND (created_at IS NULL OR created_at >= {published}){tasks} \
         ORDER BY observed_at",
        from = instant(wanted.stored_from.plus_secs(settling_s.saturating_neg())),
        until = instant(wanted.stored_until),
        published = instant(wanted.published_from),
    )
}

/// The observations of a batch; of a video whose publication is not known, its id tells.
fn counts(batch: &RecordBatch) -> impl Iterator<Item = Count> {
    let (videos, views) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(3).as_primitive::<Int64Type>());
    let created = batch.column(1).as_primitive::<TimestampMicrosecondType>();
    let observed = batch.column(2).as_primitive::<TimestampMicrosecondType>();
    (0..batch.num_rows()).filter_map(move |row| {
        let video_id = videos.value(row);
        let published = if created.is_null(row) { ids::time_of_id(video_id)? } else { Timestamp(created.value(row)) };
        let views = (!views.is_null(row)).then(|| views.value(row));
        Some(Count { video_id, published, at: Timestamp(observed.value(row)), views })
    })
}

#[async_trait]
impl CountFeed for StoredCounts {
    async fn counts(&self, wanted: &Wanted<'_>, each: &mut (dyn FnMut(Count) + Send)) -> Result<(), Fault> {
        self.read(wanted, each).await.map_err(|error| {
            let action = "The task waits and reads again; check that the lake can be reached.";
            Fault::new(FaultClass::Transient, "reading stored videos", error.to_string(), action)
        })
    }
}
