//! maintain: does the lake's chores ([`CHORES`]), each at its interval, one after the other.
//!
//! Kafka elects who does them: the group's member that has the one partition of `tidelake.maintenance`. Until the others
//! have noticed that it is gone, and while one that lost it finishes a chore, there may be none or two: chores are right
//! all the same, so this only saves work. With the embedded broker the one process there is does them.

use crate::clock;
use crate::config::Config;
use crate::daemon::Role;
use crate::log::LogError;
use crate::log::client::Connection;
use crate::roles::enrich::Assignments;
use crate::roles::{RoleError, Stop};
use crate::upkeep::{Allowance, CHORES, Chore, Done, Outcome, Upkeep};
use indicatif::ProgressBar;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidelake_schemas::topics;
use tidelake_sinks::lake::Lake;
use tokio::sync::watch;

const GROUP: &str = "tidelake-maintain";
/// The first round begins so long after the start: what has just been started has better to do.
const FIRST: Duration = Duration::from_secs(10);

/// What maintain needs.
#[derive(Clone)]
pub(crate) struct Maintain {
    pub connection: Connection,
    pub lake: Lake,
    pub config: Arc<Config>,
}

/// A chore and when it is to be done next.
struct Due {
    chore: Chore,
    every: Duration,
    next: Instant,
}

impl Maintain {
    /// Does chores until told to stop. A chore that is under way is left then: whatever it was at is done again.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), RoleError> {
        let (elected, watching) = self.elect(&stop)?;
        let upkeep = Upkeep {
            lake: self.lake.clone(),
            config: self.config.clone(),
            only: None,
            dry_run: false,
            allowance: Allowance::of(self.config.maintain.bytes_per_hour),
            bar: ProgressBar::hidden(),
            log: Some(self.connection.clone()),
        };
        tokio::select! {
            () = stop.wait() => {}
            () = chores(&upkeep, elected) => {}
        }
        match watching {
            Some(thread) => thread.await.map_err(|e| RoleError::Panicked(e.to_string()))?,
            None => Ok(()),
        }
    }

    /// Tells whether this process is to do the chores.
    fn elect(&self, stop: &Stop) -> Result<(watch::Receiver<bool>, Option<Watching>), RoleError> {
        let (tell, elected) = watch::channel(self.connection.is_alone());
        if self.connection.is_alone() {
            return Ok((elected, None));
        }
        let consumer = self.connection.group_consumer(GROUP, Assignments::of(Role::Maintain))?;
        consumer.subscribe(&[topics::MAINTENANCE]).map_err(LogError::kafka("subscribe"))?;
        let stop = stop.clone();
        Ok((elected, Some(tokio::task::spawn_blocking(move || watch_over(&consumer, &tell, &stop)))))
    }
}

type Watching = tokio::task::JoinHandle<Result<(), RoleError>>;

/// Stays in the group, whatever chores are under way.
fn watch_over(consumer: &BaseConsumer<Assignments>, tell: &watch::Sender<bool>, stop: &Stop) -> Result<(), RoleError> {
    while !stop.asked() {
        // Rebalances are called from within poll; the topic has no messages.
        if let Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) = consumer.poll(Duration::from_millis(200)) {
            return Err(LogError::kafka("consume")(error).into());
        }
        let ours = consumer.assignment().map_err(LogError::kafka("assignment"))?.count() > 0;
        tell.send_if_modified(|known| {
            let changed = *known != ours;
            if changed {
                tracing::info!(elected = ours, "maintain");
            }
            *known = ours;
            changed
        });
    }
    Ok(())
}

async fn chores(upkeep: &Upkeep, mut elected: watch::Receiver<bool>) {
    let now = Instant::now();
    let every = &upkeep.config.maintain.every;
    // A chore that is done more often than that does not wait for the first round.
    let due = CHORES.into_iter().map(|chore| {
        let every = (chore.every)(every);
        Due { chore, every, next: now + FIRST.min(every) }
    });
    let mut all: Vec<Due> = due.collect();
    loop {
        if elected.wait_for(|elected| *elected).await.is_err() {
            return;
        }
        let Some(next) = all.iter_mut().min_by_key(|due| due.next) else { return };
        tokio::time::sleep_until(next.next.into()).await;
        // It may have passed to another meanwhile.
        if !*elected.borrow() {
            continue;
        }
        let begun = Instant::now();
        let outcome = (next.chore.run)(upkeep.clone()).await;
        next.next = Instant::now() + next.every;
        report(next, &outcome, begun.elapsed());
    }
}

fn report(due: &Due, outcome: &Outcome, took: Duration) {
    let (chore, next) = (due.chore.name, clock::wall().plus_secs(i64::try_from(due.every.as_secs()).unwrap_or(0)));
    for Done { table, what } in &outcome.done {
        tracing::info!(chore, table, what, "maintain");
    }
    // The other chores go on.
    for error in &outcome.failed {
        tracing::warn!(chore, error, "maintain: failed; trying again");
    }
    let (done, failed) = (outcome.done.len(), outcome.failed.len());
    tracing::debug!(chore, done, failed, ?took, %next, "maintain: a round is over");
}
