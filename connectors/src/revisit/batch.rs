//! Filling requests with ids.

use super::config::RevisitConfig;
use std::collections::BTreeMap;

/// Requests being filled. A request holds so many ids, all published within the same span of time.
pub(super) struct Batches {
    size: usize,
    span: Option<i64>,
    /// Requests not begun yet.
    left: usize,
    /// Free places in those begun.
    room: usize,
    /// By span of publication: full ones, then at most one that is not.
    begun: BTreeMap<i64, Vec<Vec<i64>>>,
}

impl Batches {
    pub(super) fn new(config: &RevisitConfig, requests: usize) -> Self {
        let span = config.batch_span_days.map(|days| i64::from(days) * 86_400);
        Self { size: config.batch as usize, span, left: requests, room: 0, begun: BTreeMap::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.left == 0 && self.room == 0
    }

    /// Puts an id into a request, if one has room for it.
    pub(super) fn put(&mut self, id: i64, born: i64) -> bool {
        let span = self.span.map_or(0, |span| born.div_euclid(span));
        let begun = self.begun.get_mut(&span).and_then(|batches| batches.last_mut());
        match begun.filter(|batch| batch.len() < self.size) {
            Some(batch) => {
                batch.push(id);
                self.room -= 1;
            }
            None if self.left > 0 => {
                self.begun.entry(span).or_default().push(vec![id]);
                self.left -= 1;
                self.room += self.size - 1;
            }
            None => return false,
        }
        true
    }

    pub(super) fn into_requests(self) -> Vec<Vec<i64>> {
        self.begun.into_values().flatten().collect()
    }
}
