//! Creators: handles that lead back to their index, countries, followers.

use super::WorldConfig;
use super::hash::{Roll, Room};
use super::lexicon::{LANGUAGES, TOPIC_TAGS, TOPICS};
use super::region::REGIONS;
use chrono::{DateTime, Utc};

#[rustfmt::skip]
const FIRST: [&str; 48] = [
    "luna", "milo", "ana", "kai", "noor", "yuki", "minh", "sofia", "leo", "mei", "tariq", "ines", "otto", "priya", "dani",
    "zuri", "hana", "ravi", "elif", "bruno", "chloe", "jun", "marta", "ayo", "lena", "omar", "nina", "theo", "rosa", "ivan",
    "sena", "paulo", "greta", "khalid", "wren", "tomas", "aiko", "bela", "cleo", "dewi", "emre", "fatima", "gus", "hugo",
    "isla", "jaya", "kofi", "lucas",
];

#[rustfmt::skip]
const SECOND: [&str; 40] = [
    "bakes", "lifts", "paints", "plays", "roams", "codes", "reads", "sings", "kicks", "fixes", "daily", "official", "vlogs",
    "studio", "world", "cooks", "dances", "films", "hikes", "sews", "gardens", "laughs", "at.home", "tv", "x", "eats", "rides",
    "draws", "learns", "tests", "builds", "sleeps", "talks", "writes", "trains", "travels", "cuts", "mixes", "styles", "jokes",
];

/// How many handles need no number.
const PAIRS: u64 = (FIRST.len() * SECOND.len()) as u64;

/// One creator of a [`World`](super::World).
#[derive(Clone, Debug, PartialEq)]
pub struct Creator {
    /// Position among all creators; earlier ones publish more.
    pub index: u64,
    /// 19-digit user id.
    pub id: i64,
    /// Handle without `@`, unique.
    pub handle: String,
    /// Shown name.
    pub display_name: String,
    /// Biography; may be empty.
    pub bio: String,
    /// Link of the biography.
    pub bio_url: Option<String>,
    /// Picture.
    pub avatar_url: String,
    /// Badge.
    pub is_verified: bool,
    /// Two letters.
    pub region_code: &'static str,
    /// Accounts followed.
    pub following: i64,
    /// Whether the service refuses to tell anything about the account.
    pub is_restricted: bool,
    followers: f64,
    growth: f64,
    since: DateTime<Utc>,
    likes_per_follower: f64,
    videos: f64,
}

impl Creator {
    pub(crate) fn new(config: &WorldConfig, index: u64) -> Self {
        let mut roll = roll(config, index);
        let region = &REGIONS[draw_region(&mut roll)];
        let topic = draw_topic(&mut roll);
        let followers = draw_followers(&mut roll);
        let handle = handle(config, index);
        let month = 30 * 86_400;
        let born = config.epoch.timestamp() - roll.below(60 * month) as i64 - 86_400;
        let id = (born << 32) | (roll.bits() >> 32) as i64;
        let lexicon = &LANGUAGES[region.language];
        let noun = roll.pick(&lexicon.nouns[topic]);
        let has_bio = roll.chance(0.8);
        let bio_url = roll.chance(0.3).then(|| format!("https://links.example/{handle}"));
        Self {
            index,
            id,
            display_name: display_name(&handle, region.flag, &mut roll),
            bio: if has_bio { format!("{noun} {} · #{}", region.flag, TOPIC_TAGS[topic][0]) } else { String::new() },
            bio_url,
            avatar_url: format!("https://avatars.example/{id}.jpeg?x-expires={}", config.epoch.timestamp() + 172_800),
            is_verified: followers > 200_000.0 && roll.chance(0.6),
            region_code: region.code,
            following: (20.0 * roll.pareto(0.9)).min(10_000.0) as i64,
            is_restricted: roll.chance(0.01),
            followers,
            growth: roll.unit() * 0.01,
            since: config.epoch,
            likes_per_follower: 2.0 + roll.pareto(1.5) * 5.0,
            videos: expected_videos(config, index) + 1.0 + roll.pareto(1.2) * 10.0,
            handle,
        }
    }

    /// Followers at an instant; grows.
    pub fn followers_at(&self, at: DateTime<Utc>) -> i64 {
        (self.followers * (1.0 + self.growth * self.days(at))) as i64
    }

    /// Likes over all videos at an instant; grows. An estimate that does not add up its videos.
    pub fn likes_at(&self, at: DateTime<Utc>) -> i64 {
        (self.followers_at(at) as f64 * self.likes_per_follower) as i64
    }

    /// Videos published before the world began and, about, those since.
    pub fn videos_at(&self, at: DateTime<Utc>) -> i64 {
        (self.videos * (1.0 + 0.01 * self.days(at))) as i64
    }

