//! The broker as clients see it.

use super::batches::{Batches, Retention};
use super::topics::Home;
use super::{Embedded, Storage};
use crate::log::client::Connection;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tansu_sans_io::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use tansu_sans_io::record::{Record, inflated};
use tansu_storage::Topition;

const TOPIC: &str = "kept";
const COMPACTED: &str = "compacted";

fn connection(broker: &Embedded) -> Connection {
    Connection::new(broker.bootstrap(), BTreeMap::new())
}

async fn start(dir: &Path) -> Embedded {
    Embedded::start(dir, None).await.unwrap()
}

async fn create(broker: &Embedded) {
    let topics = [(TOPIC, "delete"), (COMPACTED, "compact")]
        .map(|(name, policy)| NewTopic::new(name, 1, TopicReplication::Fixed(1)).set("cleanup.policy", policy));
    let admin = connection(broker).admin().unwrap();
    for result in admin.create_topics(&topics, &AdminOptions::new()).await.unwrap() {
        result.unwrap();
    }
}

async fn produce(broker: &Embedded, topic: &str, numbers: std::ops::Range<usize>) {
    let producer = connection(broker).producer().unwrap();
    let sent = numbers.map(|number| {
        let (key, payload) = (number.to_string(), format!("{number} {}", "payload ".repeat(20)));
        let headers = OwnedHeaders::new().insert(Header { key: "number", value: Some(&key) });
        let record = FutureRecord::to(topic).partition(0).key(&key).payload(&payload).headers(headers);
        producer.send_result(record).map_err(|(error, _)| error).unwrap()
    });
    let sent: Vec<_> = sent.collect();
    for outcome in futures::future::join_all(sent).await {
        outcome.unwrap().unwrap();
    }
}

