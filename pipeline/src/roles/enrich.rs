//! enrich: from observed to enriched videos, deterministic and in order.
//!
//! One input gives exactly one output – enriched or dead letter – on the same partition number, carrying its lineage.
//! Input offsets are committed only after a flush: every output before them is acknowledged. A crash repeats a suffix,
//! which the lake writer's lineage filter drops again.

use crate::catalogue::{Follower, LiveStages};
use crate::daemon::Role;
use crate::log::LogError;
use crate::log::client::{self, Connection};
use crate::roles::{Progress, RoleError, Stop};
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tidelake_schemas::codec::{self, CodecError};
use tidelake_schemas::lineage::{Lineage, SourcePosition};
use tidelake_schemas::projection::CaptionFields;
use tidelake_schemas::topics::{DEAD_LETTERS, VIDEO_ENRICHED, VIDEO_OBSERVED};
use tidelake_schemas::{DeadLetter, Timestamp, ids};
use tidelake_sinks::lake::Lake;
use tidelake_stages::{Caption, Stages};

/// The consumer group; its committed offsets say how far enrich is.
pub(crate) const GROUP: &str = "tidelake-enrich";
/// How often outputs are awaited and inputs committed.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// What enrich needs.
#[derive(Clone)]
pub(crate) struct Enrich {
    pub connection: Connection,
    /// Partitions of the observed topic.
    pub partitions: i32,
    /// Where the catalogue of products is.
    pub lake: Lake,
    pub progress: Progress,
}

impl Enrich {
    /// Enriches until told to stop.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), RoleError> {
        let follower = Follower::start(self.lake.clone()).await?;
        let stages = follower.stages();
        let ended = stop.child();
        let following = tokio::spawn(follower.run(ended.clone()));
        let thread = tokio::task::spawn_blocking(move || Loop::start(self, stages)?.run(&stop));
        let outcome = thread.await.map_err(|e| RoleError::Panicked(e.to_string()));
        ended.ask();
        following.await.map_err(|e| RoleError::Panicked(e.to_string()))?;
        outcome?
    }
}

/// Notes failed deliveries; with gapless, unlimited retries these are fatal.
#[derive(Clone, Default)]
struct Deliveries {
    failed: Arc<AtomicBool>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            tracing::error!(%error, "enrich: an output was not delivered");
            self.failed.store(true, Ordering::Release);
        }
    }
}

/// Leaves word of a revocation, so that the loop settles before it gives partitions up.
#[derive(Clone)]
pub(super) struct Assignments {
    role: Role,
    lost: Arc<Mutex<bool>>,
}

impl Assignments {
    pub(super) fn of(role: Role) -> Self {
        Self { role, lost: Arc::default() }
    }

