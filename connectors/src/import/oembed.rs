//! oEmbed answers in files. What they mean is read where the connector reads them, too.

use super::scope::Scope;
use super::sink::Sink;
use crate::oembed::records;
use serde_json::Value;
use tidelake_schemas::{EntityKind, Observation};

/// Reads an answer: a video, or the card of a profile.
pub(super) fn read(answer: &Value, scope: &Scope, sink: &mut Sink) {
    match records::read(answer, &scope.reading()) {
        Ok(Observation::Video(mut video)) => {
            video.event_id = scope.event_id(EntityKind::Video, &video.video_id.to_string());
            sink.push(Observation::Video(video));
        }
        Ok(Observation::Creator(mut creator)) => {
            creator.event_id = scope.side_event_id(EntityKind::Creator, &creator.handle.to_lowercase());
            sink.push(Observation::Creator(creator));
        }
        Ok(other) => sink.push(other),
        Err(reject) => sink.reject_bytes(&reject.reason, reject.message, reject.entity, reject.payload),
    }
}
