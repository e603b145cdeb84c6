//! The browser route in headless Chromium, against the sandbox. Skips, and says why, where there is no Chromium.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod endings;
mod stage;

use serde_json::json;
use stage::{
    Collected, TURN, VIDEOS, busy_creator, client, config, poll, poll_as, sandbox, skipped, source, state, visible,
};
use std::collections::HashSet;
use std::time::Duration;
use tidelake_connectors::browser::BrowserConfig;
use tidelake_connectors::{FaultClass, Next, StopReason};
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan, FaultRule};
use tidelake_schemas::Observation;

#[tokio::test]
async fn a_profile_of_300_videos_is_collected_completely() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let creator = busy_creator(&sandbox);
    let expected = visible(&sandbox, &creator);
    let source = source(&client(config(&sandbox.base_url())), &json!({"kind": "user", "handles": [creator.handle]}));
    let (mut collected, mut at, mut polls) = (Collected::default(), None, 0);
    loop {
        let page = poll(&source, at.as_ref()).await.expect("a page");
        collected.take(&page);
        polls += 1;
        at = state(&page);
        if polls == 1 {
            let profile = page.observations.iter().find_map(|record| match record {
                Observation::Creator(found) => Some(found),
                _ => None,
            });
            let profile = profile.expect("the profile");
            assert_eq!(profile.stats.followers, Some(creator.followers_at(sandbox.clock().now())), "exact");
        }
        if at.is_none() {
            assert_eq!((page.ledger.stop_reason, page.ledger.fault), (StopReason::Exhausted, None));
            break;
        }
        assert!(polls < 20, "{page:?}");
    }
    assert!(polls > 3, "bounded polls");
    assert_eq!(collected.videos.keys().copied().collect::<HashSet<_>>(), expected);
    for (id, caption) in &collected.captions {
        assert_eq!(*caption, sandbox.world().video_by_id(*id).expect("a video").caption().text);
    }
    let stats = sandbox.stats();
    assert_eq!((collected.repeated, stats.requests[&Endpoint::UserPage]), (0, 1), "one page, gone on with");
    // Whoever looks sees what visits: a driven browser, whose it is, and where its operator can be reached.
    assert_eq!(stats.driven, stats.requests[&Endpoint::ItemList]);
    let honest = |agent: &String| {
        ["HeadlessChrome/", "tidelake/", "https://lab.example/"].iter().all(|part| agent.contains(part))
    };
    assert!(stats.agents.len() == 1 && stats.agents.iter().all(honest), "{:?}", stats.agents);
}

#[tokio::test]
async fn refusals_of_page_and_list_are_blocks() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let creator = busy_creator(&sandbox);
    let client = client(config(&sandbox.base_url()));
    let source = source(&client, &json!({"kind": "user", "handles": [creator.handle]}));
    for (kind, endpoint, sign) in [
        (FaultKind::HtmlPage, Endpoint::UserPage, "firewall"),
        (FaultKind::CaptchaPage, Endpoint::UserPage, "captcha"),
        (FaultKind::EmptyBody, Endpoint::UserPage, "empty body"),
        (FaultKind::LoginRedirect, Endpoint::UserPage, "login"),
        (FaultKind::LoginWall, Endpoint::UserPage, "login"),
        (FaultKind::EmptyItem, Endpoint::UserPage, "absent or `{}`"),
        (FaultKind::ThrottledPage, Endpoint::ItemList, "too frequently"),
        // Told by what the page shows alone.
        (FaultKind::CaptchaOverlay, Endpoint::UserPage, "a captcha stands over the page"),
        (FaultKind::LoginDialog, Endpoint::UserPage, "a login stands over the page"),
        (FaultKind::EmptyBody, Endpoint::ItemList, "empty body"),
        (FaultKind::CaptchaJson, Endpoint::ItemList, "captcha"),
        (FaultKind::HtmlPage, Endpoint::ItemList, "firewall"),
        (FaultKind::EmptyItem, Endpoint::ItemList, "the answer is `{}`"),
        (FaultKind::MissingList, Endpoint::ItemList, "the list is absent"),
        (FaultKind::RepeatedPage, Endpoint::ItemList, "the page before"),
    ] {
        sandbox.set_faults(&FaultPlan::of([FaultRule::next(kind, 9).at(endpoint)])).expect("set");
        let page = poll(&source, None).await.expect("a page");
        let told = page.ledger.fault.clone().unwrap_or_default();
        assert_eq!(page.ledger.stop_reason, StopReason::Blocked, "{kind:?} at {endpoint:?}: {page:?}");
        assert!(told.contains(sign), "{kind:?} at {endpoint:?}: {told}");
        assert!(state(&page).is_some_and(|at| at["at"] == 0), "the target is asked for again");
        tokio::time::sleep(Duration::from_millis(30)).await;
        sandbox.set_faults(&FaultPlan::default()).expect("cleared");
        // The probe of the breaker: the next page is a good one.
        while poll(&source, None).await.expect("a page").ledger.stop_reason == StopReason::Blocked {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_refusal() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let handle = busy_creator(&sandbox).handle;
    let source = source(&client(config(&sandbox.base_url())), &json!({"kind": "user", "handles": [handle]}));
    for (kind, endpoint) in [
        (FaultKind::ConnectionReset, Endpoint::UserPage),
        (FaultKind::ConnectionReset, Endpoint::ItemList),
        (FaultKind::TruncatedBody, Endpoint::ItemList),
    ] {
        // Chromium itself asks again for what breaks at once.
        sandbox.set_faults(&FaultPlan::of([FaultRule::next(kind, 9).at(endpoint)])).expect("set");
        match poll(&source, None).await {
            Ok(page) => {
                assert_eq!(page.ledger.stop_reason, StopReason::Fault, "{kind:?} at {endpoint:?}: {page:?}");
                assert!(page.ledger.fault.is_some_and(|told| told.contains("net::ERR_")));
            }
            Err(fault) => {
                assert_eq!(fault.class, FaultClass::Transient, "{kind:?} at {endpoint:?}: {fault}");
                assert!(fault.message.contains("net::ERR_"), "{fault}");
            }
        }
    }
    sandbox.set_faults(&FaultPlan::default()).expect("cleared");
    assert!(poll(&source, None).await.is_ok_and(|page| page.observations.len() > 60));
}

#[tokio::test]
async fn tasks_that_share_a_browser_take_turns() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let client = client(config(&sandbox.base_url()));
    let source = source(&client, &json!({"kind": "user", "handles": [busy_creator(&sandbox).handle]}));
    let (mut at, mut waited) = (None, 0);
    for polls in 0.. {
        let page = poll_as("first", &source, at.as_ref()).await.expect("a page");
        at = state(&page);
        if at.is_none() {
            break;
        }
        // The first task's page is open: it is not closed for the second's sake.
        let other = poll_as("second", &source, None).await.expect("it waits");
        assert!(other.observations.is_empty() && matches!(other.next, Next::Page { not_before: Some(_), .. }));
        assert!(other.ledger.fault.is_some_and(|told| told.contains("every browser")));
        waited += 1;
        assert!(polls < 20);
    }
    assert!(waited > 2, "{waited}");
    assert!(poll_as("second", &source, None).await.is_ok_and(|page| page.observations.len() > 60));
    assert_eq!(sandbox.stats().requests[&Endpoint::UserPage], 2, "each page was opened once");
}