    /// Whether partitions were given or taken since this was last taken.
    pub(super) fn is_lost(&self) -> bool {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_lost(&self) -> bool {
        std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Assignments {}

impl ConsumerContext for Assignments {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let assigned = what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let outcome = if assigned { consumer.assign(list) } else { consumer.unassign() };
        if let Err(error) = outcome {
            tracing::warn!(role = %self.role, %error, "rebalance");
        }
    }
}

struct Loop {
    enrich: Enrich,
    live: LiveStages,
    /// Those of this batch: between two commits they stay the same.
    stages: Arc<Stages>,
    consumer: BaseConsumer<Assignments>,
    assignments: Assignments,
    producer: ThreadedProducer<Deliveries>,
    deliveries: Deliveries,
    /// Next input offset by partition, since the last commit.
    reached: BTreeMap<i32, i64>,
}

impl Loop {
    fn start(enrich: Enrich, live: LiveStages) -> Result<Self, RoleError> {
        let assignments = Assignments::of(Role::Enrich);
        let deliveries = Deliveries::default();
        let consumer = enrich.connection.group_consumer(GROUP, assignments.clone())?;
        let producer = enrich.connection.producer_config().create_with_context(deliveries.clone());
        let producer = producer.map_err(LogError::kafka("create producer"))?;
        if enrich.connection.is_alone() {
            let mut list = TopicPartitionList::new();
            for partition in 0..enrich.partitions {
                list.add_partition_offset(VIDEO_OBSERVED, partition, Offset::Stored)
                    .map_err(LogError::kafka("assign"))?;
            }
            consumer.assign(&list).map_err(LogError::kafka("assign"))?;
        } else {
            consumer.subscribe(&[VIDEO_OBSERVED]).map_err(LogError::kafka("subscribe"))?;
        }
        let stages = live.now();
        Ok(Self { enrich, live, stages, consumer, assignments, producer, deliveries, reached: BTreeMap::new() })
    }

    fn run(mut self, stop: &Stop) -> Result<(), RoleError> {
        let mut committed = Instant::now();
        while !stop.asked() {
            self.poll_once()?;
            if committed.elapsed() >= COMMIT_EVERY {
                self.settle()?;
                self.stages = self.live.now();
                committed = Instant::now();
            }
        }
        self.settle()
    }

    fn poll_once(&mut self) -> Result<(), RoleError> {
        let polled = self.consumer.poll(Duration::from_millis(50));
        if self.assignments.take_lost() {
            // What was reached belongs to an assignment that is gone; the new one starts at the committed offsets.
            self.reached.clear();
            if let Some(Ok(message)) = &polled {
                let owned = self.consumer.assignment().map_err(LogError::kafka("assignment"))?;
                if owned.find_partition(VIDEO_OBSERVED, message.partition()).is_none() {
                    return Ok(());
                }
            }
        }
        match polled {
            Some(Ok(message)) => {
                let next = (message.partition(), message.offset() + 1);
                let (topic, payload, lineage) = self.output(&message)?;
                drop(message);
                self.send(topic, next.0, payload.as_deref(), &lineage)?;
                if lineage.fence {
                    // Letters of what was published before and after it must be told apart too.
                    self.send(DEAD_LETTERS, next.0, None, &lineage)?;
                }
                self.reached.insert(next.0, next.1);
                Ok(())
            }
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => Err(LogError::kafka("consume")(error).into()),
            Some(Err(error)) => {
                tracing::debug!(%error, "enrich: consumer");
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The one output of one input.
    fn output(&self, message: &BorrowedMessage<'_>) -> Result<(&'static str, Option<Vec<u8>>, Lineage), RoleError> {
        let mut lineage = client::lineage(message.headers());
        let (partition, offset) = (message.partition(), message.offset());
        lineage.source = Some(SourcePosition { topic: VIDEO_OBSERVED.into(), partition, offset });
        if lineage.fence {
            return Ok((VIDEO_ENRICHED, None, lineage));
        }
        let payload = message.payload().unwrap_or_default();
        match enrich_message(&self.stages, payload) {
            Ok(enriched) => {
                self.enrich.progress.enriched(1);
                Ok((VIDEO_ENRICHED, Some(enriched), lineage))
            }
            Err(error) => {
                self.enrich.progress.dead(1);
                let letter = letter(message, payload, &error);
                Ok((DEAD_LETTERS, Some(codec::encode(&letter)?), lineage))
            }
        }
    }

    fn send(&self, topic: &str, partition: i32, payload: Option<&[u8]>, lineage: &Lineage) -> Result<(), RoleError> {
        let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).headers(client::headers(lineage));
        record.payload = payload;
        let mut unsent = record;
        loop {
            match self.producer.send(unsent) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    unsent = back;
                    // Acknowledgements make room; the producer's own thread takes them in.
                    _ = self.producer.flush(Duration::from_millis(100));
                }
                Err((error, _)) => return Err(LogError::kafka("send enriched")(error).into()),
            }
        }
    }

    /// Awaits every output, then commits the inputs they came of.
    fn settle(&mut self) -> Result<(), RoleError> {
        if self.reached.is_empty() {
            return Ok(());
        }
        self.producer.flush(Duration::from_secs(60)).map_err(LogError::kafka("await enriched"))?;
        if self.deliveries.failed.load(Ordering::Acquire) {
            return Err(RoleError::Decode(
                "an output was refused by the broker; starting again from the last commit".into(),
            ));
        }
        let mut list = TopicPartitionList::new();
        for (partition, next) in std::mem::take(&mut self.reached) {
            let offset = Offset::Offset(next);
            list.add_partition_offset(VIDEO_OBSERVED, partition, offset).map_err(LogError::kafka("commit input"))?;
        }
        // A refused commit (rebalance) only makes the next owner repeat, which is harmless.
        if let Err(error) = self.consumer.commit(&list, CommitMode::Sync) {
            tracing::debug!(%error, "enrich: input offsets not committed");
        }
        Ok(())
    }
}

/// The enriched message of an observed one.
pub(crate) fn enrich_message(stages: &Stages, observed: &[u8]) -> Result<Vec<u8>, CodecError> {
    let fields = CaptionFields::of_video(observed)?;
    codec::append_enrichment(observed, &stages.run(&Caption::from(&fields)))
}

/// Deterministic: the same input gives the same letter, so its instant is the input's own.
fn letter(message: &BorrowedMessage<'_>, payload: &[u8], error: &CodecError) -> DeadLetter {
    let written = message.timestamp().to_millis().and_then(Timestamp::from_millis);
    DeadLetter {
        event_id: ids::letter_id(message.topic(), message.partition(), message.offset(), "enrich"),
        observed_at: written.unwrap_or_default(),
        origin: "enrich".into(),
        reason: "undecodable".into(),
        message: format!("{error}. The bytes are kept; replay them once they can be read"),
        source_topic: Some(message.topic().to_owned()),
        source_partition: Some(message.partition()),
        source_offset: Some(message.offset()),
        payload: payload.to_vec(),
        ..DeadLetter::default()
    }
}
