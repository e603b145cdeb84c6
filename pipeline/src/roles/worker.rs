//! What media and annotate share: work that takes its time, on the messages of a topic, in a group of its own.
//!
//! Messages of all partitions are worked on together, and what becomes of them is published in their order, on the same
//! partition number. They are committed once that is acknowledged. A crash repeats a suffix, which the lake writer's
//! lineage filter drops again. Messages wait in the log, never in the roles before.

use crate::daemon::Role;
use crate::log::LogError;
use crate::log::client::{self, Connection};
use crate::roles::enrich::Assignments;
use crate::roles::{RoleError, Stop, now};
use futures::future::BoxFuture;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tidelake_schemas::Timestamp;
use tidelake_schemas::codec::CodecError;
use tidelake_schemas::lineage::Lineage;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Settings of a broker are asked for at most so long.
const ASK: Duration = Duration::from_secs(5);
/// Messages taken together, those with nothing to do included.
const INPUTS: usize = 1024;

/// The work of a role.
pub(super) trait Work: Send + Sync + 'static {
    /// What is worked on.
    type Item: Clone + Send + 'static;
    /// What became of an item.
    type Outcome: Send + 'static;
    const ROLE: Role;
    /// The consumer group; its committed offsets say how far the role is.
    const GROUP: &'static str;
    /// The topic whose messages are worked on.
    const TOPIC: &'static str;

    /// Items taken together.
    fn items(&self) -> usize;

    /// What is to be worked on; `None` when a message asks for nothing.
    fn read(&self, payload: &[u8]) -> Result<Option<Self::Item>, CodecError>;

    /// Works on items. Tells outcomes in their order, until one has to wait. Items without an outcome are read again.
    fn run(self: Arc<Self>, items: Vec<Self::Item>, tell: Sender<Ended<Self::Outcome>>) -> Running;

    /// What is published for an input; of an item, with its outcome.
    fn records(&self, input: &Input<Self::Item>, outcome: Option<&Self::Outcome>) -> Result<Vec<Output>, RoleError>;

    /// Notes an outcome whose records are acknowledged.
    fn settled(&self, outcome: Self::Outcome) -> BoxFuture<'_, Result<(), RoleError>>;
}

/// A batch at work.
pub(super) type Running = BoxFuture<'static, Result<(), RoleError>>;

/// How some items ended.
pub(super) enum Ended<O> {
    /// An outcome for each.
    Done(Vec<O>),
    /// Not now: not before this instant, and why.
    Later(Timestamp, String),
}

/// A message as it was read, or what stands in its place.
pub(super) struct Input<I> {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) lineage: Lineage,
    pub(super) content: Content<I>,
}

pub(super) enum Content<I> {
    Item(Box<I>),
    /// Asks for nothing.
    Nothing,
    Fence,
    Poison(Vec<u8>, CodecError),
}

/// A record of an input, on the same partition number.
pub(super) struct Output {
    pub(super) topic: &'static str,
    pub(super) key: Option<String>,
    pub(super) payload: Option<Vec<u8>>,
    pub(super) lineage: Lineage,
}

impl<I> Input<I> {
    pub(super) fn item(&self) -> Option<&I> {
        match &self.content {
            Content::Item(item) => Some(item),
            Content::Nothing | Content::Fence | Content::Poison(..) => None,
        }
    }
}

/// Tells how far the work is.
pub(super) trait Report: Send {
    /// Whether it is time to.
    fn is_due(&self) -> bool;
    /// `waiting` messages are still in the log.
    fn tell(&mut self, waiting: u64);
}

/// Does the work until told to stop.
pub(super) struct Worker<W: Work> {
    work: Arc<W>,
    handle: Handle,
    consumer: BaseConsumer<Assignments>,
    assignments: Assignments,
    producer: FutureProducer,
    reporter: Box<dyn Report>,
}

impl<W: Work> Worker<W> {
    /// Joins the group; where nobody else can be in it, takes all the topic's partitions.
    pub(super) fn start(
        connection: &Connection,
        partitions: i32,
        work: W,
        reporter: Box<dyn Report>,
        handle: Handle,
    ) -> Result<Self, RoleError> {
        let assignments = Assignments::of(W::ROLE);
        let consumer = connection.group_consumer(W::GROUP, assignments.clone())?;
        if connection.is_alone() {
            let mut list = TopicPartitionList::new();
            for partition in 0..partitions {
                list.add_partition_offset(W::TOPIC, partition, Offset::Stored).map_err(LogError::kafka("assign"))?;
            }
            consumer.assign(&list).map_err(LogError::kafka("assign"))?;
        } else {
            consumer.subscribe(&[W::TOPIC]).map_err(LogError::kafka("subscribe"))?;
        }
        let producer = connection.producer()?;
        Ok(Self { work: Arc::new(work), handle, consumer, assignments, producer, reporter })
    }

    pub(super) fn run(mut self, stop: &Stop) -> Result<(), RoleError> {
        while !stop.asked() {
            let batch = self.gather()?;
            if !batch.is_empty() {
                self.work(batch, stop)?;
            }
            self.report();
        }
        Ok(())
    }

    fn read(&self, message: &BorrowedMessage<'_>) -> Input<W::Item> {
        let lineage = client::lineage(message.headers());
        let payload = message.payload().unwrap_or_default();
        let content = match self.work.read(payload) {
            _ if lineage.fence => Content::Fence,
            Ok(item) => item.map_or(Content::Nothing, |item| Content::Item(Box::new(item))),
            Err(error) => Content::Poison(payload.to_vec(), error),
        };
        Input { partition: message.partition(), offset: message.offset(), lineage, content }
    }

