//! A statement underway. A worker on the queries' threads makes rows, a bounded channel carries them, and a watcher on the
//! doors' threads ends it when it may not go on, or nobody takes the rows any more: whoever waits is told at once, even
//! while the worker is deep in an operator.

use crate::audit::Audit;
use crate::core::Role;
use crate::error::ServeError;
use crate::metered::Metered;
use crate::running::Listed;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::logical_expr::LogicalPlan;
use futures::{Stream, StreamExt};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tidelake_sinks::query::{QueryError, Session};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What may wait for a client that is slower than its query.
const WAITING: usize = 2;

/// What a worker sends: the columns, then rows.
enum Part {
    Columns(SchemaRef),
    Rows(RecordBatch),
}

type Parts = mpsc::Sender<Result<Part, ServeError>>;

/// An answer underway. Dropping it ends the query.
#[derive(Debug)]
pub struct Rows {
    /// The columns.
    pub schema: SchemaRef,
    parts: mpsc::Receiver<Result<Part, ServeError>>,
}

impl Stream for Rows {
    type Item = Result<RecordBatch, ServeError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return Poll::Ready(match std::task::ready!(self.parts.poll_recv(context)) {
                Some(Ok(Part::Rows(batch))) => Some(Ok(batch)),
                Some(Ok(Part::Columns(_))) => continue,
                Some(Err(error)) => Some(Err(error)),
                None => None,
            });
        }
    }
}

/// What ends a statement before its last row.
pub(crate) struct Bounds {
    pub timeout: Duration,
    /// Cancelled when its client asks for its end, or everything ends.
    pub stop: CancellationToken,
    /// Cancelled when everything ends.
    pub closing: CancellationToken,
}

/// What a statement runs with: on the list, and with its turn taken, as long as it really runs.
pub(crate) struct Task {
    pub listed: Listed,
    pub role: Arc<Role>,
    pub session: Arc<Session>,
}

impl Task {
    /// Starts it on the queries' threads; answers when the columns are known.
    pub(crate) async fn start<P>(
        self,
        plan: P,
        bounds: Bounds,
        audit: Audit,
        queries: &Handle,
    ) -> Result<Rows, ServeError>
    where
        P: Future<Output = Result<LogicalPlan, QueryError>> + Send + 'static,
    {
        let (sender, mut parts) = mpsc::channel(WAITING);
        let (sent, to) = (Arc::clone(&self.listed.rows), sender.clone());
        let memory: Arc<dyn MemoryPool> = Arc::new(Metered::new(&self.role.memory, &audit.memory));
        let worker = queries.spawn(async move { self.work(plan, memory, &to).await });
        tokio::spawn(watch(worker, sender, bounds, audit, sent));
        match parts.recv().await {
            Some(Ok(Part::Columns(schema))) => Ok(Rows { schema, parts }),
            Some(Err(error)) => Err(error),
            Some(Ok(Part::Rows(_))) | None => Err(ServeError::Stopping),
        }
    }

    /// `Err(None)`: nobody takes the rows.
    async fn work<P>(self, plan: P, memory: Arc<dyn MemoryPool>, parts: &Parts) -> Result<(), Option<ServeError>>
    where
        P: Future<Output = Result<LogicalPlan, QueryError>> + Send,
    {
        let send = async |part| parts.send(Ok(part)).await.map_err(|_| None);
        let _turn = self.role.turns.acquire().await.map_err(|_| Some(ServeError::Stopping))?;
        let plan = plan.await.map_err(|error| Some(error.into()))?;
        let mut answer = self.session.run(plan, memory).await.map_err(|error| Some(error.into()))?;
        send(Part::Columns(Arc::clone(&answer.schema))).await?;
        let mut left = self.role.limits.rows.unwrap_or(u64::MAX);
        while let Some(batch) = answer.stream.next().await {
            let batch = batch.map_err(|error| Some(QueryError::running(error).into()))?;
            let rows = batch.num_rows() as u64;
            if rows > left {
                return Err(Some(ServeError::TooManyRows(self.role.limits.rows.unwrap_or(u64::MAX))));
            }
            left -= rows;
            send(Part::Rows(batch)).await?;
            self.listed.rows.fetch_add(rows, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Waits for the worker's end, or ends it, and tells whoever waits.
async fn watch(
    mut worker: tokio::task::JoinHandle<Result<(), Option<ServeError>>>,
    parts: Parts,
    Bounds { timeout, stop, closing }: Bounds,
    audit: Audit,
    sent: Arc<AtomicU64>,
) {
    let outcome = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Some(match closing.is_cancelled() {
            true => ServeError::Stopping,
            false => ServeError::Cancelled,
        })),
        () = tokio::time::sleep(timeout) => Err(Some(ServeError::Timeout(timeout))),
        ended = &mut worker => ended.unwrap_or_else(|error| {
            Err(Some(ServeError::Query(QueryError::Execution(format!("the query ended unexpectedly: {error}")))))
        }),
        () = parts.closed() => Err(None),
    };
    worker.abort();
    let rows = sent.load(Ordering::Relaxed);
    match outcome {
        Ok(()) => audit.ended(rows, None),
        Err(None) => audit.ended(rows, Some(&ServeError::Cancelled)),
        Err(Some(error)) => {
            audit.ended(rows, Some(&error));
            _ = parts.send(Err(error)).await;
        }
    }
}
