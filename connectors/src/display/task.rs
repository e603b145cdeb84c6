//! What a task asks the Display API for, as it stands in a configuration.

use crate::vault::AccountName;
use serde::{Deserialize, Serialize};

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DisplayTask {
    /// All public videos of an account, newest first.
    OwnVideos(OwnVideosTask),
    /// Some videos of an account.
    Videos(VideosTask),
    /// The account itself.
    Account(AccountTask),
}

/// All public videos of an account, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnVideosTask {
    /// As `tidelake login` named it.
    pub account: AccountName,
    /// At most so many per cycle; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Some videos of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideosTask {
    /// As `tidelake login` named it.
    pub account: AccountName,
    /// Their ids, as text.
    pub ids: Vec<String>,
}

/// The account itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountTask {
    /// As `tidelake login` named it.
    pub account: AccountName,
}

/// A task that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// Nothing to ask for.
    #[error("ids: the list is empty; name at least one video")]
    NoIds,
    /// Not an id.
    #[error("ids: {0:?} is no video id; write its digits as text")]
    Id(String),
    /// Nothing to ask for.
    #[error("limit: 0 asks for nothing; leave it out to ask for all videos")]
    Limit,
}

impl DisplayTask {
    /// The account that is asked for.
    pub fn account(&self) -> &AccountName {
        match self {
            Self::OwnVideos(task) => &task.account,
            Self::Videos(task) => &task.account,
            Self::Account(task) => &task.account,
        }
    }

    pub(super) fn check(&self) -> Result<(), TaskError> {
        match self {
            Self::Videos(task) if task.ids.is_empty() => Err(TaskError::NoIds),
            Self::Videos(task) => {
                task.ids.iter().find(|id| !is_id(id)).map_or(Ok(()), |id| Err(TaskError::Id(id.clone())))
            }
            Self::OwnVideos(OwnVideosTask { limit: Some(0), .. }) => Err(TaskError::Limit),
            Self::OwnVideos(_) | Self::Account(_) => Ok(()),
        }
    }
}

fn is_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<i64>().is_ok_and(|id| id > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(spec: Value) -> Result<DisplayTask, String> {
        let task: DisplayTask = serde_json::from_value(spec).map_err(|e| e.to_string())?;
        task.check().map_err(|e| e.to_string()).map(|()| task)
    }

    #[test]
    fn specs_are_read_and_checked() {
        let task = read(json!({"kind": "own_videos", "account": "anna"})).expect("a task");
        assert_eq!(task.account().as_str(), "anna");
        assert!(read(json!({"kind": "videos", "account": "anna", "ids": ["7198206283571285000"]})).is_ok());
        assert!(read(json!({"kind": "account", "account": "anna"})).is_ok());
        for (spec, why) in [
            (json!({"kind": "videos", "account": "anna", "ids": []}), "at least one"),
            (json!({"kind": "videos", "account": "anna", "ids": ["x"]}), "no video id"),
            (json!({"kind": "videos", "account": "anna", "ids": ["+5"]}), "no video id"),
            (json!({"kind": "videos", "account": "anna", "ids": [7198206283571285000_i64]}), "string"),
            (json!({"kind": "account", "account": "../anna"}), "cannot be the name"),
            (json!({"kind": "account"}), "account"),
            (json!({"kind": "own_videos", "account": "anna", "limit": 0}), "limit"),
            (json!({"kind": "own_videos", "account": "anna", "scope": 1}), "scope"),
            (json!({"kind": "likes", "account": "anna"}), "own_videos"),
        ] {
            let error = read(spec.clone()).expect_err("refused");
            assert!(error.contains(why), "{spec}: {error}");
        }
    }
}
