//! The topic of suppressions: who is erased, followed by every role that takes records.

use super::LogError;
use super::client::Connection;
use super::reader::Reader;
use crate::roles::now;
use rdkafka::message::Message;
use rdkafka::producer::FutureRecord;
use rdkafka::util::Timeout;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tidelake_schemas::topics::SUPPRESSIONS;
use tidelake_schemas::{Suppression, codec};
use tidelake_sinks::privacy::{PrivacyKey, Suppressions};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How often the topic is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// By then every follower has heard of what was written, unless it is stopped or frozen.
pub(crate) const HEARD_AFTER: Duration = Duration::from_secs(2);
/// Hashes of one message.
const CHUNK: usize = 4096;
const PATIENCE: Timeout = Timeout::After(Duration::from_secs(30));

/// What is known of suppressions; the error is for good.
type Known = Option<Result<Arc<Suppressions>, String>>;

/// Who is suppressed, as far as has been heard. Cheap to clone; whoever holds one keeps it following.
#[derive(Clone)]
pub(crate) struct Suppressed {
    known: watch::Receiver<Known>,
    _following: Arc<DropGuard>,
}

impl Suppressed {
    /// Follows the topic on a thread of its own.
    pub(crate) fn follow(connection: &Connection, key: PrivacyKey) -> Self {
        let (tell, known) = watch::channel(None);
        let stop = CancellationToken::new();
        let (connection, until) = (connection.clone(), stop.clone());
        tokio::task::spawn_blocking(move || follow(&connection, key, &tell, &until));
        Self { known, _following: Arc::new(stop.drop_guard()) }
    }

    /// Nobody, for tests of what takes records.
    #[cfg(test)]
    pub(crate) fn nobody() -> Self {
        let none = Arc::new(Suppressions::none(PrivacyKey::new(&[0; 32])));
        let (_, known) = watch::channel(Some(Ok(none)));
        Self { known, _following: Arc::new(CancellationToken::new().drop_guard()) }
    }

    /// Waits until all that is written by now has been read: no record may be taken before.
    pub(crate) async fn ready(&self) -> Result<(), LogError> {
        let mut known = self.known.clone();
        let first = known.wait_for(Option::is_some).await;
        let gone = || LogError::Suppressions("the follower of the topic has ended".to_owned());
        match first.map_err(|_| gone())?.as_ref() {
            Some(Err(why)) => Err(LogError::Suppressions(why.clone())),
            _ => Ok(()),
        }
    }

    /// Who is suppressed now. After [`Self::ready`].
    pub(crate) fn now(&self) -> Option<Arc<Suppressions>> {
        match self.known.borrow().as_ref() {
            Some(Ok(known)) if !known.is_empty() => Some(known.clone()),
            _ => None,
        }
    }
}

fn follow(connection: &Connection, key: PrivacyKey, tell: &watch::Sender<Known>, stop: &CancellationToken) {
    let (mut all, mut at, mut reader) = (Suppressions::none(key), 0, None);
    while !stop.is_cancelled() {
        match more(connection, &mut reader, &mut all, &mut at) {
            Ok(news) => {
                if news || tell.borrow().is_none() {
                    tell.send_replace(Some(Ok(Arc::new(all.clone()))));
                }
            }
            Err(LogError::Suppressions(why)) => {
                tell.send_replace(Some(Err(why)));
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "suppressions could not be read; asking again");
                reader = None;
            }
        }
        std::thread::park_timeout(LOOK);
    }
}

/// Reads what has been written since; whether anything was.
fn more(
    connection: &Connection,
    reader: &mut Option<Reader>,
    all: &mut Suppressions,
    at: &mut i64,
) -> Result<bool, LogError> {
    let reader = match reader {
        Some(reader) => reader,
        None => reader.insert(Reader::new(connection)?),
    };
    let (_, high) = reader.watermarks(SUPPRESSIONS, 0)?;
    if high <= *at {
        return Ok(false);
    }
    for record in records(reader, *at, high)? {
        check(&record, all)?;
        all.insert_all(&record.platform, record.hashes.iter().map(String::as_str));
    }
    *at = high;
    Ok(true)
}

