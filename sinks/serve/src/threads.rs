//! Threads of their own for doors and queries, so that collecting and landing keep theirs.

use std::io;
use tokio::runtime::{Builder, Handle, Runtime};

/// How much less than others these threads count when processors are scarce: the scheduler gives a thread of nice value 10
/// about a tenth of what it gives one of value 0.
const NICE: i32 = 10;

/// A runtime that may be dropped anywhere: what still runs on it is left alone.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    /// Starts them: by default half of the processors, at least two.
    pub(crate) fn start(threads: Option<usize>) -> io::Result<Self> {
        let half = || std::thread::available_parallelism().map_or(2, |n| n.get() / 2);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.unwrap_or_else(half).max(if threads.is_some() { 1 } else { 2 }))
            .thread_name("tidelake-query")
            .on_thread_start(yield_to_others)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// To spawn on them.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
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
