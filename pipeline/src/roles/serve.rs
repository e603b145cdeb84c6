//! **serve**: the doors people query the lake through, beside whatever else the process does.

use super::{RoleError, Stop};
use crate::clock::now;
use crate::config::Config;
use std::path::PathBuf;
use std::sync::Arc;
use tidelake_serve::{Doors, Engines, OpenError, Settings};
use tidelake_sinks::lake::Lake;
use tidelake_sinks::privacy::{PrivacyKey, PseudonymKey};
use tidelake_sinks::query::{Backend, Engine, QueryOptions};

/// The role.
#[derive(Clone)]
pub(crate) struct Serve {
    lake: Lake,
    settings: Settings,
    /// Where queries put what they have no memory for.
    spill_dir: PathBuf,
    /// Who runs queries; `None` = this process.
    backend: Option<Arc<dyn Backend>>,
    /// Whose pseudonyms some role sees.
    pseudonyms: Option<PseudonymKey>,
}

impl Serve {
    /// The doors of the configuration, over a lake.
    pub(crate) fn of(config: &Config, lake: Lake, key: &PrivacyKey) -> Self {
        let (settings, spill_dir) = (config.serve.settings(), config.data_dir.join("spill"));
        let pseudonyms = settings.wants_pseudonyms().then(|| PseudonymKey::of(key));
        Self { lake, settings, spill_dir, backend: config.backend(), pseudonyms }
    }

    /// Opens the doors.
    pub(crate) async fn open(self) -> Result<Doors, RoleError> {
        let options = QueryOptions {
            spill_dir: Some(self.spill_dir),
            target_partitions: self.settings.threads,
            backend: self.backend,
            ..QueryOptions::default()
        };
        let plain = Engine::over(self.lake, options).await?;
        let pseudonymised = match &self.pseudonyms {
            Some(key) => Some(plain.pseudonymised(key).await?),
            None => None,
        };
        Ok(Doors::open(Engines { plain, pseudonymised }, &self.settings, now).await?)
    }

    /// Serves until asked to stop.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), RoleError> {
        let doors = self.open().await?;
        for (door, address) in doors.addresses() {
            tracing::info!(door, %address, "open");
        }
        stop.wait().await;
        doors.close().await;
        Ok(())
    }
}

impl From<OpenError> for RoleError {
    fn from(error: OpenError) -> Self {
        // An address may become free; nothing else mends itself.
        let is_final = !matches!(error, OpenError::Listen { .. });
        Self::Doors { why: error.to_string(), is_final }
    }
}
