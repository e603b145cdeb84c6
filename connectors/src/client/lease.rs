//! Leases: how all processes that use a credential share its daily budget.
//!
//! A [`Budget`](super::budget::Budget) spends only what it was lent. A [`Lender`] grants leases in one order that all
//! processes see, and a [`Book`] says what that order means: every reader of it comes to the same grants, and together
//! they are never more than the day has. What a process was lent and did not spend when it died is lost for the day,
//! so leases are small ([`block`]).

use super::profile::Route;
use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{Days, NaiveDate};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lease is this part of a day's budget: ten processes that die waste two hundredths at most.
const PART: u32 = 500;

/// No lease is larger.
const LARGEST: u32 = 1000;

/// Bytes of a fingerprint: enough to tell a few credentials apart.
const FINGERPRINT: usize = 6;

/// How much is lent at a time.
pub fn block(daily: u32) -> u32 {
    (daily / PART).clamp(1, LARGEST)
}

/// What a credential is called where others can read it: the beginning of its SHA-256, in hexadecimal digits.
pub fn fingerprint(credential: &str) -> String {
    let hash = digest(&SHA256, credential.as_bytes());
    hash.as_ref().iter().take(FINGERPRINT).map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a budget: `route/credential/what`. `credential` is a fingerprint or a name, never the credential.
pub fn key(route: Route, credential: &str, what: &str) -> String {
    format!("{route}/{credential}/{what}")
}

/// What is asked of a lender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The budget, as [`key`] names it.
    pub key: String,
    /// The day, of the source's own zone.
    pub day: NaiveDate,
    /// Requests asked for.
    pub amount: u32,
    /// Granted as far as all that is granted on the day stays within this.
    pub share: u32,
    /// Requests per day; more than `share` where a reserve is kept.
    pub daily: u32,
}

/// What a lender gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// Requests lent; 0 when nothing is left.
    pub granted: u32,
    /// Requests lent to everyone on this day, these included.
    pub taken: u32,
    /// The source has said that nothing is left.
    pub closed: bool,
}

/// The lender cannot be asked now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LendError(pub String);

/// Lends requests of daily budgets, to all processes together never more than a day has.
#[async_trait]
pub trait Lender: std::fmt::Debug + Send + Sync {
    /// Lends requests, or as many as are left. When the future is dropped, what it was granted is given with the next
    /// lease of that budget and day.
    ///
    /// # Errors
    /// When it is not known what is left.
    async fn lend(&self, wish: &Wish) -> Result<Lease, LendError>;

    /// Takes back what was lent and will not be spent.
    ///
    /// # Errors
    /// When nobody could be told. It then counts as spent.
    async fn take_back(&self, key: &str, day: NaiveDate, amount: u32) -> Result<(), LendError>;

    /// The source says that nothing is left of this day: nothing more is lent, to anyone.
    ///
    /// # Errors
    /// When nobody could be told.
    async fn close(&self, key: &str, day: NaiveDate) -> Result<(), LendError>;
}

/// One budget's day, as the order of its leases tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    taken: u32,
    closed: bool,
}

impl Book {
    /// The next lease; how much of it is granted.
    pub fn lend(&mut self, amount: u32, share: u32) -> u32 {
        let granted = amount.min(self.room(share));
        self.taken += granted;
        granted
    }

    /// What was lent comes back.
    pub fn take_back(&mut self, amount: u32) {
        self.taken = self.taken.saturating_sub(amount);
    }

    /// The source says that nothing is left.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// What is left of a share.
    pub fn room(&self, share: u32) -> u32 {
        if self.closed { 0 } else { share.saturating_sub(self.taken) }
    }

    /// Requests lent to everyone.
    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// The source has said that nothing is left.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// A lease of so much, as it stands in the book now.
    pub fn lease(&self, granted: u32) -> Lease {
        Lease { granted, taken: self.taken, closed: self.closed }
    }
}

/// Lends within this process, and forgets with it.
#[derive(Debug, Default)]
pub struct LocalLender(Mutex<BTreeMap<(NaiveDate, String), Book>>);

impl LocalLender {
    fn books(&self) -> MutexGuard<'_, BTreeMap<(NaiveDate, String), Book>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, key: &str, day: NaiveDate, act: impl FnOnce(&mut Book) -> T) -> T {
        let mut books = self.books();
        // The day before may still be asked for, by a clock that was set back over midnight.
        let before = day.checked_sub_days(Days::new(1)).unwrap_or(day);
        books.retain(|(kept, _), _| *kept >= before);
        act(books.entry((day, key.to_owned())).or_default())
    }
}

#[async_trait]
impl Lender for LocalLender {
    async fn lend(&self, wish: &Wish) -> Result<Lease, LendError> {
        Ok(self.with(&wish.key, wish.day, |book| {
            let granted = book.lend(wish.amount, wish.share);
            book.lease(granted)
        }))
    }

    async fn take_back(&self, key: &str, day: NaiveDate, amount: u32) -> Result<(), LendError> {
        self.with(key, day, |book| book.take_back(amount));
        Ok(())
    }

    async fn close(&self, key: &str, day: NaiveDate) -> Result<(), LendError> {
        self.with(key, day, Book::close);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_credential_is_known_by_its_fingerprint_alone() {
        let name = fingerprint("hush-hush");
        assert_eq!((name.len(), &name), (12, &fingerprint("hush-hush")));
        assert_ne!(name, fingerprint("hush-hush!"));
        assert_eq!(key(Route::ResearchApi, "ab12", "requests"), "research-api/ab12/requests");
    }

    #[test]
    fn leases_are_small() {
        assert_eq!([0, 1, 1000, 20_000, u32::MAX].map(block), [1, 1, 2, 40, 1000]);
    }

    proptest! {
        /// Whatever is asked for in whatever order: never more than its share, and all of it to whoever asks on.
        #[test]
        fn the_order_alone_decides(
            daily in 0u32..200,
            reserve in 0u32..50,
            steps in prop::collection::vec((0u8..4, 0u32..40), 0..100),
        ) {
            let normal = daily.saturating_sub(reserve);
            let (mut book, mut again) = (Book::default(), Book::default());
            let (mut held, mut ordinary) = (0, 0);
            for (what, amount) in &steps {
                match what {
                    0 | 1 => {
                        let share = if *what == 0 { normal } else { daily };
                        let granted = book.lend(*amount, share);
                        prop_assert!(granted <= *amount);
                        held += granted;
                        ordinary = if *what == 0 && granted > 0 { held } else { ordinary };
                    }
                    2 => {
                        let back = (*amount).min(held);
                        held -= back;
                        book.take_back(back);
                    }
                    _ if *amount == 39 => book.close(),
                    _ => {}
                }
                prop_assert!(held <= daily && ordinary <= normal && book.taken() == held);
            }
            let rest = book.room(daily);
            prop_assert_eq!(book.lend(u32::MAX, daily), rest);
            prop_assert!(book.is_closed() || book.taken() == daily);
            // Another reader of the same order comes to the same.
            let mut held = 0;
            for (what, amount) in &steps {
                match what {
                    0 => held += again.lend(*amount, normal),
                    1 => held += again.lend(*amount, daily),
                    2 => {
                        let back = (*amount).min(held);
                        held -= back;
                        again.take_back(back);
                    }
                    _ if *amount == 39 => again.close(),
                    _ => {}
                }
            }
            again.lend(u32::MAX, daily);
            prop_assert_eq!(again, book);
        }
    }
}
