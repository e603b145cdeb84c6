//! A fresh log of a backup's state, and tables that fit it.

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
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use arrow::error::ArrowError;
use futures::TryStreamExt;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::FutureRecord;
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, HashMap};
use tidelake_schemas::topics::{self, LANDED, Landed, MEDIA_ORDERS, VIDEO_OBSERVED};
use tidelake_schemas::{Cursor, ids};
use tidelake_sinks::lake::withdraw::withdraw;
use tidelake_sinks::lake::{
    CommitRecord, Counts, Lake, LakeError, Outcome, PartitionRange, TableWriter, WriterOptions,
};
use tidelake_sinks::query::{Engine, QueryOptions};

/// Cycles back in which a refused record may have been refused.
const CYCLES: i64 = 64;

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

/// Takes out of the tables what the state does not know and will be collected again; how many rows.
pub(crate) async fn withdraw_beyond(lake: &Lake, state: &LogState) -> Result<u64, LakeError> {
    let cursors: HashMap<&str, &Cursor> =
        state.cursors.iter().map(|kept| (kept.cursor.task.as_str(), &kept.cursor)).collect();
    let mut gone = 0;
    for landed in LANDED {
        let before = state.before.get(landed.topic).cloned().unwrap_or_default();
        let first = before.iter().copied().min().unwrap_or(0);
        gone += withdraw(lake, &landed, first, |batch| stay(batch, &before, &cursors)).await?;
    }
    Ok(gone)
}

/// Which rows stay.
fn stay(batch: &RecordBatch, before: &[i64], cursors: &HashMap<&str, &Cursor>) -> Result<BooleanArray, ArrowError> {
    let absent = |name: &str| ArrowError::SchemaError(format!("the table has no column {name}"));
    let column = |name: &str, kind: DataType| cast(batch.column_by_name(name).ok_or_else(|| absent(name))?, &kind);
    let (partitions, offsets) = (column("kafka_partition", DataType::Int32)?, column("kafka_offset", DataType::Int64)?);
    let (partitions, offsets) = (partitions.as_primitive::<Int32Type>(), offsets.as_primitive::<Int64Type>());
    let is_known: Box<dyn Fn(usize) -> bool> = match batch.column_by_name("provenance").map(|c| c.as_struct_opt()) {
        Some(Some(provenance)) => of_cycles(provenance, cursors)?,
        _ => of_letters(batch, cursors)?,
    };
    let stays = (0..batch.num_rows()).map(|row| {
        let partition = usize::try_from(partitions.value(row)).unwrap_or(usize::MAX);
        let landed_before = before.get(partition).is_some_and(|before| offsets.value(row) < *before);
        Some(landed_before || is_known(row))
    });
    Ok(stays.collect())
}

/// Rows of cycles that their tasks' cursors know.
fn of_cycles<'a>(
    provenance: &StructArray,
    cursors: &'a HashMap<&'a str, &'a Cursor>,
) -> Result<Box<dyn Fn(usize) -> bool + 'a>, ArrowError> {
    let absent = || ArrowError::SchemaError("provenance has no task or cycle".into());
    let field = |name: &str, kind: DataType| cast(provenance.column_by_name(name).ok_or_else(absent)?, &kind);
    let (tasks, cycles) = (field("task", DataType::Utf8)?, field("cycle", DataType::Int64)?);
    Ok(Box::new(move |row| {
        let cycle = cycles.as_primitive::<Int64Type>().value(row);
        cursors.get(tasks.as_string::<i32>().value(row)).is_some_and(|cursor| cycle <= cursor.cycle)
    }))
}

/// Letters of roles, and of polls in cycles that their tasks' cursors know.
fn of_letters<'a>(
    batch: &RecordBatch,
    cursors: &'a HashMap<&'a str, &'a Cursor>,
) -> Result<Box<dyn Fn(usize) -> bool + 'a>, ArrowError> {
    let letters = Letters::of(batch)?;
    Ok(Box::new(move |row| match letters.task(row) {
        None => true,
        Some(task) => cursors.get(task).is_some_and(|cursor| {
            let cycles = (0..=cursor.cycle).rev().take(usize::try_from(CYCLES).unwrap_or(1));
            cycles.into_iter().any(|cycle| letters.is_of(row, task, cycle))
        }),
    }))
}

/// Dead letters. Their ids tell the cycle, which no column does.
struct Letters {
    ids: ArrayRef,
    tasks: ArrayRef,
    payloads: ArrayRef,
}

impl Letters {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let absent = |name: &str| ArrowError::SchemaError(format!("the table has no column {name}"));
        let column = |name: &str, kind: DataType| cast(batch.column_by_name(name).ok_or_else(|| absent(name))?, &kind);
        let (ids, tasks) = (column("event_id", DataType::Utf8)?, column("task", DataType::Utf8)?);
        Ok(Self { ids, tasks, payloads: column("payload", DataType::Binary)? })
    }

    /// The task whose poll brought the record.
    fn task(&self, row: usize) -> Option<&str> {
        self.tasks.is_valid(row).then(|| self.tasks.as_string::<i32>().value(row))
    }

    fn is_of(&self, row: usize, task: &str, cycle: i64) -> bool {
        let payload = self.payloads.as_binary::<i32>().value(row);
        self.ids.as_string::<i32>().value(row) == ids::reject_id(task, cycle, payload)
    }
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

/// Tables go on from the ends of the fresh topics; lineages and epochs of the old log would hide what comes.
pub(crate) async fn reposition(daemon: &Daemon) -> Result<(), Failure> {
    let partitions = daemon.config.layout().partitions();
    let ends = crate::drained::landed_ends(&daemon.connection, partitions).await?;
    for landed in LANDED {
        if daemon.lake.open(landed.table).await?.is_some() {
            reposition_table(&daemon.lake, landed, &ends).await?;
        }
    }
    Ok(())
}

async fn reposition_table(lake: &Lake, landed: Landed, ends: &crate::drained::Ends) -> Result<(), Failure> {
    let mut writer = TableWriter::open(lake, landed, &WriterOptions::default()).await?;
    let ends: BTreeMap<i32, i64> =
        ends.iter().filter(|((topic, _), _)| *topic == landed.topic).map(|((_, p), (_, high))| (*p, *high)).collect();
    let stored = writer.reload(ends.keys().flat_map(|partition| app_ids(landed.topic, *partition))).await?;
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
