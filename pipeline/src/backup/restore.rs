//! A fresh log of a backup's state, and tables that fit it.

use super::beyond::Letters;
use super::state::{LogState, unhex};
use crate::cli::Failure;
use crate::daemon::Daemon;
use crate::log::LogError;
use crate::log::client::Connection;
use crate::log::reader::Reader;
use crate::log::tasks;
use crate::log::topics::Layout;
use crate::roles::collect::{Plant, lane_of, plant};
use crate::roles::land::app_ids;
use crate::roles::{enrich, media};
use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use futures::TryStreamExt;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::FutureRecord;
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use tidelake_schemas::Timestamp;
use tidelake_schemas::topics::{self, LANDED, Landed, MEDIA_ORDERS, VIDEO_OBSERVED};
use tidelake_sinks::lake::earlier;
use tidelake_sinks::lake::{CommitRecord, Counts, Lake, Outcome, PartitionRange, TableWriter, WriterOptions};
use tidelake_sinks::query::{Engine, QueryOptions};

/// The tables that hold what collectors published, and to which topic.
const PUBLISHED: [(&str, &str); 9] = [
    (topics::VIDEO_OBSERVED, "video_observations"),
    (topics::CREATOR_OBSERVED, "creator_observations"),
    (topics::COMMENT_OBSERVED, "comments"),
    (topics::HASHTAG_OBSERVED, "hashtag_observations"),
    (topics::SOUND_OBSERVED, "sound_observations"),
    (topics::COVERAGE, "coverage"),
    (topics::DRIFT, "drift_incidents"),
    (topics::MEDIA_ORDERS, "media"),
    (topics::DEAD_LETTERS, "dead_letters"),
];

