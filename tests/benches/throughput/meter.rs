//! How far a role is, read from outside: the broker's offsets. And what it cost.

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::fmt;
use std::time::{Duration, Instant};
use tidelake_tests::{Process, Stage};

const ASK: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Without any progress for so long, something is broken.
const PATIENCE: Duration = Duration::from_secs(120);

/// Records done between two instants.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    records: u64,
    took: Duration,
}

impl Progress {
    /// From the first sign of progress until `records` are done.
    pub(crate) fn until(records: u64, done: impl Fn() -> u64) -> Self {
        Self::watch(done, |count, _| count >= records)
    }

    /// From the first sign of progress on, for so long.
    pub(crate) fn during(length: Duration, done: impl Fn() -> u64) -> Self {
        Self::watch(done, |_, since_first| since_first >= length)
    }

    fn watch(done: impl Fn() -> u64, enough: impl Fn(u64, Duration) -> bool) -> Self {
        let begun = done();
        let mut first: Option<(Instant, u64)> = None;
        let (mut last, mut heard) = (begun, Instant::now());
        loop {
            let (count, now) = (done(), Instant::now());
            if count > last {
                (last, heard) = (count, now);
            }
            assert!(heard.elapsed() < PATIENCE, "no progress for {PATIENCE:?} at {count} records");
            match first {
                None if count > begun => first = Some((now, count)),
                Some((since, from)) if enough(count, now - since) => {
                    return Self { records: count - from, took: now - since };
                }
                _ => {}
            }
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// Records per second.
    pub(crate) fn rate(&self) -> f64 {
        self.records as f64 / self.took.as_secs_f64()
    }
}

/// One line of the table.
pub(crate) struct Figure {
    name: &'static str,
    rate: f64,
    peak_mib: f64,
    cores: f64,
}

impl Figure {
    pub(crate) const HEADER: &'static str = "what            records/s   peak MiB   processor s";

    pub(crate) fn of(name: &'static str, progress: &Progress, process: &Process) -> Self {
        let peak_mib = process.peak_memory() as f64 / 1_048_576.0;
        Self { name, rate: progress.rate(), peak_mib, cores: process.processor_time().as_secs_f64() }
    }

    pub(crate) fn bare(rate: f64) -> Self {
        Self { name: "bare consumer", rate, peak_mib: f64::NAN, cores: f64::NAN }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<14}{:>11.0}{:>11.0}{:>14.1}", self.name, self.rate, self.peak_mib, self.cores)
    }
}

/// Asks the broker about one topic.
pub(crate) struct Meter {
    consumer: BaseConsumer,
    topic: &'static str,
    pub(crate) partitions: i32,
}

impl Meter {
    /// With land's settings for consumers; `group` is whose committed offsets are read, it is not joined.
    pub(crate) fn of(stage: &Stage, topic: &'static str, group: &str) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", stage.bootstrap())
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "100")
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "32768")
            .set("fetch.queue.backoff.ms", "10");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let metadata = consumer.fetch_metadata(Some(topic), ASK).expect("metadata");
        let partitions = i32::try_from(metadata.topics()[0].partitions().len()).expect("few partitions");
        Self { consumer, topic, partitions }
    }

    /// Messages in the topic.
    pub(crate) fn written(&self) -> u64 {
        let end = |p| self.consumer.fetch_watermarks(self.topic, p, ASK).map_or(0, |(_, high)| high);
        (0..self.partitions).map(end).sum::<i64>().unsigned_abs()
    }

    /// Messages that the group has committed.
    pub(crate) fn committed(&self) -> u64 {
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition(self.topic, partition);
        }
        let committed = self.consumer.committed_offsets(list, ASK).expect("committed offsets");
        committed.elements().iter().filter_map(|e| e.offset().to_raw()).filter(|o| *o > 0).sum::<i64>().unsigned_abs()
    }

    /// Messages per second of a consumer that only counts.
    pub(crate) fn consume(&self, records: u64) -> f64 {
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition_offset(self.topic, partition, Offset::Beginning).expect("a partition");
        }
        self.consumer.assign(&list).expect("assigned");
        let (mut count, mut begun) = (0, None);
        while count < records {
            if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(200)) {
                begun.get_or_insert_with(Instant::now);
                std::hint::black_box(&message);
                count += 1;
            }
        }
        records as f64 / begun.map_or(f64::NAN, |b| b.elapsed().as_secs_f64())
    }
}
