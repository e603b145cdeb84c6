//! Batch compliance: which stored videos or comments are gone, 10,000 ids at a time [official documentation, "Batch
//! Compliance APIs"; the duty is to refresh every 15 days].
//!
//! A batch goes through three steps, each a page of its own: its ids are submitted as a file, the validation task is
//! asked about until it is completed, and the file of ids that are still valid is downloaded. What was submitted and is
//! not in that file is gone; the source does not say why, and says nothing about changes. Between the steps only the
//! batch's position, count and digest are kept: the ids are read again from the [`IdSource`].
//!
//! To call stored data gone has consequences, so it is done only when the answer fits the batch: the batch read again
//! has the same digest, every id of the answer is one of its ids, and an answer without any id was given twice.

mod state;
mod verdict;

use super::Category;
use super::decode::open_ids;
use super::ids::{IdBatch, IdSource};
use super::list_task::ComplianceTask;
use super::request::{Payload, Purse, Refusal, Reply, Request};
use super::source::{POLL, Poll, at_once, survive, write_state};
use crate::source::{Fault, Ledger, Next, Page, Reject, StopReason, read_state};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use state::{ComplianceState, Job, Phase, Status, digest_of, read_status, read_task_id};
use std::time::Duration;

const CREATE: &str = "validation_task/create";
const STATUS: &str = "validation_task_status/get";
const DOWNLOAD: &str = "validation_task/download";

/// The route of observations of what is gone, as in provenance. The table of comments has no column for it, so this is
/// how a gone comment is known.
pub const GONE: &str = "validation_task/gone";

pub(super) const ROUTES: &[&str] = &[CREATE, STATUS, DOWNLOAD, GONE];

/// One step of a batch.
struct Step<'a> {
    poll: &'a Poll<'a>,
    task: &'a ComplianceTask,
    ids: &'a dyn IdSource,
    at: ComplianceState,
}

pub(super) async fn poll(
    poll: &Poll<'_>,
    task: &ComplianceTask,
    ids: &dyn IdSource,
    state: Option<&Value>,
) -> Result<Page, Fault> {
    let at: ComplianceState = read_state(POLL, state)?.unwrap_or_default();
    let step = Step { poll, task, ids, at };
    match step.at.phase.clone() {
        Phase::Submit => step.submit().await,
        Phase::Wait { job, polls } => step.wait(&job, polls).await,
        Phase::Fetch { job } => step.fetch(&job).await,
    }
}

