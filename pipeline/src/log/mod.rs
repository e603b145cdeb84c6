//! The log: Kafka as Tidelake uses it.
//!
//! * [`embedded`]: an in-process broker, the default.
//! * [`client`]: producers and consumers with the settings exactly-once depends on.
//! * [`topics`]: which topics exist, how they are made, what to do when they are not as stated.
//! * [`reader`]: reading a partition from one offset to another.
//! * [`suppressions`]: who is erased and not to be taken again.
//! * [`tasks`] and [`budgets`]: what collectors share: tasks, and the daily budgets of their credentials.

pub(crate) mod budgets;
pub(crate) mod client;
pub(crate) mod embedded;
pub(crate) mod reader;
pub(crate) mod suppressions;
pub(crate) mod tasks;
pub(crate) mod topics;

/// What can go wrong with the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// The broker or librdkafka refused.
    #[error("kafka {operation}: {source}. {action}")]
    Kafka {
        /// What was being done.
        operation: String,
        /// What was answered.
        source: rdkafka::error::KafkaError,
        /// What to do next.
        action: &'static str,
    },
    /// The embedded broker could not start.
    #[error("embedded broker: {0}")]
    Embedded(String),
    /// Topics are not as stated.
    #[error("topics are not as configured:\n{0}")]
    Topics(String),
    /// The log was replaced under the lake.
    #[error(
        "topic {topic} partition {partition}: the table has read up to offset {stored}, the topic holds {low}..{high}. \
         {why}. To accept this and go on from offset {low}: tidelake reset --topic {topic} --partition {partition}"
    )]
    Recreated {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// The table's position.
        stored: i64,
        /// First offset there is.
        low: i64,
        /// Next offset to be written.
        high: i64,
        /// Which way it is broken.
        why: &'static str,
    },
    /// Who is erased cannot be told.
    #[error("suppressions: {0}")]
    Suppressions(String),
    /// A record could not be encoded.
    #[error("{0}")]
    Codec(#[from] tidelake_schemas::codec::CodecError),
}

impl LogError {
    /// For `map_err`.
    pub(crate) fn kafka(operation: impl Into<String>) -> impl FnOnce(rdkafka::error::KafkaError) -> Self {
        let operation = operation.into();
        move |source| Self::Kafka {
            operation,
            source,
            action: "Check that the broker runs and that log.broker, TLS and SASL settings are right; tidelake check tells",
        }
    }
}
