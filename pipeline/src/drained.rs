//! Has everything published been landed?

use crate::daemon::StartError;
use crate::log::LogError;
use crate::log::client::Connection;
use crate::log::reader::Reader;
use crate::roles::land::app_ids;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use std::collections::BTreeMap;
use std::time::Duration;
use tidelake_schemas::topics::{LANDED, VIDEO_OBSERVED};
use tidelake_sinks::lake::{Lake, commit};

/// How far behind a process is: messages published and not yet enriched, or not yet landed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    pub to_enrich: i64,
    pub to_land: i64,
}

impl Backlog {
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// First and next offset of partitions.
pub(crate) type Ends = BTreeMap<(&'static str, i32), (i64, i64)>;

/// Measures the backlog of partitions `0..partitions`.
pub(crate) async fn backlog(connection: &Connection, lake: &Lake, partitions: i32) -> Result<Backlog, StartError> {
    // Enrich first: what it finishes in between is then seen as still to be landed, never as done.
    let observed = observed_ends(connection, partitions).await?;
    let to_enrich = to_enrich(connection, &observed).await?;
    let ends = landed_ends(connection, partitions).await?;
    Ok(Backlog { to_enrich, to_land: to_land(lake, &ends).await? })
}

/// The ends of what enrich reads.
pub(crate) async fn observed_ends(connection: &Connection, partitions: i32) -> Result<Ends, LogError> {
    ends_of(connection, vec![VIDEO_OBSERVED], partitions).await
}

/// The ends of what land reads.
pub(crate) async fn landed_ends(connection: &Connection, partitions: i32) -> Result<Ends, LogError> {
    ends_of(connection, LANDED.map(|landed| landed.topic).to_vec(), partitions).await
}

async fn ends_of(connection: &Connection, topics: Vec<&'static str>, partitions: i32) -> Result<Ends, LogError> {
    let connection = connection.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let reader = Reader::new(&connection)?;
        let all = topics.into_iter().flat_map(|topic| (0..partitions).map(move |partition| (topic, partition)));
        all.map(|(topic, partition)| Ok(((topic, partition), reader.watermarks(topic, partition)?))).collect()
    });
    asked.await.map_err(|e| LogError::Embedded(format!("backlog: {e}")))?
}

/// Messages before these ends that enrich has not read.
pub(crate) async fn to_enrich(connection: &Connection, ends: &Ends) -> Result<i64, LogError> {
    let (connection, ends) = (connection.clone(), ends.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let group = connection.consumer_config(crate::roles::enrich::GROUP);
        let group: rdkafka::consumer::BaseConsumer = group.create().map_err(LogError::kafka("create consumer"))?;
        let mut list = TopicPartitionList::new();
        for (topic, partition) in ends.keys() {
            list.add_partition(topic, *partition);
        }
        let committed =
            group.committed_offsets(list, Duration::from_secs(15)).map_err(LogError::kafka("committed offsets"))?;
        let left = ends.iter().map(|((topic, partition), (low, high))| {
            let offset = committed.find_partition(topic, *partition).and_then(|e| e.offset().to_raw());
            (high - offset.filter(|o| *o >= 0).unwrap_or(*low)).max(0)
        });
        Ok(left.sum())
    });
    asked.await.map_err(|e| LogError::Embedded(format!("backlog: {e}")))?
}

/// Messages before these ends that have not landed.
pub(crate) async fn to_land(lake: &Lake, ends: &Ends) -> Result<i64, StartError> {
    let mut left = 0;
    for landed in LANDED {
        let table = lake.open(landed.table).await?;
        for ((_, partition), (low, high)) in ends.iter().filter(|((topic, _), _)| *topic == landed.topic) {
            let next = match &table {
                None => None,
                Some(table) => {
                    let id = app_ids(landed.topic, *partition).swap_remove(0);
                    commit::positions(table, landed.table, [id]).await?.into_values().next().flatten()
                }
            };
            left += (high - next.unwrap_or(*low)).max(0);
        }
    }
    Ok(left)
}
