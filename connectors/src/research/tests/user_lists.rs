//! The lists of accounts.

use super::server::{Seen, Server};
use super::{config, context, page, poll, refused, source, state};
use crate::research::{ResearchConfig, ResearchSource, ResearchTask};
use crate::source::{FaultClass, Next, Page, Source, StopReason};
use serde_json::{Value, json};
use tidelake_schemas::{CreatorObservation, Observation};

fn answer(data: Value) -> (u16, Value) {
    (200, json!({"data": data, "error": {"code": "ok", "message": "ok", "log_id": "l"}}))
}

fn followers(handles: &[&str], cursor: i64, has_more: bool) -> (u16, Value) {
    let users: Vec<_> = handles.iter().map(|h| json!({"username": h, "display_name": h.to_uppercase()})).collect();
    answer(json!({"user_followers": users, "cursor": cursor, "has_more": has_more}))
}

fn liked(ids: &[i64], cursor: Value, has_more: bool) -> (u16, Value) {
    let videos: Vec<_> = ids.iter().map(|id| json!({"id": id, "view_count": 5, "favorites_count": 2})).collect();
    answer(json!({"user_liked_videos": videos, "cursor": cursor, "has_more": has_more}))
}

fn task(kind: &str, usernames: &[&str]) -> Value {
    json!({"kind": kind, "usernames": usernames})
}

fn creators(page: &Page) -> Vec<&CreatorObservation> {
    let all = page.observations.iter().map(|observation| match observation {
        Observation::Creator(creator) => creator,
        other => panic!("{other:?}"),
    });
    all.collect()
}

fn unavailable(page: &Page) -> Option<&str> {
    creators(page)[0].unavailable.as_deref()
}

#[tokio::test]
async fn followers_are_creators_without_counts() {
    let server =
        Server::with([followers(&["@bea", "cy"], 1_706_837_834, true), followers(&["dee"], 1_706_000_000, false)])
            .await;
    let source = source(&server, &task("followers", &["@ada"]));
    let first = page(&source, None).await;
    let bea = creators(&first)[0];
    assert_eq!((bea.handle.as_str(), bea.nickname.as_deref()), ("bea", Some("@BEA")));
    assert_eq!((bea.stats.followers, bea.stats.videos, bea.creator_id), (None, None, None));
    assert_eq!((bea.provenance.route.as_str(), bea.provenance.origin.as_deref()), ("user/followers", Some("@ada")));
    assert_eq!((first.ledger.requested, first.ledger.has_more), (Some(100), true));
    let last = page(&source, Some(&state(&first))).await;
    assert_eq!((last.observations.len(), &last.next), (1, &Next::CycleDone));
    assert_eq!(last.ledger.stop_reason, StopReason::Exhausted);
    let asked = server.asked();
    assert_eq!(asked[0].path, "/v2/research/user/followers/");
    assert_eq!(asked[0].query, "", "there are no fields to ask for");
    assert_eq!(asked[0].json(), json!({"username": "ada", "max_count": 100}));
    assert_eq!(asked[1].json(), json!({"username": "ada", "max_count": 100, "cursor": 1_706_837_834}));
    assert_eq!(source.capabilities().routes, ["user/followers"]);
}

#[tokio::test]
async fn an_account_in_two_lists_is_observed_twice() {
    let following = |handle: &str| {
        answer(json!({"user_following": [{"username": handle, "display_name": "x"}], "cursor": 5, "has_more": false}))
    };
    let server = Server::with([following("cy"), following("cy")]).await;
    let source = source(&server, &task("following", &["ada", "bea"]));
    let first = page(&source, None).await;
    assert_eq!(first.ledger.stop_reason, StopReason::Continue);
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!(second.next, Next::CycleDone);
    assert_ne!(first.observations[0].event_id(), second.observations[0].event_id());
    assert_eq!(creators(&second)[0].provenance.origin.as_deref(), Some("@bea"));
}

