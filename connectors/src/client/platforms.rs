//! What the error objects of other platforms' APIs mean.

use super::fault::Class;
use super::profile::Route;
use serde_json::Value;

/// Google: `errors[].reason` (developers.google.com/youtube/v3/docs/errors, and `usageLimits` of
/// developers.google.com/webmaster-tools/v1/errors, the standard errors of its older APIs) and `details[].reason` of
/// newer ones (google.rpc.ErrorInfo).
const GOOGLE: [(&str, Class); 27] = [
    ("quotaExceeded", Class::Quota),
    ("dailyLimitExceeded", Class::Quota),
    ("rateLimitExceeded", Class::RateLimited),
    ("userRateLimitExceeded", Class::RateLimited),
    ("RATE_LIMIT_EXCEEDED", Class::RateLimited),
    ("keyInvalid", Class::AuthExpired),
    ("keyExpired", Class::AuthExpired),
    ("API_KEY_INVALID", Class::AuthExpired),
    ("accessNotConfigured", Class::ScopeMissing),
    ("SERVICE_DISABLED", Class::ScopeMissing),
    ("ipRefererBlocked", Class::ScopeMissing),
    ("API_KEY_SERVICE_BLOCKED", Class::ScopeMissing),
    ("API_KEY_IP_ADDRESS_BLOCKED", Class::ScopeMissing),
    ("API_KEY_HTTP_REFERRER_BLOCKED", Class::ScopeMissing),
    ("backendError", Class::Server),
    ("internalError", Class::Server),
    ("processingFailure", Class::Server),
    ("notFound", Class::NotFound),
    ("videoNotFound", Class::NotFound),
    ("channelNotFound", Class::NotFound),
    ("playlistNotFound", Class::NotFound),
    ("channelForbidden", Class::Private),
    ("playlistItemsNotAccessible", Class::Private),
    ("commentsDisabled", Class::Private),
    ("channelClosed", Class::Deleted),
    ("channelSuspended", Class::Deleted),
    ("invalidPageToken", Class::RequestInvalid),
];

/// Facebook: `error.code` (developers.facebook.com/docs/graph-api/guides/error-handling and …/overview/rate-limiting).
const GRAPH: [(i64, Class); 15] = [
    (1, Class::Server),
    (2, Class::Maintenance),
    (3, Class::ScopeMissing),
    (4, Class::RateLimited),
    (10, Class::ScopeMissing),
    (17, Class::RateLimited),
    (32, Class::RateLimited),
    (100, Class::RequestInvalid),
    (102, Class::AuthExpired),
    (190, Class::AuthExpired),
    (341, Class::RateLimited),
    (368, Class::Forbidden),
    (613, Class::RateLimited),
    (803, Class::NotFound),
    // Page calls by the limits of business use cases.
    (80_001, Class::RateLimited),
];

/// `error_subcode` of code 100: the object does not exist, or is not to be seen.
const NO_OBJECT: i64 = 33;

/// What an error object means, as far as it says so; its code; its words. `None` when it is no error.
pub(super) fn error(route: Route, status: u16, error: &Value) -> Option<(Option<Class>, String, String)> {
    let (class, code) = if route == Route::Youtube { google(error) } else { graph(error) }?;
    let message = plain(error.get("message").and_then(Value::as_str).unwrap_or_default());
    let details = format!("HTTP {status} {code}: {message}");
    Some((class, code, details))
}

fn google(error: &Value) -> Option<(Option<Class>, String)> {
    let list = |name: &str| error.get(name).and_then(Value::as_array).into_iter().flatten();
    let reasons = || list("details").chain(list("errors")).filter_map(|entry| entry.get("reason")?.as_str());
    // Limits per minute and per day share a reason; the unit tells them apart (seen of Google's other APIs).
    let daily = list("details")
        .filter_map(|entry| entry.pointer("/metadata/quota_unit")?.as_str())
        .any(|unit| unit.contains("/d/"));
    let class = |reason: &str| GOOGLE.iter().find(|(known, _)| *known == reason).map(|(_, class)| *class);
    let known = reasons().find_map(|reason| Some((class(reason)?, reason)));
    match known {
        Some((Class::RateLimited, reason)) if daily => Some((Some(Class::Quota), reason.to_owned())),
        Some((class, reason)) => Some((Some(class), reason.to_owned())),
        None => {
            let code = || error.get("code").map(Value::to_string);
            Some((None, reasons().next().map(str::to_owned).or_else(code)?))
        }
    }
}

fn graph(error: &Value) -> Option<(Option<Class>, String)> {
    let number = |name: &str| error.get(name).and_then(Value::as_i64);
    let code = number("code")?;
    let subcode = number("error_subcode");
    let class = match code {
        100 if subcode == Some(NO_OBJECT) => Some(Class::NotFound),
        200..300 => Some(Class::ScopeMissing),
        _ => GRAPH.iter().find(|(known, _)| *known == code).map(|(_, class)| *class),
    };
    Some((class, subcode.map_or_else(|| code.to_string(), |subcode| format!("{code}/{subcode}"))))
}

/// Google's messages hold markup now and then.
fn plain(text: &str) -> String {
    let parts = text.split('<').enumerate();
    parts.map(|(at, part)| if at == 0 { part } else { part.split_once('>').map_or(part, |(_, rest)| rest) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn google_errors_of_both_forms() {
        let of = |error_object: Value| error(Route::Youtube, 403, &error_object).expect("an error");
        let old = json!({"code": 403, "message": "over your <a href=\"/q\">quota</a>.",
                         "errors": [{"domain": "youtube.quota", "reason": "quotaExceeded"}]});
        let (class, code, details) = of(old);
        assert_eq!((class, code.as_str()), (Some(Class::Quota), "quotaExceeded"));
        assert_eq!(details, "HTTP 403 quotaExceeded: over your quota.");
        let key = json!({"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT",
                         "errors": [{"domain": "global", "reason": "badRequest"}],
                         "details": [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}]});
        assert_eq!(of(key).0, Some(Class::AuthExpired));
        let limit = |unit: &str| {
            of(json!({"code": 429, "message": "", "errors": [{"reason": "rateLimitExceeded"}],
                      "details": [{"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_unit": unit}}]}))
            .0
        };
        assert_eq!((limit("1/min/{project}"), limit("1/d/{project}")), (Some(Class::RateLimited), Some(Class::Quota)));
        assert_eq!(of(json!({"code": 418, "message": "x"})).1, "418");
        assert_eq!(error(Route::Youtube, 400, &json!({})), None);
    }

    #[test]
    fn every_code_of_the_graph() {
        let of = |code: i64, subcode: Option<i64>| {
            let body = json!({"message": "m", "type": "OAuthException", "code": code, "error_subcode": subcode});
            error(Route::Facebook, 400, &body).expect("an error")
        };
        for (code, class) in GRAPH {
            assert_eq!(of(code, None).0, Some(class), "{code}");
        }
        assert_eq!(of(100, Some(33)).0, Some(Class::NotFound));
        assert_eq!(of(230, None).0, Some(Class::ScopeMissing));
        assert_eq!(of(190, Some(463)).1, "190/463");
        assert_eq!(of(999, None).0, None);
    }
}
