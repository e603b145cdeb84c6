//! Recognises answers that look like success and are none: a block is never taken for "no videos".
//!
//! Sections (§) are those of `tiktok-surfaces.md`. Texts on pages are localised: markup and codes decide, texts only
//! help (§6.4).

use super::answer::{Answer, Expect, Finding, Fingerprint, Shape, Want};
use super::fault::Class;
use serde_json::Value;

type Rule = fn(&Answer<'_>, &Expect) -> Option<Finding>;

/// In order: the first that fits decides.
const RULES: [Rule; 11] = [
    login_redirect,
    empty_body,
    waf_challenge,
    captcha_json,
    throttled_page,
    captcha_page,
    page_for_json,
    status_code,
    login_wall,
    missing_item,
    page_for_file,
];

/// `statusCode` of answers that come with HTTP 200. §6.3, where each code's confidence stands.
const STATUS_CODES: [(i64, Class); 14] = [
    (10204, Class::NotFound),
    (10216, Class::Private),
    (10222, Class::Private),
    (10221, Class::NotFound),
    (10202, Class::NotFound),
    (10223, Class::NotFound),
    (100002, Class::NotFound),
    (10201, Class::RequestInvalid),
    (10101, Class::LoginWall),
    (10102, Class::LoginWall),
    (209002, Class::LoginWall),
    (10000, Class::Captcha),
    (10231, Class::Region),
    (100004, Class::Region),
];

/// `statusMsg`, where it says more than the code. §6.3, below the table.
const STATUS_MESSAGES: [(&str, Class); 5] = [
    ("status_deleted", Class::Deleted),
    ("status_self_see", Class::Private),
    ("status_friend_see", Class::Private),
    ("author_secret", Class::Private),
    ("content_classification", Class::AgeGated),
];

/// Looks for a soft block; gives the page's fingerprint when there is none.
///
/// # Errors
/// The sign that was recognised.
pub fn recognise(answer: &Answer<'_>, expect: &Expect) -> Result<Option<Fingerprint>, Finding> {
    if let Some(finding) = RULES.iter().find_map(|rule| rule(answer, expect)) {
        return Err(finding);
    }
    let fingerprint = answer.list(expect).and_then(Fingerprint::of);
    match fingerprint {
        // §6.5: cursors are ignored at times, and the same page comes for ever.
        Some(found) if expect.previous == Some(found) => {
            Err(Finding::new(Class::RepeatedPage, "repeated_page", "the items are those of the page before"))
        }
        found => Ok(found),
    }
}

/// §6.4: redirect to `/login…`, followed or not.
fn login_redirect(answer: &Answer<'_>, _: &Expect) -> Option<Finding> {
    let to = answer.seen.location.filter(|_| (300..400).contains(&answer.seen.status));
    let target = to.and_then(|to| answer.seen.url.join(to).ok()).unwrap_or_else(|| answer.seen.url.clone());
    let login = target.path_segments().and_then(|mut parts| parts.next()).is_some_and(|part| part == "login");
    login.then(|| Finding::new(Class::LoginWall, "login_redirect", "redirected to the login page"))
}

/// §6.4: HTTP 200 and zero bytes from `/api/…`.
fn empty_body(answer: &Answer<'_>, expect: &Expect) -> Option<Finding> {
    let empty = answer.is_success() && !expect.may_be_empty() && answer.text.trim().is_empty();
    empty.then(|| Finding::new(Class::EmptyAnswer, "empty_body", "HTTP 200 with an empty body"))
}

/// §6.4: the proof-of-work page. `slardar-config` is on every page (§6.1) and is no sign.
fn waf_challenge(answer: &Answer<'_>, expect: &Expect) -> Option<Finding> {
    let page = answer.page_without_wanted(expect)?;
    let has = |mark: &str| page.contains(mark);
    let marked = ["_wafchallengeid", "waforiginalreid", "SlardarWAF"].into_iter().any(has);
    let waits = has("Please wait") && ["id=\"cs\"", "id='cs'", "id=cs"].into_iter().any(has);
    (marked || waits).then(|| Finding::new(Class::Waf, "waf_challenge", "the firewall's `Please wait…` page"))
}

/// §6.3: `verify_event`, `{"type":"verify"}`, `{"code":"10000"}`.
fn captcha_json(answer: &Answer<'_>, _: &Expect) -> Option<Finding> {
    let doc = answer.doc.as_ref()?;
    let event = doc.get("verify_event").is_some_and(|event| !is_void(event));
    let verify = doc.get("type").and_then(Value::as_str) == Some("verify");
    let code = doc.get("code").and_then(number) == Some(10000);
    (event || verify || code).then(|| Finding::new(Class::Captcha, "captcha_json", "the answer asks for a captcha"))
}

/// §6.4: "visiting our service too frequently".
fn throttled_page(answer: &Answer<'_>, expect: &Expect) -> Option<Finding> {
    let says = answer.page_without_wanted(expect).or_else(|| answer.message())?;
    let text = "visiting our service too frequently";
    says.contains(text).then(|| Finding::new(Class::RateLimited, "throttled_page", text))
}

/// §6.4: `div#tiktok-verify-ele`, classes `captcha-verify…`, the overlay's texts.
fn captcha_page(answer: &Answer<'_>, expect: &Expect) -> Option<Finding> {
    let page = answer.page_without_wanted(expect)?;
    let marks = ["tiktok-verify-ele", "captcha-verify", "id=\"captcha", "Verify to continue:", "Drag the slider"];
    let mark = marks.into_iter().find(|mark| page.contains(mark))?;
    Some(Finding::new(Class::Captcha, "captcha_page", &format!("the page asks for a captcha (`{mark}`)")))
}

/// §6.4: a page where JSON is expected, whatever it says.
fn page_for_json(answer: &Answer<'_>, expect: &Expect) -> Option<Finding> {
    let refused = matches!(answer.seen.status, 200..300 | 400) && expect.shape == Shape::Json;
    answer.page_without_wanted(expect).filter(|_| refused)?;
    Some(Finding::new(Class::Forbidden, "page_for_json", "a page instead of JSON"))
}

/// §6.3: soft errors. A code beside the wanted item is not one.
fn status_code(answer: &Answer<'_>, expect: &Expect) -> Option<Finding> {
    if answer.has_wanted(expect) {
        return None;
    }
    answer.parts().find_map(|part| {
        let code = ["statusCode", "status_code"].into_iter().find_map(|key| part.get(key).and_then(number))?;
        let says = ["statusMsg", "status_msg"].into_iter().find_map(|key| part.get(key)?.as_str()).unwrap_or_default();
        let class = classify_status(code, says, expect)?;
        let details = format!("statusCode {code} {says}");
        Some(Finding { code: Some(code.to_string()), ..Finding::new(class, "status_code", details.trim()) })
    })
}

fn classify_status(code: i64, says: &str, expect: &Expect) -> Option<Class> {
    if code == 0 {
        return None;
    }
    let by_message = STATUS_MESSAGES.iter().find(|(token, _)| says.contains(token)).map(|(_, class)| *class);
    let by_code = STATUS_CODES.iter().find(|(known, _)| *known == code).map(|(_, class)| *class);
    // 10215, 10404 and others appear without explanation: seen, but not understood.
    by_message.or(by_code).or(expect.want.is_some().then_some(Class::FormatDrift))
}

/// §6.4: `webapp.user-detail` with empty stats, createTime "0". §6.2: `isContentClassified` without a video, which says
/// something about the video and nothing about us.
fn login_wall(answer: &Answer<'_>, _: &Expect) -> Option<Finding> {
    let (class, sign) = answer.parts().find_map(|part| {
        let user = part.get("userInfo").filter(|info| info.get("user").is_some_and(|user| !is_void(user)));
        let item = part.pointer("/itemInfo/itemStruct").filter(|item| !is_void(item));
        let void = |of: Option<&Value>, key: &str| of.and_then(|of| of.get(key)).is_some_and(is_void_object);
        if void(user, "stats") {
            return Some((Class::LoginWall, "a profile with empty stats"));
        }
        if item.and_then(|item| item.get("createTime")).and_then(number) == Some(0) {
            return Some((Class::LoginWall, "a video with createTime 0"));
        }
        let hidden = item.is_some_and(|item| item.get("isContentClassified") == Some(&Value::Bool(true)));
        (hidden && item.is_some_and(|item| item.get("video").is_none_or(is_void)))
            .then_some((Class::AgeGated, "a video behind a login"))
    })?;
    Some(Finding::new(class, "login_wall", sign))
}

/// §6.3: statusCode 0 with itemStruct `{}` or without the list. §6.1: a page with the script and without the scope.
/// A page without the script is another site (S12: parse error → the site has changed).
fn missing_item(answer: &Answer<'_>, expect: &Expect) -> Option<Finding> {
    let want = expect.want.as_ref().filter(|_| answer.is_success() && !answer.has_wanted(expect))?;
    let empty = |details: &str| Some(Finding::new(Class::EmptyAnswer, "missing_item", details));
    match (&answer.doc, want) {
        (None, _) => {
            Some(Finding::new(Class::FormatDrift, "no_document", "the answer holds no document that is known"))
        }
        (Some(doc), _) if is_void(doc) => empty("the answer is `{}`"),
        (Some(_), Want::Item(_)) => empty("the item is absent or `{}`"),
        (Some(_), Want::List(_)) => empty("the list is absent: not even an empty one came"),
    }
}

/// A page or a text where a picture or a film should be.
fn page_for_file(answer: &Answer<'_>, expect: &Expect) -> Option<Finding> {
    let text = matches!(expect.shape, Shape::File { .. }) && answer.is_success();
    text.then(|| Finding::new(Class::Forbidden, "page_for_file", "a page or a text came instead of a file"))
}

/// Null, `{}`, `[]` or `""`.
fn is_void(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn is_void_object(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// A number, or one written as a string.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
#[path = "tests/soft_block.rs"]
mod tests;
