//! The website: short links, cards, the pages of videos, profiles, hashtags and sounds, and what their scripts call.
//!
//! TikTok has a host per kind of short link, the sandbox one host for all: `vm.tiktok.com/CODE/` is `/vm/CODE/` here,
//! `vt.tiktok.com/CODE/` is `/vt/CODE/`. Short links redirect to `https://www.tiktok.com/…`, as TikTok's do. Addresses of
//! pictures and films are the sandbox's own, so that a browser that shows its pages asks nobody else.

mod film;
mod item;
mod lists;
mod media;
mod page;
mod pages;
mod picture;

pub(super) use media::cover;
pub(super) use pages::address;

use super::answer::{Answer, Refusal};
use super::oembed;
use super::shared::Shared;
use crate::world::ShortTarget;
use crate::{Endpoint, FaultKind};
use serde_json::json;
use std::collections::HashMap;

/// Paths and whose they are.
pub(super) const ROUTES: [(&str, Endpoint); 18] = [
    ("/oembed", Endpoint::Oembed),
    ("/t/{code}", Endpoint::ShortLink),
    ("/vm/{code}", Endpoint::ShortLink),
    ("/vt/{code}", Endpoint::ShortLink),
    ("/share/video/{id}", Endpoint::VideoPage),
    ("/v/{page}", Endpoint::VideoPage),
    ("/@{handle}/video/{id}", Endpoint::VideoPage),
    ("/@/video/{id}", Endpoint::VideoPage),
    ("/@{handle}", Endpoint::UserPage),
    ("/tag/{name}", Endpoint::TagPage),
    ("/music/{slug}", Endpoint::SoundPage),
    ("/api/post/item_list", Endpoint::ItemList),
    ("/api/challenge/item_list", Endpoint::ItemList),
    ("/api/music/item_list", Endpoint::ItemList),
    ("/obj/{name}", Endpoint::Media),
    ("/video/tos/{name}", Endpoint::Media),
    ("/login", Endpoint::Login),
    ("/robots.txt", Endpoint::Robots),
];

/// What robots may not ask for: nothing that holds videos.
const ROBOTS: &str = "User-agent: *\nDisallow: /login\nDisallow: /inbox\nDisallow: /messages\n";

/// The same, when nobody is to ask for anything.
const CLOSED: &str = "User-agent: *\nDisallow: /\n";

/// What answers need to know: whose they are, and by which host they were asked for.
struct Site<'a> {
    shared: &'a Shared,
    host: &'a str,
}

/// A request to the website.
pub(super) struct Asked<'a> {
    pub(super) path: &'a str,
    pub(super) host: &'a str,
    pub(super) parameters: &'a HashMap<String, String>,
}

/// Answers a request to the website.
pub(super) fn answer(shared: &Shared, endpoint: Endpoint, asked: &Asked<'_>) -> Answer {
    if let Some(trouble) = trouble(shared, endpoint) {
        return trouble;
    }
    let (path, site) = (asked.path, Site { shared, host: asked.host });
    if let Some(refusal) = pages::soft_status(shared, endpoint) {
        return refusal;
    }
    let last = decoded(path.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
    match endpoint {
        Endpoint::Oembed => oembed::answer(shared, asked.host, asked.parameters.get("url").map(String::as_str)),
        Endpoint::ShortLink => short_link(shared, path, &last),
        Endpoint::UserPage => pages::user(&site, &last),
        Endpoint::TagPage => pages::tag(&site, &last),
        Endpoint::SoundPage => pages::sound(&site, &last),
        Endpoint::ItemList => lists::answer(&site, path, asked.parameters),
        Endpoint::Media => media::answer(shared, path, asked.parameters),
        Endpoint::Login => Answer::html(200, page::LOGIN),
        Endpoint::Robots => {
            let closed = shared.strikes(FaultKind::RobotsClosed, endpoint);
            Answer { content_type: "text/plain", ..Answer::html(200, if closed { CLOSED } else { ROBOTS }) }
        }
        _ => pages::video(&site, path, &last),
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
    if strikes(FaultKind::Unavailable) {
        return Some(Answer::html(503, "<html><body>Service Unavailable</body></html>"));
    }
    if endpoint.is_page() && strikes(FaultKind::NotFound) {
        return Some(Answer::html(404, "<html><body>Not Found</body></html>"));
    }
    if strikes(FaultKind::InternalError) {
        return Some(Answer::json(500, &json!({"message": "Internal Server Error", "code": 500})));
    }
    if strikes(FaultKind::GatewayTimeout) {
        return Some(Refusal::new(504, "timeout", "").into_answer(shared));
    }
    let pages = [
        (FaultKind::HtmlPage, page::WAIT),
        (FaultKind::CaptchaPage, page::CAPTCHA),
        (FaultKind::ThrottledPage, page::TOO_OFTEN),
    ];
    if let Some((_, page)) = pages.into_iter().find(|(kind, _)| strikes(*kind)) {
        return Some(Answer::html(200, page));
    }
    if strikes(FaultKind::EmptyBody) {
        let content_type = if endpoint.is_page() { "text/html" } else { "application/json" };
        return Some(Answer { content_type, ..Answer::html(200, "") });
    }
    // Pages redirect within the site, so that a browser stays on the loopback.
    let site = if endpoint.is_page() { "" } else { "https://www.tiktok.com" };
    let login = format!("{site}/login?redirect_url=https%3A%2F%2Fwww.tiktok.com");
    strikes(FaultKind::LoginRedirect).then(|| Answer::redirect(302, login))
}

/// A segment of a path without its percent-encoding.
fn decoded(segment: &str) -> String {
    let mut bytes = segment.as_bytes().iter();
    let mut out = Vec::with_capacity(segment.len());
    while let Some(&byte) = bytes.next() {
        let rest = bytes.as_slice();
        let hex = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| byte == b'%') {
            Some(escaped) => {
                out.push(escaped);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
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
