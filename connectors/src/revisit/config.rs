//! What a planner must know of its source.

use serde::{Deserialize, Serialize};

/// What a planner must know of its source. Times in seconds. The defaults are those of the Research API.
///
/// | source | `batch` | `batch_span_days` | `delay_s` to `late_s` | `refresh_s` |
/// | --- | --- | --- | --- | --- |
/// | Research API, `video/query` by `video_id IN` | 100 | 17 | 0 to 48 h | unknown; values may be 10 days old |
/// | Display API, `video/query` | 20 | none | 0 | 0 |
///
/// (tiktok-surfaces §3.1, §3.2, §4. Of the 30 days that a query may span, drafts and scheduled posts take 12: they appear
/// so much later than the second in their id.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RevisitConfig {
    /// Ids that one request can ask for.
    pub batch: u32,
    /// The videos of one request must have been published within so many days of each other.
    pub batch_span_days: Option<u32>,
    /// A video cannot be found earlier than this after its publication.
    pub delay_s: u32,
    /// Until this after publication, a video that was never seen may still be underway: that it is missing says nothing.
    pub late_s: u32,
    /// The source renews counts this often at most: asked sooner, it gives the same ones again.
    pub refresh_s: u32,
    /// Videos younger than this have a floor.
    pub fresh_age_s: u32,
    /// The floor: the longest that such a video waits for its next poll. Half an hour below the 12 h that are promised leaves
    /// room for requests that take long. Where more come due at once than the budget can serve, some are served early; where
    /// it cannot serve them at all, those that have waited longest come first, and
    /// [`RevisitSnapshot::starving`](super::RevisitSnapshot::starving) says how many are late.
    pub fresh_gap_s: u32,
    /// An id that was handed out and never answered for is handed out again after this.
    pub retry_s: u32,
    /// A video that is missing from so many answers in a row leaves: deleted or private.
    pub misses: u8,
    /// A video leaves at this age.
    pub retire_age_s: Option<u32>,
    /// Growth to be expected of any video at any age, in log units per hour, where nothing announced it (late bloomers).
    /// An assumption: one video in 25 grows to the sevenfold (2 log units) at some time within 40 days.
    pub surprise: f32,
}

impl Default for RevisitConfig {
    fn default() -> Self {
        Self {
            batch: 100,
            batch_span_days: Some(17),
            delay_s: 0,
            late_s: 48 * 3600,
            refresh_s: 900,
            fresh_age_s: 48 * 3600,
            fresh_gap_s: 23 * 1800,
            retry_s: 3600,
            misses: 3,
            retire_age_s: None,
            surprise: 8e-5,
        }
    }
}

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct RevisitConfigError {
    /// Its name.
    pub setting: &'static str,
    /// What is wrong and what to write instead.
    pub problem: &'static str,
}

impl RevisitConfig {
    /// Can it be planned with?
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn validate(&self) -> Result<(), RevisitConfigError> {
        let wrong = |setting, problem| Err(RevisitConfigError { setting, problem });
        if self.batch == 0 {
            return wrong("batch", "a request must be able to ask for one id at least");
        }
        if self.batch_span_days == Some(0) {
            return wrong("batch_span_days", "give a day at least, or leave it out");
        }
        if self.misses == 0 {
            return wrong("misses", "with 0, a video would leave before it was asked for");
        }
        if self.retry_s == 0 || self.fresh_gap_s == 0 {
            return wrong("retry_s, fresh_gap_s", "with 0, the same video would be asked for without pause");
        }
        if !(self.surprise.is_finite() && self.surprise >= 0.0) {
            return wrong("surprise", "must be a number, 0 or more");
        }
        Ok(())
    }
}
