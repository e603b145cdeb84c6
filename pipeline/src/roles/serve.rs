//! **serve**: the doors people query the lake through, beside whatever else the process does.

use super::{RoleError, Stop};
use crate::clock::now;
use crate::config::Config;
use std::path::PathBuf;
use tidelake_serve::{Doors, OpenError, Settings};
use tidelake_sinks::lake::Lake;
use tidelake_sinks::query::{Engine, QueryOptions};

/// The role.
#[derive(Clone)]
pub(crate) struct Serve {
    lake: Lake,
    settings: Settings,
    /// Where queries put what they have no memory for.
    spill_dir: PathBuf,
}

impl Serve {
    /// The doors of the configuration, over a lake.
    pub(crate) fn of(config: &Config, lake: Lake) -> Self {
        Self { lake, settings: config.serve.settings(), spill_dir: config.data_dir.join("spill") }
    }

    /// Opens the doors.
    pub(crate) async fn open(self) -> Result<Doors, RoleError> {
        let options = QueryOptions {
            spill_dir: Some(self.spill_dir),
            target_partitions: self.settings.threads,
            ..QueryOptions::default()
        };
        let engine = Engine::over(self.lake, options).await?;
        Ok(Doors::open(engine, &self.settings, now).await?)
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
