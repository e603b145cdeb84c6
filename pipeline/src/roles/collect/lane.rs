//! A lane: one partition number of every topic, owned by one collector at a time.
//!
//! The epoch of an owner is the offset of its claim in the cursor topic: offsets are unique and rise, so that of two
//! contenders the later wins, without any lock. What the older publishes after the newer's fence is dropped by the
//! lake writer; what it published before the fence is found by reading the tail. A cursor is valid when the newest claim
//! before it is its own writer's; each cursor has a key of its
//! own, so that a late one never displaces a valid one.

use super::publish::{Outgoing, Publisher, cursor_key};
use super::sentinel::{Baseline, Sentinel};
use super::suppressed::without_names;
use crate::log::LogError;
use crate::log::client::{self, Connection};
use crate::log::reader::Reader;
use crate::log::suppressions::Suppressed;
use crate::roles::media::Plan;
use crate::roles::{Progress, RoleError, now};
use rdkafka::message::Message;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use tidelake_schemas::topics::{COLLECTED, CURSORS};
use tidelake_schemas::{Cursor, TopicPosition, codec};
use tidelake_sinks::privacy::Suppressions;

/// What the keys of claims start with. Each claim has a key of its own, so that compaction keeps them all: whether a
/// cursor is valid is told by the claim before it.
pub(super) const CLAIM: &str = "\u{0}claim/";

/// The lane of a task: a stable hash of its name (FNV-1a), so that every process and release agrees.
pub(crate) fn lane_of(task: &str, lanes: i32) -> i32 {
    let hash = task.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let lanes = u64::try_from(lanes.max(1)).unwrap_or(1);
    i32::try_from(hash % lanes).unwrap_or(0)
}

/// An owned lane.
pub(crate) struct Lane {
    pub(super) number: i32,
    pub(super) epoch: i64,
    pub(super) publisher: Publisher,
    pub(super) progress: Progress,
    pub(super) sentinel: Arc<Sentinel>,
    /// What is ordered of pictures and films.
    pub(super) media: Option<Arc<Plan>>,
    /// Of whom nothing is published.
    pub(crate) suppressed: Option<Suppressed>,
    /// The newest cursor of each task.
    pub(super) cursors: HashMap<String, Cursor>,
    /// Ids that earlier owners published in cycles that are not complete.
    published: HashSet<String>,
    /// Ids that this owner has published in each task's running cycle. Of the lane, not of the task's entry: a task may
    /// be changed in the middle of a cycle.
    in_cycle: HashMap<String, HashSet<String>>,
    /// Keys of cursors that newer ones have replaced.
    superseded: Vec<String>,
    reader: Reader,
    /// How far the cursor topic has been looked at for newer claims.
    seen: i64,
}

impl Lane {
    /// Takes a lane over. Blocks a worker thread while it reads.
    pub(crate) async fn take_over(
        connection: &Connection,
        number: i32,
        progress: Progress,
        sentinel: Arc<Sentinel>,
    ) -> Result<Self, RoleError> {
        let publisher = Publisher::new(connection, number)?;
        let claim = publisher.claim(&format!("{CLAIM}{}", uuid::Uuid::now_v7())).await?;
        let fences = publisher.fence(claim).await?;
        let connection = connection.clone();
        let read = tokio::task::spawn_blocking(move || recover(&connection, number, claim, &fences));
        let Recovered { reader, cursors, published, positions } =
            read.await.map_err(|e| RoleError::Panicked(e.to_string()))??;
        tracing::info!(
            lane = number,
            epoch = claim,
            tasks = cursors.len(),
            in_flight = published.len(),
            "lane taken over"
        );
        let mut publisher = publisher;
        publisher.positions = positions;
        Ok(Self {
            number,
            epoch: claim,
            publisher,
            progress,
            sentinel,
            media: None,
            suppressed: None,
            cursors,
            published,
            in_cycle: HashMap::new(),
            superseded: Vec::new(),
            reader,
            seen: claim + 1,
        })
    }

    /// Fails when another collector has claimed the lane since.
    pub(super) fn check_owner(&mut self) -> Result<(), RoleError> {
        let (_, high) = self.reader.watermarks(CURSORS, self.number)?;
        if high == self.seen {
            return Ok(());
        }
        let mut newer = None;
        self.reader.read(CURSORS, self.number, self.seen, high, |message| {
            if is_claim(message.key()) {
                newer = Some(message.offset());
            }
        })?;
        self.seen = high;
        match newer {
            Some(epoch) => Err(RoleError::Fenced(format!("lane {} was claimed at {epoch}", self.number))),
            None => Ok(()),
        }
    }

