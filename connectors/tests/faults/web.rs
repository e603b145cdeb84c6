//! Public pages over HTTP (tiktok-surfaces §6.1 to §6.4).

use super::bench::{Seen, clock, poll, sandbox, visible};
use super::page::Section;
use super::row::{Case, Row};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tidelake_connectors::StopReason::{Blocked, Exhausted, Fault, Quota};
use tidelake_connectors::client::{Acknowledgement, Class, Profile, Route};
use tidelake_connectors::web::{PageTask, WebClient, WebConfig, WebSource};
use tidelake_sandbox::Endpoint::{self, Robots, UserPage, VideoPage};
use tidelake_sandbox::{FaultKind, FaultRule, Sandbox};

async fn meet(rule: FaultRule, task: impl Fn(&Sandbox) -> Value) -> (Seen, String) {
    let sandbox = sandbox([rule]).await;
    let config = WebConfig {
        base_url: sandbox.base_url(),
        acknowledgement: Some(Acknowledgement { approval: "letter 17".into() }),
        contact: Some("https://lab.example/tidelake".into()),
        per_minute: 6e7,
        retry_delay: Duration::from_millis(1),
        ..WebConfig::default()
    };
    let client = WebClient::new(Profile::Web, &config, clock(&sandbox)).expect("a client");
    let task: PageTask = serde_json::from_value(task(&sandbox)).expect("a task");
    let source = WebSource::with_client(Arc::new(client), &task).expect("a source");
    let seen = poll(&source, sandbox.clock().now().into()).await;
    assert!(!sandbox.stats().faults.is_empty(), "the fault struck: {seen:?}");
    (seen, sandbox.base_url())
}

fn case(fault: &'static str, answer: &'static str) -> Case {
    Case { route: Route::Web, fault, answer }
}

fn video(sandbox: &Sandbox) -> Value {
    json!({"kind": "videos", "links": [visible(sandbox).id().to_string()]})
}

fn user(sandbox: &Sandbox) -> Value {
    let open = (0..500).filter_map(|n| sandbox.world().creator(n)).find(|creator| !creator.is_restricted);
    json!({"kind": "user", "handles": [open.expect("one").handle]})
}

fn at(kind: FaultKind, endpoint: Endpoint) -> FaultRule {
    FaultRule::next(kind, 9).at(endpoint)
}

pub(crate) async fn section() -> Section {
    use FaultKind::{
        CaptchaPage, ConnectionReset, EmptyBody, EmptyItem, Forbidden, GatewayTimeout, HtmlPage, InternalError,
        LoginRedirect, LoginWall, RateLimit, ThrottledPage, TruncatedBody, Unavailable,
    };
    let about = "With TikTok's approval only. A refusal closes the route for hours; nothing is done to get around it.";
    let mut section = Section { name: "Public pages over HTTP", about, bases: Vec::new(), rows: Vec::new() };
    for (fault, answer, kind, class, reason, part) in [
        ("empty body (§6.4)", "200 and not one byte", EmptyBody, Class::EmptyAnswer, Blocked, "refusal"),
        ("empty item (§6.3)", "200, status 0, `itemStruct: {}`", EmptyItem, Class::EmptyAnswer, Blocked, "refusal"),
        ("firewall page (§6.4)", "200 and \"Please wait…\"", HtmlPage, Class::Waf, Blocked, "firewall"),
        ("captcha page (§6.4)", "200 and `tiktok-verify-ele`", CaptchaPage, Class::Captcha, Blocked, "captcha"),
        ("login redirect (§6.4)", "302 to `/login`", LoginRedirect, Class::LoginWall, Blocked, "login"),
        ("login wall, video (§6.4)", "200 with `createTime` \"0\"", LoginWall, Class::LoginWall, Blocked, "login"),
        ("edge refuses (§6.4)", "403", Forbidden, Class::Forbidden, Blocked, "403"),
        ("throttled (§6.4)", "429", RateLimit, Class::RateLimited, Quota, "fewer requests"),
        (
            "throttled page (§6.4)",
            "200 and \"… too frequently …\"",
            ThrottledPage,
            Class::RateLimited,
            Quota,
            "too frequently",
        ),
        ("edge away (§6.4)", "503", Unavailable, Class::Maintenance, Fault, "503"),
        ("server errors", "500, on and on", InternalError, Class::Server, Fault, "500"),
        ("gateway time-out", "504, on and on", GatewayTimeout, Class::Timeout, Fault, "504"),
        ("connection reset", "no answer, on and on", ConnectionReset, Class::Network, Fault, "network"),
        (
            "answer cut off",
            "the connection ends in the middle of the page",
            TruncatedBody,
            Class::Network,
            Fault,
            "network",
        ),
    ] {
        let (seen, base) = meet(at(kind, VideoPage), video).await;
        section.rows.push(case(fault, answer).stops(&seen, (class, reason, part)));
        section.bases.push(base);
    }
    let (seen, _) = meet(at(LoginWall, UserPage), user).await;
    let case_of = case("login wall, profile (§6.4)", "200 with empty `stats`");
    section.rows.push(case_of.stops(&seen, (Class::LoginWall, Blocked, "login")));
    let (seen, _) = meet(FaultRule::next(InternalError, 1).at(VideoPage), video).await;
    section.rows.push(case("server error", "500, once").passes(&seen, Class::Server, "500"));
    let (seen, _) = meet(at(FaultKind::RobotsClosed, Robots), video).await;
    let row = case("robots.txt forbids", "`Disallow: /`").accepts(&seen, Class::Policy, "robots.txt disallows");
    section.rows.push(Row { does: "Does not ask: told in the ledger; the cycle goes on.".into(), ..row });
    let (seen, _) = meet(at(InternalError, Robots), video).await;
    section.rows.push(
        case("robots.txt cannot be read", "500").stops(&seen, (Class::Policy, Fault, "robots.txt cannot be read")),
    );
    section
}

