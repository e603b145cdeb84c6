use super::*;
use proptest::prelude::*;
use std::ops::Range;
use std::sync::Barrier;
use tempfile::TempDir;

const ID: PartitionId = PartitionId { topic: Uuid::from_u128(7), partition: 3 };
const FOR_EVER: Retention = Retention { milliseconds: None, bytes: None };

fn batch(records: i32, timestamp: i64) -> Batch {
    let data = Bytes::from(vec![u8::try_from(records).unwrap(); 100]);
    Batch {
        batch_length: 49 + 100,
        magic: MAGIC,
        last_offset_delta: records - 1,
        record_count: records.unsigned_abs(),
        base_timestamp: timestamp,
        max_timestamp: timestamp,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        record_data: data,
        ..Batch::default()
    }
}

fn of_producer(epoch: i16, sequence: i32, records: i32) -> Batch {
    Batch { producer_id: 9, producer_epoch: epoch, base_sequence: sequence, ..batch(records, 0) }
}

fn open(dir: &TempDir) -> Batches {
    Batches::open(dir.path()).unwrap()
}

/// Base offset and number of records of each batch read.
fn read(batches: &Batches, from: i64, max_bytes: u64) -> Vec<(i64, u32)> {
    let read = batches.read(ID, from, max_bytes, true).unwrap();
    read.iter().map(|b| (b.base_offset, b.record_count)).collect()
}

fn code<T: std::fmt::Debug>(outcome: Result<T>) -> ErrorCode {
    match outcome {
        Err(Error::Api(code)) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn appended_batches_are_read_back_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(&dir);
    assert_eq!(batches.append(ID, batch(3, 0), 0).unwrap(), 0);
    assert_eq!(batches.append(ID, batch(2, 0), 0).unwrap(), 3);
    drop(batches);
    for _ in 0..2 {
        let batches = open(&dir);
        assert_eq!(batches.watermarks(ID), (0, 5));
        assert_eq!(read(&batches, 0, u64::MAX), [(0, 3), (3, 2)]);
        assert_eq!(read(&batches, 2, u64::MAX), [(0, 3), (3, 2)]);
        assert_eq!(read(&batches, 3, u64::MAX), [(3, 2)]);
        assert_eq!(read(&batches, 0, 1), [(0, 3)]);
        assert_eq!(read(&batches, 5, u64::MAX), []);
        assert_eq!(code(batches.read(ID, 6, 1, true)), ErrorCode::OffsetOutOfRange);
        let other = PartitionId { partition: 4, ..ID };
        assert_eq!(batches.read(other, 0, 1, true).unwrap(), []);
    }
}

#[test]
fn producers_are_known_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(&dir);
    assert_eq!(batches.append(ID, of_producer(0, 0, 2), 5).unwrap(), 0);
    assert_eq!(batches.append(ID, of_producer(0, 2, 1), 5).unwrap(), 2);
    drop(batches);
    let batches = open(&dir);
    assert_eq!(batches.append(ID, of_producer(0, 0, 2), 5).unwrap(), 0);
    assert_eq!(code(batches.append(ID, of_producer(0, 4, 1), 5)), ErrorCode::OutOfOrderSequenceNumber);
    assert_eq!(batches.append(ID, of_producer(0, 3, 1), 5).unwrap(), 3);
    assert_eq!(batches.append(ID, of_producer(1, 0, 1), 5).unwrap(), 4);
    assert_eq!(code(batches.append(ID, of_producer(0, 4, 1), 5)), ErrorCode::InvalidProducerEpoch);
    // Idle for more than a day, it may begin anywhere again.
    batches.forget_idle(5 + 24 * 60 * 60 * 1000).unwrap();
    assert_eq!(code(batches.append(ID, of_producer(0, 77, 1), 5)), ErrorCode::InvalidProducerEpoch);
    batches.forget_idle(6 + 24 * 60 * 60 * 1000).unwrap();
    drop(batches);
    assert_eq!(open(&dir).append(ID, of_producer(0, 77, 1), 5).unwrap(), 5);
}

