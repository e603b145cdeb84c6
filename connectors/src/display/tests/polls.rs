//! Polling: what is told must be what the world holds, and what is not granted is unknown.

use super::{Bench, Scope, creator, name, state, told, videos};
use crate::display::records::cover;
use crate::source::{FaultClass, Source, StopReason};
use serde_json::json;
use std::collections::HashMap;
use tidelake_sandbox::Endpoint;
use tidelake_schemas::{CreatorStats, Timestamp};

/// Ids of the owner's videos that can be seen.
fn own(bench: &Bench) -> HashMap<i64, u64> {
    let (world, now) = (bench.sandbox.world(), bench.sandbox.clock().now());
    let all = (0..super::VIDEOS).filter_map(|index| world.video(index));
    let own = all.filter(|video| video.creator_index() == 0 && video.is_available(now));
    own.map(|video| (video.id(), video.index())).collect()
}

#[tokio::test]
async fn all_own_videos_come_page_by_page() {
    let bench = Bench::logged_in([]).await;
    let (source, expected) = (bench.own_videos(), own(&bench));
    assert!(expected.len() > 45, "{} videos make no pages", expected.len());
    let (mut at, mut found, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = bench.page(&source, at.as_ref()).await;
        pages += 1;
        assert_eq!((page.ledger.requested, page.ledger.requests, told(&page)), (Some(20), 1, ""));
        found.extend(videos(&page).into_iter().cloned());
        at = state(&page);
        if at.is_none() {
            assert_eq!((page.ledger.stop_reason, page.ledger.has_more), (StopReason::Exhausted, false));
            break;
        }
        assert_eq!((page.ledger.stop_reason, videos(&page).len()), (StopReason::Continue, 20));
    }
    assert_eq!((found.len(), pages), (expected.len(), expected.len().div_ceil(20)));
    assert!(found.is_sorted_by_key(|video| std::cmp::Reverse(video.created_at)), "newest first");
    for seen in &found {
        let video = bench.sandbox.world().video(expected[&seen.video_id]).expect("a video");
        let stats = video.stats_at(bench.sandbox.clock().now());
        assert_eq!((seen.stats.views, seen.stats.likes), (Some(stats.views), Some(stats.likes)));
        assert_eq!((seen.stats.saves, seen.stats.reposts), (None, None), "the API does not tell them");
        assert_eq!(seen.created_at.map(Timestamp::secs), Some(video.created_at().timestamp()));
        assert_eq!(seen.caption.as_deref(), Some(video.caption().text.as_str()));
        assert_eq!(seen.author.handle.as_deref(), Some(bench.owner().as_str()));
        assert_eq!((seen.width, seen.height, seen.created_at_derived), (Some(576), Some(1024), false));
        assert_eq!((seen.provenance.connector.as_str(), seen.provenance.zone.as_str()), ("display-api", "display"));
    }
    let again = bench.page(&source, None).await;
    assert_eq!(videos(&again)[0].event_id, found[0].event_id, "the same cycle gives the same ids");
}

#[tokio::test]
async fn a_limit_ends_the_cycle() {
    let bench = Bench::logged_in([]).await;
    let source = bench.source(&json!({"kind": "own_videos", "account": "anna", "limit": 25}));
    let first = bench.page(&source, None).await;
    let second = bench.page(&source, state(&first).as_ref()).await;
    assert_eq!((videos(&first).len(), videos(&second).len(), state(&second)), (20, 5, None));
    assert_eq!((second.ledger.stop_reason, second.ledger.has_more), (StopReason::Limit, true));
}

#[tokio::test]
async fn videos_by_id_and_what_is_left_out() {
    let bench = Bench::logged_in([]).await;
    let mut ids: Vec<String> = own(&bench).keys().map(i64::to_string).take(30).collect();
    let world = bench.sandbox.world();
    let all = (0..super::VIDEOS).filter_map(|index| world.video(index));
    let foreign = all.clone().find(|video| video.creator_index() != 0).expect("one").id().to_string();
    ids.insert(3, foreign.clone());
    let source = bench.source(&json!({"kind": "videos", "account": "anna", "ids": ids}));
    let first = bench.page(&source, None).await;
    assert_eq!((videos(&first).len(), first.ledger.requested), (19, Some(20)));
    assert!(told(&first).contains("1 of 20 not given") && told(&first).contains(&foreign), "{}", told(&first));
    let second = bench.page(&source, state(&first).as_ref()).await;
    assert_eq!((videos(&second).len(), told(&second), state(&second)), (11, "", None));
}

