//! The budget topic: how processes that use the same credentials share the daily budgets.
//!
//! A lease is appended to the topic's one partition; then the partition is read up to it. The order of the log decides
//! what is granted ([`Book`]), so that every process comes to the same grants and none exceeds the quota together with
//! others, whatever dies in between. What a process held when it was killed is lost for the day: at most one lease.

use super::LogError;
use super::client::Connection;
use super::reader::Reader;
use crate::clock::now;
use async_trait::async_trait;
use chrono::{Days, NaiveDate};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tidelake_connectors::client::budget::Pace;
use tidelake_connectors::client::lease::{Book, Lease, LendError, Lender, Wish};
use tidelake_schemas::topics::BUDGETS;
use tidelake_schemas::{BudgetEntry, codec};

/// The one partition.
const PARTITION: i32 = 0;

/// Days are told apart by their text, which sorts as they do.
type DayOf = (String, String);

/// Lends by the budget topic.
pub(crate) struct TopicLender {
    connection: Connection,
    process: String,
    producer: Mutex<Option<FutureProducer>>,
    log: Arc<Mutex<BudgetLog>>,
}

/// Only what is safe to print.
impl std::fmt::Debug for TopicLender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopicLender").field("process", &self.process).finish_non_exhaustive()
    }
}

/// The topic, as far as it was read.
#[derive(Default)]
struct BudgetLog {
    reader: Option<Reader>,
    next: i64,
    days: BTreeMap<DayOf, BudgetDay>,
}

/// One budget's day, as the log tells it.
#[derive(Debug, Default)]
pub(crate) struct BudgetDay {
    /// What was granted.
    pub book: Book,
    /// … and when.
    pub pace: Pace,
    /// Requests per day, as the newest lease names them.
    pub daily: u32,
    /// Granted to us and not handed out yet.
    ours: u32,
}

impl TopicLender {
    /// A lender. Connects when it is first asked.
    pub(crate) fn new(connection: Connection) -> Self {
        let process = uuid::Uuid::now_v7().to_string();
        Self { connection, process, producer: Mutex::default(), log: Arc::default() }
    }

    fn producer(&self) -> Result<FutureProducer, LogError> {
        let mut kept = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some(producer) => Ok(producer.clone()),
            None => Ok(kept.insert(self.connection.producer()?).clone()),
        }
    }

    /// Appends an entry; gives its offset once all replicas have it.
    async fn append(&self, entry: BudgetEntry) -> Result<i64, LogError> {
        let entry = BudgetEntry { process: self.process.clone(), written_at: now(), ..entry };
        let (payload, producer) = (codec::encode(&entry)?, self.producer()?);
        let record = FutureRecord::<str, [u8]>::to(BUDGETS).partition(PARTITION).key(&entry.key).payload(&payload);
        let sent = producer.send(record, Timeout::Never).await;
        sent.map(|delivered| delivered.offset).map_err(|(error, _)| LogError::kafka("write to the budgets")(error))
    }

    /// Reads on, off the runtime's threads, and then looks at a budget's day. Reading goes on to its end whoever gives
    /// up waiting for it.
    async fn look<T: Send + 'static>(
        &self,
        key: &str,
        day: NaiveDate,
        see: impl FnOnce(&mut BudgetDay, i64) -> T + Send + 'static,
    ) -> Result<T, LendError> {
        let (connection, process, log) = (self.connection.clone(), self.process.clone(), Arc::clone(&self.log));
        let at = (day.to_string(), key.to_owned());
        let looked = tokio::task::spawn_blocking(move || {
            let mut log = lock(&log);
            log.read_on(&connection, &process)?;
            let next = log.next;
            Ok::<_, LogError>(see(log.days.entry(at).or_default(), next))
        });
        let looked = looked.await.map_err(|e| LendError(format!("a worker ended unexpectedly: {e}")))?;
        looked.map_err(|error| LendError(error.to_string()))
    }
}

