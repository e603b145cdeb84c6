//! The broker's store: which records are where. Tansu's SQLite store has what is small (topics, groups, committed
//! offsets, producer ids, compacted topics), the partition logs have the rest.

use super::batches::Batches;
use super::deletion;
use super::keys::PartitionId;
use super::topics::{Home, Topic, Topics};
use crate::clock;
use std::path::Path;
use std::sync::Arc;
use tansu_sans_io::record::deflated::Batch;
use tansu_sans_io::{ErrorCode, IsolationLevel, ListOffset, to_system_time, to_timestamp};
use tansu_storage::{Error, ListOffsetResponse, Storage, StorageContainer, TopicId, Topition};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Bytes asked of SQLite at a time.
const SQLITE_BYTES: u32 = 5 << 20;

/// See above. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Store {
    sqlite: StorageContainer,
    database: Arc<Path>,
    batches: Arc<Batches>,
    topics: Arc<Topics>,
    appended: Arc<Notify>,
}

impl Store {
    /// Of a SQLite store, the file it is in, and the partition logs beside it. Logs of topics that SQLite no longer has
    /// are removed: a deletion was cut short.
    ///
    /// # Errors
    ///
    /// SQLite or the disk failed.
    pub(super) async fn new(sqlite: StorageContainer, database: &Path, batches: Arc<Batches>) -> Result<Self, Error> {
        let topics = Arc::new(Topics::new(sqlite.clone(), batches.clone()));
        let store = Self { sqlite, database: database.into(), batches, topics, appended: Arc::default() };
        let there = store.topics.all().await?;
        for topic in store.batches.topics() {
            if there.iter().all(|(_, id)| *id != topic) {
                store.blocking(move |batches| batches.remove_topic(topic)).await?;
            }
        }
        Ok(store)
    }

    /// Tansu's store.
    pub(super) fn sqlite(&self) -> &StorageContainer {
        &self.sqlite
    }

