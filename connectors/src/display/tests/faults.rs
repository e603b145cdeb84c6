//! Every error code of the reference, and every trouble of the sandbox: what it means and what to do.

use super::{Bench, SECRET, Scope, name, next_at};
use crate::source::{FaultClass, Source};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::sync::Arc;
use tidelake_sandbox::{Endpoint, FaultKind};
use tidelake_schemas::Timestamp;

/// 2024-03-10T14:30:00Z.
const NOW: Timestamp = Timestamp(1_710_081_000_000_000);

/// What the API and the token endpoint answer.
#[derive(Clone)]
struct Script {
    api: (u16, Value),
    token: (u16, Value),
}

async fn scripted(script: Script) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = |State(script): State<Arc<Script>>, uri: Uri| async move {
        let (status, body) = if uri.path().contains("oauth") { &script.token } else { &script.api };
        (StatusCode::from_u16(*status).expect("a status"), body.to_string()).into_response()
    };
    let app = Router::new().fallback(answer).with_state(Arc::new(script));
    tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") });
    base
}

fn nested(code: &str) -> Value {
    json!({"data": {}, "error": {"code": code, "message": "words of TikTok", "log_id": "L1"}})
}

fn flat(code: &str) -> Value {
    json!({"error": code, "error_description": "words of TikTok", "log_id": "L1"})
}

/// Polls an account whose access token is good until `access_s` from now.
async fn fault_of(script: Script, access_s: i64) -> crate::source::Fault {
    let base = scripted(script).await;
    let dir = tempfile::tempdir().expect("a directory");
    let client = super::client(&base, dir.path(), crate::client::Clock::new(|| NOW));
    let vault =
        crate::vault::Vault::new(dir.path(), crate::vault::VaultKey::read(super::KEY.as_bytes()).expect("a key"));
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    let tokens = json!({
        "open_id": "o", "scopes": scopes, "access_token": "act.hush", "refresh_token": "rft.hush",
        "issued_at": NOW, "access_until": NOW.plus_secs(access_s), "refresh_until": NOW.plus_secs(1_000_000),
        "granted_at": NOW, "username": null, "display_name": null,
    });
    let locked = vault.lock(&name("anna")).await.expect("a lock");
    locked.store(tokens.to_string().as_bytes()).expect("stored");
    drop(locked);
    let task = serde_json::from_value(json!({"kind": "own_videos", "account": "anna"})).expect("a task");
    let source = super::DisplaySource::with_client(client, task).expect("a source");
    let context = super::CycleContext { task: "t".into(), cycle: 0, started_at: NOW, now: NOW };
    let fault = source.poll(&context, None).await.expect_err("a fault");
    let shown = format!("{fault} {fault:?}");
    assert!(!shown.contains("hush") && !shown.contains(SECRET), "{shown}");
    fault
}

#[tokio::test]
async fn every_code_of_the_api() {
    use FaultClass::{Auth, Limited, Request, Transient};
    let login = "Run `tidelake login --account anna` again.";
    for (code, status, class, action) in [
        ("access_token_invalid", 401, Auth, login),
        ("scope_not_authorized", 401, Auth, "Ask the owner for scope video.list"),
        ("scope_permission_missed", 401, Auth, "Ask for scope video.list for this app"),
        ("invalid_params", 400, Request, "Correct the task"),
        ("invalid_param", 400, Request, "Correct the task"),
        ("invalid_request", 400, Request, "Correct the task"),
        ("invalid_file_upload", 400, Request, "Correct the task"),
        ("rate_limit_exceeded", 429, Limited, "Wait a minute"),
        ("daily_quota_limit_exceeded", 429, Limited, "Wait for 00:00 UTC"),
        ("timeout", 504, Transient, "Wait; the task goes on"),
        ("internal_error", 500, Transient, "Wait; the task goes on"),
    ] {
        // A refused access token is renewed first; here TikTok refuses that, too.
        let script = Script { api: (status, nested(code)), token: (200, flat("invalid_grant")) };
        let fault = fault_of(script, 7200).await;
        assert_eq!(fault.class, class, "{code}: {fault}");
        assert!(fault.action.contains(action), "{code}: {fault}");
        assert!(fault.message.contains("words of TikTok") && fault.requests > 0, "{code}: {fault}");
    }
}

