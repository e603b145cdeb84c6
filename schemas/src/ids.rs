//! Deterministic event ids and what TikTok's numeric ids say about time.

use crate::media::MediaKind;
use crate::observation::EntityKind;
use crate::time::Timestamp;
use uuid::Uuid;

/// The namespace of every id this project derives.
const NAMESPACE: Uuid = Uuid::from_u128(0x7469_6465_6c61_6b65_8000_6576_656e_7473);

/// The id of one observation: UUIDv5 of task, cycle and entity.
///
/// Polling the same page again after a crash gives the same ids, so that what was already published can be
/// recognised; the next cycle gives new ones, since that is a new observation.
pub fn event_id(task: &str, cycle: i64, kind: EntityKind, entity: &str) -> String {
    derive(&[task, &cycle.to_string(), kind.name(), entity])
}

/// The id of one coverage entry: UUIDv5 of task, cycle and page.
pub fn coverage_id(task: &str, cycle: i64, page: i64) -> String {
    derive(&[task, &cycle.to_string(), "coverage", &page.to_string()])
}

/// The id of one media file: UUIDv5 of task, cycle, video, kind, position and variant.
pub fn media_id(task: &str, cycle: i64, video_id: i64, kind: MediaKind, position: i32, variant: &str) -> String {
    let (video, position) = (video_id.to_string(), position.to_string());
    derive(&[task, &cycle.to_string(), "media", &video, kind.name(), &position, variant])
}

/// The id of one annotation: UUIDv5 of the observation that was its occasion, model and prompt.
pub fn annotation_id(observation: &str, model: &str, prompt_version: &str) -> String {
    derive(&["annotation", observation, model, prompt_version])
}

/// The id of what a model is asked: UUIDv5 of platform, video, the caption's hash, model and prompt. Whoever asks the same
/// again asks under the same id.
pub fn question_id(platform: &str, video_id: i64, caption_hash: &str, model: &str, prompt_version: &str) -> String {
    derive(&["question", platform, &video_id.to_string(), caption_hash, model, prompt_version])
}

/// The id of a dead letter for a record of a poll: UUIDv5 of task, cycle and a digest of its bytes.
pub fn reject_id(task: &str, cycle: i64, payload: &[u8]) -> String {
    let digest = Uuid::new_v5(&NAMESPACE, payload).to_string();
    derive(&[task, &cycle.to_string(), "reject", &digest])
}

/// The id of a dead letter for a message of a topic: UUIDv5 of where it stands and who refused it.
pub fn letter_id(topic: &str, partition: i32, offset: i64, origin: &str) -> String {
    derive(&[topic, &partition.to_string(), &offset.to_string(), origin])
}

/// The id of an incident of drift: UUIDv5 of the page that showed it (its coverage id), the field and what happened.
pub fn incident_id(page: &str, field: &str, kind: &str) -> String {
    derive(&["incident", page, field, kind])
}

/// The id of a record about an incident: UUIDv5 of the incident, its state and the page that brought it about.
pub fn incident_event_id(incident: &str, state: &str, page: &str) -> String {
    derive(&["incident", incident, state, page])
}

/// A digest of bytes: the UUIDv5 of them as a number.
pub(crate) fn digest(bytes: &[u8]) -> u128 {
    Uuid::new_v5(&NAMESPACE, bytes).as_u128()
}

/// Parts are length-prefixed, so that no two lists of parts share a name.
fn derive(parts: &[&str]) -> String {
    let mut name = String::with_capacity(96);
    for part in parts {
        name.push_str(&part.len().to_string());
        name.push(':');
        name.push_str(part);
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

/// When the thing with this TikTok id was made: `id >> 32` is Unix seconds for 18- and 19-digit ids.
///
/// A lower bound: drafts and scheduled posts appear later (measured up to 12 days). Short ids of old
/// musical.ly accounts carry no time: `None`.
pub fn time_of_id(id: i64) -> Option<Timestamp> {
    const FIRST: i64 = 1_400_000_000; // 2014-05: before any TikTok or musical.ly id that carries a time
    const LAST: i64 = 2_147_483_647;
    let secs = id >> 32;
    (FIRST..=LAST).contains(&secs).then(|| Timestamp::from_secs(secs)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_across_releases() {
        // Changing the derivation would publish every page of an interrupted cycle twice.
        let id = event_id("t", 3, EntityKind::Video, "7");
        assert_eq!(id, event_id("t", 3, EntityKind::Video, "7"));
        assert_ne!(id, event_id("t", 4, EntityKind::Video, "7"));
        assert_ne!(event_id("a1", 1, EntityKind::Video, "7"), event_id("a", 11, EntityKind::Video, "7"));
    }

    #[test]
    fn time_of_a_current_id() {
        assert_eq!(time_of_id(6_806_030_056_956_251_397).map(Timestamp::secs), Some(1_584_652_358));
        assert_eq!(time_of_id(5_831_967), None);
        assert_eq!(time_of_id(-1), None);
    }
}
