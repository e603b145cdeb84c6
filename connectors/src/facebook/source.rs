//! The connector: one page of a task per poll.

use super::client::FacebookClient;
use super::poll::poll;
use super::task::{FacebookTask, PageTask, TaskError};
use super::{CONNECTOR, ZONE};
use crate::source::{Capabilities, CycleContext, Fault, Page, Probe, Source};
use crate::turn::Turn;
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;
use tidelake_schemas::Timestamp;

/// A Graph API task as a source.
#[derive(Clone, Debug)]
pub struct FacebookSource {
    client: Arc<FacebookClient>,
    task: PageTask,
}

impl FacebookSource {
    /// A source that shares a client, and with it the limits of its token.
    ///
    /// # Errors
    /// When the task is wrong.
    pub fn with_client(client: Arc<FacebookClient>, task: FacebookTask) -> Result<Self, TaskError> {
        let FacebookTask::Page(task) = task;
        task.check()?;
        Ok(Self { client, task })
    }
}

#[async_trait]
impl Source for FacebookSource {
    fn capabilities(&self) -> Capabilities {
        let routes = &["page", "videos", "video_reels", "posts"];
        Capabilities { connector: CONNECTOR, routes, zone: ZONE, repeatable: true }
    }

    async fn probe(&self) -> Result<Probe, Fault> {
        let since = Instant::now();
        let none = Timestamp::default();
        let context = CycleContext { task: String::new(), cycle: 0, started_at: none, now: none };
        let mut turn = Turn::new(CONNECTOR, ZONE, &context);
        let answer = self.client.ask(&self.task.page, None, &[("fields", "id,name".to_owned())], &mut turn).await?;
        let name = answer.document.get("name").and_then(Value::as_str).unwrap_or("the page").to_owned();
        Ok(Probe { summary: format!("{name} answers"), took: since.elapsed() })
    }

    async fn poll(&self, context: &CycleContext, state: Option<&Value>) -> Result<Page, Fault> {
        poll(&self.client, &self.task, context, state).await
    }
}
