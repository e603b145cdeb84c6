//! The connector against the sandbox: what it tells must be what the world holds, whatever troubles strike.

use super::{context, quick, state};
use crate::research::{ResearchConfig, ResearchSource, ResearchTask};
use crate::source::{Next, Page, Source};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tidelake_sandbox::world::{Creator, Video};
use tidelake_sandbox::{
    Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, World, WorldConfig,
};
use tidelake_schemas::Observation;

async fn sandbox(faults: impl IntoIterator<Item = FaultRule>) -> Sandbox {
    let world = WorldConfig { videos: 5_000, creators: 500, ..WorldConfig::default() };
    let end = World::new(world.clone()).expect("a world").end();
    let faults = FaultPlan::of(faults);
    let config = SandboxConfig { world, faults, clock: Some(SimClock::frozen(end)), ..SandboxConfig::default() };
    Sandbox::start(config).await.expect("a sandbox")
}

fn source(sandbox: &Sandbox, task: &Value) -> ResearchSource {
    let config = ResearchConfig {
        base_url: sandbox.base_url(),
        patience: quick(),
        per_second: 1e6,
        ..ResearchConfig::new("key", "secret".into())
    };
    ResearchSource::new(config, ResearchTask::from_value(task).expect("a task")).expect("a source")
}

/// All pages of a cycle.
async fn walk(sandbox: &Sandbox, task: &Value) -> Vec<Page> {
    let source = source(sandbox, task);
    let (mut at, mut pages) = (None, Vec::<Page>::new());
    loop {
        let page = source.poll(&context(), at.as_ref()).await.expect("a page");
        assert!(pages.len() < 200, "it does not end: {page:?}");
        at = Some(&page).filter(|page| page.next != Next::CycleDone).map(state);
        pages.push(page);
        if at.is_none() {
            return pages;
        }
    }
}

/// Handles of creators, ids of videos and comments, with how often each came.
fn entities(pages: &[Page]) -> Vec<String> {
    let name = |observation: &Observation| match observation {
        Observation::Creator(creator) => creator.handle.clone(),
        Observation::Video(video) => video.video_id.to_string(),
        Observation::Comment(comment) => comment.comment_id.to_string(),
        other => panic!("{other:?}"),
    };
    pages.iter().flat_map(|page| &page.observations).map(name).collect()
}

fn set(names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    names.into_iter().collect()
}

fn open_creators(sandbox: &Sandbox) -> impl Iterator<Item = Creator> + '_ {
    (0..500).filter_map(|index| sandbox.world().creator(index)).filter(|creator| !creator.is_restricted)
}

fn all_videos(sandbox: &Sandbox) -> impl Iterator<Item = Video<'_>> {
    (0..5_000).filter_map(|index| sandbox.world().video(index))
}

/// An account that is followed by more than there are accounts.
fn star(sandbox: &Sandbox) -> Creator {
    let now = sandbox.clock().now();
    open_creators(sandbox).find(|creator| creator.followers_at(now) > 1000).expect("a star")
}

fn list(kind: &str, owner: &Creator) -> Value {
    json!({"kind": kind, "usernames": [owner.handle], "max_count": 90})
}

/// The pages of the first list of this kind that is shown and has something.
async fn shown(sandbox: &Sandbox, kind: &str, at_least: usize) -> (Creator, Vec<Page>) {
    for owner in open_creators(sandbox) {
        let pages = walk(sandbox, &list(kind, &owner)).await;
        let hidden =
            pages[0].observations.iter().any(|o| matches!(o, Observation::Creator(c) if c.unavailable.is_some()));
        if !hidden && entities(&pages).len() >= at_least {
            return (owner, pages);
        }
    }
    panic!("no list of {kind}")
}

#[tokio::test]
async fn followers_are_all_public_accounts() {
    let sandbox = sandbox([]).await;
    let star = star(&sandbox);
    let pages = walk(&sandbox, &list("followers", &star)).await;
    let found = entities(&pages);
    let others = open_creators(&sandbox).filter(|creator| creator.index != star.index).map(|creator| creator.handle);
    assert_eq!(set(found.clone()), set(others));
    let ids: BTreeSet<_> = pages.iter().flat_map(|page| &page.observations).map(Observation::event_id).collect();
    assert_eq!(ids.len(), set(found).len(), "who comes twice, at the seam of two pages, has one event id");
    let stats = sandbox.stats();
    assert_eq!(stats.quota_requests, 0, "they have a quota of their own");
    assert_eq!(stats.requests[&Endpoint::Followers], pages.len() as u64);
}

