//! Refresh tokens that change: nothing is lost, whoever ends when.

use super::{Bench, SECRET, Scope, name, next_at, told, videos};
use crate::source::{FaultClass, Source};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan, SandboxConfig};

fn token_requests(bench: &Bench) -> u64 {
    bench.sandbox.stats().requests.get(&Endpoint::Token).copied().unwrap_or_default()
}

impl Bench {
    /// What TikTok says of a refresh token.
    async fn refresh_by_hand(&self, token: &str) -> Value {
        let form = [
            ("client_key", "app"),
            ("client_secret", SECRET),
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
        ];
        let url = format!("{}/v2/oauth/token/", self.sandbox.base_url());
        self.browser.post(url).form(&form).send().await.expect("sent").json().await.expect("JSON")
    }
}

#[tokio::test]
async fn an_access_token_that_ends_is_renewed_before_it_is_used() {
    let bench = Bench::logged_in([]).await;
    let (version, before) = bench.stored();
    bench.hours_pass(2);
    let page = bench.page(&bench.own_videos(), None).await;
    assert_eq!((videos(&page).len(), page.ledger.requests, told(&page)), (20, 2, ""));
    let (newer, after) = bench.stored();
    assert_eq!(newer, version + 1);
    assert_ne!((&before["refresh_token"], &before["access_token"]), (&after["refresh_token"], &after["access_token"]));
    assert_eq!(before["username"], after["username"]);
    // The new one has been used: the one before is gone from the disk, and worth nothing anyway.
    let locked = bench.vault().lock(&name("anna")).await.expect("free");
    assert!(locked.previous().expect("readable").is_none());
    let old = bench.refresh_by_hand(before["refresh_token"].as_str().expect("a token")).await;
    assert_eq!(old["error"], "invalid_grant");
}

#[tokio::test]
async fn the_version_before_is_kept_until_the_new_one_has_been_used() {
    let bench = Bench::logged_in([]).await;
    bench.page(&bench.own_videos(), None).await;
    let (version, _) = bench.stored();
    bench.hours_pass(2);
    bench.client.keeper().await.expect("a keeper").access(&name("anna")).await.expect("access");
    let previous = bench.vault().lock(&name("anna")).await.expect("free").previous();
    assert_eq!(previous.expect("readable").map(|stored| stored.version), Some(version), "renewed, and not yet used");
    bench.page(&bench.own_videos(), None).await;
    let previous = bench.vault().lock(&name("anna")).await.expect("free").previous();
    assert!(previous.expect("readable").is_none());
}

#[tokio::test]
async fn a_refused_access_token_is_renewed_once() {
    let bench = Bench::logged_in([next_at(FaultKind::TokenExpired, Endpoint::OwnVideos, 1)]).await;
    let page = bench.page(&bench.own_videos(), None).await;
    assert_eq!((videos(&page).len(), page.ledger.requests), (20, 3), "refused, renewed, asked again");
    assert!(told(&page).contains("access_token_invalid"), "{}", told(&page));
}

#[tokio::test]
async fn two_processes_renew_once() {
    let bench = Bench::logged_in([]).await;
    bench.hours_pass(2);
    let before = token_requests(&bench);
    let clients = [bench.another(), bench.another(), bench.another(), Arc::clone(&bench.client)];
    let account = name("anna");
    let asked = clients.iter().map(|client| async {
        client.keeper().await.expect("a keeper").access(&account).await.map(|access| access.version)
    });
    let versions: Vec<u64> = futures::future::join_all(asked).await.into_iter().map(|v| v.expect("access")).collect();
    assert_eq!(token_requests(&bench), before + 1);
    assert!(versions.iter().all(|version| *version == bench.stored().0), "{versions:?}");
}

#[tokio::test]
async fn a_poll_that_is_given_up_loses_no_token() {
    let slow = tidelake_sandbox::FaultRule { millis: Some(300), ..next_at(FaultKind::SlowAnswer, Endpoint::Token, 1) };
    let bench = Bench::logged_in([slow]).await;
    let (version, _) = bench.stored();
    bench.hours_pass(2);
    let source = bench.own_videos();
    let given_up = tokio::time::timeout(Duration::from_millis(100), bench.poll(&source, None)).await;
    assert!(given_up.is_err(), "the answer comes later");
    // Who takes the lock next waits for the one that goes on alone.
    let page = bench.page(&bench.own_videos(), None).await;
    assert_eq!((videos(&page).len(), bench.stored().0), (20, version + 1));
    assert_eq!(page.ledger.requests, 1, "nothing was asked for a second time");
}

#[tokio::test]
async fn another_process_goes_on_after_a_crash() {
    let bench = Bench::logged_in([]).await;
    bench.hours_pass(2);
    bench.client.keeper().await.expect("a keeper").access(&name("anna")).await.expect("access");
    // A new process that knows nothing.
    let task = serde_json::from_value(json!({"kind": "own_videos", "account": "anna"})).expect("a task");
    let source = super::DisplaySource::with_client(bench.another(), task).expect("a source");
    assert!(source.probe().await.is_ok());
    assert_eq!(videos(&bench.page(&source, None).await).len(), 20);
}

#[tokio::test]
async fn the_token_before_helps_when_the_newest_is_refused() {
    let bench = Bench::logged_in([]).await;
    let mut bad = bench.stored().1;
    bad["refresh_token"] = "rft.unknown".into();
    bad["access_token"] = "act.unknown".into();
    bench.vault().lock(&name("anna")).await.expect("a lock").store(bad.to_string().as_bytes()).expect("stored");
    let page = bench.page(&bench.own_videos(), None).await;
    assert_eq!((videos(&page).len(), page.ledger.requests), (20, 4), "refused, refused, renewed, asked again");
}

#[tokio::test]
async fn tokens_that_do_not_change_are_fine_too() {
    let bench = Bench::with(SandboxConfig { rotates_refresh_tokens: false, ..SandboxConfig::default() }).await;
    bench.login("anna", &Scope::ALL).await;
    let before = bench.stored().1;
    for _ in 0..3 {
        bench.hours_pass(2);
        assert_eq!(videos(&bench.page(&bench.own_videos(), None).await).len(), 20);
    }
    assert_eq!(bench.stored().1["refresh_token"], before["refresh_token"]);
}

#[tokio::test]
async fn a_consent_ends_and_is_said_to() {
    let bench = Bench::logged_in([]).await;
    bench.hours_pass(181 * 24);
    let before = token_requests(&bench);
    let fault = bench.fault(&bench.own_videos()).await;
    assert!(fault.class == FaultClass::Auth && fault.message.contains("consent ended on"), "{fault}");
    assert_eq!(fault.action, "Run `tidelake login --account anna` again.");
    assert_eq!(token_requests(&bench), before, "what is known is not asked");
}

#[tokio::test]
async fn an_answer_lost_on_its_way_is_told_and_leaves_the_account_as_it_was() {
    let bench = Bench::logged_in([]).await;
    let (version, _) = bench.stored();
    bench.hours_pass(2);
    bench.sandbox.set_faults(&FaultPlan::of([next_at(FaultKind::ConnectionReset, Endpoint::Token, 1)])).expect("set");
    let before = token_requests(&bench);
    let fault = bench.fault(&bench.own_videos()).await;
    assert_eq!((fault.class, bench.stored().0), (FaultClass::Transient, version));
    assert_eq!(token_requests(&bench), before + 1, "a refresh token is not sent twice by itself");
    assert_eq!(videos(&bench.page(&bench.own_videos(), None).await).len(), 20);
}
