//! Whom the bytes of a refused message are about.

use super::suppressions::Suppressions;
use tidelake_schemas::codec::{self, SchemaName};
use tidelake_schemas::projection::EnrichedCaption;
use tidelake_schemas::{Annotation, CoverageEntry, DeadLetter, MediaEntry, MediaOrder, Observation};

/// How deep letters may lie in letters.
const DEPTH: u8 = 4;

/// Whether a message, of whatever schema or none, is about somebody who is erased. What cannot be decoded is read as text.
pub fn is_theirs(erased: &Suppressions, payload: &[u8]) -> bool {
    !erased.is_empty() && theirs(erased, payload, DEPTH)
}

fn theirs(erased: &Suppressions, payload: &[u8], depth: u8) -> bool {
    let decoded = match codec::schema_of_message(payload) {
        Ok(SchemaName::VideoObservation) => codec::decode(payload).map(|o| observed(erased, Observation::Video(o))),
        Ok(SchemaName::EnrichedVideo) => EnrichedCaption::of_enriched(payload).map(|video| {
            erased.holds_author(&video.platform, &video.author)
                || erased.holds_id(Some(&video.platform), video.video_id)
        }),
        Ok(SchemaName::CoverageEntry) => codec::decode::<CoverageEntry>(payload)
            .map(|entry| [&entry.asked, &entry.provenance.task].iter().any(|text| erased.named_in(text))),
        Ok(SchemaName::CreatorObservation) => codec::decode(payload).map(|o| observed(erased, Observation::Creator(o))),
        Ok(SchemaName::CommentObservation) => codec::decode(payload).map(|o| observed(erased, Observation::Comment(o))),
        Ok(SchemaName::MediaOrder) => {
            codec::decode::<MediaOrder>(payload).map(|o| video(erased, &o.platform, o.video_id))
        }
        Ok(SchemaName::MediaEntry) => {
            codec::decode::<MediaEntry>(payload).map(|o| video(erased, &o.platform, o.video_id))
        }
        Ok(SchemaName::Annotation) => {
            codec::decode::<Annotation>(payload).map(|o| video(erased, &o.platform, o.video_id))
        }
        Ok(SchemaName::DeadLetter) if depth > 0 => {
            codec::decode::<DeadLetter>(payload).map(|letter| theirs(erased, &letter.payload, depth - 1))
        }
        _ => return erased.marked_in(&String::from_utf8_lossy(payload)),
    };
    // Cut or damaged: what can be read of it is.
    decoded.unwrap_or_else(|_| erased.marked_in(&String::from_utf8_lossy(payload)))
}

fn observed(erased: &Suppressions, observation: Observation) -> bool {
    erased.holds_observation(&observation)
}

fn video(erased: &Suppressions, platform: &str, id: i64) -> bool {
    erased.holds_id(Some(platform), id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::PrivacyKey;
    use tidelake_schemas::{AuthorRef, VideoObservation};

    #[test]
    fn bytes_are_read_as_what_they_are() {
        let erased = Suppressions::of(PrivacyKey::new(&[1; 32]), "tiktok", ["mia", "7001234567890123456"]);
        let author = AuthorRef { id: Some(7_001_234_567_890_123_456), ..AuthorRef::default() };
        let video = VideoObservation { platform: "tiktok".into(), author, ..VideoObservation::default() };
        let bytes = codec::encode(&video).unwrap();
        assert!(is_theirs(&erased, &bytes), "by its id alone");
        let letter = codec::encode(&DeadLetter { payload: bytes, ..DeadLetter::default() }).unwrap();
        assert!(is_theirs(&erased, &letter));
        assert!(is_theirs(&erased, br#"{"author":"Mia","id":1}"#));
        assert!(!is_theirs(&erased, br#"{"author":"miab","note":"for mia"}"#));
        assert!(!is_theirs(&erased, &codec::encode(&VideoObservation::default()).unwrap()));
    }
}
