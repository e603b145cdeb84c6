use super::super::answer::Seen;
use super::*;
use serde_json::json;
use url::Url;

const ITEM: &[&str] = &["/itemInfo/itemStruct", "/__DEFAULT_SCOPE__/webapp.video-detail/itemInfo/itemStruct"];
const LIST: &[&str] = &["/itemList", "/comments"];

fn look_at(
    status: u16,
    url: &str,
    location: Option<&str>,
    body: &str,
    expect: &Expect,
) -> Result<Option<Fingerprint>, Finding> {
    let url = Url::parse(url).expect("an address");
    recognise(&Answer::read(Seen { status, url: &url, location, body: body.as_bytes() }), expect)
}

fn look(body: &str, expect: &Expect) -> Result<Option<Fingerprint>, Finding> {
    look_at(200, "https://t.example/api/", None, body, expect)
}

/// Class and rule of a body that is recognised.
fn found(body: &str, expect: &Expect) -> (Class, &'static str) {
    let finding = look(body, expect).expect_err("a block");
    (finding.class, finding.rule)
}

fn page(detail: &Value) -> String {
    let state = json!({"__DEFAULT_SCOPE__": {"webapp.app-context": {"language": "en"}, "webapp.video-detail": detail}});
    format!(
        "<!DOCTYPE html><html><head><script id=\"slardar-config\" type=\"application/json\">{{}}</script></head><body>\
         <script id=\"__UNIVERSAL_DATA_FOR_REHYDRATION__\" type=\"application/json\">{state}</script></body></html>"
    )
}

#[test]
fn nothing_is_not_no_videos() {
    for body in ["", "  \n"] {
        assert_eq!(found(body, &Expect::list(LIST)), (Class::EmptyAnswer, "empty_body"));
    }
    assert_eq!(look("", &Expect::default()), Ok(None));
    assert_eq!(found("{}", &Expect::list(LIST)), (Class::EmptyAnswer, "missing_item"));
    assert_eq!(found("{\"statusCode\":0,\"hasMore\":true}", &Expect::list(LIST)), (Class::EmptyAnswer, "missing_item"));
    // These are.
    assert_eq!(look("{\"itemList\":[],\"hasMore\":false}", &Expect::list(LIST)), Ok(None));
    assert_eq!(look("{\"comments\":null,\"status_code\":0}", &Expect::list(LIST)), Ok(None));
}

#[test]
fn an_empty_item_is_a_block() {
    let body = json!({"statusCode": 0, "itemInfo": {"itemStruct": {}}});
    assert_eq!(found(&body.to_string(), &Expect::item(ITEM)), (Class::EmptyAnswer, "missing_item"));
    assert_eq!(found(&page(&json!({"statusCode": 0})), &Expect::item(ITEM)), (Class::EmptyAnswer, "missing_item"));
}

#[test]
fn every_status_code_has_its_meaning() {
    for (code, class) in STATUS_CODES {
        let detail = json!({"statusCode": code, "statusMsg": "", "itemInfo": {}});
        for body in [detail.to_string(), page(&detail)] {
            assert_eq!(found(&body, &Expect::item(ITEM)), (class, "status_code"), "{code}");
        }
    }
    for (token, class) in STATUS_MESSAGES {
        let body = json!({"status_code": 10204, "status_msg": format!("item, {token}")});
        assert_eq!(found(&body.to_string(), &Expect::item(ITEM)).0, class, "{token}");
    }
    let unknown = look("{\"statusCode\":10215}", &Expect::item(ITEM)).expect_err("unknown");
    assert_eq!((unknown.class, unknown.code.as_deref()), (Class::FormatDrift, Some("10215")));
    // Beside an item, a code means nothing.
    let body = json!({"statusCode": 10204, "itemInfo": {"itemStruct": {"id": "1", "createTime": 5}}});
    assert_eq!(look(&body.to_string(), &Expect::item(ITEM)), Ok(None));
}

#[test]
fn firewall_pages() {
    for body in [
        "<html><body>Please wait...<p id=\"cs\" class=\"eyJ9\"></p></body></html>",
        "<html><p id=\"wci\" class=\"_wafchallengeid\"></p></html>",
        "<html><p id=\"rci\" class=\"waforiginalreid\"></p></html>",
        "<html><title>SlardarWAF</title></html>",
    ] {
        assert_eq!(found(body, &Expect::item(ITEM)), (Class::Waf, "waf_challenge"), "{body}");
    }
    // The ordinary page carries slardar-config.
    let good = page(&json!({"itemInfo": {"itemStruct": {"id": "1", "createTime": "17", "desc": "SlardarWAF"}}}));
    assert_eq!(look(&good, &Expect::item(ITEM)), Ok(None));
}

