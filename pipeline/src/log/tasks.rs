//! The task topic: what is declared to be collected, by name. Compacted: the newest record of a name counts.

use super::LogError;
use super::client::Connection;
use super::reader::Reader;
use crate::roles::collect::lane_of;
use rdkafka::message::Message;
use rdkafka::producer::FutureRecord;
use rdkafka::util::Timeout;
use std::collections::BTreeMap;
use std::time::Duration;
use tidelake_schemas::topics::TASKS;
use tidelake_schemas::{Task, codec};

const PATIENCE: Timeout = Timeout::After(Duration::from_secs(30));

/// Every declared task. Blocks while it reads.
pub(crate) fn declared(connection: &Connection, lanes: i32) -> Result<BTreeMap<String, Task>, LogError> {
    let reader = Reader::new(connection)?;
    let mut tasks = BTreeMap::new();
    for lane in 0..lanes {
        let (low, high) = reader.watermarks(TASKS, lane)?;
        reader.read(TASKS, lane, low, high, |message| {
            let name = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
            match message.payload().filter(|p| !p.is_empty()).map(codec::decode::<Task>) {
                None => drop(tasks.remove(&name)),
                Some(Ok(task)) => drop(tasks.insert(name, task)),
                Some(Err(error)) => tracing::error!(name, %error, "a task could not be read and is passed over"),
            }
        })?;
    }
    Ok(tasks)
}

/// Declares a task, or changes the one of that name.
pub(crate) async fn declare(connection: &Connection, lanes: i32, task: &Task) -> Result<(), LogError> {
    let payload = codec::encode(task)?;
    write(connection, lanes, &task.task, Some(&payload)).await
}

/// Takes a task back. What it has collected stays.
pub(crate) async fn remove(connection: &Connection, lanes: i32, name: &str) -> Result<(), LogError> {
    write(connection, lanes, name, None).await
}

async fn write(connection: &Connection, lanes: i32, name: &str, payload: Option<&[u8]>) -> Result<(), LogError> {
    let producer = connection.producer()?;
    let mut message = FutureRecord::<str, [u8]>::to(TASKS).partition(lane_of(name, lanes)).key(name);
    message.payload = payload;
    let sent = producer.send(message, PATIENCE).await;
    sent.map(drop).map_err(|(error, _)| LogError::kafka(format!("write task {name}"))(error))
}
