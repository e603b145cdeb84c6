//! What a tracking task asks for, as it stands in a configuration.

use super::task::{MAX_COUNT, TaskError, VIDEO_FIELDS};
use crate::revisit::{Pace, RevisitConfig};
use serde::{Deserialize, Serialize};
use tidelake_schemas::ids;

/// With a list, the planner's state is in the task's cursor, which has to stay well below Kafka's 1 MB for a message.
const MOST_LISTED: usize = 4000;

/// `end_date` may be 30 days after `start_date`; drafts and scheduled posts appear up to 12 days after the second in
/// their id. What is left is the span of one request's ids.
const SPAN_DAYS: u32 = 17;
pub(super) const WINDOW_DAYS: u32 = 30;

/// `{"kind": "track", "video_ids": ["…"], "requests_per_day": 100}` or
/// `{"kind": "track", "stored": {"max_age_days": 30}, "requests_per_day": 100}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackTask {
    /// `track`.
    pub kind: TrackKind,
    /// Video ids, as numbers or decimal texts; up to 4000.
    #[serde(default, deserialize_with = "super::settings::ids", skip_serializing_if = "Vec::is_empty")]
    pub video_ids: Vec<i64>,
    /// Instead of a list: the videos that other tasks find.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
    /// The task's share of the daily quota, spread evenly over the day.
    pub requests_per_day: u32,
    /// The fields to ask for; all of them if absent. `id` is always asked for; without `view_count` nothing is learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// How to plan.
    #[serde(default)]
    pub revisit: RevisitConfig,
}

/// The kind of a [`TrackTask`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackKind {
    /// Videos by id, again and again.
    #[default]
    Track,
}

/// The videos that the Research API has given to other tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stored {
    /// Those found by these tasks; by all if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// A video is tracked from its publication until it is so old.
    pub max_age_days: u32,
    /// Videos tracked at once; those found beyond that are passed over until others leave.
    pub most: usize,
}

impl Default for Stored {
    fn default() -> Self {
        Self { tasks: Vec::new(), max_age_days: 30, most: 1_000_000 }
    }
}

impl TrackTask {
    /// Is this a task that the source can accept?
    ///
    /// # Errors
    /// The first setting that it cannot.
    pub fn validate(&self) -> Result<(), TaskError> {
        let wrong = |setting, problem: String| Err(TaskError::Setting(setting, problem));
        match &self.stored {
            None if self.video_ids.is_empty() || self.video_ids.len() > MOST_LISTED => {
                let given = self.video_ids.len();
                return wrong("video_ids", format!("{given} ids; give 1 to {MOST_LISTED}, or `stored`"));
            }
            Some(_) if !self.video_ids.is_empty() => {
                return wrong("stored", "give either `video_ids` or `stored`".into());
            }
            Some(stored) if stored.max_age_days == 0 || stored.most == 0 => {
                return wrong("stored", "`max_age_days` and `most` of 0 track nothing".into());
            }
            _ => {}
        }
        if let Some(id) = self.video_ids.iter().find(|&&id| ids::time_of_id(id).is_none()) {
            return wrong("video_ids", format!("{id} is no video id: it carries no time"));
        }
        if self.requests_per_day == 0 {
            return wrong("requests_per_day", "0 asks for nothing".into());
        }
        let revisit = &self.revisit;
        if revisit.batch > MAX_COUNT || revisit.batch_span_days.is_none_or(|days| days > SPAN_DAYS) {
            return wrong("revisit", format!("a request takes {MAX_COUNT} ids within {SPAN_DAYS} days at most"));
        }
        super::settings::check_fields(self.fields.as_deref(), VIDEO_FIELDS)?;
        revisit.validate().or_else(|e| wrong("revisit", e.to_string()))
    }

    /// The task's share of the day's requests.
    pub(super) fn pace(&self) -> Pace {
        Pace { requests: 1, every_s: 86_400 / self.requests_per_day.min(86_400) }
    }

    /// How to plan: stored videos leave at their age.
    pub(super) fn config(&self) -> RevisitConfig {
        let age = self.stored.as_ref().map(|stored| stored.max_age_days.saturating_mul(86_400));
        RevisitConfig { retire_age_s: age.or(self.revisit.retire_age_s), ..self.revisit.clone() }
    }
}
