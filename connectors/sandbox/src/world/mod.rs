//! The seeded world: creators, videos, sounds, growth and comments as pure functions of the seed and an index.

mod captions;
mod comments;
mod creators;
mod growth;
mod hash;
mod lexicon;
mod region;
mod short;
mod sounds;
mod videos;

pub use captions::Caption;
pub use comments::Comment;
pub use creators::Creator;
pub use growth::{Fate, VideoStats};
pub use short::ShortTarget;
pub use sounds::{Sound, TagInfo};
pub use videos::Video;

pub(crate) use hash::{Roll, Room, mix, text as hash_text};

use crate::{Matches, Query, SandboxError};
use chrono::{DateTime, TimeDelta, Utc};
use region::REGIONS;
use serde::{Deserialize, Serialize};

/// What a world is made of. Two worlds of equal configuration are equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldConfig {
    /// Everything follows from it.
    pub seed: u64,
    /// How many people publish.
    pub creators: u64,
    /// How many videos are published over all days.
    pub videos: u64,
    /// Days of publication, from the epoch on.
    pub days: u32,
    /// The first instant of the first day.
    pub epoch: DateTime<Utc>,
    /// A video can be found at most so many hours after its publication (the real service: up to 48). 0: at once.
    pub indexing_delay_hours: u32,
    /// Share of videos that are deleted some day.
    pub deleted_share: f64,
    /// Share of videos that turn private some day; a third of them come back.
    pub private_share: f64,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            creators: 20_000,
            videos: 200_000,
            days: 60,
            epoch: DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default(),
            indexing_delay_hours: 0,
            deleted_share: 0.03,
            private_share: 0.015,
        }
    }
}

/// A world. Cheap to clone: it holds nothing but its configuration.
#[derive(Clone, Debug)]
pub struct World {
    config: WorldConfig,
}

impl World {
    /// Builds a world.
    ///
    /// # Errors
    /// When it has no creator, no video or no day, or lies outside the time that 19-digit ids can tell.
    pub fn new(config: WorldConfig) -> Result<Self, SandboxError> {
        let refuse = |why: &str| Err(SandboxError::World(why.to_owned()));
        if config.creators == 0 || config.videos == 0 || config.days == 0 {
            return refuse("creators, videos and days must not be 0");
        }
        if config.videos > 1 << 32 || config.creators > 1 << 32 || config.days > 5000 {
            return refuse("at most 2^32 videos and creators, at most 5000 days");
        }
        let last = config.epoch.timestamp() + i64::from(config.days) * 86_400;
        if config.epoch.timestamp() < 1_000_000_000 || last > i64::from(i32::MAX) {
            return refuse("the epoch must lie after 2001 and the last day before 2038");
        }
        Ok(Self { config })
    }

    /// What it was built from.
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// The instant after the last day of publication.
    pub fn end(&self) -> DateTime<Utc> {
        self.config.epoch + TimeDelta::days(i64::from(self.config.days))
    }

    /// The video at this position in time; `None` after the last.
    pub fn video(&self, index: u64) -> Option<Video<'_>> {
        (index < self.config.videos).then(|| Video::new(self, index))
    }

    /// The video with this id.
    pub fn video_by_id(&self, id: i64) -> Option<Video<'_>> {
        let index = self.first_where(|video| video.id() >= id);
        self.video(index).filter(|video| video.id() == id)
    }

    /// The creator at this position.
    pub fn creator(&self, index: u64) -> Option<Creator> {
        (index < self.config.creators).then(|| Creator::new(&self.config, index))
    }

    /// The creator with this handle, without `@`, in any case.
    pub fn creator_by_handle(&self, handle: &str) -> Option<Creator> {
        creators::index_of(&self.config, handle).and_then(|index| self.creator(index))
    }

    /// The ids, newest first, of the videos that a query finds at an instant: published and indexed by then.
    ///
    /// This is the ground truth of a search: its pages, laid end to end, hold these ids in this order, less those
    /// that are [unavailable](Video::is_available) when their page is asked for.
    pub fn matching<'w>(&'w self, query: &Query, at: DateTime<Utc>) -> impl Iterator<Item = i64> + 'w {
        Matches::new(self, query, at).filter_map(|index| self.video(index)).map(|video| video.id())
    }

    /// The first index whose video satisfies a condition that holds from some index on.
    pub(crate) fn first_where(&self, holds: impl Fn(&Video<'_>) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.config.videos);
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(&Video::new(self, middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    pub(crate) fn roll(&self, room: Room, index: u64) -> Roll {
        Roll::new(self.config.seed, room, index)
    }
}

/// Two-letter codes of all countries in which somebody publishes.
pub fn region_codes() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().map(|region| region.code)
}

/// Codes of all languages of captions.
pub fn language_codes() -> impl Iterator<Item = &'static str> {
    lexicon::LANGUAGES.iter().map(|language| language.code)
}

/// The handle of a video's creator.
pub(crate) fn handle_of(video: &Video<'_>) -> String {
    creators::handle(video.world().config(), video.creator_index())
}
