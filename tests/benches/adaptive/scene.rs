//! A part of the offline TikTok: videos published over days, watched for weeks, and what is true of them.

use chrono::{DateTime, TimeDelta, Utc};
use tidelake_sandbox::world::Video;
use tidelake_sandbox::{World, WorldConfig};

/// Requests are made at multiples of this; the truth is looked at halfway between.
pub(crate) const TICK: i64 = 900;
pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

/// What one request of the Research API can ask for: ids, published within seconds of each other.
pub(crate) const BATCH: usize = 100;
pub(crate) const SPAN: i64 = 17 * DAY;

/// A video and its true curve. Instants in Unix seconds.
pub(crate) struct Subject {
    pub(crate) id: i64,
    pub(crate) born: i64,
    /// The end of the scene, or the first instant at which it is deleted or private.
    pub(crate) gone: i64,
    /// log(1 + views) in the middle of every tick from publication on, until it is gone.
    pub(crate) truth: Vec<f32>,
    index: u64,
}

/// What is watched.
pub(crate) struct Scene {
    world: World,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) subjects: Vec<Subject>,
}

impl Scene {
    /// So many videos, published over the first days of so many.
    pub(crate) fn set(seed: u64, videos: u64, published_days: u32, days: i64) -> Self {
        let config = WorldConfig { seed, videos, days: published_days, ..WorldConfig::default() };
        let start = config.epoch.timestamp();
        let world = World::new(config).expect("a world");
        let mut scene = Self { world, start, end: start + days * DAY, subjects: Vec::new() };
        scene.subjects = (0..videos).filter_map(|index| scene.world.video(index)).map(|v| scene.subject(&v)).collect();
        scene
    }

    fn subject(&self, video: &Video<'_>) -> Subject {
        let (id, born, index) = (video.id(), video.created_at().timestamp(), video.index());
        let first = self.tick_from(born);
        let ticks = (first..self.end).step_by(TICK as usize);
        let gone = ticks.clone().find(|&now| !video.is_available(instant(now))).unwrap_or(self.end);
        let middle = |now: i64| log_views(video.stats_at(instant(now) + TimeDelta::seconds(TICK / 2)).views);
        let truth = ticks.take_while(|&now| now < gone).map(middle).collect();
        Subject { id, born, gone, truth, index }
    }

    /// The first tick at which a video can be asked for.
    pub(crate) fn tick_from(&self, born: i64) -> i64 {
        self.start + (born - self.start + TICK - 1).div_euclid(TICK) * TICK
    }

    /// What the source answers; `None` when the video cannot be seen.
    pub(crate) fn ask(&self, subject: usize, now: i64) -> Option<i64> {
        let video = self.world.video(self.subjects[subject].index)?;
        video.is_available(instant(now)).then(|| video.stats_at(instant(now)).views)
    }
}

/// The scale on which curves are compared.
pub(crate) fn log_views(views: i64) -> f32 {
    (views as f64).ln_1p() as f32
}

fn instant(secs: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(secs, 0).unwrap_or_default()
}
