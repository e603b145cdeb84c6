//! The daily budget of requests, counted on this side: a request over the quota would be refused, and would count all
//! the same (tiktok-surfaces §3.2: failed calls consume quota). It is free again at midnight of the source's own zone:
//! of UTC for TikTok, of the Pacific coast for Google. Sources that charge by what is asked for count units.

use super::clock::later;
use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tidelake_schemas::Timestamp;

/// The forecast looks back this many minutes.
const WINDOW_MIN: i64 = 60;

/// How much a day has.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetConfig {
    /// Requests, or units, per day.
    pub daily: u32,
    /// The share of them, between 0 and 1, that only [`Priority::High`] may use.
    pub reserve: f64,
    /// Whose midnight ends the day.
    pub zone: Tz,
}

impl BudgetConfig {
    /// A budget of UTC days without a reserve.
    pub fn new(daily: u32) -> Self {
        Self { daily, reserve: 0.0, zone: Tz::UTC }
    }

    /// The day of an instant.
    fn day(&self, now: Timestamp) -> NaiveDate {
        now.to_chrono().with_timezone(&self.zone).date_naive()
    }

    /// What a priority may use of a day.
    fn share(&self, priority: Priority) -> u32 {
        match priority {
            Priority::High => self.daily,
            // The product is between 0 and `daily`.
            Priority::Normal => (f64::from(self.daily) * (1.0 - self.reserve.clamp(0.0, 1.0))).floor() as u32,
        }
    }
}

/// Who may touch the reserve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Work that can wait for tomorrow.
    #[default]
    Normal,
    /// Work that cannot: refresh duties, a person who waits.
    High,
}

/// What was spent, as the caller keeps it over a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetState {
    /// The day, in the budget's zone.
    pub day: NaiveDate,
    /// Requests spent on it.
    pub spent: u32,
    /// Requests of the last hour by minute since 1970, oldest first; at most 61 entries.
    #[serde(default)]
    pub recent: VecDeque<(i64, u32)>,
}

/// Nothing is left for this priority today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// When the budget is free again.
    pub resets_at: Timestamp,
    /// What is left for [`Priority::High`].
    pub reserve_left: u32,
}

/// Spent, left and the forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BudgetSnapshot {
    /// Requests per day.
    pub daily: u32,
    /// Requests kept for high priority.
    pub reserve: u32,
    /// Requests spent today.
    pub spent: u32,
    /// Requests left today, the reserve included.
    pub left: u32,
    /// Requests left today for normal priority.
    pub left_normal: u32,
    /// The next midnight.
    pub resets_at: Timestamp,
    /// Requests per hour, over the last hour.
    pub per_hour: f64,
    /// When nothing is left at that rate, if that is before the reset.
    pub empty_at: Option<Timestamp>,
    /// At that rate, the budget is enough for the rest of the day.
    pub enough: bool,
}

/// A daily budget. Time is passed in.
#[derive(Debug)]
pub struct Budget {
    config: BudgetConfig,
    state: Mutex<BudgetState>,
}

/// One request's share of the budget: given back when dropped, spent when kept.
#[derive(Debug)]
#[must_use = "a charge that is not kept is given back"]
pub struct Charge<'a> {
    budget: &'a Budget,
    day: NaiveDate,
    minute: i64,
    units: u32,
    kept: bool,
}

impl Budget {
    /// A budget of which nothing is spent.
    pub fn new(config: BudgetConfig) -> Self {
        Self { config, state: Mutex::default() }
    }

    /// Goes on from a kept state.
    pub fn restore(&self, state: BudgetState) {
        *self.lock() = state;
    }

    /// The state to keep.
    pub fn state(&self, now: Timestamp) -> BudgetState {
        self.today(now).clone()
    }

