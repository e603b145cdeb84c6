//! Batch compliance: what is gone, and what is not concluded.

use super::server::Server;
use super::{NOW, config, context, page, poll, refused, source, state};
use crate::research::{Category, IdBatch, IdSource, ResearchConfig, ResearchSource, ResearchTask};
use crate::source::{CycleContext, Fault, FaultClass, Next, Page, Source, StopReason};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidelake_schemas::Observation;

const TASK: u64 = 12_345_678_910_987_654_321;

fn ok(data: Value) -> (u16, Value) {
    (200, json!({"data": data, "error": {"code": "ok", "http_status_code": 200, "log_id": "1", "message": "ok."}}))
}

fn created() -> (u16, Value) {
    ok(json!({"task_id": TASK}))
}

fn told(status: &str) -> (u16, Value) {
    ok(json!({"task_status": status}))
}

fn no_task() -> (u16, Value) {
    (400, refused("invalid_params", "Invalid task_id"))
}

fn task(ids: &[i64]) -> Value {
    json!({"kind": "compliance", "ids": ids})
}

/// The ids that a page calls gone.
fn gone(page: &Page) -> Vec<i64> {
    let id = |o: &Observation| match o {
        Observation::Video(video) => {
            assert_eq!(video.unavailable.as_deref(), Some("not_available"));
            video.video_id
        }
        Observation::Comment(comment) => comment.comment_id,
        other => panic!("{other:?}"),
    };
    page.observations.iter().map(id).collect()
}

fn said(page: &Page) -> &str {
    page.ledger.fault.as_deref().unwrap_or_default()
}

/// Polls until there is a page that was a download, or the cycle is done.
async fn judge(source: &ResearchSource, from: Option<Value>) -> Page {
    let mut at = from;
    loop {
        let page = page(source, at.as_ref()).await;
        if page.next == Next::CycleDone || page.ledger.route == "validation_task/download" {
            return page;
        }
        at = Some(state(&page));
    }
}

