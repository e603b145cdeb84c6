//! Comments and accounts.

use super::server::Server;
use super::{page, refused, source, state};
use crate::source::{Next, StopReason};
use serde_json::{Value, json};
use tidelake_schemas::Observation;

fn comments(ids: &[i64], cursor: i64, has_more: bool) -> Value {
    let comments: Vec<_> =
        ids.iter().map(|id| json!({"id": id, "video_id": 7, "parent_comment_id": 7, "text": ""})).collect();
    json!({"data": {"comments": comments, "cursor": cursor, "has_more": has_more}, "error": {"code": "ok"}})
}

fn comments_of(ids: &[i64]) -> Value {
    json!({"kind": "comments", "video_ids": ids})
}

#[tokio::test]
async fn comments_are_read_video_by_video() {
    let server = Server::with([
        (200, comments(&[70], 100, true)),
        (200, comments(&[71], 200, false)),
        (200, comments(&[], 0, false)),
    ])
    .await;
    let source = source(&server, &comments_of(&[7, 8]));
    let first = page(&source, None).await;
    assert!(matches!(&first.observations[0], Observation::Comment(c) if c.parent_comment_id.is_none()));
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!(second.ledger.stop_reason, StopReason::Continue);
    let third = page(&source, Some(&state(&second))).await;
    assert_eq!((third.next, third.ledger.stop_reason), (Next::CycleDone, StopReason::Exhausted));
    let bodies: Vec<_> = server.asked().iter().map(super::server::Seen::json).collect();
    assert_eq!(bodies[0], json!({"video_id": 7, "max_count": 100, "cursor": 0}));
    assert_eq!(bodies[1], json!({"video_id": 7, "max_count": 100, "cursor": 100}));
    assert_eq!(bodies[2], json!({"video_id": 8, "max_count": 100, "cursor": 0}));
    assert_eq!(server.asked()[0].path, "/v2/research/video/comment/list/");
}

#[tokio::test]
async fn a_comment_that_names_no_video_belongs_to_the_one_asked_for() {
    let bare = json!({"comments": [{"id": 70, "parent_comment_id": 7}, {"id": 71, "parent_comment_id": 70}]});
    let server = Server::with([(200, json!({"data": bare, "error": {"code": "ok"}}))]).await;
    let page = page(&source(&server, &comments_of(&[7])), None).await;
    let parents: Vec<_> = page
        .observations
        .iter()
        .map(|o| match o {
            Observation::Comment(comment) => (comment.video_id, comment.parent_comment_id),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(parents, [(Some(7), None), (Some(7), Some(70))]);
}

#[tokio::test]
async fn comments_end_at_cursor_999() {
    let server = Server::with([(200, comments(&[70], 999, true)), (200, comments(&[71], 1000, true))]).await;
    let source = source(&server, &comments_of(&[7]));
    let first = page(&source, None).await;
    let last = page(&source, Some(&state(&first))).await;
    assert_eq!((last.next, last.ledger.stop_reason), (Next::CycleDone, StopReason::Limit));
    assert!(last.ledger.has_more && last.ledger.fault.is_some());
}

#[tokio::test]
async fn a_refused_video_does_not_stop_the_others() {
    let server =
        Server::with([(400, refused("invalid_params", "Video 7 is invalid")), (200, comments(&[80], 10, false))]).await;
    let source = source(&server, &comments_of(&[7, 8]));
    let first = page(&source, None).await;
    assert_eq!((first.rejects[0].reason.as_str(), first.rejects[0].entity.as_deref()), ("video_refused", Some("7")));
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!((second.observations.len(), second.next), (1, Next::CycleDone));
}

#[tokio::test]
async fn a_refused_cursor_starts_the_comments_again() {
    let stale = || (400, refused("invalid_params", "Invalid count or cursor"));
    let server = Server::with([(200, comments(&[70], 100, true)), stale(), stale(), stale()]).await;
    let source = source(&server, &comments_of(&[7]));
    let first = page(&source, None).await;
    let restart = page(&source, Some(&state(&first))).await;
    server.script([(200, comments(&[70], 100, false))]);
    assert_eq!(page(&source, Some(&state(&restart))).await.next, Next::CycleDone);
    assert_eq!(server.asked()[4].json()["cursor"], 0);
}

#[tokio::test]
async fn accounts_are_read_one_by_one_and_missing_ones_are_observed_too() {
    let server = Server::with([
        (200, json!({"data": {"display_name": "Ada", "follower_count": 3}, "error": {"code": "ok"}})),
        (400, refused("invalid_params", "username nobody is invalid: cannot find the user")),
        (400, refused("invalid_params", "API cannot return this user's information")),
        (400, refused("invalid_params", "some other reason")),
    ])
    .await;
    let source = source(&server, &json!({"kind": "user", "usernames": ["@ada", "nobody", "hidden", "odd"]}));
    let mut seen = Vec::new();
    let mut at = None;
    let last = loop {
        let page = page(&source, at.as_ref()).await;
        for observation in &page.observations {
            let Observation::Creator(user) = observation else { panic!("{observation:?}") };
            seen.push((user.handle.clone(), user.stats.followers, user.unavailable.clone()));
        }
        match &page.next {
            Next::Page { state, .. } => at = Some(state.clone()),
            Next::NextCycle { .. } | Next::CycleDone => break page,
        }
    };
    let expected = [("ada", Some(3), None), ("nobody", None, Some("not_found")), ("hidden", None, Some("restricted"))];
    assert_eq!(seen, expected.map(|(handle, n, why)| (handle.to_owned(), n, why.map(str::to_owned))));
    assert_eq!((last.rejects[0].reason.as_str(), last.ledger.stop_reason), ("user_refused", StopReason::Exhausted));
    assert_eq!(server.asked()[0].json(), json!({"username": "ada"}));
    assert!(server.asked()[0].query.contains("follower_count"));
}
