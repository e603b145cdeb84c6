//! Answers and pages of the website.

use super::{FILE_TIME, by_kind, comments, creators, hashtags, read_bytes, read_fixture, read_value, sounds, videos};
use crate::import::Shape;
use serde_json::json;
use tidelake_schemas::Timestamp;

#[test]
fn an_item_list_brings_videos_creators_and_sounds() {
    let imported = read_fixture("web_item_list.json");
    assert_eq!((imported.shape, imported.rejects.len()), (Shape::WebItemList, 0));
    assert_eq!(by_kind(&imported), "2 video, 1 creator, 1 sound");
    assert!(imported.notes.contains(&"1 live cards skipped".to_owned()), "{:?}", imported.notes);
    let video = videos(&imported)[0];
    assert_eq!((video.video_id, video.created_at), (7_513_039_993_741_397_256, Timestamp::from_secs(1_749_265_942)));
    assert!(!video.created_at_derived && video.counts_rounded);
    assert_eq!(video.observed_at, Timestamp(1_760_940_141_000_000), "the answer's own clock");
    assert_eq!((video.stats.views, video.stats.saves, video.stats.reposts), (Some(1_900_000), Some(5_012), Some(7)));
    assert_eq!(
        (video.author.id, video.author.handle.as_deref()),
        (Some(6_799_838_955_094_836_230), Some("trains.example"))
    );
    assert_eq!((video.kind.as_deref(), video.duration_s, video.is_pinned), (Some("video"), Some(18), Some(true)));
    let provenance = &video.provenance;
    let said = (provenance.connector.as_str(), provenance.route.as_str(), provenance.zone.as_str());
    assert_eq!(said, ("import", "web-item-list", "web"));
    assert_eq!(provenance.origin.as_deref(), Some("web_item_list.json"));
    let spans: Vec<_> = video.caption_entities.iter().map(|e| (e.kind.as_str(), e.start_utf16, e.end_utf16)).collect();
    assert_eq!(spans, [("hashtag", 9, 15), ("mention", 16, 24)]);
    let tags: Vec<_> = video.source_hashtags.iter().flatten().map(|t| (t.id, t.name.as_str())).collect();
    assert_eq!(tags, [(Some(5873), "china")]);
    assert_eq!(video.source_mentions.as_deref(), Some(&["friend.one".to_owned()][..]));
    let photo = videos(&imported)[1];
    assert_eq!((photo.kind.as_deref(), photo.duration_s), (Some("photo"), None));
    let creator = creators(&imported)[0];
    assert_eq!(
        (creator.stats.followers, creator.stats.likes, creator.counts_rounded),
        (Some(427_700), Some(6_800_000), true)
    );
    assert_eq!(sounds(&imported)[0].sound_id, 7_287_891_047_231_933_185);
}

#[test]
fn the_same_item_in_every_wrapper() {
    let item = json!({"id": "7198206283571285294", "desc": "x", "createTime": "0", "stats": {"playCount": "5"}, "author": "a.b"});
    for (value, shape) in [
        (item.clone(), Shape::WebItem),
        (json!([item]), Shape::WebItemList),
        (json!({"itemStruct": item}), Shape::WebItem),
        (json!({"itemInfo": {"itemStruct": item}, "statusCode": 0}), Shape::WebItem),
        (json!({"itemList": [item]}), Shape::WebItemList),
        (json!({"items": [item], "maxCursor": "1", "minCursor": 2}), Shape::WebItemList),
        (json!({"data": {"itemList": [item]}, "code": 200}), Shape::WebItemList),
        (json!({"data": [{"type": 1, "item": item}], "status_code": 0}), Shape::WebSearch),
        (json!({"item_list": [item], "has_more": 1}), Shape::WebItemList),
        (json!({"searchItemList": [item]}), Shape::WebSearch),
        (json!({"__DEFAULT_SCOPE__": {"webapp.video-detail": {"itemInfo": {"itemStruct": item}}}}), Shape::Hydration),
        (json!({"__DEFAULT_SCOPE__": {"webapp.updated-items": [item]}}), Shape::Hydration),
        (json!({"ItemModule": {"7198206283571285294": item}}), Shape::SigiState),
        (json!({"props": {"pageProps": {"items": [item]}}}), Shape::NextData),
        (json!({"source": {"data": {"/embed/@a.b": {"videoList": [item]}}}}), Shape::EmbedState),
    ] {
        let imported = read_value(&value);
        assert_eq!((imported.shape, by_kind(&imported)), (shape, "1 video".to_owned()), "{value}");
        let video = videos(&imported)[0];
        assert_eq!((video.video_id, video.stats.views), (7_198_206_283_571_285_294, Some(5)), "{value}");
        assert_eq!(video.author.handle.as_deref(), Some("a.b"));
        assert!(video.created_at_derived, "createTime 0 is no time");
        assert_eq!(video.observed_at, FILE_TIME);
    }
}

