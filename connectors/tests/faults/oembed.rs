//! oEmbed and short links (tiktok-surfaces §5, §6.4, §7).

use super::bench::{Seen, poll, sandbox, visible};
use super::page::Section;
use super::row::Case;
use std::time::Duration;
use tidelake_connectors::StopReason::{Blocked, Fault, Quota};
use tidelake_connectors::client::{Class, Route};
use tidelake_connectors::oembed::{LinksTask, OembedConfig, OembedSource, OembedTask};
use tidelake_sandbox::{Endpoint, FaultKind, FaultRule, Sandbox};

async fn meet(rule: FaultRule, link: impl Fn(&Sandbox) -> String) -> (Seen, String) {
    let sandbox = sandbox([rule]).await;
    let config = OembedConfig {
        base_url: sandbox.base_url(),
        pause: Duration::ZERO,
        attempts: 2,
        retry_delay: Duration::from_millis(1),
        ..OembedConfig::default()
    };
    let task = OembedTask::Links(LinksTask { links: vec![link(&sandbox)] });
    let seen = poll(&OembedSource::new(config, &task).expect("a source"), sandbox.clock().now().into()).await;
    assert!(!sandbox.stats().faults.is_empty(), "the fault struck: {seen:?}");
    (seen, sandbox.base_url())
}

fn case(fault: &'static str, answer: &'static str) -> Case {
    Case { route: Route::Oembed, fault, answer }
}

pub(crate) async fn section() -> Section {
    use FaultKind::{
        CaptchaPage, ConnectionReset, EmptyBody, Forbidden, GatewayTimeout, HtmlPage, InternalError, LoginRedirect,
        NotFound, OembedRefused, RateLimit, ThrottledPage, TruncatedBody, Unavailable,
    };
    let about = "One request for each link, one after the other. The route does not say why it tells nothing.";
    let mut section = Section { name: "oEmbed", about, bases: Vec::new(), rows: Vec::new() };
    let link = |sandbox: &Sandbox| visible(sandbox).id().to_string();
    for (fault, answer, kind, class, reason, part) in [
        ("empty body (§6.4)", "200 and not one byte", EmptyBody, Class::EmptyAnswer, Blocked, "refusal"),
        ("firewall page (§6.4)", "200 and \"Please wait…\"", HtmlPage, Class::Waf, Blocked, "firewall"),
        ("captcha page (§6.4)", "200 and a captcha", CaptchaPage, Class::Captcha, Blocked, "captcha"),
        ("login redirect (§6.4)", "302 to `/login`", LoginRedirect, Class::LoginWall, Blocked, "login"),
        ("edge refuses (§6.4)", "403", Forbidden, Class::Forbidden, Blocked, "403"),
        ("throttled (§6.4)", "429", RateLimit, Class::RateLimited, Quota, "fewer requests"),
        (
            "throttled page (§6.4)",
            "200 and \"… too frequently …\"",
            ThrottledPage,
            Class::RateLimited,
            Quota,
            "fewer requests",
        ),
        ("edge away (§6.4)", "503", Unavailable, Class::Maintenance, Fault, "503"),
        ("server errors", "500, on and on", InternalError, Class::Server, Fault, "500"),
        ("gateway time-out", "504, on and on", GatewayTimeout, Class::Timeout, Fault, "504"),
        ("connection reset", "no answer, on and on", ConnectionReset, Class::Network, Fault, "network"),
        (
            "answer cut off",
            "the connection ends in the middle of the body",
            TruncatedBody,
            Class::Network,
            Fault,
            "network",
        ),
    ] {
        let (seen, base) = meet(FaultRule::next(kind, 9).at(Endpoint::Oembed), link).await;
        section.rows.push(case(fault, answer).stops(&seen, (class, reason, part)));
        section.bases.push(base);
    }
    let (seen, _) = meet(FaultRule::next(InternalError, 1).at(Endpoint::Oembed), link).await;
    section.rows.push(case("server error", "500, once").passes(&seen, Class::Server, "500"));
    for (fault, answer, kind, part) in [
        ("refused (§5)", "400 `Something went wrong`", OembedRefused, "unavailable"),
        ("not found (§5)", "404", NotFound, "not_found"),
    ] {
        let (seen, _) = meet(FaultRule::next(kind, 1).at(Endpoint::Oembed), link).await;
        section.rows.push(case(fault, answer).accepts(&seen, Class::NotFound, part));
    }
    section
}

pub(crate) async fn short_links() -> Section {
    let about =
        "Asked for with HEAD, by the connector `oembed` and by `tidelake resolve`; at most three hops are followed.";
    let mut section = Section { name: "Short links", about, bases: Vec::new(), rows: Vec::new() };
    let link = |sandbox: &Sandbox| format!("https://vm.tiktok.com/{}/", sandbox.world().short_code(&visible(sandbox)));
    let case = |fault, answer| Case { route: Route::ShortLink, fault, answer };
    for (fault, answer, kind, class, part) in [
        ("dead link (§7)", "302 to the home page", FaultKind::ShortExpired, Class::NotFound, " expired ("),
        ("link to itself", "302 to the same link", FaultKind::ShortLoop, Class::NotFound, " not_a_link ("),
    ] {
        let (seen, base) = meet(FaultRule::next(kind, 9).at(Endpoint::ShortLink), link).await;
        let row = case(fault, answer).accepts(&seen, class, part);
        let does = "Leaves this link out: told in the ledger; the cycle goes on.".to_owned();
        section.rows.push(super::row::Row { does, ..row });
        section.bases.push(base);
    }
    let unasked = "could not be asked for";
    for (fault, answer, kind, class, reason, part) in [
        ("page instead of a redirect (§7)", "200 and a page", FaultKind::HtmlPage, Class::Waf, Blocked, "HTTP 200"),
        ("login redirect (§6.4)", "302 to `/login`", FaultKind::LoginRedirect, Class::LoginWall, Blocked, "/login"),
        ("edge refuses (§6.4)", "403", FaultKind::Forbidden, Class::Forbidden, Blocked, "HTTP 403"),
        ("throttled (§6.4)", "429", FaultKind::RateLimit, Class::RateLimited, Quota, unasked),
        ("server errors", "500, on and on", FaultKind::InternalError, Class::Server, Fault, unasked),
        ("connection reset", "no answer, on and on", FaultKind::ConnectionReset, Class::Network, Fault, unasked),
    ] {
        let (seen, base) = meet(FaultRule::next(kind, 9).at(Endpoint::ShortLink), link).await;
        section.rows.push(case(fault, answer).stops(&seen, (class, reason, part)));
        section.bases.push(base);
    }
    section
}
