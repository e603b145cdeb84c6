//! What a task asks the Data API for, as it stands in a configuration.

use super::names::{self, Channel};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum YoutubeTask {
    /// Channels and their videos, newest first.
    Channel(ChannelTask),
    /// Some videos.
    Videos(VideosTask),
    /// What a search finds.
    Search(SearchTask),
    /// Comments of videos.
    Comments(CommentsTask),
}

/// Channels and their videos, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelTask {
    /// Ids (`UC…`), handles (`@…`) or addresses.
    pub channels: Vec<String>,
    /// At most so many videos of each per cycle; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Some videos.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideosTask {
    /// Ids or addresses.
    pub videos: Vec<String>,
}

/// What a search finds. YouTube gives some 500 results at most, 50 per search of the daily quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchTask {
    /// `-` excludes, `|` is or.
    pub query: String,
    /// What comes first.
    #[serde(default)]
    pub order: Order,
    /// Videos that can be seen in this country: two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Videos that matter most to speakers of this language: two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Published on this UTC day or later, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Published on this UTC day or before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
    /// At most so many per cycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// What comes first in a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The newest.
    #[default]
    Date,
    /// The most viewed.
    ViewCount,
    /// What fits best.
    Relevance,
}

impl Order {
    /// As the API writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::ViewCount => "viewCount",
            Self::Relevance => "relevance",
        }
    }
}

/// Comments of videos, newest first, with the replies that come along (up to five of each).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommentsTask {
    /// Ids or addresses.
    pub videos: Vec<String>,
    /// At most so many threads of each video per cycle; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// A task that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// Nothing to ask for.
    #[error("{0}: the list is empty; name at least one")]
    Nothing(&'static str),
    /// Not a channel.
    #[error("channels: {0:?} is no channel; write its id (UC…), its handle (@…) or its address")]
    Channel(String),
    /// Not a video.
    #[error("videos: {0:?} is no video; write its id (eleven characters) or its address")]
    Video(String),
    /// Nothing to look for.
    #[error("query: it is empty; name what to look for")]
    Query,
    /// Not a code.
    #[error("{0}: {1:?} is no code of two letters")]
    Code(&'static str, String),
    /// No day at all.
    #[error("from: {0} is after {1}, so that no day is left")]
    Days(NaiveDate, NaiveDate),
    /// Nothing to ask for.
    #[error("limit: 0 asks for nothing; leave it out to ask for all")]
    Limit,
}

/// A task, read.
#[derive(Clone, Debug)]
pub(super) enum Job {
    Channels { channels: Vec<Channel>, limit: Option<u64> },
    Videos { ids: Vec<String> },
    Search(SearchTask),
    Comments { ids: Vec<String>, limit: Option<u64> },
}

impl Job {
    pub(super) fn read(task: &YoutubeTask) -> Result<Self, TaskError> {
        match task {
            YoutubeTask::Channel(ChannelTask { channels, limit }) => {
                let read = |text: &String| names::channel(text).ok_or_else(|| TaskError::Channel(text.clone()));
                Ok(Self::Channels { channels: all("channels", channels, read)?, limit: at_most(*limit)? })
            }
            YoutubeTask::Videos(VideosTask { videos }) => Ok(Self::Videos { ids: each_once(videos)? }),
            YoutubeTask::Search(task) => search(task).map(Self::Search),
            YoutubeTask::Comments(CommentsTask { videos, limit }) => {
                Ok(Self::Comments { ids: each_once(videos)?, limit: at_most(*limit)? })
            }
        }
    }
}

fn each_once(videos: &[String]) -> Result<Vec<String>, TaskError> {
    let read = |text: &String| names::video(text).ok_or_else(|| TaskError::Video(text.clone()));
    let mut ids = all("videos", videos, read)?;
    let mut known = HashSet::new();
    ids.retain(|id| known.insert(id.clone()));
    Ok(ids)
}

fn all<T>(
    key: &'static str,
    texts: &[String],
    read: impl Fn(&String) -> Result<T, TaskError>,
) -> Result<Vec<T>, TaskError> {
    if texts.is_empty() { Err(TaskError::Nothing(key)) } else { texts.iter().map(read).collect() }
}

fn at_most(limit: Option<u64>) -> Result<Option<u64>, TaskError> {
    if limit == Some(0) { Err(TaskError::Limit) } else { Ok(limit) }
}

fn search(task: &SearchTask) -> Result<SearchTask, TaskError> {
    if task.query.trim().is_empty() {
        return Err(TaskError::Query);
    }
    for (key, code) in [("region", &task.region), ("language", &task.language)] {
        let wrong = code.as_ref().filter(|code| code.len() != 2 || !code.bytes().all(|b| b.is_ascii_alphabetic()));
        wrong.map_or(Ok(()), |code| Err(TaskError::Code(key, code.clone())))?;
    }
    if let (Some(from), Some(to)) = (task.from, task.to)
        && from > to
    {
        return Err(TaskError::Days(from, to));
    }
    at_most(task.limit)?;
    Ok(task.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(spec: Value) -> Result<Job, String> {
        let task: YoutubeTask = serde_json::from_value(spec).map_err(|e| e.to_string())?;
        Job::read(&task).map_err(|e| e.to_string())
    }

    #[test]
    fn specs_are_read_and_checked() {
        let videos = ["dQw4w9WgXcQ", "https://youtu.be/dQw4w9WgXcQ", "jNQXAC9IVRw"];
        let Ok(Job::Videos { ids }) = read(json!({"kind": "videos", "videos": videos})) else { panic!("a task") };
        assert_eq!(ids, ["dQw4w9WgXcQ", "jNQXAC9IVRw"], "each once");
        assert!(read(json!({"kind": "channel", "channels": ["@a.b", "UC_x5XG1OV2P6uZZ5FSM9Ttw"]})).is_ok());
        assert!(read(json!({"kind": "search", "query": "q", "from": "2026-01-01", "to": "2026-01-01"})).is_ok());
        for (spec, why) in [
            (json!({"kind": "videos", "videos": []}), "at least one"),
            (json!({"kind": "videos", "videos": ["x"]}), "no video"),
            (json!({"kind": "channel", "channels": ["plain"]}), "no channel"),
            (json!({"kind": "channel", "channels": ["@a"], "limit": 0}), "limit"),
            (json!({"kind": "search", "query": " "}), "query"),
            (json!({"kind": "search", "query": "q", "region": "USA"}), "region"),
            (json!({"kind": "search", "query": "q", "from": "2026-02-01", "to": "2026-01-01"}), "no day"),
            (json!({"kind": "search", "query": "q", "order": "newest"}), "view_count"),
            (json!({"kind": "comments", "videos": ["dQw4w9WgXcQ"], "replies": true}), "replies"),
            (json!({"kind": "playlist"}), "channel"),
        ] {
            let error = read(spec.clone()).expect_err("refused");
            assert!(error.contains(why), "{spec}: {error}");
        }
    }
}
