//! What is kept of one video.

use super::config::RevisitConfig;
use super::outlook::Outlook;
use super::prior::Prior;
use serde::{Deserialize, Serialize};

/// A video has about one view after this, in hours: where log(1 + v) leaves 0.
pub(super) const BIRTH_H: f64 = 1.0 / 60.0;

/// Growth of so many log units says nothing: pages round counts to three digits ("1.2M" is 4 % wide).
const SHRINK: f64 = 0.05;

/// Each observation makes the ones before it count half.
const FADE: f32 = 0.5;

/// What is kept of one video. Instants in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Video {
    /// Publication.
    pub(super) born: i64,
    /// The last observation; before the first, publication, when nobody had seen it.
    pub(super) at: i64,
    /// Views then.
    views: i64,
    /// When a poll is worth its price.
    pub(super) due: i64,
    /// Not to be asked for before.
    pub(super) ready: i64,
    /// Log growth observed, fading.
    grown: f32,
    /// Log growth that the prior expected over the same time, fading.
    expected: f32,
    /// Answers in a row that it was missing from.
    pub(super) misses: u8,
    /// Whether it was observed at all.
    seen: bool,
}

impl Video {
    pub(super) fn new(born: i64, config: &RevisitConfig) -> Self {
        let ready = born + i64::from(config.delay_s);
        Self { born, at: born, views: 0, due: ready, ready, grown: 0.0, expected: 0.0, misses: 0, seen: false }
    }

    /// Takes an observation in, unless it is older than the last.
    pub(super) fn observe(&mut self, at: i64, views: i64, prior: &mut Prior) -> bool {
        if at < self.at || (self.seen && at == self.at) {
            return false;
        }
        let views = views.max(0);
        // The first interval tells how big a video is, not how its growth goes on.
        if self.seen {
            let (from, to, weight) = (self.age(self.at), self.age(at), weight(self.views));
            // A count that falls was corrected; that is no growth.
            let grown = ((views as f64 + 1.0) / (self.views as f64 + 1.0)).ln().max(0.0);
            self.grown = FADE * self.grown + grown as f32;
            self.expected = FADE * self.expected + (weight * prior.expected(from, to)) as f32;
            prior.learn(from, to, grown, weight);
        }
        (self.at, self.views, self.seen, self.misses) = (at, views, true, 0);
        true
    }

    /// What is expected of it from its last observation on.
    pub(super) fn outlook(&self, prior: &Prior, config: &RevisitConfig) -> Outlook {
        let surprise = f64::from(config.surprise);
        if !self.seen {
            return Outlook::new(BIRTH_H, 1.0, surprise);
        }
        let age = self.age(self.at);
        let own = (f64::from(self.grown) + SHRINK) / (f64::from(self.expected) + SHRINK);
        Outlook::new(age, own * prior.slope(age) * weight(self.views), surprise)
    }

    /// Hours since the last observation.
    pub(super) fn waited(&self, now: i64) -> f64 {
        (now - self.at) as f64 / 3600.0
    }

    /// The floor: the latest instant of its next poll, while it is young.
    pub(super) fn floor(&self, config: &RevisitConfig) -> Option<i64> {
        let floor = (self.at + i64::from(config.fresh_gap_s)).max(self.ready);
        (floor <= self.born + i64::from(config.fresh_age_s)).then_some(floor)
    }

    /// Has nobody seen it yet, and can it still be underway into the source?
    pub(super) fn may_be_late(&self, now: i64, config: &RevisitConfig) -> bool {
        !self.seen && now < self.born + i64::from(config.late_s)
    }

    /// Hours, never 0.
    fn age(&self, at: i64) -> f64 {
        ((at - self.born) as f64 / 3600.0).max(BIRTH_H)
    }
}

/// d log(1 + v) / d log v: what a log unit of views is worth in the error that is measured. Half a view is added, so
/// that a video without views is not given up.
fn weight(views: i64) -> f64 {
    (views as f64 + 0.5) / (views as f64 + 1.0)
}