#[tokio::test]
async fn lists_of_videos_are_paged_to_their_end() {
    let sandbox = sandbox([]).await;
    for kind in ["liked", "reposted"] {
        let (_, pages) = shown(&sandbox, kind, 95).await;
        assert!(pages.len() > 1);
        for name in entities(&pages) {
            let video = sandbox.world().video_by_id(name.parse().expect("an id")).expect("a video of the world");
            assert!(video.is_available(sandbox.clock().now()));
        }
        let Observation::Video(video) = &pages[0].observations[0] else { panic!("a video") };
        let truth = sandbox.world().video_by_id(video.video_id).expect("a video");
        assert_eq!(video.caption.as_deref(), Some(truth.caption().text.as_str()));
        assert_eq!(video.stats.saves, Some(truth.stats_at(sandbox.clock().now()).saves));
        assert_eq!(video.author.handle, Some(truth.creator().handle));
    }
    let (owner, pages) = shown(&sandbox, "pinned", 1).await;
    for name in entities(&pages) {
        let video = sandbox.world().video_by_id(name.parse().expect("an id")).expect("a video");
        assert_eq!(video.creator().handle, owner.handle);
    }
    let (_, pages) = shown(&sandbox, "following", 95).await;
    assert!(pages.len() > 1);
}

#[tokio::test]
async fn troubles_of_lists_lose_nothing() {
    let quiet = sandbox([]).await;
    let truth = set(entities(&walk(&quiet, &list("followers", &star(&quiet))).await));
    let (fan, liked) = shown(&quiet, "liked", 95).await;
    let (sharer, reposted) = shown(&quiet, "reposted", 95).await;
    for kind in [
        FaultKind::CursorRefused,
        FaultKind::CursorAsText,
        FaultKind::InternalError,
        FaultKind::RateLimit,
        FaultKind::TokenExpired,
        FaultKind::NulInUsername,
        FaultKind::TruncatedBody,
        FaultKind::ConnectionReset,
    ] {
        let sandbox = sandbox([FaultRule::every(kind, 3).at(Endpoint::Followers)]).await;
        let pages = walk(&sandbox, &list("followers", &star(&sandbox))).await;
        assert_eq!(set(entities(&pages)), truth, "{kind:?}");
        assert!(sandbox.stats().faults[&kind] > 0, "{kind:?}");
    }
    let sandbox = sandbox([
        FaultRule::every(FaultKind::SpellingRefused, 1),
        FaultRule::every(FaultKind::OtherListName, 2),
        FaultRule::every(FaultKind::CursorAsText, 1).at(Endpoint::LikedVideos),
    ])
    .await;
    assert_eq!(set(entities(&walk(&sandbox, &list("liked", &fan)).await)), set(entities(&liked)));
    assert_eq!(set(entities(&walk(&sandbox, &list("reposted", &sharer)).await)), set(entities(&reposted)));
}

#[tokio::test]
async fn a_cursor_that_stands_still_ends_all_the_same() {
    let sandbox = sandbox([FaultRule::next(FaultKind::CursorStuck, 2).at(Endpoint::Followers)]).await;
    let pages = walk(&sandbox, &list("followers", &star(&sandbox))).await;
    assert!(pages.iter().any(|page| page.ledger.fault.as_ref().is_some_and(|fault| fault.contains("stood still"))));
    assert!(set(entities(&pages)).len() > 400);
}

#[tokio::test]
async fn hidden_lists_and_missing_accounts_are_states() {
    let sandbox = sandbox([FaultRule::next(FaultKind::ListHidden, 1)]).await;
    let restricted = (0..500).filter_map(|index| sandbox.world().creator(index)).find(|creator| creator.is_restricted);
    let task = json!({
        "kind": "pinned",
        "usernames": [star(&sandbox).handle, "nobody.at.all", restricted.expect("a restricted one").handle],
    });
    let pages = walk(&sandbox, &task).await;
    let why = |o: &Observation| match o {
        Observation::Creator(creator) => creator.unavailable.clone(),
        other => panic!("{other:?}"),
    };
    let why: Vec<_> = pages.iter().flat_map(|page| &page.observations).filter_map(why).collect();
    assert_eq!(why, ["private_list", "not_found", "restricted"]);
}

