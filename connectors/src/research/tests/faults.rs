//! The fault table.

use super::server::Server;
use super::{config, context, fault, found, page, poll, refused, source, state, videos_task};
use crate::research::{ResearchConfig, ResearchSource, ResearchTask};
use crate::source::{FaultClass, Next, Source, StopReason};
use serde_json::{Value, json};

fn stale() -> (u16, Value) {
    (400, refused("invalid_params", "Search Id 7354367454467855403 is invalid or expired"))
}

fn trouble() -> (u16, Value) {
    (500, refused("internal_error", "Something is wrong"))
}

fn days() -> Value {
    videos_task("20240101", "20240104")
}

#[tokio::test]
async fn a_refused_search_id_is_repeated() {
    let server = Server::with([(200, found(&[7], 100, true)), stale(), stale(), (200, found(&[8], 200, false))]).await;
    let source = source(&server, &days());
    let first = page(&source, None).await;
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!((second.observations.len(), second.ledger.requests), (1, 3));
    assert!(second.ledger.fault.is_some_and(|fault| fault.contains("Search Id")));
    let asked = server.asked();
    assert_eq!(asked[1].json(), asked[3].json(), "the same request");
}

#[tokio::test]
async fn after_enough_refusals_the_search_starts_again() {
    let cursor = (400, refused("invalid_params", "Invalid count or cursor"));
    let server = Server::with([(200, found(&[7], 100, true)), stale(), cursor, stale()]).await;
    let source = source(&server, &days());
    let first = page(&source, None).await;
    let restart = page(&source, Some(&state(&first))).await;
    assert!(restart.observations.is_empty());
    assert_eq!((restart.ledger.requests, restart.ledger.stop_reason), (3, StopReason::Continue));
    server.script([(200, found(&[7], 100, false))]);
    let again = page(&source, Some(&state(&restart))).await;
    assert_eq!(again.observations[0].event_id(), first.observations[0].event_id(), "so that duplicates are seen");
    let body = server.asked()[4].json();
    assert_eq!((&body["cursor"], body.get("search_id")), (&json!(0), None));
}

#[tokio::test]
async fn restarts_have_an_end() {
    let server = Server::with(std::iter::repeat_with(stale).take(9)).await;
    let source = source(&server, &days());
    let first = page(&source, None).await;
    let second = page(&source, Some(&state(&first))).await;
    let fault = poll(&source, Some(&state(&second))).await.expect_err("the last restart");
    assert_eq!((fault.class, fault.requests), (FaultClass::Transient, 3));
    assert!(fault.retry_at.is_some());
}

#[tokio::test]
async fn trouble_of_the_server_is_waited_out_on_a_budget() {
    let server = Server::with([trouble(), (502, json!("gateway")), trouble(), (200, found(&[7], 100, false))]).await;
    let survived = page(&source(&server, &days()), None).await;
    assert_eq!((survived.ledger.requests, survived.observations.len()), (4, 1));
    assert!(survived.ledger.fault.is_some_and(|fault| fault.contains("internal_error")));

    let server = Server::with(std::iter::repeat_with(trouble).take(9)).await;
    let fault = fault(&source(&server, &days())).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Transient, 4));
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_gateway_time_out_halves_the_window() {
    let server = Server::start().await;
    server.script_bytes(504, b"<html>504 Gateway Time-out</html>".to_vec());
    let source = source(&server, &days());
    let halved = page(&source, None).await;
    assert!(halved.ledger.fault.as_ref().is_some_and(|fault| fault.contains("halved")));
    server.script([(200, found(&[7], 100, false)), (200, found(&[8], 100, false))]);
    let first = page(&source, Some(&state(&halved))).await;
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!(second.next, Next::CycleDone);
    let asked: Vec<_> = server.asked().iter().map(|seen| seen.json()).collect();
    let windows: Vec<_> = asked.iter().map(|body| (body["start_date"].clone(), body["end_date"].clone())).collect();
    assert_eq!(windows[1], (json!("20240101"), json!("20240102")));
    assert_eq!(windows[2], (json!("20240103"), json!("20240104")));
}

