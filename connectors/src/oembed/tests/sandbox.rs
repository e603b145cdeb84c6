//! The connector against the sandbox: what it tells must be what the world holds.

use super::{NOW, creators, fault, page, poll, source, state, videos};
use crate::source::{FaultClass, Next, StopReason};
use tidelake_sandbox::{
    Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, World, WorldConfig,
};

async fn sandbox(faults: impl IntoIterator<Item = FaultRule>) -> Sandbox {
    let world = WorldConfig { videos: 5_000, creators: 500, ..WorldConfig::default() };
    let end = World::new(world.clone()).expect("a world").end();
    let faults = FaultPlan::of(faults);
    let config = SandboxConfig { world, faults, clock: Some(SimClock::frozen(end)), ..SandboxConfig::default() };
    Sandbox::start(config).await.expect("a sandbox")
}

/// Videos by position that can be seen, or cannot.
fn some_videos(sandbox: &Sandbox, visible: bool, count: usize) -> Vec<u64> {
    let now = sandbox.clock().now();
    let all = (0..5_000)
        .filter(|index| sandbox.world().video(*index).is_some_and(|video| video.is_available(now) == visible));
    all.take(count).collect()
}

#[tokio::test]
async fn captions_and_creators_are_those_of_the_world() {
    let sandbox = sandbox([]).await;
    let seen = some_videos(&sandbox, true, 30);
    let mut links = Vec::new();
    for index in &seen {
        let video = sandbox.world().video(*index).expect("a video");
        links.push(match index % 3 {
            0 => format!("https://www.tiktok.com/@{}/video/{}", video.creator().handle, video.id()),
            1 => format!("https://vm.tiktok.com/{}/", sandbox.world().short_code(&video)),
            _ => video.id().to_string(),
        });
    }
    let source = source(&sandbox.base_url(), &links);
    let first = page(&source, None).await;
    let second = page(&source, Some(&state(&first).0)).await;
    assert_eq!((fault(&first), fault(&second), &second.next), ("", "", &Next::CycleDone));
    let found: Vec<_> = videos(&first).into_iter().chain(videos(&second)).collect();
    assert_eq!(found.len(), seen.len());
    for (found, index) in found.iter().zip(&seen) {
        let video = sandbox.world().video(*index).expect("a video");
        assert_eq!((found.video_id, found.caption.as_deref()), (video.id(), Some(video.caption().text.as_str())));
        assert_eq!(found.author.handle.as_deref(), Some(video.creator().handle.as_str()));
        assert_eq!(found.author.nickname.as_deref(), Some(video.creator().display_name.as_str()));
    }
    let shorts = u64::try_from(seen.iter().filter(|index| *index % 3 == 1).count()).expect("small");
    assert_eq!(sandbox.stats().requests[&Endpoint::ShortLink], shorts, "one HEAD each");
}

#[tokio::test]
async fn what_cannot_be_seen_is_told_and_counted_nowhere() {
    let sandbox = sandbox([]).await;
    let gone = sandbox.world().video(some_videos(&sandbox, false, 1)[0]).expect("a video").id();
    let creator = sandbox.world().creator(3).expect("a creator");
    let links = [
        format!("https://www.tiktok.com/@x/video/{gone}"),
        format!("https://www.tiktok.com/@{}", creator.handle),
        "https://vt.tiktok.com/ZSdeadlink/".to_owned(),
        "https://www.tiktok.com/@nobody.at.all".to_owned(),
    ];
    let page = page(&source(&sandbox.base_url(), &links), None).await;
    assert_eq!((videos(&page).len(), creators(&page).len(), page.ledger.requested), (0, 1, Some(4)));
    assert_eq!(creators(&page)[0].nickname.as_deref(), Some(creator.display_name.as_str()));
    let told = fault(&page);
    assert!(told.contains(&format!("video:{gone} unavailable (HTTP 400 Something went wrong)")), "{told}");
    assert!(told.contains("short:vt:ZSdeadlink expired"), "{told}");
    assert!(told.contains("user:nobody.at.all unavailable"), "{told}");
}

#[tokio::test]
async fn every_trouble_of_the_website_is_met() {
    for (kind, class) in [
        (FaultKind::RateLimit, FaultClass::Limited),
        (FaultKind::Forbidden, FaultClass::Blocked),
        (FaultKind::HtmlPage, FaultClass::Blocked),
        (FaultKind::EmptyBody, FaultClass::Blocked),
        (FaultKind::LoginRedirect, FaultClass::Blocked),
        (FaultKind::InternalError, FaultClass::Transient),
        (FaultKind::GatewayTimeout, FaultClass::Transient),
        (FaultKind::ConnectionReset, FaultClass::Transient),
        (FaultKind::TruncatedBody, FaultClass::Transient),
    ] {
        let sandbox = sandbox([FaultRule::next(kind, 3).at(Endpoint::Oembed)]).await;
        let id = sandbox.world().video(some_videos(&sandbox, true, 1)[0]).expect("a video").id();
        let fault = poll(&source(&sandbox.base_url(), &[id.to_string()]), None).await.expect_err("a fault");
        assert_eq!(fault.class, class, "{kind:?}: {fault}");
    }
    for (kind, reason) in [(FaultKind::OembedRefused, "unavailable"), (FaultKind::NotFound, "not_found")] {
        let sandbox = sandbox([FaultRule::next(kind, 1)]).await;
        let id = sandbox.world().video(some_videos(&sandbox, true, 1)[0]).expect("a video").id();
        let page = page(&source(&sandbox.base_url(), &[id.to_string()]), None).await;
        assert!(fault(&page).contains(reason) && page.observations.is_empty(), "{kind:?}");
    }
}

/// A website with a fault, and a short link there.
async fn short_link(kind: FaultKind) -> (Sandbox, String) {
    let sandbox = sandbox([FaultRule::next(kind, 9).at(Endpoint::ShortLink)]).await;
    let video = sandbox.world().video(some_videos(&sandbox, true, 1)[0]).expect("a video");
    let link = format!("https://www.tiktok.com/t/{}/", sandbox.world().short_code(&video));
    (sandbox, link)
}

#[tokio::test]
async fn every_trouble_of_short_links_is_met() {
    for (kind, reason) in [(FaultKind::ShortExpired, "expired"), (FaultKind::ShortLoop, "not_a_link")] {
        let (sandbox, link) = short_link(kind).await;
        let page = page(&source(&sandbox.base_url(), &[link]), None).await;
        assert!(fault(&page).contains(&format!(" {reason} (")), "{kind:?}: {}", fault(&page));
        assert_eq!(page.ledger.stop_reason, StopReason::Exhausted);
    }
    for kind in [FaultKind::HtmlPage, FaultKind::LoginRedirect, FaultKind::Forbidden] {
        let (sandbox, link) = short_link(kind).await;
        let links = [link, "https://www.tiktok.com/t/ZTother1/".to_owned()];
        let refused = poll(&source(&sandbox.base_url(), &links), None).await.expect_err("a block");
        assert_eq!((refused.class, refused.requests), (FaultClass::Blocked, 1), "{kind:?}: {refused}");
        assert!(refused.retry_at.is_some_and(|at| at >= NOW.plus_secs(900)), "{:?}", refused.retry_at);
        assert_eq!(sandbox.stats().requests[&Endpoint::ShortLink], 1, "nothing more is asked");
    }
}
