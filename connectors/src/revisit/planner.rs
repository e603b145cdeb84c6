//! Which videos to ask for next.

use super::config::{RevisitConfig, RevisitConfigError};
use super::floors::Floors;
use super::prior::Prior;
use super::queue::Queue;
use super::video::Video;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tidelake_schemas::Timestamp;

/// The price of a poll before any was made, in log units times hours: what a day-old video gains in a day, or so.
const FIRST_PRICE: f32 = 0.5;

/// Everything that a planner keeps; goes through serde and back unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannerState {
    pub(super) config: RevisitConfig,
    /// Natural logarithm of the gain that the last polls had.
    log_price: f32,
    prior: Prior,
    pub(super) videos: BTreeMap<i64, Video>,
}

/// Decides which videos are polled next. See the [module](super) for why these.
///
/// It has no clock, does no I/O and draws no random number: the same calls give the same answers. Every call costs
/// O(log n) per video it touches.
#[derive(Clone, Debug)]
pub struct Planner {
    pub(super) state: PlannerState,
    /// Of every video.
    pub(super) queue: Queue,
    /// Of the young.
    pub(super) floors: Floors,
    /// The last id whose turn was set anew.
    pub(super) swept: i64,
}

/// How a planner stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RevisitSnapshot {
    /// Videos tracked.
    pub videos: usize,
    /// Videos whose turn has come.
    pub due: usize,
    /// Young videos that have waited for as long as they may: above 0 after a call of [`Planner::next`], the budget is
    /// too small to starve nobody.
    pub starving: usize,
    /// What a poll must gain at present, in log units times hours.
    pub price: f64,
}

impl PlannerState {
    /// The same under other settings.
    #[must_use]
    pub fn with(self, config: RevisitConfig) -> Self {
        Self { config, ..self }
    }
}

