//! What an answer means: the official error object, then soft blocks, then the HTTP status.

use super::answer::{Answer, Expect, Finding, Fingerprint, Shape};
use super::fault::Class;
use super::platforms;
use super::profile::Route;
use super::soft_block;
use serde_json::Value;

/// `error.code` of the official endpoints (tiktok-surfaces §1) and `error` of the token endpoint (§2).
const ERROR_CODES: [(&str, Class); 20] = [
    ("access_token_invalid", Class::AuthExpired),
    ("scope_not_authorized", Class::ScopeMissing),
    ("scope_permission_missed", Class::ScopeMissing),
    ("invalid_params", Class::RequestInvalid),
    ("invalid_param", Class::RequestInvalid),
    ("invalid_request", Class::RequestInvalid),
    ("invalid_file_upload", Class::RequestInvalid),
    ("rate_limit_exceeded", Class::RateLimited),
    ("daily_quota_limit_exceeded", Class::Quota),
    ("timeout", Class::Timeout),
    ("internal_error", Class::Server),
    ("server_error", Class::Server),
    ("temporarily_unavailable", Class::Maintenance),
    ("access_denied", Class::AuthExpired),
    ("invalid_client", Class::AuthExpired),
    ("invalid_grant", Class::AuthExpired),
    ("unauthorized_client", Class::AuthExpired),
    ("invalid_scope", Class::ScopeMissing),
    ("unsupported_grant_type", Class::RequestInvalid),
    ("unsupported_response_type", Class::RequestInvalid),
];

/// What an answer means; a good page's fingerprint.
///
/// # Errors
/// What is wrong with it.
pub fn classify(route: Route, answer: &Answer<'_>, expect: &Expect) -> Result<Option<Fingerprint>, Finding> {
    if let Some(list) = answer.good_list(expect) {
        return Ok(Fingerprint::of(list));
    }
    if let Some(finding) = official_error(route, answer) {
        return Err(finding);
    }
    let fingerprint = soft_block::recognise(answer, expect)?;
    match answer.seen.status {
        200..300 => Ok(fingerprint),
        300..400 if expect.shape == Shape::Redirect => Ok(None),
        status => {
            let ended = matches!(expect.shape, Shape::File { renewed: false }) && matches!(status, 403 | 404);
            let class = if ended { Class::NotFound } else { by_status(route, status) };
            let details = format!("HTTP {status} {}", answer.message().unwrap_or_default());
            Err(Finding::new(class, "http_status", details.trim_end()))
        }
    }
}

/// `error: {code, message, log_id}` (§1), or flat and with any status (§2).
fn official_error(route: Route, answer: &Answer<'_>) -> Option<Finding> {
    let doc = answer.doc.as_ref()?;
    if let Some(error) = doc.get("error").filter(|_| matches!(route, Route::Youtube | Route::Facebook)) {
        let (class, code, details) = platforms::error(route, answer.seen.status, error)?;
        let class = class.unwrap_or_else(|| by_status(route, answer.seen.status));
        return Some(Finding { class, rule: "official_error", details, code: Some(code) });
    }
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (code, message, log_id) = match doc.get("error")? {
        Value::String(code) => (code.clone(), text(doc, "error_description"), text(doc, "log_id")),
        error @ Value::Object(_) => (text(error, "code"), text(error, "message"), text(error, "log_id")),
        _ => return None,
    };
    let status = answer.seen.status;
    if matches!(code.as_str(), "" | "ok") {
        return None;
    }
    let known = ERROR_CODES.iter().find(|(name, _)| *name == code).map(|(_, class)| *class);
    // A gateway's time-out says of a query that it is too broad, whatever the code (§3.2).
    let class = if status == 504 { Class::Timeout } else { known.unwrap_or_else(|| by_status(route, status)) };
    let log = if log_id.is_empty() { String::new() } else { format!(" (log id {log_id})") };
    let details = format!("HTTP {status} {code}: {message}{log}");
    Some(Finding { class, rule: "official_error", details, code: Some(code) })
}

