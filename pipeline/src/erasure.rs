//! An erasure from beginning to end: who is meant is suppressed first, then taken out of everything there is.
//!
//! Whatever stops it, the same command goes on where it was: a receipt that is not complete says that there is something to
//! go on with, the topic of suppressions says for whom, and each step finds what is left by looking.

mod copies;
mod disk;
mod media;
mod topics;

use crate::cli::Failure;
use crate::daemon::Daemon;
use crate::log::suppressions::{self, HEARD_AFTER};
use crate::roles::now;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tidelake_sinks::lake::erasure::{self, Basis, Why};
use tidelake_sinks::privacy::{Receipt, Receipts, Remains, State, Subject, Suppressions, TableErased};
use topics::Place;
use uuid::Uuid;

/// Readers that do not move for so long are not running.
const STILL: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(250);

/// What is to be erased, and how long readers are waited for.
pub(crate) struct Order {
    pub platform: String,
    /// As named in the command: handles, ids.
    pub named: Vec<String>,
    /// Every name the lake knows.
    pub subject: Subject,
    /// By which right.
    pub basis: Option<Basis>,
    /// In words.
    pub reason: Option<String>,
    /// How long running readers are waited for.
    pub patience: Duration,
}

/// An erasure at work.
pub(crate) struct Erasure<'a> {
    daemon: &'a Daemon,
    receipts: Receipts,
    receipt: Receipt,
    erased: Suppressions,
    /// Tasks that asked for nobody else.
    gone: BTreeSet<String>,
    say: &'a dyn Fn(String),
}

impl<'a> Erasure<'a> {
    /// Carries an order out, or goes on with it; says on the way what it does.
    pub(crate) async fn run(daemon: &'a Daemon, order: &Order, say: &'a dyn Fn(String)) -> Result<Receipt, Failure> {
        let mut this = Self::begin(daemon, order, say).await?;
        this.suppress(order).await?;
        let marks = this.marks().await?;
        this.take_back().await?;
        this.media().await?;
        this.tables().await?;
        if this.wait(&marks, order.patience).await? {
            // What readers held when they heard has landed now.
            this.tables().await?;
            this.media().await?;
        }
        this.topics(&marks).await?;
        this.copies(order).await?;
        this.disk()?;
        this.end().await
    }

    async fn begin(daemon: &'a Daemon, order: &Order, say: &'a dyn Fn(String)) -> Result<Self, Failure> {
        let key = daemon.privacy_key.clone();
        let named = Suppressions::of(key.clone(), &order.platform, order.named.iter().map(String::as_str));
        let names = order.subject.names();
        let erased = Suppressions::of(
            key,
            &order.platform,
            names.iter().map(String::as_str).chain(order.named.iter().map(String::as_str)),
        );
        let receipts = Receipts::of(&daemon.lake)?;
        let asked = named.hashes();
        let known = receipts.all().await?;
        let open = known.into_iter().rev().find(|r| r.state != State::Complete && r.asked == asked);
        let receipt = match open {
            Some(mut open) => {
                say(format!("going on with erasure {}", open.id));
                // What is still there is looked for again.
                (open.topics, open.copies) = (Vec::new(), Vec::new());
                (open.remains, open.fades) = (Vec::new(), Vec::new());
                open
            }
            None => Receipt {
                id: Uuid::now_v7().to_string(),
                asked_at: now(),
                platform: order.platform.clone(),
                asked,
                ..Receipt::default()
            },
        };
        let mut receipt = receipt;
        receipt.basis = order.basis.or(receipt.basis);
        let reason = order.reason.as_deref().map(|reason| erased.redact(reason, false).into_owned());
        receipt.reason = reason.or(receipt.reason);
        receipts.put(&receipt).await?;
        Ok(Self { daemon, receipts, receipt, erased, gone: BTreeSet::new(), say })
    }

    fn why(&self) -> Why {
        let Receipt { id, basis, reason, .. } = &self.receipt;
        Why { erasure: id.clone(), basis: *basis, reason: reason.clone() }
    }

    fn say(&self, what: impl Into<String>) {
        (self.say)(what.into());
    }

    /// Writes the suppression, and takes up what this erasure had suppressed before it was stopped: what the lake knew then
    /// it may no longer know.
    async fn suppress(&mut self, order: &Order) -> Result<(), Failure> {
        let (connection, key) = (self.daemon.connection.clone(), self.daemon.privacy_key.clone());
        let before = tokio::task::spawn_blocking(move || suppressions::read(&connection, &key)).await??;
        let (before_len, new) = (before.get(&self.receipt.id).map_or(0, Suppressions::len), self.erased.len());
        if let Some(before) = before.get(&self.receipt.id) {
            self.erased.extend(before);
        }
        suppressions::write(&self.daemon.connection, &self.receipt.id, &order.platform, &self.erased).await?;
        self.receipt.suppressed = self.erased.len();
        self.receipts.put(&self.receipt).await?;
        tracing::debug!(before_len, new, "suppressed");
        self.say(format!("suppressed: {} names; nothing of them is taken again", self.erased.len()));
        tokio::time::sleep(HEARD_AFTER).await;
        Ok(())
    }

