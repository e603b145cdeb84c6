//! How far the questions are: counted, and told to the log.

use crate::roles::worker::Report;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the log is told.
const LINE: Duration = Duration::from_secs(10);

/// What has become of questions in this process. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) answered: AtomicU64,
    pub(super) failed: AtomicU64,
    /// Asked about before.
    pub(super) known: AtomicU64,
    /// Paid for.
    pub(super) tokens: AtomicU64,
}

impl std::ops::Deref for Tally {
    type Target = Counts;

    fn deref(&self) -> &Counts {
        &self.0
    }
}

impl Tally {
    fn read(&self) -> [u64; 4] {
        [&self.answered, &self.failed, &self.known, &self.tokens].map(|count| count.load(Ordering::Relaxed))
    }
}

/// Tells the log when anything has happened.
pub(super) struct Reporter {
    tally: Tally,
    told: Instant,
    last: [u64; 4],
}

impl Reporter {
    pub(super) fn new(tally: Tally) -> Self {
        let last = tally.read();
        Self { tally, told: Instant::now(), last }
    }
}

impl Report for Reporter {
    fn is_due(&self) -> bool {
        self.told.elapsed() >= LINE
    }

    fn tell(&mut self, waiting: u64) {
        self.told = Instant::now();
        let now = self.tally.read();
        if std::mem::replace(&mut self.last, now) != now {
            let [answered, failed, known, tokens] = now;
            tracing::info!(answered, failed, known, tokens, waiting, "annotate");
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let [answered, failed, known, tokens] = self.tally.read();
        if answered + failed + known > 0 {
            tracing::info!(answered, failed, known, tokens, "annotate: stopped");
        }
    }
}