/// Whether nothing was ever published on this broker.
pub(crate) async fn is_fresh(connection: &Connection, layout: &Layout) -> Result<bool, LogError> {
    let (connection, layout) = (connection.clone(), layout.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let reader = Reader::new(&connection)?;
        let data = topics::COLLECTED.iter().chain([&topics::VIDEO_ENRICHED, &topics::CURSORS]);
        for topic in data {
            for partition in 0..layout.partitions() {
                if reader.watermarks(topic, partition)?.1 > 0 {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    });
    asked.await.map_err(|e| LogError::Embedded(format!("restore: {e}")))?
}

/// Writes the log: what was published in cycles that run, cursors, tasks, budgets, baselines.
pub(crate) async fn plant_log(daemon: &Daemon, state: &LogState, budgets: bool) -> Result<(), Failure> {
    let layout = daemon.config.layout();
    let lane = |kept: &super::state::KeptCursor| {
        if kept.import { layout.import_lane() } else { lane_of(&kept.cursor.task, layout.lanes) }
    };
    let running: BTreeMap<&str, (i64, i32)> = state
        .cursors
        .iter()
        .filter(|kept| kept.cursor.state.is_some())
        .map(|kept| (kept.cursor.task.as_str(), (kept.cursor.cycle, lane(kept))))
        .collect();
    let mut plants: BTreeMap<i32, Plant> = (0..layout.partitions()).map(|lane| (lane, Plant::default())).collect();
    for kept in &state.cursors {
        plants.entry(lane(kept)).or_default().cursors.push(kept.cursor.clone());
    }
    if !running.is_empty() {
        published(&daemon.lake, &running, &mut plants).await?;
    }
    for (lane, plant_of_lane) in plants {
        plant(&daemon.connection, lane, plant_of_lane).await?;
    }
    commit_groups(&daemon.connection, layout.partitions()).await?;
    for task in &state.tasks {
        tasks::declare(&daemon.connection, layout.lanes, task).await?;
    }
    let producer = daemon.connection.producer()?;
    for (topic, records) in &state.records {
        if topic == topics::BUDGETS && !budgets {
            continue;
        }
        for record in records {
            let payload =
                unhex(&record.payload).ok_or_else(|| format!("a record of {topic} in the backup is damaged"))?;
            let message = FutureRecord::to(topic).partition(record.partition).key(&record.key).payload(&payload);
            producer
                .send(message, Timeout::Never)
                .await
                .map_err(|(e, _)| LogError::kafka(format!("write {topic}"))(e))?;
        }
    }
    Ok(())
}

/// The ids that were published in cycles that run, as the tables know them.
async fn published(
    lake: &Lake,
    running: &BTreeMap<&str, (i64, i32)>,
    plants: &mut BTreeMap<i32, Plant>,
) -> Result<(), Failure> {
    let engine = Engine::over(lake.clone(), QueryOptions::default()).await?;
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let tasks = running.keys().map(|task| text(task)).collect::<Vec<_>>().join(", ");
    for (topic, table) in PUBLISHED {
        let letters = topic == topics::DEAD_LETTERS;
        let query = if letters {
            format!("SELECT task, event_id, payload FROM {table} WHERE task IN ({tasks})")
        } else {
            format!(
                "SELECT provenance['task'] AS task, event_id, provenance['cycle'] AS cycle FROM {table} \
                 WHERE provenance['task'] IN ({tasks})"
            )
        };
        let mut rows = engine.sql(&query).await?.stream;
        while let Some(batch) = rows.try_next().await? {
            let (tasks, events) = (cast(batch.column(0), &DataType::Utf8)?, cast(batch.column(1), &DataType::Utf8)?);
            let of_letters = if letters { Some(Letters::of(&batch)?) } else { None };
            let cycles = if letters { None } else { Some(cast(batch.column(2), &DataType::Int64)?) };
            for row in 0..batch.num_rows() {
                let task = tasks.as_string::<i32>().value(row);
                let Some((cycle, lane)) = running.get(task) else { continue };
                let is_of_cycle = match (&of_letters, &cycles) {
                    (Some(letters), _) => letters.is_of(row, task, *cycle),
                    (None, Some(cycles)) => cycles.as_primitive::<Int64Type>().value(row) == *cycle,
                    (None, None) => false,
                };
                if is_of_cycle {
                    let event = events.as_string::<i32>().value(row).to_owned();
                    plants.entry(*lane).or_default().published.entry(topic).or_default().push(event);
                }
            }
        }
    }
    Ok(())
}

/// Roles that read what collectors publish begin after what was planted.
async fn commit_groups(connection: &Connection, partitions: i32) -> Result<(), LogError> {
    let connection = connection.clone();
    let done = tokio::task::spawn_blocking(move || {
        let reader = Reader::new(&connection)?;
        for (group, topic) in [(enrich::GROUP, VIDEO_OBSERVED), (media::GROUP, MEDIA_ORDERS)] {
            let mut list = TopicPartitionList::new();
            for partition in 0..partitions {
                let (_, high) = reader.watermarks(topic, partition)?;
                list.add_partition_offset(topic, partition, Offset::Offset(high)).map_err(LogError::kafka("commit"))?;
            }
            let consumer: BaseConsumer =
                connection.consumer_config(group).create().map_err(LogError::kafka("create consumer"))?;
            consumer.commit(&list, CommitMode::Sync).map_err(LogError::kafka(format!("commit offsets of {group}")))?;
        }
        Ok(())
    });
    done.await.map_err(|e| LogError::Embedded(format!("restore: {e}")))?
}

/// Tables go on from the ends of the fresh topics; lineages and epochs of the old log would hide what comes. Partitions that
/// only the old log had begin at 0, should the log have so many again.
pub(crate) async fn reposition(daemon: &Daemon, state: &LogState) -> Result<(), Failure> {
    let partitions = daemon.config.layout().partitions();
    let ends = crate::drained::landed_ends(&daemon.connection, partitions).await?;
    let engine = Engine::over(daemon.lake.clone(), QueryOptions::default()).await?;
    for landed in LANDED {
        if daemon.lake.open(landed.table).await?.is_none() {
            continue;
        }
        let had = state.before.get(landed.topic).map_or(0, Vec::len);
        let mut ends_of: BTreeMap<i32, i64> = (0..i32::try_from(had).unwrap_or(0)).map(|p| (p, 0)).collect();
        let ends = ends.iter().filter(|((topic, _), _)| *topic == landed.topic);
        ends_of.extend(ends.map(|((_, partition), (_, high))| (*partition, *high)));
        let newest = newest_landed(&engine, landed.table).await?;
        reposition_table(&daemon.lake, landed, ends_of, newest).await?;
    }
    Ok(())
}

/// When the newest of a table's rows landed; `None` when it has none.
pub(crate) async fn newest_landed(engine: &Engine, table: &str) -> Result<Option<Timestamp>, Failure> {
    // Null is told from an instant by the count.
    let query = format!("SELECT count(*), coalesce(arrow_cast(max(landed_at), 'Int64'), 0) FROM {table}");
    let found = engine.integers(&query).await?;
    Ok(found.first().filter(|rows| **rows > 0).and_then(|_| found.get(1)).map(|micros| Timestamp(*micros)))
}

async fn reposition_table(
    lake: &Lake,
    landed: Landed,
    ends: BTreeMap<i32, i64>,
    newest: Option<Timestamp>,
) -> Result<(), Failure> {
    let mut writer = TableWriter::open(lake, landed, &WriterOptions::default()).await?;
    let ids = |partition: &i32| {
        let mut ids = app_ids(landed.topic, *partition);
        ids.push(earlier::app_id(landed.topic, *partition));
        ids
    };
    let stored = writer.reload(ends.keys().flat_map(ids)).await?;
    let mut to = BTreeMap::new();
    let mut record = CommitRecord {
        operation: uuid::Uuid::now_v7().to_string(),
        topic: landed.topic.to_owned(),
        ..CommitRecord::default()
    };
    for (partition, end) in ends {
        let mut ids = app_ids(landed.topic, partition).into_iter();
        to.extend(ids.next().map(|next| (next, end)));
        to.extend(ids.filter(|id| stored.get(id).copied().flatten().is_some()).map(|id| (id, -1)));
        to.extend(newest.map(|newest| (earlier::app_id(landed.topic, partition), earlier::position(newest))));
        record.partitions.insert(partition, PartitionRange { from: end, to: end, counts: Counts::default() });
    }
    let from = to.keys().map(|id| (id.clone(), stored.get(id).copied().flatten())).collect();
    match writer.commit(&from, &to, &record).await? {
        Outcome::Landed => Ok(()),
        Outcome::Fenced { .. } => {
            Err(format!("table {} was landed to meanwhile: stop every tidelake, then restore again", landed.table)
                .into())
        }
    }
}