    /// How far topics reach now: what comes later was written by those who have heard, and lands with those who have.
    async fn marks(&self) -> Result<BTreeMap<Place, (i64, i64)>, Failure> {
        let (connection, partitions) = (self.daemon.connection.clone(), self.daemon.config.layout().partitions());
        Ok(tokio::task::spawn_blocking(move || topics::ends(&connection, partitions)).await??)
    }

    async fn take_back(&mut self) -> Result<(), Failure> {
        let lanes = self.daemon.config.log.lanes;
        let taken = topics::take_back(&self.daemon.connection, lanes, &self.erased).await?;
        let left = taken.left;
        self.gone = taken.tasks;
        for topic in &taken.told {
            self.say(format!("{}: {} taken back or changed", topic.topic, topic.removed));
        }
        self.receipt.topics.extend(taken.told);
        if left > 0 {
            self.remains(
                format!("positions of {left} task(s) that also ask for others"),
                "they hold the names until the task's next cycle is complete; collecting goes on without them",
            );
        }
        Ok(())
    }

    async fn media(&mut self) -> Result<(), Failure> {
        let Some(removed) = media::erase(self.daemon, &self.erased).await? else { return Ok(()) };
        let media = &mut self.receipt.media;
        media.files += removed.files;
        media.notes += removed.notes;
        media.shared = media.shared.max(removed.shared);
        if removed.files + removed.notes > 0 {
            self.say(format!("media: {} files and {} notes deleted", removed.files, removed.notes));
        }
        Ok(())
    }

    async fn tables(&mut self) -> Result<(), Failure> {
        let (lake, options) = (&self.daemon.lake, self.daemon.config.files());
        let why = self.why();
        for name in erasure::tables(lake).await? {
            let Some(taken) = erasure::erase(lake, &name, &self.erased, &why, &options, None).await? else {
                continue;
            };
            let Some(mut table) = lake.open(&name).await? else { continue };
            let purged = erasure::purge(&mut table, &name, &self.erased, now()).await?;
            if purged.waiting > 0 {
                let what = format!("table {name}: {} file(s) that a writer may be about to commit", purged.waiting);
                self.remains(what, "looked at again by `tidelake privacy recheck`, an hour after they were written");
            }
            if taken.files > 0 || !purged.is_nothing() {
                self.say(format!(
                    "{name}: {} rows out of {} files, {} files of older versions",
                    taken.rows, taken.files, purged.files
                ));
            }
            self.receipt.note_table(TableErased {
                table: name,
                rows: taken.rows,
                redacted: taken.redacted,
                files: taken.files,
                old_files: purged.files,
                log_entries: purged.entries,
                checkpoints: purged.checkpoints,
                clean_version: taken.clean_version,
            });
            self.receipts.put(&self.receipt).await?;
        }
        Ok(())
    }

    /// Waits until readers have passed what was written before; whether there may be any. Where nobody else can be running,
    /// nobody is waited for.
    async fn wait(&self, marks: &BTreeMap<Place, (i64, i64)>, patience: Duration) -> Result<bool, Failure> {
        let Daemon { connection, lake, config, .. } = self.daemon;
        let begun = Instant::now();
        if connection.is_alone() {
            return Ok(false);
        }
        let (mut last, mut least) = (Instant::now(), i64::MAX);
        loop {
            let left = topics::unread(marks, &topics::passed(connection, lake, config).await?);
            if left < least {
                (least, last) = (left, Instant::now());
                if left > 0 {
                    self.say(format!("waiting until {left} messages have been read"));
                }
            }
            if left == 0 || last.elapsed() > STILL || begun.elapsed() > patience {
                return Ok(true);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn topics(&mut self, marks: &BTreeMap<Place, (i64, i64)>) -> Result<(), Failure> {
        let Daemon { connection, lake, config, .. } = self.daemon;
        // What was being polled when the task was taken back has written its cursor once more.
        topics::forget_cursors(connection, config.log.lanes, &self.erased, &self.gone).await?;
        let passed = topics::passed(connection, lake, config).await?;
        let told = topics::trim(connection, config.layout().partitions(), marks, passed, &self.erased).await?;
        let remaining: i64 = told.iter().map(|topic| topic.remaining).sum();
        let removed: i64 = told.iter().map(|topic| topic.removed).sum();
        self.say(format!("topics: {removed} messages removed, {remaining} of theirs remain"));
        self.receipt.topics.extend(told);
        if remaining > 0 {
            let why = "not every reader has passed them, or a task's cycle is not complete; none of them lands. Run the daemon \
                       and erase again, or wait until log.retention has removed them";
            self.remains(format!("{remaining} messages of theirs in the log"), why);
        }
        Ok(())
    }

    fn remains(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let remains = Remains { what: what.into(), why: why.into() };
        if !self.receipt.remains.contains(&remains) {
            self.receipt.remains.push(remains);
        }
    }

    async fn end(mut self) -> Result<Receipt, Failure> {
        self.receipt.state = if self.receipt.remains.is_empty() { State::Complete } else { State::Partial };
        self.receipt.done_at = Some(now());
        self.receipts.put(&self.receipt).await?;
        Ok(self.receipt)
    }
}
