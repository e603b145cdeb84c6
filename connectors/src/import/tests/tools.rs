//! Files of tools: captures, yt-dlp, oEmbed, Research answers, exports.

use super::{by_kind, comments, context, creators, read_bytes, read_fixture, read_value, videos};
use crate::import::{Shape, read_file};
use serde_json::json;
use std::path::Path;
use tidelake_schemas::Timestamp;

#[test]
fn captures_are_dated_by_line() {
    let imported = read_fixture("zeeschuimer.ndjson");
    assert_eq!((imported.shape, by_kind(&imported)), (Shape::Zeeschuimer, "3 video, 1 creator".to_owned()));
    let found = videos(&imported);
    assert_eq!(found[0].observed_at, Timestamp(1_700_000_000_000_000));
    assert_eq!(found[1].video_id, found[0].video_id, "seen again an hour later: another observation");
    assert_ne!(found[1].event_id, found[0].event_id);
    assert_eq!(
        (found[2].author.handle.as_deref(), found[2].author.nickname.as_deref()),
        (Some("page.example"), Some("Page"))
    );
    assert_eq!(found[0].provenance.zone, "import");
    let reasons: Vec<&str> = imported.rejects.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(reasons, ["not_json"]);
    let notes = imported.notes.join("; ");
    assert!(notes.contains("1 repeated") && notes.contains("records of instagram.com skipped"), "{notes}");
}

#[test]
fn rows_of_4cat() {
    let flat = r#"{"id":"7198206283571285294","thread_id":"7198206283571285294","author":"odd.example","author_full":"Odd","author_followers":12,"body":"x #bones","timestamp":"2023-02-09 17:17:08","unix_timestamp":1675963028,"is_ad":"no","music_id":"5","likes":1,"comments":"2","shares":3,"plays":4,"hashtags":"bones,bones,whale","tiktok_url":"https://www.tiktok.com/@odd.example/video/7198206283571285294"}"#;
    let meta = r#"{"id":"7198206283571285295","desc":"y","createTime":1675963028,"stats":{"playCount":4},"__import_meta":{"timestamp_collected":1700000000000}}"#;
    let imported = read_bytes("4cat.ndjson", format!("{flat}\n{meta}\n").as_bytes());
    assert_eq!((imported.shape, by_kind(&imported)), (Shape::FourCat, "2 video, 1 creator".to_owned()));
    let found = videos(&imported);
    assert_eq!((found[0].stats.views, found[0].stats.comments, found[0].is_ad), (Some(4), Some(2), Some(false)));
    assert_eq!(found[0].source_hashtags.as_ref().map(Vec::len), Some(2));
    assert_eq!(found[0].created_at, Timestamp::from_secs(1_675_963_028));
    assert_eq!(found[1].observed_at, Timestamp(1_700_000_000_000_000));
}

#[test]
fn info_json_of_yt_dlp() {
    let imported = read_fixture("video.info.json");
    let video = videos(&imported)[0];
    assert_eq!((imported.shape, video.video_id), (Shape::InfoJson, 7_682_095_989_578_091_790));
    assert_eq!(video.observed_at, Timestamp(1_788_700_000_000_000));
    assert_eq!(video.caption.as_deref(), Some("The whole caption, which is longer than its title #space"));
    assert_eq!((video.stats.shares, video.stats.saves, video.stats.likes), (Some(1_014), Some(33), None));
    assert_eq!(
        (video.author.handle.as_deref(), video.author.nickname.as_deref()),
        (Some("space.example"), Some("Space"))
    );
    assert_eq!((video.author.id, video.sound.author.as_deref()), (Some(7_664_638_705_177_150_477), Some("A, B")));
    assert!(video.author.sec_uid.is_some() && !video.created_at_derived);
    let said = serde_json::to_string(video).expect("JSON");
    assert!(!said.contains("tt_chain_token"), "cookies go no further");
}

#[test]
fn playlists_are_no_videos_but_their_entries_are() {
    let entry =
        json!({"id": "7198206283571285294", "extractor_key": "TikTok", "title": "TikTok video #7198206283571285294"});
    let playlist = json!({"_type": "playlist", "id": "odd", "extractor_key": "TikTokUser", "entries": [entry, null]});
    let imported = read_value(&playlist);
    assert_eq!(by_kind(&imported), "1 video");
    assert_eq!((videos(&imported)[0].caption.as_deref(), videos(&imported)[0].created_at_derived), (None, true));
    let empty = read_value(&json!({"_type": "playlist", "id": "odd", "title": "x"}));
    assert!(empty.observations.is_empty() && empty.notes.iter().any(|n| n.contains("playlist")), "{:?}", empty.notes);
    let other = read_value(&json!({"id": "dQw4", "extractor_key": "Youtube", "webpage_url": "https://youtu.be/dQw4"}));
    assert!(other.observations.is_empty() && other.rejects.is_empty(), "{other:?}");
}

#[test]
fn swapped_names_of_old_yt_dlp() {
    let info = json!({"id": "7198206283571285294", "extractor": "TikTok", "uploader": "Odd Animals", "creator": "Odd Animals",
        "uploader_url": "https://www.tiktok.com/@odd.example", "vcodec": "none", "timestamp": null});
    let imported = read_value(&info);
    let video = videos(&imported)[0];
    assert_eq!(
        (video.author.handle.as_deref(), video.author.nickname.as_deref()),
        (Some("odd.example"), Some("Odd Animals"))
    );
    assert_eq!(video.kind.as_deref(), Some("photo"));
}

