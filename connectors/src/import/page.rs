//! Whole HTML pages: the state documents in their scripts, found by the script's id, never by position.

use super::Shape;
use super::read::read_json;
use super::scope::Scope;
use super::sink::Sink;
use scraper::{Html, Selector};
use serde_json::Value;

/// The scripts that carry a page's state, in every era.
const SCRIPTS: [&str; 5] = [
    "__UNIVERSAL_DATA_FOR_REHYDRATION__",
    "SIGI_STATE",
    "sigi-persisted-data",
    "__NEXT_DATA__",
    "__FRONTITY_CONNECT_STATE__",
];

/// Reads a page; `None` when it is not one of TikTok's.
pub(super) fn read(html: &str, scope: &Scope, sink: &mut Sink) -> Option<Shape> {
    let scope = scope.within(Shape::WebPage);
    let states = states(html);
    if states.is_empty() {
        sink.note(format!("holds no record: {}", refusal(html)?));
        return Some(Shape::WebPage);
    }
    let mut understood = false;
    for state in &states {
        understood |= read_json(state, &scope, sink).is_some();
    }
    if !understood {
        sink.note("holds no record: the page's state has none of the known parts");
    }
    Some(Shape::WebPage)
}

/// Reads a saved script: `window['SIGI_STATE']=…;`.
pub(super) fn read_script(script: &str, scope: &Scope, sink: &mut Sink) -> Option<Shape> {
    let named = SCRIPTS.iter().any(|id| script.contains(id));
    read_json(&first_json(script).filter(|_| named)?, scope, sink)
}

fn states(html: &str) -> Vec<Value> {
    let document = Html::parse_document(html);
    let mut found = Vec::new();
    for id in SCRIPTS {
        let Ok(selector) = Selector::parse(&format!("script[id=\"{id}\"]")) else { continue };
        let scripts = document.select(&selector).map(|script| script.text().collect::<String>());
        found.extend(scripts.filter_map(|script| first_json(&script)));
    }
    if found.is_empty() {
        found.extend(assigned(&document));
    }
    found
}

/// Scripts without an id that assign the state: `window['SIGI_STATE']={…};`.
fn assigned(document: &Html) -> Option<Value> {
    let scripts = Selector::parse("script").ok()?;
    let texts = document.select(&scripts).map(|script| script.text().collect::<String>());
    texts.filter(|script| SCRIPTS.iter().any(|id| script.contains(id))).find_map(|script| first_json(&script))
}

/// The first JSON object of a script; what follows it is code.
fn first_json(script: &str) -> Option<Value> {
    let start = script.find('{')?;
    let text = tidelake_schemas::json::repair(&script.as_bytes()[start..]);
    serde_json::Deserializer::from_str(&text).into_iter::<Value>().next()?.ok()
}

/// What a page of TikTok without a state is.
fn refusal(html: &str) -> Option<&'static str> {
    let page = html.to_ascii_lowercase();
    let has = |marks: &[&str]| marks.iter().any(|mark| page.contains(mark));
    if has(&["captcha", "tiktok-verify-ele"]) {
        return Some("captcha page");
    }
    if has(&["_wafchallengeid", "waforiginalreid"]) || (has(&["please wait"]) && has(&["id=\"cs\""])) {
        return Some("proof-of-work page (\"Please wait…\")");
    }
    if has(&["too frequently"]) {
        return Some("throttled page");
    }
    has(&["tiktok"]).then_some("a TikTok page without a state document (login wall or soft refusal)")
}
