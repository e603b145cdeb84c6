//! Stored files of videos that are erased.

use crate::cli::Failure;
use crate::daemon::Daemon;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::TryStreamExt;
use tidelake_schemas::Provenance;
use tidelake_sinks::media::{Doomed, MediaStore, Note, Removed};
use tidelake_sinks::privacy::Suppressions;
use tidelake_sinks::query::{Engine, QueryError, QueryOptions};

/// What was stored, and of which video.
const STORED: &str = "SELECT platform, CAST(video_id AS VARCHAR) AS video_id, path, event_id, kind, variant, status, \
                      provenance['connector'] AS connector, provenance['route'] AS route, provenance['zone'] AS zone \
                      FROM media WHERE path IS NOT NULL";

/// Deletes the files and notes of erased videos; `None` where no media was ever kept.
pub(super) async fn erase(daemon: &Daemon, erased: &Suppressions) -> Result<Option<Removed>, Failure> {
    let engine = Engine::over(daemon.lake.clone(), QueryOptions::default()).await?;
    let kept = engine.integers("SELECT count(*) FROM media").await?.first().is_some_and(|rows| *rows > 0);
    if !kept && !daemon.config.media.enabled {
        return Ok(None);
    }
    let store = match &daemon.media {
        Some(store) => store.clone(),
        None => MediaStore::at(&daemon.config.media_location(), daemon.config.media_storage())?,
    };
    let mut doomed = Doomed::default();
    doomed.files.extend(store.notes_of(erased).await?.into_values().flatten());
    each(&engine, |note| {
        if erased.holds(Some(&note.platform), &note.video_id) {
            doomed.files.extend(note.path);
        }
    })
    .await?;
    if doomed.files.is_empty() {
        return Ok(Some(store.erase(erased, &doomed).await?));
    }
    each(&engine, |note| {
        let own = erased.holds(Some(&note.platform), &note.video_id);
        if let Some(path) = note.path.clone().filter(|path| !own && doomed.files.contains(path)) {
            doomed.shared.entry(path).or_insert(note);
        }
    })
    .await?;
    Ok(Some(store.erase(erased, &doomed).await?))
}

/// Hands over what is known of each stored file.
async fn each(engine: &Engine, mut take: impl FnMut(Note)) -> Result<(), QueryError> {
    let mut rows = engine.sql(STORED).await?.stream;
    while let Some(batch) = rows.try_next().await.map_err(QueryError::running)? {
        for row in 0..batch.num_rows() {
            let text = |column: &str| text(&batch, column, row);
            take(Note {
                event_id: text("event_id").unwrap_or_default(),
                platform: text("platform").unwrap_or_default(),
                video_id: text("video_id").unwrap_or_default(),
                kind: text("kind").unwrap_or_default(),
                variant: text("variant").unwrap_or_default(),
                status: text("status").unwrap_or_default(),
                path: text("path"),
                provenance: Provenance {
                    connector: text("connector").unwrap_or_default(),
                    route: text("route").unwrap_or_default(),
                    zone: text("zone").unwrap_or_default(),
                    ..Provenance::default()
                },
            });
        }
    }
    Ok(())
}

fn text(batch: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let column = cast(batch.column_by_name(column)?, &DataType::Utf8).ok()?;
    let texts = column.as_string::<i32>();
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}
