//! The connector: one page of a task per poll.

use super::client::{Method, YoutubeClient};
use super::poll::Poll;
use super::task::{Job, TaskError, YoutubeTask};
use super::{CONNECTOR, ZONE};
use crate::source::{Capabilities, CycleContext, Fault, Page, Probe, Source};
use crate::turn::Turn;
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;
use tidelake_schemas::Timestamp;

/// The first video of YouTube, which is there as long as there is a YouTube.
const PROBE: &str = "jNQXAC9IVRw";

/// A Data API task as a source.
#[derive(Clone, Debug)]
pub struct YoutubeSource {
    client: Arc<YoutubeClient>,
    job: Job,
}

impl YoutubeSource {
    /// A source that shares a client, and with it the quotas of its key.
    ///
    /// # Errors
    /// When the task is wrong.
    pub fn with_client(client: Arc<YoutubeClient>, task: &YoutubeTask) -> Result<Self, TaskError> {
        Ok(Self { client, job: Job::read(task)? })
    }
}

#[async_trait]
impl Source for YoutubeSource {
    fn capabilities(&self) -> Capabilities {
        let routes: &'static [&'static str] = match self.job {
            Job::Channels { .. } => &["channels.list", "playlistItems.list", "videos.list"],
            Job::Videos { .. } => &["videos.list"],
            Job::Search(_) => &["search.list", "videos.list"],
            Job::Comments { .. } => &["commentThreads.list"],
        };
        Capabilities { connector: CONNECTOR, routes, zone: ZONE, repeatable: true }
    }

    async fn probe(&self) -> Result<Probe, Fault> {
        let since = Instant::now();
        let none = Timestamp::default();
        let context = CycleContext { task: String::new(), cycle: 0, started_at: none, now: none };
        let parameters = [("part", "id".to_owned()), ("id", PROBE.to_owned())];
        self.client.ask(Method::Videos, &parameters, &mut Turn::new(CONNECTOR, ZONE, &context)).await?;
        Ok(Probe { summary: "the key is accepted".into(), took: since.elapsed() })
    }

    async fn poll(&self, context: &CycleContext, state: Option<&Value>) -> Result<Page, Fault> {
        Poll::new(&self.client, context).run(&self.job, state).await
    }
}