/// Every status of §6.3.
pub(crate) async fn states() -> Section {
    let about = "HTTP 200, and a status in the page's document (§6.3). What is a state of the video or the account is recorded, \
                 and the route goes on; what is a refusal of us closes the route.";
    let mut section = Section { name: "Public pages: soft statuses", about, bases: Vec::new(), rows: Vec::new() };
    let soft = |code: i64, says: &str, endpoint| at(FaultKind::SoftStatus, endpoint).saying(code, says);
    for (fault, answer, code, says, page, class) in [
        ("not found", "10204 \"item doesn't exist\"", 10204, "item doesn't exist", VideoPage, Class::NotFound),
        ("deleted", "10204 `status_deleted`", 10204, "status_deleted", VideoPage, Class::Deleted),
        ("private post", "10216 `status_self_see`", 10216, "status_self_see", VideoPage, Class::Private),
        ("for friends only", "10222 `status_friend_see`", 10222, "status_friend_see", VideoPage, Class::Private),
        ("private account", "10222 `author_secret`", 10222, "author_secret", UserPage, Class::Private),
        ("no such profile", "10221", 10221, "", UserPage, Class::NotFound),
        ("no such account", "10202", 10202, "", UserPage, Class::NotFound),
        ("no such account", "10223", 10223, "", UserPage, Class::NotFound),
        ("not found", "100002", 100_002, "", VideoPage, Class::NotFound),
        ("region", "10231", 10231, "", VideoPage, Class::Region),
        ("region", "100004", 100_004, "", VideoPage, Class::Region),
        ("age gate", "10215 `content_classification`", 10215, "content_classification", VideoPage, Class::AgeGated),
    ] {
        let task = if page == VideoPage { video } else { user };
        let (seen, base) = meet(soft(code, says, page), task).await;
        section.rows.push(case(fault, answer).accepts(&seen, class, &code.to_string()));
        section.bases.push(base);
    }
    for (fault, answer, code, says, class, reason) in [
        ("login wanted", "10101", 10101, "", Class::LoginWall, Blocked),
        ("login wanted", "10102", 10102, "", Class::LoginWall, Blocked),
        ("login wanted", "209002", 209_002, "", Class::LoginWall, Blocked),
        ("captcha wanted", "10000", 10000, "", Class::Captcha, Blocked),
        ("unexplained", "10215", 10215, "", Class::FormatDrift, Fault),
        ("unexplained", "10404", 10404, "", Class::FormatDrift, Fault),
    ] {
        let (seen, base) = meet(soft(code, says, VideoPage), video).await;
        section.rows.push(case(fault, answer).stops(&seen, (class, reason, code.to_string().as_str())));
        section.bases.push(base);
    }
    let (seen, _) = meet(soft(10201, "", VideoPage), video).await;
    let row = case("invalid parameter", "10201").accepts(&seen, Class::RequestInvalid, "10201");
    section.rows.push(Row { does: "Leaves this entry out: told in the ledger; the cycle goes on.".into(), ..row });
    let (seen, _) = meet(at(FaultKind::NotFound, UserPage), user).await;
    section.rows.push(case("removed profile (§6.4)", "HTTP 404").accepts(&seen, Class::NotFound, "404"));
    assert!(section.rows.iter().any(|row| row.ledger == Exhausted.name()));
    section
}
