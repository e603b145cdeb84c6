//! Videos: their ids, times, authors and details.

use super::captions::{self, Caption};
use super::hash::{Roll, Room};
use super::lexicon::{LANGUAGES, TOPICS};
use super::region::{REGIONS, Region};
use super::sounds::{self, Sound};
use super::{Creator, World, creators};
use chrono::{DateTime, TimeDelta, Utc};

/// How much is published in each hour of the day (UTC), in thousandths or so.
const HOURS: [u64; 24] =
    [46, 42, 38, 34, 30, 28, 27, 29, 32, 35, 38, 41, 43, 44, 45, 46, 48, 50, 53, 55, 56, 55, 53, 50];

/// Sums of [`HOURS`]: `BEFORE[h]` is published before hour `h`.
const BEFORE: [u64; 25] = {
    let mut sums = [0; 25];
    let mut hour = 0;
    while hour < 24 {
        sums[hour + 1] = sums[hour] + HOURS[hour];
        hour += 1;
    }
    sums
};

/// One video of a [`World`], known by its position in time.
#[derive(Clone, Copy, Debug)]
pub struct Video<'w> {
    world: &'w World,
    index: u64,
}

impl<'w> Video<'w> {
    pub(crate) fn new(world: &'w World, index: u64) -> Self {
        Self { world, index }
    }

    /// Its position among all videos of the world; later videos have greater ones.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Its id: 19 digits, `id >> 32` is the Unix second in which it was made. Grows with the index.
    pub fn id(&self) -> i64 {
        let config = &self.world.config;
        let jitter = u128::from(self.roll(Room::Slot).bits() >> 32);
        let slot = (u128::from(self.index) << 32) | jitter;
        let place = ((slot * u128::from(config.days)) << 32) / u128::from(config.videos);
        let day = (place >> 64) as i64;
        ((config.epoch.timestamp() + day * 86_400) << 32) + day_offset(place as u64)
    }

    /// When it was published: up to a minute after the second that its id tells.
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_after(self.id())
    }

    pub(crate) fn created_after(&self, id: i64) -> DateTime<Utc> {
        let delay = self.roll(Room::Delay).below(60) as i64;
        DateTime::from_timestamp((id >> 32) + delay, 0).unwrap_or_default()
    }

    /// When searches find it for the first time.
    pub fn searchable_from(&self) -> DateTime<Utc> {
        let created = self.created_at();
        let hours = self.world.config.indexing_delay_hours;
        if hours == 0 {
            return created;
        }
        let share = self.roll(Room::Indexing).unit().powi(3);
        created + TimeDelta::seconds((share * f64::from(hours) * 3600.0) as i64)
    }

    /// Position of its creator.
    pub fn creator_index(&self) -> u64 {
        // A third root of activity: the first creators publish most.
        let draw = self.roll(Room::Author).unit();
        ((draw * draw.sqrt()) * self.world.config.creators as f64) as u64
    }

    /// Who made it.
    pub fn creator(&self) -> Creator {
        Creator::new(&self.world.config, self.creator_index())
    }

    /// The country its creator registered in.
    pub fn region_code(&self) -> &'static str {
        self.region().code
    }

    pub(crate) fn region(&self) -> &'static Region {
        &REGIONS[creators::region_of(&self.world.config, self.creator_index())]
    }

    /// Code of the language of its caption.
    pub fn language(&self) -> &'static str {
        LANGUAGES[self.language_index()].code
    }

    /// The country's language, or sometimes English.
    pub(crate) fn language_index(&self) -> usize {
        if self.roll(Room::Detail).chance(0.07) { 0 } else { self.region().language }
    }

    /// What it is about: mostly what its creator is about.
    pub(crate) fn topic(&self) -> usize {
        let mut roll = self.detail(1);
        if roll.chance(0.7) {
            return creators::topic_of(&self.world.config, self.creator_index());
        }
        roll.below(TOPICS as u64) as usize
    }

    /// Its description with the tags and mentions in it.
    pub fn caption(&self) -> Caption {
        captions::write(self)
    }

    /// What is said in it, where speech was recognised.
    pub fn speech(&self) -> Option<String> {
        captions::speech(self)
    }

    /// Its sound.
    pub fn sound(&self) -> Sound {
        sounds::of_video(self)
    }

    /// Seconds.
    pub fn duration(&self) -> u32 {
        let mut roll = self.detail(2);
        let (low, high) = [(5, 15), (15, 61), (61, 301), (301, 601)][roll.weighted([35, 45, 17, 3].into_iter())];
        low + roll.below(u64::from(high - low)) as u32
    }

    /// Ids of effects, mostly none.
    pub fn effect_ids(&self) -> Vec<i64> {
        let mut roll = self.detail(3);
        if !roll.chance(0.15) {
            return Vec::new();
        }
        (0..1 + roll.below(2)).map(|_| 60_000_000 + roll.below(400) as i64 * 10_007).collect()
    }

    /// The playlist it is in.
    pub fn playlist_id(&self) -> Option<i64> {
        let mut roll = self.detail(4);
        roll.chance(0.05).then(|| {
            let creator = self.creator();
            creator.id + 1_000_000 + roll.below(4) as i64
        })
    }

    /// Whether it was verified as science content.
    pub fn is_stem_verified(&self) -> bool {
        self.detail(5).chance(0.01)
    }

    /// Type and number of the official tag: AI-generated content or a branded video.
    pub fn tag(&self) -> Option<(&'static str, u32)> {
        let mut roll = self.detail(6);
        match roll.below(100) {
            0..4 => Some(("AIGC Type", 1 + roll.below(2) as u32)),
            4..8 => Some(("Branded Type", 1 + roll.below(7) as u32)),
            _ => None,
        }
    }

    /// Text of the official label, like those of elections.
    pub fn label(&self) -> Option<&'static str> {
        let mut roll = self.detail(7);
        roll.chance(0.01).then(|| roll.pick(&["Get the facts about elections", "Learn more about vaccines"]))
    }

    /// Texts stuck onto the picture.
    pub fn sticker_texts(&self) -> Vec<&'static str> {
        let mut roll = self.detail(8);
        if !roll.chance(0.1) {
            return Vec::new();
        }
        let lexicon = &LANGUAGES[self.language_index()];
        vec![roll.pick(&lexicon.nouns[self.topic()])]
    }

    pub(crate) fn world(&self) -> &'w World {
        self.world
    }

    pub(crate) fn roll(&self, room: Room) -> Roll {
        self.world.roll(room, self.index)
    }

    /// A sequence for one detail, so that details do not depend on each other's draws.
    fn detail(&self, number: u64) -> Roll {
        self.world.roll(Room::Detail, self.index | number << 40)
    }
}

