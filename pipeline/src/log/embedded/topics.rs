//! Which topics there are and where their records live, remembered so that not every request asks SQLite.

use super::batches::{Batches, Retention};
use super::keys::PartitionId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tansu_sans_io::{ConfigResource, ErrorCode};
use tansu_storage::{Error, Storage, StorageContainer, TopicId, Topition};
use uuid::Uuid;

/// Kafka's, for topics that state none.
const DEFAULT_RETENTION: i64 = 7 * 24 * 60 * 60 * 1000;
/// Of a SQLite partition that has not been asked for yet.
const UNKNOWN: i64 = -1;

/// Where a topic's records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In the partition logs.
    Batches(Retention),
    /// In tansu's SQLite store: compacted topics, and those with records from before there were partition logs.
    Sqlite,
}

/// A topic.
#[derive(Debug)]
pub(super) struct Topic {
    /// Its id: another one when it is deleted and made again.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Where its records are.
    pub home: Home,
    /// Next offset to be written, by partition. Only of topics in SQLite, only once asked for.
    ends: Vec<AtomicI64>,
}

impl Topic {
    /// The partition numbers.
    pub(super) fn partitions(&self) -> std::ops::Range<i32> {
        0..i32::try_from(self.ends.len()).unwrap_or(i32::MAX)
    }

    /// One of its partitions.
    ///
    /// # Errors
    ///
    /// `UnknownTopicOrPartition`: it has no such partition.
    pub(super) fn partition(&self, partition: i32) -> Result<PartitionId, ErrorCode> {
        let known = self.partitions().contains(&partition);
        let id = PartitionId { topic: self.id, partition };
        known.then_some(id).ok_or(ErrorCode::UnknownTopicOrPartition)
    }

    fn slot(&self, partition: i32) -> Option<&AtomicI64> {
        self.ends.get(usize::try_from(partition).ok()?)
    }

    /// Next offset of a partition in SQLite, if it was asked for before.
    pub(super) fn end(&self, partition: i32) -> Option<i64> {
        self.slot(partition).map(|slot| slot.load(Ordering::Acquire)).filter(|end| *end != UNKNOWN)
    }

    /// A partition in SQLite has reached this offset.
    pub(super) fn reached(&self, partition: i32, end: i64) {
        if let Some(slot) = self.slot(partition) {
            slot.fetch_max(end, Ordering::AcqRel);
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    by_name: HashMap<String, Arc<Topic>>,
    by_id: HashMap<Uuid, Arc<Topic>>,
    /// How often something was forgotten: an answer of SQLite from before that may be outdated.
    forgotten: u64,
}

/// The topics.
#[derive(Debug)]
pub(super) struct Topics {
    sqlite: StorageContainer,
    batches: Arc<Batches>,
    known: Mutex<Known>,
}

impl Topics {
    /// Those of a SQLite store.
    pub(super) fn new(sqlite: StorageContainer, batches: Arc<Batches>) -> Self {
        Self { sqlite, batches, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A topic by name or id.
    ///
    /// # Errors
    ///
    /// `UnknownTopicOrPartition`: there is none. Others: SQLite failed.
    pub(super) async fn get(&self, id: &TopicId) -> Result<Arc<Topic>, Error> {
        let forgotten = {
            let known = self.known();
            let found = match id {
                TopicId::Name(name) => known.by_name.get(name),
                TopicId::Id(id) => known.by_id.get(id),
            };
            if let Some(topic) = found {
                return Ok(topic.clone());
            }
            known.forgotten
        };
        let topic = Arc::new(self.ask(id).await?);
        let mut known = self.known();
        if known.forgotten == forgotten {
            // Two may have asked at once; one answer is kept, since ends are counted in it.
            let kept = known.by_id.entry(topic.id).or_insert(topic).clone();
            known.by_name.insert(kept.name.clone(), kept.clone());
            return Ok(kept);
        }
        Ok(topic)
    }

    /// The topic of a partition, if the topic has that partition.
    ///
    /// # Errors
    ///
    /// `UnknownTopicOrPartition`: there is no such topic or partition. Others: SQLite failed.
    pub(super) async fn of(&self, topition: &Topition) -> Result<(Arc<Topic>, PartitionId), Error> {
        let topic = self.get(&TopicId::Name(topition.topic().to_owned())).await?;
        let id = topic.partition(topition.partition()).map_err(Error::Api)?;
        Ok((topic, id))
    }

    /// To be called when a topic was made, changed or deleted.
    pub(super) fn forget(&self) {
        let forgotten = self.known().forgotten + 1;
        *self.known() = Known { forgotten, ..Known::default() };
    }

    /// Names and ids of all topics.
    ///
    /// # Errors
    ///
    /// SQLite failed.
    pub(super) async fn all(&self) -> Result<Vec<(String, Uuid)>, Error> {
        let metadata = self.sqlite.metadata(None).await?;
        let topics = metadata.topics().iter();
        Ok(topics.filter_map(|t| Some((t.name.clone()?, Uuid::from_bytes(t.topic_id?)))).collect())
    }

    async fn ask(&self, id: &TopicId) -> Result<Topic, Error> {
        let unknown = || Error::Api(ErrorCode::UnknownTopicOrPartition);
        let metadata = self.sqlite.metadata(Some(std::slice::from_ref(id))).await?;
        let found = metadata.topics().first().filter(|t| t.error_code == i16::from(ErrorCode::None));
        let found = found.ok_or_else(unknown)?;
        let name = found.name.clone().ok_or_else(unknown)?;
        let id = found.topic_id.map(Uuid::from_bytes).ok_or_else(unknown)?;
        let partitions = found.partitions.as_ref().map_or(0, Vec::len);
        let home = self.home(&name, id, i32::try_from(partitions)?).await?;
        Ok(Topic { id, name, home, ends: (0..partitions).map(|_| AtomicI64::new(UNKNOWN)).collect() })
    }

    async fn home(&self, name: &str, id: Uuid, partitions: i32) -> Result<Home, Error> {
        let described = self.sqlite.describe_config(name, ConfigResource::Topic, None).await?;
        let configs = described.configs.unwrap_or_default();
        let value = |key: &str| configs.iter().find(|c| c.name == key).and_then(|c| c.value.as_deref());
        if value("cleanup.policy").is_some_and(is_compacted) {
            return Ok(Home::Sqlite);
        }
        let number = |key: &str| value(key).and_then(|v| v.parse::<i64>().ok());
        let milliseconds = Some(number("retention.ms").unwrap_or(DEFAULT_RETENTION)).filter(|ms| *ms >= 0);
        let bytes = number("retention.bytes").and_then(|bytes| u64::try_from(bytes).ok());
        let ours = self.has_log(id, partitions) || !self.in_sqlite(name, partitions).await?;
        Ok(if ours { Home::Batches(Retention { milliseconds, bytes }) } else { Home::Sqlite })
    }

    fn has_log(&self, topic: Uuid, partitions: i32) -> bool {
        (0..partitions).any(|partition| self.batches.watermarks(PartitionId { topic, partition }) != (0, 0))
    }

    /// Has it records that an earlier Tidelake wrote into SQLite?
    async fn in_sqlite(&self, name: &str, partitions: i32) -> Result<bool, Error> {
        for partition in 0..partitions {
            if self.sqlite.offset_stage(&Topition::new(name, partition)).await?.high_watermark() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Does a `cleanup.policy` compact?
pub(super) fn is_compacted(policy: &str) -> bool {
    policy.split(',').any(|p| p.trim() == "compact")
}