#[tokio::test]
async fn liked_videos_keep_what_the_answer_has() {
    let millis = 1_706_457_371_000_i64;
    let server =
        Server::with([liked(&[7], json!(millis.to_string()), true), liked(&[], json!(millis - 1000), true)]).await;
    let source = source(&server, &task("liked", &["ada"]));
    let first = page(&source, None).await;
    let Observation::Video(video) = &first.observations[0] else { panic!("a video") };
    assert_eq!((video.video_id, video.stats.views, video.stats.saves), (7, Some(5), Some(2)));
    assert_eq!((video.stats.likes, video.is_pinned, video.author.handle.as_deref()), (None, None, None));
    assert_eq!(video.provenance.route, "user/liked_videos");
    let empty = page(&source, Some(&state(&first))).await;
    assert!(matches!(empty.next, Next::Page { .. }), "an empty page ends nothing");
    let asked = server.asked();
    assert!(asked[0].query.contains("favourites_count") && !asked[0].query.contains("playlist_id"));
    assert_eq!(asked[1].json()["cursor"], json!(millis), "in the source's own unit, as a number");
}

#[tokio::test]
async fn the_other_spelling_is_tried_once() {
    let wrong = || (400, refused("invalid_params", "Invalid field in fields: favourites_count"));
    let server = Server::with([wrong(), liked(&[7], json!(5), false), wrong()]).await;
    let source = source(&server, &task("liked", &["ada", "bea"]));
    let first = page(&source, None).await;
    assert!(first.observations.is_empty() && first.rejects.is_empty() && first.ledger.fault.is_some());
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!(second.observations.len(), 1);
    assert!(server.asked()[1].query.contains("favorites_count"));
    let third = page(&source, Some(&state(&second))).await;
    assert_eq!((third.rejects[0].reason.as_str(), &third.next), ("list_refused", &Next::CycleDone));
    assert!(server.asked()[2].query.contains("favorites_count"), "what was learned is kept");
}

#[tokio::test]
async fn pinned_videos_come_in_one_answer() {
    let pinned = answer(json!({"pinned_videos_list": [{"id": 7, "like_count": 3}, {"id": "8"}]}));
    let server = Server::with([pinned, answer(json!({}))]).await;
    let source = source(&server, &task("pinned", &["ada", "bea"]));
    let first = page(&source, None).await;
    let is_pin = |o: &&Observation| matches!(o, Observation::Video(video) if video.is_pinned == Some(true));
    assert_eq!(first.observations.iter().filter(is_pin).count(), 2);
    assert_eq!(server.asked()[0].json(), json!({"username": "ada"}));
    assert!(server.asked()[0].query.contains("favorites_count"));
    let none = page(&source, Some(&state(&first))).await;
    assert_eq!((none.observations.len(), none.rejects.len(), &none.next), (0, 0, &Next::CycleDone));
}

#[tokio::test]
async fn reposted_videos_have_two_names_and_an_index() {
    let under =
        |name: &str, id: i64, has_more: bool| answer(json!({name: [{"id": id}], "cursor": 7, "has_more": has_more}));
    let server = Server::with([under("reposted_videos", 1, true), under("user_reposted_videos", 2, false)]).await;
    let source = source(&server, &task("reposted", &["ada"]));
    let first = page(&source, None).await;
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!((first.observations.len(), second.observations.len()), (1, 1));
    assert_eq!(server.asked()[1].json()["cursor"], 7);
}