    /// The topics.
    pub(super) fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Resolves at the next append to any partition.
    pub(super) fn appended(&self) -> Notified<'_> {
        self.appended.notified()
    }

    /// Does work on the logs where it keeps nobody waiting.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Batches) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let batches = self.batches.clone();
        let worked = tokio::task::spawn_blocking(move || work(&batches)).await;
        worked.unwrap_or_else(|e| Err(Error::Message(e.to_string())))
    }

    /// First offset of a partition, next offset to be written.
    ///
    /// # Errors
    ///
    /// `UnknownTopicOrPartition`: the topic has no such partition. Others: SQLite failed.
    pub(super) async fn watermarks(&self, topic: &Topic, partition: i32) -> Result<(i64, i64), Error> {
        let id = topic.partition(partition).map_err(Error::Api)?;
        match (topic.home, topic.end(partition)) {
            (Home::Batches(_), _) => Ok(self.batches.watermarks(id)),
            // SQLite keeps no log start.
            (Home::Sqlite, Some(end)) => Ok((0, end)),
            (Home::Sqlite, None) => {
                let stage = self.sqlite.offset_stage(&Topition::new(&topic.name, partition)).await?;
                topic.reached(partition, stage.high_watermark());
                Ok((0, topic.end(partition).unwrap_or(stage.high_watermark())))
            }
        }
    }

    /// Next offset of a partition, if it can be told without asking SQLite.
    pub(super) fn end(&self, topic: &Topic, partition: i32) -> Option<i64> {
        match topic.home {
            Home::Batches(_) => Some(self.batches.watermarks(topic.partition(partition).ok()?).1),
            Home::Sqlite => topic.end(partition),
        }
    }

    /// The batches from the one that contains an offset, up to a number of bytes; `at_least_one` even if it is larger.
    ///
    /// # Errors
    ///
    /// As [`Batches::read`]; SQLite failed.
    pub(super) async fn read(
        &self,
        topic: &Topic,
        partition: i32,
        from: i64,
        max_bytes: u64,
        at_least_one: bool,
    ) -> Result<Vec<Batch>, Error> {
        let id = topic.partition(partition).map_err(Error::Api)?;
        if let Home::Batches(_) = topic.home {
            return self.blocking(move |batches| batches.read(id, from, max_bytes, at_least_one)).await;
        }
        let topition = Topition::new(&topic.name, partition);
        let isolation = IsolationLevel::ReadUncommitted;
        let mut batches = self.sqlite.fetch(&topition, from, 1, SQLITE_BYTES, isolation).await?;
        // Tansu answers an empty batch where there is nothing.
        batches.retain(|batch| batch.record_count > 0);
        Ok(batches)
    }

    /// Appends a batch; see [`Batches::append`]. Returns the offset of its first record.
    ///
    /// # Errors
    ///
    /// As [`Batches::append`]; `UnknownTopicOrPartition`; SQLite failed.
    pub(super) async fn append(&self, topition: &Topition, batch: Batch) -> Result<i64, Error> {
        let (topic, id) = self.topics.of(topition).await?;
        let records = i64::from(batch.last_offset_delta) + 1;
        let base_offset = match topic.home {
            Home::Batches(_) => self.blocking(move |batches| batches.append(id, batch, now())).await?,
            Home::Sqlite => {
                let base_offset = self.sqlite.produce(None, topition, batch).await?;
                // Asked for again: what was remembered of the topic may have been forgotten meanwhile.
                let (topic, _) = self.topics.of(topition).await?;
                topic.reached(id.partition, base_offset + records);
                base_offset
            }
        };
        self.appended.notify_waiters();
        Ok(base_offset)
    }

    /// What a client wants to know of a partition's offsets. By time it is the base offset of the batch: see
    /// [`Batches::at_time`]; −1 when nothing is as young.
    ///
    /// # Errors
    ///
    /// `UnknownTopicOrPartition`; SQLite or the disk failed.
    pub(super) async fn offset_of(
        &self,
        isolation: IsolationLevel,
        topition: &Topition,
        wanted: ListOffset,
    ) -> Result<ListOffsetResponse, Error> {
        let (topic, id) = self.topics.of(topition).await?;
        if topic.home == Home::Sqlite {
            let answers = self.sqlite.list_offsets(isolation, &[(topition.clone(), wanted)]).await?;
            let answer = answers.into_iter().next().map(|(_, answer)| answer);
            return answer.ok_or(Error::Api(ErrorCode::UnknownServerError));
        }
        let (start, next) = self.batches.watermarks(id);
        let found = match wanted {
            ListOffset::Earliest => (start, None),
            ListOffset::Latest => (next, None),
            ListOffset::Timestamp(since) => {
                let since = to_timestamp(&since)?;
                let found = self.blocking(move |batches| batches.at_time(id, since)).await?;
                found.map_or((-1, None), |(offset, time)| (offset, to_system_time(time).ok()))
            }
        };
        Ok(ListOffsetResponse { offset: Some(found.0), timestamp: found.1, ..ListOffsetResponse::default() })
    }

    /// Deletes the records before an offset and returns the new start of the log.
    ///
    /// # Errors
    ///
    /// As [`Batches::delete_before`]; `PolicyViolation`: a compacted topic; `UnknownTopicOrPartition`.
    pub(super) async fn delete_before(&self, topition: &Topition, offset: i64) -> Result<i64, Error> {
        let (topic, id) = self.topics.of(topition).await?;
        match topic.home {
            Home::Batches(_) => self.blocking(move |batches| batches.delete_before(id, offset)).await,
            // Tansu's store panics when asked.
            Home::Sqlite => Err(Error::Api(ErrorCode::PolicyViolation)),
        }
    }

    /// Deletes a topic: first what says that it is there, then its records.
    ///
    /// # Errors
    ///
    /// `UnknownTopicOrPartition`; SQLite or the disk failed.
    pub(super) async fn delete(&self, topic: &TopicId) -> Result<(), Error> {
        let topic = self.topics.get(topic).await?.id;
        deletion::delete(&self.database, topic).await?;
        self.topics.forget();
        self.blocking(move |batches| batches.remove_topic(topic)).await
    }

    /// Removes what is too old.
    ///
    /// # Errors
    ///
    /// SQLite or the disk failed.
    pub(super) async fn retain(&self) -> Result<(), Error> {
        for (name, _) in self.topics.all().await? {
            let topic = match self.topics.get(&name.into()).await {
                Err(Error::Api(ErrorCode::UnknownTopicOrPartition)) => continue,
                topic => topic?,
            };
            let Home::Batches(retention) = topic.home else { continue };
            for partition in topic.partitions() {
                let id = PartitionId { topic: topic.id, partition };
                self.blocking(move |batches| batches.retain(id, retention, now())).await?;
            }
        }
        self.blocking(|batches| batches.forget_idle(now())).await
    }

    /// Makes sure that what was appended is on disk.
    ///
    /// # Errors
    ///
    /// See [`Batches::sync`].
    pub(super) async fn sync(&self) -> Result<(), Error> {
        self.blocking(Batches::sync).await
    }
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    clock::wall().0.div_euclid(1000)
}
