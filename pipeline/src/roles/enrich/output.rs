//! What becomes of one input: an enriched message, a letter, or the fence that it is.

use crate::log::client;
use crate::roles::RoleError;
use rdkafka::message::{BorrowedMessage, Message};
use tidelake_schemas::codec::{self, CodecError};
use tidelake_schemas::lineage::{Lineage, SourcePosition};
use tidelake_schemas::projection::CaptionFields;
use tidelake_schemas::topics::{DEAD_LETTERS, VIDEO_ENRICHED, VIDEO_OBSERVED};
use tidelake_schemas::{DeadLetter, Enrichment, Timestamp, ids};
use tidelake_stages::{Caption, Stages};

/// Where an input stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// When it was written.
    pub(super) written: Option<Timestamp>,
}

/// The one output of one input.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) place: Place,
    pub(super) topic: &'static str,
    pub(super) payload: Option<Vec<u8>>,
    pub(super) lineage: Lineage,
}

/// Where an input stands, and the lineage of what is made of it.
pub(super) fn arrived(message: &BorrowedMessage<'_>) -> (Place, Lineage) {
    let mut lineage = client::lineage(message.headers());
    let (partition, offset) = (message.partition(), message.offset());
    lineage.source = Some(SourcePosition { topic: VIDEO_OBSERVED.into(), partition, offset });
    let written = message.timestamp().to_millis().and_then(Timestamp::from_millis);
    (Place { partition, offset, written }, lineage)
}

/// The enriched message, or a letter with the bytes it could not be made of.
pub(super) fn enriched(
    place: Place,
    lineage: Lineage,
    observed: &[u8],
    message: Result<Vec<u8>, CodecError>,
) -> Result<Output, RoleError> {
    match message {
        Ok(message) => Ok(Output { place, topic: VIDEO_ENRICHED, payload: Some(message), lineage }),
        Err(error) => refused(place, lineage, observed, &error),
    }
}

pub(super) fn refused(
    place: Place,
    lineage: Lineage,
    observed: &[u8],
    error: &CodecError,
) -> Result<Output, RoleError> {
    let letter = codec::encode(&letter(place, observed, error))?;
    Ok(Output { place, topic: DEAD_LETTERS, payload: Some(letter), lineage })
}

/// The enriched message of an observed one.
pub(super) fn enrich_message(stages: &Stages, observed: &[u8]) -> Result<Vec<u8>, CodecError> {
    let (_, findings) = find(stages, observed)?;
    codec::append_enrichment(observed, &findings)
}

/// The caption of an observed message, and what the stages find in it.
pub(super) fn find(stages: &Stages, observed: &[u8]) -> Result<(String, Enrichment), CodecError> {
    let fields = CaptionFields::of_video(observed)?;
    let findings = stages.run(&Caption::from(&fields));
    Ok((fields.caption.unwrap_or_default(), findings))
}

/// Deterministic: the same input gives the same letter, so its instant is the input's own.
fn letter(place: Place, payload: &[u8], error: &CodecError) -> DeadLetter {
    DeadLetter {
        event_id: ids::letter_id(VIDEO_OBSERVED, place.partition, place.offset, "enrich"),
        observed_at: place.written.unwrap_or_default(),
        origin: "enrich".into(),
        reason: "undecodable".into(),
        message: format!("{error}. The bytes are kept; replay them once they can be read"),
        source_topic: Some(VIDEO_OBSERVED.to_owned()),
        source_partition: Some(place.partition),
        source_offset: Some(place.offset),
        payload: payload.to_vec(),
        ..DeadLetter::default()
    }
}
