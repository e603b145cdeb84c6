//! Answers in which the website refuses: soft errors with HTTP status 200.

use super::fields::{any, int, text};
use serde_json::Value;

/// What the refusal is, if the answer is one.
pub(super) fn of(answer: &Value) -> Option<String> {
    if any(answer, &["verify_event"]).is_some() || text(answer, &["type"]).as_deref() == Some("verify") {
        let status = status(answer).unwrap_or(10_000);
        return Some(format!("captcha answer (status {status})"));
    }
    let status = status(answer).filter(|status| *status != 0)?;
    let said = text(answer, &["statusMsg", "status_msg", "message", "msg"]);
    let said = said.map(|s| format!(", \"{}\"", s.chars().take(80).collect::<String>())).unwrap_or_default();
    Some(format!("{} (status {status}{said})", meaning(status)))
}

/// The status of an answer, under any of its names.
fn status(answer: &Value) -> Option<i64> {
    int(answer, &["statusCode", "status_code"])
        .filter(|status| *status != 0)
        .or_else(|| int(answer, &["code", "status_code", "statusCode"]))
        // HTTP status codes that say "fine".
        .map(|status| if (200..300).contains(&status) { 0 } else { status })
}

fn meaning(status: i64) -> &'static str {
    match status {
        10_000 => "captcha answer",
        10_101 | 10_102 | 209_002 => "login required",
        10_201 => "invalid parameter",
        10_202 | 10_221 | 10_223 => "account not found",
        10_204 | 100_002 => "video removed, or not shown in this region",
        10_216 => "private post",
        10_222 => "private account",
        10_231 | 100_004 => "not available in this region",
        _ => "refused by the website",
    }
}

/// Whether an object is nothing but a refusal: a status, and no other content that readers know.
pub(super) fn is_whole(answer: &Value) -> bool {
    let Value::Object(map) = answer else { return false };
    let has = |keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
    let known = has(&["statusCode", "status_code", "verify_event"]);
    let verify = text(answer, &["type"]).is_some_and(|kind| kind == "verify");
    let terse = has(&["code"]) && (has(&["message", "msg"]) || map.len() == 1);
    ((known || verify || terse) && of(answer).is_some()) || is_hollow(answer)
}

/// An answer that says all is well and holds nothing: how the website refuses without saying so.
fn is_hollow(answer: &Value) -> bool {
    let marks = ["log_pb", "extra", "hasMore", "has_more", "cursor", "shareMeta"];
    int(answer, &["statusCode", "status_code"]) == Some(0) && any(answer, &marks).is_some()
}

/// What to say of an answer that [`is_whole`].
pub(super) fn told(answer: &Value) -> String {
    of(answer).unwrap_or_else(|| "status 0 and no content (the website's soft refusal)".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refusals_are_named() {
        assert_eq!(of(&json!({"statusCode": 0, "status_code": 0})), None);
        assert_eq!(of(&json!({"code": 200, "data": {}})), None);
        assert_eq!(of(&json!({"statusCode": 10000})).as_deref(), Some("captcha answer (status 10000)"));
        assert_eq!(of(&json!({"code": "10000", "type": "verify"})).as_deref(), Some("captcha answer (status 10000)"));
        assert_eq!(
            of(&json!({"status_code": 10204, "status_msg": "item doesn't exist"})).as_deref(),
            Some("video removed, or not shown in this region (status 10204, \"item doesn't exist\")")
        );
        assert!(is_whole(&json!({"statusCode": 0, "hasMore": false, "cursor": "0"})));
        assert!(is_whole(&json!({"message": "Something went wrong", "code": 400})));
        assert!(!is_whole(&json!({"status": 200, "headers": {}})));
    }
}
