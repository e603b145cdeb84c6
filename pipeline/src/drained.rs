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

/// Measures the backlog of partitions `0..partitions`.
pub(crate) async fn backlog(connection: &Connection, lake: &Lake, partitions: i32) -> Result<Backlog, StartError> {
    // Enrich first: what it finishes in between is then seen as still to be landed, never as done.
    let asked = connection.clone();
    let measured = tokio::task::spawn_blocking(move || measure(&asked, partitions)).await;
    let (to_enrich, ends) = measured.map_err(|e| LogError::Embedded(format!("backlog: {e}")))??;
    let mut to_land = 0;
    for landed in LANDED {
        let Some(table) = lake.open(landed.table).await? else {
            to_land +=
                (0..partitions).map(|p| ends.get(&(landed.topic, p)).map_or(0, |(low, high)| high - low)).sum::<i64>();
            continue;
        };
        for partition in 0..partitions {
            let Some((low, high)) = ends.get(&(landed.topic, partition)) else { continue };
            let id = app_ids(landed.topic, partition).swap_remove(0);
            let stored = commit::positions(&table, landed.table, [id]).await?;
            let next = stored.into_values().next().flatten().unwrap_or(*low);
            to_land += (high - next).max(0);
        }
    }
    Ok(Backlog { to_enrich, to_land })
}

type Ends = BTreeMap<(&'static str, i32), (i64, i64)>;

fn measure(connection: &Connection, partitions: i32) -> Result<(i64, Ends), LogError> {
    let reader = Reader::new(connection)?;
    let group = connection.consumer_config(crate::roles::enrich::GROUP);
    let group: rdkafka::consumer::BaseConsumer = group.create().map_err(LogError::kafka("create consumer"))?;
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition(VIDEO_OBSERVED, partition);
    }
    let committed =
        group.committed_offsets(list, Duration::from_secs(15)).map_err(LogError::kafka("committed offsets"))?;
    let mut to_enrich = 0;
    for partition in 0..partitions {
        let (low, high) = reader.watermarks(VIDEO_OBSERVED, partition)?;
        let offset = committed.find_partition(VIDEO_OBSERVED, partition).and_then(|e| e.offset().to_raw());
        to_enrich += (high - offset.filter(|o| *o >= 0).unwrap_or(low)).max(0);
    }
    let mut ends = Ends::new();
    for landed in LANDED {
        for partition in 0..partitions {
            ends.insert((landed.topic, partition), reader.watermarks(landed.topic, partition)?);
        }
    }
    Ok((to_enrich, ends))
}