/// The numbers and offsets of all records from an offset on.
async fn consume(broker: &Embedded, topic: &'static str, from: i64) -> Vec<(usize, i64)> {
    let connection = connection(broker);
    let read = move || {
        let consumer: BaseConsumer = connection.reader().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Offset(from)).unwrap();
        consumer.assign(&list).unwrap();
        let mut records = Vec::new();
        loop {
            match consumer.poll(Duration::from_secs(20)).expect("an answer") {
                Ok(message) => {
                    let headers = message.headers().unwrap();
                    let number = std::str::from_utf8(headers.get(0).value.unwrap()).unwrap().parse().unwrap();
                    assert!(message.payload().unwrap().starts_with(format!("{number} ").as_bytes()));
                    records.push((number, message.offset()));
                }
                Err(KafkaError::PartitionEOF(_)) => return records,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

fn numbered(numbers: std::ops::Range<usize>) -> Vec<(usize, i64)> {
    numbers.map(|n| (n, i64::try_from(n).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_round_trip_and_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    create(&broker).await;
    produce(&broker, TOPIC, 0..2000).await;
    produce(&broker, COMPACTED, 0..5).await;
    assert_eq!(consume(&broker, TOPIC, 0).await, numbered(0..2000));
    assert_eq!(consume(&broker, TOPIC, 1234).await, numbered(1234..2000));
    assert_eq!(consume(&broker, COMPACTED, 0).await, numbered(0..5));
    drop(broker);
    let broker = start(dir.path()).await;
    produce(&broker, TOPIC, 2000..2500).await;
    assert_eq!(consume(&broker, TOPIC, 0).await, numbered(0..2500));
    assert_eq!(consume(&broker, COMPACTED, 0).await, numbered(0..5));
}

/// Whether a text stands in a file of the broker.
fn on_disk(dir: &Path, text: &str) -> bool {
    let mut paths = vec![dir.join("broker")];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if std::fs::read(path).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes()) {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_leaves_the_disk_when_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    create(&broker).await;
    let producer = connection(&broker).producer().unwrap();
    let secret = "the-name-of.somebody";
    let send = |topic: &'static str, key: &'static str, payload: Option<&'static str>| {
        let mut record = FutureRecord::<str, str>::to(topic).partition(0).key(key);
        record.payload = payload;
        producer.send(record, Duration::from_secs(10))
    };
    send(TOPIC, "a", Some(secret)).await.unwrap();
    // A value that is replaced, a key that is taken back, and what stays.
    send(COMPACTED, "kept", Some(secret)).await.unwrap();
    send(COMPACTED, secret, Some("x")).await.unwrap();
    send(COMPACTED, secret, None).await.unwrap();
    produce(&broker, COMPACTED, 0..3).await;
    send(COMPACTED, "kept", Some("nobody")).await.unwrap();
    produce(&broker, TOPIC, 1..4).await;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TOPIC, 0, Offset::Offset(1)).unwrap();
    connection(&broker).admin().unwrap().delete_records(&list, &AdminOptions::new()).await.unwrap();
    drop(producer);
    drop(broker);
    drop(start(dir.path()).await);
    assert!(on_disk(dir.path(), secret), "by itself it stays");
    Embedded::purge_when_started(dir.path()).unwrap();
    Embedded::purge(dir.path()).await.unwrap();
    assert!(!on_disk(dir.path(), secret));
    // Everything else is where it was; also when a purge is cut short between its two moves.
    for path in ["batches", "batches.new"].windows(2) {
        let at = |name: &str| dir.path().join("broker").join(name);
        std::fs::rename(at(path[0]), at(path[1])).unwrap();
    }
    let broker = start(dir.path()).await;
    assert_eq!(consume(&broker, TOPIC, 1).await, numbered(1..4));
    let connection = connection(&broker);
    let read = tokio::task::spawn_blocking(move || {
        let reader = crate::log::reader::Reader::new(&connection).unwrap();
        let (mut keys, (_, high)) = (Vec::new(), reader.watermarks(COMPACTED, 0).unwrap());
        reader.read(COMPACTED, 0, 0, high, |m| keys.push((m.key().unwrap().to_vec(), m.offset()))).unwrap();
        (keys, high)
    });
    let keys = [("0", 3), ("1", 4), ("2", 5), ("kept", 6)].map(|(key, at)| (key.as_bytes().to_vec(), at));
    assert_eq!(read.await.unwrap(), (keys.to_vec(), 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_again_begins_at_zero() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    create(&broker).await;
    produce(&broker, TOPIC, 0..10).await;
    produce(&broker, COMPACTED, 0..10).await;
    let admin = connection(&broker).admin().unwrap();
    let outcomes = admin.delete_topics(&[TOPIC], &AdminOptions::new()).await.unwrap();
    assert_eq!(outcomes, [Ok(TOPIC.to_owned())]);
    // The other one is still there.
    assert_eq!(consume(&broker, COMPACTED, 0).await, numbered(0..10));
    let outcomes = admin.delete_topics(&[COMPACTED], &AdminOptions::new()).await.unwrap();
    assert_eq!(outcomes, [Ok(COMPACTED.to_owned())]);
    create(&broker).await;
    produce(&broker, TOPIC, 0..3).await;
    produce(&broker, COMPACTED, 0..4).await;
    assert_eq!(consume(&broker, TOPIC, 0).await, numbered(0..3));
    assert_eq!(consume(&broker, COMPACTED, 0).await, numbered(0..4));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_ends_the_wait_of_a_fetch() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    create(&broker).await;
    for topic in [TOPIC, COMPACTED] {
        let mut config = connection(&broker).consumer_config("waiting");
        let consumer: BaseConsumer = config.set("fetch.wait.max.ms", "10000").create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        assert!(consumer.poll(Duration::from_secs(2)).is_none());
        let sent = Instant::now();
        produce(&broker, topic, 0..1).await;
        let polled = tokio::task::spawn_blocking(move || {
            consumer.poll(Duration::from_secs(20)).expect("the record").map(|m| m.offset())
        });
        assert_eq!(polled.await.unwrap(), Ok(0));
        assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    create(&broker).await;
    let connection = connection(&broker);
    let begun = tokio::task::spawn_blocking(move || {
        use rdkafka::producer::{BaseProducer, Producer};
        let producer: BaseProducer = connection.producer_config().set("transactional.id", "some").create().unwrap();
        producer.init_transactions(Duration::from_secs(10))
    });
    let error = begun.await.unwrap().unwrap_err();
    assert!(
        matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::TransactionalIdAuthorizationFailed)),
        "{error:?}"
    );
}

fn topic(name: &str, configs: &[(&str, &str)]) -> CreatableTopic {
    let config =
        |(key, value): &(&str, &str)| CreatableTopicConfig::default().name((*key).into()).value(Some((*value).into()));
    let topic = CreatableTopic::default().name(name.into()).num_partitions(2).replication_factor(1);
    topic.assignments(Some([].into())).configs(Some(configs.iter().map(config).collect()))
}

#[tokio::test]
async fn records_live_where_their_topic_says() {
    let dir = tempfile::tempdir().unwrap();
    let batches = Arc::new(Batches::open(&dir.path().join("batches")).unwrap());
    let address = (std::net::Ipv4Addr::LOCALHOST, 9092).into();
    let store = super::store(&dir.path().join("log.db"), address, batches).await.unwrap();
    let week = Some(7 * 24 * 60 * 60 * 1000);
    let record = || inflated::Batch::builder().record(Record::builder().value(Some("x".into())));
    let batch = || record().build().and_then(tansu_sans_io::record::deflated::Batch::try_from).unwrap();
    for (name, configs, home) in [
        ("plain", vec![], Home::Batches(Retention { milliseconds: week, bytes: None })),
        (
            "limited",
            vec![("retention.ms", "1000"), ("retention.bytes", "5")],
            Home::Batches(Retention { milliseconds: Some(1000), bytes: Some(5) }),
        ),
        (
            "for-ever",
            vec![("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")],
            Home::Batches(Retention { milliseconds: None, bytes: None }),
        ),
        ("both", vec![("cleanup.policy", "compact,delete")], Home::Sqlite),
    ] {
        store.create_topic(topic(name, &configs), false).await.unwrap();
        assert_eq!(store.topics().get(&name.into()).await.unwrap().home, home, "{name}");
        let topition = Topition::new(name, 1);
        for offset in 0..2 {
            assert_eq!(store.produce(None, &topition, batch()).await.unwrap(), offset, "{name}");
        }
        store.maintain(SystemTime::now()).await.unwrap();
        let start = i64::from(name == "limited");
        assert_eq!(store.offset_stage(&topition).await.unwrap().log_start(), start, "{name}");
        assert_eq!(store.offset_stage(&topition).await.unwrap().high_watermark(), 2, "{name}");
    }
    // A topic with records from before there were partition logs stays where it is.
    store.create_topic(topic("old", &[]), false).await.unwrap();
    store.sqlite().produce(None, &Topition::new("old", 1), batch()).await.unwrap();
    assert_eq!(store.topics().get(&"old".into()).await.unwrap().home, Home::Sqlite);
    assert_eq!(store.produce(None, &Topition::new("old", 1), batch()).await.unwrap(), 1);
}
