//! How much of its limit a source says is used, in headers of its answers, so that we slow down before we are refused.
//!
//! Facebook's `X-App-Usage`, `X-Page-Usage` (`{"call_count":28,"total_time":25,"total_cputime":25}`, percent of what a
//! rolling hour allows) and, for page tokens, `X-Business-Use-Case-Usage` (the same in lists by business id, with
//! `estimated_time_to_regain_access` in minutes): developers.facebook.com/docs/graph-api/overview/rate-limiting.

use super::fault::Class;
use super::profile::Route;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::Duration;

const HEADERS: [&str; 3] = ["x-app-usage", "x-page-usage", "x-business-use-case-usage"];

/// Limits are over a rolling hour.
const WINDOW: Duration = Duration::from_secs(3600);

/// From this share on, in percent, requests pause.
const FROM: u32 = 80;

/// Refused without a word about when: calls while throttled prolong it (as above, "Best Practices").
const REFUSED: Duration = Duration::from_secs(900);

/// What a source says about its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The most used of its limits, in percent; above 100 when it is exceeded.
    pub percent: u32,
    /// How long until it lets us in again, when it does not.
    pub regain: Option<Duration>,
}

impl Usage {
    /// How long to pause: as the source says, else the share of the hour by which `percent` is above 80 %, since a rolling
    /// window frees as much in that time.
    pub fn pause(self) -> Option<Duration> {
        let share = self.percent.checked_sub(FROM).map(|over| WINDOW.mul_f64(f64::from(over.clamp(1, 100)) / 100.0));
        self.regain.or(share)
    }

    fn or_more(self, other: Self) -> Self {
        Self { percent: self.percent.max(other.percent), regain: self.regain.max(other.regain) }
    }
}

/// What the headers of an answer say; `None` when they do not.
pub(super) fn read(headers: &HeaderMap) -> Option<Usage> {
    let texts = HEADERS.iter().filter_map(|name| headers.get(*name)?.to_str().ok());
    texts.filter_map(|text| of(&serde_json::from_str(text).ok()?)).reduce(Usage::or_more)
}

fn of(value: &Value) -> Option<Usage> {
    match value {
        Value::Array(list) => list.iter().filter_map(of).reduce(Usage::or_more),
        Value::Object(fields) => {
            let number = |name: &str| fields.get(name)?.as_f64();
            let shares = ["call_count", "total_time", "total_cputime"];
            let here = shares.into_iter().filter_map(number).reduce(f64::max).map(|percent| Usage {
                // A share in percent; the cast saturates.
                percent: percent.ceil() as u32,
                regain: number("estimated_time_to_regain_access")
                    .filter(|minutes| *minutes > 0.0)
                    .and_then(|minutes| Duration::try_from_secs_f64(minutes * 60.0).ok()),
            });
            here.or_else(|| fields.values().filter_map(of).reduce(Usage::or_more))
        }
        _ => None,
    }
}

/// How long to leave a source alone that has refused us for its limit and named no time.
pub(super) fn after_refusal(route: Route, class: Class, usage: Option<Usage>) -> Option<Duration> {
    let throttled = route == Route::Facebook && class == Class::RateLimited;
    throttled.then(|| usage.and_then(|usage| usage.regain).unwrap_or(REFUSED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(header: &'static str, text: &'static str) -> Option<Usage> {
        let mut headers = HeaderMap::new();
        headers.insert(header, reqwest::header::HeaderValue::from_static(text));
        read(&headers)
    }

    #[test]
    fn headers_of_both_forms() {
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        let app = usage("x-app-usage", r#"{"call_count":28,"total_time":85.5,"total_cputime":25}"#).expect("a usage");
        assert_eq!((app.percent, app.pause()), (86, Some(WINDOW.mul_f64(0.06))));
        let low = usage("x-app-usage", r#"{"call_count":28}"#).expect("a usage");
        assert_eq!(low.pause(), None);
        let text = r#"{"17":[{"type":"pages","call_count":100,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":19}],
                       "18":[{"type":"pages","call_count":3,"estimated_time_to_regain_access":0}]}"#;
        let text: &'static str = Box::leak(text.replace('\n', " ").into_boxed_str());
        let page = usage("x-business-use-case-usage", text).expect("a usage");
        assert_eq!((page.percent, page.pause()), (100, minutes(19)));
        for nothing in ["", "{}", "no JSON", "[]", "7"] {
            assert_eq!(usage("x-app-usage", nothing), None, "{nothing}");
        }
        assert_eq!(after_refusal(Route::Facebook, Class::RateLimited, Some(page)), minutes(19));
        assert_eq!(after_refusal(Route::Facebook, Class::RateLimited, None), minutes(15));
        assert_eq!(after_refusal(Route::Youtube, Class::RateLimited, None), None);
        assert_eq!(after_refusal(Route::Facebook, Class::Server, None), None);
    }
}
