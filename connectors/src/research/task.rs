//! What a task asks the Research API for, as it stands in a configuration.

use super::day::Day;
use super::list_task::{ComplianceTask, PlaylistTask, UserListTask};
use super::query::{Query, QueryError};
use super::settings::{self, check_count, check_fields, check_ids, check_usernames, field_list, setting};
use super::user_lists::UserList;
use serde::{Deserialize, Serialize};

/// The most records the source gives per request.
pub const MAX_COUNT: u32 = 100;

/// Every field of a video.
pub const VIDEO_FIELDS: &[&str] = &[
    "id",
    "video_description",
    "create_time",
    "region_code",
    "share_count",
    "view_count",
    "like_count",
    "comment_count",
    "music_id",
    "hashtag_names",
    "username",
    "effect_ids",
    "playlist_id",
    "voice_to_text",
    "is_stem_verified",
    "favorites_count",
    "video_duration",
    "hashtag_info_list",
    "sticker_info_list",
    "effect_info_list",
    "video_mention_list",
    "video_label",
    "video_tag",
];

/// Every field of a comment.
pub const COMMENT_FIELDS: &[&str] =
    &["id", "video_id", "text", "like_count", "reply_count", "parent_comment_id", "create_time"];

/// Every field of a user.
pub const USER_FIELDS: &[&str] = &[
    "display_name",
    "bio_description",
    "avatar_url",
    "is_verified",
    "follower_count",
    "following_count",
    "likes_count",
    "video_count",
    "bio_url",
];

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ResearchTask {
    /// The videos that a query finds.
    Videos(VideosTask),
    /// Accounts by name.
    User(UserTask),
    /// The comments of videos.
    Comments(CommentsTask),
    /// Who follows accounts.
    Followers(UserListTask),
    /// Whom accounts follow.
    Following(UserListTask),
    /// The videos that accounts liked, where they show them.
    Liked(UserListTask),
    /// The videos that accounts pinned to their profiles.
    Pinned(UserListTask),
    /// The videos that accounts reposted.
    Reposted(UserListTask),
    /// The videos of playlists.
    Playlist(PlaylistTask),
    /// Which stored videos or comments are gone.
    Compliance(ComplianceTask),
}

/// The videos that a query finds, published from `start` to `end`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideosTask {
    /// The query.
    pub query: Query,
    /// The first UTC day. Optional when `trailing_days` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Day>,
    /// The last UTC day, inclusive; today (when the cycle begins) if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Day>,
    /// The days before `end` that every cycle asks for again, to see late videos and newer counts. With `start`,
    /// the first cycle asks for everything since `start`; without, every cycle asks for these days only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trailing_days: Option<u32>,
    /// The fields to ask for; all of them if absent. `id` is always asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// Records per request, 1 to 100.
    #[serde(default = "settings::max_count")]
    pub max_count: u32,
    /// Records per cycle at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Accounts by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserTask {
    /// Handles; a leading `@` is ignored.
    pub usernames: Vec<String>,
    /// The fields to ask for; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
}

/// The comments of videos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommentsTask {
    /// Video ids, as numbers or decimal texts.
    #[serde(deserialize_with = "settings::ids")]
    pub video_ids: Vec<i64>,
    /// The fields to ask for; all of them if absent. `id` is always asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// Records per request, 1 to 100.
    #[serde(default = "settings::max_count")]
    pub max_count: u32,
}

/// A task that the source would refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The query is wrong.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A setting is wrong.
    #[error("{0}: {1}")]
    Setting(&'static str, String),
}

impl ResearchTask {
    /// Reads a task and checks it.
    ///
    /// # Errors
    /// Where in the task and what is wrong.
    pub fn from_value(value: &serde_json::Value) -> Result<Self, TaskError> {
        let task: Self =
            serde_path_to_error::deserialize(value).map_err(|e| TaskError::Setting("task", e.to_string()))?;
        task.validate()?;
        Ok(task)
    }

    /// Is this a task that the source can accept?
    ///
    /// # Errors
    /// The first setting that it cannot.
    pub fn validate(&self) -> Result<(), TaskError> {
        match self {
            Self::Videos(task) => task.validate(),
            Self::User(task) => task.validate(),
            Self::Comments(task) => task.validate(),
            Self::Followers(task) => task.validate(UserList::Followers),
            Self::Following(task) => task.validate(UserList::Following),
            Self::Liked(task) => task.validate(UserList::Liked),
            Self::Pinned(task) => task.validate(UserList::Pinned),
            Self::Reposted(task) => task.validate(UserList::Reposted),
            Self::Playlist(task) => task.validate(),
            Self::Compliance(task) => task.validate(),
        }
    }
}

