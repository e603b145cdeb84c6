//! The coverage ledger, dead letters and incidents of drift: what was asked, what was refused, what has changed. Mirrors
//! `coverage_entry.avsc`, `dead_letter.avsc` and `drift_incident.avsc`, where each field is documented.

#![allow(missing_docs, reason = "each field is documented in the .avsc file it mirrors")]

use crate::observation::Provenance;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What one poll asked for, what it got and why it stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoverageEntry {
    pub event_id: String,
    pub platform: String,
    pub observed_at: Timestamp,
    pub provenance: Provenance,
    pub page: i64,
    pub asked: String,
    pub window_start: Option<Timestamp>,
    pub window_end: Option<Timestamp>,
    pub requested: Option<i64>,
    pub got: i64,
    pub new: i64,
    pub rejected: i64,
    pub has_more: bool,
    pub stop_reason: String,
    pub fault: Option<String>,
    pub requests: i32,
    pub took_ms: i64,
    #[serde(default)]
    pub suppressed: i64,
}

/// A record that could not go on, with its bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub event_id: String,
    pub observed_at: Timestamp,
    pub origin: String,
    pub reason: String,
    pub message: String,
    pub source_topic: Option<String>,
    pub source_partition: Option<i32>,
    pub source_offset: Option<i64>,
    pub task: Option<String>,
    pub entity: Option<String>,
    #[serde(with = "apache_avro::serde::bytes")]
    pub payload: Vec<u8>,
}

/// The beginning or the end of a change in what a source gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DriftIncident {
    pub event_id: String,
    pub incident_id: String,
    pub platform: String,
    pub observed_at: Timestamp,
    pub opened_at: Timestamp,
    pub provenance: Provenance,
    pub field: String,
    pub kind: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub records: i64,
    pub sample: Option<String>,
    pub state: String,
    pub message: String,
}