/// By status alone: RFC 9110; for public pages tiktok-surfaces §6.4 and tiktok-peers S12.
fn by_status(route: Route, status: u16) -> Class {
    let official = matches!(route, Route::ResearchApi | Route::DisplayApi | Route::Youtube | Route::Facebook);
    match status {
        401 => Class::AuthExpired,
        403 if official => Class::ScopeMissing,
        403 => Class::Forbidden,
        404 if !official => Class::NotFound,
        410 => Class::Deleted,
        451 => Class::Region,
        408 | 504 => Class::Timeout,
        429 => Class::RateLimited,
        503 => Class::Maintenance,
        400..500 => Class::RequestInvalid,
        500..600 => Class::Server,
        _ => Class::FormatDrift,
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Seen;
    use super::*;
    use serde_json::json;
    use url::Url;

    fn of(route: Route, status: u16, body: &str, expect: &Expect) -> Result<Option<Fingerprint>, Finding> {
        let url = Url::parse("https://t.example/x").expect("an address");
        let seen = Seen { status, url: &url, location: Some("https://t.example/@a/video/1"), body: body.as_bytes() };
        classify(route, &Answer::read(seen), expect)
    }

    fn class(route: Route, status: u16, body: &str) -> Class {
        of(route, status, body, &Expect::document()).expect_err("a fault").class
    }

    #[test]
    fn official_errors_in_both_forms() {
        for (code, expected) in ERROR_CODES {
            let nested = json!({"data": {}, "error": {"code": code, "message": "m", "log_id": "l"}});
            let flat = json!({"error": code, "error_description": "m", "log_id": "l"});
            for body in [nested, flat] {
                let found = of(Route::ResearchApi, 200, &body.to_string(), &Expect::document()).expect_err("an error");
                assert_eq!((found.class, found.code.as_deref()), (expected, Some(code)));
                assert_eq!(found.details, format!("HTTP 200 {code}: m (log id l)"));
            }
        }
        let ok = json!({"data": {"videos": []}, "error": {"code": "ok", "message": ""}});
        assert!(of(Route::ResearchApi, 200, &ok.to_string(), &Expect::document()).is_ok());
        assert_eq!(class(Route::ResearchApi, 504, "{\"error\":{\"code\":\"internal_error\"}}"), Class::Timeout);
        assert_eq!(class(Route::ResearchApi, 429, "{\"error\":{\"code\":\"new_one\"}}"), Class::RateLimited);
    }

    #[test]
    fn statuses() {
        for (status, official, page) in [
            (401, Class::AuthExpired, Class::AuthExpired),
            (403, Class::ScopeMissing, Class::Forbidden),
            (404, Class::RequestInvalid, Class::NotFound),
            (410, Class::Deleted, Class::Deleted),
            (429, Class::RateLimited, Class::RateLimited),
            (451, Class::Region, Class::Region),
            (500, Class::Server, Class::Server),
            (503, Class::Maintenance, Class::Maintenance),
            (504, Class::Timeout, Class::Timeout),
            (302, Class::FormatDrift, Class::FormatDrift),
            (418, Class::RequestInvalid, Class::RequestInvalid),
        ] {
            assert_eq!(
                (class(Route::DisplayApi, status, ""), class(Route::Web, status, "")),
                (official, page),
                "{status}"
            );
        }
        assert_eq!(of(Route::ShortLink, 301, "", &Expect::redirect()), Ok(None));
    }

    #[test]
    fn a_firewall_page_says_more_than_its_status() {
        assert_eq!(class(Route::Web, 403, "<html class=\"_wafchallengeid\">"), Class::Waf);
        assert_eq!(class(Route::Web, 503, "<div id=\"tiktok-verify-ele\">"), Class::Captcha);
    }
}