/// Where a fraction of a day's videos lies in the day, in seconds times 2^32. Strictly monotone.
fn day_offset(fraction: u64) -> i64 {
    let place = u128::from(fraction) * u128::from(BEFORE[24]);
    let step = (place >> 64) as u64;
    let hour = BEFORE.partition_point(|&before| before <= step) - 1;
    let within = (place - (u128::from(BEFORE[hour]) << 64)) / u128::from(HOURS[hour]);
    ((hour as i64 * 3600) << 32) + ((within * 3600) >> 32) as i64
}

#[cfg(test)]
mod tests {
    use crate::{World, WorldConfig};

    fn world(videos: u64) -> World {
        World::new(WorldConfig { videos, ..WorldConfig::default() }).expect("a world")
    }

    #[test]
    fn ids_are_sorted_unique_and_lead_back() {
        let world = world(50_000);
        let mut last = 0;
        for index in 0..50_000 {
            let id = world.video(index).expect("a video").id();
            assert!(id > last, "{index}");
            last = id;
        }
        for index in (0..50_000).step_by(97) {
            let id = world.video(index).expect("a video").id();
            assert_eq!(id.to_string().len(), 19);
            assert_eq!(world.video_by_id(id).map(|video| video.index()), Some(index));
            assert!(world.video_by_id(id + 1).is_none());
        }
    }

    #[test]
    fn ten_million_are_as_cheap_as_ten() {
        let world = world(10_000_000);
        for index in [0, 1, 4_999_999, 5_000_000, 9_999_998, 9_999_999] {
            let video = world.video(index).expect("a video");
            let age = video.created_at().timestamp() - (video.id() >> 32);
            assert!((0..60).contains(&age));
            assert_eq!(world.video_by_id(video.id()).map(|found| found.index()), Some(index));
            assert!(video.created_at() >= world.config().epoch);
        }
        assert!(world.video(10_000_000).is_none());
    }

    #[test]
    fn the_seed_decides() {
        let (one, same) = (world(1000), world(1000));
        let other = World::new(WorldConfig { seed: 2, videos: 1000, ..WorldConfig::default() }).expect("a world");
        let view = |world: &World| -> Vec<_> {
            (0..1000).filter_map(|i| world.video(i)).map(|v| (v.id(), v.caption(), v.creator(), v.sound())).collect()
        };
        assert_eq!(view(&one), view(&same));
        assert_ne!(view(&one), view(&other));
    }
}
