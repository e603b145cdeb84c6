//! The lake, for connectors that go by what is stored.

use crate::clock;
use crate::config::Config;
use arrow::array::RecordBatch;
use futures::TryStreamExt;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tidelake_sinks::lake::Lake;
use tidelake_sinks::query::{Engine, QueryError, QueryOptions};

/// The lake of a configuration; it is opened when it is asked.
#[derive(Clone)]
pub(crate) struct StoredLake {
    pub(crate) location: String,
    /// Storage options, which may hold credentials.
    pub(crate) storage: HashMap<String, String>,
    /// Where what does not fit into memory goes.
    pub(crate) spill_dir: PathBuf,
    /// Between the arrival of a row, which is its `landed_at`, and its commit.
    pub(crate) settling: Duration,
}

impl StoredLake {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            location: config.lake_location(),
            storage: config.lake.storage.clone(),
            spill_dir: config.data_dir.join("spill"),
            settling: clock::shown(config.lake.commit_age.saturating_mul(2)),
        }
    }

    /// Asks the lake, and hands over what it answers. `memory` is in bytes.
    pub(crate) async fn ask(
        &self,
        query: &str,
        memory: usize,
        mut each: impl FnMut(&RecordBatch),
    ) -> Result<(), QueryError> {
        let options = QueryOptions {
            memory_bytes: memory,
            spill_dir: Some(self.spill_dir.clone()),
            // There is time; it is not to slow down the rest.
            target_partitions: Some(1),
            ..QueryOptions::default()
        };
        let engine = Engine::over(Lake::at(&self.location, self.storage.clone())?, options).await?;
        let mut rows = engine.sql(query).await?.stream;
        while let Some(batch) = rows.try_next().await.map_err(QueryError::running)? {
            each(&batch);
        }
        Ok(())
    }
}

impl fmt::Debug for StoredLake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredLake").field("location", &self.location).finish_non_exhaustive()
    }
}
