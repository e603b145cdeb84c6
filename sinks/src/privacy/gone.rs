//! Videos that are no longer available: the Research API's terms want them deleted, once that is known.
//!
//! What remains are counts: how many videos went, why, and of which month they were. They suppress nothing: a video that
//! is public again may be collected again.

use super::{PrivacyKey, Subject, Suppressions};
use crate::lake::erasure::{Erased, erase, purge, tables};
use crate::lake::{Lake, LakeError, WriterOptions};
use crate::place::Place;
use crate::query::{Engine, QueryError, QueryOptions};
use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// The last ids that were counted, by keyed hash: what was stopped in the middle counts them once.
    counted: std::collections::BTreeSet<String>,
}

/// Videos that are gone, by platform.
type Gone = Vec<(i64, String, String)>;

const GONE: &str = "
SELECT video_id, unavailable, coalesce(to_char(created_at, '%Y-%m'), 'unknown') AS month
FROM newest_videos WHERE platform = 'tiktok' AND provenance['zone'] = 'research' AND unavailable IS NOT NULL";

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
    let subject = Subject::videos("tiktok", gone.iter().map(|(id, ..)| *id));
    let erased = Suppressions::of(key.clone(), "tiktok", subject.names().iter().map(String::as_str));
    count(lake, &erased, &gone).await?;
    for name in tables(lake).await? {
        let Some(rows) = erase(lake, &name, &erased, "gone", options, None).await? else { continue };
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

async fn gone(engine: &Engine) -> Result<Gone, QueryError> {
    let mut gone = Gone::new();
    for batch in engine.collect(GONE).await? {
        let text = |column: usize| cast(batch.column(column), &DataType::Utf8);
        let (Ok(ids), Ok(why), Ok(month)) = (cast(batch.column(0), &DataType::Int64), text(1), text(2)) else {
            continue;
        };
        let (why, month) = (why.as_string::<i32>(), month.as_string::<i32>());
        for (row, id) in ids.as_primitive::<Int64Type>().values().iter().enumerate() {
            gone.push((*id, why.value(row).to_owned(), month.value(row).to_owned()));
        }
    }
    Ok(gone)
}

async fn count(lake: &Lake, erased: &Suppressions, gone: &Gone) -> Result<(), GoneError> {
    let mut counts = attrition(lake).await?;
    let mut counted = std::collections::BTreeSet::new();
    for (id, why, month) in gone {
        let hash = crate::place::hex(&erased.hash("tiktok", &id.to_string()));
        if !counts.counted.contains(&hash) {
            *counts.videos.entry(why.clone()).or_default().entry(month.clone()).or_default() += 1;
        }
        counted.insert(hash);
    }
    counts.counted = counted;
    let content = serde_json::to_vec(&counts).map_err(|e| GoneError::Counts(e.to_string()))?;
    let place = place(lake)?;
    let written = place.store.put(&place.path(ATTRITION), PutPayload::from(content)).await;
    written.map(drop).map_err(|e| GoneError::Counts(e.to_string()))
}

fn place(lake: &Lake) -> Result<Place, GoneError> {
    Place::at(lake.root().as_str(), lake.options()).map_err(GoneError::Counts)
}
