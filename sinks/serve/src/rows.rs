//! A statement underway: a task makes rows, a bounded channel carries them, and the task ends when the statement may not go
//! on, or nobody takes the rows any more.

use crate::audit::Audit;
use crate::core::Role;
use crate::error::ServeError;
use crate::running::Listed;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::LogicalPlan;
use futures::{Stream, StreamExt};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use tidelake_sinks::query::{QueryError, Session};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Batches that may wait for a client that is slower than its query.
const WAITING: usize = 2;

type Head = oneshot::Sender<Result<SchemaRef, ServeError>>;
type Body = mpsc::Sender<Result<RecordBatch, ServeError>>;

/// An answer underway. Dropping it ends the query.
#[derive(Debug)]
pub struct Rows {
    /// The columns.
    pub schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch, ServeError>>,
}

impl Stream for Rows {
    type Item = Result<RecordBatch, ServeError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_recv(context)
    }
}

/// What a statement runs with.
pub(crate) struct Task {
    pub listed: Listed,
    pub role: Arc<Role>,
    pub session: Arc<Session>,
}

impl Task {
    /// Starts it; answers when the columns are known.
    pub(crate) async fn start<P>(
        self,
        plan: P,
        timeout: Duration,
        stop: CancellationToken,
        closing: CancellationToken,
        audit: Audit,
    ) -> Result<Rows, ServeError>
    where
        P: Future<Output = Result<LogicalPlan, QueryError>> + Send + 'static,
    {
        let (head, columns) = oneshot::channel();
        let (body, batches) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let mut head = Some(head);
            let outcome = tokio::select! {
                biased;
                () = stop.cancelled() => Err(Some(match closing.is_cancelled() {
                    true => ServeError::Stopping,
                    false => ServeError::Cancelled,
                })),
                () = tokio::time::sleep(timeout) => Err(Some(ServeError::Timeout(timeout))),
                outcome = self.work(plan, &mut head, &body) => outcome,
                // Nobody waits for columns or rows any more.
                () = body.closed() => Err(None),
            };
            let rows = self.listed.rows.load(Ordering::Relaxed);
            // Off the list, with its memory and its turn given back, before a client that does not read is waited for.
            drop(self);
            match outcome {
                Ok(()) => audit.ended(rows, None),
                Err(None) => audit.ended(rows, Some(&ServeError::Cancelled)),
                Err(Some(error)) => {
                    audit.ended(rows, Some(&error));
                    match head {
                        Some(head) => _ = head.send(Err(error)),
                        None => _ = body.send(Err(error)).await,
                    }
                }
            }
        });
        let schema = columns.await.map_err(|_| ServeError::Stopping)??;
        Ok(Rows { schema, batches })
    }

    /// `Err(None)`: nobody takes the rows.
    async fn work<P>(&self, plan: P, head: &mut Option<Head>, body: &Body) -> Result<(), Option<ServeError>>
    where
        P: Future<Output = Result<LogicalPlan, QueryError>> + Send,
    {
        let _turn = self.role.turns.acquire().await.map_err(|_| Some(ServeError::Stopping))?;
        let plan = plan.await.map_err(|error| Some(error.into()))?;
        let mut answer = self.session.run(plan).await.map_err(|error| Some(error.into()))?;
        if let Some(head) = head.take() {
            head.send(Ok(Arc::clone(&answer.schema))).map_err(|_| None)?;
        }
        let mut left = self.role.limits.rows.unwrap_or(u64::MAX);
        while let Some(batch) = answer.stream.next().await {
            let batch = batch.map_err(|error| Some(QueryError::running(error).into()))?;
            let rows = batch.num_rows() as u64;
            if rows > left {
                return Err(Some(ServeError::TooManyRows(self.role.limits.rows.unwrap_or(u64::MAX))));
            }
            left -= rows;
            body.send(Ok(batch)).await.map_err(|_| None)?;
            self.listed.rows.fetch_add(rows, Ordering::Relaxed);
        }
        Ok(())
    }
}
