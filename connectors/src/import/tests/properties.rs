//! No reader panics, whatever it is given.

use super::context;
use crate::import::read_file;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Keys that readers know; arbitrary documents are built of them, so that they reach every reader.
const KEYS: &[&str] = &[
    "id",
    "desc",
    "createTime",
    "author",
    "authorId",
    "nickname",
    "uniqueId",
    "secUid",
    "stats",
    "statsV2",
    "playCount",
    "diggCount",
    "video",
    "duration",
    "width",
    "height",
    "music",
    "title",
    "challenges",
    "textExtra",
    "start",
    "end",
    "type",
    "hashtagName",
    "contents",
    "imagePost",
    "authorStats",
    "authorStatsV2",
    "followerCount",
    "heartCount",
    "liveRoomInfo",
    "effectStickers",
    "itemInfo",
    "itemStruct",
    "itemList",
    "item_list",
    "items",
    "searchItemList",
    "itemListData",
    "itemInfos",
    "authorInfos",
    "musicInfos",
    "challengeInfoList",
    "data",
    "item",
    "user_list",
    "user_info",
    "userInfo",
    "user",
    "challengeInfo",
    "challenge",
    "musicInfo",
    "comments",
    "cid",
    "text",
    "aweme_id",
    "reply_comment",
    "reply_id",
    "extra",
    "now",
    "statusCode",
    "status_code",
    "statusMsg",
    "verify_event",
    "code",
    "message",
    "__DEFAULT_SCOPE__",
    "webapp.video-detail",
    "webapp.user-detail",
    "webapp.updated-items",
    "ItemModule",
    "UserModule",
    "users",
    "CommentItem",
    "props",
    "pageProps",
    "source",
    "/embed/v2/1",
    "videoData",
    "videoList",
    "provider_name",
    "html",
    "embed_product_id",
    "author_url",
    "version",
    "embed_type",
    "source_platform",
    "timestamp_collected",
    "__import_meta",
    "body",
    "tiktok_url",
    "plays",
    "hashtags",
    "extractor_key",
    "_type",
    "entries",
    "epoch",
    "uploader",
    "upload_date",
    "webpage_url",
    "formats",
    "vcodec",
    "artists",
    "error",
    "log_id",
    "videos",
    "video_description",
    "username",
    "region_code",
    "parent_comment_id",
    "videoId",
    "viewCount",
    "channelId",
    "publishedDate",
    "tags",
    "Activity",
    "Your Activity",
    "Likes and Favorites",
    "Video Browsing History",
    "Watch History",
    "VideoList",
    "Like List",
    "ItemFavoriteList",
    "Post",
    "Posts",
    "Date",
    "Link",
    "link",
    "date",
    "Likes",
    "Favorite Hashtags",
    "FavoriteHashtagList",
    "Favorite Sounds",
    "Direct Messages",
    "hasMore",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "0",
            "-1",
            "7198206283571285294",
            "73207681965695992750",
            "TikTok",
            "playlist",
            "MS4wLj",
            "tiktok.com",
            "https://www.tiktok.com/@a/video/7198206283571285294",
            "https://www.tiktokv.com/share/video/1/",
            "%",
            "@%ff",
            "https://m.tiktok.com/h5/share/tag/4.html",
            "2024-12-08 04:31:51",
            "9999999999999999",
            "1e400",
            "<b cite=\"",
        ])
        .prop_map(Value::from),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let key = prop_oneof![9 => prop::sample::select(KEYS).prop_map(str::to_owned), 1 => any::<String>()];
    leaf().prop_recursive(6, 160, 12, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            4 => prop::collection::vec((key.clone(), inner), 0..12)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A sound document of each shape, in which values are then exchanged.
fn sound_documents() -> Vec<Value> {
    let item = json!({"id": "7198206283571285294", "desc": "a #b", "createTime": "1675963028", "video": {"duration": 3},
        "author": {"id": "1", "uniqueId": "a"}, "music": {"id": "5", "title": "t"}, "stats": {"playCount": 1},
        "authorStats": {"followerCount": 2}, "challenges": [{"id": "3", "title": "b"}], "effectStickers": [{"ID": "1"}],
        "textExtra": [{"start": 2, "end": 4, "type": 1, "hashtagName": "b"}], "contents": [{"desc": "a", "textExtra": []}]});
    let row =
        json!({"Date": "2024-12-08 04:31:51", "Link": "https://www.tiktokv.com/share/video/7198206283571285294/"});
    vec![
        json!({"itemList": [item], "extra": {"now": 1_760_940_141_000_i64}, "statusCode": 0}),
        json!({"data": [{"type": 1, "item": item}], "status_code": 0}),
        json!({"__DEFAULT_SCOPE__": {"webapp.video-detail": {"itemInfo": {"itemStruct": item}}}}),
        json!({"ItemModule": {"7": item}, "UserModule": {"users": {"a": {"uniqueId": "a"}}, "stats": {"a": {"heart": 1}}}}),
        json!({"source_platform": "tiktok.com", "timestamp_collected": 1_700_000_000_000_i64, "data": item}),
        json!({"userInfo": {"user": {"id": "1", "uniqueId": "a"}, "stats": {}, "statsV2": {"heart": "3"}}}),
        json!({"challengeInfo": {"challenge": {"id": "1", "title": "a"}, "stats": {"viewCount": 3}}}),
        json!({"musicInfo": {"music": {"id": "1"}, "stats": {"videoCount": 3}}}),
        json!({"comments": [{"cid": "5", "text": "x", "user": {"uid": "1"}, "reply_comment": [{"cid": "6"}]}]}),
        json!({"itemInfos": {"id": "5", "text": "x", "video": {"videoMeta": {}}}, "authorInfos": {"userId": "1"}}),
        json!({"extractor_key": "TikTok", "id": "5", "epoch": 1_700_000_000, "artists": ["a"], "formats": [{"vcodec": "none"}]}),
        json!({"Activity": {"Like List": {"ItemFavoriteList": [row]}, "Favorite Hashtags": {"L": [row]}}, "Post": {"Posts": {"VideoList": [row]}}}),
        json!({"data": {"videos": [{"id": 5, "username": "a", "region_code": "US"}]}, "error": {"code": "ok", "log_id": "x"}}),
        json!({"videoId": "5", "viewCount": 1, "channelId": "a", "tags": ["x"]}),
        json!({"id": "5", "body": "x", "plays": 1, "hashtags": "a,b", "author": "a", "author_followers": 1}),
        json!({"provider_name": "TikTok", "html": "<blockquote data-video-id=\"5\"", "author_unique_id": "a", "type": "video"}),
    ]
}

/// Puts `value` at the `at`-th place of a document, counted depth first.
fn exchange(document: &mut Value, at: &mut usize, value: &Value) {
    if *at == 0 {
        *document = value.clone();
    }
    *at = at.wrapping_sub(1);
    match document {
        Value::Array(list) => list.iter_mut().for_each(|inner| exchange(inner, at, value)),
        Value::Object(map) => map.values_mut().for_each(|inner| exchange(inner, at, value)),
        _ => {}
    }
}

fn read(name: &str, bytes: &[u8]) {
    if let Ok(imported) = read_file(Path::new(name), bytes, &context()) {
        let silent = imported.observations.is_empty() && imported.rejects.is_empty() && imported.notes.is_empty();
        assert!(!silent, "a file was read and nothing said about it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_documents(document in document()) {
        read("x.json", document.to_string().as_bytes());
        read("x.ndjson", format!("{document}\n{document}\n").as_bytes());
        read("x.html", format!("<html><script id=\"SIGI_STATE\">{document}</script>").as_bytes());
    }

    #[test]
    fn wrong_types_at_known_keys(which in 0usize..16, at in 0usize..60, value in leaf()) {
        let mut document = sound_documents().swap_remove(which);
        exchange(&mut document, &mut at.clone(), &value);
        read("x.json", document.to_string().as_bytes());
    }

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read("x.bin", &bytes);
        read("x.zip", &[b"PK\x03\x04", bytes.as_slice()].concat());
        read("x.html", &[b"<", bytes.as_slice()].concat());
    }

    #[test]
    fn arbitrary_text(text in "(Date: |Link: |https://www\\.tiktok\\.com/@|/video/|[0-9]{1,25}|\n|\n\n|.|:){0,40}") {
        read("Watch History.txt", text.as_bytes());
        read("Etwas.txt", text.as_bytes());
    }
}
