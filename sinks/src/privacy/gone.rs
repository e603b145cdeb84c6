//! Videos that are no longer available: the Research API's terms want them deleted, once that is known.
//!
//! What remains are counts: how many videos went, why, and of which month they were; and what the query `attrition` counts
//! of them ([`Faded`]), so that it answers as before. They suppress nothing: a video that is public again may be collected
//! again.

use super::{PrivacyKey, Subject, Suppressions};
use crate::lake::erasure::{Basis, Erased, Why, erase, purge, tables};
use crate::lake::{Lake, LakeError, WriterOptions};
use crate::place::Place;
use crate::query::{Engine, QueryError, QueryOptions};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tidelake_schemas::Timestamp;

/// Where the counts are kept, below the lake.
const ATTRITION: &str = "_tidelake/attrition.json";

/// What cannot be done about videos that are gone.
#[derive(Debug, thiserror::Error)]
pub enum GoneError {
    /// The lake cannot be asked.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// The lake cannot be changed.
    #[error("{0}")]
    Lake(#[from] LakeError),
    /// The counts cannot be kept.
    #[error("{ATTRITION}: {0}. Nothing is deleted before they are kept")]
    Counts(String),
}

/// How many videos are gone, by why and by the month they were published in, `YYYY-MM`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attrition {
    /// Counts of videos.
    pub videos: BTreeMap<String, BTreeMap<String, u64>>,
    /// What the query `attrition` counts.
    #[serde(default)]
    pub faded: Vec<Faded>,
    /// The last ids that were counted, by keyed hash: what was stopped in the middle counts them once.
    counted: BTreeSet<String>,
}

/// Videos that are gone and alike in all that the query `attrition` looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Faded {
    /// The hour in which they were first seen; microseconds since 1970, UTC.
    pub first_seen: Timestamp,
    /// Their category, as it was last known.
    pub category: Option<String>,
    /// Whether they were gone by the age of 7, 15 and 30 days.
    pub gone: [bool; 3],
    /// Whether that was looked at, at these ages.
    pub checked: [bool; 3],
    /// How many.
    pub videos: u64,
}

/// A video that is gone.
struct Gone {
    id: i64,
    why: String,
    month: String,
    faded: Faded,
}

/// The videos.
const LOST: &str = "
SELECT platform, video_id, unavailable, coalesce(to_char(created_at, '%Y-%m'), 'unknown') AS month
FROM newest_videos WHERE platform = 'tiktok' AND provenance['zone'] = 'research' AND unavailable IS NOT NULL";

/// What `attrition` finds of each of them; see there.
const FACTS: &str = "
seen AS (
  SELECT v.platform, v.video_id, min(v.observed_at) AS first_seen, max(v.observed_at) AS last_seen,
         last_value(v.findings['categories'][1]['name'] ORDER BY v.observed_at, v.event_id)
           FILTER (WHERE v.findings['categories'][1]['name'] IS NOT NULL) AS category
  FROM video_observations AS v JOIN lost AS l ON l.platform = v.platform AND l.video_id = v.video_id
  GROUP BY v.platform, v.video_id),
states AS (
  SELECT s.platform, s.video_id,
         last_value(a.state ORDER BY a.observed_at, a.state) FILTER (
           WHERE a.observed_at <= s.first_seen + INTERVAL '7 days') <> 'public' AS gone_7d,
         last_value(a.state ORDER BY a.observed_at, a.state) FILTER (
           WHERE a.observed_at <= s.first_seen + INTERVAL '15 days') <> 'public' AS gone_15d,
         last_value(a.state ORDER BY a.observed_at, a.state) FILTER (
           WHERE a.observed_at <= s.first_seen + INTERVAL '30 days') <> 'public' AS gone_30d
  FROM seen AS s JOIN availability AS a ON a.platform = s.platform AND a.video_id = s.video_id
  GROUP BY s.platform, s.video_id),
facts AS (
  SELECT s.video_id, s.first_seen, s.category, t.gone_7d, t.gone_15d, t.gone_30d,
         CASE WHEN c.last_validated_at > s.last_seen THEN c.last_validated_at ELSE s.last_seen END AS known_until
  FROM seen AS s JOIN states AS t ON t.platform = s.platform AND t.video_id = s.video_id
  LEFT JOIN compliance AS c ON c.platform = s.platform AND c.video_id = s.video_id)
SELECT l.video_id, l.unavailable, l.month, date_trunc('hour', f.first_seen) AS first_seen, f.category,
       coalesce(f.gone_7d, false) AS gone_7d, coalesce(f.gone_15d, false) AS gone_15d,
       coalesce(f.gone_30d, false) AS gone_30d,
       coalesce(f.gone_7d, false) OR f.known_until >= f.first_seen + INTERVAL '7 days' AS checked_7d,
       coalesce(f.gone_15d, false) OR f.known_until >= f.first_seen + INTERVAL '15 days' AS checked_15d,
       coalesce(f.gone_30d, false) OR f.known_until >= f.first_seen + INTERVAL '30 days' AS checked_30d
FROM lost AS l JOIN facts AS f ON f.video_id = l.video_id";

