//! Everything that is held about somebody, with where it came from: what Art. 15 GDPR asks for.

use super::rows;
use super::suppressions::Suppressions;
use crate::format::{Format, FormatError, FormatOptions};
use crate::lake::erasure::tables;
use crate::lake::{Lake, LakeError};
use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is held cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The lake cannot be read.
    #[error("{0}")]
    Lake(#[from] LakeError),
    /// A row cannot be written as JSON.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// What was written cannot be read back.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// The rows of every table that are about somebody, as JSON objects with all their columns, by table. `subject` holds
/// their names as an erasure would.
///
/// # Errors
/// [`AccessError`].
pub async fn held(lake: &Lake, subject: &Suppressions) -> Result<BTreeMap<String, Vec<Value>>, AccessError> {
    let mut held = BTreeMap::new();
    for name in tables(lake).await? {
        let rows = of_table(lake, &name, subject).await?;
        if !rows.is_empty() {
            held.insert(name, rows);
        }
    }
    Ok(held)
}

async fn of_table(lake: &Lake, name: &str, subject: &Suppressions) -> Result<Vec<Value>, AccessError> {
    let Some(table) = lake.open(name).await? else { return Ok(Vec::new()) };
    let session = SessionContext::new();
    let stream = async {
        table.update_datafusion_session(&session.state())?;
        let snapshot = table.snapshot()?.snapshot().clone();
        let provider = table.table_provider().with_eager_snapshot(snapshot).await?;
        Ok(session.read_table(provider)?.execute_stream().await?)
    };
    let mut stream = stream.await.map_err(LakeError::delta(name))?;
    let mut found = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(|e| LakeError::delta(name)(e.into()))?;
        if let Some(judged) = rows::judge(subject, name, &batch).map_err(LakeError::arrow(name))?
            && judged.gone > 0
        {
            let theirs = filter_record_batch(&batch, &judged.goes).map_err(LakeError::arrow(name))?;
            found.extend(as_json(&theirs)?);
        }
    }
    Ok(found)
}

fn as_json(batch: &RecordBatch) -> Result<Vec<Value>, AccessError> {
    let mut text = Vec::new();
    let mut writer = Format::Ndjson.writer(&mut text, &batch.schema(), &FormatOptions::default())?;
    writer.write(batch)?;
    writer.finish()?;
    let rows: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&text).into_iter().collect();
    Ok(rows?)
}
