//! collect: from sources to topics, each observation once.
//!
//! The collectors of a group share the partitions ("lanes") of the task topic; a task is in the lane of its name's
//! hash, and whoever owns a lane is the only one that may publish to that partition number of every topic. Taking a
//! lane over is [`lane::Lane::take_over`]: claim an epoch, fence the topics, read what the last owner published since
//! its cursor, and only then go on.

mod lane;
mod publish;
mod schedule;

pub(crate) use lane::{Lane, lane_of};
pub(crate) use schedule::{Entry, step};

use crate::log::LogError;
use crate::log::client::Connection;
use crate::roles::{Progress, RoleError, Stop};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::message::Message;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tidelake_connectors::Source;
use tidelake_schemas::topics::TASKS;
use tidelake_schemas::{Task, codec};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const GROUP: &str = "tidelake-collect";

/// Makes the source of a task; fails with what is wrong with the task.
pub(crate) type MakeSource = dyn Fn(&Task) -> Result<Box<dyn Source>, String> + Send + Sync;

/// What collect needs.
#[derive(Clone)]
pub(crate) struct Collect {
    pub connection: Connection,
    /// Partitions of the task topic.
    pub lanes: i32,
    pub sources: Arc<MakeSource>,
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
        let (words, heard) = unbounded_channel();
        let membership = Membership::join(&self.connection, self.lanes, words)?;
        let follow = stop.child();
        let until = follow.clone();
        let thread = tokio::task::spawn_blocking(move || membership.follow(&until));
        let outcome = self.lanes(heard, &stop).await;
        follow.ask();
        thread.await.map_err(|e| RoleError::Panicked(e.to_string()))?;
        outcome
    }

    /// Runs the lanes that are ours.
    async fn lanes(&self, mut heard: UnboundedReceiver<Word>, stop: &Stop) -> Result<(), RoleError> {
        let mut running: HashMap<i32, Running> = HashMap::new();
        let (ended, mut ends) = unbounded_channel();
        loop {
            tokio::select! {
                () = stop.wait() => break,
                Some((lane, outcome)) = ends.recv() => self.lane_ended(lane, outcome, &mut running)?,
                word = heard.recv() => match word {
                    None => break,
                    Some(Word::Revoked) => stop_all(&mut running).await,
                    Some(Word::Assigned(lanes)) => {
                        stop_all(&mut running).await;
                        for lane in lanes {
                            running.insert(lane, self.start_lane(lane, stop, &ended));
                        }
                    }
                    Some(Word::Task { lane, task }) => tell(&running, lane, schedule::Change::Set(task)),
                    Some(Word::Removed { lane, name }) => tell(&running, lane, schedule::Change::Removed(name)),
                },
            }
        }
        stop_all(&mut running).await;
        Ok(())
    }

    fn start_lane(&self, lane: i32, stop: &Stop, ended: &UnboundedSender<(i32, Result<(), RoleError>)>) -> Running {
        let stop = stop.child();
        let (tasks, changes) = unbounded_channel();
        let (collect, until, ended) = (self.clone(), stop.clone(), ended.clone());
        let work = tokio::spawn(async move {
            let outcome = collect.run_lane(lane, changes, until).await;
            _ = ended.send((lane, outcome));
        });
        Running { stop, tasks, work }
    }

    async fn run_lane(
        &self,
        lane: i32,
        changes: UnboundedReceiver<schedule::Change>,
        stop: Stop,
    ) -> Result<(), RoleError> {
        let lane = Lane::take_over(&self.connection, lane, self.progress.clone()).await?;
        schedule::run(lane, &self.sources, changes, &stop).await
    }

    fn lane_ended(
        &self,
        lane: i32,
        outcome: Result<(), RoleError>,
        running: &mut HashMap<i32, Running>,
    ) -> Result<(), RoleError> {
        match outcome {
            // Another collector owns the lane now; the group will say so too.
            Err(error @ RoleError::Fenced(_)) => {
                tracing::warn!(lane, %error, "collect: lane lost");
                running.remove(&lane);
                Ok(())
            }
            other => other,
        }
    }
}

/// A lane at work.
struct Running {
    stop: Stop,
    tasks: UnboundedSender<schedule::Change>,
    work: tokio::task::JoinHandle<()>,
}

fn tell(running: &HashMap<i32, Running>, lane: i32, change: schedule::Change) {
    if let Some(lane) = running.get(&lane) {
        _ = lane.tasks.send(change);
    }
}

async fn stop_all(running: &mut HashMap<i32, Running>) {
    for (_, lane) in running.drain() {
        lane.stop.ask();
        _ = lane.work.await;
    }
}

/// Membership in the collectors' group, on a thread of its own.
struct Membership {
    consumer: BaseConsumer<Assignments>,
    words: UnboundedSender<Word>,
}

struct Assignments {
    words: UnboundedSender<Word>,
}

impl ClientContext for Assignments {}

impl ConsumerContext for Assignments {
    /// Every task of a lane is read again from the beginning by its new owner.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let outcome = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let lanes = list.elements().iter().map(|e| e.partition()).collect();
            _ = self.words.send(Word::Assigned(lanes));
            list.set_all_offsets(Offset::Beginning).and_then(|()| consumer.assign(list))
        } else {
            _ = self.words.send(Word::Revoked);
            consumer.unassign()
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "collect: rebalance");
        }
    }
}

impl Membership {
    fn join(connection: &Connection, lanes: i32, words: UnboundedSender<Word>) -> Result<Self, LogError> {
        let consumer = connection.group_consumer(GROUP, Assignments { words: words.clone() })?;
        if connection.is_alone() {
            let mut list = TopicPartitionList::new();
            for lane in 0..lanes {
                list.add_partition_offset(TASKS, lane, Offset::Beginning).map_err(LogError::kafka("take lanes"))?;
            }
            _ = words.send(Word::Assigned((0..lanes).collect()));
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
                        _ = self.words.send(word);
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
