//! One topic on its way into one table: decode, filter, buffer, commit.

use super::filter::{Track, Verdict, app_ids};
use super::{Land, Rotation};
use crate::log::client;
use crate::log::client::headers;
use crate::log::suppressions::Suppressed;
use crate::roles::{Progress, RoleError, now};
use arrow::array::RecordBatch;
use arrow_avro::reader::Decoder;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use std::collections::BTreeMap;
use std::time::Instant;
use tidelake_schemas::arrow_schema;
use tidelake_schemas::codec::{self, CodecError};
use tidelake_schemas::lineage::{Lineage, SourcePosition};
use tidelake_schemas::topics::{DEAD_LETTERS, Landed};
use tidelake_schemas::{DeadLetter, ids};
use tidelake_sinks::lake::{CommitRecord, Counts, LakeError, Outcome, PartitionRange, Position, TableWriter};
use tidelake_sinks::privacy::{payload, rows};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Messages decoded together into one Arrow batch.
const BATCH: usize = 4096;

/// A message taken but not yet part of a batch: kept so that a poisonous one can be told from its neighbours.
struct Waiting {
    position: Position,
    payload: Vec<u8>,
    epoch: Option<i64>,
}

/// A message that cannot be decoded, and why.
type Poison = (Waiting, String);

/// A partition since the last commit.
#[derive(Default)]
struct Range {
    /// The track as the table has it.
    stored: Track,
    /// The track after what is buffered.
    track: Track,
    /// First offset since the last commit.
    from: Option<i64>,
    counts: Counts,
}

/// A table's writer: here, or away encoding a batch on a thread of its own while the next batch is polled and decoded.
enum Writer {
    Here(Box<TableWriter>),
    Away(JoinHandle<(Box<TableWriter>, Result<(), LakeError>)>),
    /// Only while it changes hands, or after the thread it was on ended unexpectedly.
    Lost,
}

/// One topic's decoder, filter and table.
pub(super) struct LandedTable {
    landed: Landed,
    writer: Writer,
    /// Rows given to the writer since the last commit.
    written: usize,
    /// Bytes of Parquet the writer had buffered when it was last here.
    bytes: usize,
    decoder: Decoder,
    waiting: Vec<Waiting>,
    ranges: BTreeMap<i32, Range>,
    since: Option<Instant>,
    letters: FutureProducer,
    suppressed: Suppressed,
    progress: Progress,
}

impl LandedTable {
    pub(super) async fn open(land: &Land, landed: Landed) -> Result<Self, RoleError> {
        Ok(Self {
            landed,
            writer: Writer::Here(Box::new(TableWriter::open(&land.lake, landed, &land.files).await?)),
            written: 0,
            bytes: 0,
            decoder: arrow_schema::decoder(landed.schema, BATCH)?,
            waiting: Vec::with_capacity(BATCH),
            ranges: BTreeMap::new(),
            since: None,
            letters: land.connection.producer()?,
            suppressed: land.suppressed.clone(),
            progress: land.progress.clone(),
        })
    }

