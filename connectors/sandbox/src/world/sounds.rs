//! Sounds and hashtags, and what is in fashion when.

use super::hash::{self, Roll, Room};
use super::{Video, World};

/// How many sounds everybody may use.
const SOUNDS: u64 = 5000;

/// Days of one fashion.
const SEASON: u64 = 9;

const ADJECTIVES: [&str; 16] = [
    "silent", "tiny", "golden", "lazy", "midnight", "blue", "retro", "secret", "spicy", "slow", "paper", "cosmic",
    "salty", "lucky", "soft", "loud",
];

const THINGS: [&str; 16] = [
    "spoon",
    "mirror",
    "sunday",
    "jump",
    "outfit",
    "pancake",
    "elevator",
    "sock",
    "shadow",
    "garden",
    "remix",
    "kitchen",
    "postcard",
    "umbrella",
    "staircase",
    "lamp",
];

/// A sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// 19-digit music id.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Whether it was made for this video.
    pub is_original: bool,
}

/// A hashtag as the service knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagInfo {
    /// Its id, as decimal digits.
    pub id: String,
    /// Its name without `#`.
    pub name: String,
    /// Its description, mostly empty.
    pub description: String,
}

impl TagInfo {
    /// What is known about the hashtag of this name.
    pub fn of(name: &str) -> Self {
        let hash = hash::text(name);
        let described = hash.is_multiple_of(10);
        let description = if described { format!("Show the world your #{name}.") } else { String::new() };
        Self { id: (10_000 + hash % 1_800_000_000).to_string(), name: name.to_owned(), description }
    }
}

/// The sound of a video: often its own, else one that is in fashion.
pub(crate) fn of_video(video: &Video<'_>) -> Sound {
    let mut roll = video.roll(Room::SoundOf);
    if roll.chance(0.4) {
        let id = video.id() + 1 + roll.below(1 << 20) as i64;
        return Sound { id, title: format!("original sound - {}", video.creator().handle), is_original: true };
    }
    shared(video.world(), popular(season(video), &mut roll))
}

/// A sound number; half of the time one of the few that are in fashion.
fn popular(season: u64, roll: &mut Roll) -> u64 {
    let rank = (roll.pareto(0.8) - 1.0) as u64 % SOUNDS;
    if roll.chance(0.5) { (season * 37 + rank % 12) % SOUNDS } else { rank }
}

fn shared(world: &World, number: u64) -> Sound {
    let mut roll = world.roll(Room::Sound, number);
    let second = world.config().epoch.timestamp() - 86_400 * (1 + roll.below(1500) as i64);
    let id = (second << 32) | (roll.bits() >> 32) as i64;
    let title = format!("{} {} ({})", roll.pick(&ADJECTIVES), roll.pick(&THINGS), number);
    Sound { id, title, is_original: false }
}

/// The fashion in which a video was made. Seasons overlap: some videos follow the last one.
fn season(video: &Video<'_>) -> u64 {
    let day = day(video);
    let late = video.roll(Room::Trend).below(SEASON);
    (day + SEASON - late) / SEASON
}

fn day(video: &Video<'_>) -> u64 {
    let since = (video.id() >> 32) - video.world().config().epoch.timestamp();
    since.max(0) as u64 / 86_400
}

/// A hashtag in fashion; more often in the first days of its season.
pub(crate) fn trending_tag(video: &Video<'_>, roll: &mut Roll) -> Option<String> {
    let fresh = 1.0 - (day(video) % SEASON) as f64 / SEASON as f64;
    if !roll.chance(0.06 + 0.2 * fresh) {
        return None;
    }
    let number = season(video) * 3 + (roll.pareto(1.2) as u64).min(3) - 1;
    let mut words = video.world().roll(Room::Trend, number | 1 << 41);
    Some(format!("{}{}challenge", words.pick(&ADJECTIVES), words.pick(&THINGS)))
}

#[cfg(test)]
mod tests {
    use crate::{World, WorldConfig};
    use std::collections::HashMap;

    #[test]
    fn some_sounds_and_tags_are_in_fashion() {
        let world = World::new(WorldConfig::default()).expect("a world");
        let mut sounds: HashMap<i64, u32> = HashMap::new();
        let mut tags: HashMap<String, u32> = HashMap::new();
        for video in (0..5000).filter_map(|index| world.video(index)) {
            *sounds.entry(video.sound().id).or_default() += 1;
            for tag in video.caption().hashtags.into_iter().filter(|tag| tag.ends_with("challenge")) {
                *tags.entry(tag).or_default() += 1;
            }
        }
        assert!(sounds.values().any(|&uses| uses > 100));
        assert!(sounds.len() > 1500, "{}", sounds.len());
        assert!(tags.values().any(|&uses| uses > 100), "{tags:?}");
    }
}
