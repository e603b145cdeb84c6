//! Publishing a page: every record to the lane's partition, all acknowledged before the cursor moves.

use super::sentinel::Baseline;
use crate::log::LogError;
use crate::log::client::{self, Connection};
use crate::roles::{RoleError, now};
use futures::future::{try_join, try_join_all};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use std::collections::BTreeMap;
use tidelake_connectors::{CycleContext, Reject};
use tidelake_schemas::lineage::Lineage;
use tidelake_schemas::topics::{COLLECTED, COVERAGE, CURSORS, DEAD_LETTERS, DRIFT, MEDIA_ORDERS, PROFILES, observed};
use tidelake_schemas::{CoverageEntry, Cursor, DeadLetter, DriftIncident, MediaOrder, Observation, codec, ids};

/// A message ready to go.
pub(super) struct Outgoing {
    topic: &'static str,
    key: String,
    payload: Vec<u8>,
}

/// Publishes to one lane.
pub(crate) struct Publisher {
    producer: FutureProducer,
    lane: i32,
    /// Next offset of each topic after what this owner has published.
    pub(super) positions: BTreeMap<&'static str, i64>,
}

impl Publisher {
    pub(super) fn new(connection: &Connection, lane: i32) -> Result<Self, LogError> {
        Ok(Self { producer: connection.producer()?, lane, positions: BTreeMap::new() })
    }

    /// Claims the lane; the claim's offset is the epoch.
    pub(super) async fn claim(&self, key: &str) -> Result<i64, RoleError> {
        let note = format!("{{\"claimed_at\":\"{}\"}}", now());
        self.send(CURSORS, key, note.as_bytes(), None).await
    }

    /// Publishes a fence to every topic; gives their offsets.
    pub(super) async fn fence(&self, epoch: i64) -> Result<BTreeMap<&'static str, i64>, RoleError> {
        let lineage = Lineage { epoch: Some(epoch), fence: true, ..Lineage::default() };
        let headers = client::headers(&lineage);
        let sends = COLLECTED.map(|topic| {
            let sent = self.send(topic, "fence", &[], Some(headers.clone()));
            async move { Ok::<_, RoleError>((topic, sent.await?)) }
        });
        Ok(try_join_all(sends).await?.into_iter().collect())
    }

    /// Publishes messages in order, and removals of cursors; returns once the broker has acknowledged all. Gives the
    /// removals' offsets, in order.
    pub(super) async fn page(
        &mut self,
        messages: &[Outgoing],
        replaced: &[String],
        epoch: i64,
        correlation: &str,
    ) -> Result<Vec<i64>, RoleError> {
        let lineage = Lineage { epoch: Some(epoch), correlation: Some(correlation.to_owned()), ..Lineage::default() };
        let headers = client::headers(&lineage);
        let sends = messages.iter().map(|m| self.send(m.topic, &m.key, &m.payload, Some(headers.clone())));
        let removals = replaced.iter().map(|key| self.forget_cursor(key));
        let (offsets, removed) = try_join(try_join_all(sends), try_join_all(removals)).await?;
        for (message, offset) in messages.iter().zip(offsets) {
            let next = self.positions.entry(message.topic).or_default();
            *next = (*next).max(offset + 1);
        }
        Ok(removed)
    }

    /// Writes a cursor; gives its offset.
    pub(super) async fn cursor(&self, cursor: &Cursor) -> Result<i64, RoleError> {
        self.send(CURSORS, &cursor_key(cursor), &codec::encode(cursor)?, None).await
    }

    /// Writes a baseline.
    pub(super) async fn baseline(&self, baseline: &Baseline) -> Result<(), RoleError> {
        let record = FutureRecord::to(PROFILES).partition(0).key(&baseline.key).payload(&baseline.payload);
        let sent = self.producer.send(record, Timeout::Never).await;
        sent.map(drop).map_err(|(error, _)| LogError::kafka("write a baseline")(error).into())
    }

    /// Lets compaction remove a cursor; gives the offset of the removal.
    async fn forget_cursor(&self, key: &str) -> Result<i64, RoleError> {
        let record = FutureRecord::<str, [u8]>::to(CURSORS).partition(self.lane).key(key);
        let sent = self.producer.send(record, Timeout::Never).await;
        sent.map(|d| d.offset).map_err(|(error, _)| LogError::kafka("remove an old cursor")(error).into())
    }

    async fn send(
        &self,
        topic: &str,
        key: &str,
        payload: &[u8],
        headers: Option<OwnedHeaders>,
    ) -> Result<i64, RoleError> {
        let mut record = FutureRecord::to(topic).partition(self.lane).key(key).payload(payload);
        record.headers = headers;
        let sent = self.producer.send(record, Timeout::Never).await;
        let delivered = sent.map_err(|(error, _)| LogError::kafka(format!("publish to {topic}"))(error))?;
        Ok(delivered.offset)
    }
}

/// Unique to each cursor, so that compaction never lets one displace another: replaced ones are removed by name.
pub(crate) fn cursor_key(cursor: &Cursor) -> String {
    format!("{}\u{0}{}\u{0}{}\u{0}{}", cursor.task, cursor.epoch, cursor.cycle, cursor.page)
}

/// A message that only says that an id was published.
pub(super) fn known(topic: &'static str, id: String) -> Outgoing {
    Outgoing { topic, key: id, payload: Vec::new() }
}

/// An observation as a message, keyed by its event id.
pub(super) fn observation(record: &Observation) -> Result<Outgoing, RoleError> {
    let payload = match record {
        Observation::Video(o) => codec::encode(o),
        Observation::Creator(o) => codec::encode(o),
        Observation::Comment(o) => codec::encode(o),
        Observation::Hashtag(o) => codec::encode(o),
        Observation::Sound(o) => codec::encode(o),
    }?;
    Ok(Outgoing { topic: observed(record.kind()), key: record.event_id().to_owned(), payload })
}

/// A refused record as a dead letter.
pub(super) fn reject(reject: &Reject, connector: &str, context: &CycleContext) -> Result<Outgoing, RoleError> {
    let letter = DeadLetter {
        event_id: ids::reject_id(&context.task, context.cycle, &reject.payload),
        observed_at: context.now,
        origin: connector.to_owned(),
        reason: reject.reason.clone(),
        message: reject.message.clone(),
        task: Some(context.task.clone()),
        entity: reject.entity.clone(),
        payload: reject.payload.clone(),
        ..DeadLetter::default()
    };
    Ok(Outgoing { topic: DEAD_LETTERS, key: letter.event_id.clone(), payload: codec::encode(&letter)? })
}

/// An order of a file as a message.
pub(super) fn media(order: &MediaOrder) -> Result<Outgoing, RoleError> {
    Ok(Outgoing { topic: MEDIA_ORDERS, key: order.event_id.clone(), payload: codec::encode(order)? })
}

/// A coverage entry as a message.
pub(super) fn coverage(entry: &CoverageEntry) -> Result<Outgoing, RoleError> {
    Ok(Outgoing { topic: COVERAGE, key: entry.event_id.clone(), payload: codec::encode(entry)? })
}

/// An incident as a message.
pub(super) fn incident(incident: &DriftIncident) -> Result<Outgoing, RoleError> {
    Ok(Outgoing { topic: DRIFT, key: incident.event_id.clone(), payload: codec::encode(incident)? })
}

impl Outgoing {
    pub(super) fn id(&self) -> &str {
        &self.key
    }
}
