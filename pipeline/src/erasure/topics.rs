//! Out of the log: what every reader has passed is removed from topics; tasks and cursors that name somebody are taken back.

use crate::config::Config;
use crate::daemon::StartError;
use crate::log::LogError;
use crate::log::client::Connection;
use crate::log::reader::Reader;
use crate::log::tasks;
use crate::roles::collect::{Cut, cursor_key, cursors, cut, tails, without_names};
use crate::roles::{enrich, land};
use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::FutureRecord;
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tidelake_schemas::topics::{self, CURSORS, LANDED, MEDIA_ORDERS, PROFILES, VIDEO_ENRICHED, VIDEO_OBSERVED};
use tidelake_sinks::lake::{Lake, commit};
use tidelake_sinks::privacy::{Suppressions, TopicErased, payload};

const ASK: Duration = Duration::from_secs(15);
const PATIENCE: Timeout = Timeout::After(Duration::from_secs(30));
/// Groups that read beside land, and what.
const GROUPS: [(&str, &str); 3] =
    [(enrich::GROUP, VIDEO_OBSERVED), ("tidelake-annotate", VIDEO_ENRICHED), ("tidelake-media", MEDIA_ORDERS)];

/// A partition of a topic.
pub(super) type Place = (&'static str, i32);

/// Topics whose messages go by themselves some day, and that may hold something of somebody.
fn data_topics() -> impl Iterator<Item = &'static str> {
    topics::COLLECTED.into_iter().chain([VIDEO_ENRICHED, topics::MEDIA, topics::ANNOTATIONS])
}

/// First offset there is and next offset to be written, of every partition. Blocks.
pub(super) fn ends(connection: &Connection, partitions: i32) -> Result<BTreeMap<Place, (i64, i64)>, LogError> {
    let reader = Reader::new(connection)?;
    let places = data_topics().flat_map(|topic| (0..partitions).map(move |partition| (topic, partition)));
    places.map(|(topic, partition)| Ok(((topic, partition), reader.watermarks(topic, partition)?))).collect()
}

/// How far every reader has passed, by partition; absent where nobody reads.
pub(super) async fn passed(
    connection: &Connection,
    lake: &Lake,
    config: &Config,
) -> Result<BTreeMap<Place, i64>, StartError> {
    let (partitions, asked, media) = (config.layout().partitions(), connection.clone(), config.media.enabled);
    let read = tokio::task::spawn_blocking(move || by_groups(&asked, partitions, media)).await;
    let mut passed = read.map_err(|e| LogError::Embedded(format!("positions: {e}")))??;
    for landed in LANDED {
        let table = lake.open(landed.table).await?;
        for partition in 0..partitions {
            let id = land::app_ids(landed.topic, partition).swap_remove(0);
            let next = match &table {
                Some(table) => commit::positions(table, landed.table, [id]).await?.into_values().next().flatten(),
                None => None,
            };
            lower(&mut passed, (landed.topic, partition), next.unwrap_or(0));
        }
    }
    Ok(passed)
}

fn lower(passed: &mut BTreeMap<Place, i64>, place: Place, next: i64) {
    let at = passed.entry(place).or_insert(next);
    *at = next.min(*at);
}

fn by_groups(connection: &Connection, partitions: i32, media: bool) -> Result<BTreeMap<Place, i64>, LogError> {
    let mut passed = BTreeMap::new();
    for (group, topic) in GROUPS {
        let consumer: BaseConsumer =
            connection.consumer_config(group).create().map_err(LogError::kafka("create consumer"))?;
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition(topic, partition);
        }
        let committed = consumer.committed_offsets(list, ASK).map_err(LogError::kafka("committed offsets"))?;
        for element in committed.elements() {
            // A role that has never run reads nothing, unless it is wanted and has yet to begin.
            let wanted = group == enrich::GROUP || (media && topic == MEDIA_ORDERS);
            match element.offset().to_raw().filter(|offset| *offset >= 0) {
                Some(next) => lower(&mut passed, (topic, element.partition()), next),
                None if wanted => lower(&mut passed, (topic, element.partition()), 0),
                None => {}
            }
        }
    }
    Ok(passed)
}

