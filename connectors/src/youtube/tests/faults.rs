//! What each fault of the API becomes.

use super::*;
use crate::client::Lender;
use crate::client::lease::LocalLender;
use crate::source::FaultClass;
use serde_json::json;
use tidelake_sandbox::Endpoint;

fn spec(bench: &Bench) -> Value {
    let ids: Vec<String> = (0..10).filter_map(|index| Some(bench.world().video(index)?.youtube_id())).collect();
    json!({"kind": "videos", "videos": ids})
}

async fn fault(kind: FaultKind) -> (Fault, Bench) {
    let bench = Bench::new([FaultRule::every(kind, 1)]).await;
    let fault = bench.poll(spec(&bench), None).await.expect_err("a fault");
    (fault, bench)
}

#[tokio::test]
async fn a_spent_quota_waits_for_midnight_of_the_pacific_coast() {
    let (fault, bench) = fault(FaultKind::DailyQuota).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Limited, 1));
    // The world ends on 2 March at midnight UTC: of the coast's days it is still the first, at 16:00.
    assert_eq!(fault.retry_at.map(|at| at.to_string()).as_deref(), Some("2026-03-02T08:00:00Z"));
    assert!(fault.message.contains("quotaExceeded") && !fault.message.contains('<'), "{}", fault.message);
    assert!(fault.action.contains("Pacific"), "{}", fault.action);
    // The rest of the day asks nobody.
    let again = bench.poll(spec(&bench), None).await.expect_err("a fault");
    assert_eq!((again.requests, again.retry_at), (0, fault.retry_at));
    bench.sandbox.set_faults(&FaultPlan::default()).expect("no faults");
    bench.sandbox.clock().advance(chrono::TimeDelta::hours(8));
    bench.poll(spec(&bench), None).await.expect("a new day");
}

#[tokio::test]
async fn our_own_count_stops_before_the_source_does() {
    let config = YoutubeConfig { daily_units: 3, ..YoutubeConfig::new(SecretString::from(KEY)) };
    let bench = Bench::with(config, []).await;
    for _ in 0..3 {
        bench.poll(spec(&bench), None).await.expect("a page");
    }
    let fault = bench.poll(spec(&bench), None).await.expect_err("a fault");
    assert_eq!((fault.class, fault.requests), (FaultClass::Limited, 0));
    assert_eq!(bench.sandbox.stats().requests[&Endpoint::YoutubeVideos], 3);
}

#[tokio::test]
async fn processes_with_one_key_share_its_quota() {
    let config = YoutubeConfig { daily_units: 5, ..YoutubeConfig::new(SecretString::from(KEY)) };
    let lender: Arc<dyn Lender> = Arc::<LocalLender>::default();
    let mut bench = Bench::with(config.clone(), []).await;
    for polls in [2, 3] {
        // As after a restart.
        bench.client = Arc::new(client(&bench.sandbox, config.clone()).with_lender(&lender));
        for _ in 0..polls {
            bench.poll(spec(&bench), None).await.expect("a page");
        }
        bench.client.give_back().await.expect("given back");
    }
    bench.client = Arc::new(client(&bench.sandbox, config.clone()).with_lender(&lender));
    let fault = bench.poll(spec(&bench), None).await.expect_err("nothing is left");
    assert_eq!((fault.class, fault.requests), (FaultClass::Limited, 0));
    let [units, searches] = config.budgets().map(|budget| config.budget_key(&budget));
    assert!(units.ends_with("/units") && searches.ends_with("/searches") && !units.contains(KEY), "{units} {searches}");
}

#[tokio::test]
async fn a_wrong_key_is_told_and_not_shown() {
    let bench = Bench::new([]).await;
    let config = YoutubeConfig::new(SecretString::from("AIzaSy-not-the-one"));
    let bench = Bench { client: Arc::new(client(&bench.sandbox, config)), ..bench };
    let fault = bench.poll(spec(&bench), None).await.expect_err("a fault");
    assert_eq!((fault.class, fault.requests), (FaultClass::Auth, 1));
    assert!(fault.action.contains("[youtube] api_key"), "{}", fault.action);
    let shown = format!("{fault} {fault:?} {:?} {:?}", bench.client, bench.client.quotas().map(|http| http.snapshot()));
    assert!(!shown.contains("AIzaSy"), "{shown}");
    for key in ["", "with blank", "línea"] {
        let config = YoutubeConfig::new(SecretString::from(key));
        let grant = Profile::Research.grant(Route::Youtube, None).expect("a grant");
        let clock = Clock::new(|| Timestamp(0));
        assert!(YoutubeClient::new(config, grant, clock).is_err_and(|error| error.to_string().contains("api_key")));
    }
}

#[tokio::test]
async fn trouble_is_waited_out_and_limits_slow_us_down() {
    for kind in [FaultKind::InternalError, FaultKind::RateLimit] {
        let bench = Bench::new([FaultRule::next(kind, 1)]).await;
        let page = bench.poll(spec(&bench), None).await.expect("a page");
        assert_eq!((page.ledger.requests, page.observations.len()), (2, 10), "{kind:?}");
        assert!(page.ledger.fault.as_deref().is_some_and(|note| note.contains("survived")), "{:?}", page.ledger);
    }
    let (fault, bench) = fault(FaultKind::InternalError).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Transient, 3));
    let spent = bench.client.quotas()[0].snapshot().budget.expect("a budget").spent;
    assert_eq!(spent, 3, "what is refused is charged, too");
}

#[tokio::test]
async fn what_is_missing_in_an_answer_is_gone() {
    let bench = Bench::new([FaultRule::every(FaultKind::VideoMissing, 1)]).await;
    let page = bench.poll(spec(&bench), None).await.expect("a page");
    assert_eq!(page.observations.len(), 10, "each is told of");
    let gone = videos(std::slice::from_ref(&page)).iter().filter(|video| video.unavailable.is_some()).count();
    let by_itself = (0..10).filter_map(|index| bench.world().video(index));
    assert_eq!(gone, 1 + by_itself.filter(|video| !video.is_available(bench.now())).count());
}

#[tokio::test]
async fn a_form_that_is_not_known_is_no_empty_list() {
    let (told, mut seen) = tokio::sync::mpsc::channel(4);
    let app = axum::Router::new().fallback(move |uri: axum::http::Uri, headers: axum::http::HeaderMap| async move {
        told.send((uri.to_string(), headers)).await.expect("a listener");
        "{\"a\":1}"
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let bench = Bench::new([]).await;
    let config = YoutubeConfig { base_url, http: quick(), ..YoutubeConfig::new(SecretString::from(KEY)) };
    let grant = Profile::Research.grant(Route::Youtube, None).expect("a grant");
    let client = YoutubeClient::new(config, grant, Clock::new(|| Timestamp(0))).expect("a client");
    let bench = Bench { client: Arc::new(client), ..bench };
    let fault = bench.poll(spec(&bench), None).await.expect_err("a fault");
    assert_eq!(fault.class, FaultClass::Format);
    let (address, headers) = seen.recv().await.expect("a request");
    assert_eq!(headers["x-goog-api-key"], KEY);
    assert!(address.starts_with("/youtube/v3/videos?part=snippet") && !address.contains("AIza"), "{address}");
    server.abort();
}
