//! What the log alone knows.

use crate::log::LogError;
use crate::log::client::Connection;
use crate::log::reader::Reader;
use crate::log::suppressions;
use crate::log::tasks;
use crate::log::topics::Layout;
use crate::roles::collect::{self, Cut, begin_again, cut, without_names};
use rdkafka::message::Message;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tidelake_schemas::topics::{BUDGETS, LANDED, PROFILES, SUPPRESSIONS};
use tidelake_schemas::{Cursor, Task};
use tidelake_sinks::copies::Copied;
use tidelake_sinks::privacy::{PrivacyKey, Suppressions};

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

    /// Whoever is suppressed by what it holds.
    pub(crate) fn suppressed(&self, key: &PrivacyKey) -> Result<Suppressions, LogError> {
        let messages: Vec<Vec<u8>> = self.suppressions().into_iter().map(|(_, payload)| payload).collect();
        suppressions::of_messages(&messages, key)
    }

    /// Takes those who are erased out: what asks only for them goes, and where others are asked for too, they are from the
    /// cycle's first page. Whether anything was changed.
    pub(crate) fn forget(&mut self, erased: &Suppressions) -> bool {
        let mut changed = false;
        self.tasks.retain_mut(|task| {
            let cut = cut(erased, task);
            changed |= cut != Cut::Whole;
            match cut {
                Cut::Whole => true,
                Cut::Less(less) => {
                    *task = *less;
                    true
                }
                Cut::Nothing => false,
            }
        });
        let declared: BTreeSet<&str> = self.tasks.iter().map(|task| task.task.as_str()).collect();
        self.cursors.retain_mut(|KeptCursor { import, cursor }| {
            let within = cursor.state.as_deref().is_some_and(|state| erased.marked_in(state));
            // Imports are declared nowhere, and what was imported stays known.
            let stays = *import || declared.contains(cursor.task.as_str());
            changed |= within || !stays && erased.named_in(&cursor.task);
            if within && stays {
                begin_again(cursor);
            }
            stays || !(within || erased.named_in(&cursor.task))
        });
        for profile in self.records.get_mut(PROFILES).into_iter().flatten() {
            let kept = tidelake_sinks::place::hex(&without_names(erased, unhex(&profile.payload).unwrap_or_default()));
            changed |= kept != profile.payload;
            profile.payload = kept;
        }
        for statement in self.copies.iter_mut().filter_map(|copy| copy.statement.as_mut()) {
            let redacted = erased.redact(statement, false);
            if redacted != statement.as_str() {
                (*statement, changed) = (redacted.into_owned(), true);
            }
        }
        changed
    }

    /// A state as it is written, without those who are erased and with their suppression; `None` when it is so already.
    pub(crate) fn without(
        written: &[u8],
        erased: &Suppressions,
        suppression: &[(String, Vec<u8>)],
    ) -> Result<Option<Vec<u8>>, String> {
        let mut state: Self = serde_json::from_slice(written).map_err(|e| e.to_string())?;
        let (forgot, told) = (state.forget(erased), state.suppress(suppression));
        if !forgot && !told {
            return Ok(None);
        }
        serde_json::to_vec(&state).map(Some).map_err(|e| e.to_string())
    }

    /// The messages of every suppression it holds.
    pub(crate) fn suppressions(&self) -> Vec<(String, Vec<u8>)> {
        let kept = self.records.get(SUPPRESSIONS).into_iter().flatten();
        kept.filter_map(|record| Some((record.key.clone(), unhex(&record.payload)?))).collect()
    }

    /// Adds a suppression, so that a log that is made of this one knows it. Whether it was absent.
    pub(crate) fn suppress(&mut self, messages: &[(String, Vec<u8>)]) -> bool {
        let kept = self.records.entry(SUPPRESSIONS.to_owned()).or_default();
        let before = kept.len();
        for (key, payload) in messages {
            if kept.iter().all(|record| record.key != *key) {
                let payload = tidelake_sinks::place::hex(payload);
                kept.push(KeptRecord { partition: 0, key: key.clone(), payload });
            }
        }
        kept.len() > before
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
    fn those_who_are_erased_are_taken_out_and_stay_out() {
        let key = PrivacyKey::new(&[1; 32]);
        let erased = Suppressions::of(key.clone(), "tiktok", ["mia.cooks"]);
        let task = |name: &str, spec: &str| Task { task: name.into(), spec: spec.into(), ..Task::default() };
        let cursor = |task: &str, state: Option<&str>| KeptCursor {
            import: false,
            cursor: Cursor { task: task.into(), cycle: 3, state: state.map(str::to_owned), ..Cursor::default() },
        };
        let begun = r#"{"started_at":5,"source":{"left":["mia.cooks"]},"got":7,"route":"web"}"#;
        let mut state = LogState {
            tasks: vec![
                task("hers", r#"{"creators":["mia.cooks"]}"#),
                task("some", r#"{"creators":["mia.cooks","ben"]}"#),
                task("others", r#"{"creators":["ben"]}"#),
            ],
            cursors: vec![
                cursor("hers", Some(begun)),
                cursor("some", Some(begun)),
                cursor("others", Some(r#"{"started_at":5,"source":7}"#)),
                cursor("of mia.cooks", None),
            ],
            ..LogState::default()
        };
        assert!(state.forget(&erased) && !state.forget(&erased), "once");
        let tasks: Vec<&str> = state.tasks.iter().map(|task| task.spec.as_str()).collect();
        assert_eq!(tasks, [r#"{"creators":["ben"]}"#; 2]);
        let cursors: Vec<_> = state.cursors.iter().map(|kept| (kept.cursor.task.as_str(), kept.cursor.cycle)).collect();
        assert_eq!(cursors, [("some", 3), ("others", 3)]);
        // Still within its cycle, whose ids are known, from its first page.
        let some: serde_json::Value = serde_json::from_str(state.cursors[0].cursor.state.as_deref().unwrap()).unwrap();
        assert_eq!((&some["source"], &some["route"]), (&serde_json::Value::Null, &"web".into()));
        assert!(!serde_json::to_string(&state).unwrap().contains("mia"));

        let messages = suppressions::messages("e", "tiktok", &erased).unwrap();
        assert!(state.suppress(&messages) && !state.suppress(&messages));
        assert_eq!(state.suppressed(&key).unwrap().hashes(), erased.hashes());
        assert!(state.suppressed(&PrivacyKey::new(&[2; 32])).is_err(), "another key knows nobody");
    }

    #[test]
    fn a_state_survives_its_file() {
        let cursor = Cursor { task: "t\u{0}1".into(), cycle: 7, state: Some("{}".into()), ..Cursor::default() };
        let state = LogState { cursors: vec![KeptCursor { import: true, cursor }], ..LogState::default() };
        let back: LogState = serde_json::from_slice(&serde_json::to_vec(&state).unwrap()).unwrap();
        assert_eq!((back.cursors[0].import, &back.cursors[0].cursor), (true, &state.cursors[0].cursor));
    }
}
