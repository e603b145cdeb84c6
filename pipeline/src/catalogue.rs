//! The stages that enrich runs, with the lake's catalogue of products where there is one.
//!
//! Whoever changes the catalogue writes a new version of its table. Enrichers look for one every [`POLL`] and take it
//! between two batches. What they find from then on carries the new catalogue's fingerprint in its label; what a crash
//! makes them do again may so be found otherwise than before, but the lake lands only the first of the two.

use crate::roles::{RoleError, Stop};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tidelake_schemas::CatalogEntry;
use tidelake_sinks::catalog::{CatalogError, CatalogTable};
use tidelake_sinks::lake::Lake;
use tidelake_stages::{Catalogue, Stages};

/// How often the table is asked for its version.
const POLL: Duration = Duration::from_secs(10);

/// Stages that change when the catalogue does. Clones share them.
#[derive(Clone)]
pub(crate) struct LiveStages(Arc<RwLock<Arc<Stages>>>);

/// Keeps [`LiveStages`] up with the lake.
pub(crate) struct Follower {
    table: CatalogTable,
    version: Option<u64>,
    fingerprint: Option<String>,
    stages: LiveStages,
}

impl LiveStages {
    /// The stages as of now.
    pub(crate) fn now(&self) -> Arc<Stages> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Follower {
    /// Loads the lake's catalogue; without one, the stages do without.
    pub(crate) async fn start(lake: Lake) -> Result<Self, RoleError> {
        let stages = LiveStages(Arc::new(RwLock::new(Arc::new(Stages::standard()))));
        let mut follower = Self { table: CatalogTable::of(lake), version: None, fingerprint: None, stages };
        follower.look().await?;
        Ok(follower)
    }

    /// What it keeps up.
    pub(crate) fn stages(&self) -> LiveStages {
        self.stages.clone()
    }

    /// Looks for newer versions until told to stop. One that cannot be read leaves the last one in use.
    pub(crate) async fn run(mut self, stop: Stop) {
        loop {
            tokio::select! {
                () = stop.wait() => return,
                () = tokio::time::sleep(POLL) => {}
            }
            let looked = tokio::select! {
                () = stop.wait() => return,
                looked = self.look() => looked,
            };
            if let Err(error) = looked {
                tracing::warn!(%error, "the catalogue could not be read; going on with the last one");
            }
        }
    }

    async fn look(&mut self) -> Result<(), RoleError> {
        let version = self.table.refresh().await.map_err(role_error)?;
        if version == self.version {
            return Ok(());
        }
        let entries = self.table.entries().await.map_err(role_error)?;
        let catalogue = build(entries.into_values().collect()).await.map_err(|e| RoleError::Decode(e.to_string()))?;
        if self.fingerprint.as_deref() != Some(catalogue.fingerprint()) {
            tracing::info!(
                version,
                entries = catalogue.len(),
                fingerprint = catalogue.fingerprint(),
                "products by catalogue"
            );
            self.fingerprint = Some(catalogue.fingerprint().to_owned());
            let stages =
                if catalogue.is_empty() { Stages::standard() } else { Stages::with_catalogue(Arc::new(catalogue)) };
            *self.stages.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(stages);
        }
        self.version = version;
        Ok(())
    }
}

/// Makes a catalogue ready, which takes a second or so for the largest, on a thread that may.
pub(crate) async fn build(entries: Vec<CatalogEntry>) -> Result<Catalogue, Box<dyn std::error::Error + Send + Sync>> {
    Ok(tokio::task::spawn_blocking(move || Catalogue::new(entries)).await??)
}

fn role_error(error: CatalogError) -> RoleError {
    match error {
        CatalogError::Lake(error) => RoleError::Lake(error),
        other => RoleError::Decode(other.to_string()),
    }
}
