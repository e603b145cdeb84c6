//! The connector: one page of a task per poll.

use super::client::ResearchClient;
use super::config::ResearchConfig;
use super::ids::{FileIds, IdSource, ListIds};
use super::list_task::ComplianceTask;
use super::request::{Refusal, Reply, Request};
use super::task::{ResearchTask, TaskError};
use super::user_lists::{self, UserList};
use super::{CONNECTOR, ZONE, comments, compliance, playlists, users, videos};
use crate::client::profile::NotAllowed;
use crate::reading::ReadContext;
use crate::source::{Capabilities, CycleContext, Fault, FaultClass, Ledger, Next, Page, Probe, Source, StopReason};
use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// What is said of a poll as a whole.
pub(super) const POLL: &str = "research poll";

/// A Research API task as a source.
#[derive(Clone, Debug)]
pub struct ResearchSource {
    client: Arc<ResearchClient>,
    task: ResearchTask,
    /// Where the ids of batch compliance come from.
    ids: Option<Arc<dyn IdSource>>,
}

/// Why a source could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The task is wrong.
    #[error("the task cannot be polled: {0}. Correct it in the configuration.")]
    Task(#[from] TaskError),
    /// The address of the API.
    #[error("base_url: {given:?} is no http or https address: {why}. Correct it in [research].")]
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

impl ResearchSource {
    /// A source with a client of its own.
    ///
    /// # Errors
    /// When the task is wrong or TLS cannot be set up.
    pub fn new(config: ResearchConfig, task: ResearchTask) -> Result<Self, SetupError> {
        Self::with_client(Arc::new(ResearchClient::new(config)?), task)
    }

    /// A source that shares a client, and with it the token and the quota.
    ///
    /// # Errors
    /// When the task is wrong.
    pub fn with_client(client: Arc<ResearchClient>, task: ResearchTask) -> Result<Self, SetupError> {
        task.validate()?;
        let ids = match &task {
            ResearchTask::Compliance(task) => ids_of(task),
            _ => None,
        };
        Ok(Self { client, task, ids })
    }

    /// Where the ids of batch compliance come from when the task names none.
    #[must_use]
    pub fn with_ids(self, ids: Arc<dyn IdSource>) -> Self {
        Self { ids: self.ids.or(Some(ids)), ..self }
    }
}

/// The ids that a task names itself.
fn ids_of(task: &ComplianceTask) -> Option<Arc<dyn IdSource>> {
    match (&task.ids, &task.file) {
        (Some(ids), _) => Some(Arc::new(ListIds(ids.clone()))),
        (None, Some(file)) => Some(Arc::new(FileIds::new(file))),
        (None, None) => None,
    }
}

fn no_ids() -> Fault {
    let action = "Give `ids` or `file` in the task, or run it where the stored ids can be read.";
    Fault::new(FaultClass::Request, "research validation_task", "there are no ids to refresh", action)
}

#[async_trait]
impl Source for ResearchSource {
    fn capabilities(&self) -> Capabilities {
        let routes: &'static [&'static str] = match self.task {
            ResearchTask::Videos(_) => &[videos::ROUTE],
            ResearchTask::User(_) => &[users::ROUTE],
            ResearchTask::Comments(_) => &[comments::ROUTE],
            ResearchTask::Followers(_) => UserList::Followers.routes(),
            ResearchTask::Following(_) => UserList::Following.routes(),
            ResearchTask::Liked(_) => UserList::Liked.routes(),
            ResearchTask::Pinned(_) => UserList::Pinned.routes(),
            ResearchTask::Reposted(_) => UserList::Reposted.routes(),
            ResearchTask::Playlist(_) => &[playlists::ROUTE],
            ResearchTask::Compliance(_) => compliance::ROUTES,
        };
        Capabilities { connector: CONNECTOR, routes, zone: ZONE, repeatable: true }
    }

    async fn probe(&self) -> Result<Probe, Fault> {
        let since = Instant::now();
        self.client.check_credentials().await?;
        Ok(Probe { summary: "the credentials are good: a client token was given".into(), took: since.elapsed() })
    }

    async fn poll(&self, context: &CycleContext, state: Option<&Value>) -> Result<Page, Fault> {
        self.client.tell(context.now);
        let poll = Poll { client: &self.client, context, since: Instant::now() };
        match &self.task {
            ResearchTask::Videos(task) => videos::poll(&poll, task, state).await,
            ResearchTask::User(task) => users::poll(&poll, task, state).await,
            ResearchTask::Comments(task) => comments::poll(&poll, task, state).await,
            ResearchTask::Followers(task) => user_lists::poll(&poll, UserList::Followers, task, state).await,
            ResearchTask::Following(task) => user_lists::poll(&poll, UserList::Following, task, state).await,
            ResearchTask::Liked(task) => user_lists::poll(&poll, UserList::Liked, task, state).await,
            ResearchTask::Pinned(task) => user_lists::poll(&poll, UserList::Pinned, task, state).await,
            ResearchTask::Reposted(task) => user_lists::poll(&poll, UserList::Reposted, task, state).await,
            ResearchTask::Playlist(task) => playlists::poll(&poll, task, state).await,
            ResearchTask::Compliance(task) => {
                let ids = self.ids.as_deref().ok_or_else(no_ids)?;
                compliance::poll(&poll, task, ids, state).await
            }
        }
    }
}

