//! The coverage ledger and dead letters: what was asked, what was refused. Mirrors `coverage_entry.avsc` and
//! `dead_letter.avsc`, where each field is documented.

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