#[test]
fn what_is_no_batch_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(&dir);
    let old = Batch { magic: 1, ..batch(1, 0) };
    assert_eq!(code(batches.append(ID, old, 0)), ErrorCode::UnsupportedForMessageFormat);
    let lying = Batch { record_count: 3, ..batch(2, 0) };
    assert_eq!(code(batches.append(ID, lying, 0)), ErrorCode::InvalidRecord);
    assert_eq!(code(batches.append(ID, of_producer(0, -1, 1), 0)), ErrorCode::InvalidRecord);
    assert_eq!(batches.watermarks(ID), (0, 0));
}

#[test]
fn retention_takes_whole_old_batches_but_never_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(&dir);
    for time in [10, 20, 30] {
        batches.append(ID, batch(2, time), 0).unwrap();
    }
    batches.retain(ID, FOR_EVER, i64::MAX).unwrap();
    assert_eq!(batches.watermarks(ID), (0, 6));
    let old = Retention { milliseconds: Some(5), ..FOR_EVER };
    batches.retain(ID, old, 20).unwrap();
    assert_eq!(batches.watermarks(ID), (2, 6));
    assert_eq!(code(batches.read(ID, 1, 1, true)), ErrorCode::OffsetOutOfRange);
    assert_eq!(batches.at_time(ID, 15).unwrap(), Some((2, 20)));
    assert_eq!(batches.at_time(ID, 31).unwrap(), None);
    batches.retain(ID, old, 1000).unwrap();
    drop(batches);
    let batches = open(&dir);
    assert_eq!(batches.watermarks(ID), (4, 6));
    assert_eq!(read(&batches, 4, u64::MAX), [(4, 2)]);
}

#[test]
fn retention_counts_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(&dir);
    for _ in 0..4 {
        batches.append(ID, batch(1, 0), 0).unwrap();
    }
    let size = u64::try_from(Bytes::from(batch(1, 0)).len()).unwrap();
    batches.retain(ID, Retention { bytes: Some(2 * size), ..FOR_EVER }, 0).unwrap();
    assert_eq!(batches.watermarks(ID), (2, 4));
    batches.retain(ID, Retention { bytes: Some(0), ..FOR_EVER }, 0).unwrap();
    assert_eq!(batches.watermarks(ID), (3, 4));
}

#[test]
fn deleted_records_do_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(&dir);
    for _ in 0..3 {
        batches.append(ID, batch(2, 0), 0).unwrap();
    }
    assert_eq!(batches.delete_before(ID, 3).unwrap(), 3);
    assert_eq!(read(&batches, 3, u64::MAX), [(2, 2), (4, 2)]);
    assert_eq!(code(batches.delete_before(ID, 7)), ErrorCode::OffsetOutOfRange);
    assert_eq!(batches.delete_before(ID, -1).unwrap(), 6);
    drop(batches);
    let batches = open(&dir);
    assert_eq!(batches.watermarks(ID), (6, 6));
    assert_eq!(batches.append(ID, batch(1, 0), 0).unwrap(), 6);
}

#[test]
fn a_removed_topic_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(&dir);
    let other = PartitionId { topic: Uuid::from_u128(8), partition: 3 };
    batches.append(ID, of_producer(0, 0, 1), 0).unwrap();
    batches.append(other, batch(1, 0), 0).unwrap();
    batches.remove_topic(ID.topic).unwrap();
    assert_eq!(batches.watermarks(ID), (0, 0));
    drop(batches);
    let batches = open(&dir);
    assert_eq!(batches.topics(), [other.topic]);
    assert_eq!(batches.append(ID, of_producer(0, 5, 1), 0).unwrap(), 0);
}

#[test]
fn appends_at_once_get_an_offset_each() {
    let dir = tempfile::tempdir().unwrap();
    let batches = open(&dir);
    let barrier = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..50 {
                    batches.append(ID, batch(2, 0), 0).unwrap();
                }
            });
        }
    });
    let expected: Vec<_> = (0..200).map(|i| (2 * i, 2)).collect();
    assert_eq!(read(&batches, 0, u64::MAX), expected);
}

