//! What is no link of TikTok's, and what is said of it.

use crate::links::{LinkError, Platform, parse};

#[track_caller]
fn refused(text: &str) -> LinkError {
    parse(text).expect_err(text)
}

#[test]
fn hosts_that_look_like_tiktok() {
    for text in [
        "https://www.tiktok.com.evil.example/@a/video/7198206283571285294",
        "https://tiktok.com-evil.example/@a/video/7198206283571285294",
        "https://eviltiktok.com/@a/video/7198206283571285294",
        "https://tik-tok.com/@a/video/7198206283571285294",
        "https://www.tіktok.com/@a/video/7198206283571285294",
        "https://xn--tktok-q4a.com/@a/video/7198206283571285294",
        "tiktok.com.example.org/@a",
    ] {
        let error = refused(text);
        assert!(matches!(error, LinkError::LookAlike { .. }), "{text}: {error:?}");
        assert!(error.to_string().contains("resembles"), "{error}");
    }
}

#[test]
fn addresses_that_show_one_host_and_lead_to_another() {
    for text in [
        "https://www.tiktok.com@evil.example/@a/video/7198206283571285294",
        "https://www.tiktok.com:x@evil.example/",
        "https://somebody@www.tiktok.com/@a/video/7198206283571285294",
    ] {
        assert!(matches!(refused(text), LinkError::Credentials { .. }), "{text}");
    }
    assert!(matches!(refused("https://www.tiktok.com\\@evil.example/"), LinkError::Malformed { .. }));
    assert!(matches!(refused("https://www.tiktok.com:8443/@a"), LinkError::Port { port: 8443, .. }));
}

#[test]
fn links_within_other_addresses_do_not_count() {
    for text in [
        "javascript:https://www.tiktok.com/@a/video/7198206283571285294",
        "data:text/html,https://www.tiktok.com/@a",
        "snssdk1233://aweme/detail/7198206283571285294",
    ] {
        assert!(matches!(refused(text), LinkError::Scheme { .. }), "{text}: {:?}", refused(text));
    }
    for text in [
        "https://example.org/?u=https://www.tiktok.com/@a/video/7198206283571285294",
        "example.org/(https://www.tiktok.com/@a/video/7198206283571285294)",
        "https://127.0.0.1/@a/video/7198206283571285294",
        "https://[::1]/@a",
    ] {
        assert!(matches!(refused(text), LinkError::OtherHost { .. }), "{text}: {:?}", refused(text));
    }
}

#[test]
fn other_platforms_are_named() {
    for (text, platform) in [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", Platform::YouTube),
        ("https://youtu.be/dQw4w9WgXcQ", Platform::YouTube),
        ("m.youtube.com/shorts/dQw4w9WgXcQ", Platform::YouTube),
        ("https://www.facebook.com/watch/?v=1", Platform::Facebook),
        ("https://fb.watch/x/", Platform::Facebook),
        ("https://www.instagram.com/reel/x/", Platform::Instagram),
        ("https://v.douyin.com/x/", Platform::Douyin),
    ] {
        let error = refused(text);
        assert!(matches!(error, LinkError::OtherPlatform { platform: found, .. } if found == platform), "{error:?}");
        assert!(error.to_string().contains(platform.name()));
    }
}

#[test]
fn forms_without_what_they_should_name() {
    for text in [
        "https://www.tiktok.com/@a/video/",
        "https://www.tiktok.com/@a/video/abc",
        "https://www.tiktok.com/@a/video/7198206283571285294x",
        "https://www.tiktok.com/@a/video/-7",
        "https://www.tiktok.com/@a/video/٧١٩٨",
        "https://www.tiktok.com/@",
        "https://www.tiktok.com/tag/%23",
        "https://www.tiktok.com/music/original-sound",
        "https://vm.tiktok.com/",
        "https://vm.tiktok.com/%3Cb%3E",
    ] {
        assert!(matches!(refused(text), LinkError::Incomplete { .. }), "{text}: {:?}", refused(text));
    }
    assert!(matches!(refused("https://www.tiktok.com/@a/video/0"), LinkError::ZeroId { .. }));
    for text in ["https://www.tiktok.com/@a/video/73207681965695992750", "9999999999999999999"] {
        assert!(matches!(refused(text), LinkError::IdOutOfRange { .. }), "{text}");
    }
    assert!(matches!(refused("https://www.tiktok.com/@a%20b"), LinkError::BadHandle { .. }));
    assert!(matches!(refused("https://www.tiktok.com/something/new"), LinkError::UnknownForm { .. }));
    for text in ["", "  ", "nonsense", "12345", "no link here", "a/b c.d", "."] {
        assert!(matches!(refused(text), LinkError::NotALink { .. }), "{text}: {:?}", refused(text));
    }
    assert_eq!(refused("nonsense").brief(), "\"nonsense\" is no link");
    let long = refused(&"x".repeat(10_000)).to_string();
    assert!(long.len() < 500 && long.contains("Supported are"), "{long}");
}
