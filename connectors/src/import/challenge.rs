//! Hashtags from their own page.

use super::fields::{any_text, count, flag, opt_id, text};
use super::scope::Scope;
use super::sink::Sink;
use crate::reading::PLATFORM;
use serde_json::Value;
use tidelake_schemas::{EntityKind, HashtagObservation, Observation};

/// `challengeInfo`: `{challenge, stats, statsV2}`, or one object with everything.
pub(super) fn read_info(info: &Value, scope: &Scope, sink: &mut Sink) {
    let challenge = info.get("challenge").filter(|c| c.is_object()).unwrap_or(info);
    let Some(name) = text(challenge, &["title", "challengeName", "cha_name"]) else {
        sink.reject("missing_id", "this hashtag has no name; look at the payload".into(), None, info);
        return;
    };
    let sources = [info.get("stats"), info.get("statsV2"), Some(challenge), Some(info)];
    // Answers often say 0 for "not counted": a hashtag with a page has at least one video.
    let find = |keys: &[&str]| sources.iter().flatten().find_map(|source| count(source, keys).filter(|n| *n > 0));
    let id = opt_id(challenge, &["id", "challengeId", "cid"]);
    sink.push(Observation::Hashtag(HashtagObservation {
        description: any_text(challenge, &["desc", "text"]),
        views: find(&["viewCount", "views"]),
        videos: find(&["videoCount", "posts"]),
        commerce: flag(challenge, &["isCommerce"]),
        ..blank(name.trim_start_matches('#'), id, scope)
    }));
}

/// A hashtag of which no more is known.
pub(super) fn blank(name: &str, id: Option<i64>, scope: &Scope) -> HashtagObservation {
    let entity = id.map_or_else(|| name.to_lowercase(), |id| id.to_string());
    HashtagObservation {
        event_id: scope.event_id(EntityKind::Hashtag, &entity),
        platform: PLATFORM.into(),
        hashtag_id: id,
        name: name.to_owned(),
        observed_at: scope.observed_at,
        provenance: scope.provenance(),
        ..HashtagObservation::default()
    }
}
