use super::super::tests::server::{Reply, Server};
use super::*;

fn gate(config: RobotsConfig) -> RobotsGate {
    let transport = TransportConfig { contact: Some("https://lab.example".into()), ..TransportConfig::default() };
    RobotsGate::new(&transport, config).expect("a gate")
}

fn short() -> RobotsConfig {
    RobotsConfig { keep: Duration::ZERO, again: Duration::ZERO }
}

const RULES: &str = "User-agent: *\nDisallow: /\n\nUser-agent: tidelake\nDisallow: /private\nCrawl-delay: 2\n";

#[tokio::test]
async fn the_file_is_obeyed_and_fetched_once() {
    let server = Server::with([Reply::text(200, RULES)]).await;
    let gate = gate(RobotsConfig::default());
    let (open, closed) = (server.url("/@a/video/1"), server.url("/private/x"));
    for _ in 0..3 {
        assert_eq!(gate.check(&open).await, Verdict::Allowed { delay: Some(Duration::from_secs(2)) });
        assert_eq!(gate.check(&closed).await, Verdict::Disallowed { rule: "/private".into() });
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].path, "/robots.txt");
    let agent = format!("tidelake/{} (+https://lab.example)", env!("CARGO_PKG_VERSION"));
    assert_eq!(seen[0].header("user-agent"), agent);
}

#[tokio::test]
async fn absent_allows_and_trouble_forbids_for_now() {
    let server = Server::with([Reply::text(404, ""), Reply::text(500, ""), Reply::text(200, RULES)]).await;
    let gate = gate(short());
    let closed = server.url("/private/x");
    assert_eq!(gate.check(&closed).await, Verdict::Allowed { delay: None });
    // What was known a moment ago goes on.
    assert_eq!(gate.check(&closed).await, Verdict::Allowed { delay: None });
    assert_eq!(gate.check(&closed).await, Verdict::Disallowed { rule: "/private".into() });
}

#[tokio::test]
async fn without_a_copy_nothing_goes() {
    let server = Server::with([Reply::text(503, "")]).await;
    let host = server.url("/");
    assert!(matches!(gate(RobotsConfig::default()).check(&host).await, Verdict::Unreachable { .. }));
    drop(server);
    assert!(matches!(gate(RobotsConfig::default()).check(&host).await, Verdict::Unreachable { .. }));
    let mail = Url::parse("mailto:a@b.example").expect("an address");
    assert!(matches!(gate(short()).check(&mail).await, Verdict::Disallowed { .. }));
}