#[test]
fn captchas() {
    for body in [
        json!({"statusCode": 10000, "verify_event": {"type": "slide"}}),
        json!({"type": "verify"}),
        json!({"code": "10000"}),
        json!({"code": 10000}),
    ] {
        assert_eq!(found(&body.to_string(), &Expect::list(LIST)), (Class::Captcha, "captcha_json"), "{body}");
    }
    assert_eq!(look("{\"verify_event\":\"\",\"itemList\":[]}", &Expect::list(LIST)), Ok(None));
    for mark in
        ["<div id=\"tiktok-verify-ele\"></div>", "<div class='captcha-verify-container'>", "Verify to continue:"]
    {
        let body = format!("<html><body>{mark}</body></html>");
        assert_eq!(found(&body, &Expect::item(ITEM)), (Class::Captcha, "captcha_page"), "{mark}");
    }
}

#[test]
fn login_walls() {
    let expect = Expect::item(ITEM);
    for (status, url, to) in [
        (302, "https://t.example/@a", Some("/login?redirect=x")),
        (301, "https://t.example/@a", Some("https://www.t.example/login/phone")),
        (200, "https://t.example/login", None),
    ] {
        let finding = look_at(status, url, to, "<html></html>", &expect).expect_err("a wall");
        assert_eq!((finding.class, finding.rule), (Class::LoginWall, "login_redirect"));
    }
    assert!(look_at(302, "https://t.example/x", Some("/@login/video/1"), "", &Expect::redirect()).is_ok());
    let user = json!({"userInfo": {"user": {"id": "1"}, "stats": {}}, "statusCode": 0});
    assert_eq!(found(&user.to_string(), &Expect::item(&["/userInfo"])), (Class::LoginWall, "login_wall"));
    for (item, class) in [
        (json!({"id": "1", "createTime": "0"}), Class::LoginWall),
        // A state of the video, and no refusal of us.
        (json!({"id": "1", "createTime": 5, "isContentClassified": true}), Class::AgeGated),
    ] {
        let body = page(&json!({"itemInfo": {"itemStruct": item}}));
        assert_eq!(found(&body, &expect), (class, "login_wall"), "{item}");
    }
}

#[test]
fn throttled_and_strange_pages() {
    let body = "<html>You are visiting our service too frequently, please try again later.</html>";
    assert_eq!(found(body, &Expect::item(ITEM)), (Class::RateLimited, "throttled_page"));
    assert_eq!(found("<html><p>Welcome</p></html>", &Expect::item(ITEM)), (Class::FormatDrift, "no_document"));
    assert_eq!(found("It works!", &Expect::list(LIST)), (Class::FormatDrift, "no_document"));
}

#[test]
fn the_page_before_is_recognised_by_its_items() {
    let body = |ids: &[&str], log: &str| {
        let items: Vec<_> = ids.iter().map(|id| json!({"id": id, "stats": {"playCount": log.len()}})).collect();
        json!({"itemList": items, "extra": {"logid": log}}).to_string()
    };
    let first = look(&body(&["1", "2"], "a"), &Expect::list(LIST)).expect("a page");
    assert!(first.is_some());
    let expect = Expect::list(LIST).after(first);
    assert_eq!(found(&body(&["1", "2"], "another"), &expect), (Class::RepeatedPage, "repeated_page"));
    assert!(look(&body(&["2", "3"], "a"), &expect).is_ok());
    // The last page may well be empty twice.
    let empty = look(&body(&[], "a"), &Expect::list(LIST)).expect("a page");
    assert_eq!(look(&body(&[], "a"), &Expect::list(LIST).after(empty)), Ok(None));
}

/// Recorded payloads stay out of the project: read where they are, when they are.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn recorded_answers() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/tiktok/e-web");
    let cases: [(&str, Expect, Option<Class>); 8] = [
        ("synthetic_empty_item.json", Expect::item(ITEM), Some(Class::EmptyAnswer)),
        ("synthetic_verify_event.json", Expect::list(LIST), Some(Class::Captcha)),
        ("page_video_a3noticias_2024.html", Expect::item(ITEM), None),
        ("page_video_a3noticias_2024.html", Expect::default(), None),
        ("api_get_user_post_2025-10.json", Expect::list(LIST), None),
        ("api_get_user_detail_2025-10.json", Expect::item(&["/userInfo"]), None),
        ("api_comment_list_2026-02_a.json", Expect::list(LIST), None),
        ("api_search_general_full_2026-02_a.json", Expect::list(&["/data"]), None),
    ];
    for (name, expect, class) in cases {
        match std::fs::read_to_string(folder.join(name)) {
            Ok(body) => assert_eq!(look(&body, &expect).err().map(|finding| finding.class), class, "{name}"),
            Err(error) => eprintln!("skipped {name}: {error}"),
        }
    }
}
