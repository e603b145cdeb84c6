//! Annotations: what an external model said of a caption. Mirrors `annotation.avsc`, where each field is documented.

#![allow(missing_docs, reason = "each field is documented in the .avsc file it mirrors")]

use crate::observation::Provenance;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnotationStatus {
    /// There is an answer.
    Answered,
    /// There is none that can be used, and asking again at once would bring none.
    Failed,
}

impl AnnotationStatus {
    /// As written into the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
        }
    }
}

/// What a model said of a caption (`annotation.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    pub event_id: String,
    pub question_id: String,
    pub platform: String,
    pub video_id: i64,
    pub native_id: Option<String>,
    pub observed_at: Timestamp,
    pub provenance: Provenance,
    pub caption_hash: String,
    pub model: String,
    pub prompt_version: String,
    /// [`AnnotationStatus::name`].
    pub status: String,
    pub answer: Option<String>,
    pub tokens: Option<i64>,
    pub error: Option<String>,
    pub asked_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn annotations_come_back() {
        let annotation = Annotation {
            event_id: "e".into(),
            video_id: i64::MIN,
            native_id: Some("Yp8jQ1sXcQ8".into()),
            status: AnnotationStatus::Answered.name().into(),
            answer: Some(r#"{"summary":"Ein Serum für 24 €. ✨"}"#.into()),
            tokens: Some(0),
            asked_at: Timestamp(7),
            ..Annotation::default()
        };
        let message = codec::encode(&annotation).expect("encodes");
        assert_eq!(codec::decode::<Annotation>(&message).expect("decodes"), annotation);
    }
}
