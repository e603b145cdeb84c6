//! What a task may hold.

use super::super::task::{Entries, PageTask, TaskError};
use serde_json::{Value, json};
use url::Url;

fn entries(task: Value) -> Result<Entries, TaskError> {
    Entries::read(&serde_json::from_value::<PageTask>(task).expect("a task"))
}

/// The path that is asked for, or why none is.
fn paths(task: Value) -> Vec<Result<String, String>> {
    let base = Url::parse("http://127.0.0.1:8/").expect("an address");
    let all = entries(task).expect("entries").0.into_iter();
    all.map(|entry| Ok(entry.target?.address(&base).path().to_owned())).collect()
}

#[test]
fn every_spelling_leads_to_the_page() {
    let id = "7300000000000000001";
    let links = [
        id.to_owned(),
        format!("https://www.tiktok.com/@some.body/photo/{id}?lang=en"),
        format!("https://m.tiktok.com/v/{id}.html"),
    ];
    let found: Vec<String> =
        paths(json!({"kind": "videos", "links": links})).into_iter().map(|p| p.expect("one")).collect();
    assert_eq!(found, [format!("/@/video/{id}"), format!("/@some.body/video/{id}"), format!("/@/video/{id}")]);
    let found = paths(json!({"kind": "user", "handles": ["@a.b", "a_b", "https://www.tiktok.com/@c?x=1"]}));
    assert_eq!(found, [Ok("/@a.b".into()), Ok("/@a_b".into()), Ok("/@c".into())]);
    let found = paths(json!({"kind": "tag", "tags": ["#fyp", "fypシ"]}));
    assert_eq!(found, [Ok("/tag/fyp".into()), Ok("/tag/fyp%E3%82%B7".into())]);
    let found = paths(json!({"kind": "sound", "ids": [id, format!("https://www.tiktok.com/music/a-song-{id}")]}));
    assert_eq!(found, [Ok(format!("/music/sound-{id}")), Ok(format!("/music/a-song-{id}"))]);
}

#[test]
fn what_has_no_page_is_told() {
    for (task, part) in [
        (json!({"kind": "videos", "links": ["https://vm.tiktok.com/ZM1abc/"]}), "short link"),
        (json!({"kind": "videos", "links": ["https://www.tiktok.com/@a"]}), "a user link where a video is wanted"),
        (json!({"kind": "user", "handles": ["not a handle"]}), ""),
        (json!({"kind": "sound", "ids": ["-3"]}), ""),
        (json!({"kind": "tag", "tags": ["two words"]}), ""),
    ] {
        let why = paths(task.clone()).remove(0).expect_err("no page");
        assert!(why.contains(part) && !why.is_empty(), "{task}: {why}");
    }
    assert_eq!(entries(json!({"kind": "user", "handles": []})).expect_err("empty"), TaskError::Empty("handles"));
    let twice = entries(json!({"kind": "user", "handles": ["Some.Body", "@some.body"]})).expect("entries");
    assert_eq!(twice.0.iter().map(|entry| entry.repeated).collect::<Vec<_>>(), [false, true]);
}
