//! The resolver against a server that answers from a script.

use crate::links::resolve::{Outcome, ResolveError, Resolver, client};
use crate::links::{Link, parse};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Script {
    answers: VecDeque<(u16, Option<&'static str>)>,
    seen: Vec<(Method, String, HeaderMap)>,
}

type Shared = Arc<Mutex<Script>>;

async fn serve(answers: &[(u16, Option<&'static str>)]) -> (Resolver, Shared) {
    let (url, shared) = listen(answers).await;
    let http = client(Duration::from_secs(5)).expect("a client");
    (Resolver::new(http).with_base_url(url), shared)
}

async fn listen(answers: &[(u16, Option<&'static str>)]) -> (String, Shared) {
    let shared = Shared::default();
    shared.lock().expect("unpoisoned").answers.extend(answers);
    let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") });
    (url, shared)
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let mut script = shared.lock().expect("unpoisoned");
    script.seen.push((request.method().clone(), request.uri().path().to_owned(), request.headers().clone()));
    let (status, location) = script.answers.pop_front().unwrap_or((418, None));
    let mut response = StatusCode::from_u16(status).expect("a status").into_response();
    response.headers_mut().insert("set-cookie", "ttwid=1; Path=/".parse().expect("a value"));
    if let Some(location) = location {
        response.headers_mut().insert("location", location.parse().expect("a value"));
    }
    if status == 429 {
        response.headers_mut().insert("retry-after", "30".parse().expect("a value"));
    }
    response
}

fn link(text: &str) -> Link {
    parse(text).expect(text)
}

#[tokio::test]
async fn one_head_without_cookies_finds_the_video() {
    let to = "https://www.tiktok.com/@a/video/7198206283571285294?_t=8x&_r=1";
    let (resolver, script) = serve(&[(301, Some(to)), (301, Some(to))]).await;
    for (short, path) in [("https://vm.tiktok.com/ZM1/", "/vm/ZM1/"), ("https://www.tiktok.com/t/ZM1", "/t/ZM1/")] {
        let found = resolver.resolve(&link(short)).await.expect("an answer");
        assert_eq!((found.outcome, found.requests), (Outcome::Link(link(to)), 1));
        let (method, asked, headers) = script.lock().expect("unpoisoned").seen.pop().expect("a request");
        assert_eq!((method, asked.as_str()), (Method::HEAD, path));
        assert!(headers.get("cookie").is_none());
        assert!(headers["user-agent"].to_str().expect("text").starts_with("tidelake/"));
    }
    assert!(script.lock().expect("unpoisoned").seen.is_empty());
}

#[tokio::test]
async fn nobody_is_asked_about_links_that_are_not_short() {
    let (resolver, script) = serve(&[]).await;
    let video = link("https://www.tiktok.com/@a/video/7198206283571285294");
    let found = resolver.resolve(&video).await.expect("an answer");
    assert_eq!((found.outcome, found.requests), (Outcome::Link(video), 0));
    assert!(script.lock().expect("unpoisoned").seen.is_empty());
}

#[tokio::test]
async fn hops_are_followed_up_to_a_limit() {
    let next = (302, Some("https://vt.tiktok.com/ZS2/"));
    let (resolver, _) = serve(&[next, (301, Some("/@a/live"))]).await;
    let found = resolver.resolve(&link("https://vm.tiktok.com/ZM1")).await.expect("an answer");
    // A relative address belongs to the host of the hop before.
    assert_eq!((found.outcome, found.requests), (Outcome::Link(link("https://www.tiktok.com/@a/live")), 2));
    let (resolver, script) = serve(&[next; 9]).await;
    let found = resolver.with_max_hops(3).resolve(&link("https://vm.tiktok.com/ZM1")).await.expect("an answer");
    assert!(matches!(found.outcome, Outcome::NotALink { .. }), "{found:?}");
    assert_eq!((found.requests, script.lock().expect("unpoisoned").seen.len()), (3, 3));
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let outcome = async |status, location| {
        let (resolver, _) = serve(&[(status, location)]).await;
        resolver.resolve(&link("https://www.tiktok.com/t/ZT1/")).await.map(|found| found.outcome)
    };
    for (status, location) in [
        (302, Some("https://www.tiktok.com/?_r=1")),
        (302, Some("/")),
        (302, Some("https://www.tiktok.com/foryou")),
        (302, Some("https://www.tiktok.com/404?fromUrl=/t/ZT1")),
        (404, None),
    ] {
        assert!(matches!(outcome(status, location).await, Ok(Outcome::Expired { .. })), "{status} {location:?}");
    }
    for (status, location) in
        [(200, None), (302, Some("https://www.tiktok.com/login?redirect_url=x")), (403, None), (302, None)]
    {
        assert!(matches!(outcome(status, location).await, Ok(Outcome::Blocked { .. })), "{status} {location:?}");
    }
    for location in [
        "https://www.tiktok.com.evil.example/@a/video/7198206283571285294",
        "https://user@evil.example/",
        "https://apps.apple.com/app/id835599320",
        "https://www.tiktok.com/legal/terms",
        "javascript:alert(1)",
        "https://www.tiktok.com:99999/",
    ] {
        assert!(matches!(outcome(302, Some(location)).await, Ok(Outcome::NotALink { .. })), "{location}");
    }
    let limited = outcome(429, None).await;
    assert!(
        matches!(limited, Err(ResolveError::Limited { status: 429, retry_after: Some(wait), .. }) if wait.as_secs() == 30),
        "{limited:?}"
    );
    assert!(matches!(outcome(502, None).await, Err(ResolveError::Server { status: 502, .. })));
}

#[tokio::test]
async fn a_client_that_follows_redirects_is_found_out() {
    let (url, _) = listen(&[(302, Some("/elsewhere")), (200, None)]).await;
    let resolver = Resolver::new(reqwest::Client::new()).with_base_url(url);
    assert_eq!(resolver.resolve(&link("https://vm.tiktok.com/ZM1")).await, Err(ResolveError::Client));
}

#[tokio::test]
async fn nobody_there_is_an_error_not_an_outcome() {
    let http = client(Duration::from_secs(2)).expect("a client");
    let resolver = Resolver::new(http).with_base_url("http://127.0.0.1:1");
    let error = resolver.resolve(&link("https://vm.tiktok.com/ZM1")).await;
    assert!(matches!(error, Err(ResolveError::Transport { .. })), "{error:?}");
}
