//! Logging in: consent, state, PKCE, scopes.

use super::{Bench, REDIRECT, SECRET, Scope, name};
use crate::source::FaultClass;
use aws_lc_rs::digest::{SHA256, digest};
use secrecy::ExposeSecret;
use std::collections::HashMap;
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan};

#[tokio::test]
async fn an_owner_agrees_and_the_tokens_are_stored() {
    let bench = Bench::new([]).await;
    let login = bench.login("anna", &Scope::ALL).await;
    assert_eq!(login.account.username.as_deref(), Some(bench.owner().as_str()));
    assert_eq!((login.declined.len(), login.renewed, login.account.scopes.len()), (0, false, 4));
    let (_, stored) = bench.stored();
    assert!(stored["access_token"].as_str().is_some_and(|token| token.starts_with("act.")));
    assert!(stored["refresh_token"].as_str().is_some_and(|token| token.starts_with("rft.")));
    for entry in std::fs::read_dir(bench.dir.path()).expect("lists") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("reads");
        assert!(!String::from_utf8_lossy(&bytes).contains("act."), "a token stands in the clear");
    }
    // The same owner may log in again; the accounts listed are those stored.
    assert!(bench.login("anna", &Scope::ALL).await.renewed);
    let accounts = bench.client.accounts().await.expect("accounts");
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].1.as_ref().expect("readable").scopes.len(), 4);
}

#[tokio::test]
async fn the_address_has_what_tiktok_wants() {
    let bench = Bench::new([]).await;
    let (one, two) = (bench.begin(), bench.begin());
    let parameters: HashMap<_, _> = one.url().query_pairs().into_owned().collect();
    assert_eq!(parameters["scope"], "user.info.basic,user.info.profile,user.info.stats,video.list");
    assert_eq!((parameters["client_key"].as_str(), parameters["response_type"].as_str()), ("app", "code"));
    assert_eq!((parameters["redirect_uri"].as_str(), parameters["code_challenge_method"].as_str()), (REDIRECT, "S256"));
    // 64 hexadecimal digits, not 43 of base64url.
    let challenge = &parameters["code_challenge"];
    assert!(challenge.len() == 64 && challenge.bytes().all(|byte| byte.is_ascii_hexdigit()), "{challenge}");
    let other: HashMap<_, _> = two.url().query_pairs().into_owned().collect();
    assert_ne!((&parameters["state"], challenge), (&other["state"], &other["code_challenge"]));
    let hash = digest(&SHA256, one.verifier.expose_secret().as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&hex, one.verifier.expose_secret().len()), (challenge, 64));
    assert!(!format!("{one:?}").contains(parameters["state"].as_str()));
}

#[tokio::test]
async fn a_redirect_of_another_login_is_refused() {
    let bench = Bench::new([]).await;
    let (ours, theirs) = (bench.begin(), bench.begin());
    let callback = bench.decide(&theirs, &Scope::ALL, "approve").await;
    assert!(callback.answers(&theirs) && !callback.answers(&ours));
    assert!(!super::Callback::read("code=x").answers(&ours), "no state at all");
    let fault = bench.client.finish_login(ours, &callback, &name("anna")).await.expect_err("refused");
    assert!(fault.class == FaultClass::Auth && fault.message.contains("state"), "{fault}");
    assert!(bench.client.accounts().await.expect("accounts").is_empty());
    assert_eq!(bench.sandbox.stats().requests.get(&Endpoint::Token), None, "nothing was redeemed");
}

#[tokio::test]
async fn an_owner_who_declines_is_told_as_such() {
    let bench = Bench::new([]).await;
    let attempt = bench.begin();
    let callback = bench.decide(&attempt, &[], "deny").await;
    let fault = bench.client.finish_login(attempt, &callback, &name("anna")).await.expect_err("refused");
    assert!(fault.message.contains("access_denied") && fault.action.contains("when they agree"), "{fault}");
}

#[tokio::test]
async fn a_code_is_bound_to_its_verifier() {
    let bench = Bench::new([]).await;
    let (mut ours, theirs) = (bench.begin(), bench.begin());
    let callback = bench.decide(&ours, &Scope::ALL, "approve").await;
    ours.verifier = theirs.verifier;
    let fault = bench.client.finish_login(ours, &callback, &name("anna")).await.expect_err("refused");
    assert!(fault.message.contains("invalid_request"), "{fault}");
}

#[tokio::test]
async fn refusals_of_the_token_endpoint_say_what_to_do() {
    let bench = Bench::new([]).await;
    let attempt = bench.begin();
    let callback = bench.decide(&attempt, &Scope::ALL, "approve").await;
    bench
        .sandbox
        .set_faults(&FaultPlan::of([super::next_at(FaultKind::OauthRefused, Endpoint::Token, 1)]))
        .expect("set");
    let fault = bench.client.finish_login(attempt, &callback, &name("anna")).await.expect_err("refused");
    assert!(fault.class == FaultClass::Auth && fault.action.contains("client_secret"), "{fault}");
    assert!(!format!("{fault:?} {:?}", bench.client).contains(SECRET));
}

#[tokio::test]
async fn a_name_stays_with_its_owner() {
    let bench = Bench::new([]).await;
    let login = bench.login("anna", &[Scope::VideoList]).await;
    assert_eq!(login.account.scopes, ["user.info.basic", "video.list"]);
    assert_eq!(login.declined, [Scope::UserInfoProfile, Scope::UserInfoStats]);
    let (version, _) = bench.stored();
    let locked = bench.vault().lock(&name("anna")).await.expect("a lock");
    let mut other = bench.stored().1;
    other["open_id"] = "-000other".into();
    locked.store(other.to_string().as_bytes()).expect("stored");
    drop(locked);
    let attempt = bench.begin();
    let callback = bench.decide(&attempt, &Scope::ALL, "approve").await;
    let fault = bench.client.finish_login(attempt, &callback, &name("anna")).await.expect_err("refused");
    assert!(fault.message.contains("another TikTok account") && fault.action.contains("--account"), "{fault}");
    assert_eq!(bench.stored().0, version + 1, "nothing was overwritten");
}
