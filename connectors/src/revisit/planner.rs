//! Which videos to ask for next.

use super::batch::Batches;
use super::config::{RevisitConfig, RevisitConfigError};
use super::prior::Prior;
use super::video::Video;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tidelake_schemas::Timestamp;

/// The price of a poll before any was made, in log units times hours: what a day-old video gains in a day, or so.
const FIRST_PRICE: f32 = 0.5;

/// A video whose gain has not reached this share of the price waits on: the price rose since its turn was set.
const TOO_SOON: f64 = 0.8;

/// One look at the queue passes over at most so many videos per id that is wanted.
const LOOK: usize = 4;

/// Everything that a planner keeps; goes through serde and back unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannerState {
    config: RevisitConfig,
    /// Natural logarithm of the gain that the last polls had.
    log_price: f32,
    prior: Prior,
    videos: BTreeMap<i64, Video>,
}

/// Decides which videos are polled next. See the [module](super) for why these.
///
/// It has no clock, does no I/O and draws no random number: the same calls give the same answers. Every call costs
/// O(log n) per video it touches.
#[derive(Clone, Debug)]
pub struct Planner {
    state: PlannerState,
    /// (due, id) of every video.
    queue: BTreeSet<(i64, i64)>,
    /// (latest instant, id) of the young.
    floors: BTreeSet<(i64, i64)>,
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
        let queue = state.videos.iter().map(|(&id, video)| (video.due, id)).collect();
        let floors = state.videos.iter().filter_map(|(&id, video)| Some((video.floor(&state.config)?, id))).collect();
        Self { state, queue, floors }
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

