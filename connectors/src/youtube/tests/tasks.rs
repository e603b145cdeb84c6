//! What each task brings.

use super::super::{number_of, text_of};
use super::*;
use crate::source::StopReason;
use serde_json::json;
use std::collections::HashSet;

#[tokio::test]
async fn a_channel_brings_itself_and_all_its_videos() {
    let bench = Bench::new([]).await;
    let creator = bench.creator();
    let expected = bench.uploads(&creator);
    assert!(expected.len() > 100, "more than two pages: {}", expected.len());
    for channel in [format!("@{}", creator.handle), creator.youtube_channel()] {
        let pages = bench.cycle(json!({"kind": "channel", "channels": [channel]})).await;
        let [found] = creators(&pages)[..] else { panic!("one channel") };
        assert_eq!((found.platform.as_str(), &found.handle), ("youtube", &creator.handle));
        assert_eq!(found.native_id, Some(creator.youtube_channel()));
        assert_eq!(found.creator_id, Some(crate::native::derive("youtube", &creator.youtube_channel())));
        assert!(found.counts_rounded && found.stats.followers.is_some() && found.stats.likes.is_none());
        let got = videos(&pages);
        let ids: Vec<_> = expected.iter().map(Video::id).collect();
        let unordered = |ids: Vec<i64>| ids.into_iter().collect::<HashSet<_>>();
        assert_eq!(got.len(), expected.len());
        assert_eq!(unordered(got.iter().map(|video| video.video_id).collect()), unordered(ids));
        let last = &pages.last().expect("pages").ledger;
        assert_eq!((last.stop_reason, last.has_more), (StopReason::Exhausted, false));
    }
}

#[tokio::test]
async fn a_video_has_what_its_owner_shows_and_null_where_not() {
    let bench = Bench::new([]).await;
    let creator = bench.creator();
    let pages = bench.cycle(json!({"kind": "channel", "channels": [creator.youtube_channel()]})).await;
    let (mut hidden, mut gone) = (0, 0);
    for seen in videos(&pages) {
        let video = bench.world().video_by_id(seen.video_id).expect("a video of the world");
        assert_eq!(seen.native_id.as_deref(), Some(text_of(seen.video_id).as_str()));
        assert_eq!(seen.author.handle.as_deref(), Some(creator.handle.as_str()));
        assert_eq!(seen.author.native_id, Some(creator.youtube_channel()));
        if !video.is_available(bench.now()) {
            assert_eq!((seen.unavailable.as_deref(), seen.stats.views), (Some("not_available"), None));
            gone += 1;
            continue;
        }
        let stats = video.stats_at(bench.now());
        assert_eq!((seen.stats.views, seen.stats.shares), (Some(stats.views), None));
        assert_eq!(seen.stats.likes, (!video.index().is_multiple_of(7)).then_some(stats.likes));
        assert_eq!(seen.stats.comments, (video.index() % 9 != 4).then_some(stats.comments));
        assert_eq!(seen.duration_s, i32::try_from(video.duration()).ok());
        assert_eq!(seen.created_at, Some(video.created_at().into()));
        assert_eq!(seen.source_language.as_deref(), Some(video.language()));
        assert!(seen.caption.as_deref().unwrap_or_default().contains(&video.caption().text));
        hidden += usize::from(seen.stats.likes.is_none());
    }
    assert!(hidden > 0 && gone > 0, "{hidden} hidden, {gone} gone");
}

#[tokio::test]
async fn videos_by_id_in_batches_of_fifty() {
    let bench = Bench::new([]).await;
    let ids: Vec<String> = (0..120).filter_map(|n| Some(bench.world().video(n * 3)?.youtube_id())).collect();
    let never = text_of(5);
    let asked = [&ids[..], std::slice::from_ref(&never)].concat();
    let spec = json!({"kind": "videos", "videos": asked});
    let pages = bench.cycle(spec).await;
    let requests: Vec<_> = pages.iter().map(|page| (page.ledger.requests, page.ledger.requested)).collect();
    assert_eq!(requests, [(1, Some(50)), (1, Some(50)), (1, Some(21))]);
    assert_eq!(videos(&pages).len(), 121);
    let missing = videos(&pages).into_iter().find(|video| video.native_id.as_ref() == Some(&never)).expect("is told");
    assert_eq!((missing.unavailable.as_deref(), missing.video_id), (Some("not_available"), 5));
    assert!(pages[2].ledger.fault.as_deref().is_some_and(|note| note.contains(&never)), "{:?}", pages[2].ledger);
}