#[tokio::test]
async fn a_limit_is_each_accounts_own() {
    let server = Server::with([followers(&["b", "c"], 9, true), followers(&["d", "e", "f"], 9, true)]).await;
    let mut task = task("followers", &["ada", "bea"]);
    task["limit"] = json!(2);
    let source = source(&server, &task);
    let first = page(&source, None).await;
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!((second.observations.len(), second.ledger.stop_reason), (2, StopReason::Limit));
    assert_eq!(server.asked().iter().map(Seen::json).map(|body| body["max_count"].clone()).collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test]
async fn a_hidden_list_is_a_state_and_not_a_fault() {
    let says = |message: &str| (400, refused("invalid_params", message));
    let server = Server::with([
        says("This user's liked videos are private"),
        says("username nobody is invalid: cannot find the user"),
        says("API cannot return this user's information"),
        says("some other reason"),
    ])
    .await;
    let source = source(&server, &task("liked", &["ada", "nobody", "shut", "odd"]));
    let mut at = None;
    for why in ["private_list", "not_found", "restricted"] {
        let page = page(&source, at.as_ref()).await;
        assert_eq!((unavailable(&page), page.rejects.len()), (Some(why), 0));
        assert_eq!(creators(&page)[0].provenance.route, "user/liked_videos");
        assert!(page.ledger.fault.is_some());
        at = Some(state(&page));
    }
    let odd = page(&source, at.as_ref()).await;
    assert_eq!((odd.rejects[0].reason.as_str(), odd.rejects[0].entity.as_deref()), ("list_refused", Some("odd")));
    assert_eq!((&odd.next, odd.ledger.stop_reason), (&Next::CycleDone, StopReason::Exhausted));
}

#[tokio::test]
async fn an_answer_without_a_list_is_not_an_empty_list() {
    let server =
        Server::with([answer(json!({})), answer(json!({"user_followers": 7})), followers(&["b"], 9, false)]).await;
    let source = source(&server, &task("followers", &["ada", "bea", "cy"]));
    let first = page(&source, None).await;
    let second = page(&source, Some(&state(&first))).await;
    for page in [&first, &second] {
        assert_eq!((page.rejects[0].reason.as_str(), page.observations.len()), ("unreadable_list", 0));
        assert!(page.ledger.fault.is_some());
    }
    assert_eq!(page(&source, Some(&state(&second))).await.observations.len(), 1);
}

#[tokio::test]
async fn unreadable_records_are_refused_one_by_one() {
    let users = json!([{"display_name": "no name"}, {"username": "be\u{0}a"}, "x", {"username": "@"}]);
    let server = Server::with([answer(json!({"user_followers": users, "cursor": 1, "has_more": false}))]).await;
    let page = page(&source(&server, &task("followers", &["ada"])), None).await;
    assert_eq!(creators(&page).iter().map(|c| c.handle.as_str()).collect::<Vec<_>>(), ["bea"]);
    assert_eq!(page.rejects.iter().map(|r| r.reason.as_str()).collect::<Vec<_>>(), ["missing_id"; 3]);
}

#[tokio::test]
async fn a_cursor_that_stands_still_is_moved_on() {
    let server = Server::with([
        followers(&["b"], 1_706_837_834, true),
        followers(&["c"], 1_706_837_834, true),
        answer(json!({"user_followers": [], "has_more": true})),
    ])
    .await;
    let source = source(&server, &task("followers", &["ada"]));
    let first = page(&source, None).await;
    let second = page(&source, Some(&state(&first))).await;
    assert!(second.ledger.fault.as_ref().is_some_and(|fault| fault.contains("stood still")));
    page(&source, Some(&state(&second))).await;
    assert_eq!(server.asked()[2].json()["cursor"], 1_706_837_833);
}

#[tokio::test]
async fn the_same_page_for_ever_has_an_end() {
    let server = Server::with((0..9).map(|_| followers(&["b"], 1_706_837_834, true))).await;
    let source = source(&server, &task("followers", &["ada"]));
    let (mut at, mut pages) = (None, 0);
    let last = loop {
        let page = page(&source, at.as_ref()).await;
        pages += 1;
        match &page.next {
            Next::Page { state, .. } => at = Some(state.clone()),
            Next::NextCycle { .. } | Next::CycleDone => break page,
        }
    };
    assert_eq!((pages, last.ledger.stop_reason), (7, StopReason::Fault));
    assert!(last.ledger.has_more && last.ledger.fault.is_some());
}

#[tokio::test]
async fn more_without_a_cursor_leads_nowhere() {
    let server = Server::with([answer(json!({"user_followers": [{"username": "b"}], "has_more": true}))]).await;
    let page = page(&source(&server, &task("followers", &["ada"])), None).await;
    assert_eq!((page.observations.len(), &page.next), (1, &Next::CycleDone));
    assert_eq!(page.ledger.stop_reason, StopReason::Fault);
    assert!(page.ledger.has_more && page.ledger.fault.is_some());
}

#[tokio::test]
async fn the_end_that_followers_are_known_for_is_said() {
    let full: Vec<String> = (0..100).map(|n| format!("u{n}")).collect();
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    let server = Server::with((0..40).map(|n| followers(&full, 1_706_837_834 - n, n < 39))).await;
    let source = source(&server, &task("followers", &["ada"]));
    let mut at = None;
    for _ in 0..39 {
        at = Some(state(&page(&source, at.as_ref()).await));
    }
    let last = page(&source, at.as_ref()).await;
    assert_eq!((&last.next, last.ledger.stop_reason), (&Next::CycleDone, StopReason::Limit));
    assert!(last.ledger.fault.is_some_and(|fault| fault.contains("4000")));
}

#[tokio::test]
async fn a_refused_cursor_starts_the_list_again() {
    let stale = || (400, refused("invalid_params", "Invalid count or cursor"));
    let server =
        Server::with([followers(&["b"], 9, true), stale(), stale(), stale(), followers(&["b"], 9, false)]).await;
    let source = source(&server, &task("followers", &["ada"]));
    let first = page(&source, None).await;
    let restart = page(&source, Some(&state(&first))).await;
    assert_eq!((restart.ledger.requests, restart.observations.len()), (3, 0));
    let again = page(&source, Some(&state(&restart))).await;
    assert_eq!(again.observations[0].event_id(), first.observations[0].event_id(), "so that duplicates are seen");
    assert_eq!(server.asked()[4].json().get("cursor"), None);
}

#[tokio::test]
async fn lists_of_accounts_have_a_quota_of_their_own() {
    let server = Server::with([followers(&["b"], 9, true), answer(json!({"pinned_videos_list": []}))]).await;
    let config = ResearchConfig { daily_quota: 1, daily_follow_quota: 1, ..config(&server) };
    let client = std::sync::Arc::new(crate::research::ResearchClient::new(config).expect("a client"));
    let of = |kind: &str| {
        let task = ResearchTask::from_value(&task(kind, &["ada"])).expect("a task");
        ResearchSource::with_client(std::sync::Arc::clone(&client), task).expect("a source")
    };
    let first = page(&of("followers"), None).await;
    let stopped = page(&of("followers"), Some(&state(&first))).await;
    assert_eq!((stopped.ledger.stop_reason, stopped.ledger.requests), (StopReason::Quota, 0));
    assert_eq!(page(&of("pinned"), None).await.ledger.requests, 1, "the common quota is not touched");
    assert_eq!(page(&of("pinned"), None).await.ledger.stop_reason, StopReason::Quota);
}

#[tokio::test]
async fn the_sources_quota_and_troubles_are_treated_as_everywhere() {
    let quota = (429, refused("daily_quota_limit_exceeded", "quota"));
    let server = Server::with([(500, refused("internal_error", "x")), followers(&["b"], 9, true), quota]).await;
    let source = source(&server, &task("followers", &["ada"]));
    let first = page(&source, None).await;
    assert_eq!((first.ledger.requests, first.observations.len()), (2, 1));
    let stopped = page(&source, Some(&state(&first))).await;
    let Next::Page { state: same, not_before: Some(at) } = &stopped.next else { panic!("{stopped:?}") };
    assert_eq!((same, at.to_string().as_str()), (&state(&first), "2024-03-11T00:00:00Z"));
    let fault = poll(&source, Some(&json!({"phase": 3}))).await.expect_err("a strange position");
    assert_eq!(fault.class, FaultClass::Request);
    server.script([(401, refused("scope_not_authorized", "no"))]);
    let tomorrow = crate::source::CycleContext { now: super::NOW.plus_secs(86_400), ..context() };
    let fault = source.poll(&tomorrow, None).await.expect_err("no scope");
    assert_eq!(fault.class, FaultClass::Auth);
}
