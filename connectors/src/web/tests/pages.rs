//! What pages say is what the world holds.

use super::super::WebSource;
use super::{NOW, creators, fault, link, page, sandbox, some_videos, source, state, videos};
use crate::media::of_item;
use crate::source::{Next, StopReason};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tidelake_sandbox::world::{Fate, TagInfo};
use tidelake_sandbox::{Endpoint, FaultKind, FaultRule, Sandbox};
use tidelake_schemas::{Observation, Timestamp};

#[tokio::test]
async fn videos_say_everything() {
    let sandbox = sandbox([]).await;
    let seen = some_videos(&sandbox, true, 7);
    let links: Vec<String> = seen.iter().map(|index| link(&sandbox, *index)).collect();
    let source = source(&sandbox.base_url(), json!({"kind": "videos", "links": links}));
    let first = page(&source, None).await;
    let second = page(&source, Some(&state(&first).0)).await;
    assert_eq!((fault(&first), fault(&second), &second.next), ("", "", &Next::CycleDone));
    assert_eq!((first.ledger.requested, first.ledger.requests, second.ledger.requested), (Some(5), 5, Some(2)));
    let found: Vec<_> = videos(&first).into_iter().chain(videos(&second)).collect();
    assert_eq!(found.len(), seen.len());
    for (found, index) in found.iter().zip(&seen) {
        let video = sandbox.world().video(*index).expect("a video");
        let stats = video.stats_at(sandbox.clock().now());
        assert_eq!((found.video_id, found.caption.as_deref()), (video.id(), Some(video.caption().text.as_str())));
        assert_eq!(found.created_at.map(Timestamp::secs), Some(video.created_at().timestamp()));
        assert_eq!((found.created_at_derived, found.counts_rounded), (false, true));
        assert_eq!(found.author.id, Some(video.creator().id));
        assert_eq!((found.sound.id, found.region.as_deref()), (Some(video.sound().id), Some(video.region_code())));
        let views = found.stats.views.expect("views");
        assert!(views <= stats.views && stats.views - views <= stats.views / 10, "{views} of {}", stats.views);
        let tags: Vec<&str> = found.source_hashtags.iter().flatten().map(|tag| tag.name.as_str()).collect();
        assert_eq!(tags, video.caption().hashtags);
        let provenance = &found.provenance;
        assert_eq!((&*provenance.connector, &*provenance.route, &*provenance.zone), ("web", "web", "web"));
        assert_eq!((provenance.cycle, provenance.fetched_at >= NOW), (3, true));
        assert!(provenance.origin.as_deref().is_some_and(|at| at.ends_with(&format!("/video/{}", video.id()))));
    }
}

#[tokio::test]
async fn asking_again_gives_the_same_ids() {
    let sandbox = sandbox([]).await;
    let links = [link(&sandbox, some_videos(&sandbox, true, 1)[0])];
    let source = source(&sandbox.base_url(), json!({"kind": "videos", "links": links}));
    let ids = async |source: &WebSource| {
        let page = page(source, None).await;
        page.observations.iter().map(|record| record.event_id().to_owned()).collect::<Vec<_>>()
    };
    let (first, second) = (ids(&source).await, ids(&source).await);
    assert!(!first.is_empty() && first == second);
}

#[tokio::test]
async fn profiles_count_exactly() {
    let sandbox = sandbox([]).await;
    let open = (0..500).find_map(|n| sandbox.world().creator(n).filter(|creator| !creator.is_restricted));
    let shut = (0..500).find_map(|n| sandbox.world().creator(n).filter(|creator| creator.is_restricted));
    let (open, shut) = (open.expect("one"), shut.expect("one"));
    let handles = [format!("@{}", open.handle.to_uppercase()), shut.handle.clone(), "nobody.at.all".into()];
    let source = source(&sandbox.base_url(), json!({"kind": "user", "handles": handles}));
    let page = page(&source, None).await;
    let found = creators(&page);
    let at = sandbox.clock().now();
    assert_eq!((found[0].creator_id, found[0].stats.followers), (Some(open.id), Some(open.followers_at(at))));
    assert_eq!((found[0].counts_rounded, found[0].bio.as_deref()), (false, Some(open.bio.as_str())));
    let why: Vec<_> = found.iter().map(|creator| creator.unavailable.as_deref()).collect();
    assert_eq!(why, [None, Some("private"), Some("not_found")]);
    assert!(fault(&page).contains("statusCode 10222 author_secret"), "{}", fault(&page));
    assert!(fault(&page).contains("user:nobody.at.all not_found (statusCode 10221)"), "{}", fault(&page));
    assert_eq!(page.ledger.stop_reason, StopReason::Exhausted);
}

