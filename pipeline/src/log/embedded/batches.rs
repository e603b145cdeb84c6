//! The partition logs: whole record batches, as the producer deflated them, in an LSM tree.
//!
//! A batch is stored as its wire bytes with its offset written in; nothing is inflated. An append and what it changes
//! of its producer are one atomic write.
//!
//! Durability: an appended batch is with the operating system, so it outlives the process however that ends. It is on
//! disk after the next [`Batches::sync`], which the broker calls each second and when it stops: what a power cut may
//! take is the last second.

mod trim;

#[cfg(test)]
mod tests;

use super::keys::{BatchKey, PartitionId};
use super::producers::{Producer, Sequences, Verdict};
use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tansu_sans_io::ErrorCode;
use tansu_sans_io::record::deflated::Batch;
use tansu_storage::Error;
pub(super) use trim::Retention;
use uuid::Uuid;

/// Blocks read from disk that are kept.
const CACHE: u64 = 16 << 20;
/// Batches kept in memory before they are written to files of their own.
const MEMTABLE: u64 = 16 << 20;
/// The same for what is small: producers and log starts.
const SMALL_MEMTABLE: u64 = 1 << 20;
/// The journal, written before anything else, may grow to this.
const JOURNAL: u64 = 128 << 20;
/// The record format since Kafka 0.11; older ones have no batches.
const MAGIC: i8 = 2;

type Result<T> = std::result::Result<T, Error>;

/// A partition's log, in memory.
#[derive(Debug, Default)]
struct Log {
    start: AtomicI64,
    next: AtomicI64,
    /// By id. Whoever holds this is the only one to append.
    producers: Mutex<HashMap<i64, Producer>>,
}

impl Log {
    fn producers(&self) -> MutexGuard<'_, HashMap<i64, Producer>> {
        self.producers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The logs of all partitions.
pub(super) struct Batches {
    db: Database,
    /// [`BatchKey`] → the batch.
    batches: Keyspace,
    /// Partition and producer → [`Producer`].
    producers: Keyspace,
    /// Partition → log start offset. Every partition that ever held a batch is here.
    starts: Keyspace,
    logs: RwLock<HashMap<PartitionId, Arc<Log>>>,
    unsynced: AtomicBool,
    /// Log starts move one at a time.
    trimming: Mutex<()>,
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").finish_non_exhaustive()
    }
}