impl VideosTask {
    fn validate(&self) -> Result<(), TaskError> {
        self.query.validate()?;
        check_fields(self.fields.as_deref(), VIDEO_FIELDS)?;
        check_count(self.max_count)?;
        match (self.start, self.end) {
            (None, _) if self.trailing_days.is_none() => {
                setting("start", "give `start`, or `trailing_days` for a window that moves with the calendar")
            }
            (Some(start), Some(end)) if end < start => setting("end", format!("{end} is before `start` {start}")),
            _ if self.limit == Some(0) => setting("limit", "0 asks for nothing; leave it out for no limit"),
            _ => Ok(()),
        }
    }

    /// The fields to ask for, as the query string takes them.
    pub fn field_list(&self) -> String {
        field_list(self.fields.as_deref(), VIDEO_FIELDS)
    }
}

impl UserTask {
    fn validate(&self) -> Result<(), TaskError> {
        check_fields(self.fields.as_deref(), USER_FIELDS)?;
        check_usernames(&self.usernames)
    }

    /// The fields to ask for, as the query string takes them.
    pub fn field_list(&self) -> String {
        self.fields.as_ref().map_or_else(|| USER_FIELDS.join(","), |fields| fields.join(","))
    }
}

impl CommentsTask {
    fn validate(&self) -> Result<(), TaskError> {
        check_fields(self.fields.as_deref(), COMMENT_FIELDS)?;
        check_count(self.max_count)?;
        check_ids("video_ids", &self.video_ids)
    }

    /// The fields to ask for, as the query string takes them.
    pub fn field_list(&self) -> String {
        field_list(self.fields.as_deref(), COMMENT_FIELDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn videos(more: Value) -> Result<ResearchTask, TaskError> {
        let condition = json!({"operation": "EQ", "field_name": "hashtag_name", "field_values": ["cats"]});
        let mut task = json!({"kind": "videos", "query": {"and": [condition]}});
        let (Value::Object(task_map), Value::Object(more)) = (&mut task, more) else { panic!("objects") };
        task_map.extend(more);
        ResearchTask::from_value(&task)
    }

    fn message(task: Result<ResearchTask, TaskError>) -> String {
        task.expect_err("an error").to_string()
    }

    #[test]
    fn three_kinds_are_read() {
        let Ok(ResearchTask::Videos(task)) = videos(json!({"start": 20240101, "end": "2024-02-01"})) else {
            panic!("videos")
        };
        assert_eq!((task.max_count, task.limit), (100, None));
        assert!(videos(json!({"trailing_days": 7})).is_ok());
        assert!(ResearchTask::from_value(&json!({"kind": "user", "usernames": ["@ada"]})).is_ok());
        let comments = json!({"kind": "comments", "video_ids": ["7385291383449439519", 7]});
        let Ok(ResearchTask::Comments(task)) = ResearchTask::from_value(&comments) else { panic!("comments") };
        assert_eq!(task.video_ids, [7_385_291_383_449_439_519, 7]);
    }

    #[test]
    fn a_task_survives_serde() {
        let task = videos(json!({"start": "20240101", "trailing_days": 3})).expect("a task");
        let json = serde_json::to_value(&task).expect("JSON");
        assert_eq!(ResearchTask::from_value(&json), Ok(task));
    }

    #[test]
    fn wrong_tasks_say_why() {
        assert!(message(videos(json!({}))).contains("trailing_days"));
        assert!(message(videos(json!({"start": "20240102", "end": "20240101"}))).contains("before"));
        assert!(message(videos(json!({"start": "20240101", "max_count": 101}))).contains("between 1 and 100"));
        assert!(message(videos(json!({"start": "20240101", "fields": ["views"]}))).contains("view_count"));
        assert!(message(videos(json!({"start": "20240101", "strat": 1}))).contains("strat"));
        assert!(message(videos(json!({"start": "soon"}))).contains("YYYYMMDD"));
        assert!(message(ResearchTask::from_value(&json!({"kind": "user", "usernames": ["@"]}))).contains('@'));
        assert!(message(ResearchTask::from_value(&json!({"kind": "comments", "video_ids": ["x"]}))).contains("no id"));
        assert!(message(ResearchTask::from_value(&json!({"kind": "likes"}))).contains("likes"));
    }

    #[test]
    fn the_id_is_always_asked_for() {
        let Ok(ResearchTask::Videos(task)) = videos(json!({"start": "20240101", "fields": ["view_count"]})) else {
            panic!("videos")
        };
        assert_eq!(task.field_list(), "id,view_count");
    }
}
