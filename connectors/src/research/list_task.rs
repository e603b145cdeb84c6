//! What a task of lists, playlists or batch compliance asks for, as it stands in a configuration.

use super::ids::Category;
use super::settings::{self, check_count, check_fields, check_ids, check_usernames, setting};
use super::task::TaskError;
use super::user_lists::UserList;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The most ids of one validation task [official documentation, "Create a batch compliance task"].
pub const MAX_BATCH: u32 = 10_000;

/// A list of accounts or videos that belongs to an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserListTask {
    /// Handles of the accounts whose list it is; a leading `@` is ignored.
    pub usernames: Vec<String>,
    /// Records per account and cycle at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The fields of videos to ask for; all of them if absent. `id` is always asked for. Lists of accounts have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// Records per request, 1 to 100. Pinned videos come in one answer.
    #[serde(default = "settings::max_count")]
    pub max_count: u32,
}

/// The videos of playlists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaylistTask {
    /// Playlist ids, as numbers or decimal texts.
    #[serde(deserialize_with = "settings::ids")]
    pub playlist_ids: Vec<i64>,
    /// Records per playlist and cycle at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Records per request, 1 to 100.
    #[serde(default = "settings::max_count")]
    pub max_count: u32,
}

/// Which stored ids are gone. They are given by `ids`, by `file`, or, with neither, by the
/// [`IdSource`](super::IdSource) that the source was made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComplianceTask {
    /// What the ids are of.
    #[serde(default)]
    pub category: Category,
    /// The ids, as numbers or decimal texts.
    #[serde(default, deserialize_with = "some_ids", skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<i64>>,
    /// A text file with one id per line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Ids per validation task, 1 to 10,000.
    #[serde(default = "batch")]
    pub batch: u32,
}

impl UserListTask {
    pub(super) fn validate(&self, list: UserList) -> Result<(), TaskError> {
        check_usernames(&self.usernames)?;
        check_count(self.max_count)?;
        check_limit(self.limit)?;
        match (&self.fields, list.fields()) {
            (Some(_), []) => setting("fields", "this list has no fields to choose from; leave it out"),
            (fields, known) => check_fields(fields.as_deref(), known),
        }
    }

    /// Records per request.
    pub(super) fn per_page(&self) -> u32 {
        per_page(self.max_count, self.limit)
    }
}

impl PlaylistTask {
    pub(super) fn validate(&self) -> Result<(), TaskError> {
        check_ids("playlist_ids", &self.playlist_ids)?;
        check_count(self.max_count)?;
        check_limit(self.limit)
    }

    /// Records per request.
    pub(super) fn per_page(&self) -> u32 {
        per_page(self.max_count, self.limit)
    }
}

impl ComplianceTask {
    pub(super) fn validate(&self) -> Result<(), TaskError> {
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return setting("batch", format!("{} is not between 1 and {MAX_BATCH}", self.batch));
        }
        match (&self.ids, &self.file) {
            (Some(_), Some(_)) => setting("file", "give `ids` or `file`, not both"),
            (Some(ids), None) => check_ids("ids", ids),
            _ => Ok(()),
        }
    }
}

/// The page size stays the same for a whole list: the source refuses cursors that do not fit it.
fn per_page(max_count: u32, limit: Option<u64>) -> u32 {
    let limit = limit.and_then(|limit| u32::try_from(limit).ok());
    max_count.min(limit.unwrap_or(u32::MAX))
}

fn check_limit(limit: Option<u64>) -> Result<(), TaskError> {
    if limit == Some(0) {
        return setting("limit", "0 asks for nothing; leave it out for no limit");
    }
    Ok(())
}

fn batch() -> u32 {
    MAX_BATCH
}

fn some_ids<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<i64>>, D::Error> {
    settings::ids(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use crate::research::ResearchTask;
    use serde_json::{Value, json};

    fn problem(task: Value) -> String {
        ResearchTask::from_value(&task).map_or_else(|e| e.to_string(), |_| String::new())
    }

    #[test]
    fn every_kind_is_read_and_survives_serde() {
        for kind in ["followers", "following", "liked", "pinned", "reposted"] {
            let task = json!({"kind": kind, "usernames": ["@ada"], "limit": 7});
            let task = ResearchTask::from_value(&task).expect(kind);
            let json = serde_json::to_value(&task).expect("JSON");
            assert_eq!((&json["kind"], &json["max_count"]), (&json!(kind), &json!(100)));
            assert_eq!(ResearchTask::from_value(&json), Ok(task));
        }
        let playlist = json!({"kind": "playlist", "playlist_ids": ["7385291383449439519", 7]});
        let Ok(ResearchTask::Playlist(task)) = ResearchTask::from_value(&playlist) else { panic!("a playlist") };
        assert_eq!(task.playlist_ids, [7_385_291_383_449_439_519, 7]);
        for more in [json!({}), json!({"ids": [7, "8"]}), json!({"file": "/ids.txt", "category": "comment"})] {
            let mut task = more;
            task["kind"] = json!("compliance");
            let task = ResearchTask::from_value(&task).expect("a task");
            let json = serde_json::to_value(&task).expect("JSON");
            assert_eq!(ResearchTask::from_value(&json), Ok(task));
        }
    }

    #[test]
    fn wrong_lists_say_why() {
        let list = |kind: &str, more: Value| {
            let mut task = json!({"kind": kind, "usernames": ["ada"]});
            for (name, value) in more.as_object().expect("an object") {
                task[name] = value.clone();
            }
            problem(task)
        };
        assert!(list("followers", json!({"fields": ["id"]})).contains("no fields"));
        assert!(list("liked", json!({"fields": ["voice_to_text"]})).contains("view_count"));
        assert_eq!(list("liked", json!({"fields": ["view_count"]})), "");
        assert!(list("pinned", json!({"limit": 0})).contains("no limit"));
        assert!(list("reposted", json!({"max_count": 101})).contains("between 1 and 100"));
        assert!(list("following", json!({"usernames": []})).contains("empty"));
        assert!(list("following", json!({"cursor": 3})).contains("cursor"));
        assert!(problem(json!({"kind": "playlist", "playlist_ids": [0]})).contains("0 is no id"));
        assert!(problem(json!({"kind": "compliance", "batch": 10_001})).contains("10000"));
        assert!(problem(json!({"kind": "compliance", "ids": [1], "file": "x"})).contains("not both"));
        assert!(problem(json!({"kind": "compliance", "ids": []})).contains("empty"));
        assert!(problem(json!({"kind": "compliance", "category": "user"})).contains("comment"));
    }
}
