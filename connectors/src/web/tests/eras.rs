//! Pages of every era, and pages that are about something else.

use super::{fault, page, source, videos};
use crate::source::StopReason;
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::Html;
use serde_json::{Value, json};
use tidelake_schemas::Observation;

const ID: i64 = 7_300_000_000_000_000_001;

/// Serves this page under every path but robots.txt; gives its address.
async fn serve(page: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = move |uri: Uri| async move {
        if uri.path() == "/robots.txt" {
            (StatusCode::NOT_FOUND, Html(String::new()))
        } else {
            (StatusCode::OK, Html(page))
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    format!("http://{address}")
}

fn html(id: &str, state: &Value) -> String {
    format!("<!DOCTYPE html><html><body><script id=\"{id}\" type=\"application/json\">{state}</script></body></html>")
}

fn item() -> Value {
    json!({
        "id": ID.to_string(), "desc": "a caption", "createTime": "1700000000",
        "author": {"id": "42", "uniqueId": "somebody"}, "stats": {"playCount": 7}, "video": {"duration": 9},
    })
}

#[tokio::test]
async fn videos_of_every_era_are_read() {
    let sigi = {
        let mut item = item();
        item["author"] = json!("somebody");
        json!({"ItemModule": {ID.to_string(): item}, "UserModule": {"users": {"somebody": {"id": "42", "uniqueId": "somebody"}}}})
    };
    let scope =
        json!({"__DEFAULT_SCOPE__": {"webapp.video-detail": {"itemInfo": {"itemStruct": item()}, "statusCode": 0}}});
    let next = json!({"props": {"pageProps": {"itemInfo": {"itemStruct": item()}, "statusCode": 0}}});
    let embed = json!({"source": {"data": {format!("/embed/v2/{ID}"): {"videoData": item()}}}});
    for (id, state) in [
        ("__UNIVERSAL_DATA_FOR_REHYDRATION__", scope),
        ("SIGI_STATE", sigi),
        ("__NEXT_DATA__", next),
        ("__FRONTITY_CONNECT_STATE__", embed),
    ] {
        let base = serve(html(id, &state)).await;
        let found = page(&source(&base, json!({"kind": "videos", "links": [ID.to_string()]})), None).await;
        let [video] = videos(&found)[..] else { panic!("{id}: {found:?}") };
        assert_eq!((video.video_id, video.stats.views, video.author.id), (ID, Some(7), Some(42)), "{id}");
        assert_eq!(video.provenance.connector, "web");
    }
}

#[tokio::test]
async fn the_page_of_another_video_is_no_answer_and_twice_the_same_is_a_block() {
    let scope =
        json!({"__DEFAULT_SCOPE__": {"webapp.video-detail": {"itemInfo": {"itemStruct": item()}, "statusCode": 0}}});
    let base = serve(html("__UNIVERSAL_DATA_FOR_REHYDRATION__", &scope)).await;
    let other = (ID + 1).to_string();
    let found = page(&source(&base, json!({"kind": "videos", "links": [other]})), None).await;
    assert_eq!((found.observations.len(), found.rejects.len()), (0, 1), "{found:?}");
    assert_eq!(found.rejects[0].reason, "other_page");

    let links = [ID.to_string(), other];
    let found = page(&source(&base, json!({"kind": "videos", "links": links})), None).await;
    assert_eq!((videos(&found).len(), found.ledger.stop_reason), (1, StopReason::Blocked));
    assert!(fault(&found).contains("same page again"), "{}", fault(&found));
}

#[tokio::test]
async fn a_page_without_a_state_has_changed() {
    let base = serve("<!DOCTYPE html><html><body>A new site</body></html>".into()).await;
    let task = json!({"kind": "user", "handles": ["somebody"]});
    let failed = super::poll(&source(&base, task), None).await.expect_err("a fault");
    assert_eq!(failed.class, crate::source::FaultClass::Format, "{failed}");
}

#[tokio::test]
async fn profiles_of_older_eras_are_read() {
    let user = json!({"id": "42", "uniqueId": "somebody", "nickname": "Some Body"});
    let stats = json!({"followerCount": 5, "videoCount": 2});
    let sigi = json!({"UserModule": {"users": {"somebody": user}, "stats": {"somebody": stats}}});
    let next = json!({"props": {"pageProps": {"userInfo": {"user": user, "stats": stats}}}});
    for (id, state) in [("SIGI_STATE", sigi), ("__NEXT_DATA__", next)] {
        let base = serve(html(id, &state)).await;
        let found = page(&source(&base, json!({"kind": "user", "handles": ["Somebody"]})), None).await;
        let Some(Observation::Creator(creator)) = found.observations.first() else { panic!("{id}: {found:?}") };
        assert_eq!((creator.creator_id, creator.stats.followers), (Some(42), Some(5)), "{id}");
    }
}
