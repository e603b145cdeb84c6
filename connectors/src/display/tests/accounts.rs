//! Logging out, revocation, and accounts that cannot be read.

use super::{Bench, Scope, client, clock_of, name, next_at};
use crate::display::Revocation;
use crate::source::FaultClass;
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan};

#[tokio::test]
async fn logging_out_takes_the_consent_back() {
    let bench = Bench::logged_in([]).await;
    let (_, stored) = bench.stored();
    assert_eq!(bench.client.logout(&name("anna")).await.expect("done"), Revocation::Revoked);
    let url = format!("{}/v2/user/info/?fields=open_id", bench.sandbox.base_url());
    let token = stored["access_token"].as_str().expect("a token");
    let answer = bench.browser.get(url).bearer_auth(token).send().await.expect("sent");
    assert_eq!(answer.status(), 401, "the token is worth nothing any more");
    assert!(bench.client.accounts().await.expect("accounts").is_empty());
    let fault = bench.fault(&bench.own_videos()).await;
    assert!(fault.class == FaultClass::Auth && fault.message.contains("no account anna"), "{fault}");
    assert_eq!(fault.action, "Run `tidelake login --account anna`.");
    assert!(bench.client.logout(&name("anna")).await.is_err(), "there is nothing to log out of");
    assert!(!bench.login("anna", &Scope::ALL).await.renewed);
}

#[tokio::test]
async fn logging_out_works_after_hours_and_after_a_revocation() {
    let bench = Bench::logged_in([]).await;
    bench.hours_pass(3);
    assert_eq!(bench.client.logout(&name("anna")).await.expect("done"), Revocation::Revoked);
    bench.login("anna", &Scope::ALL).await;
    bench.hours_pass(3);
    bench.sandbox.set_faults(&FaultPlan::of([next_at(FaultKind::ConsentRevoked, Endpoint::Token, 1)])).expect("set");
    assert_eq!(bench.client.logout(&name("anna")).await.expect("done"), Revocation::Gone);
    assert!(bench.client.accounts().await.expect("accounts").is_empty());
}

#[tokio::test]
async fn an_account_that_cannot_be_revoked_stays() {
    for (kind, endpoint) in [
        (FaultKind::InternalError, Endpoint::Revoke),
        (FaultKind::OauthRefused, Endpoint::Revoke),
        (FaultKind::OauthRefused, Endpoint::Token),
    ] {
        let bench = Bench::logged_in([next_at(kind, endpoint, 1)]).await;
        if endpoint == Endpoint::Token {
            bench.hours_pass(3);
        }
        assert!(bench.client.logout(&name("anna")).await.is_err(), "{kind:?} at {endpoint:?}");
        assert_eq!(bench.client.accounts().await.expect("accounts").len(), 1, "{kind:?} at {endpoint:?}");
    }
}

#[tokio::test]
async fn an_owner_who_takes_the_consent_back_ends_the_polls() {
    let bench = Bench::logged_in([next_at(FaultKind::ConsentRevoked, Endpoint::OwnVideos, 1)]).await;
    let fault = bench.fault(&bench.own_videos()).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Auth, 2), "refused, and not renewed");
    assert!(fault.message.contains("invalid_grant"), "{fault}");
    assert_eq!(fault.action, "Run `tidelake login --account anna` again.");
}

#[tokio::test]
async fn a_wrong_key_is_said_to_be_one() {
    let bench = Bench::logged_in([]).await;
    let mut config = bench.client.config().clone();
    config.key = Some("ff".repeat(32).into());
    let grant = crate::client::Profile::Creator.grant(crate::client::Route::DisplayApi, None).expect("a grant");
    let stranger =
        super::DisplayClient::new(config, bench.dir.path(), grant, clock_of(&bench.sandbox)).expect("a client");
    let accounts = stranger.accounts().await.expect("names need no key");
    let fault = accounts[0].1.as_ref().expect_err("sealed with another key");
    assert!(fault.message.contains("another key") && fault.action.contains("key_file"), "{fault}");
    assert!(stranger.logout(&name("anna")).await.is_err());
    let again = client(&bench.sandbox.base_url(), bench.dir.path(), clock_of(&bench.sandbox));
    assert!(again.accounts().await.expect("accounts")[0].1.is_ok());
}