#[tokio::test]
async fn an_answer_that_never_comes_halves_the_window_too() {
    let server = Server::start().await;
    server.script_silence();
    let mut config = config(&server);
    config.patience.request_timeout = std::time::Duration::from_millis(300);
    let source = ResearchSource::new(config, ResearchTask::from_value(&days()).expect("a task")).expect("a source");
    let halved = page(&source, None).await;
    assert!(halved.ledger.fault.is_some_and(|fault| fault.contains("halved")));
    assert_eq!(halved.ledger.requests, 1);
}

#[tokio::test]
async fn a_single_day_that_times_out_is_waited_out() {
    let server = Server::with([(504, json!("")), (200, found(&[7], 100, false))]).await;
    let page = page(&source(&server, &videos_task("20240101", "20240101")), None).await;
    assert_eq!((page.observations.len(), page.ledger.requests), (1, 2));
}

#[tokio::test]
async fn the_rate_is_waited_for_and_then_left_to_the_caller() {
    let rate = || (429, refused("rate_limit_exceeded", "slow down"));
    let server = Server::with([rate(), (200, found(&[7], 100, false)), rate(), rate(), rate(), rate()]).await;
    let source = source(&server, &days());
    assert_eq!(page(&source, None).await.ledger.requests, 2);
    let fault = fault(&source).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Limited, 4));
    assert!(fault.retry_at.is_some_and(|at| at > super::NOW));
}

#[tokio::test]
async fn a_spent_quota_stops_until_midnight() {
    let quota = (429, refused("daily_quota_limit_exceeded", "quota"));
    let server = Server::with([(200, found(&[7], 100, true)), quota]).await;
    let source = source(&server, &days());
    let first = page(&source, None).await;
    let stopped = page(&source, Some(&state(&first))).await;
    let Next::Page { state: same, not_before: Some(at) } = &stopped.next else { panic!("{stopped:?}") };
    assert_eq!(at.to_string(), "2024-03-11T00:00:00Z");
    assert_eq!(same, &state(&first));
    assert_eq!((stopped.ledger.stop_reason, stopped.ledger.requests), (StopReason::Quota, 1));
    assert!(stopped.ledger.fault.is_some());
}

#[tokio::test]
async fn the_quota_is_counted_on_this_side_too() {
    let server = Server::with([(200, found(&[7], 100, true))]).await;
    let config = ResearchConfig { daily_quota: 1, ..config(&server) };
    let task = ResearchTask::from_value(&days()).expect("a task");
    let source = ResearchSource::new(config, task).expect("a source");
    let first = page(&source, None).await;
    let stopped = page(&source, Some(&state(&first))).await;
    assert_eq!((stopped.ledger.stop_reason, stopped.ledger.requests), (StopReason::Quota, 0));
    assert_eq!(server.asked().len(), 1);
    let mut tomorrow = context();
    tomorrow.now = tomorrow.now.plus_secs(86_400);
    server.script([(200, found(&[8], 200, false))]);
    let next = source.poll(&tomorrow, Some(&state(&stopped))).await.expect("a page");
    assert_eq!(next.observations.len(), 1);
}

#[tokio::test]
async fn a_wrong_request_is_the_callers_business() {
    let server = Server::with([(400, refused("invalid_params", "The query is malformed"))]).await;
    let fault = fault(&source(&server, &days())).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Request, 1));
    assert!(fault.message.contains("The query is malformed") && fault.message.contains("log id l"));
}

#[tokio::test]
async fn what_is_not_the_api_is_said_to_be_so() {
    let server = Server::start().await;
    server.script_bytes(200, b"<html>welcome</html>".to_vec());
    server.script([(200, json!({"data": {"videos": 7}, "error": {"code": "ok"}}))]);
    let source = source(&server, &days());
    for _ in 0..2 {
        assert_eq!(fault(&source).await.class, FaultClass::Format);
    }
}

#[tokio::test]
async fn nobody_listens() {
    let server = Server::start().await;
    let mut config = config(&server);
    config.base_url = "http://127.0.0.1:9".into();
    let source = ResearchSource::new(config, ResearchTask::from_value(&days()).expect("a task")).expect("a source");
    let fault = fault(&source).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Transient, 0));
    assert!(fault.message.contains("no connection"), "{fault}");
}