#[test]
fn a_copy_is_the_same_log_without_what_was_deleted() {
    let (dir, copied) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let batches = open(&dir);
    let needle = "somebody.whose-name-is.in-the-log";
    let named =
        Batch { record_data: Bytes::from(format!("{needle}{}", "x".repeat(100 - needle.len()))), ..batch(2, 0) };
    assert_eq!(batches.append(ID, named, 0).unwrap(), 0);
    assert_eq!(batches.append(ID, of_producer(0, 0, 2), 0).unwrap(), 2);
    let empty = PartitionId { partition: 5, ..ID };
    batches.append(empty, batch(1, 0), 0).unwrap();
    batches.delete_before(empty, 1).unwrap();
    batches.delete_before(ID, 2).unwrap();
    batches.sync().unwrap();
    let holds = |dir: &TempDir| {
        let mut files = vec![dir.path().to_owned()];
        let mut found = false;
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                found |= std::fs::read(path).unwrap().windows(needle.len()).any(|bytes| bytes == needle.as_bytes());
            }
        }
        found
    };
    assert!(holds(&dir), "deleted, and still there");
    let copy = open(&copied);
    batches.copy_to(&copy).unwrap();
    drop(copy);
    assert!(!holds(&copied));
    let copy = open(&copied);
    assert_eq!((copy.watermarks(ID), copy.watermarks(empty)), ((2, 4), (1, 1)));
    assert_eq!(read(&copy, 2, u64::MAX), [(2, 2)]);
    assert_eq!(copy.append(ID, of_producer(0, 0, 2), 0).unwrap(), 2, "its producer is known");
}

#[derive(Clone, Debug)]
enum Step {
    Append { records: i32 },
    Repeat { back: usize },
    Fetch { at: f64, max_batches: u64 },
    Trim { at: f64 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..9i32).prop_map(|records| Step::Append { records }),
        2 => (0..5usize).prop_map(|back| Step::Repeat { back }),
        6 => (0.0..1.0f64, 0..6u64).prop_map(|(at, max_batches)| Step::Fetch { at, max_batches }),
        1 => (0.0..1.0f64).prop_map(|at| Step::Trim { at }),
        1 => Just(Step::Restart),
    ]
}

/// What the log should be.
#[derive(Default)]
struct Model {
    start: i64,
    next: i64,
    sequence: i32,
    appended: Vec<(Range<i64>, Batch)>,
}

impl Model {
    fn offset(&self, at: f64) -> i64 {
        self.start + ((self.next - self.start + 1) as f64 * at) as i64
    }

    fn run(&mut self, batches: &Batches, step: &Step) {
        match *step {
            Step::Append { records } => {
                let batch = of_producer(0, self.sequence, records);
                assert_eq!(batches.append(ID, batch.clone(), 0).unwrap(), self.next);
                let end = self.next + i64::from(records);
                self.appended.push((self.next..end, batch));
                (self.next, self.sequence) = (end, self.sequence + records);
            }
            Step::Repeat { back } => {
                if let Some((at, batch)) = self.appended.iter().rev().nth(back) {
                    assert_eq!(batches.append(ID, batch.clone(), 0).unwrap(), at.start);
                }
            }
            Step::Fetch { at, max_batches } => {
                let (from, size) = (self.offset(at), u64::try_from(Bytes::from(batch(1, 0)).len()).unwrap());
                let expected = self.appended.iter().filter(|(range, _)| range.end > from);
                let expected = expected.take(usize::try_from(max_batches.max(1)).unwrap());
                let expected: Vec<_> = expected.map(|(r, b)| (r.start, b.record_count)).collect();
                assert_eq!(read(batches, from, max_batches * size), expected);
            }
            Step::Trim { at } => {
                self.start = self.offset(at);
                assert_eq!(batches.delete_before(ID, self.start).unwrap(), self.start);
            }
            Step::Restart => {}
        }
        assert_eq!(batches.watermarks(ID), (self.start, self.next));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_what_was_appended(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut model, mut batches) = (Model::default(), open(&dir));
        for step in &steps {
            if let Step::Restart = step {
                drop(batches);
                batches = open(&dir);
            }
            model.run(&batches, step);
        }
    }
}
