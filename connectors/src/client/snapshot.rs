//! What a client is doing, for `tidelake quota` and metrics. Carries no secret.

use super::breaker::BreakerSnapshot;
use super::budget::BudgetSnapshot;
use super::cache::CacheSnapshot;
use super::fault::Class;
use super::profile::Route;
use super::rate::RateSnapshot;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tidelake_schemas::Timestamp;

/// One client at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    /// The route.
    pub route: Route,
    /// The credential's name.
    pub credential: String,
    /// When this was true.
    pub at: Timestamp,
    /// The rate.
    pub rate: RateSnapshot,
    /// The daily budget, where the route has one.
    pub budget: Option<BudgetSnapshot>,
    /// The circuit breaker.
    pub breaker: BreakerSnapshot,
    /// The cache.
    pub cache: CacheSnapshot,
    /// Requests under way.
    pub in_flight: usize,
    /// What happened since the start.
    pub counts: Counts,
}

/// What happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Of these, repeated ones.
    pub retries: u64,
    /// Faults by class, those that were waited out included.
    pub faults: BTreeMap<&'static str, u64>,
}

/// Counts, shared.
#[derive(Debug, Default)]
pub(super) struct Counter(Mutex<Counts>);

impl Counter {
    pub(super) fn request(&self, repeated: bool) {
        self.with(|counts| {
            counts.requests += 1;
            counts.retries += u64::from(repeated);
        });
    }

    pub(super) fn fault(&self, class: Class) {
        self.with(|counts| *counts.faults.entry(class.name()).or_default() += 1);
    }

    pub(super) fn read(&self) -> Counts {
        self.with(|counts| counts.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