fn lock(log: &Mutex<BudgetLog>) -> MutexGuard<'_, BudgetLog> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Lender for TopicLender {
    async fn lend(&self, wish: &Wish) -> Result<Lease, LendError> {
        let share = wish.share;
        // Where nothing is left nothing is written; and what was granted before and not heard of is handed out first.
        let before = self.look(&wish.key, wish.day, move |day, _| day.hand_out(share)).await?;
        if let Some(lease) = before {
            return Ok(lease);
        }
        let entry = BudgetEntry {
            key: wish.key.clone(),
            day: wish.day.to_string(),
            amount: wish.amount.into(),
            share: wish.share.into(),
            daily: wish.daily.into(),
            ..BudgetEntry::default()
        };
        let offset = self.append(entry).await.map_err(|error| LendError(error.to_string()))?;
        let lease = self.look(&wish.key, wish.day, move |day, next| (next > offset).then(|| day.settle())).await?;
        lease.ok_or_else(|| LendError(format!("{BUDGETS} does not show offset {offset}, which it has acknowledged")))
    }

    async fn take_back(&self, key: &str, day: NaiveDate, amount: u32) -> Result<(), LendError> {
        let entry = BudgetEntry {
            key: key.to_owned(),
            day: day.to_string(),
            amount: -i64::from(amount),
            ..BudgetEntry::default()
        };
        self.append(entry).await.map(drop).map_err(|error| LendError(error.to_string()))
    }

    async fn close(&self, key: &str, day: NaiveDate) -> Result<(), LendError> {
        let entry = BudgetEntry { key: key.to_owned(), day: day.to_string(), closed: true, ..BudgetEntry::default() };
        self.append(entry).await.map(drop).map_err(|error| LendError(error.to_string()))
    }
}

impl BudgetLog {
    /// Reads what was appended since the last time.
    fn read_on(&mut self, connection: &Connection, process: &str) -> Result<(), LogError> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::new(connection)?,
        };
        let read = self.read_with(&reader, process);
        self.reader = Some(reader);
        read
    }

    fn read_with(&mut self, reader: &Reader, process: &str) -> Result<(), LogError> {
        let (_, high) = reader.watermarks(BUDGETS, PARTITION)?;
        if high < self.next {
            tracing::warn!(topic = BUDGETS, read = self.next, high, "the topic was made anew; budgets begin again");
            (self.next, self.days) = (0, BTreeMap::new());
        }
        let from = self.next;
        reader.read(BUDGETS, PARTITION, from, high, |message| self.hear(message, process))?;
        let yesterday = now().date().checked_sub_days(Days::new(1)).unwrap_or_default().to_string();
        self.days.retain(|(day, _), _| *day >= yesterday);
        Ok(())
    }

    fn hear(&mut self, message: &BorrowedMessage<'_>, process: &str) {
        self.next = message.offset() + 1;
        match codec::decode::<BudgetEntry>(message.payload().unwrap_or_default()) {
            Ok(entry) => {
                let day = self.days.entry((entry.day.clone(), entry.key.clone())).or_default();
                day.apply(&entry, entry.process == process);
            }
            Err(error) => {
                tracing::error!(offset = message.offset(), %error, "a lease cannot be read: a budget may be exceeded");
            }
        }
    }
}

impl BudgetDay {
    fn apply(&mut self, entry: &BudgetEntry, ours: bool) {
        // What is out of range comes from nobody we know: it is brought into it, by all readers alike.
        let requests = |amount: i64| u32::try_from(amount.max(0)).unwrap_or(u32::MAX);
        if entry.closed {
            self.book.close();
        } else if entry.amount < 0 {
            let back = requests(entry.amount.saturating_neg());
            self.book.take_back(back);
            self.pace.take_back(back);
        } else {
            let granted = self.book.lend(requests(entry.amount), requests(entry.share));
            self.pace.add(granted, entry.written_at);
            self.daily = requests(entry.daily);
            self.ours += if ours { granted } else { 0 };
        }
    }

    /// What can be said without a lease: what is ours already, or that nothing is left.
    fn hand_out(&mut self, share: u32) -> Option<Lease> {
        (self.ours > 0 || self.book.room(share) == 0).then(|| self.settle())
    }

    fn settle(&mut self) -> Lease {
        let granted = std::mem::take(&mut self.ours);
        self.book.lease(granted)
    }
}

/// The budgets by key, each of the day that is its own. Blocks while it reads.
pub(crate) fn budgets_of(
    connection: &Connection,
    day_of: impl Fn(&str) -> NaiveDate,
) -> Result<BTreeMap<String, BudgetDay>, LogError> {
    let mut log = BudgetLog::default();
    log.read_on(connection, "")?;
    let wanted = log.days.into_iter().filter(|((day, key), _)| *day == day_of(key).to_string());
    Ok(wanted.map(|((_, key), budget)| (key, budget)).collect())
}

#[cfg(test)]
mod tests;
