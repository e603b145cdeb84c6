//! `[maintain]`: how tables are kept fast and small.

use super::units::{bytes, duration, parse_duration};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tidelake_sinks::lake::WriterOptions;
use tidelake_sinks::lake::upkeep::{LEAST_GRACE, UpkeepOptions, VacuumOptions};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// `[maintain]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MaintainConfig {
    /// Whether `tidelake run` does it without being told to.
    pub enabled: bool,
    /// How large files are to be.
    #[serde(deserialize_with = "bytes")]
    pub target_file_bytes: u64,
    /// A date that is still written to is left alone until it has so many small files.
    pub min_files: usize,
    /// A date is complete so long after its end.
    #[serde(deserialize_with = "duration")]
    pub settled: Duration,
    /// Columns that rows of complete dates are ordered by, by table.
    pub order: BTreeMap<String, Vec<String>>,
    /// Memory that ordering may take.
    #[serde(deserialize_with = "bytes")]
    pub memory: u64,
    /// Bytes of files that the role rewrites in an hour at most.
    #[serde(deserialize_with = "bytes")]
    pub bytes_per_hour: u64,
    /// A checkpoint is due so many versions after the last.
    pub checkpoint_versions: i64,
    /// How long the log of old versions is kept.
    #[serde(deserialize_with = "duration")]
    pub log_retention: Duration,
    /// How long files are kept that no version needs any more.
    #[serde(deserialize_with = "duration")]
    pub grace: Duration,
    /// Allows a grace that writers and readers may outlast.
    pub allow_short_grace: bool,
    /// How long dates are kept, by table.
    #[serde(deserialize_with = "durations")]
    pub retention: BTreeMap<String, Duration>,
    /// How often each chore is done.
    pub every: Every,
}

/// `[maintain.every]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Every {
    #[serde(deserialize_with = "duration")]
    pub recheck: Duration,
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
    #[serde(deserialize_with = "duration")]
    pub evolve: Duration,
    #[serde(deserialize_with = "duration")]
    pub zorder: Duration,
    #[serde(deserialize_with = "duration")]
    pub compact: Duration,
    #[serde(deserialize_with = "duration")]
    pub current: Duration,
    #[serde(deserialize_with = "duration")]
    pub checkpoint: Duration,
    #[serde(deserialize_with = "duration")]
    pub clean: Duration,
    #[serde(deserialize_with = "duration")]
    pub vacuum: Duration,
}

impl Default for Every {
    fn default() -> Self {
        Self {
            recheck: HOUR / 4,
            retention: 6 * HOUR,
            evolve: DAY,
            zorder: HOUR,
            compact: HOUR / 6,
            current: HOUR / 30,
            checkpoint: HOUR / 12,
            clean: HOUR,
            vacuum: 6 * HOUR,
        }
    }
}

impl Default for MaintainConfig {
    fn default() -> Self {
        let order = [
            ("video_observations", "video_id"),
            ("comments", "video_id"),
            ("creator_observations", "creator_id"),
            ("media", "video_id"),
            ("annotations", "video_id"),
        ];
        Self {
            enabled: true,
            target_file_bytes: 128 << 20,
            min_files: 8,
            settled: 26 * HOUR,
            order: order.map(|(table, column)| (table.to_owned(), vec![column.to_owned()])).into(),
            memory: 256 << 20,
            bytes_per_hour: 50 << 30,
            checkpoint_versions: 100,
            log_retention: 7 * DAY,
            grace: 7 * DAY,
            allow_short_grace: false,
            retention: BTreeMap::new(),
            every: Every::default(),
        }
    }
}

impl MaintainConfig {
    pub(super) fn check(&self, wrong: &mut impl FnMut(&str, String)) {
        if self.target_file_bytes < 1 << 20 {
            wrong("maintain.target_file_bytes", format!("{} is not at least 1MiB", self.target_file_bytes));
        }
        if self.memory < 32 << 20 {
            wrong("maintain.memory", format!("{} is not at least 32MiB", self.memory));
        }
        if self.checkpoint_versions < 1 {
            wrong("maintain.checkpoint_versions", format!("{} is not at least 1", self.checkpoint_versions));
        }
        if self.grace < LEAST_GRACE && !self.allow_short_grace {
            let why = "a writer or a reader may need files for longer; allow_short_grace = true allows it all the same";
            wrong("maintain.grace", format!("{:?} is not at least 1d: {why}", self.grace));
        }
        for (table, keep) in &self.retention {
            if *keep < DAY {
                wrong(&format!("maintain.retention.{table}"), format!("{keep:?} is not at least 1d: dates are whole"));
            }
        }
    }

    /// How tables are to be; `files` says how land writes them.
    pub(crate) fn options(&self, files: WriterOptions, spill_dir: PathBuf) -> UpkeepOptions {
        UpkeepOptions {
            files: WriterOptions { target_file_bytes: self.target_file_bytes, ..files },
            min_files: self.min_files,
            settled: self.settled,
            order: self.order.clone(),
            memory_bytes: usize::try_from(self.memory).unwrap_or(usize::MAX),
            spill_dir: Some(spill_dir),
        }
    }

    /// What may be vacuumed.
    pub(crate) fn vacuum(&self, dry_run: bool) -> VacuumOptions {
        VacuumOptions { grace: self.grace, allow_short_grace: self.allow_short_grace, dry_run }
    }
}

fn durations<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Duration>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(from)?;
    let read = texts.into_iter().map(|(table, text)| {
        let time = parse_duration(&text);
        let time = time.ok_or_else(|| D::Error::custom(format!("{table}: {text:?} is not a duration; write 400d")))?;
        Ok((table, time))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let config: MaintainConfig = toml::from_str(text).expect("reads");
        let mut found = Vec::new();
        config.check(&mut |path: &str, why: String| found.push(format!("{path}: {why}")));
        found
    }

    #[test]
    fn what_could_lose_something_has_to_be_named() {
        assert!(mistakes("").is_empty());
        assert!(mistakes("grace = \"1m\"").join("\n").contains("allow_short_grace"));
        assert!(mistakes("grace = \"1m\"\nallow_short_grace = true").is_empty());
        assert!(mistakes("[retention]\ncomments = \"1h\"").join("\n").contains("maintain.retention.comments"));
        for text in ["[retention]\ncomments = \"soon\"", "[every]\nnothing = \"1d\"", "graze = \"1d\""] {
            assert!(toml::from_str::<MaintainConfig>(text).is_err(), "{text}");
        }
    }
}
