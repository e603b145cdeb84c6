//! collect: from sources to topics, each observation once.
//!
//! The collectors of a group share the partitions ("lanes") of the task topic; a task is in the lane of its name's
//! hash, and whoever owns a lane is the only one that may publish to that partition number of every topic. Taking a
//! lane over is [`lane::Lane::take_over`]: claim an epoch, fence the topics, read what the last owner published since
//! its cursor, and only then go on.

mod cycles;
mod incidents;
mod lane;
mod page;
mod plant;
mod publish;
mod route;
mod schedule;
mod sentinel;
mod suppressed;

pub(crate) use lane::{Lane, cursors, lane_of, tails};
pub(crate) use plant::{Plant, plant};
pub(crate) use publish::cursor_key;
pub(crate) use route::Routes;
use schedule::Changes;
pub(crate) use schedule::{Entry, begin_again, route_of, step};
pub(crate) use sentinel::Sentinel;
pub(crate) use suppressed::{Cut, cut, without_names};

use crate::log::LogError;
use crate::log::client::Connection;
use crate::log::suppressions::Suppressed;
use crate::roles::media::Plan;
use crate::roles::{Progress, RoleError, Stop};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::message::Message;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tidelake_schemas::topics::TASKS;
use tidelake_schemas::{Task, codec};
use tokio::sync::mpsc::{Receiver, Sender, channel};

const GROUP: &str = "tidelake-collect";
/// The pause before a lane is claimed again: two processes that both believe it theirs must not chase each other.
const RECLAIM_AFTER: Duration = Duration::from_secs(1);
/// Words from the group's thread that may wait to be heard; the thread waits beyond that.
const WORDS: usize = 1024;

/// Makes the sources of a task, in order of preference; fails with what is wrong with the task.
pub(crate) type MakeSource = dyn Fn(&Task) -> Result<Routes, String> + Send + Sync;

/// What collect needs.
#[derive(Clone)]
pub(crate) struct Collect {
    pub connection: Connection,
    /// Partitions of the task topic.
    pub lanes: i32,
    pub sources: Arc<MakeSource>,
    /// What is ordered of pictures and films; `None` where none are kept.
    pub media: Option<Arc<Plan>>,
    /// Of whom nothing is published.
    pub suppressed: Suppressed,
    pub progress: Progress,
}

/// What the group's thread tells the lanes.
enum Word {
    Assigned(Vec<i32>),
    Revoked,
    Task { lane: i32, task: Box<Task> },
    Removed { lane: i32, name: String },
}

impl Collect {
    /// Collects until told to stop.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), RoleError> {
        self.suppressed.ready().await?;
        let connection = self.connection.clone();
        let loaded = tokio::task::spawn_blocking(move || Sentinel::load(&connection)).await;
        let sentinel = Arc::new(loaded.map_err(|e| RoleError::Panicked(e.to_string()))??);
        let (words, heard) = channel(WORDS);
        let membership = Membership::join(&self.connection, self.lanes, words)?;
        let follow = stop.child();
        let until = follow.clone();
        let thread = tokio::task::spawn_blocking(move || membership.follow(&until));
        let outcome = self.lanes(heard, sentinel, &stop).await;
        follow.ask();
        thread.await.map_err(|e| RoleError::Panicked(e.to_string()))?;
        outcome
    }

    /// Runs the lanes that are ours.
    async fn lanes(&self, mut heard: Receiver<Word>, sentinel: Arc<Sentinel>, stop: &Stop) -> Result<(), RoleError> {
        let (ended, mut ends) = channel(usize::try_from(self.lanes).unwrap_or(1).max(1));
        let (collect, stop_all, running) = (self.clone(), stop.clone(), HashMap::new());
        let mut lanes = Lanes { collect, sentinel, stop: stop_all, ended, running, started: 0 };
        loop {
            tokio::select! {
                () = stop.wait() => break,
                Some(end) = ends.recv() => lanes.ended(end).await?,
                word = heard.recv() => match word {
                    None => break,
                    Some(Word::Revoked) => lanes.stop_all().await,
                    Some(Word::Assigned(assigned)) => {
                        lanes.stop_all().await;
                        assigned.into_iter().for_each(|lane| lanes.start(lane, BTreeMap::new()));
                    }
                    Some(Word::Task { lane, task }) => lanes.set(lane, task),
                    Some(Word::Removed { lane, name }) => lanes.remove(lane, name),
                },
            }
        }
        lanes.stop_all().await;
        Ok(())
    }

    async fn run_lane(
        &self,
        lane: i32,
        changes: Arc<Changes>,
        sentinel: Arc<Sentinel>,
        stop: Stop,
    ) -> Result<(), RoleError> {
        // Claiming would only take the lane from whoever it is given to next.
        if stop.asked() {
            return Ok(());
        }
        let mut lane = Lane::take_over(&self.connection, lane, self.progress.clone(), sentinel).await?;
        lane.media.clone_from(&self.media);
        lane.suppressed = Some(self.suppressed.clone());
        schedule::run(lane, &self.sources, &changes, &stop).await
    }
}

/// How a lane's work ended: the lane, which start of it, and why.
type End = (i32, u64, Result<(), RoleError>);

