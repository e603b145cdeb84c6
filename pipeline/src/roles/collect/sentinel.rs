//! The drift sentinel at work: baselines of sources and tasks, kept in a compacted topic.
//!
//! Baselines belong to the process, not to a lane: every task of a source adds to the same one, so that a change is told
//! once. They are estimates; of two processes that write one, either is good. Incidents go the way of records: published
//! by the lane with the page that showed them, with ids made of that page, so that a page polled again after a crash
//! opens nothing twice.

use super::cycles::Cycles;
use crate::log::LogError;
use crate::log::client::Connection;
use crate::log::reader::Reader;
use rdkafka::message::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tidelake_connectors::drift::{Change, Moment, Profile, Tally};
use tidelake_schemas::Timestamp;
use tidelake_schemas::topics::PROFILES;

/// What the keys of sources' profiles start with.
const SOURCE: &str = "source/";
/// What the keys of tasks' cycles start with.
const TASK: &str = "task/";
/// A profile is written again when it has grown by this part, and not more often than once in so many seconds.
const GROWN: u64 = 10;
const SAVE_EVERY_S: i64 = 60;

/// The baselines this process knows.
#[derive(Default)]
pub(crate) struct Sentinel {
    sources: Mutex<HashMap<String, Watched>>,
    tasks: Mutex<HashMap<String, Cycles>>,
}

#[derive(Default)]
struct Watched {
    profile: Profile,
    saved_pages: u64,
    saved_at: Timestamp,
}

/// A baseline to be written.
pub(super) struct Baseline {
    pub(super) key: String,
    pub(super) payload: Vec<u8>,
}

impl Baseline {
    fn of(kind: &str, name: &str, content: &impl Serialize) -> Option<Self> {
        Some(Self { key: format!("{kind}{name}"), payload: serde_json::to_vec(content).ok()? })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sentinel {
    /// With the baselines that were written before. Blocks while it reads.
    pub(crate) fn load(connection: &Connection) -> Result<Self, LogError> {
        let sentinel = Self::default();
        let reader = Reader::new(connection)?;
        let (low, high) = reader.watermarks(PROFILES, 0)?;
        reader.read(PROFILES, 0, low, high, |message| {
            let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
            let payload = message.payload().unwrap_or_default();
            if let Some(source) = key.strip_prefix(SOURCE)
                && let Some(profile) = read::<Profile>(&key, payload)
            {
                let watched = Watched { saved_pages: profile.pages, profile, saved_at: Timestamp::default() };
                lock(&sentinel.sources).insert(source.to_owned(), watched);
            } else if let Some(task) = key.strip_prefix(TASK)
                && let Some(cycles) = read::<Cycles>(&key, payload)
            {
                lock(&sentinel.tasks).insert(task.to_owned(), cycles);
            }
        })?;
        Ok(sentinel)
    }

    /// Takes a page in; gives what has changed.
    pub(super) fn take(&self, source: &str, seen: &Tally, moment: Moment<'_>) -> Vec<Change> {
        if seen.is_empty() {
            return Vec::new();
        }
        lock(&self.sources).entry(source.to_owned()).or_default().profile.take(seen, moment)
    }

    /// Takes changes back that could not be published.
    pub(super) fn retract(&self, source: &str, changes: Vec<Change>) {
        if let Some(watched) = lock(&self.sources).get_mut(source) {
            watched.profile.retract(changes);
        }
    }

    /// The baseline of a source, when it is time to write it; at once when something has changed.
    pub(super) fn due(&self, source: &str, changed: bool, now: Timestamp) -> Option<Baseline> {
        let mut sources = lock(&self.sources);
        let watched = sources.get_mut(source)?;
        let grown = watched.profile.pages - watched.saved_pages > watched.saved_pages / GROWN;
        let ripe = grown && now >= watched.saved_at.plus_secs(SAVE_EVERY_S);
        if !(changed || ripe) {
            return None;
        }
        (watched.saved_pages, watched.saved_at) = (watched.profile.pages, now);
        Baseline::of(SOURCE, source, &watched.profile)
    }

    /// The baselines that have not been written as they are.
    pub(super) fn unsaved(&self) -> Vec<Baseline> {
        let mut sources = lock(&self.sources);
        let unsaved = sources.iter_mut().filter(|(_, watched)| watched.profile.pages > watched.saved_pages);
        let written = |(source, watched): (&String, &mut Watched)| {
            watched.saved_pages = watched.profile.pages;
            Baseline::of(SOURCE, source, &watched.profile)
        };
        unsaved.filter_map(written).collect()
    }

    /// How the cycles of a task have been.
    pub(super) fn cycles(&self, task: &str) -> Cycles {
        lock(&self.tasks).get(task).cloned().unwrap_or_default()
    }

    /// Does a task that is known to bring something bring nothing now, of this connector?
    pub(super) fn is_suspect(&self, connector: &str) -> bool {
        lock(&self.tasks).values().any(|cycles| cycles.is_failing_canary_of(connector))
    }

    pub(super) fn set_cycles(&self, task: &str, cycles: Cycles) -> Option<Baseline> {
        let baseline = Baseline::of(TASK, task, &cycles);
        lock(&self.tasks).insert(task.to_owned(), cycles);
        baseline
    }
}

fn read<T: DeserializeOwned>(key: &str, payload: &[u8]) -> Option<T> {
    serde_json::from_slice(payload)
        .inspect_err(|error| tracing::warn!(key, %error, "a baseline could not be read; it is learned anew"))
        .ok()
}
