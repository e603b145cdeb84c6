//! The young, by the latest instant of their next poll.

use std::collections::{BTreeMap, BTreeSet};

/// Floors are counted by quarters of an hour.
const QUARTER: i64 = 900;

/// The latest instants of the young's next polls.
#[derive(Clone, Debug, Default)]
pub(super) struct Floors {
    /// (latest instant, id).
    queue: BTreeSet<(i64, i64)>,
    /// How many fall into each quarter of an hour.
    load: BTreeMap<i64, usize>,
}

impl Floors {
    pub(super) fn insert(&mut self, at: i64, id: i64) {
        if self.queue.insert((at, id)) {
            *self.load.entry(at.div_euclid(QUARTER)).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, at: i64, id: i64) {
        if !self.queue.remove(&(at, id)) {
            return;
        }
        let quarter = at.div_euclid(QUARTER);
        if let Some(count) = self.load.get_mut(&quarter) {
            *count -= 1;
            if *count == 0 {
                self.load.remove(&quarter);
            }
        }
    }

    /// The first floor after another.
    pub(super) fn after(&self, last: (i64, i64)) -> Option<(i64, i64)> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.queue.range((Excluded(last), Unbounded)).next().copied()
    }

    /// Those that have come.
    pub(super) fn until(&self, now: i64) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.queue.range(..=(now, i64::MAX)).copied()
    }

    /// How many have to be asked for now, the earliest first, so that none comes too late: of the floors until any
    /// instant, as many as the calls after this one cannot serve in time. A call serves `room` of them, and there is one
    /// every `every` seconds. (With unit jobs of equal length, earliest deadline first misses none if that is possible
    /// at all; the floors of whoever is published later lie behind these.)
    pub(super) fn owed(&self, now: i64, room: usize, every: i64, horizon: i64) -> usize {
        let mut until = 0;
        let quarters = self.load.iter().map(|(quarter, count)| (quarter * QUARTER, *count));
        let owed = quarters.take_while(|(start, _)| *start <= now + horizon).map(|(start, count)| {
            until += count;
            let calls = usize::try_from((start - now) / every.max(1)).unwrap_or(0);
            until.saturating_sub(calls.saturating_mul(room))
        });
        owed.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    #[test]
    fn nothing_is_owed_while_later_calls_can_serve_it() {
        let mut floors = Floors::default();
        (0..10).for_each(|id| floors.insert(5 * HOUR, id));
        assert_eq!(floors.owed(0, 2, HOUR, 12 * HOUR), 0, "five calls of two");
        assert_eq!(floors.owed(HOUR, 2, HOUR, 12 * HOUR), 2, "four are left");
        assert_eq!(floors.owed(0, 2, 2 * HOUR, 12 * HOUR), 6, "two are left");
        assert_eq!(floors.owed(6 * HOUR, 2, HOUR, 12 * HOUR), 10, "late");
    }

    #[test]
    fn what_is_removed_is_not_owed() {
        let mut floors = Floors::default();
        floors.insert(HOUR, 1);
        floors.insert(HOUR, 1);
        assert_eq!(floors.owed(HOUR, 1, HOUR, HOUR), 1);
        floors.remove(HOUR, 1);
        floors.remove(HOUR, 1);
        assert_eq!(floors.owed(HOUR, 1, HOUR, HOUR), 0);
        assert_eq!(floors.after((i64::MIN, 0)), None);
    }
}
