//! What the log alone knows.

use crate::log::LogError;
use crate::log::client::Connection;
use crate::log::reader::Reader;
use crate::log::tasks;
use crate::log::topics::Layout;
use crate::roles::collect;
use rdkafka::message::Message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tidelake_schemas::topics::{BUDGETS, LANDED, PROFILES, SUPPRESSIONS};
use tidelake_schemas::{Cursor, Task};
use tidelake_sinks::copies::Copied;

/// Topics whose records are kept as they are, and whether only the newest of each key counts.
const AS_THEY_ARE: [(&str, bool); 3] = [(PROFILES, true), (BUDGETS, false), (SUPPRESSIONS, true)];

/// The log's state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct LogState {
    /// Next offset of each partition of each landed topic, before the cursors were read.
    pub before: BTreeMap<String, Vec<i64>>,
    /// The newest cursor of each task.
    pub cursors: Vec<KeptCursor>,
    /// What is declared to be collected.
    pub tasks: Vec<Task>,
    /// Records of other topics, by topic.
    pub records: BTreeMap<String, Vec<KeptRecord>>,
    /// The register of copies.
    #[serde(default)]
    pub copies: Vec<Copied>,
}

/// A cursor, and whether it is of the lane of imports.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptCursor {
    pub import: bool,
    pub cursor: Cursor,
}

/// A record; its payload in hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptRecord {
    pub partition: i32,
    pub key: String,
    pub payload: String,
}

impl LogState {
    /// Reads it. Blocks while it reads.
    pub(crate) fn read(connection: &Connection, layout: &Layout) -> Result<Self, LogError> {
        let reader = Reader::new(connection)?;
        let mut state = Self::default();
        for landed in LANDED {
            let ends = (0..layout.partitions()).map(|p| Ok(reader.watermarks(landed.topic, p)?.1));
            state.before.insert(landed.topic.to_owned(), ends.collect::<Result<_, LogError>>()?);
        }
        for lane in 0..layout.partitions() {
            let import = lane == layout.import_lane();
            let cursors = collect::cursors(connection, lane)?;
            state.cursors.extend(cursors.into_values().map(|cursor| KeptCursor { import, cursor }));
        }
        state.cursors.sort_by(|a, b| a.cursor.task.cmp(&b.cursor.task));
        state.tasks = tasks::declared(connection, layout.lanes)?.into_values().collect();
        for (topic, newest) in AS_THEY_ARE {
            state.records.insert(topic.to_owned(), records(&reader, topic, newest)?);
        }
        Ok(state)
    }
}

/// The records of a topic with one partition, in their order.
fn records(reader: &Reader, topic: &str, newest: bool) -> Result<Vec<KeptRecord>, LogError> {
    const PARTITION: i32 = 0;
    let (low, high) = reader.watermarks(topic, PARTITION)?;
    let mut kept: Vec<KeptRecord> = Vec::new();
    reader.read(topic, PARTITION, low, high, |message| {
        let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
        if newest {
            kept.retain(|record| record.key != key);
        }
        if let Some(payload) = message.payload().filter(|payload| !payload.is_empty()) {
            kept.push(KeptRecord { partition: PARTITION, key, payload: tidelake_sinks::place::hex(payload) });
        }
    })?;
    Ok(kept)
}

/// Bytes of their hexadecimal form; `None` when it is none.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_hexadecimal() {
        assert_eq!(unhex(&tidelake_sinks::place::hex(b"\x00\xffa")), Some(b"\x00\xffa".to_vec()));
        assert_eq!(unhex("0g"), None);
    }

    #[test]
    fn a_state_survives_its_file() {
        let cursor = Cursor { task: "t\u{0}1".into(), cycle: 7, state: Some("{}".into()), ..Cursor::default() };
        let state = LogState { cursors: vec![KeptCursor { import: true, cursor }], ..LogState::default() };
        let back: LogState = serde_json::from_slice(&serde_json::to_vec(&state).unwrap()).unwrap();
        assert_eq!((back.cursors[0].import, &back.cursors[0].cursor), (true, &state.cursors[0].cursor));
    }
}
