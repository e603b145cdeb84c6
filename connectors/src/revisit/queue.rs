//! Videos in the order of their turns.

use super::config::RevisitConfig;
use std::collections::{BTreeMap, BTreeSet};

/// An era is this part of the span that one request can reach over.
const PART: i64 = 4;

/// (turn, id) of every video, by era of publication: a request reaches over a few eras, so that the best of each have to
/// be known.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    era: i64,
    turns: BTreeMap<i64, BTreeSet<(i64, i64)>>,
}

impl Queue {
    pub(super) fn new(config: &RevisitConfig) -> Self {
        let era = config.batch_span_days.map_or(i64::MAX, |days| i64::from(days) * 86_400 / PART);
        Self { era, turns: BTreeMap::new() }
    }

    pub(super) fn insert(&mut self, born: i64, turn: (i64, i64)) {
        self.turns.entry(born.div_euclid(self.era)).or_default().insert(turn);
    }

    pub(super) fn remove(&mut self, born: i64, turn: (i64, i64)) {
        let era = born.div_euclid(self.era);
        let Some(turns) = self.turns.get_mut(&era) else { return };
        turns.remove(&turn);
        if turns.is_empty() {
            self.turns.remove(&era);
        }
    }

    /// The eras that there are videos of.
    pub(super) fn eras(&self) -> Vec<i64> {
        self.turns.keys().copied().collect()
    }

    /// Takes out the earliest turn of an era.
    pub(super) fn pop_first(&mut self, era: i64) -> Option<(i64, i64)> {
        self.turns.get_mut(&era)?.pop_first()
    }

    /// How many turns have come.
    pub(super) fn due(&self, now: i64) -> usize {
        self.turns.values().map(|turns| turns.range(..=(now, i64::MAX)).count()).sum()
    }
}