#[tokio::test]
async fn playlists_hold_what_the_world_holds() {
    let usual = sandbox([]).await;
    let now = usual.clock().now();
    let playlist = all_videos(&usual).find_map(|video| video.playlist_id()).expect("a playlist");
    let entries = all_videos(&usual).filter(|video| video.playlist_id() == Some(playlist) && video.is_available(now));
    let truth = set(entries.map(|video| video.id().to_string()));
    let task = json!({"kind": "playlist", "playlist_ids": [playlist, 7], "max_count": 1});
    let pages = walk(&usual, &task).await;
    assert_eq!(set(entities(&pages)), truth);
    let rejects: Vec<_> = pages.iter().flat_map(|page| &page.rejects).map(|reject| reject.reason.as_str()).collect();
    assert_eq!(rejects, ["playlist_refused"]);

    let odd = sandbox([FaultRule::every(FaultKind::AnswerWithStatus500, 1).at(Endpoint::PlaylistInfo)]).await;
    let task = json!({"kind": "playlist", "playlist_ids": [playlist]});
    assert_eq!(set(entities(&walk(&odd, &task).await)), truth);
    let deaf = sandbox([FaultRule::every(FaultKind::CursorIgnored, 1)]).await;
    let task = json!({"kind": "playlist", "playlist_ids": [playlist], "max_count": 1});
    assert!(walk(&deaf, &task).await.len() < 50, "it does not go round for ever");
}

/// Some ids, and those among them that are gone.
fn some_ids(sandbox: &Sandbox) -> (Vec<i64>, BTreeSet<String>) {
    let now = sandbox.clock().now();
    let videos: Vec<_> = all_videos(sandbox).take(400).collect();
    let gone = set(videos.iter().filter(|video| !video.is_available(now)).map(|video| video.id().to_string()));
    assert!(gone.len() > 3);
    (videos.iter().map(Video::id).collect(), gone)
}

#[tokio::test]
async fn batch_compliance_finds_what_is_gone() {
    let quiet = sandbox([]).await;
    let (ids, gone) = some_ids(&quiet);
    let task = json!({"kind": "compliance", "ids": ids, "batch": 150});
    let pages = walk(&quiet, &task).await;
    assert_eq!(set(entities(&pages)), gone);
    assert_eq!(quiet.stats().requests[&Endpoint::ValidationCreate], 3);
    for (kind, endpoint) in [
        (FaultKind::ValidationFailed, Endpoint::ValidationStatus),
        (FaultKind::ValidationSlow, Endpoint::ValidationStatus),
        (FaultKind::ForeignIds, Endpoint::ValidationDownload),
        (FaultKind::EmptyBody, Endpoint::ValidationDownload),
        (FaultKind::TruncatedBody, Endpoint::ValidationDownload),
        (FaultKind::InternalError, Endpoint::ValidationCreate),
        (FaultKind::TokenExpired, Endpoint::ValidationStatus),
        (FaultKind::RateLimit, Endpoint::ValidationDownload),
    ] {
        let sandbox = sandbox([FaultRule::next(kind, 1).at(endpoint)]).await;
        let pages = walk(&sandbox, &task).await;
        assert_eq!(set(entities(&pages)), gone, "{kind:?}");
        assert_eq!(sandbox.stats().faults[&kind], 1, "{kind:?}");
        assert!(pages.iter().all(|page| page.rejects.is_empty()), "{kind:?}");
    }
}

#[tokio::test]
async fn batch_compliance_of_comments() {
    let sandbox = sandbox([]).await;
    let now = sandbox.clock().now();
    let busy = all_videos(&sandbox).find(|video| video.is_available(now) && video.threads_at(now).count() > 20);
    let task = json!({"kind": "comments", "video_ids": [busy.expect("a busy video").id()]});
    let listed = entities(&walk(&sandbox, &task).await);
    let mut ids = listed.clone();
    ids.push("7385291383449439519".into());
    let pages = walk(&sandbox, &json!({"kind": "compliance", "category": "comment", "ids": ids})).await;
    assert_eq!(entities(&pages), ["7385291383449439519"]);
}
