//! media: from orders to files in object storage, and a row for what became of each.
//!
//! Built as enrich is: one order gives at most one row, in order, on the same partition number, carrying its lineage;
//! orders are committed once their rows are acknowledged. A crash repeats a suffix, which the lake writer's lineage filter
//! drops again; files are named by their content, so that storing them again changes nothing. What an earlier cycle has
//! settled is known by a note in the store, which is written after the row: it gives no row, and nothing is fetched.
//!
//! Orders wait in the log, never in a lane of collect. A full disk ends this role alone; they go on waiting.

mod fetch;
mod input;
mod job;
mod plan;
mod progress;
#[cfg(test)]
mod tests;

pub(crate) use fetch::Fetchers;
pub(crate) use plan::Plan;

use crate::config::MediaConfig;
use crate::daemon::Role;
use crate::log::LogError;
use crate::log::client::{self, Connection};
use crate::roles::enrich::Assignments;
use crate::roles::{RoleError, Stop, now};
use futures::{StreamExt, TryStreamExt, stream};
use input::{Content, Input, input, letter};
use job::{Ended, Outcome, Workshop};
use progress::{Reporter, Tally};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tidelake_schemas::codec;
use tidelake_schemas::lineage::{Lineage, SourcePosition};
use tidelake_schemas::topics::{DEAD_LETTERS, MEDIA, MEDIA_ORDERS};
use tidelake_schemas::{MediaOrder, Timestamp};
use tidelake_sinks::media::MediaStore;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The consumer group; its committed offsets say how far media is.
const GROUP: &str = "tidelake-media";
/// Orders taken together.
const BATCH: usize = 48;
/// Settings of a broker are asked for at most so long.
const ASK: Duration = Duration::from_secs(5);

/// What media needs.
#[derive(Clone)]
pub(crate) struct Media {
    pub connection: Connection,
    /// Partitions of the topic of orders.
    pub partitions: i32,
    pub config: MediaConfig,
    pub fetchers: Arc<dyn Fn() -> Fetchers + Send + Sync>,
    pub store: MediaStore,
}

impl Media {
    /// Fetches and stores until told to stop.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), RoleError> {
        let handle = Handle::current();
        let thread = tokio::task::spawn_blocking(move || Loop::start(self, handle)?.run(&stop));
        thread.await.map_err(|e| RoleError::Panicked(e.to_string()))?
    }
}

struct Loop {
    workshop: Arc<Workshop>,
    parallel: usize,
    handle: Handle,
    consumer: BaseConsumer<Assignments>,
    assignments: Assignments,
    producer: FutureProducer,
    reporter: Reporter,
}

impl Loop {
    fn start(media: Media, handle: Handle) -> Result<Self, RoleError> {
        let assignments = Assignments::of(Role::Media);
        let consumer = media.connection.group_consumer(GROUP, assignments.clone())?;
        if media.connection.is_alone() {
            let mut list = TopicPartitionList::new();
            for partition in 0..media.partitions {
                list.add_partition_offset(MEDIA_ORDERS, partition, Offset::Stored)
                    .map_err(LogError::kafka("assign"))?;
            }
            consumer.assign(&list).map_err(LogError::kafka("assign"))?;
        } else {
            consumer.subscribe(&[MEDIA_ORDERS]).map_err(LogError::kafka("subscribe"))?;
        }
        let (tally, fetchers, producer) = (Tally::default(), (media.fetchers)(), media.connection.producer()?);
        let parallel = media.config.parallel;
        let workshop = Workshop { config: media.config, fetchers, store: media.store, tally: tally.clone() };
        let (workshop, reporter) = (Arc::new(workshop), Reporter::new(tally));
        Ok(Self { workshop, parallel, handle, consumer, assignments, producer, reporter })
    }

    fn run(mut self, stop: &Stop) -> Result<(), RoleError> {
        while !stop.asked() {
            let batch = self.gather()?;
            if !batch.is_empty() {
                self.work(batch, stop)?;
            }
            self.report();
        }
        Ok(())
    }

