//! The one trait every connector implements, and what crosses it.

use crate::client::{Class, ClientFault};
use crate::drift::Tally;
use crate::media::MediaRef;
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use tidelake_schemas::{Observation, Timestamp};

/// What a connector can do; shown by `tidelake check` and used to pick routes.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// The connector's name, as in configuration and provenance: `research-api`, `import`, …
    pub connector: &'static str,
    /// The routes it may take, as in provenance.
    pub routes: &'static [&'static str],
    /// The licence zone of what it brings: research, display, oembed, archive, import or web.
    pub zone: &'static str,
    /// Whether a cycle can be repeated to see newer counts.
    pub repeatable: bool,
}

/// What a probe found: can this source be polled now?
#[derive(Clone, Debug)]
pub struct Probe {
    /// One line for a person.
    pub summary: String,
    /// How long it took.
    pub took: Duration,
}

/// What a page belongs to: given by the caller so that event ids are the same when it is polled again.
#[derive(Clone, Debug)]
pub struct CycleContext {
    /// The task's name.
    pub task: String,
    /// The task's cycle, from 0.
    pub cycle: i64,
    /// When the cycle began (the caller's clock); windows are computed from it, so that they do not move
    /// while the cycle is paged through.
    pub started_at: Timestamp,
    /// Now (the caller's clock, at the time of the call).
    pub now: Timestamp,
}

/// One page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// What was observed. Every record carries its provenance and its event id.
    pub observations: Vec<Observation>,
    /// Records that could not be read, with their bytes.
    pub rejects: Vec<Reject>,
    /// Files that the answer names, of videos that are among the observations.
    pub media: Vec<MediaRef>,
    /// Where to go on.
    pub next: Next,
    /// What to write into the coverage ledger.
    pub ledger: Ledger,
    /// What the raw records looked like.
    pub seen: Tally,
}

/// Where to go on after a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Next {
    /// More in this cycle; poll again with this state. `not_before` asks for a pause (quota, back-off).
    Page {
        /// The connector's cursor, opaque to the caller.
        state: Value,
        /// Not before this instant.
        not_before: Option<Timestamp>,
    },
    /// This cycle is complete; the next begins with this state, and not by the task's cadence but when it says. For
    /// sources whose work never ends: event ids of different cycles differ, and what a cycle has published is remembered
    /// only until it ends.
    NextCycle {
        /// The connector's cursor, opaque to the caller.
        state: Value,
        /// Not before this instant.
        not_before: Option<Timestamp>,
    },
    /// This cycle is complete.
    #[default]
    CycleDone,
}

/// A record of an answer that could not be understood: becomes a dead letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    /// Machine-readable class, e.g. `id_out_of_range`, `missing_id`, `not_an_object`.
    pub reason: String,
    /// What failed, why and what to do, for a person.
    pub message: String,
    /// The entity, where it could be read.
    pub entity: Option<String>,
    /// The record's own bytes, as they came.
    pub payload: Vec<u8>,
}

/// A connector's part of a coverage entry.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The route taken.
    pub route: String,
    /// What was asked, without secrets.
    pub asked: String,
    /// Start of the window asked for, inclusive.
    pub window_start: Option<Timestamp>,
    /// End of the window asked for, exclusive.
    pub window_end: Option<Timestamp>,
    /// Records asked for.
    pub requested: Option<i64>,
    /// The source says there is more.
    pub has_more: bool,
    /// Why polling stopped after this page.
    pub stop_reason: StopReason,
    /// A fault that was met and survived (or that ended the cycle).
    pub fault: Option<String>,
    /// Requests spent, retries included.
    pub requests: i32,
    /// How long it took.
    pub took: Duration,
    /// The fault that ended the page early, for the caller to act on; [`Ledger::fault`] tells of it already.
    pub stopped_by: Option<Fault>,
}

/// Why polling stopped after a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopReason {
    /// It did not: the next page follows.
    #[default]
    Continue,
    /// The source says that there is no more.
    Exhausted,
    /// The quota is spent until it resets.
    Quota,
    /// The task's own limit was reached.
    Limit,
    /// The source refused us.
    Blocked,
    /// The credential was refused.
    Auth,
    /// A fault outlasted its budget.
    Fault,
    /// The cycle is over and brought nothing where that cannot be. Written by the caller, who knows earlier cycles.
    SilentZero,
}

