//! Reading a partition from one offset to another: cursors, tails, watermarks.

use super::LogError;
use super::client::Connection;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// How long the broker may stay silent before a read is given up.
const SILENCE: Duration = Duration::from_secs(30);
const ASK: Duration = Duration::from_secs(15);
/// How long a topic may be unknown to a broker after another has made it.
const NEW: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// What a broker answers about a topic that it has not heard of yet.
fn is_new(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{LeaderNotAvailable, UnknownPartition, UnknownTopic, UnknownTopicOrPartition};
    matches!(code, LeaderNotAvailable | UnknownPartition | UnknownTopic | UnknownTopicOrPartition)
}

/// Reads stretches of partitions.
pub(crate) struct Reader {
    consumer: BaseConsumer,
}

impl Reader {
    /// Connects.
    pub(crate) fn new(connection: &Connection) -> Result<Self, LogError> {
        Ok(Self { consumer: connection.reader()? })
    }

    /// First offset there is, next offset to be written.
    pub(crate) fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64), LogError> {
        let operation = format!("watermarks of {topic}/{partition}");
        let asked = Instant::now();
        loop {
            match self.consumer.fetch_watermarks(topic, partition, ASK) {
                Err(KafkaError::MetadataFetch(code)) if is_new(code) && asked.elapsed() < NEW => {
                    std::thread::sleep(PAUSE)
                }
                answer => return answer.map_err(LogError::kafka(operation)),
            }
        }
    }

    /// Hands over each message of `from..to`, in order.
    pub(crate) fn read(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
        to: i64,
        mut each: impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<(), LogError> {
        let (low, high) = self.watermarks(topic, partition)?;
        let (from, to) = (from.max(low), to.min(high));
        if from >= to {
            return Ok(());
        }
        let operation = || format!("read {topic}/{partition} {from}..{to}");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(from)).map_err(LogError::kafka(operation()))?;
        self.consumer.assign(&list).map_err(LogError::kafka(operation()))?;
        let outcome = self.drain(to, &mut each);
        _ = self.consumer.unassign();
        outcome.map_err(LogError::kafka(operation()))
    }

    fn drain(&self, to: i64, each: &mut impl FnMut(&BorrowedMessage<'_>)) -> Result<(), KafkaError> {
        let mut heard = Instant::now();
        loop {
            match self.consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    if message.offset() < to {
                        each(&message);
                    }
                    if message.offset() + 1 >= to {
                        return Ok(());
                    }
                }
                // The last offsets may hold no message (compaction, markers).
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
                Some(Err(error)) if heard.elapsed() > SILENCE => return Err(error),
                Some(Err(error)) => tracing::debug!(%error, "reader"),
                None if heard.elapsed() > SILENCE => {
                    return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
                }
                None => {}
            }
        }
    }
}
