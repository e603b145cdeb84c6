//! Every refusal of the website is one, and ends it; trouble of its servers is waited out.

use super::super::{SetupError, WebClient};
use super::{NOW, client, config, fault, link, page, poll, sandbox, some_videos, source, state, videos};
use crate::client::breaker::BreakerState;
use crate::client::profile::NotAllowed;
use crate::client::{Clock, Profile};
use crate::source::{FaultClass, StopReason};
use serde_json::{Value, json};
use tidelake_sandbox::{Endpoint, FaultKind, FaultRule, Sandbox};

fn task(sandbox: &Sandbox, endpoint: Endpoint) -> Value {
    let video = sandbox.world().video(some_videos(sandbox, true, 5_000).pop().expect("one")).expect("a video");
    let creator = (0..500).find_map(|n| sandbox.world().creator(n).filter(|creator| !creator.is_restricted));
    match endpoint {
        Endpoint::UserPage => json!({"kind": "user", "handles": [creator.expect("one").handle]}),
        Endpoint::TagPage => {
            let recent = some_videos(sandbox, true, 5_000);
            let tagged = recent.iter().rev().find_map(|n| sandbox.world().video(*n)?.caption().hashtags.pop());
            json!({"kind": "tag", "tags": [tagged.expect("one")]})
        }
        Endpoint::SoundPage => json!({"kind": "sound", "ids": [video.sound().id.to_string()]}),
        _ => json!({"kind": "videos", "links": [video.id().to_string()]}),
    }
}

#[tokio::test]
async fn no_refusal_is_taken_for_an_answer() {
    let pages = [Endpoint::VideoPage, Endpoint::UserPage, Endpoint::TagPage, Endpoint::SoundPage];
    let kinds = [
        (FaultKind::HtmlPage, "firewall"),
        (FaultKind::CaptchaPage, "captcha"),
        (FaultKind::EmptyBody, "empty body"),
        (FaultKind::LoginRedirect, "login"),
        (FaultKind::Forbidden, "HTTP 403"),
        (FaultKind::EmptyItem, "absent or `{}`"),
    ];
    for endpoint in pages {
        for (kind, sign) in kinds {
            let sandbox = sandbox([FaultRule::next(kind, 9).at(endpoint)]).await;
            let source = source(&sandbox.base_url(), task(&sandbox, endpoint));
            let found = page(&source, None).await;
            assert_eq!(found.ledger.stop_reason, StopReason::Blocked, "{kind:?} at {endpoint:?}: {found:?}");
            assert!(found.observations.is_empty() && fault(&found).contains(sign), "{kind:?}: {}", fault(&found));
            assert!(fault(&found).contains("Leave this route alone"), "{}", fault(&found));
            let (position, not_before) = state(&found);
            assert_eq!(position, json!({"from": 0}), "the target is asked for again");
            assert!(not_before.is_some_and(|at| at.secs() - NOW.secs() >= 6 * 3600 - 5), "{not_before:?}");
            // The route rests: nothing more is sent.
            let again = page(&source, Some(&position)).await;
            assert_eq!((again.ledger.stop_reason, again.ledger.requests), (StopReason::Blocked, 0));
            assert_eq!(sandbox.stats().requests[&endpoint], 1, "{kind:?} at {endpoint:?}");
        }
    }
}

#[tokio::test]
async fn a_login_wall_is_no_profile_without_followers() {
    for endpoint in [Endpoint::VideoPage, Endpoint::UserPage] {
        let sandbox = sandbox([FaultRule::next(FaultKind::LoginWall, 1).at(endpoint)]).await;
        let found = page(&source(&sandbox.base_url(), task(&sandbox, endpoint)), None).await;
        assert_eq!(found.ledger.stop_reason, StopReason::Blocked, "{found:?}");
        assert!(fault(&found).contains("wants a login"), "{}", fault(&found));
    }
}

