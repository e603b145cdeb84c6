//! The connector: one page of links per poll.

use super::answer::Verdict;
use super::client::{OembedClient, Spent};
use super::config::OembedConfig;
use super::poll::Poll;
use super::task::{Entries, OembedTask, TaskError};
use super::{CONNECTOR, ROUTE, ZONE};
use crate::client::profile::NotAllowed;
use crate::source::{Capabilities, CycleContext, Fault, Page, Probe, Source, read_state};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// A page that is there as long as there is a TikTok.
const PROBE: &str = "https://www.tiktok.com/@tiktok";

/// A list of links as a source.
#[derive(Clone, Debug)]
pub struct OembedSource {
    client: Arc<OembedClient>,
    entries: Entries,
}

/// Why a source could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The task is wrong.
    #[error("the task cannot be polled: {0}. Correct it in the configuration.")]
    Task(#[from] TaskError),
    /// The address of the route.
    #[error("base_url: {given:?} is no http or https address: {why}. Correct it in [oembed].")]
    Address {
        /// As given.
        given: String,
        /// What is wrong.
        why: String,
    },
    /// The route may not be taken.
    #[error("{0}")]
    NotAllowed(#[from] NotAllowed),
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up: {0}. Check the machine's certificates.")]
    Http(#[from] reqwest::Error),
}

/// Where a cycle stands: the index of the next link.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Position {
    from: usize,
}

impl OembedSource {
    /// A source with a client of its own.
    ///
    /// # Errors
    /// When the task is wrong or TLS cannot be set up.
    pub fn new(config: OembedConfig, task: &OembedTask) -> Result<Self, SetupError> {
        Self::with_client(Arc::new(OembedClient::new(config)?), task)
    }

    /// A source that shares a client.
    ///
    /// # Errors
    /// When the task is wrong.
    pub fn with_client(client: Arc<OembedClient>, task: &OembedTask) -> Result<Self, SetupError> {
        Ok(Self { client, entries: Entries::read(task)? })
    }
}

#[async_trait]
impl Source for OembedSource {
    fn capabilities(&self) -> Capabilities {
        Capabilities { connector: CONNECTOR, routes: &[ROUTE], zone: ZONE, repeatable: true }
    }

    async fn probe(&self) -> Result<Probe, Fault> {
        let since = Instant::now();
        let mut spent = Spent::default();
        let summary = match self.client.card(PROBE, &mut spent).await? {
            Verdict::Card(_) => "the route answers".to_owned(),
            Verdict::Refused(refused) => format!("the route answers, with a refusal: {}", refused.said),
        };
        Ok(Probe { summary, took: since.elapsed() })
    }

    async fn poll(&self, context: &CycleContext, state: Option<&Value>) -> Result<Page, Fault> {
        let at: Position = read_state("oembed poll", state)?.unwrap_or_default();
        self.client.tell(context.now);
        Poll::new(&self.client, context, &self.entries).run(at.from).await
    }
}