impl Step<'_> {
    fn category(&self) -> Category {
        self.task.category
    }

    /// The batch of this position, the same each time it is asked for.
    async fn batch(&self) -> Result<IdBatch, Fault> {
        let max = usize::try_from(self.task.batch).unwrap_or(usize::MAX);
        self.ids.batch(self.poll.context, self.category(), self.at.after.as_deref(), max).await
    }

    fn asked(&self, count: usize) -> String {
        let after = self.at.after.as_ref().map_or(String::new(), |after| format!(" after {after}"));
        format!("compliance of {count} {} ids{after}", self.category().name())
    }

    fn ledger<T>(&self, route: &str, count: usize, reply: &Reply<T>) -> Ledger {
        let requested = i64::try_from(count).ok();
        Ledger { requested, has_more: true, ..self.poll.ledger(route, self.asked(count), reply) }
    }

    async fn submit(&self) -> Result<Page, Fault> {
        let batch = self.batch().await?;
        if batch.ids.is_empty() {
            let window_end = batch.stored_before;
            let ledger = Ledger { route: CREATE.into(), asked: self.asked(0), window_end, ..Ledger::default() };
            return Ok(self.after_batch(Page { ledger, ..Page::default() }, batch.next));
        }
        let nothing = Value::Null;
        let body = Payload::Ids { category: self.category().name(), ids: &batch.ids };
        let request = Request { body, purse: Purse::Validation, ..Request::new(CREATE, "", &nothing) };
        let mut reply = self.poll.call(&request).await;
        let ledger = Ledger { window_end: batch.stored_before, ..self.ledger(CREATE, batch.ids.len(), &reply) };
        let job =
            |task_id| Job { task_id, count: batch.ids.len(), digest: digest_of(&batch.ids), next: batch.next.clone() };
        match reply.take() {
            Ok(data) => {
                let job = job(read_task_id(&data, reply.requests)?);
                Ok(self.wait_for(job, 0, &reply, ledger))
            }
            Err(Refusal::Request(fault)) => Ok(self.skip(&job("none".into()), &fault.to_string(), ledger)),
            Err(refusal) => survive(ledger, refusal, &self.at, None, None),
        }
    }

    /// A page that asks to be polled again when the task may be completed.
    fn wait_for<T>(&self, job: Job, polls: u32, reply: &Reply<T>, ledger: Ledger) -> Page {
        let patience = self.poll.client.patience();
        let delay = patience.validation_delay.saturating_mul(1 << polls.min(20)).min(patience.validation_delay_max);
        let at = ComplianceState { phase: Phase::Wait { job, polls }, ..self.at.clone() };
        let next = Next::Page { state: write_state(&at), not_before: Some(reply.at.plus_secs(whole_secs(delay))) };
        Page { next, ledger, ..Page::default() }
    }

    async fn wait(&self, job: &Job, polls: u32) -> Result<Page, Fault> {
        let body = job.body()?;
        let request = Request { purse: Purse::Validation, ..Request::new(STATUS, "", &body) };
        let mut reply = self.poll.call(&request).await;
        let ledger = self.ledger(STATUS, job.count, &reply);
        match reply.take() {
            Ok(data) => self.told(&data, job, polls, &reply, ledger),
            Err(Refusal::Request(fault)) => Ok(self.again(job, &fault.message, ledger)),
            Err(refusal) => survive(ledger, refusal, &self.at, None, None),
        }
    }

    fn told(&self, data: &RawValue, job: &Job, polls: u32, reply: &Reply, mut ledger: Ledger) -> Result<Page, Fault> {
        match read_status(data, reply.requests)? {
            Status::Completed => {
                let at = ComplianceState { phase: Phase::Fetch { job: job.clone() }, ..self.at.clone() };
                ledger.asked.push_str(": completed");
                Ok(Page { next: at_once(&at), ledger, ..Page::default() })
            }
            Status::Failed => Ok(self.again(job, "the validation task failed", ledger)),
            Status::Processing if polls + 1 >= self.poll.client.patience().validation_polls => {
                Ok(self.again(job, "the validation task does not end", ledger))
            }
            Status::Processing => {
                ledger.asked.push_str(": processing");
                Ok(self.wait_for(job.clone(), polls + 1, reply, ledger))
            }
        }
    }

    async fn fetch(&self, job: &Job) -> Result<Page, Fault> {
        let batch = self.batch().await?;
        let body = job.body()?;
        let request = Request {
            route: DOWNLOAD,
            fields: "",
            body: Payload::Json(&body),
            narrowable: false,
            purse: Purse::Validation,
            good_with: None,
            open: open_ids,
        };
        let mut reply = self.poll.call(&request).await;
        let ledger = Ledger { window_end: batch.stored_before, ..self.ledger(DOWNLOAD, job.count, &reply) };
        let valid = match reply.take() {
            Ok(valid) => valid,
            Err(Refusal::Request(fault)) => return Ok(self.again(job, &fault.message, ledger)),
            Err(refusal) => return survive(ledger, refusal, &self.at, None, None),
        };
        if digest_of(&batch.ids) != job.digest {
            return Ok(self.again(job, "the stored ids changed while they were validated", ledger));
        }
        match verdict::gone(&batch.ids, &valid) {
            Err(why) => Ok(self.again(job, why, ledger)),
            Ok(gone) if valid.is_empty() && !self.at.doubted => Ok(self.doubt(gone.len(), ledger)),
            Ok(gone) => Ok(self.judged(job, &gone, &reply, ledger)),
        }
    }

    /// An answer without any id is what an empty file looks like, too: it has to be given twice.
    fn doubt(&self, gone: usize, ledger: Ledger) -> Page {
        let fault = format!("the answer calls all {gone} ids gone; they are submitted once more before it is believed");
        let at = ComplianceState { phase: Phase::Submit, doubted: true, ..self.at.clone() };
        Page { next: at_once(&at), ledger: Ledger { fault: Some(fault), ..ledger }, ..Page::default() }
    }

    fn judged<T>(&self, job: &Job, gone: &[i64], reply: &Reply<T>, mut ledger: Ledger) -> Page {
        let context = self.poll.reading(GONE, reply);
        let observations = verdict::observations(self.category(), gone, &job.task_id, &context);
        let valid = job.count.saturating_sub(gone.len());
        ledger.asked.push_str(&format!(": {valid} valid, {} gone", gone.len()));
        self.after_batch(Page { observations, ledger, ..Page::default() }, job.next.clone())
    }

    /// To the next batch, or to the end of the cycle.
    fn after_batch(&self, mut page: Page, next: Option<String>) -> Page {
        page.ledger.has_more = next.is_some();
        (page.next, page.ledger.stop_reason) = match next {
            Some(after) => {
                let at = ComplianceState { after: Some(after), ..ComplianceState::default() };
                (at_once(&at), StopReason::Continue)
            }
            None => (Next::CycleDone, StopReason::Exhausted),
        };
        page
    }

    /// Submits the batch again, or passes over it when that was done often enough.
    fn again(&self, job: &Job, why: &str, ledger: Ledger) -> Page {
        if self.at.restarts >= self.poll.client.patience().stale_restarts {
            return self.skip(job, why, ledger);
        }
        let restarts = self.at.restarts + 1;
        let at = ComplianceState { phase: Phase::Submit, restarts, ..self.at.clone() };
        let fault = Some(format!("{why}; the ids are submitted again"));
        Page { next: at_once(&at), ledger: Ledger { fault, ..ledger }, ..Page::default() }
    }

    /// A batch that cannot be validated does not stop the others; where it stands becomes a dead letter.
    fn skip(&self, job: &Job, why: &str, ledger: Ledger) -> Page {
        let payload = json!({
            "category": self.category().name(), "after": self.at.after, "count": job.count, "task_id": job.task_id,
        });
        let reject = Reject {
            reason: "validation_failed".into(),
            message: format!("{why}. These {} ids were not refreshed; the next cycle tries them again.", job.count),
            entity: None,
            payload: payload.to_string().into_bytes(),
        };
        let ledger = Ledger { fault: Some(why.into()), ..ledger };
        let mut page = self.after_batch(Page { rejects: vec![reject], ledger, ..Page::default() }, job.next.clone());
        if page.next == Next::CycleDone {
            page.ledger.stop_reason = StopReason::Fault;
        }
        page
    }
}

/// Whole seconds, rounded up.
fn whole_secs(delay: Duration) -> i64 {
    i64::try_from(delay.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)
}