#[tokio::test]
async fn a_block_in_the_middle_keeps_what_came_before() {
    let sandbox = sandbox([]).await;
    let seen = some_videos(&sandbox, true, 3);
    let links: Vec<String> = seen.iter().map(|index| link(&sandbox, *index)).collect();
    let source = source(&sandbox.base_url(), json!({"kind": "videos", "links": links}));
    sandbox
        .set_faults(&tidelake_sandbox::FaultPlan::of(
            [FaultRule::every(FaultKind::HtmlPage, 2).at(Endpoint::VideoPage)],
        ))
        .expect("set");
    let found = page(&source, None).await;
    assert_eq!((videos(&found).len(), found.ledger.stop_reason), (1, StopReason::Blocked));
    assert_eq!(state(&found).0, json!({"from": 1}));
}

#[tokio::test]
async fn trouble_of_the_server_is_waited_out_or_told() {
    for (kind, times, class) in [
        (FaultKind::InternalError, 1, None),
        (FaultKind::InternalError, 9, Some(FaultClass::Transient)),
        (FaultKind::GatewayTimeout, 9, Some(FaultClass::Transient)),
        (FaultKind::ConnectionReset, 9, Some(FaultClass::Transient)),
        (FaultKind::RateLimit, 9, Some(FaultClass::Limited)),
        (FaultKind::ThrottledPage, 9, Some(FaultClass::Limited)),
    ] {
        let sandbox = sandbox([FaultRule::next(kind, times).at(Endpoint::VideoPage)]).await;
        let source = source(&sandbox.base_url(), task(&sandbox, Endpoint::VideoPage));
        match (poll(&source, None).await, class) {
            (Ok(page), None) => assert_eq!((videos(&page).len(), page.ledger.requests), (1, 2), "{kind:?}"),
            (Err(fault), Some(class)) => assert_eq!((fault.class, fault.requests), (class, 2), "{kind:?}: {fault}"),
            (other, _) => panic!("{kind:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn robots_txt_is_obeyed() {
    let sandbox = sandbox([FaultRule::next(FaultKind::RobotsClosed, 9)]).await;
    let found = page(&source(&sandbox.base_url(), task(&sandbox, Endpoint::VideoPage)), None).await;
    assert!(fault(&found).contains("policy (robots.txt disallows `/`)"), "{}", fault(&found));
    assert_eq!((found.ledger.requests, sandbox.stats().requests.get(&Endpoint::VideoPage)), (0, None));

    let sandbox = super::sandbox([FaultRule::next(FaultKind::InternalError, 9).at(Endpoint::Robots)]).await;
    let failed = poll(&source(&sandbox.base_url(), task(&sandbox, Endpoint::VideoPage)), None).await;
    let failed = failed.expect_err("nothing is asked for");
    assert!(failed.message.contains("robots.txt cannot be read") && failed.retry_at.is_some(), "{failed}");
}

#[test]
fn the_route_is_closed_unless_it_is_opened() {
    let make = |profile, config: &super::WebConfig| WebClient::new(profile, config, Clock::starting_at(NOW));
    let open = config("http://127.0.0.1:1");
    for profile in [Profile::Research, Profile::Creator, Profile::LinkOnly, Profile::Donation] {
        assert!(matches!(make(profile, &open), Err(SetupError::NotAllowed(_))), "{profile}");
    }
    let unsaid = super::WebConfig { acknowledgement: None, ..open.clone() };
    assert!(matches!(make(Profile::Web, &unsaid), Err(SetupError::NotAllowed(NotAllowed::Unacknowledged(_)))));
    let nobody = super::WebConfig { contact: Some(" ".into()), ..open.clone() };
    assert!(matches!(make(Profile::Web, &nobody), Err(SetupError::NoContact)));
    let nowhere = super::WebConfig { base_url: "tiktok".into(), ..open.clone() };
    assert!(matches!(make(Profile::Web, &nowhere), Err(SetupError::Base { .. })));
    let never = super::WebConfig { per_minute: 0.0, ..open };
    assert!(matches!(make(Profile::Web, &never), Err(SetupError::Number(_))));
    assert_eq!(client("http://127.0.0.1:1").snapshot().breaker.state, BreakerState::Closed);
}
