//! Paging, windows and limits.

use super::server::Server;
use super::{found, page, poll, source, state, videos_task};
use crate::research::{BASE_URL, ResearchConfig, ResearchSource, ResearchTask};
use crate::source::{FaultClass, Next, Source, StopReason};
use serde_json::json;
use tidelake_schemas::{EntityKind, ids};

#[tokio::test]
async fn the_cursor_comes_from_the_answer_and_an_empty_page_ends_nothing() {
    let server =
        Server::with([(200, found(&[7, 8], 100, true)), (200, found(&[], 200, true)), (200, found(&[9], 300, false))])
            .await;
    let source = source(&server, &videos_task("20240101", "20240102"));
    let first = page(&source, None).await;
    assert_eq!(first.observations.len(), 2);
    assert_eq!(first.observations[0].event_id(), ids::event_id("cats", 0, EntityKind::Video, "7"));
    assert_eq!((first.ledger.stop_reason, first.ledger.has_more), (StopReason::Continue, true));
    let empty = page(&source, Some(&state(&first))).await;
    assert!(empty.observations.is_empty());
    let last = page(&source, Some(&state(&empty))).await;
    assert_eq!((last.next, last.ledger.stop_reason), (Next::CycleDone, StopReason::Exhausted));

    let bodies: Vec<_> = server.asked().iter().map(super::server::Seen::json).collect();
    assert_eq!(bodies[0]["cursor"], 0);
    assert_eq!(bodies[0].get("search_id"), None);
    assert_eq!((&bodies[1]["cursor"], &bodies[1]["search_id"]), (&json!(100), &json!("s1")));
    assert_eq!((&bodies[2]["cursor"], &bodies[2]["search_id"]), (&json!(200), &json!("s1")));
}

#[tokio::test]
async fn a_request_has_the_documented_form() {
    let server = Server::with([(200, found(&[], 0, false))]).await;
    let page = page(&source(&server, &videos_task("20240101", "20240102")), None).await;
    let asked = &server.asked()[0];
    assert_eq!(asked.path, "/v2/research/video/query/");
    assert!(asked.query.starts_with("fields=id%2Cvideo_description"), "{}", asked.query);
    assert_eq!(asked.header("authorization"), "Bearer clt.1");
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.header("user-agent"), concat!("tidelake/", env!("CARGO_PKG_VERSION")));
    let body = asked.json();
    assert_eq!((&body["start_date"], &body["end_date"]), (&json!("20240101"), &json!("20240102")));
    assert_eq!(body["max_count"], 100);
    assert_eq!(body["query"]["and"][0]["field_values"], json!(["cats"]));
    assert_eq!(page.ledger.window_start.map(|t| t.to_string()).as_deref(), Some("2024-01-01T00:00:00Z"));
    assert_eq!(page.ledger.window_end.map(|t| t.to_string()).as_deref(), Some("2024-01-03T00:00:00Z"));
    assert_eq!((page.ledger.route.as_str(), page.ledger.requests), ("video/query", 1));
    assert!(page.ledger.asked.contains("cats"));
}

#[tokio::test]
async fn a_long_range_goes_window_by_window() {
    let server = Server::with([(200, found(&[7], 100, false)), (200, found(&[8], 100, false))]).await;
    let source = source(&server, &videos_task("20240101", "20240205"));
    let first = page(&source, None).await;
    assert_eq!(first.ledger.stop_reason, StopReason::Continue);
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!(second.next, Next::CycleDone);
    let body = server.asked()[1].json();
    assert_eq!((&body["start_date"], &body["end_date"]), (&json!("20240201"), &json!("20240205")));
    assert_eq!((&body["cursor"], body.get("search_id")), (&json!(0), None));
}

#[tokio::test]
async fn a_limit_ends_the_cycle() {
    let server = Server::with([(200, found(&[7, 8], 2, true)), (200, found(&[9, 10], 4, true))]).await;
    let mut task = videos_task("20240101", "20240102");
    task["limit"] = json!(3);
    task["max_count"] = json!(2);
    let source = source(&server, &task);
    let first = page(&source, None).await;
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!((second.observations.len(), second.ledger.stop_reason), (1, StopReason::Limit));
    assert_eq!(second.next, Next::CycleDone);
}

#[tokio::test]
async fn a_query_without_hits_may_say_nothing_at_all() {
    let server = Server::with([(200, json!({"data": {"has_more": false}, "error": {"code": "ok"}}))]).await;
    let page = page(&source(&server, &videos_task("20240101", "20240102")), None).await;
    assert_eq!((page.observations.len(), page.next), (0, Next::CycleDone));
}

#[tokio::test]
async fn unreadable_records_are_refused_one_by_one() {
    let server = Server::start().await;
    let body =
        br#"{"data":{"videos":[{"id":73207681965695992750,"username":"a"},{"id":7,"video_description":"cut \ud83d"},
        {"id":18446744073709551615},{"username":"b"},"x"],"cursor":100,"has_more":false},"error":{"code":"ok"}}"#;
    server.script_bytes(200, body.to_vec());
    let page = page(&source(&server, &videos_task("20240101", "20240102")), None).await;
    assert_eq!(page.observations.len(), 1);
    let reasons: Vec<_> = page.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    assert_eq!(reasons, ["id_out_of_range", "id_out_of_range", "missing_id", "not_an_object"]);
    assert_eq!(page.rejects[0].payload, br#"{"id":73207681965695992750,"username":"a"}"#);
}

#[tokio::test]
async fn days_to_come_and_strange_positions() {
    let server = Server::start().await;
    let future = page(&source(&server, &videos_task("20990101", "20990102")), None).await;
    assert_eq!((future.next, future.ledger.stop_reason), (Next::CycleDone, StopReason::Exhausted));
    let source = source(&server, &videos_task("20240101", "20240102"));
    let fault = poll(&source, Some(&json!({"index": 3}))).await.expect_err("a strange position");
    assert_eq!(fault.class, FaultClass::Request);
    assert!(server.asked().is_empty());
}

#[test]
fn a_source_says_what_it_can_do() {
    let task = ResearchTask::from_value(&videos_task("20240101", "20240102")).expect("a task");
    let source = ResearchSource::new(ResearchConfig::new("k", "s".into()), task).expect("a source");
    let can = source.capabilities();
    assert_eq!((can.connector, can.zone, can.routes), ("research-api", "research", &["video/query"][..]));
    assert!(format!("{source:?}").contains(BASE_URL));
    let wrong = json!({"kind": "videos", "query": {}, "start": "20240101"});
    let wrong: ResearchTask = serde_json::from_value(wrong).expect("well-formed");
    assert!(ResearchSource::new(ResearchConfig::new("k", "s".into()), wrong).is_err());
}
