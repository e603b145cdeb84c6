//! What is remembered of an idempotent producer in one partition, and what that says of its next batch. The rules are
//! Kafka's.

use std::collections::VecDeque;
use tansu_sans_io::ErrorCode;
use tansu_sans_io::record::deflated::Batch;

/// Batches remembered of a producer: as many as a client has on the way at most.
const REMEMBERED: usize = 5;
/// Bytes of one remembered batch when stored.
const STORED: usize = 16;

/// The sequence numbers of one batch. They wrap: 0 follows `i32::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequences {
    epoch: i16,
    first: i32,
    last: i32,
}

impl Sequences {
    /// Of a batch; `None` when its producer is not idempotent.
    ///
    /// # Errors
    ///
    /// `InvalidRecord`: a producer id without epoch or sequence number.
    pub(super) fn of(batch: &Batch) -> Result<Option<Self>, ErrorCode> {
        let (epoch, first) = (batch.producer_epoch, batch.base_sequence);
        match batch.producer_id {
            ..0 => Ok(None),
            _ if epoch < 0 || first < 0 => Err(ErrorCode::InvalidRecord),
            _ => Ok(Some(Self { epoch, first, last: first.wrapping_add(batch.last_offset_delta) & i32::MAX })),
        }
    }

    fn follows(self, last: i32) -> bool {
        self.first == last.wrapping_add(1) & i32::MAX
    }
}

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Append it.
    New,
    /// It is in the log already, from this offset on.
    Repeated(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Appended {
    first: i32,
    last: i32,
    base_offset: i64,
}

/// A producer in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Producer {
    epoch: i16,
    seen: i64,
    appended: VecDeque<Appended>,
}

impl Producer {
    /// When it last appended, milliseconds since 1970.
    pub(super) fn seen(&self) -> i64 {
        self.seen
    }

    /// What is to be done with a batch of a producer, known here or not. One that is not may begin with any sequence
    /// number: what was known of it may have expired.
    ///
    /// # Errors
    ///
    /// `InvalidProducerEpoch`: a newer instance of the producer has written. `OutOfOrderSequenceNumber`: batches are
    /// missing before this one.
    pub(super) fn judge(known: Option<&Self>, batch: Sequences) -> Result<Verdict, ErrorCode> {
        let Some(known) = known else { return Ok(Verdict::New) };
        if batch.epoch < known.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if batch.epoch > known.epoch {
            return if batch.first == 0 { Ok(Verdict::New) } else { Err(ErrorCode::OutOfOrderSequenceNumber) };
        }
        let repeated = known.appended.iter().find(|a| (a.first, a.last) == (batch.first, batch.last));
        match (repeated, known.appended.back()) {
            (Some(appended), _) => Ok(Verdict::Repeated(appended.base_offset)),
            (None, Some(newest)) if !batch.follows(newest.last) => Err(ErrorCode::OutOfOrderSequenceNumber),
            (None, _) => Ok(Verdict::New),
        }
    }

    /// The producer after a new batch was appended at an offset.
    pub(super) fn after(known: Option<&Self>, batch: Sequences, base_offset: i64, now: i64) -> Self {
        let same_epoch = known.filter(|k| k.epoch == batch.epoch);
        let mut appended = same_epoch.map(|k| k.appended.clone()).unwrap_or_default();
        appended.truncate(REMEMBERED);
        if appended.len() == REMEMBERED {
            appended.pop_front();
        }
        appended.push_back(Appended { first: batch.first, last: batch.last, base_offset });
        Self { epoch: batch.epoch, seen: now, appended }
    }