    /// What is there, up to a batch; waits a little for the first.
    fn gather(&mut self) -> Result<Vec<Input>, RoleError> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let wait = if batch.is_empty() { 200 } else { 20 };
            let polled = self.consumer.poll(Duration::from_millis(wait));
            let input = match polled {
                Some(Ok(message)) => Some(input(&message)),
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    return Err(LogError::kafka("consume")(error).into());
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "media: consumer");
                    None
                }
                None => None,
            };
            if self.assignments.take_lost() {
                self.begin_again()?;
                return Ok(Vec::new());
            }
            match input {
                Some(input) => batch.push(input),
                None => break,
            }
        }
        Ok(batch)
    }

    /// After a rebalance: from the committed offsets of what is ours now. What has been polled of it already is read again.
    fn begin_again(&self) -> Result<(), RoleError> {
        let mut list = self.consumer.assignment().map_err(LogError::kafka("assignment"))?;
        list.set_all_offsets(Offset::Stored).map_err(LogError::kafka("begin at committed offsets"))?;
        self.consumer.assign(&list).map_err(LogError::kafka("assign"))?;
        Ok(())
    }

    /// Does a batch beside this thread, which goes on polling: a member that does not is taken for dead.
    fn work(&mut self, batch: Vec<Input>, stop: &Stop) -> Result<(), RoleError> {
        let orders: Vec<MediaOrder> = batch.iter().filter_map(Input::order).cloned().collect();
        let (tell, mut told) = channel(BATCH);
        let task = self.handle.spawn(run_batch(self.workshop.clone(), orders, self.parallel, tell));
        let mut left = VecDeque::from(batch);
        let watched = self.while_paused(|this| {
            loop {
                let leaves = this.turned_away()? || stop.asked();
                let over = task.is_finished();
                let later = this.settle(&mut left, &mut told)?;
                if later.is_some() || over || leaves {
                    return Ok(later);
                }
                this.report();
            }
        });
        // What is not settled is not committed: it is done again.
        task.abort();
        match self.handle.block_on(task) {
            Ok(outcome) => outcome?,
            Err(error) if error.is_cancelled() => {}
            Err(error) => return Err(RoleError::Panicked(error.to_string())),
        }
        let Some((until, why)) = watched? else { return Ok(()) };
        tracing::warn!(%until, why, "media: waiting; orders stay in the log");
        self.go_back(&left)?;
        self.while_paused(|this| {
            while now() < until && !stop.asked() && !this.turned_away()? {
                this.report();
            }
            Ok(())
        })
    }

    /// Acts while no order is handed out.
    fn while_paused<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, RoleError>) -> Result<T, RoleError> {
        let assigned = self.consumer.assignment().map_err(LogError::kafka("assignment"))?;
        self.consumer.pause(&assigned).map_err(LogError::kafka("pause"))?;
        let outcome = act(self);
        // Of those that were taken away meanwhile there is nothing to resume.
        if let Err(error) = self.consumer.resume(&assigned) {
            tracing::debug!(%error, "media: resume");
        }
        outcome
    }

    /// Polls while paused; whether partitions were taken away.
    fn turned_away(&mut self) -> Result<bool, RoleError> {
        match self.consumer.poll(Duration::from_millis(100)) {
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => Err(LogError::kafka("consume")(error).into()),
            _ => Ok(self.assignments.is_lost()),
        }
    }

    /// Takes what is told: publishes rows in order, then notes what needs no asking again, then commits. What is left begins
    /// with the first order whose outcome is not known. Gives the instant before which nothing goes on.
    fn settle(
        &self,
        left: &mut VecDeque<Input>,
        told: &mut Receiver<Ended>,
    ) -> Result<Option<(Timestamp, String)>, RoleError> {
        let (mut outcomes, mut later) = (VecDeque::new(), None);
        while let Ok(ended) = told.try_recv() {
            match ended {
                Ended::Done(more) => outcomes.extend(more),
                Ended::Later(until, why) => later = Some((until, why)),
            }
        }
        let (mut reached, mut notes) = (BTreeMap::new(), Vec::new());
        while let Some(input) = left.pop_front() {
            let outcome = match input.order() {
                None => None,
                Some(_) if outcomes.is_empty() => {
                    left.push_front(input);
                    break;
                }
                Some(_) => outcomes.pop_front(),
            };
            self.publish(&input, outcome.as_ref())?;
            notes.extend(outcome.and_then(|outcome| outcome.note));
            reached.insert(input.partition, input.offset + 1);
        }
        for (name, note) in notes {
            self.handle.block_on(self.workshop.store.remember(&name, &note))?;
        }
        self.commit(reached)?;
        Ok(later)
    }

    fn publish(&self, input: &Input, outcome: Option<&Outcome>) -> Result<(), RoleError> {
        match &input.content {
            Content::Fence => {
                self.send(MEDIA, input, None, None)?;
                // Letters of what was published before and after it must be told apart too.
                self.send(DEAD_LETTERS, input, None, None)
            }
            Content::Poison(payload, error) => {
                let letter = letter(input, payload, error);
                self.send(DEAD_LETTERS, input, Some(&letter.event_id), Some(&codec::encode(&letter)?))
            }
            Content::Order(_) => match outcome.and_then(|outcome| outcome.entry.as_ref()) {
                Some(entry) => self.send(MEDIA, input, Some(&entry.event_id), Some(&codec::encode(entry)?)),
                None => Ok(()),
            },
        }
    }

    fn send(&self, topic: &str, input: &Input, key: Option<&str>, payload: Option<&[u8]>) -> Result<(), RoleError> {
        let Input { partition, offset, .. } = *input;
        let source = Some(SourcePosition { topic: MEDIA_ORDERS.into(), partition, offset });
        let lineage = Lineage { source, ..input.lineage.clone() };
        let mut record = FutureRecord::<str, [u8]>::to(topic).partition(partition).headers(client::headers(&lineage));
        (record.key, record.payload) = (key, payload);
        let sent = self.handle.block_on(self.producer.send(record, Timeout::Never));
        sent.map(drop).map_err(|(error, _)| LogError::kafka(format!("publish to {topic}"))(error).into())
    }

    fn commit(&self, reached: BTreeMap<i32, i64>) -> Result<(), RoleError> {
        if reached.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for (partition, next) in reached {
            let offset = Offset::Offset(next);
            list.add_partition_offset(MEDIA_ORDERS, partition, offset).map_err(LogError::kafka("commit orders"))?;
        }
        // A refused commit (rebalance) only makes the next owner repeat, which is harmless.
        if let Err(error) = self.consumer.commit(&list, CommitMode::Sync) {
            tracing::debug!(%error, "media: orders not committed");
        }
        Ok(())
    }

    /// Reads again from the first order of each partition that is not done.
    fn go_back(&self, undone: &VecDeque<Input>) -> Result<(), RoleError> {
        let mut firsts = BTreeMap::new();
        for input in undone {
            firsts.entry(input.partition).or_insert(input.offset);
        }
        for (partition, offset) in firsts {
            let sought = self.consumer.seek(MEDIA_ORDERS, partition, Offset::Offset(offset), ASK);
            sought.map_err(LogError::kafka("read orders again"))?;
        }
        Ok(())
    }

    fn report(&mut self) {
        if self.reporter.is_due() {
            let waiting = self.waiting().unwrap_or(0);
            self.reporter.tell(waiting);
        }
    }

    /// Orders of ours that are in the log.
    fn waiting(&self) -> Option<u64> {
        let at = self.consumer.position().ok()?;
        let left = |partition: i32, next: i64| {
            let (_, high) = self.consumer.fetch_watermarks(MEDIA_ORDERS, partition, ASK).ok()?;
            u64::try_from(high - next).ok()
        };
        let places = at
            .elements()
            .into_iter()
            .filter_map(|e| Some((e.partition(), e.offset().to_raw().filter(|o| *o >= 0)?)))
            .collect::<Vec<_>>();
        Some(places.into_iter().filter_map(|(partition, next)| left(partition, next)).sum())
    }
}

/// Orders of the same file go together; so many files at the same time. Tells outcomes in order, until one has to wait.
async fn run_batch(
    workshop: Arc<Workshop>,
    orders: Vec<MediaOrder>,
    parallel: usize,
    tell: Sender<Ended>,
) -> Result<(), RoleError> {
    let groups: Vec<Vec<MediaOrder>> = orders.chunk_by(MediaOrder::is_of_same_file).map(<[_]>::to_vec).collect();
    let run = |group: Vec<MediaOrder>| {
        let workshop = workshop.clone();
        async move { workshop.run(&group).await }
    };
    let mut ended = stream::iter(groups).map(run).buffered(parallel.max(1));
    while let Some(end) = ended.try_next().await? {
        let waits = matches!(end, Ended::Later(..));
        // Nobody hears when the batch is given up.
        if tell.send(end).await.is_err() || waits {
            break;
        }
    }
    Ok(())
}
