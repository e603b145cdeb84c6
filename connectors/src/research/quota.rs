//! The daily quota, counted on this side: a request over it would be refused, and would count all the same.

use super::day::Day;
use std::sync::Mutex;
use tidelake_schemas::Timestamp;

/// Requests of one UTC day.
#[derive(Debug)]
pub(super) struct Quota {
    limit: u32,
    spent: Mutex<(Option<Day>, u32)>,
}

impl Quota {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, spent: Mutex::new((None, 0)) }
    }

    /// Requests per day.
    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// Counts one request, unless none is left today.
    pub(super) fn spend(&self, now: Timestamp) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let today = Some(Day::of(now));
        if spent.0 != today {
            *spent = (today, 0);
        }
        let left = spent.1 < self.limit;
        spent.1 += u32::from(left);
        left
    }
}

/// When the quota of `now`'s day is free again: the next 00:00 UTC.
pub(super) fn reset_after(now: Timestamp) -> Timestamp {
    Day::of(now).plus(1).start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_day_is_a_new_quota() {
        let evening = Timestamp(1_704_499_196_000_000);
        let quota = Quota::new(2);
        assert_eq!([evening; 3].map(|now| quota.spend(now)), [true, true, false]);
        let midnight = reset_after(evening);
        assert_eq!(midnight.to_string(), "2024-01-06T00:00:00Z");
        assert!(!quota.spend(Timestamp(midnight.0 - 1)));
        assert!(quota.spend(midnight));
    }
}