    fn days(&self, at: DateTime<Utc>) -> f64 {
        (at - self.since).num_seconds().max(0) as f64 / 86_400.0
    }
}

fn roll(config: &WorldConfig, index: u64) -> Roll {
    Roll::new(config.seed, Room::Creator, index)
}

fn draw_region(roll: &mut Roll) -> usize {
    roll.weighted(REGIONS.iter().map(|region| region.weight))
}

fn draw_topic(roll: &mut Roll) -> usize {
    roll.below(TOPICS as u64) as usize
}

fn draw_followers(roll: &mut Roll) -> f64 {
    (30.0 * roll.pareto(0.75)).min(160_000_000.0)
}

/// Position of a creator's country.
pub(crate) fn region_of(config: &WorldConfig, index: u64) -> usize {
    draw_region(&mut roll(config, index))
}

/// A creator's topic.
pub(crate) fn topic_of(config: &WorldConfig, index: u64) -> usize {
    let mut roll = roll(config, index);
    draw_region(&mut roll);
    draw_topic(&mut roll)
}

/// A creator's followers when the world begins.
pub(crate) fn followers_of(config: &WorldConfig, index: u64) -> f64 {
    let mut roll = roll(config, index);
    draw_region(&mut roll);
    draw_topic(&mut roll);
    draw_followers(&mut roll)
}

/// How many of the world's videos this creator should have.
fn expected_videos(config: &WorldConfig, index: u64) -> f64 {
    let share = |n: u64| (n as f64 / config.creators as f64).powf(2.0 / 3.0);
    (share(index + 1) - share(index)) * config.videos as f64
}

fn display_name(handle: &str, flag: &str, roll: &mut Roll) -> String {
    let plain: String = handle.chars().map(|c| if c == '_' || c == '.' { ' ' } else { c }).collect();
    let name = plain.trim().trim_end_matches(|c: char| c.is_ascii_digit());
    match roll.below(4) {
        0 => name.to_uppercase(),
        1 => format!("{name} {flag}"),
        2 => format!("✨ {name} ✨"),
        _ => name.to_owned(),
    }
}

/// Which pair of words the creator at `index` has. A bijection on `0..PAIRS`: 1103 is prime to it.
fn pair(config: &WorldConfig, index: u64) -> u64 {
    (index % PAIRS * 1103 + config.seed % PAIRS) % PAIRS
}

/// A unique handle: two words, and a number when the pairs of words are used up.
pub(crate) fn handle(config: &WorldConfig, index: u64) -> String {
    let pair = pair(config, index) as usize;
    let (first, second) = (FIRST[pair / SECOND.len()], SECOND[pair % SECOND.len()]);
    let style = Roll::new(config.seed, Room::Author, index | 1 << 41).below(8);
    let (lead, middle) =
        [("", ""), ("", "_"), ("", "."), (".", "."), ("", "__"), ("", ""), ("its", "_"), ("_", "")][style as usize];
    let number = match index / PAIRS {
        0 => String::new(),
        n => n.to_string(),
    };
    format!("{lead}{first}{middle}{second}{number}")
}

/// The creator with this handle. A number at the end limits the choice to one round of pairs.
pub(crate) fn index_of(config: &WorldConfig, wanted: &str) -> Option<u64> {
    let wanted = wanted.trim_start_matches('@').to_lowercase();
    let digits = wanted.len() - wanted.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let number = &wanted[wanted.len() - digits..];
    let round: u64 = if number.is_empty() { 0 } else { number.parse().ok()? };
    let start = round.checked_mul(PAIRS)?;
    let end = start.checked_add(PAIRS)?.min(config.creators);
    (start..end).find(|&index| handle(config, index) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;
    use std::collections::HashSet;

    #[test]
    fn handles_are_unique_and_lead_back() {
        let config = WorldConfig { creators: 6000, ..WorldConfig::default() };
        let world = World::new(config.clone()).expect("a world");
        let handles: HashSet<_> = (0..6000).map(|index| handle(&config, index)).collect();
        assert_eq!(handles.len(), 6000);
        for index in (0..6000).step_by(371) {
            let creator = world.creator(index).expect("a creator");
            let found = world.creator_by_handle(&creator.handle.to_uppercase()).expect("the same");
            assert_eq!(found, creator);
        }
        assert!(world.creator_by_handle("nobody.here").is_none());
        assert!(world.creator_by_handle("x99999999999999999999").is_none());
    }

    #[test]
    fn followers_have_a_heavy_tail() {
        let config = WorldConfig::default();
        let mut followers: Vec<_> = (0..5000).map(|index| followers_of(&config, index)).collect();
        followers.sort_by(f64::total_cmp);
        assert!(followers[2500] < 200.0, "{}", followers[2500]);
        assert!(followers[4999] > 200_000.0, "{}", followers[4999]);
    }
}
