//! What is recognised, what is not done, and what nobody gets to see.

use super::server::{Reply, Server};
use super::*;
use crate::client::transport::{Redirects, TransportConfig};
use crate::client::{Body, Class, ClientFault, Expect};
use crate::source;
use secrecy::SecretString;
use serde_json::json;

async fn fault_of(route: Route, reply: Reply) -> ClientFault {
    let server = Server::with([reply]).await;
    client(route, once()).send(get(&server)).await.expect_err("a fault")
}

#[tokio::test]
async fn secrets_are_shown_nowhere() {
    let echo = json!({"error": {"code": "access_token_invalid", "message": format!("{SECRET} is bad"), "log_id": "l"}});
    let trouble =
        std::iter::repeat_n(Reply::text(500, &echo.to_string().replace("access_token_invalid", "internal_error")), 5);
    let server = Server::with(std::iter::once(Reply::text(401, &echo.to_string())).chain(trouble)).await;
    let client =
        client(Route::ResearchApi, ClientConfig { retry: RetryConfig { attempts: 5, ..quick().retry }, ..quick() });
    let mut url = server.url(&format!("/data?access_token={SECRET}&fields=id"));
    url.set_password(Some(SECRET)).expect("a password");
    let request = Request {
        bearer: Some(SecretString::from(SECRET)),
        body: Body::Form(vec![("client_secret", SecretString::from(SECRET))]),
        method: reqwest::Method::POST,
        ..Request::get("oauth/token", url)
    };
    let shown = format!("{request:?}");
    assert!(shown.contains("client_secret") && shown.contains("fields=id"), "{shown}");
    let fault = client.send(request.clone()).await.expect_err("a fault");
    assert_eq!((fault.class, fault.context.code.as_deref()), (Class::AuthExpired, Some("access_token_invalid")));
    assert!(fault.context.details.contains("*** is bad"), "{fault}");
    let open = client.send(request.clone()).await.expect_err("trouble");
    assert!(open.context.details.contains("*** is bad"), "{open}");
    let resting = serde_json::to_string(&client.snapshot()).expect("JSON");
    assert!(resting.contains("\"state\":\"open\"") && resting.contains("*** is bad"), "{resting}");
    tokio::time::sleep(millis(120)).await;
    let response = client.send(Request { cache: Some(crate::client::cache::Ttl::Info), ..request }).await;
    let everything = [
        shown,
        resting,
        format!("{open:?}"),
        format!("{fault} {fault:?}"),
        serde_json::to_string(&fault).expect("JSON"),
        format!("{:?}", source::Fault::from(fault)),
        format!("{:?}", response.expect("an answer")),
        format!("{client:?}"),
        serde_json::to_string(&client.snapshot()).expect("JSON"),
    ];
    for text in everything {
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[tokio::test]
async fn connection_trouble_is_told_apart() {
    let server = Server::with([]).await;
    let request = get(&server);
    drop(server);
    let gone = client(Route::Oembed, once()).send(request).await.expect_err("gone");
    assert_eq!((gone.class, gone.context.status), (Class::Network, None));

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    let transport = TransportConfig { request_timeout: millis(50), ..TransportConfig::default() };
    let impatient = client(Route::Oembed, ClientConfig { transport, ..once() });
    let url = |scheme: &str, port| url::Url::parse(&format!("{scheme}://127.0.0.1:{port}/")).expect("an address");
    let late = impatient.send(Request::get("test", url("http", port))).await.expect_err("late");
    assert_eq!(late.class, Class::Timeout);

    let plain = Server::with([]).await;
    let port = plain.url("/").port().expect("a port");
    let untrusted =
        client(Route::Oembed, once()).send(Request::get("test", url("https", port))).await.expect_err("no TLS");
    assert_eq!(untrusted.class, Class::Tls, "{untrusted}");
}

#[tokio::test]
async fn one_shot_requests_are_not_repeated() {
    let server = Server::with([Reply::text(500, "")]).await;
    let request = Request { repeat: false, ..get(&server) };
    let fault = client(Route::ResearchApi, quick()).send(request).await.expect_err("a fault");
    assert_eq!((fault.class, fault.requests, server.seen().len()), (Class::Server, 1, 1));
}

#[tokio::test]
async fn redirects_stay_on_the_host() {
    let other = Server::with([]).await;
    let server = Server::with([
        Reply::text(302, "").header("location", "/moved"),
        Reply::ok(),
        Reply::text(302, "").header("location", other.url("/data").to_string()),
        Reply::text(302, "").header("location", "/login?redirect_url=x"),
    ])
    .await;
    let client = client(Route::ShortLink, once());
    let moved = client.send(get(&server)).await.expect("an answer");
    assert_eq!(moved.url.path(), "/moved");
    let away = client.send(Request::head("test head", server.url("/data"))).await.expect("a redirect");
    assert_eq!(away.location.as_deref(), Some(other.url("/data").as_str()));
    assert_eq!(client.send(get(&server)).await.expect_err("a wall").class, Class::LoginWall);
    assert!(other.seen().is_empty());

    let transport = TransportConfig { redirects: Redirects::Any, ..TransportConfig::default() };
    let wanderer = super::client(Route::ShortLink, ClientConfig { transport, ..once() });
    server.script([Reply::text(302, "").header("location", other.url("/data").to_string())]);
    assert!(wanderer.send(get(&server)).await.is_ok());
    assert_eq!(other.seen().len(), 1);
}

#[tokio::test]
async fn public_pages_are_asked_for_only_where_robots_txt_allows_it() {
    let rules = "User-agent: tidelake\nDisallow: /data\n";
    let server = Server::with([Reply::text(200, rules)]).await;
    let client = client(Route::Web, once());
    let fault = client.send(get(&server)).await.expect_err("disallowed");
    assert_eq!((fault.class, fault.requests), (Class::Policy, 0));
    assert!(fault.context.details.contains("`/data`"), "{fault}");
    assert_eq!(client.snapshot().counts.faults["policy"], 1);
    assert!(client.send(Request::get("test get", server.url("/open"))).await.is_ok());
    assert_eq!(server.seen().iter().map(|seen| seen.path.as_str()).collect::<Vec<_>>(), ["/robots.txt", "/open"]);
    assert!(server.seen().iter().all(|seen| seen.header("cookie").is_empty()));

    let away = Server::with([Reply::text(500, "")]).await;
    let fault = super::client(Route::Web, once()).send(get(&away)).await.expect_err("unreachable");
    assert!(fault.class == Class::Policy && fault.retry_at.is_some());
    // An official route does not ask.
    let official = Server::with([]).await;
    assert!(super::client(Route::Oembed, once()).send(get(&official)).await.is_ok());
    assert_eq!(official.seen().len(), 1);
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let server = Server::with([Reply::ok().header("set-cookie", "id=1; Path=/")]).await;
    let client = client(Route::Oembed, once());
    for _ in 0..2 {
        client.send(get(&server)).await.expect("an answer");
    }
    assert!(server.seen().iter().all(|seen| seen.header("cookie").is_empty() && seen.header("referer").is_empty()));
    assert!(server.seen().iter().all(|seen| seen.header("user-agent").starts_with("tidelake/")));
}

#[tokio::test]
async fn answers_longer_than_allowed_are_refused() {
    let server = Server::with([Reply::text(200, &format!("\"{}\"", "x".repeat(2000)))]).await;
    let transport = TransportConfig { max_body: 1000, ..TransportConfig::default() };
    let fault = client(Route::Oembed, ClientConfig { transport, ..once() }).send(get(&server)).await.expect_err("long");
    assert_eq!(fault.class, Class::FormatDrift);
    assert!(fault.context.details.contains("1000 bytes"));
}

#[tokio::test]
async fn blocks_entities_and_trouble_are_three_things() {
    for (route, reply, class) in [
        (Route::Oembed, Reply::text(200, "{}"), None),
        (Route::Oembed, Reply::text(403, ""), Some(Class::Forbidden)),
        (Route::Oembed, Reply::text(200, "{\"type\":\"verify\"}"), Some(Class::Captcha)),
        (Route::Oembed, Reply::text(404, ""), Some(Class::NotFound)),
        (Route::Oembed, Reply::text(503, ""), Some(Class::Maintenance)),
        (Route::ResearchApi, Reply::text(403, ""), Some(Class::ScopeMissing)),
    ] {
        match class {
            Some(class) => assert_eq!(fault_of(route, reply).await.class, class),
            None => {
                let server = Server::with([reply]).await;
                let request = Request { expect: Expect::item(&["/title"]), ..get(&server) };
                let fault = client(route, once()).send(request).await.expect_err("a block");
                assert_eq!(fault.class, Class::EmptyAnswer);
            }
        }
    }
}
