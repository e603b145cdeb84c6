//! What stays on disks for a while after it was removed, and what is typed at the prompt.

use super::Erasure;
use crate::cli::{Failure, history};
use crate::log::embedded::Embedded;
use std::path::Path;
use tidelake_serve::cluster::JOB_DATA_LIVES;
use tidelake_sinks::privacy::{Remains, Suppressions};

impl Erasure<'_> {
    /// Sees to it that what was removed leaves the disk, and says of what cannot be made to when it does.
    pub(super) fn disk(&mut self) -> Result<(), Failure> {
        let config = &self.daemon.config;
        forget_typed(&history(config), &self.erased)?;
        let mut fades = Vec::new();
        if config.log.broker != "embedded" {
            fades.push((
                "messages that were removed or taken back, in the broker's files".to_owned(),
                "Kafka deletes segments a while after they are given up (file.delete.delay.ms), and older values of a key when \
                 it compacts"
                    .to_owned(),
            ));
        } else {
            Embedded::purge_when_started(&config.data_dir)?;
            if !self.daemon.connection.is_alone() {
                fades.push((
                    "messages that were removed or taken back, in the embedded broker's files".to_owned(),
                    "until the process that runs the broker is started again: its files are written anew then. Of a batch \
                     that not every reader has passed as a whole, until log.retention".to_owned(),
                ));
            }
        }
        if config.lake.engine.is_some() {
            let minutes = JOB_DATA_LIVES.as_secs() / 60;
            fades.push((
                "rows that executors of a cluster handed each other".to_owned(),
                format!("{minutes} minutes after their query, and when an executor starts"),
            ));
        }
        self.receipt.fades = fades.into_iter().map(|(what, why)| Remains { what, why }).collect();
        Ok(())
    }
}

/// Takes names out of what was typed at the prompt on this machine.
fn forget_typed(history: &Path, erased: &Suppressions) -> Result<(), Failure> {
    let Ok(typed) = std::fs::read_to_string(history) else { return Ok(()) };
    let redacted = erased.redact(&typed, false);
    if redacted != typed {
        std::fs::write(history, redacted.as_bytes()).map_err(|e| format!("{}: {e}", history.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidelake_sinks::privacy::PrivacyKey;

    #[test]
    fn what_was_typed_no_longer_names_them() {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("sql_history");
        let erased = Suppressions::of(PrivacyKey::new(&[1; 32]), "tiktok", ["mia"]);
        forget_typed(&file, &erased).expect("there is none");
        std::fs::write(&file, "SELECT 1\nSELECT * FROM videos WHERE author_handle LIKE '%mia%'\n").expect("writes");
        forget_typed(&file, &erased).expect("rewrites");
        let left = std::fs::read_to_string(&file).expect("reads");
        assert_eq!(left, "SELECT 1\nSELECT * FROM videos WHERE author_handle LIKE '%[…]%'\n");
    }
}
