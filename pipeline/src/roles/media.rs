//! media: from orders to files in object storage, and a row for what became of each.
//!
//! Built as enrich is: one order gives at most one row, in order, on the same partition number, carrying its lineage;
//! orders are committed once their rows are acknowledged. A crash repeats a suffix, which the lake writer's lineage filter
//! drops again; files are named by their content, so that storing them again changes nothing. What an earlier cycle has
//! settled is known by a note in the store, which is written after the row: it gives no row, and nothing is fetched.
//!
//! Orders wait in the log, never in a lane of collect. A full disk ends this role alone; they go on waiting.

mod fetch;
mod job;
mod letter;
mod plan;
mod progress;
#[cfg(test)]
mod tests;

pub(crate) use fetch::Fetchers;
pub(crate) use plan::Plan;

use crate::config::MediaConfig;
use crate::daemon::Role;
use crate::log::client::Connection;
use crate::log::suppressions::Suppressed;
use crate::roles::worker::{Content, Ended, Input, Output, Running, Work, Worker};
use crate::roles::{RoleError, Stop};
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use job::{Outcome, Workshop};
use letter::letter;
use progress::{Reporter, Tally};
use std::sync::Arc;
use tidelake_schemas::MediaOrder;
use tidelake_schemas::codec::{self, CodecError};
use tidelake_schemas::lineage::{Lineage, SourcePosition};
use tidelake_schemas::topics::{DEAD_LETTERS, MEDIA, MEDIA_ORDERS};
use tidelake_sinks::media::MediaStore;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;

/// The consumer group; its committed offsets say how far media is.
pub(crate) const GROUP: &str = "tidelake-media";
/// Orders taken together.
const BATCH: usize = 48;

/// What media needs.
#[derive(Clone)]
pub(crate) struct Media {
    pub connection: Connection,
    /// Partitions of the topic of orders.
    pub partitions: i32,
    pub config: MediaConfig,
    pub fetchers: Arc<dyn Fn() -> Fetchers + Send + Sync>,
    pub store: MediaStore,
    /// Whose files are not fetched.
    pub suppressed: Suppressed,
}

impl Media {
    /// Fetches and stores until told to stop.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), RoleError> {
        let handle = Handle::current();
        self.suppressed.ready().await?;
        let thread = tokio::task::spawn_blocking(move || self.worker(handle)?.run(&stop));
        thread.await.map_err(|e| RoleError::Panicked(e.to_string()))?
    }

    fn worker(self, handle: Handle) -> Result<Worker<Workshop>, RoleError> {
        let tally = Tally::default();
        let reporter = Box::new(Reporter::new(tally.clone()));
        let (fetchers, suppressed) = ((self.fetchers)(), self.suppressed);
        let workshop = Workshop { config: self.config, fetchers, store: self.store, suppressed, tally };
        Worker::start(&self.connection, self.partitions, workshop, reporter, handle)
    }
}

impl Work for Workshop {
    type Item = MediaOrder;
    type Outcome = Outcome;
    const ROLE: Role = Role::Media;
    const GROUP: &'static str = GROUP;
    const TOPIC: &'static str = MEDIA_ORDERS;

    fn items(&self) -> usize {
        BATCH
    }

    fn read(&self, payload: &[u8]) -> Result<Option<MediaOrder>, CodecError> {
        let order: MediaOrder = codec::decode(payload)?;
        let erased = self.suppressed.now().is_some_and(|all| all.holds_id(Some(&order.platform), order.video_id));
        Ok((!erased).then_some(order))
    }

    /// Orders of the same file go together; so many files at the same time.
    fn run(self: Arc<Self>, orders: Vec<MediaOrder>, tell: Sender<Ended<Outcome>>) -> Running {
        Box::pin(async move {
            let groups: Vec<Vec<MediaOrder>> =
                orders.chunk_by(MediaOrder::is_of_same_file).map(<[_]>::to_vec).collect();
            let fetch = |group: Vec<MediaOrder>| {
                let workshop = self.clone();
                async move { workshop.fetch(&group).await }
            };
            let mut ended = stream::iter(groups).map(fetch).buffered(self.config.parallel.max(1));
            while let Some(end) = ended.try_next().await? {
                let waits = matches!(end, Ended::Later(..));
                // Nobody hears when the batch is given up.
                if tell.send(end).await.is_err() || waits {
                    break;
                }
            }
            Ok(())
        })
    }

    fn records(&self, input: &Input<MediaOrder>, outcome: Option<&Outcome>) -> Result<Vec<Output>, RoleError> {
        let Input { partition, offset, .. } = *input;
        let source = Some(SourcePosition { topic: MEDIA_ORDERS.into(), partition, offset });
        let lineage = Lineage { source, ..input.lineage.clone() };
        let output = |topic, key, payload| Output { topic, key, payload, lineage: lineage.clone() };
        Ok(match &input.content {
            // Letters of what was published before and after a fence must be told apart too.
            Content::Fence => vec![output(MEDIA, None, None), output(DEAD_LETTERS, None, None)],
            Content::Poison(payload, error) => {
                let letter = letter(input, payload, error);
                vec![output(DEAD_LETTERS, Some(letter.event_id.clone()), Some(codec::encode(&letter)?))]
            }
            Content::Item(_) | Content::Nothing => match outcome.and_then(|outcome| outcome.entry.as_ref()) {
                Some(entry) => vec![output(MEDIA, Some(entry.event_id.clone()), Some(codec::encode(entry)?))],
                None => Vec::new(),
            },
        })
    }

    /// Notes what needs no asking again.
    fn settled(&self, outcome: Outcome) -> BoxFuture<'_, Result<(), RoleError>> {
        Box::pin(async move {
            if let Some((name, note)) = outcome.note {
                self.store.remember(&name, &note).await?;
            }
            Ok(())
        })
    }
}