#[tokio::test]
async fn a_limit_is_kept_and_a_channel_that_does_not_exist_is_told() {
    let bench = Bench::new([]).await;
    let creator = bench.creator();
    let both = [format!("@{}", creator.handle), "@nobody-at-all".into(), creator.youtube_channel()];
    let pages = bench.cycle(json!({"kind": "channel", "channels": both, "limit": 60})).await;
    assert_eq!(videos(&pages).len(), 60);
    let seen: Vec<_> = creators(&pages).iter().map(|creator| creator.unavailable.as_deref()).collect();
    assert_eq!(seen, [None, Some("not_available")], "the channel that is named twice is told once");
    let ids: HashSet<_> = pages.iter().flat_map(|page| &page.observations).map(Observation::event_id).collect();
    assert_eq!(ids.len(), 62, "every event id is its own");
}

#[tokio::test]
async fn an_upload_in_between_doubles_nothing() {
    let bench = Bench::new([]).await;
    let creator = bench.creator();
    let newest = bench.uploads(&creator)[0].created_at();
    bench.sandbox.clock().set(newest - chrono::TimeDelta::seconds(1));
    let spec = json!({"kind": "channel", "channels": [creator.youtube_channel()]});
    let first = bench.poll(spec.clone(), None).await.expect("a page");
    let Next::Page { state, .. } = &first.next else { panic!("more") };
    bench.sandbox.clock().set(newest + chrono::TimeDelta::seconds(1));
    let second = bench.poll(spec, Some(state)).await.expect("a page");
    let pages = [first, second];
    let ids: Vec<_> = videos(&pages).iter().map(|video| video.video_id).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    assert_eq!(ids.len(), 99, "fifty, and fifty less the one that was moved");
}

#[tokio::test]
async fn a_search_has_a_quota_of_its_own() {
    let bench = Bench::new([]).await;
    let day = bench.now().date_naive() - chrono::Days::new(10);
    let pages = bench.cycle(json!({"kind": "search", "query": "a", "from": day, "limit": 80})).await;
    let got = videos(&pages);
    assert_eq!(got.len(), 80);
    for video in &got {
        assert!(video.created_at.is_some_and(|at| at.date() >= day) || video.unavailable.is_some());
    }
    let [units, searches] = bench.client.quotas().map(|http| http.snapshot().budget.expect("a budget"));
    assert_eq!((units.spent, searches.spent), (2, 2), "each page is one search and one videos.list");
    // Of a project whose searches are charged in units, they are.
    let config = YoutubeConfig { search_units: Some(100), ..YoutubeConfig::new(SecretString::from(KEY)) };
    let bench = Bench::with(config, []).await;
    bench.cycle(json!({"kind": "search", "query": "a", "limit": 80})).await;
    let [units, searches] = bench.client.quotas().map(|http| http.snapshot().budget.expect("a budget"));
    assert_eq!((units.spent, searches.spent), (202, 0));
}

#[tokio::test]
async fn comments_with_their_replies() {
    let bench = Bench::new([]).await;
    let now = bench.now();
    let all = || (0..3_000).filter_map(|index| bench.world().video(index)).filter(|video| video.is_available(now));
    let busy = all().find(|video| video.threads_at(now).count() > 120 && video.index() % 9 != 4).expect("a busy video");
    let off = all().find(|video| video.index() % 9 == 4).expect("a video without comments");
    let spec = json!({"kind": "comments", "videos": [off.youtube_id(), text_of(5), busy.youtube_id()]});
    let pages = bench.cycle(spec).await;
    let notes: Vec<_> = pages.iter().filter_map(|page| page.ledger.fault.as_deref()).collect();
    assert!(notes.iter().any(|note| note.contains("turned off")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("no such video")), "{notes:?}");
    let got = comments(&pages);
    let threads = busy.threads_at(now).count();
    assert_eq!(got.iter().filter(|comment| comment.parent_comment_id.is_none()).count(), threads);
    let known: HashSet<_> = got.iter().map(|comment| comment.comment_id).collect();
    assert_eq!(known.len(), got.len());
    for comment in &got {
        assert!(comment.parent_comment_id.is_none_or(|parent| known.contains(&parent)));
        assert_eq!(comment.video_id, number_of(&busy.youtube_id()));
        assert!(comment.native_id.as_deref().is_some_and(|id| id.starts_with("Ugx")));
        assert!(comment.author.handle.as_deref().is_some_and(|handle| handle.starts_with("viewer")));
        assert_eq!(comment.author.id.is_some(), comment.author.native_id.is_some());
    }
    assert!(got.len() > threads, "replies came along");
}
