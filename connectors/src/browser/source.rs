//! The connector: a part of a page per poll.

use super::CONNECTOR;
use super::client::BrowserClient;
use super::fault::Stop;
use super::poll::{Poll, Position};
use crate::source::{Capabilities, CycleContext, Fault, Page, Probe, Source, read_state};
use crate::web::{Entries, PageTask, TaskError, ZONE};
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// Public pages in a browser, as a source.
#[derive(Clone, Debug)]
pub struct BrowserSource {
    client: Arc<BrowserClient>,
    entries: Entries,
}

impl BrowserSource {
    /// A source that shares a client.
    ///
    /// # Errors
    /// When the task is wrong.
    pub fn with_client(client: Arc<BrowserClient>, task: &PageTask) -> Result<Self, TaskError> {
        Ok(Self { client, entries: Entries::read(task)? })
    }
}

#[async_trait]
impl Source for BrowserSource {
    fn capabilities(&self) -> Capabilities {
        Capabilities { connector: CONNECTOR, routes: &[CONNECTOR], zone: ZONE, repeatable: true }
    }

    /// Starts a browser, and asks the site for nothing.
    async fn probe(&self) -> Result<Probe, Fault> {
        let since = Instant::now();
        let summary = match self.client.pool().session().await {
            Ok(session) => {
                self.client.pool().done(session).await;
                "a browser can be driven"
            }
            Err(Stop::Busy) => "every browser is in use",
            Err(Stop::Driver(fault)) => return Err(fault.fault(0)),
            Err(Stop::Site(fault)) => return Err(fault.into()),
        };
        Ok(Probe { summary: summary.into(), took: since.elapsed() })
    }

    async fn poll(&self, context: &CycleContext, state: Option<&Value>) -> Result<Page, Fault> {
        let position: Position = read_state("browser poll", state)?.unwrap_or_default();
        Poll::new(&self.client, context, &self.entries, position).run().await
    }
}