#[tokio::test]
async fn a_batch_is_submitted_awaited_and_judged() {
    let server = Server::with([created(), told("Processing"), told("Completed")]).await;
    server.script_bytes(200, b"7\n9\n".to_vec());
    let source = source(&server, &task(&[7, 8, 9, 6_806_030_056_956_251_397]));
    let submitted = page(&source, None).await;
    let Next::Page { state: at, not_before: Some(then) } = &submitted.next else { panic!("{submitted:?}") };
    assert!(*then >= NOW.plus_secs(30) && *then < NOW.plus_secs(60), "{then}");
    assert_eq!(submitted.ledger.requested, Some(4));
    let waiting = page(&source, Some(at)).await;
    let Next::Page { state: at, not_before: Some(then) } = &waiting.next else { panic!("{waiting:?}") };
    assert!(*then >= NOW.plus_secs(60), "the wait doubles");
    let completed = page(&source, Some(at)).await;
    assert!(matches!(&completed.next, Next::Page { not_before: None, .. }));
    let judged = page(&source, Some(&state(&completed))).await;
    assert_eq!(gone(&judged), [8, 6_806_030_056_956_251_397]);
    assert_eq!((&judged.next, judged.ledger.stop_reason), (&Next::CycleDone, StopReason::Exhausted));
    assert_eq!(judged.ledger.asked, "compliance of 4 video ids: 2 valid, 2 gone");
    let Observation::Video(video) = &judged.observations[1] else { panic!("a video") };
    assert_eq!(video.provenance.route, "validation_task/gone");
    assert_eq!(video.provenance.origin.as_deref(), Some("validation_task 12345678910987654321"));
    assert_eq!((video.created_at.map(|t| t.secs()), video.created_at_derived), (Some(1_584_652_358), true));
    assert_eq!((video.stats.views, &video.caption), (None, &None));

    let asked = server.asked();
    let paths: Vec<_> = asked.iter().map(|seen| seen.path.trim_start_matches("/v2/research/")).collect();
    let (get, download) = ("validation_task_status/get/", "validation_task/download/");
    assert_eq!(paths, ["validation_task/create/", get, get, download]);
    assert!(asked[0].header("content-type").starts_with("multipart/form-data; boundary="));
    let form = String::from_utf8(asked[0].body.to_vec()).expect("text");
    assert!(form.contains("name=\"category\"\r\n\r\nvideo\r\n"), "{form}");
    assert!(form.contains("\r\n\r\n7\n8\n9\n6806030056956251397\n\r\n"), "{form}");
    assert_eq!(asked[1].body.as_ref(), br#"{"task_id":12345678910987654321}"#);
    assert_eq!(asked[3].json(), json!({"task_id": TASK}));
}

#[tokio::test]
async fn batches_follow_one_another_and_comments_are_known_by_the_route() {
    let server = Server::with([created(), told("Completed")]).await;
    server.script_bytes(200, b"1\n2".to_vec());
    server.script([created(), told("completed")]);
    server.script_bytes(200, b"3\n".to_vec());
    server.script([created(), told("Completed")]);
    server.script_bytes(200, b"5\r\n".to_vec());
    let mut task = task(&[1, 2, 3, 4, 5]);
    (task["category"], task["batch"]) = (json!("comment"), json!(2));
    let source = source(&server, &task);
    let first = judge(&source, None).await;
    assert_eq!((gone(&first), first.ledger.stop_reason, first.ledger.has_more), (vec![], StopReason::Continue, true));
    let second = judge(&source, Some(state(&first))).await;
    let Observation::Comment(comment) = &second.observations[0] else { panic!("a comment") };
    assert_eq!((comment.comment_id, &comment.text), (4, &None));
    assert_eq!(comment.provenance.route, "validation_task/gone");
    assert_eq!(second.ledger.asked, "compliance of 2 comment ids after 2: 1 valid, 1 gone");
    let last = judge(&source, Some(state(&second))).await;
    assert_eq!((gone(&last), last.next), (vec![], Next::CycleDone));
    assert!(String::from_utf8_lossy(&server.asked()[0].body).contains("\r\n\r\ncomment\r\n"));
}

#[tokio::test]
async fn an_answer_that_calls_all_gone_has_to_be_given_twice() {
    let server = Server::with([created(), told("Completed")]).await;
    server.script_bytes(200, Vec::new());
    server.script([created(), told("Completed")]);
    server.script_bytes(200, Vec::new());
    let source = source(&server, &task(&[7, 8]));
    let doubted = judge(&source, None).await;
    assert!(doubted.observations.is_empty() && said(&doubted).contains("once more"), "{doubted:?}");
    let believed = judge(&source, Some(state(&doubted))).await;
    assert_eq!((gone(&believed), &believed.next), (vec![7, 8], &Next::CycleDone));
}

#[tokio::test]
async fn an_answer_of_other_ids_is_not_believed() {
    let server = Server::with([created(), told("Completed")]).await;
    server.script_bytes(200, b"7\n738529138344\n".to_vec());
    server.script([created(), told("Completed")]);
    server.script_bytes(200, b"7\n".to_vec());
    let source = source(&server, &task(&[7, 7_385_291_383_449_439_519]));
    let refused = judge(&source, None).await;
    assert!(refused.observations.is_empty() && said(&refused).contains("not submitted"), "{refused:?}");
    let judged = judge(&source, Some(state(&refused))).await;
    assert_eq!(gone(&judged), [7_385_291_383_449_439_519]);
}

#[tokio::test]
async fn a_page_of_the_firewall_is_no_file() {
    let server = Server::with([created(), told("Completed")]).await;
    server.script_bytes(200, b"<html>Please wait 7</html>".to_vec());
    let source = source(&server, &task(&[7]));
    let submitted = page(&source, None).await;
    let completed = page(&source, Some(&state(&submitted))).await;
    let fault = poll(&source, Some(&state(&completed))).await.expect_err("no file");
    assert_eq!((fault.class, fault.operation.as_str()), (FaultClass::Format, "research validation_task/download"));
    server.script_bytes(200, b"7\n".to_vec());
    let judged = page(&source, Some(&state(&completed))).await;
    assert_eq!((gone(&judged), &judged.next), (vec![], &Next::CycleDone), "the same position goes on");
}

#[tokio::test]
async fn failed_lost_and_endless_tasks_are_submitted_again_and_then_passed_over() {
    let slow = || (0..4).map(|_| told("Processing"));
    let server = Server::with([created(), told("Failed"), created(), no_task(), created()]).await;
    server.script(slow());
    server.script([created(), told("Completed")]);
    server.script_bytes(200, b"2\n".to_vec());
    let mut task = task(&[1, 2]);
    task["batch"] = json!(1);
    let source = source(&server, &task);
    let (mut at, mut reasons) = (None, Vec::new());
    let skipped = loop {
        let page = page(&source, at.as_ref()).await;
        reasons.extend(page.ledger.fault.clone());
        at = Some(state(&page));
        if !page.rejects.is_empty() {
            break page;
        }
    };
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    for (reason, word) in reasons.iter().zip(["failed", "Invalid task_id", "does not end"]) {
        assert!(reason.contains(word), "{reason}");
    }
    assert_eq!(skipped.rejects[0].reason, "validation_failed");
    let payload: Value = serde_json::from_slice(&skipped.rejects[0].payload).expect("JSON");
    assert_eq!((&payload["count"], &payload["task_id"]), (&json!(1), &json!(TASK.to_string())));
    let last = judge(&source, at).await;
    assert_eq!((gone(&last), last.next), (vec![], Next::CycleDone));
}

#[tokio::test]
async fn a_refused_submission_is_passed_over_and_a_spent_quota_waited_for() {
    let quota = (429, refused("daily_quota_limit_exceeded", "quota"));
    let server = Server::with([quota, (400, refused("invalid_params", "file_data is required"))]).await;
    let source = source(&server, &task(&[7]));
    let stopped = page(&source, None).await;
    assert_eq!(stopped.ledger.stop_reason, StopReason::Quota);
    let tomorrow = CycleContext { now: NOW.plus_secs(86_400), ..context() };
    let skipped = source.poll(&tomorrow, Some(&state(&stopped))).await.expect("a page");
    assert_eq!((skipped.rejects.len(), &skipped.next), (1, &Next::CycleDone));
    assert_eq!(skipped.ledger.stop_reason, StopReason::Fault);
}

#[tokio::test]
async fn whether_it_counts_is_a_setting() {
    for (counts, requests) in [(true, 0), (false, 1)] {
        let server = Server::with([created()]).await;
        let config = ResearchConfig { daily_quota: 0, validation_in_quota: counts, ..config(&server) };
        let task = ResearchTask::from_value(&task(&[7])).expect("a task");
        let source = ResearchSource::new(config, task).expect("a source");
        assert_eq!(page(&source, None).await.ledger.requests, requests);
    }
}

/// A store whose ids change once.
#[derive(Debug, Default)]
struct Changing {
    reads: AtomicUsize,
}

#[async_trait]
impl IdSource for Changing {
    async fn batch(&self, _: &CycleContext, _: Category, _: Option<&str>, _: usize) -> Result<IdBatch, Fault> {
        let first = self.reads.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(IdBatch { ids: if first { vec![7, 9] } else { vec![7, 8, 9] }, ..IdBatch::default() })
    }
}

#[tokio::test]
async fn ids_that_were_never_submitted_are_not_called_gone() {
    let server = Server::with([created(), told("Completed")]).await;
    server.script_bytes(200, b"7\n9\n".to_vec());
    server.script([created(), told("Completed")]);
    server.script_bytes(200, b"7\n8\n9\n".to_vec());
    let task = ResearchTask::from_value(&json!({"kind": "compliance"})).expect("a task");
    let source = ResearchSource::new(config(&server), task).expect("a source");
    let fault = poll(&source, None).await.expect_err("no ids");
    assert!(fault.class == FaultClass::Request && fault.action.contains("`file`"), "{fault}");
    let source = source.with_ids(Arc::new(Changing::default()));
    let changed = judge(&source, None).await;
    assert!(changed.observations.is_empty() && said(&changed).contains("changed"), "{changed:?}");
    let judged = judge(&source, Some(state(&changed))).await;
    assert_eq!((gone(&judged), judged.next), (vec![], Next::CycleDone));
    assert_eq!(source.capabilities().routes.len(), 4);
}

#[tokio::test]
async fn an_empty_file_of_ids_asks_for_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ids.txt");
    std::fs::write(&path, "# none\n").expect("written");
    let server = Server::start().await;
    let source = source(&server, &json!({"kind": "compliance", "file": path}));
    let page = source.poll(&context(), None).await.expect("a page");
    assert_eq!((&page.next, page.ledger.stop_reason), (&Next::CycleDone, StopReason::Exhausted));
    assert!(server.asked().is_empty());
}

