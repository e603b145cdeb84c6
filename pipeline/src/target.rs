//! What a task is about, apart from the words in which each connector is asked for it.

use crate::plan::{Bounds, Kind, Platform, plan};
use serde::Deserialize;
use serde_json::{Value, json};
use tidelake_connectors::{browser, oembed, research, web};

/// What several connectors can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Accounts, by handle.
    Creator(Vec<String>),
    /// Videos, by link.
    Links(Vec<String>),
    /// Hashtags, by name.
    Hashtag(Vec<String>),
    /// Sounds, by id.
    Sound(Vec<String>),
}

impl Target {
    /// What this spec asks for, if others can be asked for it too. A query of the Research API is more than a target.
    pub(crate) fn of(connector: &str, spec: &Value) -> Option<Self> {
        let list = |name: &str| spec.get(name).and_then(|list| serde_json::from_value(list.clone()).ok());
        match (connector, spec.get("kind")?.as_str()?) {
            (oembed::CONNECTOR, "links") | (web::CONNECTOR | browser::CONNECTOR, "videos") => {
                list("links").map(Self::Links)
            }
            (web::CONNECTOR | browser::CONNECTOR, "user") => list("handles").map(Self::Creator),
            (web::CONNECTOR | browser::CONNECTOR, "tag") => list("tags").map(Self::Hashtag),
            (web::CONNECTOR | browser::CONNECTOR, "sound") => list("ids").map(Self::Sound),
            _ => None,
        }
    }

    /// The same in the words of a connector; `None` when it cannot be asked for it.
    pub(crate) fn spec(&self, connector: &str) -> Option<Value> {
        match (connector, self) {
            (oembed::CONNECTOR, Self::Links(links)) => Some(json!({"kind": "links", "links": links})),
            (oembed::CONNECTOR, Self::Creator(handles)) => {
                let links: Vec<String> = handles.iter().map(|handle| profile(handle)).collect();
                Some(json!({"kind": "links", "links": links}))
            }
            (web::CONNECTOR | browser::CONNECTOR, Self::Links(links)) => {
                Some(json!({"kind": "videos", "links": links}))
            }
            (web::CONNECTOR | browser::CONNECTOR, Self::Creator(handles)) => {
                Some(json!({"kind": "user", "handles": handles}))
            }
            (web::CONNECTOR | browser::CONNECTOR, Self::Hashtag(tags)) => Some(json!({"kind": "tag", "tags": tags})),
            (web::CONNECTOR | browser::CONNECTOR, Self::Sound(ids)) => Some(json!({"kind": "sound", "ids": ids})),
            (research::CONNECTOR, Self::Creator(values)) => search(Kind::Creator, values),
            (research::CONNECTOR, Self::Hashtag(values)) => search(Kind::Hashtag, values),
            (research::CONNECTOR, Self::Sound(values)) => search(Kind::Sound, values),
            _ => None,
        }
    }
}

fn search(kind: Kind, values: &[String]) -> Option<Value> {
    plan(Platform::Tiktok, kind, values, &Bounds::default()).ok().map(|(_, spec)| spec)
}

/// A handle, or a link to its profile, as a link.
fn profile(handle: &str) -> String {
    if handle.contains('/') {
        return handle.to_owned();
    }
    format!("https://www.tiktok.com/@{}", handle.trim().trim_start_matches('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_connector_is_asked_another_can_be() {
        let user = json!({"kind": "user", "handles": ["@a", "https://www.tiktok.com/@b"]});
        let target = Target::of("web", &user).expect("a target");
        assert_eq!(target.spec("browser"), Some(user));
        let links = json!({"kind": "links", "links": ["https://www.tiktok.com/@a", "https://www.tiktok.com/@b"]});
        assert_eq!(target.spec("oembed"), Some(links.clone()));
        assert_eq!(target.spec("display-api"), None);
        let videos = Target::of("oembed", &links).expect("a target").spec("web").expect("a spec");
        assert_eq!((&videos["kind"], &videos["links"]), (&json!("videos"), &links["links"]));
        assert_eq!(Target::of("research-api", &json!({"kind": "videos", "query": {}})), None);
        let searched = Target::Hashtag(vec!["fyp".into()]).spec("research-api").expect("a spec");
        assert_eq!(searched["query"]["and"][0]["field_name"], "hashtag_name");
    }

    #[test]
    fn it_is_written_as_kind_and_values() {
        let read: Target = serde_json::from_value(json!({"creator": ["a"]})).expect("a target");
        assert_eq!(read, Target::Creator(vec!["a".into()]));
        assert!(serde_json::from_value::<Target>(json!({"creators": ["a"]})).is_err());
    }
}
