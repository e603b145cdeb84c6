//! What is read from the topic of orders.

use crate::log::client;
use crate::roles::now;
use rdkafka::message::{BorrowedMessage, Message};
use tidelake_schemas::codec::{self, CodecError};
use tidelake_schemas::lineage::Lineage;
use tidelake_schemas::topics::MEDIA_ORDERS;
use tidelake_schemas::{DeadLetter, MediaOrder, ids};

/// An order as it was read, or what stands in its place.
pub(super) struct Input {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) lineage: Lineage,
    pub(super) content: Content,
}

pub(super) enum Content {
    Order(Box<MediaOrder>),
    Fence,
    Poison(Vec<u8>, CodecError),
}

impl Input {
    pub(super) fn order(&self) -> Option<&MediaOrder> {
        match &self.content {
            Content::Order(order) => Some(order),
            Content::Fence | Content::Poison(..) => None,
        }
    }
}

pub(super) fn input(message: &BorrowedMessage<'_>) -> Input {
    let lineage = client::lineage(message.headers());
    let payload = message.payload().unwrap_or_default();
    let content = match codec::decode(payload) {
        _ if lineage.fence => Content::Fence,
        Ok(order) => Content::Order(Box::new(order)),
        Err(error) => Content::Poison(payload.to_vec(), error),
    };
    Input { partition: message.partition(), offset: message.offset(), lineage, content }
}

pub(super) fn letter(input: &Input, payload: &[u8], error: &CodecError) -> DeadLetter {
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
