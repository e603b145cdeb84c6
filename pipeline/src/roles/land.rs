//! land: from topics to tables, each record once.
//!
//! One thread polls, filters and decodes; another encodes the batch before into Parquet files, which wait until a commit
//! carries files and positions together. Where a partition is read from is what the table says, never Kafka's committed offset.
//! The filter ([`Track`]) needs no memory of records: per partition and lane, the highest lineage and the highest epoch.

mod filter;
mod table;

pub(crate) use filter::app_ids;

use crate::log::LogError;
use crate::log::client::Connection;
use crate::log::suppressions::Suppressed;
use crate::roles::{Progress, RoleError, Stop};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use table::LandedTable;
use tidelake_schemas::topics;
use tidelake_sinks::lake::{Lake, WriterOptions};
use tokio::runtime::Handle;

/// The consumer group. Its committed offsets are for lag tools only.
const GROUP: &str = "tidelake-land";

/// When buffered rows are committed.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    /// At this many rows.
    pub rows: usize,
    /// At this many bytes of Parquet.
    pub bytes: usize,
    /// When the oldest buffered message has waited this long.
    pub age: Duration,
}

/// What land needs.
#[derive(Clone)]
pub(crate) struct Land {
    pub connection: Connection,
    /// Partitions of every landed topic.
    pub partitions: i32,
    pub lake: Lake,
    pub rotation: Rotation,
    pub files: WriterOptions,
    /// Whose records do not land.
    pub suppressed: Suppressed,
    pub progress: Progress,
}

impl Land {
    /// Lands until told to stop; what is buffered then is committed.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), RoleError> {
        let handle = Handle::current();
        let thread = tokio::task::spawn_blocking(move || Loop::start(self, handle)?.run(&stop));
        thread.await.map_err(|e| RoleError::Panicked(e.to_string()))?
    }
}

/// What a rebalance said, for the loop to act on between two messages.
#[derive(Default)]
struct Changes {
    assigned: Option<Vec<(String, i32)>>,
    revoked: bool,
}

/// Rebalances only leave word. Partitions are given up at once; taking them on waits for the loop, since where to
/// begin is in the tables.
struct Assignments {
    changes: Arc<Mutex<Changes>>,
}

impl ClientContext for Assignments {}

impl ConsumerContext for Assignments {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            changes.assigned = Some(list.elements().iter().map(|e| (e.topic().to_owned(), e.partition())).collect());
            return;
        }
        *changes = Changes { assigned: None, revoked: true };
        if let Err(error) = consumer.unassign() {
            tracing::warn!(%error, "could not give partitions up");
        }
    }
}

struct Loop {
    land: Land,
    handle: Handle,
    consumer: BaseConsumer<Assignments>,
    changes: Arc<Mutex<Changes>>,
    tables: HashMap<&'static str, LandedTable>,
    assigned: Vec<(String, i32)>,
}

impl Loop {
    fn start(land: Land, handle: Handle) -> Result<Self, RoleError> {
        handle.block_on(land.suppressed.ready())?;
        let changes = Arc::<Mutex<Changes>>::default();
        let consumer = land.connection.group_consumer(GROUP, Assignments { changes: changes.clone() })?;
        let mut tables = HashMap::new();
        for landed in topics::LANDED {
            let table = handle.block_on(LandedTable::open(&land, landed))?;
            tables.insert(landed.topic, table);
        }
        if land.connection.is_alone() {
            let all = topics::LANDED.iter().flat_map(|l| (0..land.partitions).map(|p| (l.topic.to_owned(), p)));
            changes.lock().unwrap_or_else(PoisonError::into_inner).assigned = Some(all.collect());
        } else {
            let names: Vec<&str> = topics::LANDED.iter().map(|l| l.topic).collect();
            consumer.subscribe(&names).map_err(LogError::kafka("subscribe"))?;
        }
        Ok(Self { land, handle, consumer, changes, tables, assigned: Vec::new() })
    }

    fn run(mut self, stop: &Stop) -> Result<(), RoleError> {
        let mut looked = Instant::now();
        while !stop.asked() {
            self.poll_once()?;
            if looked.elapsed() >= Duration::from_millis(50) {
                looked = Instant::now();
                self.commit_due(false)?;
            }
        }
        self.commit_due(true)
    }