    /// An answer came without a video that was asked for: deleted, private, or not found for once. It is asked for
    /// again, at growing intervals; says whether it has left.
    pub fn missing(&mut self, id: i64, at: Timestamp) -> bool {
        let Some(mut video) = self.take(id) else { return true };
        video.misses = video.misses.saturating_add(1);
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

    /// The ids to ask for now, request by request: the young that may wait no longer, then those whose turn has come, the
    /// greatest gain first, then, as the budget is there to be used, those whose turn is next. Each is then to be
    /// answered for by [`observe`](Self::observe) or [`missing`](Self::missing).
    pub fn next(&mut self, now: Timestamp, requests: usize) -> Vec<Vec<i64>> {
        let now = now.secs();
        let look = LOOK.saturating_mul(requests).saturating_mul(self.state.config.batch as usize);
        let mut batches = Batches::new(&self.state.config, requests);
        self.take_young(now, look, &mut batches);
        self.take_due(now, look, &mut batches);
        self.take_early(now, look, &mut batches);
        batches.into_requests()
    }

    /// How it stands.
    pub fn snapshot(&self, now: Timestamp) -> RevisitSnapshot {
        let until = (now.secs(), i64::MAX);
        let young = |entry: &&(i64, i64)| self.is_young(entry.1, now.secs());
        RevisitSnapshot {
            videos: self.state.videos.len(),
            due: self.queue.range(..=until).count(),
            starving: self.floors.range(..=until).filter(young).count(),
            price: self.price(),
        }
    }

    fn take_young(&mut self, now: i64, mut look: usize, batches: &mut Batches) {
        let mut passed = Vec::new();
        while let Some(&(floor, id)) = self.floors.first().filter(|_| look > 0 && !batches.is_full()) {
            if floor > now {
                break;
            }
            if !self.is_young(id, now) {
                // For good, so that it costs no look.
                self.floors.pop_first();
                continue;
            }
            look -= 1;
            if !self.hand_out(id, now, batches) {
                self.floors.pop_first();
                passed.push((floor, id));
            }
        }
        self.floors.extend(passed);
    }

    fn take_due(&mut self, now: i64, mut look: usize, batches: &mut Batches) {
        let mut due = Vec::new();
        while let Some(&(turn, id)) = self.queue.first().filter(|(turn, _)| *turn <= now && look > 0) {
            look -= 1;
            if let Some(gain) = self.due_gain(id, now) {
                self.queue.pop_first();
                due.push((gain, turn, id));
            }
        }
        self.queue.extend(due.iter().map(|&(_, turn, id)| (turn, id)));
        due.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)));
        for (gain, _, id) in due {
            if batches.is_full() {
                return;
            }
            if self.hand_out(id, now, batches) {
                self.learn_price(gain);
            }
        }
    }

    fn take_early(&mut self, now: i64, mut look: usize, batches: &mut Batches) {
        let mut passed = Vec::new();
        while let Some(&(turn, id)) = self.queue.first().filter(|_| look > 0 && !batches.is_full()) {
            look -= 1;
            if self.retire(id, now) {
                continue;
            }
            let video = self.state.videos.get(&id).filter(|video| video.ready <= now);
            let gain = video.map(|video| self.gain(video, now));
            match gain {
                Some(gain) if self.hand_out(id, now, batches) => self.learn_price(gain),
                _ => {
                    self.queue.pop_first();
                    passed.push((turn, id));
                }
            }
        }
        self.queue.extend(passed);
    }

    /// What a poll of a video gains whose turn has come. `None`: it is too old, or was given a later turn.
    fn due_gain(&mut self, id: i64, now: i64) -> Option<f64> {
        if self.retire(id, now) {
            return None;
        }
        let video = self.state.videos.get(&id).copied()?;
        let gain = self.gain(&video, now);
        (gain >= TOO_SOON * self.price() || !self.postpone(id, video, now)).then_some(gain)
    }

    fn gain(&self, video: &Video, now: i64) -> f64 {
        video.outlook(&self.state.prior, &self.state.config).gain(&self.state.prior, video.waited(now))
    }

    /// Lets a video leave that is too old; says whether it was.
    fn retire(&mut self, id: i64, now: i64) -> bool {
        let Some(age) = self.state.config.retire_age_s.map(i64::from) else { return false };
        self.state.videos.get(&id).is_some_and(|video| now - video.born > age) && self.forget(id)
    }

    /// Gives a video a later turn. False: by the present price, too, its turn has come.
    fn postpone(&mut self, id: i64, mut video: Video, now: i64) -> bool {
        self.set_turn(&mut video);
        if video.due <= now {
            return false;
        }
        self.take(id);
        self.put(id, video);
        true
    }

    /// Does the floor hold for it? One that nobody asked for while it was young has grown out of it.
    fn is_young(&self, id: i64, now: i64) -> bool {
        let age = i64::from(self.state.config.fresh_age_s);
        self.state.videos.get(&id).is_some_and(|video| now <= video.born.saturating_add(age))
    }

    /// Puts a video into a request and away until it is answered for. False: no request has room for it.
    fn hand_out(&mut self, id: i64, now: i64, batches: &mut Batches) -> bool {
        let Some(born) = self.state.videos.get(&id).map(|video| video.born) else { return false };
        if !batches.put(id, born) {
            return false;
        }
        if let Some(mut video) = self.take(id) {
            video.ready = now + i64::from(self.state.config.retry_s);
            video.due = video.ready;
            self.put(id, video);
        }
        true
    }

    /// The price is what the polls gain that the budget pays for: their mean (of logarithms), over as many polls as
    /// turn over a twentieth of the videos.
    fn learn_price(&mut self, gain: f64) {
        let memory = (self.state.videos.len() / 20).clamp(20, 5000) as f32;
        let off = (gain.max(1e-9).ln() as f32 - self.state.log_price).clamp(-2.0, 2.0);
        self.state.log_price += off / memory;
    }

    fn price(&self) -> f64 {
        f64::from(self.state.log_price).exp()
    }

    fn set_turn(&self, video: &mut Video) {
        let wait = video.outlook(&self.state.prior, &self.state.config).wait(&self.state.prior, self.price());
        video.due = (video.at + (wait * 3600.0) as i64).max(video.ready);
    }

    fn take(&mut self, id: i64) -> Option<Video> {
        let video = self.state.videos.remove(&id)?;
        self.queue.remove(&(video.due, id));
        if let Some(floor) = video.floor(&self.state.config) {
            self.floors.remove(&(floor, id));
        }
        Some(video)
    }

    fn put(&mut self, id: i64, video: Video) {
        self.queue.insert((video.due, id));
        if let Some(floor) = video.floor(&self.state.config) {
            self.floors.insert((floor, id));
        }
        self.state.videos.insert(id, video);
    }
}
