//! Walking through the videos of a search, newest first, looking only at as many as somebody asks for.

use crate::{Query, World};
use chrono::{DateTime, TimeDelta, Utc};

/// The indices of the videos that a query finds, newest first.
#[derive(Clone, Debug)]
pub struct Matches<'w> {
    world: &'w World,
    query: Query,
    at: DateTime<Utc>,
    /// Candidates, where the query names them (newest first).
    named: Option<Vec<u64>>,
    /// The first index of the window.
    low: u64,
    /// One past the next index to look at.
    high: u64,
}

impl<'w> Matches<'w> {
    /// Everything a query finds at an instant.
    pub fn new(world: &'w World, query: &Query, at: DateTime<Utc>) -> Self {
        let (start, end) = query.window();
        let first_at = |instant: DateTime<Utc>| world.first_where(|v| v.id() >> 32 >= instant.timestamp());
        // A video is published up to a minute after the second of its id.
        let low = first_at(start.checked_sub_signed(TimeDelta::seconds(60)).unwrap_or(start));
        let latest = at.checked_add_signed(TimeDelta::seconds(1)).unwrap_or(at);
        let high = first_at(end.min(latest));
        Self { world, query: query.clone(), at, named: query.named(world), low, high }
    }

    /// Goes on below this index: only older videos are looked at.
    #[must_use]
    pub fn below(mut self, index: u64) -> Self {
        self.high = self.high.min(index);
        self
    }

    /// The indices among which the matches are: from the first up to, but without, the second.
    pub fn bounds(&self) -> (u64, u64) {
        (self.low, self.high)
    }

    /// Whether the query finds the video at this index.
    pub(crate) fn finds(&self, index: u64) -> bool {
        self.world.video(index).is_some_and(|video| self.query.finds(video, self.at))
    }

    fn next_named(&mut self, named: &[u64]) -> Option<u64> {
        let next = *named.iter().find(|&&index| index < self.high && index >= self.low)?;
        self.high = next;
        Some(next)
    }

    fn next_candidate(&mut self) -> Option<u64> {
        if let Some(named) = self.named.take() {
            let next = self.next_named(&named);
            self.named = Some(named);
            return next;
        }
        if self.high <= self.low {
            return None;
        }
        self.high -= 1;
        Some(self.high)
    }
}

impl Iterator for Matches<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        loop {
            let index = self.next_candidate()?;
            if self.finds(index) {
                return Some(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Condition, FieldName, Operation, Query, World, WorldConfig};
    use chrono::{NaiveDate, TimeDelta};

    fn world() -> World {
        World::new(WorldConfig { videos: 30_000, ..WorldConfig::default() }).expect("a world")
    }

    fn days(first: u32, last: u32) -> Query {
        let day = |day| NaiveDate::from_ymd_opt(2026, 1, day).expect("a day");
        Query::days(day(first), day(last))
    }

    fn is(field: FieldName, value: &str) -> Condition {
        Condition::new(field, Operation::Eq, &[value]).expect("a condition")
    }

    #[test]
    fn windows_cut_at_midnight_and_add_up() {
        let world = world();
        let at = world.end();
        let count = |first, last| world.matching(&days(first, last), at).count();
        assert_eq!(count(3, 5), count(3, 3) + count(4, 4) + count(5, 5));
        let slow = (0..30_000)
            .filter_map(|i| world.video(i))
            .filter(|v| v.created_at().to_rfc3339().starts_with("2026-01-04"));
        assert_eq!(count(4, 4), slow.count());
        let ids: Vec<_> = world.matching(&days(1, 9), at).collect();
        assert!(ids.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn conditions_agree_with_the_videos() {
        let world = world();
        let at = world.end();
        let us = is(FieldName::RegionCode, "US");
        let with = world.matching(&days(1, 9).and(us.clone()), at).count();
        let without = world.matching(&days(1, 9).and_not(us.clone()), at).count();
        assert_eq!(with + without, world.matching(&days(1, 9), at).count());
        let tagged = days(1, 9).and(us).and(is(FieldName::HashtagName, "FYP"));
        for id in world.matching(&tagged, at) {
            let video = world.video_by_id(id).expect("a video");
            assert_eq!(video.region_code(), "US");
            assert!(video.caption().hashtags.contains(&"fyp".to_owned()));
        }
        let named = world.video(500).expect("a video").id();
        let found: Vec<_> = world.matching(&days(1, 30).and(is(FieldName::VideoId, &named.to_string())), at).collect();
        assert_eq!(found, [named]);
    }

    #[test]
    fn the_future_is_not_found() {
        let config = WorldConfig { videos: 30_000, indexing_delay_hours: 48, ..WorldConfig::default() };
        let world = World::new(config).expect("a world");
        let noon = world.config().epoch + TimeDelta::hours(60);
        let seen: Vec<_> = world.matching(&days(1, 30), noon).collect();
        assert!(seen.iter().all(|id| world.video_by_id(*id).expect("a video").created_at() <= noon));
        let later: Vec<_> = world.matching(&days(1, 30), noon + TimeDelta::hours(48)).collect();
        let first = seen.iter().max().expect("some");
        assert!(later.iter().any(|id| id < first && !seen.contains(id)), "late arrivals");
        assert!(seen.iter().all(|id| later.contains(id)));
    }
}
