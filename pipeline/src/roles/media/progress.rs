//! How far the files are: counted, and told to whoever watches.

use crate::roles::worker::Report;
use indicatif::{HumanBytes, HumanDuration, ProgressBar};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tidelake_schemas::MediaStatus;

/// How often a terminal is told.
const BEAT: Duration = Duration::from_millis(500);
/// How often a log is told.
const LINE: Duration = Duration::from_secs(10);

/// What has been done by this process. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    ended: [AtomicU64; 6],
    known: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    pub(super) fn ended(&self, status: MediaStatus) {
        self.0.ended[status as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn known(&self) {
        self.0.known.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn fetched(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn orders(&self) -> u64 {
        let ended: u64 = self.0.ended.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        ended + self.0.known.load(Ordering::Relaxed)
    }

    fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }
}

/// `12 stored, 3 duplicate, 5 known`: what there is none of is left out.
impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = (self.0.known.load(Ordering::Relaxed), "kept already");
        let counts = MediaStatus::ALL
            .iter()
            .map(|status| (self.0.ended[*status as usize].load(Ordering::Relaxed), status.name()));
        let told: Vec<String> =
            counts.chain([known]).filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
        if told.is_empty() { f.write_str("nothing yet") } else { f.write_str(&told.join(", ")) }
    }
}

/// Tells how far it is: a line that changes on a terminal, log lines elsewhere.
pub(super) struct Reporter {
    tally: Tally,
    bar: Option<ProgressBar>,
    told: Instant,
    orders: u64,
    bytes: u64,
}

impl Reporter {
    pub(super) fn new(tally: Tally) -> Self {
        let (orders, bytes) = (tally.orders(), tally.bytes());
        let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        Self { tally, bar, told: Instant::now(), orders, bytes }
    }
}

impl Report for Reporter {
    fn is_due(&self) -> bool {
        self.told.elapsed() >= if self.bar.is_some() { BEAT } else { LINE }
    }

    /// Tells what was done since the last time, if anything was; `waiting` orders are still in the log.
    fn tell(&mut self, waiting: u64) {
        let (orders, bytes) = (self.tally.orders(), self.tally.bytes());
        let seconds = self.told.elapsed().as_secs_f64().max(0.001);
        let (done, read) = ((orders - self.orders) as f64 / seconds, (bytes - self.bytes) as f64 / seconds);
        (self.told, self.bytes) = (Instant::now(), bytes);
        let idle = std::mem::replace(&mut self.orders, orders) == orders;
        if idle && waiting == 0 {
            // A line that says nothing new only stands in the way of the log.
            self.bar.iter().for_each(ProgressBar::finish_and_clear);
            return;
        }
        let left = (done > 0.0 && waiting > 0).then(|| Duration::from_secs_f64((waiting as f64 / done).min(1e6)));
        let left = left.map_or_else(String::new, |left| format!(", about {} left", HumanDuration(left)));
        let (rate, tally) = (HumanBytes(read as u64), &self.tally);
        match &mut self.bar {
            Some(bar) => {
                if bar.is_finished() {
                    *bar = ProgressBar::new_spinner();
                }
                bar.set_message(format!("media: {tally}; {} at {rate}/s; {waiting} waiting{left}", HumanBytes(bytes)));
                bar.tick();
            }
            None => tracing::info!(
                %tally, fetched = %HumanBytes(bytes), rate = %format!("{rate}/s"), waiting,
                "media{left}"
            ),
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
        if self.tally.orders() > 0 {
            tracing::info!(tally = %self.tally, fetched = %HumanBytes(self.tally.bytes()), "media: stopped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_place() {
        for (place, status) in MediaStatus::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, place);
        }
        let tally = Tally::default();
        assert_eq!(tally.to_string(), "nothing yet");
        tally.ended(MediaStatus::Failed);
        tally.ended(MediaStatus::Stored);
        tally.known();
        assert_eq!(tally.to_string(), "1 stored, 1 failed, 1 kept already");
    }
}
