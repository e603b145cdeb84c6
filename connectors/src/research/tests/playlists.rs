//! The videos of playlists.

use super::server::Server;
use super::{page, poll, refused, source, state};
use crate::source::{Next, StopReason};
use serde_json::{Value, json};
use tidelake_schemas::Observation;

fn playlist(ids: &[i64], cursor: i64, has_more: bool) -> Value {
    let data = json!({
        "playlist_item_total": 3, "playlist_last_updated": 12_345_678, "playlist_name": "example name",
        "playlist_video_ids": ids, "cursor": cursor, "has_more": has_more, "playlist_id": 9,
    });
    json!({"data": data, "error": {"code": "ok", "message": "ok", "log_id": "l"}})
}

fn task(ids: &[i64]) -> Value {
    json!({"kind": "playlist", "playlist_ids": ids})
}

fn ids(page: &crate::source::Page) -> Vec<i64> {
    let id = |o: &Observation| match o {
        Observation::Video(video) => video.video_id,
        other => panic!("{other:?}"),
    };
    page.observations.iter().map(id).collect()
}

#[tokio::test]
async fn a_playlist_is_read_to_its_end() {
    let server = Server::with([(200, playlist(&[7, 8], 100, true)), (200, playlist(&[10], 200, false))]).await;
    let source = source(&server, &task(&[9]));
    let first = page(&source, None).await;
    let Observation::Video(video) = &first.observations[0] else { panic!("a video") };
    assert_eq!((video.video_id, video.playlist_id, &video.caption), (7, Some(9), &None));
    assert_eq!(video.provenance.route, "playlist/info");
    let asked = "playlist 9 from 0 \"example name\", 3 items, updated at 12345678";
    assert_eq!(first.ledger.asked, asked);
    let last = page(&source, Some(&state(&first))).await;
    assert_eq!((ids(&last), &last.next, last.ledger.stop_reason), (vec![10], &Next::CycleDone, StopReason::Exhausted));
    let seen = server.asked();
    assert_eq!((seen[0].path.as_str(), seen[0].query.as_str()), ("/v2/research/playlist/info/", ""));
    assert_eq!(seen[0].json(), json!({"playlist_id": 9, "max_count": 100, "cursor": 0}));
    assert_eq!(seen[1].json()["cursor"], 100);
}

#[tokio::test]
async fn an_answer_with_http_500_is_an_answer() {
    let broken = json!({"data": {}, "error": {"code": "internal_error", "message": "x"}});
    let server = Server::with([(500, playlist(&[7], 1, false)), (500, broken), (200, playlist(&[8], 1, false))]).await;
    let source = source(&server, &task(&[9, 10]));
    let first = page(&source, None).await;
    assert_eq!((ids(&first), first.ledger.requests), (vec![7], 1));
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!((ids(&second), second.ledger.requests), (vec![8], 2), "without ids it is trouble of the server");
}

#[tokio::test]
async fn an_ignored_cursor_does_not_go_round_for_ever() {
    let same = || (200, playlist(&[7, 8], 100, true));
    let server = Server::with([same(), same(), (200, playlist(&[7, 8], 100, false))]).await;
    let source = source(&server, &task(&[9, 10]));
    let first = page(&source, None).await;
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!(second.observations.len(), 0);
    assert!(second.ledger.fault.as_ref().is_some_and(|fault| fault.contains("ignores the cursor")));
    let other = page(&source, Some(&state(&second))).await;
    assert_eq!((ids(&other), &other.next), (vec![7, 8], &Next::CycleDone), "another playlist may hold the same");
    assert_ne!(other.observations[0].event_id(), first.observations[0].event_id());
}

#[tokio::test]
async fn a_refused_playlist_does_not_stop_the_others() {
    let server =
        Server::with([(400, refused("invalid_params", "Invalid playlist_id")), (200, playlist(&[7], 1, false))]).await;
    let source = source(&server, &task(&[9, 10]));
    let first = page(&source, None).await;
    assert_eq!((first.rejects[0].reason.as_str(), first.rejects[0].entity.as_deref()), ("playlist_refused", Some("9")));
    assert_eq!(ids(&page(&source, Some(&state(&first))).await), [7]);
}

#[tokio::test]
async fn limits_bad_ids_and_strange_answers() {
    let server = Server::start().await;
    server.script_bytes(
        200,
        br#"{"data":{"playlist_video_ids":[73207681965695992750,"x",7,8,9],"has_more":true},"error":{"code":"ok"}}"#
            .to_vec(),
    );
    server.script([(200, json!({"data": {"playlist_video_ids": 7}, "error": {"code": "ok"}}))]);
    let mut task = task(&[9]);
    task["limit"] = json!(4);
    let source = source(&server, &task);
    let page = page(&source, None).await;
    assert_eq!((ids(&page), page.rejects.len(), page.ledger.stop_reason), (vec![7, 8], 2, StopReason::Limit));
    assert_eq!(page.rejects[0].payload, b"73207681965695992750");
    assert!(poll(&source, None).await.is_err());
}

#[tokio::test]
async fn a_refused_cursor_starts_the_playlist_again() {
    let stale = || (400, refused("invalid_params", "Invalid count or cursor"));
    let server = Server::with([(200, playlist(&[7], 100, true)), stale(), stale(), stale()]).await;
    let source = source(&server, &task(&[9]));
    let first = page(&source, None).await;
    let restart = page(&source, Some(&state(&first))).await;
    assert_eq!(restart.ledger.requests, 3);
    server.script([(200, playlist(&[7], 100, false))]);
    assert_eq!(
        ids(&page(&source, Some(&state(&restart))).await),
        [7],
        "the same page after a restart is no repetition"
    );
}