#[test]
fn search_cards_are_skipped_and_counted() {
    let video = json!({"type": 1, "item": {"id": "7", "desc": "", "createTime": 1_770_280_392, "stats": {}}});
    let answer = json!({"status_code": 0, "data": [video, video, {"type": 4, "user_list": [{"user_info": {"uid": "1"}}]}, {"type": 20}]});
    let imported = read_value(&answer);
    assert_eq!(by_kind(&imported), "1 video");
    let notes = imported.notes.join("; ");
    assert!(notes.contains("1 search entries of type 4 (users) skipped"), "{notes}");
    assert!(notes.contains("1 search entries of type 20 skipped"), "{notes}");
    assert!(notes.contains("1 repeated within the file"), "{notes}");
}

#[test]
fn profiles_prefer_exact_counts() {
    let user = json!({"id": "6976999329680589829", "uniqueId": "odd.example", "nickname": "Odd", "signature": "",
        "createTime": 1_624_460_216, "commerceUserInfo": {"commerceUser": true, "category": "Pets"},
        "bioLink": {"link": "https://example.org"}, "privateAccount": false});
    let rounded = json!({"followerCount": 4_000_000, "heart": -1, "heartCount": 77_600_000, "videoCount": 178});
    let imported =
        read_value(&json!({"userInfo": {"user": user, "stats": rounded, "statsV2": {"followerCount": "4001943"}}}));
    let creator = creators(&imported)[0];
    assert_eq!(
        (imported.shape, creator.stats.followers, creator.stats.likes),
        (Shape::WebUser, Some(4_001_943), Some(77_600_000))
    );
    assert!(!creator.counts_rounded);
    assert_eq!((creator.commerce, creator.category.as_deref()), (Some(true), Some("Pets")));
    assert_eq!((creator.bio.as_deref(), creator.bio_url.as_deref()), (Some(""), Some("https://example.org")));
    let imported = read_value(&json!([{"user": user, "stats": rounded}]));
    assert!(creators(&imported)[0].counts_rounded);
}

#[test]
fn hashtags_and_sounds_of_their_own_pages() {
    let imported = read_fixture("web_challenge_detail.json");
    let tag = hashtags(&imported)[0];
    assert_eq!((tag.hashtag_id, tag.name.as_str()), (Some(99_770), "duett"));
    assert_eq!((tag.views, tag.videos, tag.commerce), (Some(37_100_000_000), None, Some(false)));
    let sound = json!({"musicInfo": {"music": {"id": "42", "title": "t", "original": true, "duration": 9, "album": "a"}, "stats": {"videoCount": 8}}});
    let imported = read_value(&sound);
    let sound = sounds(&imported)[0];
    assert_eq!(
        (sound.sound_id, sound.videos, sound.duration_s, sound.album.as_deref()),
        (42, Some(8), Some(9), Some("a"))
    );
}

#[test]
fn comments_with_their_replies() {
    let imported = read_fixture("web_comment_list.json");
    assert_eq!((imported.shape, by_kind(&imported)), (Shape::WebComments, "3 comment".to_owned()));
    let found = comments(&imported);
    assert_eq!((found[0].parent_comment_id, found[0].video_id), (None, Some(7_603_296_357_641_735_445)));
    assert_eq!((found[0].source_language.as_deref(), found[0].author.handle.as_deref()), (None, Some("someone.31")));
    assert_eq!((found[1].parent_comment_id, found[1].video_id), (Some(found[0].comment_id), found[0].video_id));
    assert_eq!((found[2].text.as_deref(), found[2].liked_by_creator), (Some(""), Some(true)));
    assert_eq!(found[0].observed_at, Timestamp(1_770_291_785_000_000));
    let bare =
        json!([{"cid": "5", "text": "x", "nickname": "N", "unique_id": "n.n", "aweme_id": "7", "digg_count": 3}]);
    let imported = read_value(&bare);
    let comment = comments(&imported)[0];
    assert_eq!((comment.author.id, comment.author.handle.as_deref(), comment.likes), (None, Some("n.n"), Some(3)));
    let none = read_value(&json!({"comments": null, "status_code": 0, "has_more": 0, "total": 0}));
    assert!(none.notes[0].starts_with("holds no record"), "{:?}", none.notes);
}