fn records(reader: &Reader, from: i64, to: i64) -> Result<Vec<Suppression>, LogError> {
    let (mut records, mut unread) = (Vec::new(), None);
    reader.read(SUPPRESSIONS, 0, from, to, |message| {
        match message.payload().filter(|p| !p.is_empty()).map(codec::decode::<Suppression>) {
            Some(Ok(record)) => records.push(record),
            Some(Err(error)) => unread = Some(error),
            None => {}
        }
    })?;
    // Whoever it names would be collected again.
    unread.map_or(Ok(records), |error| Err(LogError::Suppressions(format!("a record cannot be read: {error}"))))
}

fn check(record: &Suppression, all: &Suppressions) -> Result<(), LogError> {
    if record.key_check == all.key_check() {
        return Ok(());
    }
    Err(LogError::Suppressions(format!(
        "erasure {} was made with another privacy key than this process has, so that nobody it names would be known. Give \
         every process the same file in [privacy] key_file",
        record.erasure
    )))
}

/// Everybody who is suppressed, by erasure. Blocks while it reads.
pub(crate) fn read(connection: &Connection, key: &PrivacyKey) -> Result<BTreeMap<String, Suppressions>, LogError> {
    let reader = Reader::new(connection)?;
    let (low, high) = reader.watermarks(SUPPRESSIONS, 0)?;
    let mut all: BTreeMap<String, Suppressions> = BTreeMap::new();
    for record in records(&reader, low, high)? {
        let one = all.entry(record.erasure.clone()).or_insert_with(|| Suppressions::none(key.clone()));
        check(&record, one)?;
        one.insert_all(&record.platform, record.hashes.iter().map(String::as_str));
    }
    Ok(all)
}

/// Everybody who is suppressed.
pub(crate) async fn everybody(connection: &Connection, key: &PrivacyKey) -> Result<Suppressions, LogError> {
    let mut all = Suppressions::none(key.clone());
    let (connection, key) = (connection.clone(), key.clone());
    let read = tokio::task::spawn_blocking(move || read(&connection, &key)).await;
    let by_erasure = read.map_err(|e| LogError::Embedded(format!("suppressions: {e}")))??;
    by_erasure.values().for_each(|some| all.extend(some));
    Ok(all)
}

/// Whoever is suppressed by these messages.
pub(crate) fn of_messages(messages: &[Vec<u8>], key: &PrivacyKey) -> Result<Suppressions, LogError> {
    let mut all = Suppressions::none(key.clone());
    for message in messages {
        let record: Suppression = codec::decode(message)?;
        check(&record, &all)?;
        all.insert_all(&record.platform, record.hashes.iter().map(String::as_str));
    }
    Ok(all)
}

/// Suppresses whoever goes by these hashes, for good.
pub(crate) async fn write(
    connection: &Connection,
    erasure: &str,
    platform: &str,
    erased: &Suppressions,
) -> Result<(), LogError> {
    let producer = connection.producer()?;
    for (key, payload) in messages(erasure, platform, erased)? {
        let message = FutureRecord::to(SUPPRESSIONS).partition(0).key(&key).payload(&payload);
        let sent = producer.send(message, PATIENCE).await;
        sent.map_err(|(error, _)| LogError::kafka("write suppressions")(error))?;
    }
    Ok(())
}

/// The messages of a suppression: keys and payloads.
pub(crate) fn messages(
    erasure: &str,
    platform: &str,
    erased: &Suppressions,
) -> Result<Vec<(String, Vec<u8>)>, LogError> {
    let mut messages = Vec::new();
    for (part, hashes) in erased.hashes().chunks(CHUNK).enumerate() {
        let record = Suppression {
            erasure: erasure.to_owned(),
            platform: platform.to_owned(),
            hashes: hashes.to_vec(),
            key_check: erased.key_check(),
            written_at: now(),
        };
        // A hash of its own in the key: what a resumed erasure adds must not displace what it had.
        let key = format!("{erasure}/{part}/{}", hashes.first().map_or("", |h| &h[..8]));
        messages.push((key, codec::encode(&record)?));
    }
    Ok(messages)
}