#[tokio::test]
async fn robots_txt_and_states_of_accounts() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let shut = (0..500).find_map(|n| sandbox.world().creator(n).filter(|creator| creator.is_restricted)).expect("one");
    let handles = json!({"kind": "user", "handles": [shut.handle, "nobody.at.all"]});
    let open = source(&client(config(&sandbox.base_url())), &handles);
    let mut why = Vec::new();
    let mut at = None;
    loop {
        let page = poll(&open, at.as_ref()).await.expect("a page");
        for record in &page.observations {
            let Observation::Creator(creator) = record else { panic!("{record:?}") };
            why.push(creator.unavailable.clone().unwrap_or_default());
        }
        at = state(&page);
        if at.is_none() {
            break;
        }
    }
    assert_eq!(why, ["private", "not_found"]);

    sandbox.set_faults(&FaultPlan::of([FaultRule::next(FaultKind::RobotsClosed, 9)])).expect("set");
    let asked = sandbox.stats().requests[&Endpoint::UserPage];
    let page = poll(&source(&client(config(&sandbox.base_url())), &handles), None).await.expect("a page");
    let told = page.ledger.fault.unwrap_or_default();
    assert!(told.contains("robots.txt disallows"), "{told}");
    assert_eq!(sandbox.stats().requests[&Endpoint::UserPage], asked, "nothing was asked for");
}

#[tokio::test]
async fn videos_hashtags_and_sounds_are_shown() {
    if skipped() {
        return;
    }
    let _turn = TURN.lock().await;
    let sandbox = sandbox().await;
    let now = sandbox.clock().now();
    let recent: Vec<_> = (VIDEOS - 500..VIDEOS).filter_map(|index| sandbox.world().video(index)).collect();
    let shown = || recent.iter().filter(|video| video.is_available(now));
    let client = client(BrowserConfig { pages_per_session: 2, ..config(&sandbox.base_url()) });

    let ids: Vec<i64> = shown().take(3).map(|video| video.id()).collect();
    let links: Vec<String> = ids.iter().map(i64::to_string).collect();
    let page = poll(&source(&client, &json!({"kind": "videos", "links": links})), None).await.expect("a page");
    let mut collected = Collected::default();
    collected.take(&page);
    assert_eq!(collected.videos.keys().copied().collect::<HashSet<_>>(), ids.into_iter().collect());
    assert_eq!((page.next, page.ledger.requests), (Next::CycleDone, 3));

    let tag = shown().find_map(|video| video.caption().hashtags.into_iter().next()).expect("a tag");
    let sound = shown().next().expect("one").sound();
    for task in [json!({"kind": "tag", "tags": [tag]}), json!({"kind": "sound", "ids": [sound.id.to_string()]})] {
        let (source, mut at, mut collected) = (source(&client, &task), None, Collected::default());
        loop {
            let page = poll(&source, at.as_ref()).await.expect("a page");
            collected.take(&page);
            at = state(&page);
            if at.is_none() {
                break;
            }
        }
        let fits = |id: &i64| {
            let video = sandbox.world().video_by_id(*id).expect("a video");
            video.sound().id == sound.id || video.caption().hashtags.contains(&tag)
        };
        assert!(!collected.videos.is_empty() && collected.videos.keys().all(fits), "{task}");
    }
}