#[test]
fn oembed_has_neither_counts_nor_time() {
    let imported = read_fixture("oembed.json");
    let video = videos(&imported)[0];
    assert_eq!((imported.shape, video.video_id), (Shape::OEmbed, 6_806_030_056_956_251_397));
    assert!(video.created_at_derived && video.stats == tidelake_schemas::VideoStats::default());
    assert_eq!((video.provenance.zone.as_str(), video.author.handle.as_deref()), ("oembed", Some("news.example")));
    let old = json!({"version": "1.0", "type": "video", "title": "x", "author_url": "https://www.tiktok.com/@a.b", "provider_name": "TikTok",
        "html": "<blockquote class=\"tiktok-embed\" cite=\"https://www.tiktok.com/@a.b/video/6806030056956251397\">"});
    assert_eq!(videos(&read_value(&old))[0].author.handle.as_deref(), Some("a.b"));
    let profile = json!({"version": "1.0", "type": "rich", "title": "A's Creator Profile", "author_name": "A", "provider_name": "TikTok",
        "author_unique_id": "a.b", "embed_product_id": "a.b", "embed_type": "profile", "html": ""});
    assert_eq!(creators(&read_value(&profile))[0].handle, "a.b");
}

#[test]
fn research_answers() {
    let imported = read_fixture("research_videos.json");
    assert_eq!(
        (imported.shape, by_kind(&imported), imported.rejects.len()),
        (Shape::Research, "2 video".to_owned(), 1)
    );
    assert_eq!(imported.rejects[0].reason, "id_out_of_range");
    let payload = String::from_utf8_lossy(&imported.rejects[0].payload);
    assert!(payload.starts_with(r#"{"id":73207681965695992750,"#), "the bytes as they came: {payload}");
    assert_eq!(
        (videos(&imported)[0].provenance.zone.as_str(), videos(&imported)[0].counts_rounded),
        ("research", false)
    );
    let answer = json!({"data": {"comments": [{"id": 5, "video_id": 7, "parent_comment_id": 7, "text": ""}]}, "error": {"code": "ok", "log_id": "x"}});
    assert_eq!(comments(&read_value(&answer))[0].parent_comment_id, None);
    let refused = json!({"data": {}, "error": {"code": "daily_quota_limit_exceeded", "message": "", "log_id": "x"}});
    assert!(read_value(&refused).notes[0].contains("daily_quota_limit_exceeded"));
    let own = json!({"data": {"videos": [{"id": "7320768196569599275", "title": "x", "share_url": "https://www.tiktok.com/@a/video/7320768196569599275",
        "view_count": 3}], "cursor": 1, "has_more": false}, "error": {"code": "ok", "log_id": "x", "message": ""}});
    let imported = read_value(&own);
    assert_eq!((imported.shape, videos(&imported)[0].stats.views), (Shape::Display, Some(3)));
    assert_eq!(videos(&imported)[0].provenance.zone, "display");
    let line =
        json!({"id": 7_320_768_196_569_599_275_i64, "username": "a", "video_description": "x", "region_code": "US"});
    assert_eq!(by_kind(&read_bytes("x.ndjson", format!("{line}\n{line}").as_bytes())), "1 video");
}

#[test]
fn exports_with_youtube_like_names() {
    let imported = read_fixture("channel_export_videos.json");
    assert_eq!((imported.shape, by_kind(&imported)), (Shape::ChannelExport, "2 video".to_owned()));
    let video = videos(&imported)[0];
    assert_eq!((video.stats.views, video.stats.saves, video.stats.likes), (Some(99_300), Some(135), Some(1_108)));
    assert_eq!(video.author.handle.as_deref(), Some("party.example"));
    let channel = json!({"etag": "7266988792719311874", "channelId": "party.example", "channelTitle": "P", "followerCount": 8_638, "heartCount": 73_500, "likeCount": 0, "videoCount": 25});
    let imported = read_value(&channel);
    let creator = creators(&imported)[0];
    assert_eq!(
        (creator.creator_id, creator.stats.likes, creator.stats.likes_given),
        (Some(7_266_988_792_719_311_874), Some(73_500), Some(0))
    );
}

#[test]
fn what_is_not_understood_is_described() {
    let fault = |bytes: &[u8]| read_file(Path::new("x"), bytes, &context()).map(|i| i.shape).unwrap_err().to_string();
    assert!(fault(br#"{"status": 200, "headers": {}}"#).contains("keys headers, status"));
    assert!(fault(b"").contains("an empty file"));
    assert!(fault(b"\x89PNG\r\n").contains("bytes that begin with"));
    assert!(fault(b"[]").contains("an empty JSON array"));
    assert!(fault(b"[1]").contains("whose first entry is a number"));
    assert!(fault(b"<html><body>hello</body></html>").contains("HTML page without"));
    assert!(fault(b"PK\x03\x04broken").contains("ZIP archive that cannot be opened"));
    assert!(fault(b"{\"a\": 1}").contains("Supported are"));
}

#[test]
fn reading_again_gives_the_same_ids() {
    let ids = |imported: &crate::import::Imported| {
        imported.observations.iter().map(|o| o.event_id().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&read_fixture("zeeschuimer.ndjson")), ids(&read_fixture("zeeschuimer.ndjson")));
}