/// A million ids that exist only batch by batch, 20,001 and so on; it counts the most that it ever gave at once.
#[derive(Debug, Default)]
struct Million {
    most: AtomicUsize,
}

const MILLION: i64 = 1_000_000;

#[async_trait]
impl IdSource for Million {
    async fn batch(&self, _: &CycleContext, _: Category, after: Option<&str>, max: usize) -> Result<IdBatch, Fault> {
        let from: i64 = after.map_or(0, |after| after.parse().expect("a position"));
        let end = (from + i64::try_from(max).expect("small")).min(MILLION);
        let ids: Vec<i64> = (from + 1..=end).collect();
        self.most.fetch_max(ids.len(), Ordering::SeqCst);
        Ok(IdBatch { ids, next: (end < MILLION).then(|| end.to_string()), stored_before: None })
    }
}

#[tokio::test]
async fn a_million_ids_go_through_in_a_hundred_batches() {
    let server = Server::start().await;
    for batch in 0..100_i64 {
        server.script([created(), told("Completed")]);
        let valid = (batch * 10_000 + 1..=(batch + 1) * 10_000).filter(|id| id % 1000 != 0);
        server.script_bytes(200, valid.map(|id| format!("{id}\n")).collect::<String>().into_bytes());
    }
    let ids = Arc::new(Million::default());
    let task = ResearchTask::from_value(&json!({"kind": "compliance"})).expect("a task");
    let new = || ResearchSource::new(config(&server), task.clone()).expect("a source").with_ids(ids.clone());
    let (mut at, mut found, mut requests, mut largest) = (None, 0, 0, 0);
    loop {
        // A new source for each page: nothing but the state is carried over.
        let page = page(&new(), at.as_ref()).await;
        found += page.observations.len();
        requests += page.ledger.requests;
        match &page.next {
            Next::NextCycle { .. } | Next::CycleDone => break,
            Next::Page { state, .. } => {
                largest = largest.max(state.to_string().len());
                at = Some(state.clone());
            }
        }
    }
    assert_eq!((found, requests, ids.most.load(Ordering::SeqCst)), (1000, 300, 10_000));
    assert!(largest < 300, "{largest} bytes of state");
}
