//! How much memory a query holds.

use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A role's memory as one query takes of it. It counts what the query holds, and how much that was at the most.
#[derive(Debug)]
pub(crate) struct Metered {
    role: Arc<dyn MemoryPool>,
    held: AtomicUsize,
    most: Arc<AtomicUsize>,
}

impl Metered {
    pub(crate) fn new(role: &Arc<dyn MemoryPool>, most: &Arc<AtomicUsize>) -> Self {
        Self { role: Arc::clone(role), held: AtomicUsize::new(0), most: Arc::clone(most) }
    }

    fn took(&self, bytes: usize) {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.most.fetch_max(held, Ordering::Relaxed);
    }
}

impl fmt::Display for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.role.fmt(f)
    }
}

impl MemoryPool for Metered {
    fn name(&self) -> &str {
        self.role.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.role.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.role.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.role.grow(reservation, additional);
        self.took(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.role.shrink(reservation, shrink);
        self.held.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<(), DataFusionError> {
        self.role.try_grow(reservation, additional)?;
        self.took(additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.role.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.role.memory_limit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    #[test]
    fn the_most_that_was_held_is_known() {
        let role: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1_000));
        let (most, other) = (Arc::default(), Arc::default());
        let pool: Arc<dyn MemoryPool> = Arc::new(Metered::new(&role, &most));
        let others: Arc<dyn MemoryPool> = Arc::new(Metered::new(&role, &other));
        let (one, two) = (MemoryConsumer::new("a").register(&pool), MemoryConsumer::new("b").register(&others));
        one.try_grow(300).expect("is there");
        two.try_grow(400).expect("is there");
        one.shrink(100);
        assert!(one.try_grow(500).is_err(), "the role's limit holds for all");
        one.try_grow(150).expect("is there");
        assert_eq!(role.reserved(), 750);
        drop((one, two));
        assert_eq!((most.load(Ordering::Relaxed), other.load(Ordering::Relaxed), role.reserved()), (350, 400, 0));
    }
}