    fn poll_once(&mut self) -> Result<(), RoleError> {
        // Rebalances are called from within poll.
        let polled = self.consumer.poll(Duration::from_millis(50));
        let changes = std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner));
        if changes.revoked || changes.assigned.is_some() {
            // Whatever was polled is read again from the table's position.
            drop(polled);
            return self.reassign(changes.assigned);
        }
        match polled {
            Some(Ok(message)) => {
                let Some(table) = self.tables.get_mut(message.topic()) else { return Ok(()) };
                table.take(&message, &self.handle)?;
                if table.wants_commit(&self.land.rotation) {
                    let topic = table.topic();
                    drop(message);
                    self.commit(topic)?;
                }
                Ok(())
            }
            Some(Err(error)) => passing(error),
            None => Ok(()),
        }
    }

    /// After a rebalance: drop what is buffered, ask the tables how far they are, begin there.
    /// `None`: everything was given up, and nothing is given to us yet.
    fn reassign(&mut self, assigned: Option<Vec<(String, i32)>>) -> Result<(), RoleError> {
        for table in self.tables.values_mut() {
            self.handle.block_on(table.forget())?;
        }
        let given = assigned.is_some();
        self.assigned = assigned.unwrap_or_default();
        if !given {
            return Ok(());
        }
        // An empty share has to be taken on as well: until then the group waits for us at its next rebalance.
        tracing::info!(partitions = self.assigned.len(), "land: assigned");
        for table in self.tables.values_mut() {
            let mine = self.assigned.iter().filter(|(topic, _)| topic == table.topic());
            let partitions: Vec<i32> = mine.map(|(_, partition)| *partition).collect();
            self.handle.block_on(table.resume(&partitions))?;
        }
        self.begin()
    }

    /// Begins every assigned partition at its table's position.
    fn begin(&mut self) -> Result<(), RoleError> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in &self.assigned {
            let next = self.tables.get(topic.as_str()).and_then(|t| t.next(*partition));
            let watermarks = self.consumer.fetch_watermarks(topic, *partition, Duration::from_secs(15));
            let (low, high) = watermarks.map_err(LogError::kafka(format!("watermarks of {topic}/{partition}")))?;
            check_bounds(topic, *partition, next, low, high)?;
            let offset = Offset::Offset(next.unwrap_or(low));
            list.add_partition_offset(topic, *partition, offset).map_err(LogError::kafka("assign"))?;
        }
        self.consumer.assign(&list).map_err(LogError::kafka("assign"))?;
        Ok(())
    }

    fn commit_due(&mut self, all: bool) -> Result<(), RoleError> {
        let due = self.tables.values().filter(|t| t.pending() && (all || t.wants_commit(&self.land.rotation)));
        let due: Vec<&'static str> = due.map(LandedTable::topic).collect();
        due.into_iter().try_for_each(|topic| self.commit(topic))
    }

    fn commit(&mut self, topic: &'static str) -> Result<(), RoleError> {
        let Some(table) = self.tables.get_mut(topic) else { return Ok(()) };
        let committed = self.handle.block_on(table.commit())?;
        if let Some(positions) = committed {
            self.tell_lag_tools(topic, &positions);
            return Ok(());
        }
        // Fenced: another writer holds newer positions. Read again from there; the other tables only lose a buffer.
        tracing::warn!(topic, "land: another writer has moved on; reading again from the table's position");
        self.reassign(Some(self.assigned.clone()))
    }

    fn tell_lag_tools(&self, topic: &str, positions: &[(i32, i64)]) {
        let mut list = TopicPartitionList::new();
        for (partition, next) in positions {
            _ = list.add_partition_offset(topic, *partition, Offset::Offset(*next));
        }
        if let Err(error) = self.consumer.commit(&list, CommitMode::Async) {
            tracing::debug!(%error, "offsets for lag tools not stored");
        }
    }
}

/// Loud when the log was replaced under the lake.
fn check_bounds(topic: &str, partition: i32, next: Option<i64>, low: i64, high: i64) -> Result<(), LogError> {
    let Some(stored) = next else { return Ok(()) };
    let why = if stored > high {
        "The topic was recreated, or the data directory and the lake do not belong together"
    } else if stored < low {
        "Messages were removed by retention before they were landed"
    } else {
        return Ok(());
    };
    Err(LogError::Recreated { topic: topic.to_owned(), partition, stored, low, high, why })
}

/// librdkafka reconnects by itself; only a fatal error ends the role.
fn passing(error: KafkaError) -> Result<(), RoleError> {
    if let KafkaError::MessageConsumptionFatal(_) = error {
        return Err(LogError::kafka("consume")(error).into());
    }
    tracing::debug!(%error, "consumer");
    Ok(())
}