    pub(super) fn topic(&self) -> &'static str {
        self.landed.topic
    }

    /// The writer, once it has done what it was given.
    async fn writer(&mut self) -> Result<&mut TableWriter, RoleError> {
        if let Writer::Away(work) = &mut self.writer {
            let ended = work.await;
            let (writer, outcome) = ended.map_err(|e| {
                self.writer = Writer::Lost;
                RoleError::Panicked(e.to_string())
            })?;
            self.bytes = writer.bytes();
            self.writer = Writer::Here(writer);
            outcome?;
        }
        match &mut self.writer {
            Writer::Here(writer) => Ok(writer),
            Writer::Away(_) | Writer::Lost => Err(RoleError::Panicked("a table's writer is lost".into())),
        }
    }

    /// Gives the writer a batch and lets it go on by itself; waits for the one before.
    async fn append(&mut self, batch: RecordBatch, positions: Vec<Position>) -> Result<(), RoleError> {
        self.writer().await?;
        let Writer::Here(mut writer) = std::mem::replace(&mut self.writer, Writer::Lost) else { return Ok(()) };
        self.written += batch.num_rows();
        let (handle, landed_at) = (Handle::current(), now());
        self.writer = Writer::Away(tokio::task::spawn_blocking(move || {
            let outcome = handle.block_on(writer.append(&batch, &positions, landed_at));
            (writer, outcome)
        }));
        Ok(())
    }

    /// Drops what is buffered and every partition.
    pub(super) async fn forget(&mut self) -> Result<(), RoleError> {
        self.waiting.clear();
        self.ranges.clear();
        self.since = None;
        (self.written, self.bytes) = (0, 0);
        // What failed is dropped with the rest.
        if let Err(error @ RoleError::Panicked(_)) = self.writer().await {
            return Err(error);
        }
        self.writer().await?.reset();
        Ok(())
    }

    /// Takes partitions on where the table is.
    pub(super) async fn resume(&mut self, partitions: &[i32]) -> Result<(), RoleError> {
        self.forget().await?;
        let ids: Vec<String> = partitions.iter().flat_map(|p| app_ids(self.landed.topic, *p)).collect();
        let stored = self.writer().await?.reload(ids).await?;
        for partition in partitions {
            let track = Track::restore(self.landed.topic, *partition, &stored);
            self.ranges.insert(*partition, Range { stored: track.clone(), track, ..Range::default() });
        }
        Ok(())
    }

    /// Next offset to read; `None` when the table has none of this partition yet.
    pub(super) fn next(&self, partition: i32) -> Option<i64> {
        self.ranges.get(&partition).and_then(|r| r.track.next)
    }

    /// Anything since the last commit?
    pub(super) fn pending(&self) -> bool {
        self.since.is_some()
    }

    pub(super) fn wants_commit(&self, rotation: &Rotation) -> bool {
        let Some(since) = self.since else { return false };
        self.written + self.waiting.len() >= rotation.rows
            || self.bytes >= rotation.bytes
            || since.elapsed() >= rotation.age
    }

    /// Takes one message.
    pub(super) fn take(&mut self, message: &BorrowedMessage<'_>, handle: &Handle) -> Result<(), RoleError> {
        let (partition, offset) = (message.partition(), message.offset());
        // A message of a partition that is no longer ours.
        let Some(range) = self.ranges.get_mut(&partition) else { return Ok(()) };
        let lineage = client::lineage(message.headers());
        let expected = range.track.next;
        let verdict = range.track.judge(offset, &lineage);
        if verdict == Verdict::Behind {
            return Ok(());
        }
        let from = *range.from.get_or_insert(expected.unwrap_or(offset));
        range.counts.gaps += offset - expected.unwrap_or(from);
        self.since.get_or_insert_with(Instant::now);
        match verdict {
            Verdict::Repeated => range.counts.repeated += 1,
            Verdict::Stale => range.counts.stale += 1,
            Verdict::Fence => range.counts.fences += 1,
            Verdict::Take | Verdict::Behind => {
                let payload = message.payload().unwrap_or_default().to_vec();
                self.waiting.push(Waiting { position: Position { partition, offset }, payload, epoch: lineage.epoch });
            }
        }
        if self.waiting.len() >= BATCH {
            handle.block_on(self.write_batch())?;
        }
        Ok(())
    }

    /// Turns the waiting messages into a batch in the table's files. Poisonous ones become dead letters.
    async fn write_batch(&mut self) -> Result<(), RoleError> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let decoded = self.decode(&waiting);
        let (batch, positions) = match decoded {
            Ok(batch) => (batch, waiting.iter().map(|w| w.position).collect::<Vec<_>>()),
            Err(_) => {
                let (good, poison) = self.part(waiting)?;
                for (message, why) in &poison {
                    self.refuse(message, why).await?;
                }
                if good.is_empty() {
                    return Ok(());
                }
                let positions = good.iter().map(|w| w.position).collect();
                (self.decode(&good)?, positions)
            }
        };
        let (batch, positions) = self.without_suppressed(batch, positions)?;
        for position in &positions {
            if let Some(range) = self.ranges.get_mut(&position.partition) {
                range.counts.rows += 1;
            }
        }
        if positions.is_empty() { Ok(()) } else { self.append(batch, positions).await }
    }

    /// Drops the rows about those who are erased, and counts them.
    fn without_suppressed(
        &mut self,
        batch: RecordBatch,
        positions: Vec<Position>,
    ) -> Result<(RecordBatch, Vec<Position>), RoleError> {
        let Some(suppressed) = self.suppressed.now() else { return Ok((batch, positions)) };
        let Some(judged) = rows::judge(&suppressed, self.landed.table, &batch)? else { return Ok((batch, positions)) };
        let mut stay = Vec::with_capacity(positions.len() - judged.gone);
        for (row, position) in positions.into_iter().enumerate() {
            if !judged.goes.value(row) {
                stay.push(position);
            } else if let Some(range) = self.ranges.get_mut(&position.partition) {
                range.counts.suppressed += 1;
            }
        }
        Ok((judged.batch, stay))
    }

    fn decode(&mut self, messages: &[Waiting]) -> Result<RecordBatch, RoleError> {
        let outcome = decode_all(&mut self.decoder, self.landed, messages);
        if outcome.is_err() {
            // What a failed decode leaves in the decoder is not known.
            self.decoder = arrow_schema::decoder(self.landed.schema, BATCH)?;
        }
        outcome
    }

    /// Tells the poisonous messages from the good ones, one by one.
    fn part(&mut self, messages: Vec<Waiting>) -> Result<(Vec<Waiting>, Vec<Poison>), RoleError> {
        let (mut good, mut poison) = (Vec::new(), Vec::new());
        for message in messages {
            match self.decode(std::slice::from_ref(&message)) {
                Ok(_) => good.push(message),
                Err(error) => poison.push((message, error.to_string())),
            }
        }
        Ok((good, poison))
    }

    /// A message that cannot be decoded goes to the dead letters, with its own position as lineage: however often this
    /// is repeated, the dead letters' table takes it once.
    async fn refuse(&mut self, message: &Waiting, why: &str) -> Result<(), RoleError> {
        let Position { partition, offset } = message.position;
        if self.suppressed.now().is_some_and(|suppressed| payload::is_theirs(&suppressed, &message.payload)) {
            if let Some(range) = self.ranges.get_mut(&partition) {
                range.counts.suppressed += 1;
            }
            return Ok(());
        }
        let topic = self.landed.topic;
        let letter = DeadLetter {
            event_id: ids::letter_id(topic, partition, offset, "land"),
            observed_at: now(),
            origin: "land".into(),
            reason: "undecodable".into(),
            message: format!("{why}. The bytes are kept; replay them once they can be read"),
            source_topic: Some(topic.into()),
            source_partition: Some(partition),
            source_offset: Some(offset),
            payload: message.payload.clone(),
            ..DeadLetter::default()
        };
        let source = Some(SourcePosition { topic: topic.into(), partition, offset });
        let lineage = Lineage { source, epoch: message.epoch, ..Lineage::default() };
        let letter = codec::encode(&letter)?;
        let record = FutureRecord::<(), _>::to(DEAD_LETTERS).partition(partition).payload(&letter);
        let record = record.headers(headers(&lineage));
        let sent = self.letters.send(record, Timeout::Never).await;
        sent.map_err(|(error, _)| crate::log::LogError::kafka("send dead letter")(error))?;
        if let Some(range) = self.ranges.get_mut(&partition) {
            range.counts.dead += 1;
        }
        self.progress.dead(1);
        Ok(())
    }

    /// Commits what is buffered. `None`: fenced, nothing of it landed.
    pub(super) async fn commit(&mut self) -> Result<Option<Vec<(i32, i64)>>, RoleError> {
        self.write_batch().await?;
        let (mut from, mut to, mut record) = (BTreeMap::new(), BTreeMap::new(), CommitRecord::default());
        record.operation = uuid::Uuid::now_v7().to_string();
        record.topic = self.landed.topic.to_owned();
        for (partition, range) in self.ranges.iter().filter(|(_, r)| r.from.is_some()) {
            let stored = range.stored.positions(self.landed.topic, *partition);
            let reached = range.track.positions(self.landed.topic, *partition);
            from.extend(reached.keys().map(|id| (id.clone(), stored.get(id).copied())));
            to.extend(reached);
            if let (Some(first), Some(next)) = (range.from, range.track.next) {
                record.partitions.insert(*partition, PartitionRange { from: first, to: next, counts: range.counts });
            }
        }
        if record.partitions.is_empty() {
            self.since = None;
            return Ok(Some(Vec::new()));
        }
        let begun = Instant::now();
        match self.writer().await?.commit(&from, &to, &record).await? {
            Outcome::Fenced { app_id } => {
                tracing::warn!(table = self.landed.table, app_id, "commit fenced");
                Ok(None)
            }
            Outcome::Landed => Ok(Some(self.landed(&record, begun))),
        }
    }

    fn landed(&mut self, record: &CommitRecord, begun: Instant) -> Vec<(i32, i64)> {
        let mut total = Counts::default();
        for (partition, committed) in &record.partitions {
            total.add(&committed.counts);
            if let Some(range) = self.ranges.get_mut(partition) {
                *range =
                    Range { stored: range.track.clone(), track: std::mem::take(&mut range.track), ..Range::default() };
            }
        }
        self.since = None;
        (self.written, self.bytes) = (0, 0);
        self.progress.landed(self.landed.table, &total);
        tracing::debug!(table = self.landed.table, rows = total.rows, took = ?begun.elapsed(), "landed");
        record.partitions.iter().map(|(partition, range)| (*partition, range.to)).collect()
    }
}

fn decode_all(decoder: &mut Decoder, landed: Landed, messages: &[Waiting]) -> Result<RecordBatch, RoleError> {
    for message in messages {
        let found = codec::schema_of_message(&message.payload)?;
        if found != landed.schema {
            return Err(CodecError::WrongSchema { wanted: landed.schema.file(), found: found.file() }.into());
        }
        let used = decoder.decode(&message.payload).map_err(|e| RoleError::Decode(e.to_string()))?;
        if used != message.payload.len() {
            return Err(RoleError::Decode(format!("{} bytes after the record", message.payload.len() - used)));
        }
    }
    let batch = decoder.flush().map_err(|e| RoleError::Decode(e.to_string()))?;
    let batch = batch.ok_or_else(|| RoleError::Decode("no record in the message".into()))?;
    if batch.num_rows() != messages.len() {
        return Err(RoleError::Decode(format!("{} records of {} messages", batch.num_rows(), messages.len())));
    }
    Ok(batch)
}