#[tokio::test]
async fn the_account_with_every_scope() {
    let bench = Bench::logged_in([]).await;
    let source = bench.source(&json!({"kind": "account", "account": "anna"}));
    let page = bench.page(&source, None).await;
    let (seen, now) = (creator(&page), bench.sandbox.clock().now());
    let known = bench.sandbox.world().creator(0).expect("a creator");
    assert_eq!(
        (seen.handle.as_str(), seen.nickname.as_deref()),
        (known.handle.as_str(), Some(known.display_name.as_str()))
    );
    assert_eq!((seen.bio.as_deref(), seen.verified), (Some(known.bio.as_str()), Some(known.is_verified)));
    assert_eq!((seen.stats.followers, seen.stats.likes), (Some(known.followers_at(now)), Some(known.likes_at(now))));
    assert_eq!((seen.creator_id, seen.private, told(&page)), (None, None, ""));
    let probe = source.probe().await.expect("a probe");
    assert!(probe.summary.contains("video.list"), "{}", probe.summary);
}

#[tokio::test]
async fn what_was_not_granted_is_unknown_and_said() {
    let bench = Bench::new([]).await;
    bench.login("anna", &[Scope::VideoList]).await;
    let page = bench.page(&bench.source(&json!({"kind": "account", "account": "anna"})), None).await;
    let seen = creator(&page);
    // The handle is that of the videos' links.
    assert_eq!((seen.handle.as_str(), &seen.stats), (bench.owner().as_str(), &CreatorStats::default()));
    assert_eq!((seen.bio.as_deref(), seen.verified), (None, None));
    for part in
        ["without scope user.info.stats, unknown: follower_count", "without scope user.info.profile, unknown: bio"]
    {
        assert!(told(&page).contains(part), "{}", told(&page));
    }
}

#[tokio::test]
async fn without_a_scope_nothing_is_sent() {
    let bench = Bench::new([]).await;
    bench.login("anna", &[]).await;
    let sent = bench.sandbox.stats().requests.get(&Endpoint::OwnVideos).copied();
    let fault = bench.fault(&bench.own_videos()).await;
    assert_eq!((fault.class, fault.requests), (FaultClass::Auth, 0));
    assert!(fault.message.contains("video.list") && fault.action.contains("tidelake login --account anna"), "{fault}");
    assert_eq!(bench.sandbox.stats().requests.get(&Endpoint::OwnVideos).copied(), sent);
    // Nobody can say whose it is: a dead letter, not a row without a name.
    let page = bench.page(&bench.source(&json!({"kind": "account", "account": "anna"})), None).await;
    assert_eq!((page.observations.len(), page.rejects[0].reason.as_str()), (0, "missing_id"));
}

#[tokio::test]
async fn covers_end_after_six_hours() {
    let bench = Bench::logged_in([]).await;
    let ids: Vec<i64> = own(&bench).into_keys().take(2).collect();
    let covers = bench.client.covers(&name("anna"), &ids).await.expect("covers");
    let now = Timestamp::from(bench.sandbox.clock().now());
    assert_eq!(covers.len(), 2);
    assert!(covers.iter().all(|(id, cover)| ids.contains(id) && cover.expires_at == Some(now.plus_secs(6 * 3600))));
    let bare = cover(&json!({"cover_image_url": "https://p.example/1.jpeg"}), now).expect("one");
    assert_eq!(bare.expires_at, Some(now.plus_secs(6 * 3600)));
    assert_eq!(cover(&json!({"cover_image_url": ""}), now), None);
}

#[tokio::test]
async fn states_of_other_tasks_are_refused() {
    let bench = Bench::logged_in([]).await;
    let fault = bench.poll(&bench.own_videos(), Some(&json!({"cursor": "x"}))).await.expect_err("refused");
    assert_eq!(fault.class, FaultClass::Request);
}
