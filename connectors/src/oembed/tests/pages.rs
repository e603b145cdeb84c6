//! Which links are asked for, how, and how they are divided into pages.

use super::server::Server;
use super::{FIRST, NOW, card, creators, fault, links, page, poll, source, state, videos};
use crate::oembed::{OembedConfig, OembedSource, OembedTask, SetupError, TaskError};
use crate::source::{FaultClass, Next, StopReason};
use serde_json::{Value, json};
use tidelake_schemas::{EntityKind, ids};

#[tokio::test]
async fn twenty_links_are_a_page() {
    let server = Server::with((0..45).map(|n| (200, card(FIRST + n)))).await;
    let source = source(&server.url, &links(45));
    let (mut at, mut sizes, mut ids) = (None, Vec::new(), Vec::new());
    loop {
        let page = page(&source, at.as_ref()).await;
        sizes.push(page.observations.len());
        ids.extend(videos(&page).iter().map(|video| video.video_id));
        assert_eq!(page.ledger.requested, i64::try_from(page.observations.len()).ok());
        assert_eq!(page.ledger.fault, None);
        if page.next == Next::CycleDone {
            assert_eq!(page.ledger.stop_reason, StopReason::Exhausted);
            assert!(page.ledger.asked.starts_with("links 41-45 of 45: video:"), "{}", page.ledger.asked);
            break;
        }
        assert!(page.ledger.has_more);
        at = Some(state(&page).0);
    }
    assert_eq!((sizes, ids), (vec![20, 20, 5], (FIRST..FIRST + 45).collect()));
}

#[tokio::test]
async fn every_form_is_asked_for_at_the_host_that_answers() {
    let server = Server::with((0..3).map(|n| (200, card(FIRST + n)))).await;
    let profile = json!({"type": "rich", "embed_type": "profile", "embed_product_id": "nasa", "html": "<b>"});
    server.then(200, profile.to_string().as_bytes(), None);
    let links = [
        format!("https://www.tiktokv.com/share/video/{FIRST}/"),
        format!("https://www.tiktok.com/@somebody/photo/{}?lang=en", FIRST + 1),
        format!("look: https://m.tiktok.com/v/{}.html", FIRST + 2),
        "https://www.tiktok.com/embed/@nasa".to_owned(),
    ];
    let page = page(&source(&server.url, &links), None).await;
    assert_eq!((videos(&page).len(), creators(&page).len(), fault(&page)), (3, 1, ""));
    let asked: Vec<_> = server.asked().into_iter().filter_map(|seen| seen.url).collect();
    assert_eq!(
        asked,
        [
            format!("https://www.tiktok.com/@/video/{FIRST}"),
            format!("https://www.tiktok.com/@somebody/video/{}", FIRST + 1),
            format!("https://www.tiktok.com/@/video/{}", FIRST + 2),
            "https://www.tiktok.com/@nasa".to_owned(),
        ]
    );
    for seen in server.asked() {
        assert_eq!(seen.path, "/oembed");
        assert!(seen.headers["user-agent"].to_str().expect("text").starts_with("tidelake/"));
        assert!(seen.headers.get("cookie").is_none());
    }
}

#[tokio::test]
async fn records_say_where_they_came_from_and_repeat_their_ids() {
    let server = Server::with([(200, card(FIRST)), (200, card(FIRST))]).await;
    let source = source(&server.url, &links(1));
    let (one, two) = (page(&source, None).await, page(&source, None).await);
    let video = videos(&one)[0];
    assert_eq!(video.event_id, ids::event_id("links", 2, EntityKind::Video, &FIRST.to_string()));
    assert_eq!(video.event_id, videos(&two)[0].event_id);
    let provenance = &video.provenance;
    assert_eq!((provenance.connector.as_str(), provenance.zone.as_str()), ("oembed", "oembed"));
    assert_eq!((provenance.task.as_str(), provenance.cycle), ("links", 2));
    assert_eq!(provenance.origin, Some(format!("https://www.tiktok.com/@somebody/video/{FIRST}")));
    assert!(video.observed_at >= NOW && video.observed_at < NOW.plus_secs(60));
}