/// Messages before `marks` that some reader has still to pass.
pub(super) fn unread(marks: &BTreeMap<Place, (i64, i64)>, passed: &BTreeMap<Place, i64>) -> i64 {
    let left =
        marks.iter().map(|(place, (low, high))| high - passed.get(place).copied().unwrap_or(*high).clamp(*low, *high));
    left.sum()
}

/// Removes what was written before `marks`, as far as every reader has passed and no collector needs it to go on where it
/// was. Gives, by topic, what was removed, and how many messages of theirs remain.
pub(super) async fn trim(
    connection: &Connection,
    partitions: i32,
    marks: &BTreeMap<Place, (i64, i64)>,
    mut passed: BTreeMap<Place, i64>,
    erased: &Suppressions,
) -> Result<Vec<TopicErased>, LogError> {
    let asked = connection.clone();
    let read = tokio::task::spawn_blocking(move || {
        (0..partitions).map(|lane| Ok((lane, tails(&asked, lane)?))).collect::<Result<Vec<_>, LogError>>()
    });
    for (lane, tails) in read.await.map_err(|e| LogError::Embedded(format!("tails: {e}")))?? {
        tails.into_iter().for_each(|(topic, tail)| lower(&mut passed, (topic, lane), tail));
    }
    let mut left = Vec::new();
    let mut list = TopicPartitionList::new();
    let mut by_topic: BTreeMap<&str, TopicErased> = BTreeMap::new();
    for (place @ (topic, partition), (low, high)) in marks {
        let to = passed.get(place).copied().unwrap_or(*high).clamp(*low, *high);
        let told =
            by_topic.entry(topic).or_insert_with(|| TopicErased { topic: (*topic).into(), ..Default::default() });
        told.removed += to - low;
        left.extend((to < *high).then_some((*place, to, *high)));
        if to > *low {
            list.add_partition_offset(topic, *partition, Offset::Offset(to))
                .map_err(LogError::kafka("delete records"))?;
        }
    }
    if list.count() > 0 {
        let options = AdminOptions::new().operation_timeout(Some(ASK)).request_timeout(Some(ASK));
        let deleted = connection.admin()?.delete_records(&list, &options).await;
        let deleted = deleted.map_err(LogError::kafka("delete records"))?;
        for element in deleted.elements() {
            element.error().map_err(LogError::kafka(format!("delete records of {}", element.topic())))?;
        }
    }
    let (asked, erased) = (connection.clone(), erased.clone());
    let read = tokio::task::spawn_blocking(move || theirs(&asked, &left, &erased)).await;
    for (topic, messages) in read.map_err(|e| LogError::Embedded(format!("what remains: {e}")))?? {
        by_topic.entry(topic).or_insert_with(|| TopicErased { topic: topic.into(), ..Default::default() }).remaining +=
            messages;
    }
    Ok(by_topic.into_values().filter(|told| told.removed + told.remaining > 0).collect())
}

/// How many messages of these stretches are theirs. Blocks.
fn theirs(
    connection: &Connection,
    stretches: &[(Place, i64, i64)],
    erased: &Suppressions,
) -> Result<Vec<(&'static str, i64)>, LogError> {
    let reader = Reader::new(connection)?;
    let mut counts = Vec::new();
    for ((topic, partition), from, to) in stretches {
        let mut found = 0;
        reader.read(topic, *partition, *from, *to, |message| {
            found += i64::from(payload::is_theirs(erased, message.payload().unwrap_or_default()));
        })?;
        counts.push((*topic, found));
    }
    Ok(counts)
}

/// What was taken back.
#[derive(Default)]
pub(super) struct TakenBack {
    /// How many, by topic.
    pub(super) told: Vec<TopicErased>,
    /// Tasks that ask for nobody any more.
    pub(super) tasks: BTreeSet<String>,
    /// Cursors of others that still hold their names.
    pub(super) left: usize,
}

