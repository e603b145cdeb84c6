//! The daily budget of requests, counted on this side: a request over the quota would be refused, and would count all
//! the same (tiktok-surfaces §3.2: failed calls consume quota). It is free again at midnight of the source's own zone:
//! of UTC for TikTok, of the Pacific coast for Google. Sources that charge by what is asked for count units.
//!
//! Spent is only what a [`Lender`] has lent, so that processes with the same credential share one budget.

pub use super::forecast::{BudgetSnapshot, Pace};
use super::lease::{Lease, LendError, Lender, LocalLender, Wish, block};
use super::profile::Route;
use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tidelake_schemas::Timestamp;

/// How much a day has.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetConfig {
    /// What is counted: `requests`, or the name of a quota of its own.
    pub name: &'static str,
    /// Requests, or units, per day.
    pub daily: u32,
    /// The share of them, between 0 and 1, that only [`Priority::High`] may use; rounded down to whole requests.
    pub reserve: f64,
    /// Whose midnight ends the day.
    pub zone: Tz,
}

impl BudgetConfig {
    /// A budget of `requests` of UTC days, without a reserve.
    pub fn new(daily: u32) -> Self {
        Self { name: "requests", daily, reserve: 0.0, zone: Tz::UTC }
    }

    /// A budget of so much of the days of a route's source.
    pub fn of(route: Route, daily: u32) -> Self {
        let zone = if route == Route::Youtube { Tz::America__Los_Angeles } else { Tz::UTC };
        Self { zone, ..Self::new(daily) }
    }

    /// The day of an instant.
    pub fn day(&self, now: Timestamp) -> NaiveDate {
        now.to_chrono().with_timezone(&self.zone).date_naive()
    }

    /// When the budget is free again: the next midnight of its zone.
    pub fn resets_at(&self, now: Timestamp) -> Timestamp {
        let next = self.day(now).checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
        // Where summer time begins at midnight, the day begins an hour later.
        let begins = |hour| self.zone.from_local_datetime(&next.and_hms_opt(hour, 0, 0)?).earliest();
        (0..=1).find_map(begins).map_or_else(|| reset_after(now), |instant| instant.to_utc().into())
    }

    /// Requests that are kept for high priority.
    pub fn kept(&self) -> u32 {
        // The product is between 0 and `daily`.
        (f64::from(self.daily) * self.reserve.clamp(0.0, 1.0)).floor() as u32
    }

