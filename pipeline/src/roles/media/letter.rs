//! The letter of an order that cannot be read.

use crate::roles::now;
use crate::roles::worker::Input;
use tidelake_schemas::codec::CodecError;
use tidelake_schemas::topics::MEDIA_ORDERS;
use tidelake_schemas::{DeadLetter, MediaOrder, ids};

pub(super) fn letter(input: &Input<MediaOrder>, payload: &[u8], error: &CodecError) -> DeadLetter {
    DeadLetter {
        event_id: ids::letter_id(MEDIA_ORDERS, input.partition, input.offset, "media"),
        observed_at: now(),
        origin: "media".into(),
        reason: "undecodable".into(),
        message: format!("{error}. The bytes are kept; replay them once they can be read"),
        source_topic: Some(MEDIA_ORDERS.into()),
        source_partition: Some(input.partition),
        source_offset: Some(input.offset),
        payload: payload.to_vec(),
        ..DeadLetter::default()
    }
}