impl Batches {
    /// Opens the logs in a directory, or makes them.
    ///
    /// # Errors
    ///
    /// [`fjall::Error::Locked`]: somebody else has them open. Others: the directory cannot be read or written.
    pub(super) fn open(dir: &Path) -> fjall::Result<Self> {
        let db = Database::builder(dir).cache_size(CACHE).max_journaling_size(JOURNAL).worker_threads(2).open()?;
        // Batches are large and die in the order they came: kept out of the tree, compaction need not rewrite them.
        let apart = KvSeparationOptions::default();
        let large =
            || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE).with_kv_separation(Some(apart.clone()));
        let small = || KeyspaceCreateOptions::default().max_memtable_size(SMALL_MEMTABLE);
        let batches = Self {
            batches: db.keyspace("batches", large)?,
            producers: db.keyspace("producers", small)?,
            starts: db.keyspace("starts", small)?,
            db,
            logs: RwLock::default(),
            unsynced: AtomicBool::default(),
            trimming: Mutex::default(),
        };
        batches.restore()?;
        Ok(batches)
    }

    /// Watermarks and producers, as the keys tell them.
    fn restore(&self) -> fjall::Result<()> {
        for stored in self.starts.iter() {
            let (key, start) = stored.into_inner()?;
            let (Some((id, _)), Ok(start)) = (PartitionId::parse(&key), start.as_ref().try_into()) else { continue };
            let (start, newest) = (i64::from_be_bytes(start), self.batches.prefix(id.prefix()).next_back());
            let newest = newest.map(fjall::Guard::key).transpose()?.and_then(|key| BatchKey::parse(&key));
            let log = self.log(id);
            log.start.store(start, Ordering::Release);
            log.next.store(newest.map_or(start, |b| start.max(b.last_offset + 1)), Ordering::Release);
        }
        for stored in self.producers.iter() {
            let (key, producer) = stored.into_inner()?;
            let parsed = PartitionId::parse(&key).and_then(|(id, rest)| Some((id, rest.try_into().ok()?)));
            let (Some((id, producer_id)), Some(producer)) = (parsed, Producer::decode(&producer)) else { continue };
            self.log(id).producers().insert(i64::from_be_bytes(producer_id), producer);
        }
        Ok(())
    }

    fn existing(&self, id: PartitionId) -> Option<Arc<Log>> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn log(&self, id: PartitionId) -> Arc<Log> {
        self.existing(id).unwrap_or_else(|| {
            let mut logs = self.logs.write().unwrap_or_else(PoisonError::into_inner);
            logs.entry(id).or_default().clone()
        })
    }

    /// The topics that have batches or had some.
    pub(super) fn topics(&self) -> Vec<Uuid> {
        let logs = self.logs.read().unwrap_or_else(PoisonError::into_inner);
        let mut topics: Vec<Uuid> = logs.keys().map(|id| id.topic).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// First offset there is, next offset to be written.
    pub(super) fn watermarks(&self, id: PartitionId) -> (i64, i64) {
        self.existing(id).map_or((0, 0), |log| {
            let start = log.start.load(Ordering::Acquire);
            (start, log.next.load(Ordering::Acquire))
        })
    }

    /// Appends a batch and returns the offset of its first record: where it is already, if it is a repeated one. `now`
    /// in milliseconds since 1970. Blocks: on other appends to the partition, on writing.
    ///
    /// # Errors
    ///
    /// `UnsupportedForMessageFormat`, `InvalidRecord`: not a batch that can be kept. `InvalidProducerEpoch`,
    /// `OutOfOrderSequenceNumber`: see [`Producer::judge`]. `KafkaStorageError`: not written.
    pub(super) fn append(&self, id: PartitionId, mut batch: Batch, now: i64) -> Result<i64> {
        let sequences = check(&batch).map_err(Error::Api)?;
        let log = self.log(id);
        let mut producers = log.producers();
        let known = producers.get(&batch.producer_id);
        if let Some(sequences) = sequences
            && let Verdict::Repeated(at) = Producer::judge(known, sequences).map_err(Error::Api)?
        {
            return Ok(at);
        }
        let (base_offset, producer_id) = (log.next.load(Ordering::Acquire), batch.producer_id);
        let producer = sequences.map(|s| Producer::after(known, s, base_offset, now));
        batch.base_offset = base_offset;
        batch.partition_leader_epoch = 0;
        let next = batch.max_offset() + 1;
        self.write(id, batch, producer.as_ref(), now).map_err(unwritten)?;
        if let Some(producer) = producer {
            producers.insert(producer_id, producer);
        }
        log.next.store(next, Ordering::Release);
        Ok(base_offset)
    }

    fn write(&self, id: PartitionId, batch: Batch, producer: Option<&Producer>, now: i64) -> fjall::Result<()> {
        let (first, producer_id, last_offset) = (batch.base_offset == 0, batch.producer_id, batch.max_offset());
        // Records without a time are as old as their stay here.
        let max_timestamp = if batch.max_timestamp < 0 { now } else { batch.max_timestamp };
        let bytes = Bytes::from(batch);
        let key = BatchKey { last_offset, max_timestamp, size: u32::try_from(bytes.len()).unwrap_or(u32::MAX) };
        let mut write = self.db.batch().durability(Some(PersistMode::Buffer));
        write.insert(&self.batches, key.encode(id), bytes);
        if let Some(producer) = producer {
            write.insert(&self.producers, id.producer(producer_id), producer.encode());
        }
        if first {
            write.insert(&self.starts, id.prefix(), 0i64.to_be_bytes());
        }
        self.unsynced.store(true, Ordering::Release);
        write.commit()
    }

    /// The batches from the one that contains an offset, up to a number of bytes; `at_least_one` even if it is larger.
    /// None at the end of the log. Blocks on reading.
    ///
    /// # Errors
    ///
    /// `OffsetOutOfRange`: before the log's start or after its end. `KafkaStorageError`: cannot be read.
    pub(super) fn read(&self, id: PartitionId, from: i64, max_bytes: u64, at_least_one: bool) -> Result<Vec<Batch>> {
        let (start, next) = self.watermarks(id);
        if from < start || from > next {
            return Err(Error::Api(ErrorCode::OffsetOutOfRange));
        }
        let (mut batches, mut bytes) = (Vec::new(), 0);
        for stored in self.batches.range(id.at_offset(from)..id.at_offset(next)) {
            let spared = at_least_one && batches.is_empty();
            let size = |key: &[u8]| BatchKey::parse(key).map_or(0, |key| u64::from(key.size));
            let (key, value) =
                stored.into_inner_if(|key| spared || bytes + size(key) <= max_bytes).map_err(unreadable)?;
            let Some(value) = value else { break };
            bytes += size(&key);
            batches.push(Batch::try_from(Bytes::from(value))?);
        }
        Ok(batches)
    }

    /// Base offset and newest time of the first batch that has records of `since` (milliseconds since 1970) or later.
    /// As fine as batches are: the record asked for may be a later one of that batch. Blocks on reading.
    ///
    /// # Errors
    ///
    /// `KafkaStorageError`: cannot be read.
    pub(super) fn at_time(&self, id: PartitionId, since: i64) -> Result<Option<(i64, i64)>> {
        let (start, next) = self.watermarks(id);
        let mut base_offset = start;
        for stored in self.batches.range(id.at_offset(start)..id.at_offset(next)) {
            let key = stored.key().map_err(unreadable)?;
            let Some(key) = BatchKey::parse(&key) else { continue };
            if key.max_timestamp >= since {
                return Ok(Some((base_offset, key.max_timestamp)));
            }
            base_offset = key.last_offset + 1;
        }
        Ok(None)
    }

    /// Makes sure that what was appended is on disk. Blocks.
    ///
    /// # Errors
    ///
    /// `KafkaStorageError`: it is not known to be; nothing is accepted from then on.
    pub(super) fn sync(&self) -> Result<()> {
        match self.unsynced.swap(false, Ordering::AcqRel) {
            true => self.db.persist(PersistMode::SyncData).map_err(unwritten),
            false => Ok(()),
        }
    }
}

/// A batch as clients may send it.
fn check(batch: &Batch) -> std::result::Result<Option<Sequences>, ErrorCode> {
    if batch.magic != MAGIC {
        return Err(ErrorCode::UnsupportedForMessageFormat);
    }
    // Offsets are counted from these: they must be what they say.
    if batch.record_count == 0 || u32::try_from(batch.last_offset_delta) != Ok(batch.record_count - 1) {
        return Err(ErrorCode::InvalidRecord);
    }
    Sequences::of(batch)
}

fn unwritten(error: fjall::Error) -> Error {
    tracing::error!(%error, "the embedded broker could not write; check the disk of the data directory");
    Error::Api(ErrorCode::KafkaStorageError)
}

fn unreadable(error: fjall::Error) -> Error {
    tracing::error!(%error, "the embedded broker could not read; check the disk of the data directory");
    Error::Api(ErrorCode::KafkaStorageError)
}
