//! Tokens: one at a time, renewed once, and never shown.

use super::server::Server;
use super::{SECRET, config, fault, found, page, refused, source, videos_task};
use crate::client::Class;
use crate::research::{ResearchClient, ResearchSource, ResearchTask};
use crate::source::{FaultClass, Source};
use serde_json::{Value, json};
use std::sync::Arc;

fn days() -> Value {
    videos_task("20240101", "20240102")
}

fn expired() -> (u16, Value) {
    (401, refused("access_token_invalid", "The access token is invalid or not found in the request."))
}

#[tokio::test]
async fn a_token_is_asked_for_with_a_form_and_used_again() {
    let server = Server::with([(200, found(&[], 0, false)), (200, found(&[], 0, false))]).await;
    let source = source(&server, &days());
    page(&source, None).await;
    page(&source, None).await;
    let tokens = server.tokens();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].header("content-type"), "application/x-www-form-urlencoded");
    let form = format!("client_key=key&client_secret={SECRET}&grant_type=client_credentials");
    assert_eq!(tokens[0].body, form.as_bytes());
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let server = Server::with([expired(), (200, found(&[7], 100, false)), expired(), expired()]).await;
    let source = source(&server, &days());
    let renewed = page(&source, None).await;
    assert_eq!((renewed.observations.len(), renewed.ledger.requests), (1, 2));
    assert_eq!(server.asked()[1].header("authorization"), "Bearer clt.2");
    let fault = fault(&source).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Auth, 2));
    assert_eq!(server.tokens().len(), 3);
}

#[tokio::test]
async fn a_missing_scope_needs_a_person_not_a_token() {
    let server = Server::with([(401, refused("scope_not_authorized", "no scope"))]).await;
    let fault = fault(&source(&server, &days())).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Auth, 1));
    assert!(fault.action.contains("scope"));
    assert_eq!(server.tokens().len(), 1);
}

#[tokio::test]
async fn a_token_that_expires_at_once_is_renewed_ahead() {
    let server = Server::with([(200, found(&[], 0, false)), (200, found(&[], 0, false))]).await;
    server.script_token(200, json!({"access_token": "clt.short", "expires_in": 0}));
    let source = source(&server, &days());
    page(&source, None).await;
    page(&source, None).await;
    assert_eq!(server.asked()[1].header("authorization"), "Bearer clt.2");
}

#[tokio::test]
async fn refused_credentials_are_an_auth_fault_even_with_http_200() {
    let client = "invalid_client";
    for (status, code) in [(200, client), (400, client), (401, client), (400, "invalid_request")] {
        let server = Server::start().await;
        let text = format!("Client secret {SECRET} is wrong");
        server.script_token(status, json!({"error": code, "error_description": text, "log_id": "l"}));
        let fault = fault(&source(&server, &days())).await;
        assert_eq!((fault.class, fault.requests), (FaultClass::Auth, 0), "{status}");
        assert!(fault.message.contains(code));
        assert_eq!(fault.kind(), Class::AuthExpired, "{fault}");
        assert!(server.asked().is_empty());
    }
}

#[tokio::test]
async fn trouble_of_the_token_server_is_waited_out() {
    let server = Server::with([(200, found(&[7], 100, false))]).await;
    server.script_token(503, json!("busy"));
    server.script_token(200, json!({"error": "server_error", "error_description": "", "log_id": ""}));
    let page = page(&source(&server, &days()), None).await;
    assert_eq!((page.observations.len(), page.ledger.requests), (1, 1));
    assert_eq!(server.tokens().len(), 3);
}

#[tokio::test]
async fn tasks_that_share_a_client_ask_for_one_token() {
    let server = Server::with((0..8).map(|_| (200, found(&[7], 100, false)))).await;
    let client = Arc::new(ResearchClient::new(config(&server)).expect("a client"));
    let task = ResearchTask::from_value(&days()).expect("a task");
    let sources: Vec<_> =
        (0..8).map(|_| ResearchSource::with_client(Arc::clone(&client), task.clone()).expect("a source")).collect();
    let pages = futures::future::join_all(sources.iter().map(|source| page(source, None))).await;
    assert_eq!(pages.len(), 8);
    assert_eq!(server.tokens().len(), 1);
}

#[tokio::test]
async fn many_refused_at_once_renew_once() {
    let server = Server::with((0..8).map(|_| (200, found(&[], 0, false)))).await;
    server.refuse_token("clt.1");
    let client = Arc::new(ResearchClient::new(config(&server)).expect("a client"));
    let task = ResearchTask::from_value(&days()).expect("a task");
    let source = ResearchSource::with_client(client, task).expect("a source");
    futures::future::join_all((0..8).map(|_| page(&source, None))).await;
    assert_eq!(server.tokens().len(), 2);
}

#[tokio::test]
async fn a_probe_spends_no_quota_and_sees_bad_credentials() {
    let server = Server::start().await;
    let source = source(&server, &days());
    assert!(source.probe().await.expect("good credentials").summary.contains("good"));
    assert!(server.asked().is_empty());
    server.script_token(200, json!({"error": "invalid_client", "error_description": "no", "log_id": ""}));
    assert_eq!(source.probe().await.map_err(|fault| fault.class).err(), Some(FaultClass::Auth));
    assert!(!format!("{source:?}").contains(SECRET));
}