/// What all kinds of poll share.
pub(super) struct Poll<'a> {
    pub(super) client: &'a ResearchClient,
    pub(super) context: &'a CycleContext,
    since: Instant,
}

impl Poll<'_> {
    pub(super) async fn call<T>(&self, request: &Request<'_, T>) -> Reply<T> {
        self.client.call(request).await
    }

    /// The context of the records of an answer.
    pub(super) fn reading<T>(&self, route: &'static str, reply: &Reply<T>) -> ReadContext<'_> {
        ReadContext {
            task: &self.context.task,
            cycle: self.context.cycle,
            fetched_at: reply.at,
            observed_at: reply.at,
            connector: CONNECTOR,
            route,
            zone: ZONE,
            origin: None,
        }
    }

    /// A ledger entry that says what was asked and what it cost.
    pub(super) fn ledger<T>(&self, route: &str, asked: String, reply: &Reply<T>) -> Ledger {
        Ledger {
            route: route.into(),
            asked,
            fault: reply.survived.clone(),
            requests: reply.requests,
            took: self.since.elapsed(),
            ..Ledger::default()
        }
    }
}

/// A page without records that says what to do about a refusal: wait for the quota, or go on from `restart`.
pub(super) fn survive<S: Serialize>(
    ledger: Ledger,
    refusal: Refusal,
    state: &S,
    restart: Option<&S>,
    narrower: Option<&S>,
) -> Result<Page, Fault> {
    match (refusal, restart, narrower) {
        (Refusal::Quota(message, until), _, _) => {
            let next = Next::Page { state: write_state(state), not_before: Some(until) };
            let ledger = Ledger { stop_reason: StopReason::Quota, fault: Some(message), has_more: true, ..ledger };
            Ok(Page { next, ledger, ..Page::default() })
        }
        (Refusal::Stale(fault), Some(restart), _) => {
            Ok(carry_on(ledger, format!("{}; the search was started again", fault.message), restart))
        }
        (Refusal::Timeout(fault), _, Some(narrower)) => {
            Ok(carry_on(ledger, format!("{}; the window was halved", fault.message), narrower))
        }
        (Refusal::Stale(fault) | Refusal::Timeout(fault) | Refusal::Request(fault) | Refusal::Fault(fault), ..) => {
            Err(fault)
        }
    }
}

/// A page without records that goes on at once.
fn carry_on<S: Serialize>(ledger: Ledger, fault: String, state: &S) -> Page {
    let ledger = Ledger { fault: Some(fault), has_more: true, ..ledger };
    Page { next: at_once(state), ledger, ..Page::default() }
}

/// Go on from this state without a pause.
pub(super) fn at_once<S: Serialize>(state: &S) -> Next {
    Next::Page { state: write_state(state), not_before: None }
}

pub(super) fn write_state<S: Serialize>(state: &S) -> Value {
    serde_json::to_value(state).unwrap_or_default()
}

/// An answer whose data is not what this route gives.
pub(super) fn unreadable(route: &str, error: &serde_json::Error, requests: i32) -> Fault {
    let message = format!("the data of the answer cannot be read: {error}");
    super::fault::unreadable(&format!("research {route}"), message, requests)
}
