//! annotate: from enriched videos to what an external model says of their captions.
//!
//! One observation gives at most one row, in order, on the same partition number. Its lineage is that of the observation
//! (the row stands beside the one in `video_observations`), so that what enrich or this role repeat after a crash is
//! dropped by the lake writer, as it drops it there. What is not asked about gives no row. A message that cannot be read
//! gives none either: land, which reads the same message, sends the letter.
//!
//! The same caption of the same video is asked about once: what is answered is known from then on, and of earlier runs from
//! the lake ([`Known`]). While the endpoint is in trouble, captions wait in the log, never in the roles before. An answer
//! that no caption would get (a wrong key, a model that is not there) ends this role alone.

mod ask;
mod known;
mod tally;
#[cfg(test)]
mod tests;

use crate::daemon::Role;
use crate::log::client::Connection;
use crate::log::suppressions::Suppressed;
use crate::roles::worker::{Content, Ended, Input, Output, Running, Work, Worker};
use crate::roles::{RoleError, Stop};
use ask::{Asker, Outcome, Question};
use futures::future::BoxFuture;
use known::Known;
use std::sync::Arc;
use tidelake_connectors::annotate::{Annotator, ExternalModelConfig};
use tidelake_schemas::codec::{self, CodecError};
use tidelake_schemas::topics::{ANNOTATIONS, VIDEO_ENRICHED};
use tidelake_sinks::lake::Lake;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;

/// Questions taken together, at least.
const BATCH: usize = 48;

/// What annotate needs.
#[derive(Clone)]
pub(crate) struct Annotate {
    pub connection: Connection,
    /// Partitions of the enriched topic.
    pub partitions: i32,
    /// Where earlier answers are.
    pub lake: Lake,
    pub config: ExternalModelConfig,
    /// Whose captions are not handed on.
    pub suppressed: Suppressed,
}

impl Annotate {
    /// Asks until told to stop.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), RoleError> {
        let annotator = Annotator::new(&self.config, crate::clock::for_connectors())?;
        let known = Known::of_lake(&self.lake, &annotator).await;
        self.suppressed.ready().await?;
        let mut asker = Asker::new(self.config, annotator, known);
        asker.suppressed = Some(self.suppressed);
        let (connection, partitions, handle) = (self.connection, self.partitions, Handle::current());
        let thread = tokio::task::spawn_blocking(move || {
            let reporter = asker.reporter();
            Worker::start(&connection, partitions, asker, Box::new(reporter), handle)?.run(&stop)
        });
        thread.await.map_err(|e| RoleError::Panicked(e.to_string()))?
    }
}

impl Work for Asker {
    type Item = Question;
    type Outcome = Outcome;
    const ROLE: Role = Role::Annotate;
    const GROUP: &'static str = "tidelake-annotate";
    const TOPIC: &'static str = VIDEO_ENRICHED;

    fn items(&self) -> usize {
        BATCH.max(2 * self.config.concurrency)
    }

    fn read(&self, payload: &[u8]) -> Result<Option<Question>, CodecError> {
        self.question(payload)
    }

    fn run(self: Arc<Self>, questions: Vec<Question>, tell: Sender<Ended<Outcome>>) -> Running {
        Box::pin(async move { self.ask_all(questions, &tell).await })
    }

    fn records(&self, input: &Input<Question>, outcome: Option<&Outcome>) -> Result<Vec<Output>, RoleError> {
        let output = |key, payload| Output { topic: ANNOTATIONS, key, payload, lineage: input.lineage.clone() };
        if let Content::Poison(_, error) = &input.content {
            let (partition, offset) = (input.partition, input.offset);
            tracing::warn!(partition, offset, %error, "annotate: passed over; land sends the letter");
        }
        Ok(match (&input.content, outcome.and_then(|outcome| outcome.row.as_ref())) {
            (Content::Fence, _) => vec![output(None, None)],
            (_, Some(row)) => vec![output(Some(row.event_id.clone()), Some(codec::encode(row)?))],
            (_, None) => Vec::new(),
        })
    }

    fn settled(&self, outcome: Outcome) -> BoxFuture<'_, Result<(), RoleError>> {
        self.note(&outcome);
        Box::pin(std::future::ready(Ok(())))
    }
}
