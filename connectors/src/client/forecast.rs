//! Whether a daily budget is enough for the rest of the day.

use super::budget::{BudgetConfig, Priority};
use super::clock::later;
use serde::Serialize;
use std::collections::VecDeque;
use std::time::Duration;
use tidelake_schemas::Timestamp;

/// The forecast looks back this many minutes.
const WINDOW_MIN: i64 = 60;

/// Spent, left and the forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetSnapshot {
    /// Requests per day.
    pub daily: u32,
    /// Requests kept for high priority.
    pub reserve: u32,
    /// Requests spent today, by everyone: of others, what they were lent.
    pub spent: u32,
    /// Requests left today, the reserve included.
    pub left: u32,
    /// Requests left today for normal priority.
    pub left_normal: u32,
    /// The next midnight of the budget's zone.
    pub resets_at: Timestamp,
    /// Requests per hour, over the last hour.
    pub per_hour: f64,
    /// When nothing is left at that rate, if that is before the reset.
    pub empty_at: Option<Timestamp>,
    /// At that rate, the budget is enough for the rest of the day.
    pub enough: bool,
}

/// Requests of the last hour, minute by minute.
#[derive(Clone, Debug, Default)]
pub struct Pace(VecDeque<(i64, u32)>);

impl BudgetSnapshot {
    /// Of a day of which so much is spent, at this pace. A closed day has nothing left, whatever was spent.
    pub fn of(config: &BudgetConfig, spent: u32, closed: bool, pace: &Pace, now: Timestamp) -> Self {
        let left = |share: u32| if closed { 0 } else { share.saturating_sub(spent) };
        let (per_hour, resets_at) = (pace.per_hour(now), config.resets_at(now));
        let empty_at = match left(config.daily) {
            0 => Some(now),
            left if per_hour > 0.0 => Duration::try_from_secs_f64(f64::from(left) / per_hour * 3600.0)
                .ok()
                .map(|lasts| later(now, lasts))
                .filter(|empty| *empty < resets_at),
            _ => None,
        };
        Self {
            daily: config.daily,
            reserve: config.kept(),
            spent,
            left: left(config.daily),
            left_normal: left(config.share(Priority::Normal)),
            resets_at,
            per_hour,
            empty_at,
            enough: empty_at.is_none(),
        }
    }
}

impl Pace {
    /// Counts requests.
    pub fn add(&mut self, amount: u32, now: Timestamp) {
        let minute = minute(now);
        match self.0.back_mut().filter(|(last, _)| *last >= minute) {
            Some((_, count)) => *count = count.saturating_add(amount),
            None => self.0.push_back((minute, amount)),
        }
        while self.0.front().is_some_and(|(first, _)| *first < minute - WINDOW_MIN) {
            self.0.pop_front();
        }
    }

    /// Takes requests back that were not sent after all: the newest first.
    pub fn take_back(&mut self, mut amount: u32) {
        for (_, count) in self.0.iter_mut().rev() {
            let back = amount.min(*count);
            *count -= back;
            amount -= back;
        }
    }

    /// Requests per hour, over the last hour, or since the first request of it: a young process is not called idle.
    pub fn per_hour(&self, now: Timestamp) -> f64 {
        let minute = minute(now);
        let within = self.0.iter().filter(|(at, _)| *at > minute - WINDOW_MIN);
        let count: u64 = within.clone().map(|(_, count)| u64::from(*count)).sum();
        let minutes = within.map(|(at, _)| *at).min().map_or(1, |first| (minute - first + 1).clamp(1, WINDOW_MIN));
        count as f64 * 60.0 / minutes as f64
    }
}

fn minute(now: Timestamp) -> i64 {
    now.secs().div_euclid(60)
}
