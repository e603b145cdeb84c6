//! The connector: a part of a page per poll.

use super::CONNECTOR;
use super::client::BrowserClient;
use super::fault::Stop;
use super::poll::{Poll, Position};
use crate::source::{Capabilities, CycleContext, Fault, FaultClass, Page, Probe, Source};
use crate::web::{Entries, PageTask, TaskError, ZONE};
use async_trait::async_trait;
use serde::Deserialize;
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
        let position = match state {
            Some(state) => Position::deserialize(state).map_err(|error| bad_position(&error.to_string()))?,
            None => Position::default(),
        };
        Poll::new(&self.client, context, &self.entries, position).run().await
    }
}

fn bad_position(why: &str) -> Fault {
    let message = format!("the stored position does not belong to this task: {why}");
    let action = "Reset the task's position; its cycle then starts again.";
    Fault::new(FaultClass::Request, "browser poll", message, action)
}
