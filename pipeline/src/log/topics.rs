//! Which topics exist, how they are made, and what to say when they are not as stated.

use super::LogError;
use super::client::Connection;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::types::RDKafkaErrorCode;
use std::collections::BTreeMap;
use std::time::Duration;
use tidelake_schemas::topics;

const ASK: Duration = Duration::from_secs(15);
/// How long the broker may take to list a topic it has created.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);

/// What the configuration says of topics.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Lanes that collectors share. Topics have one partition more, the last: the import lane.
    pub lanes: i32,
    /// Replicas of each partition.
    pub replication: i32,
    /// How long data topics keep messages.
    pub retention: Duration,
}

impl Layout {
    /// The partition `tidelake import` publishes to. Its own lane, so that an import never fences a collector.
    pub(crate) fn import_lane(&self) -> i32 {
        self.lanes
    }

    /// Partitions of every topic but the tasks'.
    pub(crate) fn partitions(&self) -> i32 {
        self.lanes + 1
    }
}

/// A topic as it should be.
struct Spec {
    name: &'static str,
    partitions: i32,
    keep: Keep,
}

/// Which messages of a topic are kept.
#[derive(Clone, Copy)]
enum Keep {
    /// The newest of each key.
    Newest,
    /// Those that are not older.
    For(Duration),
}

/// Today's leases are what counts; a clock may be wrong by a day.
const BUDGETS_KEPT: Duration = Duration::from_secs(3 * 86_400);

fn specs(layout: &Layout) -> Vec<Spec> {
    let data = topics::COLLECTED.iter().chain([&topics::VIDEO_ENRICHED, &topics::MEDIA, &topics::ANNOTATIONS]);
    let data = data.map(|name| Spec { name, partitions: layout.partitions(), keep: Keep::For(layout.retention) });
    let tasks = Spec { name: topics::TASKS, partitions: layout.lanes, keep: Keep::Newest };
    let cursors = Spec { name: topics::CURSORS, partitions: layout.partitions(), keep: Keep::Newest };
    let suppressions = Spec { name: topics::SUPPRESSIONS, partitions: 1, keep: Keep::Newest };
    let profiles = Spec { name: topics::PROFILES, partitions: 1, keep: Keep::Newest };
    // One partition: its order decides who is granted what.
    let budgets = Spec { name: topics::BUDGETS, partitions: 1, keep: Keep::For(BUDGETS_KEPT) };
    // One partition, without messages: it elects.
    let maintenance = Spec { name: topics::MAINTENANCE, partitions: 1, keep: Keep::For(BUDGETS_KEPT) };
    data.chain([tasks, cursors, suppressions, profiles, budgets, maintenance]).collect()
}

/// Makes the topics that are absent and reports those that are not as stated.
pub(crate) async fn ensure(connection: &Connection, layout: &Layout) -> Result<(), LogError> {
    let specs = specs(layout);
    let existing = partitions_of(connection).await?;
    let absent: Vec<&Spec> = specs.iter().filter(|s| !existing.contains_key(s.name)).collect();
    create(connection, layout, &absent).await?;
    if !absent.is_empty() {
        known(connection, &specs).await?;
    }
    let wrong: Vec<String> = specs.iter().filter_map(|s| mismatch(s, *existing.get(s.name)?)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(LogError::Topics(wrong.join("\n"))) }
}

fn mismatch(spec: &Spec, found: i32) -> Option<String> {
    if spec.name == topics::BUDGETS && found != 1 {
        let why = "One order of leases keeps the daily quotas: delete the topic, and it is made again";
        return Some(format!("  {}: {found} partitions, 1 expected. {why}", spec.name));
    }
    (found != spec.partitions).then(|| {
        format!(
            "  {}: {found} partitions, {} expected (log.lanes{}). Records are kept in order by partition, so the number \
             cannot change under a running lake: set log.lanes to match, or drain and recreate the topics",
            spec.name,
            spec.partitions,
            if spec.name == topics::TASKS { "" } else { " + 1 for imports" },
        )
    })
}

async fn create(connection: &Connection, layout: &Layout, absent: &[&Spec]) -> Result<(), LogError> {
    let admin = connection.admin()?;
    for spec in absent {
        let mut topic = NewTopic::new(spec.name, spec.partitions, TopicReplication::Fixed(layout.replication));
        let retention;
        topic = match spec.keep {
            Keep::Newest => topic.set("cleanup.policy", "compact"),
            Keep::For(time) => {
                retention = time.as_millis().to_string();
                topic.set("cleanup.policy", "delete").set("retention.ms", &retention)
            }
        };
        let operation = format!("create topic {}", spec.name);
        let options = AdminOptions::new().operation_timeout(Some(ASK));
        let results = admin.create_topics([&topic], &options).await.map_err(LogError::kafka(operation.clone()))?;
        for result in results {
            match result {
                // Another process made it in between.
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => {
                    return Err(LogError::kafka(operation)(rdkafka::error::KafkaError::AdminOp(code)));
                }
            }
        }
    }
    Ok(())
}

/// Resolves once the broker lists every topic: a group that is formed before would be given only those it knows.
async fn known(connection: &Connection, specs: &[Spec]) -> Result<(), LogError> {
    let begun = std::time::Instant::now();
    loop {
        let listed = partitions_of(connection).await?;
        let unlisted = specs.iter().find(|s| listed.get(s.name).is_none_or(|partitions| *partitions == 0));
        match unlisted {
            None => return Ok(()),
            Some(spec) if begun.elapsed() > KNOWN_WITHIN => {
                let waited =
                    format!("  {}: created, but the broker does not list it after {KNOWN_WITHIN:?}", spec.name);
                return Err(LogError::Topics(waited));
            }
            Some(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Partition counts of the topics that exist.
pub(crate) async fn partitions_of(connection: &Connection) -> Result<BTreeMap<String, i32>, LogError> {
    let connection = connection.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let reader = connection.reader()?;
        let metadata = reader.fetch_metadata(None, ASK).map_err(LogError::kafka("fetch metadata"))?;
        let topics = metadata.topics().iter().filter(|t| t.error().is_none());
        Ok(topics.map(|t| (t.name().to_owned(), i32::try_from(t.partitions().len()).unwrap_or(i32::MAX))).collect())
    });
    asked.await.unwrap_or_else(|e| Err(LogError::Embedded(format!("metadata: {e}"))))
}
