//! What the website's pages look like to a browser: the state document, and around it what a person sees.

use super::super::answer::Answer;
use super::super::oembed::escaped;
use serde_json::{Value, json};

/// The page of the firewall, cut down to what tells it from others.
pub(super) const WAIT: &str = "<!DOCTYPE html><html><head><title>Please wait...</title></head><body><p id=\"cs\" class=\"e30=\"></p>\
                               <p id=\"wci\" class=\"_wafchallengeid\"></p></body></html>";

/// The page in front of which a captcha stands.
pub(super) const CAPTCHA: &str = "<!DOCTYPE html><html><head><title>Security Check</title></head><body>\
                                  <div id=\"tiktok-verify-ele\"><div class=\"captcha-verify-container\">Drag the \
                                  slider to fit the puzzle</div></div></body></html>";

/// The page for those who ask too often.
pub(super) const TOO_OFTEN: &str = "<!DOCTYPE html><html><head><title>TikTok</title></head><body>You are visiting our \
                                    service too frequently, please try again later.</body></html>";

/// Where redirects to the login lead.
pub(super) const LOGIN: &str = "<!DOCTYPE html><html><head><title>Log in | TikTok</title></head><body>\
                                <h2>Log in to TikTok</h2></body></html>";

/// A captcha that stands over a page whose data is good.
pub(super) const OVERLAY: &str = "<div id=\"tiktok-verify-ele\"><div class=\"captcha-verify-container dialog\">Drag the slider to \
                                  fit the puzzle</div></div>";

/// How pages look.
const STYLE: &str = include_str!("style.css");

/// The script that loads a grid's next videos when its end comes into view.
const GRID: &str = include_str!("grid.js");

/// A page.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) canonical: String,
    /// The part of the state that the page is about: its name and what it holds.
    pub(super) detail: (&'static str, Value),
    /// What a person sees, as HTML.
    pub(super) body: String,
    /// Which list the page's script loads.
    pub(super) grid: Option<Value>,
}

impl Page {
    /// The page as an answer.
    pub(super) fn answer(self) -> Answer {
        Answer { content_type: "text/html; charset=utf-8", ..Answer::html(200, self.html()) }
    }

    fn html(self) -> String {
        let (name, detail) = self.detail;
        let mut scope = json!({
            "webapp.app-context": {"language": "en", "region": "US", "appId": 1988, "user": null},
            "webapp.biz-context": {"domains": {}},
            "seo.abtest": {"canonical": self.canonical},
        });
        scope[name] = detail;
        let state = in_script(&json!({"__DEFAULT_SCOPE__": scope}));
        let (title, canonical) = (escaped(&self.title), escaped(&self.canonical));
        let grid = self.grid.map(|grid| {
            format!(
                "<script id=\"grid\" type=\"application/json\">{}</script><script>{GRID}</script>",
                in_script(&grid)
            )
        });
        format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <link rel=\"canonical\" href=\"{canonical}\"><style>{STYLE}</style></head><body>\
             <script id=\"slardar-config\" type=\"application/json\">{{}}</script>\
             <script id=\"__UNIVERSAL_DATA_FOR_REHYDRATION__\" type=\"application/json\">{state}</script>\
             <div id=\"app\">{body}</div>{grid}</body></html>",
            body = self.body,
            grid = grid.unwrap_or_default(),
        )
    }
}

/// The list of a grid, empty until the page's script fills it.
pub(super) fn empty_grid(list: &str) -> String {
    format!("<div data-e2e=\"{list}\"></div><div id=\"end\"></div>")
}

/// JSON that may stand in a script element.
fn in_script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003C")
}