#[tokio::test]
async fn links_that_cannot_be_asked_for_stop_no_other() {
    let server = Server::with([(200, card(FIRST))]).await;
    let links = [
        "nonsense".to_owned(),
        format!("https://www.tiktok.com.evil.example/@a/video/{FIRST}"),
        "https://youtu.be/x".to_owned(),
        "https://www.tiktok.com/tag/cats".to_owned(),
        format!("https://www.tiktok.com/@a/video/{FIRST}"),
        format!("{FIRST}"),
    ];
    let page = page(&source(&server.url, &links), None).await;
    assert_eq!((videos(&page).len(), page.ledger.requests, page.ledger.requested), (1, 1, Some(6)));
    let told = fault(&page);
    for part in
        ["5 of 6", "not_a_link (\"nonsense\" is no link)", "resembles", "YouTube", "tag:cats unsupported", "repeated"]
    {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
}

#[tokio::test]
async fn short_links_are_resolved_first() {
    let server = Server::with([]).await;
    server.then(301, b"", Some(("location", "https://www.tiktok.com/@somebody/video/7198206283571285000?_r=1")));
    server.then(200, card(FIRST).to_string().as_bytes(), None);
    server.then(302, b"", Some(("location", "https://www.tiktok.com/?_r=1")));
    server.then(301, b"", Some(("location", "https://www.tiktok.com/@nasa/live")));
    server.then(301, b"", Some(("location", "https://www.tiktok.com/@x/video/7198206283571285001")));
    server.then(200, card(FIRST + 1).to_string().as_bytes(), None);
    let named = format!("https://www.tiktok.com/@x/video/{}", FIRST + 1);
    let links =
        ["https://vm.tiktok.com/ZM1/", "https://vm.tiktok.com/ZM2/", "tiktok.com/t/ZT3", "vt.tiktok.com/ZS4", &named];
    let page = page(&source(&server.url, &links), None).await;
    assert_eq!((videos(&page).len(), page.ledger.requests), (2, 6));
    let paths: Vec<_> = server.asked().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/vm/ZM1/", "/oembed", "/vm/ZM2/", "/t/ZT3/", "/vt/ZS4/", "/oembed"]);
    let told = fault(&page);
    assert!(told.contains("short:vm:ZM2 expired (it leads to the home page)"), "{told}");
    assert!(told.contains("short:t:ZT3 unsupported (a live link"), "{told}");
    assert!(told.contains("short:vt:ZS4 repeated"), "{told}");
}

#[tokio::test]
async fn trouble_with_a_short_link_stops_the_page_there() {
    let server = Server::with([]).await;
    server.then(429, b"", Some(("retry-after", "60")));
    let limited = poll(&source(&server.url, &["https://vm.tiktok.com/ZM1/"]), None).await.expect_err("a fault");
    assert_eq!((limited.class, limited.requests), (FaultClass::Limited, 1));
    assert!(limited.retry_at.is_some_and(|at| at >= NOW.plus_secs(60)));
}

#[tokio::test]
async fn tasks_and_positions_are_checked() {
    let read = |spec: Value| serde_json::from_value::<OembedTask>(spec).map_err(|e| e.to_string());
    let empty = read(json!({"kind": "links", "links": []})).expect("a task");
    let error = OembedSource::new(OembedConfig::default(), &empty).expect_err("refused");
    assert!(matches!(error, SetupError::Task(TaskError::NoLinks)));
    assert!(read(json!({"kind": "links", "links": ["x"], "limit": 1})).is_err_and(|e| e.contains("limit")));
    assert!(read(json!({"kind": "videos"})).is_err());
    assert!(serde_json::from_value::<OembedConfig>(json!({"pause": "5 parsecs"})).is_err());
    let fault = poll(&source("http://127.0.0.1:1", &links(1)), Some(&json!({"from": "x"}))).await.expect_err("a fault");
    assert_eq!(fault.class, FaultClass::Request);
    let past = page(&source("http://127.0.0.1:1", &links(1)), Some(&json!({"from": 7}))).await;
    assert_eq!((past.next, past.ledger.requests), (Next::CycleDone, 0));
}
