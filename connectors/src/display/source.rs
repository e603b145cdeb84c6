//! The connector: one page of a task per poll.

use super::client::{Ask, DisplayClient, Spent};
use super::poll::Poll;
use super::scope::Scope;
use super::task::{DisplayTask, TaskError};
use super::{CONNECTOR, ZONE};
use crate::source::{Capabilities, CycleContext, Fault, Page, Probe, Source};
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// A Display API task as a source.
#[derive(Clone, Debug)]
pub struct DisplaySource {
    client: Arc<DisplayClient>,
    task: DisplayTask,
}

impl DisplaySource {
    /// A source that shares a client, and with it accounts and rates.
    ///
    /// # Errors
    /// When the task is wrong.
    pub fn with_client(client: Arc<DisplayClient>, task: DisplayTask) -> Result<Self, TaskError> {
        task.check()?;
        Ok(Self { client, task })
    }
}

#[async_trait]
impl Source for DisplaySource {
    fn capabilities(&self) -> Capabilities {
        let routes: &'static [&'static str] = match self.task {
            DisplayTask::OwnVideos(_) => &["video/list"],
            DisplayTask::Videos(_) => &["video/query"],
            DisplayTask::Account(_) => &["user/info"],
        };
        Capabilities { connector: CONNECTOR, routes, zone: ZONE, repeatable: true }
    }

    async fn probe(&self) -> Result<Probe, Fault> {
        let since = Instant::now();
        let (account, mut spent) = (self.task.account(), Spent::default());
        let access = self.client.access(account, &mut spent).await?;
        let scopes = access.tokens.scopes.join(", ");
        let ask = Ask {
            operation: "display user/info",
            path: "v2/user/info/",
            fields: &["open_id"],
            body: None,
            scope: Scope::UserInfoBasic,
        };
        self.client.ask(account, access, &ask, &mut spent).await?;
        Ok(Probe { summary: format!("account {account} answers; granted: {scopes}"), took: since.elapsed() })
    }

    async fn poll(&self, context: &CycleContext, state: Option<&Value>) -> Result<Page, Fault> {
        Poll::new(&self.client, context, self.task.account()).run(&self.task, state).await
    }
}