    /// Who is suppressed, if anybody is.
    pub(super) fn suppressed(&self) -> Option<Arc<Suppressions>> {
        self.suppressed.as_ref().and_then(Suppressed::now)
    }

    /// The newest cursor of a task.
    pub(crate) fn cursor(&self, task: &str) -> Option<&Cursor> {
        self.cursors.get(task)
    }

    /// Writes a task's cursor.
    pub(super) async fn save(&mut self, mut cursor: Cursor) -> Result<(), RoleError> {
        cursor.epoch = self.epoch;
        cursor.written_at = now();
        let offset = self.publisher.cursor(&cursor).await?;
        self.look_past(offset);
        if let Some(old) = self.cursors.insert(cursor.task.clone(), cursor) {
            self.superseded.push(cursor_key(&old));
        }
        Ok(())
    }

    /// Our own write needs no second look, unless somebody else's came in between.
    fn look_past(&mut self, offset: i64) {
        if offset == self.seen {
            self.seen = offset + 1;
        }
    }

    /// Publishes a page's messages, and lets compaction remove cursors that newer ones have replaced. To be called when
    /// ownership was checked after the newer ones were acknowledged: a dispossessed owner must not remove what its
    /// successor stands on.
    pub(super) async fn publish(&mut self, messages: &[Outgoing], correlation: &str) -> Result<(), RoleError> {
        let replaced = std::mem::take(&mut self.superseded);
        for offset in self.publisher.page(messages, &replaced, self.epoch, correlation).await? {
            self.look_past(offset);
        }
        Ok(())
    }

    /// Writes a baseline; its words may be names.
    pub(super) async fn keep_baseline(&self, mut baseline: Baseline) -> Result<(), RoleError> {
        if let Some(suppressed) = self.suppressed() {
            baseline.payload = without_names(&suppressed, baseline.payload);
        }
        self.publisher.baseline(&baseline).await
    }

    /// Writes the baselines that have not been written, before the end.
    pub(crate) async fn keep_baselines(&self) -> Result<(), RoleError> {
        for baseline in self.sentinel.unsaved() {
            self.keep_baseline(baseline).await?;
        }
        Ok(())
    }

    /// Notes that an id is about to be published in the task's running cycle; `false` when it has been already.
    pub(super) fn is_new(&mut self, task: &str, id: &str) -> bool {
        if self.published.contains(id) {
            return false;
        }
        match self.in_cycle.get_mut(task) {
            Some(ids) => ids.insert(id.to_owned()),
            None => self.in_cycle.entry(task.to_owned()).or_default().insert(id.to_owned()),
        }
    }

    /// A new cycle of the task begins: every id is new again.
    pub(super) fn begin_cycle(&mut self, task: &str) {
        self.in_cycle.remove(task);
    }

    /// How far each topic has been written, as a cursor records it.
    pub(super) fn positions(&self) -> Vec<TopicPosition> {
        let all = self.publisher.positions.iter();
        all.map(|(topic, offset)| TopicPosition { topic: (*topic).to_owned(), offset: *offset }).collect()
    }
}

struct Recovered {
    reader: Reader,
    cursors: HashMap<String, Cursor>,
    published: HashSet<String>,
    positions: BTreeMap<&'static str, i64>,
}

fn recover(
    connection: &Connection,
    lane: i32,
    claim: i64,
    fences: &BTreeMap<&'static str, i64>,
) -> Result<Recovered, RoleError> {
    let reader = Reader::new(connection)?;
    let (cursors, last) = read_cursors(&reader, lane, claim)?;
    let mut published = HashSet::new();
    for topic in COLLECTED {
        let Some(fence) = fences.get(topic).copied() else { continue };
        let from = tail_start(topic, &cursors, last.as_ref());
        let mut newest = i64::MIN;
        // The message before the position is its writer's own: with it the newest epoch is known from the first on.
        reader.read(topic, lane, (from - 1).max(0), fence, |message| {
            let lineage = client::lineage(message.headers());
            let epoch = lineage.epoch.unwrap_or(i64::MIN);
            // What a dispossessed owner published after a fence is dropped by the lake writer: it does not count.
            if lineage.source.is_some() || epoch < newest {
                return;
            }
            newest = epoch;
            if !lineage.fence
                && message.offset() >= from
                && let Some(id) = message.key()
            {
                published.insert(String::from_utf8_lossy(id).into_owned());
            }
        })?;
    }
    let positions = fences.iter().map(|(topic, fence)| (*topic, fence + 1)).collect();
    Ok(Recovered { reader, cursors, published, positions })
}

