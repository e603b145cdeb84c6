//! Where readers put what they find: observations once each, rejects, notes.

use super::{Imported, Shape, raw};
use crate::drift::Tally;
use crate::reading::required_id;
use crate::source::Reject;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use tidelake_schemas::{EntityKind, Observation};

/// Collects what a file holds.
#[derive(Debug, Default)]
pub(super) struct Sink {
    observations: Vec<Observation>,
    rejects: Vec<Reject>,
    notes: Vec<String>,
    /// Things that are counted rather than told one by one.
    counted: BTreeMap<String, usize>,
    seen: HashSet<String>,
    repeated: usize,
    tally: Tally,
}

impl Sink {
    /// Takes an observation, unless the file already held it.
    pub(super) fn push(&mut self, observation: Observation) {
        if self.seen.insert(observation.event_id().to_owned()) {
            self.observations.push(observation);
        } else {
            self.repeated += 1;
        }
    }

    /// Takes an observation that comes along with another; that it comes again is no news.
    pub(super) fn push_side(&mut self, observation: Observation) {
        if self.seen.insert(observation.event_id().to_owned()) {
            self.observations.push(observation);
        }
    }

    /// Shows a raw record to the drift sentinel.
    pub(super) fn show(&mut self, kind: EntityKind, record: &Value) {
        self.tally.observe(kind, record);
    }

    /// Notes something once.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Counts something that is noted at the end as "`n` `what`".
    pub(super) fn count(&mut self, what: impl Into<String>) {
        *self.counted.entry(what.into()).or_default() += 1;
    }

    /// Refuses a record.
    pub(super) fn reject(&mut self, reason: &str, message: String, entity: Option<String>, record: &Value) {
        self.reject_bytes(reason, message, entity, record.to_string().into_bytes());
    }

    /// Refuses a record whose bytes are at hand.
    pub(super) fn reject_bytes(&mut self, reason: &str, message: String, entity: Option<String>, payload: Vec<u8>) {
        self.rejects.push(Reject { reason: reason.into(), message, entity, payload });
    }

    /// Takes what a reader of records made.
    pub(super) fn take<T>(&mut self, read: Result<T, Reject>, wrap: impl FnOnce(T) -> Observation) {
        match read {
            Ok(record) => self.push(wrap(record)),
            Err(reject) => self.rejects.push(reject),
        }
    }

    /// The id under the first of `keys` that is there, or a reject of the record that lacks it.
    pub(super) fn need_id(&mut self, record: &Value, keys: &[&str]) -> Option<i64> {
        let keys: Vec<&str> = keys.iter().copied().filter(|key| record.get(key).is_none_or(|id| id != "")).collect();
        required_id(record, &keys).map_err(|reject| self.rejects.push(reject)).ok()
    }

    /// Takes over what was found in a part of a file, without its notes about what it does not hold.
    pub(super) fn absorb(&mut self, part: Self) {
        self.repeated += part.repeated;
        self.tally.absorb(part.tally, None);
        part.observations.into_iter().for_each(|observation| self.push(observation));
        self.rejects.extend(part.rejects);
        for (what, n) in part.counted {
            *self.counted.entry(what).or_default() += n;
        }
        let skipped = |note: &String| note.starts_with("holds no record") || note.starts_with("private sections");
        part.notes.into_iter().filter(|note| !skipped(note)).for_each(|note| self.note(note));
    }

    /// How many records have been refused so far.
    pub(super) fn refused(&self) -> usize {
        self.rejects.len()
    }

    /// Gives the records refused since there were `from` of them the bytes that they have in `text`.
    pub(super) fn restore(&mut self, from: usize, text: &str) {
        let rejects = self.rejects.get_mut(from..).unwrap_or_default();
        if rejects.is_empty() {
            return;
        }
        let payloads: Vec<Vec<u8>> = rejects.iter().map(|reject| reject.payload.clone()).collect();
        for (reject, original) in rejects.iter_mut().zip(raw::originals(text, &payloads)) {
            if let Some(original) = original {
                reject.payload = original.as_bytes().to_vec();
            }
        }
    }

    /// Whether nothing at all was found.
    pub(super) fn is_empty(&self) -> bool {
        self.observations.is_empty() && self.rejects.is_empty()
    }

    /// The result.
    pub(super) fn finish(mut self, shape: Shape) -> Imported {
        if self.is_empty() && !self.notes.iter().any(|note| note.starts_with("holds no record")) {
            self.notes.insert(0, format!("holds no record: {} without an entry", shape.description()));
        }
        self.notes.extend(self.counted.into_iter().map(|(what, n)| format!("{n} {what}")));
        if self.repeated > 0 {
            self.notes.push(format!("{} repeated within the file: the first of each was kept", self.repeated));
        }
        Imported { shape, observations: self.observations, rejects: self.rejects, notes: self.notes, seen: self.tally }
    }
}
