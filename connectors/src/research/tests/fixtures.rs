//! Recorded answers, where this machine has them. They are not part of the project.

use super::server::Server;
use super::{page, source, state, videos_task};
use crate::source::Next;
use serde_json::json;
use std::path::Path;
use tidelake_schemas::Observation;

/// The recorded answer of this name; `None` (and a word about it) where there is none.
fn recorded(name: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/tiktok/b-research-api");
    read(&folder.join(name))
}

#[allow(clippy::print_stderr, reason = "a skipped test has to say so")]
fn read(path: &Path) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path);
    if let Err(error) = &bytes {
        eprintln!("skipped: {} cannot be read: {error}", path.display());
    }
    bytes.ok()
}

#[tokio::test]
async fn recorded_videos() {
    let (Some(one), Some(two)) = (recorded("video_query_page_1_of_2.json"), recorded("video_query_page_2_of_2.json"))
    else {
        return;
    };
    let server = Server::start().await;
    server.script_bytes(200, one);
    server.script_bytes(200, two);
    let source = source(&server, &videos_task("20240101", "20240131"));
    let first = page(&source, None).await;
    assert_eq!((first.observations.len(), first.rejects.len()), (27, 0));
    let Observation::Video(video) = &first.observations[0] else { panic!("a video") };
    assert_eq!((video.video_id, video.stats.likes, video.stats.saves), (7_320_768_196_569_599_275, Some(6), None));
    let second = page(&source, Some(&state(&first))).await;
    assert_eq!(second.next, Next::CycleDone);
    assert_eq!((second.observations.len(), second.rejects.len()), (26, 1));
    assert_eq!(second.rejects[0].reason, "id_out_of_range");
    assert!(second.rejects[0].payload.windows(20).any(|bytes| bytes == b"73207681965695992750"));
    assert_eq!(server.asked()[1].json()["cursor"], 100);
}

#[tokio::test]
async fn recorded_comments() {
    let Some(answer) = recorded("comment_list.json") else { return };
    let server = Server::start().await;
    server.script_bytes(200, answer);
    let task = json!({"kind": "comments", "video_ids": ["7385291383449439519"]});
    let page = page(&source(&server, &task), None).await;
    assert_eq!((page.observations.len(), page.rejects.len()), (6, 0));
    for observation in &page.observations {
        let Observation::Comment(comment) = observation else { panic!("a comment") };
        assert_eq!((comment.parent_comment_id, comment.replies, comment.likes), (None, None, Some(0)));
    }
}