/// The newest valid cursor of each task of a lane, as they stand now. Blocks while it reads.
pub(crate) fn cursors(connection: &Connection, lane: i32) -> Result<HashMap<String, Cursor>, LogError> {
    let reader = Reader::new(connection)?;
    let (_, high) = reader.watermarks(CURSORS, lane)?;
    Ok(read_cursors(&reader, lane, high)?.0)
}

/// Where the tails begin that the next owner of a lane reads, by topic; none when the lane has never had a task. What stands
/// before them is no longer needed by collectors. Blocks while it reads.
pub(crate) fn tails(connection: &Connection, lane: i32) -> Result<BTreeMap<&'static str, i64>, LogError> {
    let reader = Reader::new(connection)?;
    let (_, high) = reader.watermarks(CURSORS, lane)?;
    let (cursors, last) = read_cursors(&reader, lane, high)?;
    if last.is_none() {
        return Ok(BTreeMap::new());
    }
    // With the message before: see recover.
    Ok(COLLECTED.into_iter().map(|topic| (topic, (tail_start(topic, &cursors, last.as_ref()) - 1).max(0))).collect())
}

fn is_claim(key: Option<&[u8]>) -> bool {
    key.is_some_and(|k| k.starts_with(CLAIM.as_bytes()))
}

type Cursors = HashMap<String, Cursor>;

/// The newest valid cursor of each task, and the newest of all.
fn read_cursors(reader: &Reader, lane: i32, claim: i64) -> Result<(Cursors, Option<Cursor>), LogError> {
    let (mut cursors, mut last, mut epoch) = (Cursors::new(), None, i64::MIN);
    reader.read(CURSORS, lane, 0, claim, |message| {
        if is_claim(message.key()) {
            epoch = message.offset();
            return;
        }
        let Some(payload) = message.payload().filter(|p| !p.is_empty()) else { return };
        match codec::decode::<Cursor>(payload) {
            // Written by an owner that had already lost the lane.
            Ok(cursor) if cursor.epoch != epoch => {}
            Ok(cursor) => {
                cursors.insert(cursor.task.clone(), cursor.clone());
                last = Some(cursor);
            }
            Err(error) => tracing::error!(lane, offset = message.offset(), %error, "a cursor could not be read"),
        }
    })?;
    Ok((cursors, last))
}

/// Where reading a topic's tail begins: at the oldest start of a cycle that is not complete, or, when all are, where
/// the newest cursor stands. Without any cursor: at the beginning.
fn tail_start(topic: &str, cursors: &Cursors, last: Option<&Cursor>) -> i64 {
    let position = |c: &Cursor| c.positions.iter().find(|p| p.topic == topic).map_or(0, |p| p.offset);
    let open = cursors.values().filter(|c| in_cycle(c)).map(position).min();
    open.or_else(|| last.map(position)).unwrap_or(0)
}

/// Is the task within a cycle?
pub(super) fn in_cycle(cursor: &Cursor) -> bool {
    cursor.state.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_stable() {
        assert_eq!(lane_of("demo", 4), lane_of("demo", 4));
        let used: HashSet<i32> = (0..100).map(|i| lane_of(&format!("task-{i}"), 4)).collect();
        assert_eq!(used.len(), 4);
    }

    #[test]
    fn the_tail_starts_at_the_oldest_open_cycle() {
        let at = |offset| vec![TopicPosition { topic: "t".into(), offset }];
        let open =
            Cursor { task: "a".into(), page: 3, state: Some("{}".into()), positions: at(5), ..Cursor::default() };
        let done = Cursor { task: "b".into(), page: 9, state: None, positions: at(50), ..Cursor::default() };
        let mut cursors = Cursors::from([("b".to_owned(), done.clone())]);
        assert_eq!(tail_start("t", &cursors, Some(&done)), 50);
        cursors.insert("a".into(), open);
        assert_eq!(tail_start("t", &cursors, Some(&done)), 5);
        assert_eq!(tail_start("t", &Cursors::new(), None), 0);
    }
}
