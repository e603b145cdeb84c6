//! The connector: a few pages per poll.

use super::client::WebClient;
use super::poll::Poll;
use super::target::Kind;
use super::task::{Entries, PageTask, TaskError};
use super::{CONNECTOR, ZONE};
use crate::client::fault::Group;
use crate::links::{Account, Link};
use crate::source::{Capabilities, CycleContext, Fault, FaultClass, Page, Probe, Source, read_state};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// A profile that is there as long as there is a TikTok.
const PROBE: &str = "tiktok";

/// A list of public pages as a source.
#[derive(Clone, Debug)]
pub struct WebSource {
    client: Arc<WebClient>,
    entries: Entries,
}

/// Where a cycle stands: the index of the next target.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Position {
    from: usize,
}

impl WebSource {
    /// A source that shares a client.
    ///
    /// # Errors
    /// When the task is wrong.
    pub fn with_client(client: Arc<WebClient>, task: &PageTask) -> Result<Self, TaskError> {
        Ok(Self { client, entries: Entries::read(task)? })
    }
}

#[async_trait]
impl Source for WebSource {
    fn capabilities(&self) -> Capabilities {
        Capabilities { connector: CONNECTOR, routes: &[CONNECTOR], zone: ZONE, repeatable: true }
    }

    async fn probe(&self) -> Result<Probe, Fault> {
        let since = Instant::now();
        let link = Link::User { account: Account::Handle(PROBE.into()), embedded: false };
        let target = super::target::Target::new(Kind::User, &link)
            .map_err(|why| Fault::new(FaultClass::Request, "web probe", why, "Update tidelake."))?;
        let summary = match self.client.page(&target).await {
            Ok(_) => "public pages are shown".to_owned(),
            Err(fault) if fault.class.group() == Group::Entity => {
                format!("the website answers: {}", fault.context.details)
            }
            Err(fault) => return Err(fault.into()),
        };
        Ok(Probe { summary, took: since.elapsed() })
    }

    async fn poll(&self, context: &CycleContext, state: Option<&Value>) -> Result<Page, Fault> {
        let at: Position = read_state("web poll", state)?.unwrap_or_default();
        Poll::new(&self.client, context, &self.entries).run(at.from).await
    }
}