#[test]
fn refusals_are_notes() {
    for (value, part) in [
        (json!({"itemInfo": {"itemStruct": {}}, "statusCode": 0}), "item is empty"),
        (json!({"statusCode": 10_000, "verify_event": {"type": "slide"}}), "captcha answer (status 10000)"),
        (json!({"statusCode": 10_204, "statusMsg": "item doesn't exist"}), "video removed"),
        (json!({"message": "Something went wrong", "code": 400}), "status 400"),
        (json!({"code": "10000", "data": {"type": "verify"}}), "captcha"),
        (json!({"itemList": [], "statusCode": 0}), "without an entry"),
        (
            json!({"__DEFAULT_SCOPE__": {"webapp.video-detail": {"statusCode": 10_216, "statusMsg": "status_self_see"}}}),
            "private post",
        ),
        (json!({"__DEFAULT_SCOPE__": {"webapp.app-context": {"user": {"uniqueId": "me"}}}}), "login wall"),
    ] {
        let imported = read_value(&value);
        assert_eq!(by_kind(&imported), "", "{value}");
        let notes = imported.notes.join("; ");
        assert!(notes.starts_with("holds no record") && notes.contains(part), "{value}: {notes}");
    }
}

#[test]
fn records_without_a_usable_id_are_refused() {
    let item = |id: serde_json::Value| json!({"id": id, "desc": "x", "createTime": 1, "stats": {}});
    let list =
        [item(json!("73207681965695992750")), item(json!(u64::MAX)), item(json!("")), json!(5), item(json!("7"))];
    let imported = read_value(&json!({"itemList": list}));
    assert_eq!(by_kind(&imported), "1 video");
    let reasons: Vec<&str> = imported.rejects.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(reasons, ["id_out_of_range", "id_out_of_range", "missing_id", "not_an_object"]);
}

#[test]
fn pages_of_every_era() {
    let item = r#"{"id":"7198206283571285294","desc":"a <b> &amp; \ud83d","createTime":"1675963028","author":"odd.example","nickname":"Odd","authorId":"6976999329680589829","authorStats":{"followerCount":12},"stats":{"playCount":3}}"#;
    let universal = format!(
        r#"{{"__DEFAULT_SCOPE__":{{"webapp.video-detail":{{"itemInfo":{{"itemStruct":{item}}},"statusCode":0}}}}}}"#
    );
    let sigi = format!(
        r#"{{"ItemModule":{{"7":{item}}},"UserModule":{{"users":{{"odd.example":{{"id":"6976999329680589829","uniqueId":"odd.example"}}}},"stats":{{"odd.example":{{"followerCount":12}}}}}}}}"#
    );
    let next = format!(
        r#"{{"props":{{"initialProps":{{"$user":{{"uniqueId":"viewer"}}}},"pageProps":{{"itemInfo":{{"itemStruct":{item}}}}}}}}}"#
    );
    let embed = format!(r#"{{"source":{{"data":{{"/embed/v2/7198206283571285294":{{"videoData":{item}}}}}}}}}"#);
    for page in [
        format!(
            r#"<!doctype html><html><script id="other">{{}}</script><script id="__UNIVERSAL_DATA_FOR_REHYDRATION__" type="application/json">{universal}</script></html>"#
        ),
        format!(r#"<html><script id="SIGI_STATE" type="application/json">{sigi}</script></html>"#),
        format!(
            r#"<html><script id="sigi-persisted-data">window['SIGI_STATE']={sigi};window['SIGI_RETRY']={{}};</script></html>"#
        ),
        format!(r#"<html><script>window['SIGI_STATE']={sigi};window['SIGI_RETRY']={{}};</script></html>"#),
        format!(
            r#"<html><script id="__NEXT_DATA__" type="application/json" crossorigin="anonymous">{next}</script></html>"#
        ),
        format!(r#"<html><script id="__FRONTITY_CONNECT_STATE__">{embed}</script></html>"#),
    ] {
        let imported = read_bytes("page.html", page.as_bytes());
        assert_eq!((imported.shape, by_kind(&imported)), (Shape::WebPage, "1 video, 1 creator".to_owned()), "{page}");
        let video = videos(&imported)[0];
        assert_eq!(video.caption.as_deref(), Some("a <b> &amp; \u{fffd}"));
        assert_eq!(video.author.id, Some(6_976_999_329_680_589_829));
        assert_eq!(creators(&imported)[0].handle, "odd.example", "the viewer's account is not read");
    }
    let wall = read_bytes("page.html", b"<html><title>TikTok - Make Your Day</title></html>");
    assert!(wall.notes[0].starts_with("holds no record"));
}

#[test]
fn items_of_the_time_before_2021() {
    let imported = read_fixture("legacy_item_list.json");
    assert_eq!(by_kind(&imported), "1 video, 1 sound");
    let video = videos(&imported)[0];
    assert_eq!((video.caption.as_deref(), video.stats.views), (Some("hello #old"), Some(77)));
    assert_eq!(
        (video.author.handle.as_deref(), video.sound.id),
        (Some("old.example"), Some(6_600_000_000_000_000_001))
    );
    assert_eq!((video.duration_s, video.width), (Some(12), Some(576)));
    assert_eq!(video.caption_entities[0].name.as_deref(), Some("old"));
}
