//! Waiting, resting, budgets and the cache.

use super::server::{Reply, Server};
use super::*;
use crate::client::breaker::BreakerState;
use crate::client::budget::BudgetConfig;
use crate::client::cache::{CacheConfig, Ttl};
use crate::client::fault::Class;
use crate::client::lease::{Lender, LocalLender};
use std::sync::Arc;
use std::time::Instant;

#[tokio::test]
async fn a_429_is_waited_out() {
    let busy = Reply::text(429, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}").header("retry-after", "1");
    let server = Server::with([busy]).await;
    let client = client(Route::ResearchApi, quick());
    let since = Instant::now();
    let response = client.send(get(&server)).await.expect("an answer");
    assert!(since.elapsed() >= millis(1000), "{:?}", since.elapsed());
    assert_eq!((response.requests, response.cached), (2, false));
    assert!(response.survived.is_some_and(|text| text.contains("rate_limit_exceeded")));
    let snapshot = client.snapshot();
    assert_eq!((snapshot.counts.requests, snapshot.counts.retries), (2, 1));
    assert_eq!(snapshot.counts.faults["rate_limited"], 1);
    assert!(snapshot.rate.effective_per_second < snapshot.rate.per_second);
}

#[tokio::test]
async fn a_long_retry_after_is_handed_on_and_holds_everyone() {
    let date = "Sun, 10 Mar 2024 16:30:00 GMT";
    let server = Server::with([Reply::text(429, "").header("retry-after", date)]).await;
    let client = client(Route::ResearchApi, quick());
    for spent in [1, 0] {
        let fault = client.send(get(&server)).await.expect_err("a fault");
        assert_eq!((fault.class, fault.requests), (Class::RateLimited, spent));
        let wait = fault.retry_at.expect("a time").0 - NOW.0;
        assert!((7_190_000_000..=7_205_000_000).contains(&wait), "{wait}");
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn bursts_of_500_open_the_breaker_and_a_probe_closes_it() {
    let server = Server::with(std::iter::repeat_n(Reply::text(500, ""), 6)).await;
    let config = ClientConfig { retry: RetryConfig { attempts: 99, ..quick().retry }, ..quick() };
    let client = client(Route::ResearchApi, config);
    let fault = client.send(get(&server)).await.expect_err("open");
    assert_eq!((fault.class, fault.requests), (Class::CircuitOpen, 5));
    assert!(fault.context.details.contains("HTTP 500") && fault.retry_at.is_some());
    let breaker = client.snapshot().breaker;
    assert_eq!(breaker.state, BreakerState::Open);
    assert!(breaker.next_probe.is_some_and(|at| at >= breaker.since));
    assert_eq!(server.seen().len(), 5);

    tokio::time::sleep(millis(120)).await;
    // The probe fails, the next one does not.
    assert_eq!(client.send(get(&server)).await.expect_err("open again").class, Class::CircuitOpen);
    assert_eq!(server.seen().len(), 6);
    tokio::time::sleep(millis(120)).await;
    assert!(client.send(get(&server)).await.is_ok());
    assert_eq!(client.snapshot().breaker.state, BreakerState::Closed);
}

#[tokio::test]
async fn a_block_opens_the_breaker_for_hours() {
    let server = Server::with([Reply::text(200, "")]).await;
    let client = client(Route::Oembed, quick());
    let fault = client.send(get(&server)).await.expect_err("a block");
    assert_eq!((fault.class, fault.requests), (Class::EmptyAnswer, 1));
    assert!(fault.retry_at.is_some_and(|at| at >= NOW.plus_secs(7200)));
    assert_eq!(client.send(get(&server)).await.expect_err("resting").class, Class::Resting);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_budget_holds_under_concurrency() {
    let server = Server::with([]).await;
    let budget = Some(BudgetConfig { reserve: 0.25, ..BudgetConfig::new(40) });
    let lender: Arc<dyn Lender> = Arc::<LocalLender>::default();
    let new = || client(Route::ResearchApi, ClientConfig { budget: budget.clone(), ..quick() });
    let client = Arc::new(new().with_lender(Arc::clone(&lender)));
    let tasks = (0..100).map(|_| {
        let (client, request) = (Arc::clone(&client), get(&server));
        tokio::spawn(async move { client.send(request).await })
    });
    let results = futures::future::join_all(tasks).await.into_iter().map(|result| result.expect("no panic"));
    let (good, bad): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
    assert_eq!((good.len(), server.seen().len()), (30, 30));
    for fault in bad.into_iter().filter_map(Result::err) {
        assert_eq!((fault.class, fault.requests), (Class::Quota, 0));
        assert_eq!(fault.retry_at.map(|at| at.to_string()).as_deref(), Some("2024-03-11T00:00:00Z"));
    }
    let urgent = Request { priority: crate::client::budget::Priority::High, ..get(&server) };
    assert!(client.send(urgent).await.is_ok());
    assert_eq!(client.snapshot().budget.map(|budget| (budget.spent, budget.left_normal)), Some((31, 0)));
    // A restart goes on from there.
    let after = new().with_lender(lender);
    assert_eq!(after.send(get(&server)).await.expect_err("spent").class, Class::Quota);
    after.give_back().await.expect("nothing to give back");
}

#[tokio::test]
async fn retries_are_charged_and_the_source_has_the_last_word() {
    let spent = Reply::text(429, "{\"error\":{\"code\":\"daily_quota_limit_exceeded\",\"message\":\"m\"}}");
    let server = Server::with([Reply::text(500, ""), Reply::ok(), spent]).await;
    let client = client(Route::ResearchApi, ClientConfig { budget: Some(BudgetConfig::new(1000)), ..quick() });
    assert_eq!(client.send(get(&server)).await.expect("an answer").requests, 2);
    assert_eq!(client.snapshot().budget.map(|budget| budget.spent), Some(2));
    let fault = client.send(get(&server)).await.expect_err("spent");
    assert_eq!((fault.class, fault.context.code.as_deref()), (Class::Quota, Some("daily_quota_limit_exceeded")));
    assert_eq!(client.snapshot().budget.map(|budget| (budget.left, budget.enough)), Some((0, false)));
}

#[tokio::test]
async fn answers_are_kept_and_blocks_are_not() {
    let server = Server::with([Reply::text(404, ""), Reply::ok()]).await;
    let client = client(Route::Oembed, quick());
    let request = Request { cache: Some(Ttl::Info), ..get(&server) };
    assert_eq!(client.send(request.clone()).await.expect_err("absent").class, Class::NotFound);
    assert!(!client.send(request.clone()).await.expect("an answer").cached);
    let kept = client.send(request.clone()).await.expect("an answer");
    assert!(kept.cached && kept.requests == 0);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn the_cache_is_bounded_in_bytes() {
    let big = format!("{{\"data\":\"{}\"}}", "x".repeat(3000));
    let server = Server::with(std::iter::repeat_n(Reply::text(200, &big), 20)).await;
    let cache = CacheConfig { max_bytes: 20_000, ..CacheConfig::default() };
    let client = client(Route::Oembed, ClientConfig { cache, ..quick() });
    for n in 0..20 {
        let request = Request::get("test get", server.url(&format!("/{n}")));
        client.send(Request { cache: Some(Ttl::Info), ..request }).await.expect("an answer");
        let snapshot = client.snapshot().cache;
        assert!(snapshot.bytes <= 20_000 && snapshot.entries >= 1, "{snapshot:?}");
    }
}

#[tokio::test]
async fn while_the_route_rests_old_answers_are_given_and_marked() {
    let server = Server::with([Reply::ok(), Reply::text(200, "")]).await;
    let cache = CacheConfig { info: Duration::ZERO, ..CacheConfig::default() };
    let client = client(Route::Oembed, ClientConfig { cache, ..quick() });
    let request = Request { cache: Some(Ttl::Info), ..get(&server) };
    assert!(!client.send(request.clone()).await.expect("an answer").stale);
    assert_eq!(client.send(request.clone()).await.expect_err("a block").class, Class::EmptyAnswer);
    let old = client.send(request).await.expect("an old answer");
    assert!(old.stale && old.cached && old.at <= NOW.plus_secs(60));
    assert_eq!(client.snapshot().cache.stale, 1);
}
