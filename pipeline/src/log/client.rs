//! Producers and consumers with the settings exactly-once depends on.

use super::LogError;
use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureProducer;
use std::collections::BTreeMap;
use tidelake_schemas::lineage::Lineage;

/// How to reach the broker. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connection {
    bootstrap: String,
    settings: BTreeMap<String, String>,
    alone: bool,
}

/// Only what is safe to print: settings may hold passwords.
impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("bootstrap", &self.bootstrap).finish_non_exhaustive()
    }
}

impl Connection {
    /// To a broker, with librdkafka settings passed through (TLS, SASL, …).
    pub(crate) fn new(bootstrap: impl Into<String>, settings: BTreeMap<String, String>) -> Self {
        Self { bootstrap: bootstrap.into(), settings, alone: false }
    }

    /// To the broker inside this process: no other process shares its partitions, so none is shared out. The embedded
    /// broker remembers group members over a restart and is slow to believe that they are gone.
    pub(crate) fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Takes every partition instead of joining a group?
    pub(crate) fn is_alone(&self) -> bool {
        self.alone
    }

    /// `host:port,…`
    pub(crate) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Defaults, then what the user passes through, so that what exactly-once rests on can still be set after it.
    fn base(&self, defaults: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", "tidelake");
        for (key, value) in defaults {
            config.set(*key, *value);
        }
        for (key, value) in &self.settings {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        config
    }

    /// The settings of every producer: idempotent, all replicas, and gapless – a message never times out locally while
    /// a later one goes through, since the lineage filter downstream would then hide the lost one.
    pub(crate) fn producer_config(&self) -> ClientConfig {
        let mut config = self.base(&[
            ("linger.ms", "5"),
            ("batch.num.messages", "10000"),
            ("queue.buffering.max.kbytes", "65536"),
            ("compression.type", "lz4"),
        ]);
        config
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("acks", "all")
            .set("message.timeout.ms", "0");
        config
    }

    /// A producer whose sends are futures. Whoever awaits them waits for the last: lingering would only delay that.
    pub(crate) fn producer(&self) -> Result<FutureProducer, LogError> {
        self.producer_config().set("linger.ms", "1").create().map_err(LogError::kafka("create producer"))
    }

    /// The settings of a member of a consumer group.
    pub(crate) fn consumer_config(&self, group: &str) -> ClientConfig {
        let mut config = self.base(&[
            ("session.timeout.ms", "10000"),
            ("heartbeat.interval.ms", "2000"),
            // A topic that one broker lists and another does not yet is looked for again soon, not after five minutes.
            ("topic.metadata.refresh.interval.ms", "5000"),
            ("fetch.wait.max.ms", "100"),
            ("queued.min.messages", "20000"),
            ("queued.max.messages.kbytes", "16384"),
            // A full queue is looked at again soon: after the default second, a fast role has long run dry.
            ("fetch.queue.backoff.ms", "10"),
        ]);
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "range,roundrobin")
            .set("enable.partition.eof", "false");
        config
    }

    /// A member of a consumer group.
    pub(crate) fn group_consumer<C: ConsumerContext + 'static>(
        &self,
        group: &str,
        context: C,
    ) -> Result<BaseConsumer<C>, LogError> {
        self.consumer_config(group).create_with_context(context).map_err(LogError::kafka("create consumer"))
    }

    /// A consumer that is told its partitions, for reading stretches; it joins no group.
    pub(crate) fn reader(&self) -> Result<BaseConsumer, LogError> {
        let mut config = self.consumer_config("tidelake-reader");
        config.set("enable.partition.eof", "true");
        config.create().map_err(LogError::kafka("create reader"))
    }

    /// The admin client.
    pub(crate) fn admin(&self) -> Result<AdminClient<DefaultClientContext>, LogError> {
        self.base(&[]).create().map_err(LogError::kafka("create admin client"))
    }
}

/// Lineage as Kafka headers.
pub(crate) fn headers(lineage: &Lineage) -> OwnedHeaders {
    let pairs = lineage.to_headers();
    let headers = OwnedHeaders::new_with_capacity(pairs.len());
    pairs.iter().fold(headers, |all, (key, value)| all.insert(Header { key, value: Some(value.as_bytes()) }))
}

/// Kafka headers as lineage.
pub(crate) fn lineage<H: rdkafka::message::Headers>(headers: Option<&H>) -> Lineage {
    headers.map_or_else(Lineage::default, |h| Lineage::from_headers(h.iter().map(|x| (x.key, x.value))))
}