#[tokio::test]
async fn every_code_of_the_token_endpoint() {
    use FaultClass::{Auth, Request, Transient};
    for (code, class, action) in [
        ("invalid_grant", Auth, "Run `tidelake login --account anna` again."),
        ("invalid_client", Auth, "client_secret"),
        ("unauthorized_client", Auth, "client_secret"),
        ("access_denied", Auth, "when they agree"),
        ("invalid_scope", Auth, "developers.tiktok.com"),
        ("invalid_request", Request, "Correct"),
        ("unsupported_grant_type", Request, "Update tidelake"),
        ("unsupported_response_type", Request, "Update tidelake"),
        ("server_error", Transient, "Wait"),
        ("temporarily_unavailable", Transient, "Wait"),
    ] {
        for status in [200, 400] {
            let script = Script { api: (200, json!({})), token: (status, flat(code)) };
            let fault = fault_of(script, 0).await;
            assert_eq!(fault.class, class, "{code} {status}: {fault}");
            assert!(fault.action.contains(action), "{code} {status}: {fault}");
        }
    }
}

#[tokio::test]
async fn answers_in_no_known_form() {
    let good = json!({"code": "ok", "message": "", "log_id": "L"});
    for (api, part) in [
        (json!({"error": good}), "no data"),
        (json!({"data": {"has_more": true, "cursor": 5}, "error": good}), "no list of videos"),
        (json!({"data": {"videos": {}, "has_more": false}, "error": good}), "no list of videos"),
    ] {
        let fault = fault_of(Script { api: (200, api), token: (200, json!({})) }, 7200).await;
        assert!(fault.class == FaultClass::Format && fault.message.contains(part), "{fault}");
    }
    let stuck = json!({"data": {"videos": [], "has_more": true}, "error": good});
    let fault = fault_of(Script { api: (200, stuck), token: (200, json!({})) }, 7200).await;
    assert!(fault.class == FaultClass::Blocked && fault.message.contains("same page"), "{fault}");
    let fault = fault_of(Script { api: (200, json!({})), token: (200, json!({"token_type": "x"})) }, 0).await;
    assert!(fault.class == FaultClass::Format && fault.message.contains("access_token"), "{fault}");
}

#[tokio::test]
async fn every_trouble_of_the_sandbox() {
    use FaultClass::{Auth, Limited, Transient};
    for (kind, class, action) in [
        (FaultKind::ScopeMissing, Auth, "Ask the owner for scope video.list"),
        (FaultKind::ScopePermission, Auth, "developers.tiktok.com"),
        (FaultKind::RateLimit, Limited, "Wait a minute"),
        (FaultKind::InternalError, Transient, "Wait"),
        (FaultKind::GatewayTimeout, Transient, "Wait"),
        (FaultKind::ConnectionReset, Transient, "network"),
        (FaultKind::TruncatedBody, Transient, "network"),
    ] {
        let bench = Bench::logged_in([next_at(kind, Endpoint::OwnVideos, 9)]).await;
        let fault = bench.fault(&bench.own_videos()).await;
        assert_eq!(fault.class, class, "{kind:?}: {fault}");
        assert!(fault.action.contains(action), "{kind:?}: {fault}");
        bench.sandbox.set_faults(&tidelake_sandbox::FaultPlan::default()).expect("set");
        assert!(bench.poll(&bench.own_videos(), None).await.is_ok(), "{kind:?} passes");
    }
}

#[tokio::test]
async fn a_short_trouble_is_waited_out_and_told() {
    let bench = Bench::logged_in([next_at(FaultKind::InternalError, Endpoint::OwnVideos, 1)]).await;
    let page = bench.page(&bench.own_videos(), None).await;
    assert_eq!(page.ledger.requests, 2);
    assert!(super::told(&page).contains("internal_error"), "{}", super::told(&page));
}

#[tokio::test]
async fn nobody_is_logged_in() {
    let bench = Bench::new([]).await;
    let fault = bench.fault(&bench.own_videos()).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Auth, 0));
    assert_eq!(fault.action, "Run `tidelake login --account anna`.");
    assert!(bench.own_videos().probe().await.is_err());
}