    /// Takes one request, unless none is left today for this priority.
    ///
    /// # Errors
    /// [`Exhausted`], with the time of the reset.
    pub fn take(&self, priority: Priority, now: Timestamp) -> Result<Charge<'_>, Exhausted> {
        self.take_units(1, priority, now)
    }

    /// Takes the units of one request, unless fewer are left today for this priority.
    ///
    /// # Errors
    /// [`Exhausted`], with the time of the reset.
    pub fn take_units(&self, units: u32, priority: Priority, now: Timestamp) -> Result<Charge<'_>, Exhausted> {
        let mut state = self.today(now);
        if state.spent.saturating_add(units) > self.config.share(priority) {
            let reserve_left = self.config.daily.saturating_sub(state.spent);
            return Err(Exhausted { resets_at: self.resets_at(now), reserve_left });
        }
        state.add(units, minute(now));
        Ok(Charge { budget: self, day: state.day, minute: minute(now), units, kept: false })
    }

    /// When the budget is free again: the next midnight of its zone.
    pub fn resets_at(&self, now: Timestamp) -> Timestamp {
        let next = self.config.day(now).checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
        // Where summer time begins at midnight, the day begins an hour later.
        let begins = |hour| self.config.zone.from_local_datetime(&next.and_hms_opt(hour, 0, 0)?).earliest();
        (0..=1).find_map(begins).map_or_else(|| reset_after(now), |instant| instant.to_utc().into())
    }

    /// Counts what was spent without asking, e.g. records of an answer.
    pub fn charge(&self, amount: u32, now: Timestamp) {
        self.today(now).add(amount, minute(now));
    }

    /// The source says that nothing is left today: someone else uses the same credential.
    pub fn exhaust(&self, now: Timestamp) {
        let mut state = self.today(now);
        state.spent = state.spent.max(self.config.daily);
    }

    /// On how many days (today is the first) this many requests are spent, for a forecast before a job starts;
    /// `None` when this priority has no share at all.
    pub fn days_for(&self, requests: u32, priority: Priority, now: Timestamp) -> Option<u32> {
        let share = self.config.share(priority);
        let today = share.saturating_sub(self.today(now).spent);
        if requests <= today {
            return Some(u32::from(requests > 0));
        }
        (share > 0).then(|| 1 + (requests - today).div_ceil(share))
    }

    /// Spent, left and the forecast.
    pub fn snapshot(&self, now: Timestamp) -> BudgetSnapshot {
        let state = self.today(now).clone();
        let normal = self.config.share(Priority::Normal);
        let left = self.config.daily.saturating_sub(state.spent);
        let (per_hour, resets_at) = (state.per_hour(minute(now)), self.resets_at(now));
        let empty_at = match left {
            0 => Some(now),
            _ if per_hour > 0.0 => Duration::try_from_secs_f64(f64::from(left) / per_hour * 3600.0)
                .ok()
                .map(|lasts| later(now, lasts))
                .filter(|empty| *empty < resets_at),
            _ => None,
        };
        BudgetSnapshot {
            daily: self.config.daily,
            reserve: self.config.daily - normal,
            spent: state.spent,
            left,
            left_normal: normal.saturating_sub(state.spent),
            resets_at,
            per_hour,
            empty_at,
            enough: empty_at.is_none(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BudgetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn today(&self, now: Timestamp) -> MutexGuard<'_, BudgetState> {
        let mut state = self.lock();
        state.roll(self.config.day(now));
        state
    }
}

impl Charge<'_> {
    /// The request is on its way: it counts.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        if !self.kept && state.day == self.day {
            state.spent = state.spent.saturating_sub(self.units);
            if let Some((_, count)) = state.recent.iter_mut().find(|(minute, _)| *minute == self.minute) {
                *count = count.saturating_sub(self.units);
            }
        }
    }
}

impl BudgetState {
    fn roll(&mut self, today: NaiveDate) {
        // A clock that is set back a little over midnight must not give a day's quota twice; a kept day in the far
        // future is a clock that was wrong.
        let ahead = self.day.signed_duration_since(today).num_days();
        if !(0..=1).contains(&ahead) {
            (self.day, self.spent) = (today, 0);
        }
    }

    fn add(&mut self, amount: u32, minute: i64) {
        self.spent = self.spent.saturating_add(amount);
        match self.recent.back_mut().filter(|(last, _)| *last >= minute) {
            Some((_, count)) => *count = count.saturating_add(amount),
            None => self.recent.push_back((minute, amount)),
        }
        while self.recent.front().is_some_and(|(first, _)| *first < minute - WINDOW_MIN) {
            self.recent.pop_front();
        }
    }

    /// Over the last hour, or since the first request of it: a young process is not called idle.
    fn per_hour(&self, minute: i64) -> f64 {
        let within = self.recent.iter().filter(|(at, _)| *at > minute - WINDOW_MIN);
        let count: f64 = within.clone().map(|(_, count)| f64::from(*count)).sum();
        let minutes = within.map(|(at, _)| *at).min().map_or(1, |first| (minute - first + 1).clamp(1, WINDOW_MIN));
        count * 60.0 / minutes as f64
    }
}

/// The next 00:00 UTC.
pub fn reset_after(now: Timestamp) -> Timestamp {
    let next = now.date().checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    next.and_time(NaiveTime::MIN).and_utc().into()
}

fn minute(now: Timestamp) -> i64 {
    now.secs().div_euclid(60)
}

#[cfg(test)]
#[path = "tests/budget.rs"]
mod tests;
