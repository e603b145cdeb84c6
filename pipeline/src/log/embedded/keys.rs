//! How partitions and batches are named in the store: big endian, so that the order of bytes is the order of offsets.

use uuid::Uuid;

/// A partition of a topic as it was created: one created again under the same name has another id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PartitionId {
    /// The topic's id.
    pub topic: Uuid,
    /// Partition number.
    pub partition: i32,
}

/// Bytes of a partition's name.
pub(super) const PARTITION: usize = 20;

impl PartitionId {
    /// What every key of this partition begins with.
    pub(super) fn prefix(self) -> [u8; PARTITION] {
        let mut bytes = [0; PARTITION];
        bytes[..16].copy_from_slice(self.topic.as_bytes());
        bytes[16..].copy_from_slice(&self.partition.to_be_bytes());
        bytes
    }

    /// Before every batch that ends at this offset or after it, and after every other.
    pub(super) fn at_offset(self, offset: i64) -> Vec<u8> {
        [self.prefix().as_slice(), &offset.to_be_bytes()].concat()
    }

    /// The key of a producer's state.
    pub(super) fn producer(self, id: i64) -> Vec<u8> {
        self.at_offset(id)
    }

    /// The partition a key begins with, and the rest of the key.
    pub(super) fn parse(key: &[u8]) -> Option<(Self, &[u8])> {
        let (topic, key) = key.split_first_chunk()?;
        let (partition, rest) = key.split_first_chunk()?;
        Some((Self { topic: Uuid::from_bytes(*topic), partition: i32::from_be_bytes(*partition) }, rest))
    }
}

/// The key of a batch. It carries what retention and limits ask of a batch, so that they need not read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchKey {
    /// Offset of its last record.
    pub last_offset: i64,
    /// The newest time of its records, milliseconds since 1970.
    pub max_timestamp: i64,
    /// Bytes.
    pub size: u32,
}

impl BatchKey {
    /// In a partition.
    pub(super) fn encode(self, partition: PartitionId) -> Vec<u8> {
        let mut key = partition.at_offset(self.last_offset);
        key.extend(self.max_timestamp.to_be_bytes());
        key.extend(self.size.to_be_bytes());
        key
    }

    /// From a key; `None` when it is no batch's.
    pub(super) fn parse(key: &[u8]) -> Option<Self> {
        let (_, rest) = PartitionId::parse(key)?;
        let (last_offset, rest) = rest.split_first_chunk()?;
        let (max_timestamp, rest) = rest.split_first_chunk()?;
        Some(Self {
            last_offset: i64::from_be_bytes(*last_offset),
            max_timestamp: i64::from_be_bytes(*max_timestamp),
            size: u32::from_be_bytes(rest.try_into().ok()?),
        })
    }
}