impl StopReason {
    /// As written into the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Exhausted => "exhausted",
            Self::Quota => "quota",
            Self::Limit => "limit",
            Self::Blocked => "blocked",
            Self::Auth => "auth",
            Self::Fault => "fault",
            Self::SilentZero => "silent_zero",
        }
    }
}

/// How a fault is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultClass {
    /// May pass by itself: back off and poll again.
    Transient,
    /// Rate or quota: wait until [`Fault::retry_at`].
    Limited,
    /// The source refuses us: leave it alone until [`Fault::retry_at`].
    Blocked,
    /// Credentials or scopes are refused: a person must act.
    Auth,
    /// The task asks for something the source refuses: a person must act.
    Request,
    /// The answer is not in any known form.
    Format,
}

/// A poll that brought no page: what failed, why and what to do next.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation} failed: {}. {action}", .message.trim_end_matches('.'))]
pub struct Fault {
    /// How to treat it.
    pub class: FaultClass,
    /// What was being done, e.g. `research video/query`.
    pub operation: String,
    /// What the source answered, without secrets.
    pub message: String,
    /// What to do next, a full sentence.
    pub action: String,
    /// Not before this instant, where the source says so.
    pub retry_at: Option<Timestamp>,
    /// Requests spent, retries included.
    pub requests: i32,
    /// The request that failed, where one did: its exact class, its address, and everything else that may help.
    pub cause: Option<Box<ClientFault>>,
}

impl Fault {
    /// A fault without a request behind it. `action` is a full sentence.
    pub fn new(
        class: FaultClass,
        operation: impl Into<String>,
        message: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        let (operation, message, action) = (operation.into(), message.into(), action.into());
        Self { class, operation, message, action, retry_at: None, requests: 0, cause: None }
    }

    /// What went wrong, as exactly as is known.
    pub fn kind(&self) -> Class {
        match (&self.cause, self.class) {
            (Some(cause), _) => cause.class,
            (None, FaultClass::Transient) => Class::Server,
            (None, FaultClass::Limited) => Class::RateLimited,
            (None, FaultClass::Blocked) => Class::Forbidden,
            (None, FaultClass::Auth) => Class::AuthExpired,
            (None, FaultClass::Request) => Class::RequestInvalid,
            (None, FaultClass::Format) => Class::FormatDrift,
        }
    }

    /// Why polling stopped, for the ledger.
    pub fn stop_reason(&self) -> StopReason {
        match self.class {
            FaultClass::Limited => StopReason::Quota,
            FaultClass::Blocked => StopReason::Blocked,
            FaultClass::Auth => StopReason::Auth,
            FaultClass::Transient | FaultClass::Request | FaultClass::Format => StopReason::Fault,
        }
    }
}

/// A position as it was kept; `None` at the start of a cycle.
pub(crate) fn read_state<S: DeserializeOwned>(operation: &str, state: Option<&Value>) -> Result<Option<S>, Fault> {
    state.map(S::deserialize).transpose().map_err(|e| {
        let message = format!("the stored position does not belong to this task: {e}");
        Fault::new(FaultClass::Request, operation, message, "Reset the task's position; its cycle then starts again.")
    })
}

/// A source of observations: something that can be polled page by page.
///
/// A source keeps no position of its own: `poll` is told where to go on by the state that its last page returned,
/// so that any process can take over a task between two pages.
#[async_trait]
pub trait Source: Send + Sync {
    /// What this source can do.
    fn capabilities(&self) -> Capabilities;

    /// Can it be polled now? Spends at most one cheap request.
    async fn probe(&self) -> Result<Probe, Fault>;

    /// One page. `state` is what the last page's [`Next::Page`] returned, `None` at the start of a cycle.
    async fn poll(&self, context: &CycleContext, state: Option<&Value>) -> Result<Page, Fault>;
}
