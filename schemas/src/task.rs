//! Tasks and their cursors: the two compacted topics `collect` coordinates by.

#![allow(missing_docs, reason = "each field is documented in the .avsc file it mirrors")]

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a user wants collected (`task.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub task: String,
    pub connector: String,
    pub spec: String,
    pub cadence_s: i64,
    pub priority: i32,
    pub paused: bool,
    pub declared_at: Timestamp,
    #[serde(default)]
    pub fallback: Vec<TaskRoute>,
}

/// A way to get the same by another connector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRoute {
    pub connector: String,
    pub spec: String,
}

/// How far a topic's partition had been written when the cursor was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicPosition {
    pub topic: String,
    pub offset: i64,
}

/// How far a task has come (`cursor.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    pub task: String,
    pub epoch: i64,
    pub cycle: i64,
    pub page: i64,
    pub state: Option<String>,
    pub finished: bool,
    pub resume_at: Option<Timestamp>,
    pub written_at: Timestamp,
    pub positions: Vec<TopicPosition>,
    #[serde(default)]
    pub rests: Vec<RouteRest>,
}

/// A connector of the task that is left alone for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRest {
    pub connector: String,
    pub until: Timestamp,
}
