//! Filling requests with ids.

use super::config::RevisitConfig;

/// Requests being filled. A request holds so many ids, all published within a span of time.
pub(super) struct Batches {
    pub(super) size: usize,
    /// The longest span of one request, in seconds.
    pub(super) span: i64,
    /// Requests not begun yet.
    left: usize,
    begun: Vec<Batch>,
}

struct Batch {
    /// The earliest and the latest publication that it may hold, as long as it is not full of others.
    from: i64,
    to: i64,
    ids: Vec<i64>,
}

impl Batches {
    pub(super) fn new(config: &RevisitConfig, requests: usize) -> Self {
        let span = config.batch_span_days.map_or(i64::MAX, |days| i64::from(days) * 86_400);
        Self { size: config.batch as usize, span, left: requests, begun: Vec::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.left == 0 && self.begun.iter().all(|batch| batch.ids.len() >= self.size)
    }

    /// Begins a request for videos published from this instant on, for as long as a span is. False: none is left.
    pub(super) fn begin(&mut self, from: i64) -> bool {
        let begins = self.left > 0;
        if begins {
            self.left -= 1;
            self.begun.push(Batch { from, to: from.saturating_add(self.span), ids: Vec::new() });
        }
        begins
    }

    /// Puts an id into a request that has been begun, if one has room for it.
    pub(super) fn put(&mut self, id: i64, born: i64) -> bool {
        let (size, span) = (self.size, self.span);
        let fits = |batch: &&mut Batch| batch.ids.len() < size && batch.to.max(born) - batch.from.min(born) <= span;
        let Some(batch) = self.begun.iter_mut().find(fits) else { return false };
        (batch.from, batch.to) = (batch.from.min(born), batch.to.max(born));
        batch.ids.push(id);
        true
    }

    /// Puts an id into a request, a new one if need be. Its span reaches from the videos in it to either side.
    pub(super) fn put_or_begin(&mut self, id: i64, born: i64) -> bool {
        if self.put(id, born) {
            return true;
        }
        let begins = self.left > 0;
        if begins {
            self.left -= 1;
            self.begun.push(Batch { from: born, to: born, ids: vec![id] });
        }
        begins
    }

    pub(super) fn into_requests(self) -> Vec<Vec<i64>> {
        self.begun.into_iter().map(|batch| batch.ids).filter(|ids| !ids.is_empty()).collect()
    }
}
