//! Threads of their own for doors and queries, so that collecting and landing keep theirs; and for each of the two, so that a
//! busy query keeps nobody from being let in or from cancelling it.

use std::io;
use tokio::runtime::{Builder, Handle, Runtime};

/// How much less than others these threads count when processors are scarce: the scheduler gives a thread of nice value 10
/// about a tenth of what it gives one of value 0.
const NICE: i32 = 10;

/// Threads that let clients in, and send them their rows.
const DOORS: usize = 2;

/// Runtimes that may be dropped anywhere: what still runs on them is left alone.
pub(crate) struct Threads {
    doors: Option<Runtime>,
    queries: Option<Runtime>,
}

impl Threads {
    /// Starts them: for queries by default half of the processors, at least two.
    pub(crate) fn start(queries: Option<usize>) -> io::Result<Self> {
        let half = || std::thread::available_parallelism().map_or(2, |n| (n.get() / 2).max(2));
        let start = |name: &str, threads: usize| {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(threads.max(1)).thread_name(name).on_thread_start(yield_to_others);
            builder.enable_all().build()
        };
        let queries = start("tidelake-query", queries.unwrap_or_else(half))?;
        Ok(Self { doors: Some(start("tidelake-door", DOORS)?), queries: Some(queries) })
    }

    /// To spawn on them: doors, then queries.
    pub(crate) fn handles(&self) -> Option<(&Handle, &Handle)> {
        self.doors.as_ref().map(Runtime::handle).zip(self.queries.as_ref().map(Runtime::handle))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for runtime in [self.doors.take(), self.queries.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

fn yield_to_others() {
    // On Linux, the calling thread alone; elsewhere it would be the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "queries run at the priority of everything else");
    }
}