    /// As it is stored.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(10 + STORED * self.appended.len());
        bytes.extend(self.epoch.to_be_bytes());
        bytes.extend(self.seen.to_be_bytes());
        for batch in &self.appended {
            bytes.extend(batch.first.to_be_bytes());
            bytes.extend(batch.last.to_be_bytes());
            bytes.extend(batch.base_offset.to_be_bytes());
        }
        bytes
    }

    /// As it was stored; `None` when the bytes are not a producer's.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (epoch, bytes) = bytes.split_first_chunk()?;
        let (seen, bytes) = bytes.split_first_chunk()?;
        let (batches, rest) = bytes.as_chunks::<STORED>();
        let appended = batches.iter().map(|batch| {
            let (first, batch) = batch.split_first_chunk()?;
            let (last, batch) = batch.split_first_chunk()?;
            Some(Appended {
                first: i32::from_be_bytes(*first),
                last: i32::from_be_bytes(*last),
                base_offset: i64::from_be_bytes(*batch.first_chunk()?),
            })
        });
        let appended = appended.collect::<Option<_>>()?;
        let (epoch, seen) = (i16::from_be_bytes(*epoch), i64::from_be_bytes(*seen));
        rest.is_empty().then_some(Self { epoch, seen, appended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(epoch: i16, first: i32, records: i32) -> Sequences {
        let batch = Batch {
            producer_id: 7,
            producer_epoch: epoch,
            base_sequence: first,
            last_offset_delta: records - 1,
            ..Batch::default()
        };
        Sequences::of(&batch).unwrap().unwrap()
    }

    fn known(batches: &[(Sequences, i64)]) -> Producer {
        let mut producer = None;
        for (batch, base_offset) in batches {
            producer = Some(Producer::after(producer.as_ref(), *batch, *base_offset, 1));
        }
        producer.unwrap()
    }

    #[test]
    fn an_unknown_producer_begins_anywhere() {
        assert_eq!(Producer::judge(None, batch(3, 42, 2)), Ok(Verdict::New));
    }

    #[test]
    fn a_gap_is_refused_and_a_repeat_answers_with_its_offset() {
        let producer = known(&[(batch(0, 0, 2), 10), (batch(0, 2, 3), 12)]);
        assert_eq!(Producer::judge(Some(&producer), batch(0, 5, 1)), Ok(Verdict::New));
        assert_eq!(Producer::judge(Some(&producer), batch(0, 0, 2)), Ok(Verdict::Repeated(10)));
        assert_eq!(Producer::judge(Some(&producer), batch(0, 6, 1)), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(Producer::judge(Some(&producer), batch(0, 0, 1)), Err(ErrorCode::OutOfOrderSequenceNumber));
    }

    #[test]
    fn five_batches_are_remembered() {
        let batches: Vec<_> = (0..6).map(|i| (batch(0, i, 1), i64::from(i))).collect();
        let producer = known(&batches);
        assert_eq!(Producer::judge(Some(&producer), batch(0, 1, 1)), Ok(Verdict::Repeated(1)));
        assert_eq!(Producer::judge(Some(&producer), batch(0, 0, 1)), Err(ErrorCode::OutOfOrderSequenceNumber));
    }

    #[test]
    fn epochs_fence() {
        let producer = known(&[(batch(1, 0, 1), 0)]);
        assert_eq!(Producer::judge(Some(&producer), batch(0, 1, 1)), Err(ErrorCode::InvalidProducerEpoch));
        assert_eq!(Producer::judge(Some(&producer), batch(2, 1, 1)), Err(ErrorCode::OutOfOrderSequenceNumber));
        assert_eq!(Producer::judge(Some(&producer), batch(2, 0, 1)), Ok(Verdict::New));
    }

    #[test]
    fn sequences_wrap() {
        let producer = known(&[(batch(0, i32::MAX - 1, 2), 0)]);
        assert_eq!(Producer::judge(Some(&producer), batch(0, 0, 4)), Ok(Verdict::New));
        let producer = known(&[(batch(0, i32::MAX - 1, 4), 0)]);
        assert_eq!(Producer::judge(Some(&producer), batch(0, 2, 1)), Ok(Verdict::New));
    }

    #[test]
    fn stored_and_read_back() {
        let producer = known(&[(batch(3, 0, 2), 10), (batch(3, 2, 3), 12)]);
        assert_eq!(Producer::decode(&producer.encode()), Some(producer.clone()));
        assert_eq!(Producer::decode(&producer.encode()[1..]), None);
    }
}
