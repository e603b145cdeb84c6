//! Tasks, their cursors and the budgets they share: the topics `collect` coordinates by; and who is not to be collected.

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
    pub at_least: Option<i64>,
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

/// A lease of a daily request budget, or its return (`budget_entry.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetEntry {
    pub key: String,
    pub day: String,
    pub process: String,
    pub amount: i64,
    pub share: i64,
    pub daily: i64,
    pub closed: bool,
    pub written_at: Timestamp,
}

/// Who is erased, by keyed hashes (`suppression.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    pub erasure: String,
    pub platform: String,
    pub hashes: Vec<String>,
    pub key_check: String,
    pub written_at: Timestamp,
}
