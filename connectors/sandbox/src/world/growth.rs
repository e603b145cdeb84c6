//! How a video's numbers grow, and what becomes of it.

use super::creators;
use super::hash::{Roll, Room};
use super::videos::Video;
use chrono::{DateTime, TimeDelta, Utc};

/// The numbers of a video at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoStats {
    /// Plays.
    pub views: i64,
    /// Hearts; never more than views.
    pub likes: i64,
    /// Comments and replies.
    pub comments: i64,
    /// Shares.
    pub shares: i64,
    /// Saves to favourites.
    pub saves: i64,
}

/// What becomes of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Public,
    /// It is deleted at this instant.
    DeletedAt(DateTime<Utc>),
    /// It is private from the first instant on, until the second where there is one.
    PrivateFrom(DateTime<Utc>, Option<DateTime<Utc>>),
}

/// The curve of a video's views.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve {
    total: f64,
    /// Hours after which half of the first wave is over, or so.
    pace: f64,
    decay: f64,
    /// Share of the second wave and the hour in which it begins.
    late: Option<(f64, f64)>,
    likes: f64,
    comments: f64,
    shares: f64,
    saves: f64,
}

impl Curve {
    fn new(video: &Video<'_>) -> Self {
        let mut roll = video.roll(Room::Growth);
        let followers = creators::followers_of(video.world().config(), video.creator_index());
        let total = (12.0 * (followers + 100.0).powf(0.45) * roll.pareto(0.95)).min(400_000_000.0);
        let likes = 0.02 + 0.16 * roll.unit() * roll.unit();
        Self {
            total,
            pace: 3.0 + 40.0 * roll.unit() * roll.unit(),
            decay: 0.6 + 1.2 * roll.unit(),
            late: late_bloom(&mut roll),
            likes,
            comments: likes * (0.005 + 0.08 * roll.unit() * roll.unit()),
            shares: likes * 0.2 * roll.unit() * roll.unit(),
            saves: likes * 0.3 * roll.unit() * roll.unit(),
        }
    }

    /// Views after so many hours. Monotone.
    fn views(&self, hours: f64) -> f64 {
        let first = self.wave(hours);
        let share = match self.late {
            Some((weight, start)) => (1.0 - weight) * first + weight * self.wave(hours - start),
            None => first,
        };
        (self.total * share).floor()
    }

    fn wave(&self, hours: f64) -> f64 {
        if hours <= 0.0 { 0.0 } else { 1.0 - (1.0 + hours / self.pace).powf(-self.decay) }
    }

    fn stats(&self, hours: f64) -> VideoStats {
        let views = self.views(hours);
        let part = |rate: f64| (views * rate) as i64;
        VideoStats {
            views: views as i64,
            likes: part(self.likes),
            comments: part(self.comments),
            shares: part(self.shares),
            saves: part(self.saves),
        }
    }

    /// The second after publication in which the comment of this number is there for the first time.
    pub(crate) fn second_of_comment(&self, number: u64, age_seconds: u64) -> u64 {
        let there = |second: u64| self.stats(second as f64 / 3600.0).comments > number as i64;
        let (mut low, mut high) = (0, age_seconds);
        while low < high {
            let middle = low + (high - low) / 2;
            if there(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}

/// A few videos are found late: most of their views come days after publication.
fn late_bloom(roll: &mut Roll) -> Option<(f64, f64)> {
    let (chosen, weight, day) = (roll.chance(0.04), 0.5 + 0.45 * roll.unit(), 4.0 + 40.0 * roll.unit());
    chosen.then_some((weight, day * 24.0))
}

impl Video<'_> {
    /// Its numbers at an instant; never falling, 0 before publication.
    pub fn stats_at(&self, at: DateTime<Utc>) -> VideoStats {
        let age = (at - self.created_at()).num_milliseconds().max(0) as f64;
        self.curve().stats(age / 3_600_000.0)
    }

    pub(crate) fn curve(&self) -> Curve {
        Curve::new(self)
    }

    /// What becomes of it.
    pub fn fate(&self) -> Fate {
        let config = self.world().config();
        let mut roll = self.roll(Room::Fate);
        let draw = roll.unit();
        let begins = self.created_at() + hours(0.5 + roll.pareto(0.7) * 6.0);
        if draw < config.deleted_share {
            return Fate::DeletedAt(begins);
        }
        if draw >= config.deleted_share + config.private_share {
            return Fate::Public;
        }
        let ends = roll.chance(0.33).then(|| begins + hours(12.0 + 400.0 * roll.unit()));
        Fate::PrivateFrom(begins, ends)
    }

    /// Whether everybody can see it at this instant.
    pub fn is_available(&self, at: DateTime<Utc>) -> bool {
        if at < self.created_at() {
            return false;
        }
        match self.fate() {
            Fate::Public => true,
            Fate::DeletedAt(instant) => at < instant,
            Fate::PrivateFrom(from, until) => at < from || until.is_some_and(|until| at >= until),
        }
    }
}

/// At most ten years.
fn hours(hours: f64) -> TimeDelta {
    TimeDelta::seconds((hours.min(87_600.0) * 3600.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{World, WorldConfig};

    fn world() -> World {
        World::new(WorldConfig::default()).expect("a world")
    }

    #[test]
    fn numbers_never_fall_and_agree() {
        let world = world();
        for video in (0..200_000).step_by(991).filter_map(|index| world.video(index)) {
            let mut last = VideoStats::default();
            assert_eq!(video.stats_at(video.created_at()), last);
            for hour in [1, 2, 5, 24, 48, 100, 300, 700, 2000, 9000] {
                let now = video.stats_at(video.created_at() + TimeDelta::hours(hour));
                let pairs = [(now.views, last.views), (now.likes, last.likes), (now.comments, last.comments)];
                assert!(pairs.iter().all(|(now, last)| now >= last));
                assert!(now.shares >= last.shares && now.saves >= last.saves);
                assert!(now.likes <= now.views && now.comments <= now.likes);
                last = now;
            }
        }
    }

    #[test]
    fn views_have_a_heavy_tail() {
        let world = world();
        let mut views: Vec<_> =
            (0..20_000).filter_map(|i| world.video(i)).map(|v| v.stats_at(world.end()).views).collect();
        views.sort_unstable();
        assert!(views[10_000] < 2000, "{}", views[10_000]);
        assert!(views[19_999] > 300_000, "{}", views[19_999]);
    }

    #[test]
    fn some_bloom_late() {
        let world = world();
        let late = (0..2000).filter_map(|i| world.video(i)).filter(|video| {
            let at = |days| video.stats_at(video.created_at() + TimeDelta::days(days)).views as f64;
            at(200) > 1000.0 && at(3) < 0.4 * at(200)
        });
        assert!(late.count() > 5);
    }

    #[test]
    fn a_few_percent_vanish_and_some_return() {
        let world = world();
        let at = world.end() + TimeDelta::days(3000);
        let videos: Vec<_> = (0..10_000).filter_map(|i| world.video(i)).collect();
        let gone = videos.iter().filter(|video| !video.is_available(at)).count();
        assert!((250..600).contains(&gone), "{gone}");
        assert!(videos.iter().any(|video| matches!(video.fate(), Fate::PrivateFrom(_, Some(_)))));
        assert!(videos.iter().all(|video| !video.is_available(video.created_at() - TimeDelta::seconds(1))));
    }
}
