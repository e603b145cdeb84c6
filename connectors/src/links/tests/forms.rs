//! Every form of link, and the spellings that people and programs give it.

use crate::links::{Link, parse};

const ID: i64 = 7_198_206_283_571_285_294;

/// kind, id, handle, canonical form
type Row = (&'static str, Option<i64>, Option<&'static str>, &'static str);

const VIDEO: Row = ("video", Some(ID), Some("a.b"), "https://www.tiktok.com/@a.b/video/7198206283571285294");
const NOBODY: Row = ("video", Some(ID), None, "https://www.tiktok.com/@/video/7198206283571285294");
const USER: Row = ("user", None, Some("nasa"), "https://www.tiktok.com/@nasa");

#[track_caller]
fn reads(text: &str, (kind, id, handle, canonical): Row) -> Link {
    let link = parse(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((link.kind(), link.id(), link.handle()), (kind, id, handle), "{text}");
    assert_eq!(link.canonical(), canonical, "{text}");
    assert_eq!(parse(canonical).as_ref(), Ok(&link), "{text}");
    link
}

#[test]
fn posts() {
    for text in [
        "https://www.tiktok.com/@a.b/video/7198206283571285294",
        "http://tiktok.com/@a.b/video/7198206283571285294/",
        "https://m.tiktok.com/@a.b/video/7198206283571285294?lang=en&_t=8x&_r=1#comments",
        "HTTPS://WWW.TIKTOK.COM/@a.b/video/7198206283571285294",
        "www.tiktok.com/@a.b/video/7198206283571285294",
        "//www.tiktok.com/@a.b/video/7198206283571285294",
        "https://www.tiktok.com./@a.b/video/7198206283571285294",
        "https://www.tiktok.com:443/@a.b/video/7198206283571285294",
        "https://www.tiktok.com//@a.b//video/7198206283571285294//",
        "https://www.tiktok.com/%40a%2Eb/video/7198206283571285294",
        "https%3A%2F%2Fwww.tiktok.com%2F%40a.b%2Fvideo%2F7198206283571285294%3Flang%3Den",
        "https://www.tiktok.com/de-DE/@a.b/video/7198206283571285294",
        "https://www.tiktok.com/en/@a.b/video/7198206283571285294",
        "https://www.tiktok.com/zh-Hant-TW/@a.b/video/7198206283571285294",
    ] {
        reads(text, VIDEO);
    }
    for text in [
        "https://www.tiktok.com/@/video/7198206283571285294",
        "https://www.tiktok.com/@_/video/7198206283571285294",
        "https://www.tiktok.com/share/video/7198206283571285294",
        "https://www.tiktokv.com/share/video/7198206283571285294/",
        "https://t.tiktok.com/i18n/share/video/7198206283571285294/?_d=0&share_item_id=1",
        "https://m.tiktok.com/h5/share/item/7198206283571285294.html",
        "https://m.tiktok.com/v/7198206283571285294.html?u_code=x",
        "https://www.tiktok.com/embed/7198206283571285294",
        "https://www.tiktok.com/embed/v2/7198206283571285294?lang=en",
        "https://www.tiktok.com/embed/v3/7198206283571285294",
        "https://www.tiktok.com/player/v1/7198206283571285294?music_info=1",
        "7198206283571285294",
        " 7198206283571285294\n",
    ] {
        reads(text, NOBODY);
    }
    let photo = reads(
        "https://www.tiktok.com/@a.b/photo/7198206283571285294",
        ("photo", Some(ID), Some("a.b"), "https://www.tiktok.com/@a.b/photo/7198206283571285294"),
    );
    assert_eq!(photo.identity(), "video:7198206283571285294");
    reads(
        "https://www.tiktok.com/@107955/video/7198206283571285294",
        ("video", Some(ID), None, "https://www.tiktok.com/@107955/video/7198206283571285294"),
    );
    reads(
        "https://www.tiktok.com/@MS4wLjABAAAAq-_9/video/7198206283571285294",
        ("video", Some(ID), None, "https://www.tiktok.com/@MS4wLjABAAAAq-_9/video/7198206283571285294"),
    );
    reads(
        "https://www.tiktok.com/@.club/story/7198206283571285294",
        ("story", Some(ID), Some(".club"), "https://www.tiktok.com/@.club/story/7198206283571285294"),
    );
}

#[test]
fn a_comment_is_kept_and_changes_no_identity() {
    let link = reads(
        "https://m.tiktok.com/v/7198206283571285294.html?_d=x&share_comment_id=7000000000000000001&x=y",
        (
            "video",
            Some(ID),
            None,
            "https://www.tiktok.com/@/video/7198206283571285294?share_comment_id=7000000000000000001",
        ),
    );
    assert_eq!(link.identity(), "video:7198206283571285294");
}

#[test]
fn accounts_and_lives() {
    for text in [
        "https://www.tiktok.com/@nasa",
        "tiktok.com/@nasa",
        "@nasa",
        "https://www.tiktok.com/@nasa?lang=en",
        "https://www.tiktok.com/@nasa/liked",
        "https://vm.tiktok.com/@nasa",
    ] {
        reads(text, USER);
    }
    let upper = reads("https://www.tiktok.com/@NASA", ("user", None, Some("NASA"), "https://www.tiktok.com/@NASA"));
    assert_eq!(upper.identity(), "user:nasa");
    let card = reads(
        "https://www.tiktok.com/embed/@nasa",
        ("embed_user", None, Some("nasa"), "https://www.tiktok.com/embed/@nasa"),
    );
    assert_eq!(card.identity(), upper.identity());
    reads(
        "https://m.tiktok.com/h5/share/usr/6569595380449902597.html",
        ("user", Some(6_569_595_380_449_902_597), None, "https://www.tiktok.com/@6569595380449902597"),
    );
    for text in ["https://www.tiktok.com/@nasa/live?x=1", "https://www.tiktok.com/embed/live/@nasa"] {
        reads(text, ("live", None, Some("nasa"), "https://www.tiktok.com/@nasa/live"));
    }
    reads(
        "https://m.tiktok.com/share/live/7000000000000000001/",
        ("live", Some(7_000_000_000_000_000_001), None, "https://www.tiktok.com/share/live/7000000000000000001"),
    );
}

#[test]
fn sounds_tags_lists_and_the_rest() {
    #[rustfmt::skip]
    let rows: [(&str, Row); 22] = [
        ("https://www.tiktok.com/music/original-sound-6763054442704145158?lang=en", ("music", Some(6_763_054_442_704_145_158), None, "https://www.tiktok.com/music/original-sound-6763054442704145158")),
        ("https://m.tiktok.com/h5/share/music/6837.html", ("music", Some(6837), None, "https://www.tiktok.com/music/6837")),
        ("https://www.tiktok.com/sticker/some-effect-479565", ("sticker", Some(479_565), None, "https://www.tiktok.com/sticker/some-effect-479565")),
        ("https://m.tiktok.com/share/stickers/detail/105.html", ("sticker", Some(105), None, "https://www.tiktok.com/sticker/105")),
        ("https://www.tiktok.com/place/Caf%C3%A9-1-22535865202073184", ("place", Some(22_535_865_202_073_184), None, "https://www.tiktok.com/place/Caf%C3%A9-1-22535865202073184")),
        ("https://www.tiktok.com/tag/fypシ", ("tag", None, None, "https://www.tiktok.com/tag/fyp%E3%82%B7")),
        ("https://www.tiktok.com/tag/fyp%E3%82%B7?lang=en", ("tag", None, None, "https://www.tiktok.com/tag/fyp%E3%82%B7")),
        ("https://www.tiktok.com/tag/2020", ("tag", None, None, "https://www.tiktok.com/tag/2020")),
        ("https://m.tiktok.com/h5/share/tag/48.html", ("tag", Some(48), None, "https://www.tiktok.com/share/tag/48")),
        ("https://www.tiktok.com/@a/playlist/Best%20of-7371330159376370462", ("playlist", Some(7_371_330_159_376_370_462), Some("a"), "https://www.tiktok.com/@a/playlist/Best%20of-7371330159376370462")),
        ("https://www.tiktok.com/@a/collection/%F0%9F%90%B1-7371330159376370462", ("collection", Some(7_371_330_159_376_370_462), Some("a"), "https://www.tiktok.com/@a/collection/%F0%9F%90%B1-7371330159376370462")),
        ("https://www.tiktok.com/discover/cats-funny", ("discover", None, None, "https://www.tiktok.com/discover/cats-funny")),
        ("https://www.tiktok.com/channel/gaming", ("channel", None, None, "https://www.tiktok.com/channel/gaming")),
        ("https://www.tiktok.com/search?q=cats%20dogs&t=1", ("search", None, None, "https://www.tiktok.com/search?q=cats%20dogs")),
        ("https://www.tiktok.com/search/video?q=cats", ("search", None, None, "https://www.tiktok.com/search/video?q=cats")),
        ("https://www.tiktok.com/foryou?lang=en", ("feed", None, None, "https://www.tiktok.com/foryou")),
        ("https://www.tiktok.com/", ("home", None, None, "https://www.tiktok.com/")),
        ("https://www.tiktok.com/login?redirect_url=x", ("page", None, None, "https://www.tiktok.com/login")),
        ("https://vm.tiktok.com/ZSe4FqkKd", ("short", None, None, "https://vm.tiktok.com/ZSe4FqkKd/")),
        ("https://vt.tiktok.com/ZSe4FqkKd/?k=1", ("short", None, None, "https://vt.tiktok.com/ZSe4FqkKd/")),
        ("https://www.tiktok.com/t/ZTRC5xgJp", ("short", None, None, "https://www.tiktok.com/t/ZTRC5xgJp/")),
        ("https://lite.tiktok.com/t/ZTRC5xgJp/", ("short", None, None, "https://www.tiktok.com/t/ZTRC5xgJp/")),
    ];
    for (text, row) in rows {
        reads(text, row);
    }
}

#[test]
fn words_around_a_link() {
    for text in [
        "Check out A's video! #TikTok >> https://www.tiktok.com/@a.b/video/7198206283571285294 <<",
        "(https://www.tiktok.com/@a.b/video/7198206283571285294).",
        "<https://www.tiktok.com/@a.b/video/7198206283571285294>",
        "\"https://www.tiktok.com/@a.b/video/7198206283571285294\", he said",
        "[a video](https://www.tiktok.com/@a.b/video/7198206283571285294)",
        "[video](https://www.tiktok.com/@a.b/video/7198206283571285294)",
        "看看这个https://www.tiktok.com/@a.b/video/7198206283571285294。",
        "\u{200B}https://www.tiktok.com/@a.b/video/7198206283571285294\u{FEFF}",
        "see www.tiktok.com/@a.b/video/7198206283571285294!",
        "not https://example.org/x but https://www.tiktok.com/@a.b/video/7198206283571285294",
    ] {
        reads(text, VIDEO);
    }
    reads("follow https://www.tiktok.com/@nasa.", USER);
}

#[test]
fn ids_tell_a_time_where_that_was_measured() {
    let time = |text: &str| parse(text).expect(text).not_older_than().map(|at| at.to_string());
    assert_eq!(time("7198206283571285294").as_deref(), Some("2023-02-09T17:16:42Z"));
    assert_eq!(time("https://m.tiktok.com/h5/share/usr/107955.html"), None, "ids of musical.ly");
    assert_eq!(time("https://www.tiktok.com/music/x-6763054442704145158"), None, "not measured for sounds");
    assert_eq!(time("https://www.tiktok.com/tag/cats"), None);
}
