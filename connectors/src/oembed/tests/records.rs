//! Answers as observations.

use super::{FIRST, NOW, card};
use crate::oembed::records::{read, thumbnail};
use crate::reading::ReadContext;
use serde_json::{Value, json};
use tidelake_schemas::{CreatorStats, Observation, VideoStats};

fn context() -> ReadContext<'static> {
    ReadContext {
        task: "t",
        cycle: 0,
        fetched_at: NOW,
        observed_at: NOW,
        connector: "oembed",
        route: "oembed",
        zone: "oembed",
        origin: None,
    }
}

fn read_ok(answer: &Value) -> Observation {
    read(answer, &context()).expect("an observation")
}

#[test]
fn a_video_has_who_and_what_but_no_counts() {
    let Observation::Video(video) = read_ok(&card(FIRST)) else { panic!("no video") };
    assert_eq!((video.video_id, video.caption.as_deref()), (FIRST, Some("caption of 7198206283571285000 #tag")));
    assert_eq!(
        (video.author.handle.as_deref(), video.author.nickname.as_deref()),
        (Some("somebody"), Some("Some Body"))
    );
    assert_eq!((video.stats, video.kind.as_deref()), (VideoStats::default(), Some("video")));
    assert_eq!(video.created_at.map(|at| at.secs()), Some(FIRST >> 32));
    assert!(video.created_at_derived && !video.counts_rounded);
}

#[test]
fn older_answers_name_id_and_handle_elsewhere() {
    let html = format!("<blockquote cite=\"https://www.tiktok.com/@old/video/{FIRST}\"><section>");
    let answer = json!({"version": "1.0", "type": "video", "author_url": "https://www.tiktok.com/@old", "html": html});
    let Observation::Video(video) = read_ok(&answer) else { panic!("no video") };
    assert_eq!((video.video_id, video.author.handle.as_deref(), video.caption), (FIRST, Some("old"), None));
}

#[test]
fn a_profile_is_a_creator_without_counts() {
    let named = json!({"type": "rich", "embed_type": "profile", "embed_product_id": "nasa", "author_name": "NASA", "html": "<b>"});
    let older =
        json!({"type": "rich", "author_url": "https://www.tiktok.com/@nasa", "author_name": "NASA", "html": "<b>"});
    for answer in [named, older] {
        let Observation::Creator(creator) = read_ok(&answer) else { panic!("no creator") };
        assert_eq!((creator.handle.as_str(), creator.nickname.as_deref()), ("nasa", Some("NASA")));
        assert_eq!((creator.stats, creator.creator_id), (CreatorStats::default(), None));
    }
}

#[test]
fn the_address_of_a_picture_ends_some_day() {
    let url = "https://p77.example/obj/1~tplv.jpeg?x-expires=1718204400&x-signature=a%3D";
    let found =
        thumbnail(&json!({"thumbnail_url": url, "thumbnail_width": 480, "thumbnail_height": 848})).expect("one");
    assert_eq!((found.url.as_str(), found.width, found.height), (url, Some(480), Some(848)));
    assert_eq!(found.expires_at.map(|at| at.to_string()).as_deref(), Some("2024-06-12T15:00:00Z"));
    let bare = thumbnail(&json!({"thumbnail_url": "https://p77.example/1.jpeg", "thumbnail_width": 0})).expect("one");
    assert_eq!((bare.width, bare.expires_at), (None, None));
    assert_eq!(thumbnail(&json!({"thumbnail_url": ""})), None);
}

#[test]
fn what_names_nothing_is_refused_with_its_bytes() {
    for (answer, reason) in [
        (json!({"type": "video", "html": "<b>"}), "missing_id"),
        (json!({"type": "video", "html": "<b data-video-id=\"99999999999999999999\">"}), "id_out_of_range"),
        (json!({"embed_type": "profile"}), "missing_id"),
    ] {
        let reject = read(&answer, &context()).expect_err("refused");
        assert_eq!((reject.reason.as_str(), reject.payload), (reason, answer.to_string().into_bytes()));
    }
}
