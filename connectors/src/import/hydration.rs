//! The state documents of whole pages, of every era. Only what is public on the page is read: the viewer's own
//! account, which they also hold, is not.

use super::fields::{any, list};
use super::scope::Scope;
use super::sink::Sink;
use super::{Shape, comment, envelope, item, refusal, user};
use serde_json::{Map, Value, json};

/// Reads a state document.
pub(super) fn read(shape: Shape, state: &Value, scope: &Scope, sink: &mut Sink) {
    match shape {
        Shape::SigiState => read_sigi(state, scope, sink),
        Shape::NextData => read_next(state, scope, sink),
        Shape::EmbedState => read_embed(state, scope, sink),
        _ => read_universal(state, scope, sink),
    }
    if sink.is_empty() {
        sink.note("holds no record: the page carries no video, profile or hashtag (login wall or soft refusal)");
    }
}

/// `__DEFAULT_SCOPE__`: one entry per part of the page.
fn read_universal(state: &Value, scope: &Scope, sink: &mut Sink) {
    let parts = state.get("__DEFAULT_SCOPE__").unwrap_or(state);
    let parts = || parts.as_object().into_iter().flatten();
    // Profiles first: they count more exactly than the items of the same page.
    let (profiles, others): (Vec<_>, Vec<_>) = parts().partition(|(_, part)| part.get("userInfo").is_some());
    for (name, part) in profiles.into_iter().chain(others) {
        match part {
            Value::Array(entries) if name == "webapp.updated-items" => {
                entries.iter().for_each(|entry| envelope::read_entry(entry, scope, sink));
            }
            Value::Object(_) if envelope::has_parts(part) || is_refused_detail(name, part) => {
                envelope::read(part, scope, sink);
            }
            _ => {}
        }
    }
}

/// `webapp.video-detail` with a status and no item.
fn is_refused_detail(name: &str, part: &Value) -> bool {
    name.ends_with("-detail") && refusal::of(part).is_some()
}

/// `ItemModule`, `UserModule`, `CommentItem`, keyed by id.
fn read_sigi(state: &Value, scope: &Scope, sink: &mut Sink) {
    let users = module(state, "UserModule", "users");
    let stats = module(state, "UserModule", "stats");
    for (handle, user) in users {
        let info = json!({"user": user, "stats": stats.clone().find(|(of, _)| *of == handle).map(|(_, s)| s)});
        user::read_info(&info, scope, sink);
    }
    for (_, entry) in entries(state.get("ItemModule")) {
        let whole = with_author(entry, state);
        envelope::read_entry(whole.as_ref().unwrap_or(entry), scope, sink);
    }
    for (_, entry) in entries(state.get("CommentItem")) {
        comment::read(entry, scope, sink);
    }
}

/// Items there name their author by handle alone: the account itself stands in `UserModule`.
fn with_author(entry: &Value, state: &Value) -> Option<Value> {
    let handle = entry.get("author")?.as_str()?;
    let user = state.get("UserModule")?.get("users")?.get(handle)?;
    let mut whole = entry.clone();
    whole.as_object_mut()?.insert("author".into(), user.clone());
    Some(whole)
}

fn module<'a>(state: &'a Value, name: &str, part: &str) -> impl Iterator<Item = (&'a String, &'a Value)> + Clone {
    entries(state.get(name).and_then(|module| module.get(part)))
}

fn entries(module: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> + Clone {
    module.and_then(Value::as_object).into_iter().flat_map(Map::iter).filter(|(_, entry)| entry.is_object())
}

/// `props.pageProps`.
fn read_next(state: &Value, scope: &Scope, sink: &mut Sink) {
    let props = state.pointer("/props/pageProps").or_else(|| state.get("pageProps")).unwrap_or(&Value::Null);
    envelope::read(props, scope, sink);
    if let Some(data) = any(props, &["itemListData"]).filter(|data| data.is_object()) {
        envelope::read(data, scope, sink);
    }
    if let Some(body) = any(props, &["body"]) {
        envelope::read(body, scope, sink);
    }
}

/// `source.data['/embed/…']`.
fn read_embed(state: &Value, scope: &Scope, sink: &mut Sink) {
    let data = state.pointer("/source/data").unwrap_or(&Value::Null);
    for (_, part) in entries(Some(data)) {
        for key in ["userInfo", "challengeInfo", "musicInfo"] {
            if let Some(info) = part.get(key).filter(|info| info.is_object()) {
                envelope::read(&json!({key: info}), scope, sink);
            }
        }
        if let Some(video) = part.get("videoData").filter(|video| video.is_object()) {
            let inner = if item::looks_like(video) { json!({"itemStruct": video}) } else { video.clone() };
            envelope::read(&inner, scope, sink);
        }
        list(part, "videoList").iter().for_each(|entry| envelope::read_entry(entry, scope, sink));
    }
}