impl Planner {
    /// A planner that tracks nothing yet.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub fn new(config: RevisitConfig) -> Result<Self, RevisitConfigError> {
        config.validate()?;
        let state =
            PlannerState { config, log_price: FIRST_PRICE.ln(), prior: Prior::default(), videos: BTreeMap::new() };
        Ok(Self::restore(state))
    }

    /// Goes on from a kept state.
    pub fn restore(state: PlannerState) -> Self {
        let mut queue = Queue::new(&state.config);
        state.videos.iter().for_each(|(&id, video)| queue.insert(video.born, (video.due, id)));
        let mut floors = Floors::default();
        let young = state.videos.iter().filter_map(|(&id, video)| Some((video.floor(&state.config)?, id)));
        young.for_each(|(floor, id)| floors.insert(floor, id));
        Self { state, queue, floors, swept: i64::MIN }
    }

    /// The state without the videos and what was learned of them: all that cannot be had from their observations.
    pub fn bare_state(&self) -> PlannerState {
        let PlannerState { config, log_price, .. } = &self.state;
        PlannerState { config: config.clone(), log_price: *log_price, prior: Prior::default(), videos: BTreeMap::new() }
    }

    /// The state to keep.
    pub fn state(&self) -> &PlannerState {
        &self.state
    }

    /// Tracks a video from now on; known ones stay as they are. Publication follows from the id
    /// ([`tidelake_schemas::ids::time_of_id`]) where the source does not give it.
    pub fn track(&mut self, id: i64, published: Timestamp) {
        if self.state.videos.contains_key(&id) {
            return;
        }
        let mut video = Video::new(published.secs(), &self.state.config);
        self.set_turn(&mut video);
        self.put(id, video);
    }

    /// How many videos are tracked.
    pub fn tracked(&self) -> usize {
        self.state.videos.len()
    }

    /// Is it tracked?
    pub fn tracks(&self, id: i64) -> bool {
        self.state.videos.contains_key(&id)
    }

    /// Ids of tracked videos, ascending.
    pub fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        self.state.videos.keys().copied()
    }

    /// A count was seen. Says whether it was news: of a tracked video, and later than the last one.
    pub fn observe(&mut self, id: i64, at: Timestamp, views: i64) -> bool {
        let Some(mut video) = self.take(id) else { return false };
        let news = video.observe(at.secs(), views, &mut self.state.prior);
        if news {
            video.ready = at.secs() + i64::from(self.state.config.refresh_s);
            self.set_turn(&mut video);
        }
        self.put(id, video);
        news
    }

    /// An answer came without a video that was asked for: deleted, private, not there yet, or not found for once. It is
    /// asked for again, at growing intervals; says whether it has left.
    pub fn missing(&mut self, id: i64, at: Timestamp) -> bool {
        let Some(mut video) = self.take(id) else { return true };
        if !video.may_be_late(at.secs(), &self.state.config) {
            video.misses = video.misses.saturating_add(1);
        }
        if video.misses >= self.state.config.misses {
            return true;
        }
        let wait = i64::from(self.state.config.retry_s) << (2 * video.misses.min(8));
        video.ready = at.secs().saturating_add(wait);
        video.due = video.ready;
        self.put(id, video);
        false
    }

    /// Stops tracking a video. Says whether it was tracked.
    pub fn forget(&mut self, id: i64) -> bool {
        self.take(id).is_some()
    }

    /// How it stands.
    pub fn snapshot(&self, now: Timestamp) -> RevisitSnapshot {
        RevisitSnapshot {
            videos: self.state.videos.len(),
            due: self.queue.due(now.secs()),
            starving: self.floors.until(now.secs()).filter(|(_, id)| self.is_young(*id, now.secs())).count(),
            price: self.price(),
        }
    }

    pub(super) fn gain(&self, video: &Video, now: i64) -> f64 {
        video.outlook(&self.state.prior, &self.state.config).gain(&self.state.prior, video.waited(now))
    }

    /// Is it too old to be asked for?
    pub(super) fn is_old(&self, video: &Video, now: i64) -> bool {
        self.state.config.retire_age_s.is_some_and(|age| now - video.born > i64::from(age))
    }

    /// Gives a video, out of the queue at present, a later turn. False: by the present price, too, its turn has come.
    pub(super) fn postpone(&mut self, id: i64, mut video: Video, now: i64) -> bool {
        self.set_turn(&mut video);
        let later = video.due > now;
        if later {
            self.queue.insert(video.born, (video.due, id));
            self.state.videos.insert(id, video);
        }
        later
    }

    /// Does the floor hold for it? One that nobody asked for while it was young has grown out of it.
    pub(super) fn is_young(&self, id: i64, now: i64) -> bool {
        let age = i64::from(self.state.config.fresh_age_s);
        self.state.videos.get(&id).is_some_and(|video| now <= video.born.saturating_add(age))
    }

    /// Puts a video away until it is answered for.
    pub(super) fn lend(&mut self, id: i64, now: i64) {
        if let Some(mut video) = self.take(id) {
            video.ready = now + i64::from(self.state.config.retry_s);
            video.due = video.ready;
            self.put(id, video);
        }
    }

    /// The price is what the polls gain that the budget pays for: their mean (of logarithms), over as many polls as
    /// turn over a twentieth of the videos.
    pub(super) fn learn_price(&mut self, id: i64, now: i64) {
        let Some(gain) = self.state.videos.get(&id).map(|video| self.gain(video, now)) else { return };
        let memory = (self.state.videos.len() / 20).clamp(20, 5000) as f32;
        let off = (gain.max(1e-9).ln() as f32 - self.state.log_price).clamp(-2.0, 2.0);
        self.state.log_price += off / memory;
    }

    pub(super) fn price(&self) -> f64 {
        f64::from(self.state.log_price).exp()
    }

    pub(super) fn set_turn(&self, video: &mut Video) {
        let wait = video.outlook(&self.state.prior, &self.state.config).wait(&self.state.prior, self.price());
        video.due = (video.at + (wait * 3600.0) as i64).max(video.ready);
    }

    fn take(&mut self, id: i64) -> Option<Video> {
        let video = self.state.videos.remove(&id)?;
        self.queue.remove(video.born, (video.due, id));
        if let Some(floor) = video.floor(&self.state.config) {
            self.floors.remove(floor, id);
        }
        Some(video)
    }

    fn put(&mut self, id: i64, video: Video) {
        self.queue.insert(video.born, (video.due, id));
        if let Some(floor) = video.floor(&self.state.config) {
            self.floors.insert(floor, id);
        }
        self.state.videos.insert(id, video);
    }
}
