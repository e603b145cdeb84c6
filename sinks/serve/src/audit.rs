//! The audit trail: who ran what, when, for how long, with how much memory, and what became of it. Each statement is an event
//! of the target `tidelake::audit`, and a line of the query log where there is one.

use crate::core::Visitor;
use crate::error::ServeError;
use crate::query_log::{Line, QueryLog};
use crate::statements::{without_passwords, without_values};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tidelake_schemas::Timestamp;

/// A statement that is underway.
#[derive(Debug)]
pub(crate) struct Audit {
    visitor: Visitor,
    sql: String,
    at: Timestamp,
    begun: Instant,
    log: Arc<QueryLog>,
    /// Bytes that it held at the most.
    pub memory: Arc<AtomicUsize>,
}

impl Audit {
    pub(crate) fn of(visitor: &Visitor, sql: &str, log: &Arc<QueryLog>, at: Timestamp) -> Self {
        let (visitor, sql, log) = (visitor.clone(), sql.to_owned(), Arc::clone(log));
        Self { visitor, sql, at, begun: Instant::now(), log, memory: Arc::default() }
    }

    /// Writes what became of it.
    pub(crate) fn ended(self, rows: u64, error: Option<&ServeError>) {
        let Visitor { identity, door, address } = &self.visitor;
        let outcome = error.map_or("answered", ServeError::kind);
        let sql = match self.log.keeps_literals() {
            true => Some(without_passwords(&self.sql)),
            false => without_values(&self.sql, !matches!(outcome, "wrong" | "refused")),
        };
        let line = Line {
            at: self.at.to_string(),
            user: &identity.user,
            role: &identity.role,
            door,
            address: address.map(|address| address.to_string()),
            outcome,
            rows,
            seconds: self.begun.elapsed().as_secs_f64(),
            memory_bytes: self.memory.load(Ordering::Relaxed),
            sql: sql.as_deref(),
        };
        tracing::info!(
            target: "tidelake::audit",
            user = line.user,
            role = line.role,
            door,
            address = line.address.as_deref().unwrap_or_default(),
            outcome,
            rows,
            seconds = line.seconds,
            memory_bytes = line.memory_bytes,
            sql = line.sql.unwrap_or_default(),
            "query"
        );
        self.log.add(&line);
    }
}