/// Takes tasks back that ask only for them, changes those that ask for others too, and takes the cursors of the former
/// back: first, so that an erasure that is stopped in between still knows whose they are.
pub(super) async fn take_back(
    connection: &Connection,
    lanes: i32,
    erased: &Suppressions,
) -> Result<TakenBack, LogError> {
    let asked = connection.clone();
    let read = tokio::task::spawn_blocking(move || tasks::declared(&asked, lanes)).await;
    let declared = read.map_err(|e| LogError::Embedded(format!("tasks: {e}")))??;
    let cuts: Vec<(&String, Cut)> = declared.iter().map(|(name, task)| (name, cut(erased, task))).collect();
    let nothing = cuts.iter().filter(|(_, cut)| *cut == Cut::Nothing).map(|(name, _)| (*name).clone());
    let mut taken = TakenBack { tasks: nothing.collect(), ..TakenBack::default() };
    let forgotten;
    (forgotten, taken.left) = forget_cursors(connection, lanes, erased, &taken.tasks).await?;
    let mut told = TopicErased { topic: topics::TASKS.into(), ..TopicErased::default() };
    for (name, cut) in cuts {
        match cut {
            Cut::Whole => continue,
            Cut::Less(less) => tasks::declare(connection, lanes, &less).await?,
            Cut::Nothing => tasks::remove(connection, lanes, name).await?,
        }
        told.removed += 1;
    }
    let cursors = TopicErased { topic: CURSORS.into(), removed: forgotten, remaining: 0 };
    let baselines = TopicErased { topic: PROFILES.into(), removed: unlearn(connection, erased).await?, remaining: 0 };
    taken.told = [told, cursors, baselines].into_iter().filter(|told| told.removed > 0).collect();
    Ok(taken)
}

/// Writes what sources usually give anew where it names them; how many baselines that were.
async fn unlearn(connection: &Connection, erased: &Suppressions) -> Result<i64, LogError> {
    let (asked, known) = (connection.clone(), erased.clone());
    let read = tokio::task::spawn_blocking(move || {
        let reader = Reader::new(&asked)?;
        let (low, high) = reader.watermarks(PROFILES, 0)?;
        let mut newest: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        reader.read(PROFILES, 0, low, high, |message| {
            newest.insert(message.key().unwrap_or_default().to_vec(), message.payload().unwrap_or_default().to_vec());
        })?;
        let changed = |(key, said): (Vec<u8>, Vec<u8>)| {
            let left = without_names(&known, said.clone());
            (left != said).then_some((key, left))
        };
        Ok::<_, LogError>(newest.into_iter().filter_map(changed).collect::<Vec<_>>())
    });
    let changed = read.await.map_err(|e| LogError::Embedded(format!("baselines: {e}")))??;
    let producer = connection.producer()?;
    for (key, left) in &changed {
        let sent = producer.send(FutureRecord::to(PROFILES).partition(0).key(key).payload(left), PATIENCE).await;
        sent.map_err(|(error, _)| LogError::kafka("change a baseline")(error))?;
    }
    Ok(i64::try_from(changed.len()).unwrap_or(i64::MAX))
}

/// Takes back the cursors of tasks that are gone, and of others that are not declared and name them; how many, and how many
/// of declared ones name them. A cursor within a cycle would keep its topics from being trimmed.
pub(super) async fn forget_cursors(
    connection: &Connection,
    lanes: i32,
    erased: &Suppressions,
    gone: &BTreeSet<String>,
) -> Result<(i64, usize), LogError> {
    let (asked, producer) = (connection.clone(), connection.producer()?);
    let read = tokio::task::spawn_blocking(move || {
        let declared = tasks::declared(&asked, lanes)?;
        // Imports have a lane of their own; their tasks are never declared.
        let all: Result<Vec<_>, LogError> = (0..lanes).map(|lane| Ok((lane, cursors(&asked, lane)?))).collect();
        Ok::<_, LogError>((declared, all?))
    });
    let (declared, lanes) = read.await.map_err(|e| LogError::Embedded(format!("cursors: {e}")))??;
    let (mut forgotten, mut left) = (0, 0);
    for (lane, cursors) in lanes {
        for cursor in cursors.into_values() {
            let named = erased.named_in(&cursor.task) || cursor.state.as_deref().is_some_and(|s| erased.marked_in(s));
            let is_gone = gone.contains(&cursor.task);
            if !(named || is_gone) {
                continue;
            }
            if declared.contains_key(&cursor.task) && !is_gone {
                left += 1;
                continue;
            }
            let key = cursor_key(&cursor);
            let record = FutureRecord::<str, [u8]>::to(CURSORS).partition(lane).key(&key);
            let sent = producer.send(record, PATIENCE).await;
            sent.map_err(|(error, _)| LogError::kafka("take a cursor back")(error))?;
            forgotten += 1;
        }
    }
    Ok((forgotten, left))
}
