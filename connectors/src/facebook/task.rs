//! What a task asks the Graph API for, as it stands in a configuration.

use serde::{Deserialize, Serialize};

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FacebookTask {
    /// A page and what it has published, newest first.
    Page(PageTask),
}

/// A page and what it has published, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageTask {
    /// Its id or its name; `me` is the page of the token.
    #[serde(default = "me")]
    pub page: String,
    /// What of it.
    #[serde(default = "all")]
    pub edges: Vec<Edge>,
    /// At most so many of each per cycle; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// What hangs on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// Videos.
    Videos,
    /// Reels.
    Reels,
    /// Posts; one with a video is a post of its own.
    Posts,
}

impl Edge {
    /// Every edge, in the order in which they are asked for.
    pub const ALL: [Self; 3] = [Self::Videos, Self::Reels, Self::Posts];

    /// As the API writes it, and provenance.
    pub(super) fn route(self) -> &'static str {
        match self {
            Self::Videos => "videos",
            Self::Reels => "video_reels",
            Self::Posts => "posts",
        }
    }
}

fn me() -> String {
    "me".into()
}

fn all() -> Vec<Edge> {
    Edge::ALL.into()
}

/// A task that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// Not a page.
    #[error("page: {0:?} is no page; write its id, its name (letters, digits and dots) or me")]
    Page(String),
    /// Asked for twice.
    #[error("edges: each may be named once; there are videos, reels and posts")]
    Edges,
    /// Nothing to ask for.
    #[error("limit: 0 asks for nothing; leave it out to ask for all")]
    Limit,
}

impl PageTask {
    pub(super) fn check(&self) -> Result<(), TaskError> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        // The name becomes a part of a path: `.` and `..` would be none.
        let named = self.page.chars().all(is_name) && self.page.chars().any(|c| c.is_ascii_alphanumeric());
        if !named {
            return Err(TaskError::Page(self.page.clone()));
        }
        if Edge::ALL.iter().any(|edge| self.edges.iter().filter(|named| *named == edge).count() > 1) {
            return Err(TaskError::Edges);
        }
        if self.limit == Some(0) { Err(TaskError::Limit) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(spec: Value) -> Result<PageTask, String> {
        let FacebookTask::Page(task) = serde_json::from_value(spec).map_err(|e| e.to_string())?;
        task.check().map_err(|e| e.to_string()).map(|()| task)
    }

    #[test]
    fn specs_are_read_and_checked() {
        let task = read(json!({"kind": "page"})).expect("a task");
        assert_eq!((task.page.as_str(), &task.edges[..]), ("me", &Edge::ALL[..]));
        assert!(read(json!({"kind": "page", "page": "Some.Page-1_2", "edges": ["posts"], "limit": 5})).is_ok());
        for (spec, why) in [
            (json!({"kind": "page", "page": ""}), "no page"),
            (json!({"kind": "page", "page": "../me"}), "no page"),
            (json!({"kind": "page", "page": ".."}), "no page"),
            (json!({"kind": "page", "page": "a?fields=x"}), "no page"),
            (json!({"kind": "page", "edges": ["posts", "posts"]}), "once"),
            (json!({"kind": "page", "edges": ["stories"]}), "reels"),
            (json!({"kind": "page", "limit": 0}), "limit"),
            (json!({"kind": "page", "pages": []}), "pages"),
            (json!({"kind": "user"}), "page"),
        ] {
            let error = read(spec.clone()).expect_err("refused");
            assert!(error.contains(why), "{spec}: {error}");
        }
    }
}
