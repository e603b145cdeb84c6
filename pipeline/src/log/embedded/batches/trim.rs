//! What leaves the logs: old batches, deleted topics, producers that went away.

use super::{Batches, Result, unreadable, unwritten};
use crate::log::embedded::keys::{BatchKey, PartitionId};
use fjall::{Keyspace, PersistMode};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tansu_sans_io::ErrorCode;
use tansu_storage::Error;
use uuid::Uuid;

/// Removals written at once: appends wait for no more than these.
const CHUNK: usize = 256;
/// Bytes of values that are copied in one write.
const COPIED_AT_ONCE: usize = 4 << 20;
/// How long a producer is known after its last batch.
const PRODUCER_IDLE: Duration = Duration::from_hours(24);

/// How long a topic keeps batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log::embedded) struct Retention {
    /// `retention.ms`: batches with nothing newer go; `None`: never.
    pub milliseconds: Option<i64>,
    /// `retention.bytes`: the oldest batches go while a partition has more; `None`: never.
    pub bytes: Option<u64>,
}

impl Batches {
    /// Removes the oldest batches as retention says; the newest stays in any case. `now` in milliseconds since 1970.
    /// Blocks on reading and writing, but does not keep appends waiting.
    ///
    /// # Errors
    ///
    /// `KafkaStorageError`: the disk failed; what was removed until then stays so.
    pub(in crate::log::embedded) fn retain(&self, id: PartitionId, keep: Retention, now: i64) -> Result<()> {
        let (start, next) = self.watermarks(id);
        let mut excess = match keep.bytes {
            Some(limit) => self.size(id)?.saturating_sub(limit),
            None => 0,
        };
        let oldest_kept = keep.milliseconds.map_or(i64::MIN, |age| now.saturating_sub(age));
        let mut cut = start;
        for stored in self.batches.range(id.at_offset(start)..id.at_offset(next)) {
            let key = stored.key().map_err(unreadable)?;
            let Some(key) = BatchKey::parse(&key) else { continue };
            let goes = key.max_timestamp < oldest_kept || excess > 0;
            if !goes || key.last_offset + 1 >= next {
                break;
            }
            excess = excess.saturating_sub(u64::from(key.size));
            cut = key.last_offset + 1;
        }
        if cut > start { self.advance(id, cut) } else { Ok(()) }
    }

    fn size(&self, id: PartitionId) -> Result<u64> {
        let (start, next) = self.watermarks(id);
        let stored = self.batches.range(id.at_offset(start)..id.at_offset(next));
        let sizes = stored.map(|s| Ok(BatchKey::parse(&s.key()?).map_or(0, |key| u64::from(key.size))));
        sizes.sum::<fjall::Result<u64>>().map_err(unreadable)
    }

    /// Deletes the records before an offset (−1: all) and returns the log's new start. Blocks on writing.
    ///
    /// # Errors
    ///
    /// `OffsetOutOfRange`: there is no such offset yet. `KafkaStorageError`: the disk failed.
    pub(in crate::log::embedded) fn delete_before(&self, id: PartitionId, offset: i64) -> Result<i64> {
        let (_, next) = self.watermarks(id);
        let offset = if offset == -1 { next } else { offset };
        if !(0..=next).contains(&offset) {
            return Err(Error::Api(ErrorCode::OffsetOutOfRange));
        }
        self.advance(id, offset)?;
        Ok(self.watermarks(id).0)
    }

    /// Moves the log's start forward: first what is said of it, then the batches that end before it.
    fn advance(&self, id: PartitionId, to: i64) -> Result<()> {
        let _one = self.trimming.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(log) = self.existing(id) else { return Ok(()) };
        if to <= log.start.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut write = self.db.batch().durability(Some(PersistMode::Buffer));
        write.insert(&self.starts, id.prefix(), to.to_be_bytes());
        write.commit().map_err(unwritten)?;
        log.start.store(to, Ordering::Release);
        self.remove(&self.batches, id.prefix().to_vec()..id.at_offset(to))
    }

    /// Forgets a topic. Blocks on writing.
    ///
    /// # Errors
    ///
    /// `KafkaStorageError`: the disk failed; call again.
    pub(in crate::log::embedded) fn remove_topic(&self, topic: Uuid) -> Result<()> {
        self.logs.write().unwrap_or_else(PoisonError::into_inner).retain(|id, _| id.topic != topic);
        let all = || topic.as_bytes().to_vec()..=[topic.as_bytes().as_slice(), &[u8::MAX; 32]].concat();
        self.remove(&self.batches, all())?;
        self.remove(&self.producers, all())?;
        // Last: by these a topic that was only half removed is found again.
        self.remove(&self.starts, all())
    }

    fn remove(&self, keyspace: &Keyspace, keys: impl std::ops::RangeBounds<Vec<u8>>) -> Result<()> {
        let mut write = self.db.batch().durability(Some(PersistMode::Buffer));
        for stored in keyspace.range(keys) {
            write.remove(keyspace, stored.key().map_err(unreadable)?);
            if write.len() == CHUNK {
                let full = std::mem::replace(&mut write, self.db.batch().durability(Some(PersistMode::Buffer)));
                full.commit().map_err(unwritten)?;
            }
        }
        write.commit().map_err(unwritten)
    }

    /// Copies everything there is to logs that have nothing yet. Blocks.
    ///
    /// # Errors
    ///
    /// The disk failed.
    pub(in crate::log::embedded) fn copy_to(&self, other: &Self) -> fjall::Result<()> {
        let all = [(&self.batches, &other.batches), (&self.producers, &other.producers), (&self.starts, &other.starts)];
        for (from, to) in all {
            let (mut write, mut bytes) = (other.db.batch(), 0);
            for stored in from.iter() {
                let (key, value) = stored.into_inner()?;
                bytes += value.len();
                write.insert(to, key, value);
                if bytes > COPIED_AT_ONCE {
                    std::mem::replace(&mut write, other.db.batch()).commit()?;
                    bytes = 0;
                }
            }
            write.commit()?;
        }
        other.db.persist(PersistMode::SyncAll)
    }

    /// Forgets the producers that have not appended for a day. `now` in milliseconds since 1970. Blocks on writing.
    ///
    /// # Errors
    ///
    /// `KafkaStorageError`: the disk failed.
    pub(in crate::log::embedded) fn forget_idle(&self, now: i64) -> Result<()> {
        let idle = i64::try_from(PRODUCER_IDLE.as_millis()).unwrap_or(i64::MAX);
        let logs: Vec<_> = {
            let logs = self.logs.read().unwrap_or_else(PoisonError::into_inner);
            logs.iter().map(|(id, log)| (*id, log.clone())).collect()
        };
        for (id, log) in logs {
            // Held over the write: an append in between would have its producer's new state removed.
            let mut producers = log.producers();
            let mut write = self.db.batch().durability(Some(PersistMode::Buffer));
            for (producer, _) in producers.iter().filter(|(_, p)| now.saturating_sub(p.seen()) > idle) {
                write.remove(&self.producers, id.producer(*producer));
            }
            write.commit().map_err(unwritten)?;
            producers.retain(|_, p| now.saturating_sub(p.seen()) <= idle);
        }
        Ok(())
    }
}