/// The lanes that the group has given us.
struct Lanes {
    collect: Collect,
    sentinel: Arc<Sentinel>,
    stop: Stop,
    ended: Sender<End>,
    running: HashMap<i32, Running>,
    started: u64,
}

/// A lane at work.
struct Running {
    start: u64,
    stop: Stop,
    tasks: BTreeMap<String, Box<Task>>,
    changes: Arc<Changes>,
    work: tokio::task::JoinHandle<()>,
}

impl Lanes {
    fn start(&mut self, lane: i32, tasks: BTreeMap<String, Box<Task>>) {
        self.started += 1;
        let (start, stop) = (self.started, self.stop.child());
        let changes = Arc::<Changes>::default();
        tasks.values().for_each(|task| changes.set(task.clone()));
        let heard = changes.clone();
        let (collect, until, ended) = (self.collect.clone(), stop.clone(), self.ended.clone());
        let sentinel = self.sentinel.clone();
        let work = tokio::spawn(async move {
            let outcome = collect.run_lane(lane, heard, sentinel, until).await;
            _ = ended.send((lane, start, outcome)).await;
        });
        self.running.insert(lane, Running { start, stop, tasks, changes, work });
    }

    fn set(&mut self, lane: i32, task: Box<Task>) {
        if let Some(running) = self.running.get_mut(&lane) {
            running.tasks.insert(task.task.clone(), task.clone());
            running.changes.set(task);
        }
    }

    fn remove(&mut self, lane: i32, name: String) {
        if let Some(running) = self.running.get_mut(&lane) {
            running.tasks.remove(&name);
            running.changes.remove(name);
        }
    }

    /// A lane that was claimed by another although the group gives it to us was claimed by one that had already lost it:
    /// claim it again, or nobody works on it.
    async fn ended(&mut self, (lane, start, outcome): End) -> Result<(), RoleError> {
        let Err(error @ RoleError::Fenced(_)) = outcome else { return outcome };
        if self.running.get(&lane).is_none_or(|r| r.start != start) {
            return Ok(());
        }
        tracing::warn!(lane, %error, "collect: claiming the lane again");
        tokio::select! {
            () = self.stop.wait() => return Ok(()),
            () = tokio::time::sleep(RECLAIM_AFTER) => {}
        }
        if let Some(running) = self.running.remove(&lane) {
            self.start(lane, running.tasks);
        }
        Ok(())
    }

    async fn stop_all(&mut self) {
        for (_, lane) in self.running.drain() {
            lane.stop.ask();
            _ = lane.work.await;
        }
    }
}

/// Membership in the collectors' group, on a thread of its own.
struct Membership {
    consumer: BaseConsumer<Assignments>,
    words: Sender<Word>,
}

struct Assignments {
    words: Sender<Word>,
}

impl ClientContext for Assignments {}

impl ConsumerContext for Assignments {
    /// Every task of a lane is read again from the beginning by its new owner.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let outcome = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let lanes = list.elements().iter().map(|e| e.partition()).collect();
            _ = self.words.blocking_send(Word::Assigned(lanes));
            list.set_all_offsets(Offset::Beginning).and_then(|()| consumer.assign(list))
        } else {
            _ = self.words.blocking_send(Word::Revoked);
            consumer.unassign()
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "collect: rebalance");
        }
    }
}

impl Membership {
    fn join(connection: &Connection, lanes: i32, words: Sender<Word>) -> Result<Self, LogError> {
        let consumer = connection.group_consumer(GROUP, Assignments { words: words.clone() })?;
        if connection.is_alone() {
            let mut list = TopicPartitionList::new();
            for lane in 0..lanes {
                list.add_partition_offset(TASKS, lane, Offset::Beginning).map_err(LogError::kafka("take lanes"))?;
            }
            // The first word of all: there is room.
            _ = words.try_send(Word::Assigned((0..lanes).collect()));
            consumer.assign(&list).map_err(LogError::kafka("take lanes"))?;
        } else {
            consumer.subscribe(&[TASKS]).map_err(LogError::kafka("subscribe to tasks"))?;
        }
        Ok(Self { consumer, words })
    }

    fn follow(&self, stop: &Stop) {
        while !stop.asked() {
            let Some(polled) = self.consumer.poll(Duration::from_millis(100)) else { continue };
            match polled {
                Ok(message) => {
                    if let Some(word) = word_of(&message) {
                        _ = self.words.blocking_send(word);
                    }
                }
                Err(error) => tracing::debug!(%error, "collect: consumer"),
            }
        }
    }
}

fn word_of(message: &rdkafka::message::BorrowedMessage<'_>) -> Option<Word> {
    let lane = message.partition();
    let Some(payload) = message.payload().filter(|p| !p.is_empty()) else {
        let name = String::from_utf8_lossy(message.key()?).into_owned();
        return Some(Word::Removed { lane, name });
    };
    match codec::decode::<Task>(payload) {
        Ok(task) => Some(Word::Task { lane, task: Box::new(task) }),
        Err(error) => {
            tracing::error!(lane, offset = message.offset(), %error, "a task could not be read and is passed over");
            None
        }
    }
}
