//! What each kind of answer leads to.

use super::server::Server;
use super::{FIRST, NOW, card, fault, links, page, poll, source, state, videos};
use crate::source::{Fault, FaultClass, Next, Source, StopReason};
use serde_json::{Value, json};

/// The fault when the first link gets this answer.
async fn faulted(status: u16, body: &str, header: Option<(&'static str, &'static str)>) -> Fault {
    let server = Server::with([]).await;
    (0..3).for_each(|_| server.then(status, body.as_bytes(), header));
    poll(&source(&server.url, &links(2)), None).await.expect_err("a fault")
}

#[tokio::test]
async fn a_link_that_gets_no_card_is_a_fact_of_the_ledger() {
    let wrong = json!({"message": "Something went wrong", "code": 400});
    let soft = json!({"status_msg": "item doesn't exist", "status_code": 10204});
    let server = Server::with([(400, wrong), (200, card(FIRST + 1)), (404, Value::Null), (200, soft)]).await;
    let page = page(&source(&server.url, &links(4)), None).await;
    assert_eq!(videos(&page).iter().map(|v| v.video_id).collect::<Vec<_>>(), [FIRST + 1]);
    assert!(page.rejects.is_empty());
    assert_eq!(
        (page.ledger.requested, page.ledger.requests, page.ledger.stop_reason),
        (Some(4), 4, StopReason::Exhausted)
    );
    let told = fault(&page);
    assert!(told.starts_with("3 of 4 links brought nothing: "), "{told}");
    assert!(told.contains("video:7198206283571285000 unavailable (HTTP 400 Something went wrong)"), "{told}");
    assert!(told.contains("video:7198206283571285002 not_found (HTTP 404)"), "{told}");
    assert!(told.contains("video:7198206283571285003 not_found (statusCode 10204 item doesn't exist)"), "{told}");
}

#[tokio::test]
async fn a_refusal_of_the_client_is_waited_out_and_not_got_around() {
    for (status, body, said) in [
        (200, "", "an empty body"),
        (200, "<html>Please wait...<p id=\"wci\" class=\"_wafchallengeid\">", "firewall"),
        (200, "<html><div id=\"tiktok-verify-ele\">", "captcha"),
        (200, "<!DOCTYPE html><html>", "a page instead of JSON"),
        (400, "<html>", "a page instead of JSON"),
        (403, "Access Denied", "HTTP 403"),
    ] {
        let fault = faulted(status, body, None).await;
        assert_eq!((fault.class, fault.requests), (FaultClass::Blocked, 1), "{fault}");
        assert!(fault.message.contains(said), "{fault}");
        assert!(fault.retry_at.is_some_and(|at| at >= NOW.plus_secs(900)), "{:?}", fault.retry_at);
    }
    let login = faulted(302, "", Some(("location", "https://www.tiktok.com/login?x=y"))).await;
    assert!(login.class == FaultClass::Blocked && login.message.contains("login"), "{login}");
}

#[tokio::test]
async fn too_many_requests_are_waited_out_as_long_as_is_said() {
    let fault = faulted(429, "{}", Some(("retry-after", "120"))).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Limited, 1));
    assert!(fault.retry_at.is_some_and(|at| at >= NOW.plus_secs(120) && at < NOW.plus_secs(150)));
    let unsaid = faulted(503, "", None).await;
    assert_eq!((unsaid.class, unsaid.retry_at), (FaultClass::Transient, None), "left to the caller's back-off");
    let soft = faulted(200, r#"{"message":"You are visiting our service too frequently"}"#, None).await;
    assert_eq!(soft.class, FaultClass::Limited);
}

#[tokio::test]
async fn trouble_of_the_server_is_asked_again() {
    let server = Server::with([(500, json!({})), (502, json!({})), (200, card(FIRST))]).await;
    let page = page(&source(&server.url, &links(1)), None).await;
    assert_eq!((videos(&page).len(), page.ledger.requests), (1, 3));
    assert!(fault(&page).contains("HTTP 502"), "{}", fault(&page));
    let fault = faulted(500, "{}", None).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Transient, 3));
    let nobody = poll(&source("http://127.0.0.1:1", &links(1)), None).await.expect_err("a fault");
    assert_eq!((nobody.class, nobody.requests), (FaultClass::Transient, 3));
}

#[tokio::test]
async fn what_is_no_json_is_a_fault_of_the_form() {
    assert_eq!(faulted(200, "{\"version\":", None).await.class, FaultClass::Format);
    assert_eq!(faulted(301, "", Some(("location", "/elsewhere"))).await.class, FaultClass::Format);
}

#[tokio::test]
async fn trouble_in_the_middle_keeps_what_was_got() {
    let server = Server::with([(200, card(FIRST)), (200, card(FIRST + 1))]).await;
    server.then(200, b"", None);
    let source = source(&server.url, &links(4));
    let first = page(&source, None).await;
    assert_eq!((videos(&first).len(), first.ledger.requested, first.ledger.requests), (2, Some(2), 3));
    assert_eq!((first.ledger.stop_reason, first.ledger.has_more), (StopReason::Blocked, true));
    assert!(fault(&first).starts_with("stopped before link 3: "), "{}", fault(&first));
    let (at, not_before) = state(&first);
    assert!(at == json!({"from": 2}) && not_before.is_some_and(|at| at >= NOW.plus_secs(900)), "{at} {not_before:?}");
    server.then(200, card(FIRST + 2).to_string().as_bytes(), None);
    server.then(200, card(FIRST + 3).to_string().as_bytes(), None);
    // The route rests for everyone who shares the client.
    let resting = poll(&source, Some(&at)).await.expect_err("a rest");
    assert_eq!((resting.class, resting.requests), (FaultClass::Blocked, 0));
    let second = page(&super::source(&server.url, &links(4)), Some(&at)).await;
    assert_eq!((videos(&second).len(), &second.next), (2, &Next::CycleDone));
    assert_eq!(server.asked()[3].url, server.asked()[2].url, "the link that got no answer is asked again");
}

#[tokio::test]
async fn an_answer_about_something_else_is_a_dead_letter() {
    let no_id = json!({"version": "1.0", "type": "video", "html": "<b>"});
    let server = Server::with([(200, card(FIRST + 9)), (200, no_id)]).await;
    let page = page(&source(&server.url, &links(2)), None).await;
    let reasons: Vec<_> = page.rejects.iter().map(|r| (r.reason.as_str(), r.entity.clone())).collect();
    assert_eq!(reasons, [("id_mismatch", Some(FIRST.to_string())), ("missing_id", Some((FIRST + 1).to_string()))]);
    assert!(page.observations.is_empty());
}

#[tokio::test]
async fn the_probe_spends_one_request() {
    let server = Server::with([(400, json!({"message": "Something went wrong", "code": 400}))]).await;
    let probe = source(&server.url, &links(1)).probe().await.expect("an answer");
    assert!(probe.summary.contains("answers"), "{}", probe.summary);
    assert_eq!(server.asked().len(), 1);
}