/// Takes every row about videos of the research zone out of the lake whose newest observation says that they are gone.
/// Gives how many there were and what was taken out of each table.
///
/// # Errors
/// [`GoneError`]; the next time goes on.
pub async fn erase_gone(
    lake: &Lake,
    key: &PrivacyKey,
    options: &WriterOptions,
    now: Timestamp,
) -> Result<(usize, BTreeMap<String, Erased>), GoneError> {
    let engine = Engine::over(lake.clone(), QueryOptions::default()).await?;
    let gone = gone(&engine).await?;
    let mut taken = BTreeMap::new();
    if gone.is_empty() {
        return Ok((0, taken));
    }
    let subject = Subject::videos("tiktok", gone.iter().map(|video| video.id));
    let erased = Suppressions::of(key.clone(), "tiktok", subject.names().iter().map(String::as_str));
    count(lake, &erased, &gone).await?;
    for name in tables(lake).await? {
        let Some(rows) = erase(lake, &name, &erased, &Why::of("gone").by(Basis::Terms), options, None).await? else {
            continue;
        };
        if let Some(mut table) = lake.open(&name).await? {
            purge(&mut table, &name, &erased, now).await?;
        }
        if rows.files > 0 {
            taken.insert(name, rows);
        }
    }
    Ok((gone.len(), taken))
}

/// The counts so far.
///
/// # Errors
/// [`GoneError`].
pub async fn attrition(lake: &Lake) -> Result<Attrition, GoneError> {
    let place = place(lake)?;
    match place.store.get(&place.path(ATTRITION)).await {
        Ok(found) => {
            let content = found.bytes().await.map_err(|e| GoneError::Counts(e.to_string()))?;
            serde_json::from_slice(&content).map_err(|e| GoneError::Counts(e.to_string()))
        }
        Err(object_store::Error::NotFound { .. }) => Ok(Attrition::default()),
        Err(error) => Err(GoneError::Counts(error.to_string())),
    }
}

async fn gone(engine: &Engine) -> Result<Vec<Gone>, QueryError> {
    let mut gone = Vec::new();
    // Mostly there are none, and the history need not be read.
    if engine.integers(&format!("SELECT count(*) FROM ({LOST})")).await? == [0] {
        return Ok(gone);
    }
    for batch in engine.collect(&format!("WITH lost AS ({LOST}), {FACTS}")).await? {
        gone.extend(read(&batch).map_err(|e| QueryError::Execution(e.to_string()))?);
    }
    Ok(gone)
}

fn read(batch: &RecordBatch) -> Result<Vec<Gone>, ArrowError> {
    let column = |name: &str, kind: &DataType| {
        let absent = || ArrowError::SchemaError(format!("there is no column {name}"));
        cast(batch.column_by_name(name).ok_or_else(absent)?, kind)
    };
    let (ids, first_seen) = (column("video_id", &DataType::Int64)?, column("first_seen", &DataType::Int64)?);
    let [why, month, category] = ["unavailable", "month", "category"].map(|name| column(name, &DataType::Utf8));
    let (why, month, category) = (why?, month?, category?);
    let flags = |kind: &str| {
        let [a, b, c] = ["7d", "15d", "30d"].map(|age| column(&format!("{kind}_{age}"), &DataType::Boolean));
        Ok::<_, ArrowError>([a?, b?, c?])
    };
    let (gone, checked) = (flags("gone")?, flags("checked")?);
    let text = |column: &arrow::array::ArrayRef, row: usize| column.as_string::<i32>().value(row).to_owned();
    let set =
        |flags: &[arrow::array::ArrayRef; 3], row: usize| flags.each_ref().map(|flag| flag.as_boolean().value(row));
    let rows = (0..batch.num_rows()).map(|row| Gone {
        id: ids.as_primitive::<Int64Type>().value(row),
        why: text(&why, row),
        month: text(&month, row),
        faded: Faded {
            first_seen: Timestamp(first_seen.as_primitive::<Int64Type>().value(row)),
            category: category.is_valid(row).then(|| text(&category, row)),
            gone: set(&gone, row),
            checked: set(&checked, row),
            videos: 1,
        },
    });
    Ok(rows.collect())
}

async fn count(lake: &Lake, erased: &Suppressions, gone: &[Gone]) -> Result<(), GoneError> {
    let mut counts = attrition(lake).await?;
    let mut counted = BTreeSet::new();
    let unit = |faded: &Faded| Faded { videos: 0, ..faded.clone() };
    let mut faded: BTreeMap<Faded, u64> = counts.faded.iter().map(|faded| (unit(faded), faded.videos)).collect();
    for video in gone {
        let hash = crate::place::hex(&erased.hash("tiktok", &video.id.to_string()));
        if !counts.counted.contains(&hash) {
            *counts.videos.entry(video.why.clone()).or_default().entry(video.month.clone()).or_default() += 1;
            *faded.entry(unit(&video.faded)).or_default() += 1;
        }
        counted.insert(hash);
    }
    counts.faded = faded.into_iter().map(|(faded, videos)| Faded { videos, ..faded }).collect();
    counts.counted = counted;
    let content = serde_json::to_vec(&counts).map_err(|e| GoneError::Counts(e.to_string()))?;
    let place = place(lake)?;
    let written = place.store.put(&place.path(ATTRITION), PutPayload::from(content)).await;
    written.map(drop).map_err(|e| GoneError::Counts(e.to_string()))
}

fn place(lake: &Lake) -> Result<Place, GoneError> {
    Place::at(lake.root().as_str(), lake.options()).map_err(GoneError::Counts)
}
