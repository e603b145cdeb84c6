//! Of the website: short links, and the addresses that redirect to a video's page.
//!
//! TikTok has a host per kind of short link, the sandbox one host for all: `vm.tiktok.com/CODE/` is `/vm/CODE/` here,
//! `vt.tiktok.com/CODE/` is `/vt/CODE/`. Redirects lead to `https://www.tiktok.com/…`, as TikTok's do.

use super::answer::{Answer, Refusal};
use super::oembed;
use super::shared::Shared;
use crate::world::{self, ShortTarget, Video};
use crate::{Endpoint, FaultKind};
use serde_json::json;
use std::collections::HashMap;

/// Paths and whose they are.
pub(super) const ROUTES: [(&str, Endpoint); 8] = [
    ("/oembed", Endpoint::Oembed),
    ("/t/{code}", Endpoint::ShortLink),
    ("/vm/{code}", Endpoint::ShortLink),
    ("/vt/{code}", Endpoint::ShortLink),
    ("/share/video/{id}", Endpoint::VideoPage),
    ("/v/{page}", Endpoint::VideoPage),
    ("/@{handle}/video/{id}", Endpoint::VideoPage),
    ("/@/video/{id}", Endpoint::VideoPage),
];

/// The page of the firewall, cut down to what tells it from others.
const WAIT: &str = "<!DOCTYPE html><html><head><title>Please wait...</title></head><body><p id=\"cs\" class=\"e30=\"></p>\
                    <p id=\"wci\" class=\"_wafchallengeid\"></p></body></html>";

/// Answers a request to the website.
pub(super) fn answer(shared: &Shared, endpoint: Endpoint, path: &str, parameters: &HashMap<String, String>) -> Answer {
    if let Some(trouble) = trouble(shared, endpoint) {
        return trouble;
    }
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match endpoint {
        Endpoint::Oembed => oembed::answer(shared, parameters.get("url").map(String::as_str)),
        Endpoint::ShortLink => short_link(shared, path, last),
        _ => video_page(shared, path, last),
    }
}

/// What goes wrong before anybody looks at what is asked for.
fn trouble(shared: &Shared, endpoint: Endpoint) -> Option<Answer> {
    let strikes = |kind| shared.strikes(kind, endpoint);
    if strikes(FaultKind::RateLimit) {
        let body =
            json!({"message": "You are visiting our service too frequently, please try again later.", "code": 429});
        return Some(Answer::json(429, &body));
    }
    if strikes(FaultKind::Forbidden) {
        return Some(Answer::html(403, "<html><body>Access Denied</body></html>"));
    }
    if strikes(FaultKind::InternalError) {
        return Some(Answer::json(500, &json!({"message": "Internal Server Error", "code": 500})));
    }
    if strikes(FaultKind::GatewayTimeout) {
        return Some(Refusal::new(504, "timeout", "").into_answer(shared));
    }
    if strikes(FaultKind::HtmlPage) {
        return Some(Answer::html(200, WAIT));
    }
    if strikes(FaultKind::EmptyBody) {
        return Some(Answer { content_type: "application/json", ..Answer::html(200, "") });
    }
    let login = "https://www.tiktok.com/login?redirect_url=https%3A%2F%2Fwww.tiktok.com";
    strikes(FaultKind::LoginRedirect).then(|| Answer::redirect(302, login))
}

/// A short link leads to what it stands for, with the parameters of sharing; a dead one to the home page.
fn short_link(shared: &Shared, path: &str, code: &str) -> Answer {
    if shared.strikes(FaultKind::ShortLoop, Endpoint::ShortLink) {
        let host = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let site = if host == "t" { "www.tiktok.com/t".to_owned() } else { format!("{host}.tiktok.com") };
        return Answer::redirect(302, format!("https://{site}/{code}/"));
    }
    let found = shared.world.by_short_code(code);
    let dead = shared.strikes(FaultKind::ShortExpired, Endpoint::ShortLink);
    match found.filter(|_| !dead) {
        Some(ShortTarget::Video(video)) => Answer::redirect(301, format!("{}?_t=8sandbox&_r=1", address(&video))),
        Some(ShortTarget::Creator(creator)) => {
            Answer::redirect(301, format!("https://www.tiktok.com/@{}?_t=8sandbox&_r=1", creator.handle))
        }
        None => Answer::redirect(302, "https://www.tiktok.com/?_r=1"),
    }
}

/// `/share/video/ID` and `/v/ID.html` lead to `/@/video/ID`, which is a page, as is `/@handle/video/ID`. A video that
/// cannot be seen has a page, too: the website's errors are soft.
fn video_page(shared: &Shared, path: &str, last: &str) -> Answer {
    let id = last.strip_suffix(".html").unwrap_or(last);
    if !path.starts_with("/@") {
        return Answer::redirect(301, format!("https://www.tiktok.com/@/video/{id}"));
    }
    let video = id.parse().ok().and_then(|id| shared.world.video_by_id(id));
    match video.filter(|video| video.is_available(shared.now())) {
        Some(video) => {
            let head = format!("<link rel=\"canonical\" href=\"{}\">", address(&video));
            Answer::html(200, format!("<!DOCTYPE html><html><head>{head}</head><body></body></html>"))
        }
        None => Answer::html(200, "<!DOCTYPE html><html><body>Video currently unavailable</body></html>"),
    }
}

/// The address of a video's page.
pub(super) fn address(video: &Video<'_>) -> String {
    format!("https://www.tiktok.com/@{}/video/{}", world::handle_of(video), video.id())
}