    /// What is there, up to a batch; waits a little for the first.
    fn gather(&mut self) -> Result<Vec<Input<W::Item>>, RoleError> {
        let (mut batch, mut items) = (Vec::new(), 0);
        while batch.len() < INPUTS && items < self.work.items() {
            let wait = if batch.is_empty() { 200 } else { 20 };
            let polled = self.consumer.poll(Duration::from_millis(wait));
            let input = match polled {
                Some(Ok(message)) => Some(self.read(&message)),
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    return Err(LogError::kafka("consume")(error).into());
                }
                Some(Err(error)) => {
                    tracing::debug!(role = %W::ROLE, %error, "consumer");
                    None
                }
                None => None,
            };
            if self.assignments.take_lost() {
                self.begin_again()?;
                return Ok(Vec::new());
            }
            match input {
                Some(input) => {
                    items += usize::from(input.item().is_some());
                    batch.push(input);
                }
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
    fn work(&mut self, batch: Vec<Input<W::Item>>, stop: &Stop) -> Result<(), RoleError> {
        let items: Vec<W::Item> = batch.iter().filter_map(Input::item).cloned().collect();
        let (tell, mut told) = channel(self.work.items().max(1));
        let mut left = VecDeque::from(batch);
        if items.is_empty() {
            return self.settle(&mut left, &mut told).map(drop);
        }
        let task = self.handle.spawn(self.work.clone().run(items, tell));
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
        let later = watched?;
        // After a rebalance all begins at the committed offsets anyway.
        if !self.assignments.is_lost() {
            self.go_back(&left)?;
        }
        let Some((until, why)) = later else { return Ok(()) };
        tracing::warn!(role = %W::ROLE, %until, why, "waiting; what is to be done stays in the log");
        self.while_paused(|this| {
            while now() < until && !stop.asked() && !this.turned_away()? {
                this.report();
            }
            Ok(())
        })
    }

    /// Acts while no message is handed out.
    fn while_paused<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, RoleError>) -> Result<T, RoleError> {
        let assigned = self.consumer.assignment().map_err(LogError::kafka("assignment"))?;
        self.consumer.pause(&assigned).map_err(LogError::kafka("pause"))?;
        let outcome = act(self);
        // Of those that were taken away meanwhile there is nothing to resume.
        if let Err(error) = self.consumer.resume(&assigned) {
            tracing::debug!(role = %W::ROLE, %error, "resume");
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

    /// Takes what is told: publishes rows in order, then has outcomes noted, then commits. What is left begins with the
    /// first item whose outcome is not known. Gives the instant before which nothing goes on.
    fn settle(
        &self,
        left: &mut VecDeque<Input<W::Item>>,
        told: &mut Receiver<Ended<W::Outcome>>,
    ) -> Result<Option<(Timestamp, String)>, RoleError> {
        let (mut outcomes, mut later) = (VecDeque::new(), None);
        while let Ok(ended) = told.try_recv() {
            match ended {
                Ended::Done(more) => outcomes.extend(more),
                Ended::Later(until, why) => later = Some((until, why)),
            }
        }
        let (mut reached, mut settled) = (BTreeMap::new(), Vec::new());
        while let Some(input) = left.pop_front() {
            let outcome = match input.item() {
                None => None,
                Some(_) if outcomes.is_empty() => {
                    left.push_front(input);
                    break;
                }
                Some(_) => outcomes.pop_front(),
            };
            for output in self.work.records(&input, outcome.as_ref())? {
                self.send(input.partition, &output)?;
            }
            settled.extend(outcome);
            reached.insert(input.partition, input.offset + 1);
        }
        for outcome in settled {
            self.handle.block_on(self.work.settled(outcome))?;
        }
        self.commit(reached)?;
        Ok(later)
    }

    fn send(&self, partition: i32, output: &Output) -> Result<(), RoleError> {
        let Output { topic, key, payload, lineage } = output;
        let mut record = FutureRecord::<str, [u8]>::to(topic).partition(partition).headers(client::headers(lineage));
        (record.key, record.payload) = (key.as_deref(), payload.as_deref());
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
            list.add_partition_offset(W::TOPIC, partition, offset).map_err(LogError::kafka("commit input"))?;
        }
        // A refused commit (rebalance) only makes the next owner repeat, which is harmless.
        if let Err(error) = self.consumer.commit(&list, CommitMode::Sync) {
            tracing::debug!(role = %W::ROLE, %error, "input offsets not committed");
        }
        Ok(())
    }

    /// Reads again from the first message of each partition that is not done.
    fn go_back(&self, undone: &VecDeque<Input<W::Item>>) -> Result<(), RoleError> {
        let mut firsts = BTreeMap::new();
        for input in undone {
            firsts.entry(input.partition).or_insert(input.offset);
        }
        for (partition, offset) in firsts {
            let sought = self.consumer.seek(W::TOPIC, partition, Offset::Offset(offset), ASK);
            sought.map_err(LogError::kafka("read input again"))?;
        }
        Ok(())
    }

    fn report(&mut self) {
        if self.reporter.is_due() {
            let waiting = self.waiting().unwrap_or(0);
            self.reporter.tell(waiting);
        }
    }

    /// Messages of ours that are in the log.
    fn waiting(&self) -> Option<u64> {
        let at = self.consumer.position().ok()?;
        let left = |partition: i32, next: i64| {
            let (_, high) = self.consumer.fetch_watermarks(W::TOPIC, partition, ASK).ok()?;
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