#[tokio::test]
async fn hashtags_and_sounds_have_pages() {
    let sandbox = sandbox([]).await;
    let recent: Vec<_> = (4_000..5_000).filter_map(|index| sandbox.world().video(index)).collect();
    let visible = || recent.iter().filter(|video| video.is_available(sandbox.clock().now()));
    let tag = visible().find_map(|video| video.caption().hashtags.into_iter().next()).expect("a tag");
    let source_of_tags =
        source(&sandbox.base_url(), json!({"kind": "tag", "tags": [format!("#{tag}"), "nosuchtagatall"]}));
    let found = page(&source_of_tags, None).await;
    let Some(Observation::Hashtag(seen)) = found.observations.first() else { panic!("{found:?}") };
    assert_eq!(
        (seen.name.as_str(), seen.hashtag_id.map(|id| id.to_string())),
        (tag.as_str(), Some(TagInfo::of(&tag).id))
    );
    // 0 stands for "not counted".
    assert_eq!((seen.videos, seen.views.is_some()), (None, true));
    assert!(fault(&found).contains("tag:nosuchtagatall not_found (statusCode 100002)"), "{}", fault(&found));

    let sound = visible().next().expect("a video").sound();
    let source = source(&sandbox.base_url(), json!({"kind": "sound", "ids": [sound.id.to_string()]}));
    let found = page(&source, None).await;
    let Some(Observation::Sound(seen)) = found.observations.first() else { panic!("{found:?}") };
    assert_eq!((seen.sound_id, seen.title.as_deref()), (sound.id, Some(sound.title.as_str())));
    assert_eq!(seen.provenance.zone, "web");
}

fn with_fate(sandbox: &Sandbox, fits: impl Fn(Fate) -> bool) -> u64 {
    some_videos(sandbox, false, 5_000)
        .into_iter()
        .find(|index| sandbox.world().video(*index).is_some_and(|video| fits(video.fate())))
        .expect("one")
}

#[tokio::test]
async fn what_is_not_shown_is_a_fact_with_its_code() {
    let sandbox = sandbox([FaultRule::next(FaultKind::RegionBlock, 1).at(Endpoint::VideoPage)]).await;
    let links = [
        link(&sandbox, some_videos(&sandbox, true, 1)[0]),
        link(&sandbox, with_fate(&sandbox, |fate| matches!(fate, Fate::DeletedAt(_)))),
        link(&sandbox, with_fate(&sandbox, |fate| matches!(fate, Fate::PrivateFrom(..)))),
        "7000000000000000001".to_owned(),
    ];
    let source = source(&sandbox.base_url(), json!({"kind": "videos", "links": links}));
    let page = page(&source, None).await;
    let why: Vec<_> = videos(&page).iter().map(|video| video.unavailable.as_deref().expect("why")).collect();
    assert_eq!(why, ["region", "deleted", "private", "not_found"], "{}", fault(&page));
    for part in ["statusCode 10231", "statusCode 10204 status_deleted", "statusCode 10216", "item doesn't exist"] {
        assert!(fault(&page).contains(part), "{part}: {}", fault(&page));
    }
    assert!(videos(&page).iter().all(|video| video.stats.views.is_none()), "unknown is not zero");
    assert_eq!((page.ledger.stop_reason, page.next.clone()), (StopReason::Exhausted, Next::CycleDone));
}

#[tokio::test]
async fn an_age_gate_is_a_fact_about_the_video() {
    let sandbox = sandbox([FaultRule::next(FaultKind::AgeGate, 1)]).await;
    let links = [link(&sandbox, some_videos(&sandbox, true, 1)[0])];
    let page = page(&source(&sandbox.base_url(), json!({"kind": "videos", "links": links})), None).await;
    assert_eq!(videos(&page)[0].unavailable.as_deref(), Some("age_gated"), "{}", fault(&page));
}

/// The item of a video's page, as it stands in its state document.
async fn item(sandbox: &Sandbox, path: &str) -> Value {
    let page = reqwest::get(format!("{}{path}", sandbox.base_url())).await.expect("sent").text().await.expect("text");
    let (_, rest) = page.split_once("REHYDRATION__\" type=\"application/json\">").expect("a state");
    let (state, _) = rest.split_once("</script>").expect("an end");
    let state: Value = serde_json::from_str(state).expect("JSON");
    state["__DEFAULT_SCOPE__"]["webapp.video-detail"]["itemInfo"]["itemStruct"].clone()
}

#[tokio::test]
async fn addresses_of_media_say_when_they_end_and_do() {
    let sandbox = sandbox([]).await;
    let video = sandbox.world().video(some_videos(&sandbox, true, 1)[0]).expect("a video");
    let item = item(&sandbox, &format!("/@/video/{}", video.id())).await;
    let found: Vec<_> = of_item(&item, "page").into_iter().flat_map(|media| media.formats).collect();
    let ends = sandbox.clock().now().timestamp() / 3600 * 3600 + 172_800;
    assert!(found.len() >= 4, "{found:?}");
    assert!(found.iter().all(|media| media.expires_at.map(Timestamp::secs) == Some(ends)), "{found:?}");
    let get = async |url: &str| reqwest::get(url).await.expect("sent").status().as_u16();
    assert_eq!(get(&found[0].url).await, 200);
    assert_eq!(get(&found[0].url.replace("signature=", "signature=0")).await, 403);
    sandbox.clock().set(sandbox.clock().now() + TimeDelta::days(3));
    assert_eq!(get(&found[0].url).await, 403);
}