    /// What a priority may use of a day.
    pub fn share(&self, priority: Priority) -> u32 {
        match priority {
            Priority::High => self.daily,
            Priority::Normal => self.daily - self.kept(),
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

/// A request that must not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Nothing is left for this priority today.
    Exhausted {
        /// When the budget is free again.
        resets_at: Timestamp,
        /// What is left for [`Priority::High`].
        reserve_left: u32,
    },
    /// It is not known what is left.
    Unknown(LendError),
}

/// A daily budget. Time is passed in.
#[derive(Debug)]
pub struct Budget {
    config: BudgetConfig,
    key: String,
    lender: Arc<dyn Lender>,
    state: Mutex<State>,
    /// Who asks while another asks waits for that lease instead of asking for one more.
    asking: tokio::sync::Mutex<()>,
}

/// One process's part of a day.
#[derive(Debug, Default)]
struct State {
    day: NaiveDate,
    spent: u32,
    /// Lent and not spent, for any priority …
    held: u32,
    /// … and for high priority only: out of the reserve.
    reserved: u32,
    /// Lent to others.
    others: u32,
    closed: bool,
    pace: Pace,
}

impl Budget {
    /// A budget that this lender knows by `key`.
    pub fn new(config: BudgetConfig, key: String, lender: Arc<dyn Lender>) -> Self {
        Self { config, key, lender, state: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// A budget that nobody shares.
    pub fn alone(config: BudgetConfig) -> Self {
        Self::new(config, String::new(), Arc::new(LocalLender::default()))
    }

    /// Another lender, before anything is spent.
    #[must_use]
    pub fn with_lender(self, lender: Arc<dyn Lender>) -> Self {
        Self { lender, ..self }
    }

    /// Spends one request, unless none is left today for this priority.
    ///
    /// # Errors
    /// [`Denied`]: nothing may be sent.
    pub async fn take(&self, priority: Priority, now: Timestamp) -> Result<(), Denied> {
        self.take_units(1, priority, now).await
    }

    /// Spends the units of one request, unless fewer are left today for this priority.
    ///
    /// # Errors
    /// [`Denied`]: nothing may be sent.
    pub async fn take_units(&self, units: u32, priority: Priority, now: Timestamp) -> Result<(), Denied> {
        if self.today(now).spend(units, priority, now) {
            return Ok(());
        }
        let _asking = self.asking.lock().await;
        loop {
            let wish = {
                let mut state = self.today(now);
                if state.spend(units, priority, now) {
                    return Ok(());
                }
                self.wish(state.missing(units, priority), priority, state.day)
            };
            let lease = self.lender.lend(&wish).await.map_err(Denied::Unknown)?;
            let mut state = self.today(now);
            // Another task may have seen midnight pass meanwhile.
            if state.day == wish.day {
                state.borrow(priority, lease);
                let left = state.left(&self.config);
                let empty = Denied::Exhausted { resets_at: self.resets_at(now), reserve_left: left };
                return if state.spend(units, priority, now) { Ok(()) } else { Err(empty) };
            }
        }
    }

    /// When the budget is free again.
    pub fn resets_at(&self, now: Timestamp) -> Timestamp {
        self.config.resets_at(now)
    }

    /// What is asked of the lender. Out of the reserve one request at a time: what is lent there may not be spent on
    /// other work.
    fn wish(&self, missing: u32, priority: Priority, day: NaiveDate) -> Wish {
        let BudgetConfig { daily, .. } = self.config;
        let amount = if priority == Priority::High { missing } else { block(daily).max(missing) };
        Wish { key: self.key.clone(), day, amount, share: self.config.share(priority), daily }
    }

    /// The source says that nothing is left today, to us or to anyone who shares the credential.
    pub async fn close(&self, now: Timestamp) {
        let day = {
            let mut state = self.today(now);
            if state.closed {
                return;
            }
            state.closed = true;
            state.day
        };
        if let Err(error) = self.lender.close(&self.key, day).await {
            tracing::warn!(budget = self.key, %error, "others cannot be told that the daily quota is spent");
        }
    }

    /// Gives back what was lent and is not spent, at an orderly end.
    ///
    /// # Errors
    /// When the lender cannot be told; it then counts as spent.
    pub async fn give_back(&self, now: Timestamp) -> Result<(), LendError> {
        let _asking = self.asking.lock().await;
        let (day, unspent) = {
            let mut state = self.today(now);
            (state.day, std::mem::take(&mut state.held) + std::mem::take(&mut state.reserved))
        };
        if unspent == 0 { Ok(()) } else { self.lender.take_back(&self.key, day, unspent).await }
    }

    /// Spent, left and the forecast, as far as this process knows.
    pub fn snapshot(&self, now: Timestamp) -> BudgetSnapshot {
        let state = self.today(now);
        BudgetSnapshot::of(&self.config, state.spent.saturating_add(state.others), state.closed, &state.pace, now)
    }

    /// Today's state. It is for a moment: locked.
    fn today(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.roll(self.config.day(now));
        state
    }
}

impl State {
    fn roll(&mut self, today: NaiveDate) {
        // A clock that is set back a little over midnight must not give a day's quota twice; a day in the far future
        // is a clock that was wrong.
        let ahead = self.day.signed_duration_since(today).num_days();
        if !(0..=1).contains(&ahead) {
            *self = Self { day: today, pace: std::mem::take(&mut self.pace), ..Self::default() };
        }
    }

    /// Spends the units of one request of what is held; high priority goes into the reserve for what is missing.
    fn spend(&mut self, units: u32, priority: Priority, now: Timestamp) -> bool {
        if self.closed || self.missing(units, priority) > 0 {
            return false;
        }
        let of_held = units.min(self.held);
        self.held -= of_held;
        self.reserved -= units - of_held;
        self.spent += units;
        self.pace.add(units, now);
        true
    }

    /// Units that must be lent before a request of so many can be sent.
    fn missing(&self, units: u32, priority: Priority) -> u32 {
        let usable = if priority == Priority::High { self.held.saturating_add(self.reserved) } else { self.held };
        units.saturating_sub(usable)
    }

    fn borrow(&mut self, priority: Priority, lease: Lease) {
        let held = if priority == Priority::High { &mut self.reserved } else { &mut self.held };
        *held = held.saturating_add(lease.granted);
        self.others = lease.taken.saturating_sub(self.own());
        self.closed |= lease.closed;
    }

    /// What this process was lent.
    fn own(&self) -> u32 {
        self.spent.saturating_add(self.held).saturating_add(self.reserved)
    }

    /// What is left of the day, for high priority.
    fn left(&self, config: &BudgetConfig) -> u32 {
        if self.closed { 0 } else { config.daily.saturating_sub(self.spent.saturating_add(self.others)) }
    }
}

/// The next 00:00 UTC.
pub fn reset_after(now: Timestamp) -> Timestamp {
    let next = now.date().checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    next.and_time(NaiveTime::MIN).and_utc().into()
}

#[cfg(test)]
#[path = "tests/budget.rs"]
mod tests;
