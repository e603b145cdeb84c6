//! The audit trail: who ran what, for how long, and what became of it, as events of the target `tidelake::audit`.

use crate::core::Visitor;
use crate::error::ServeError;
use std::time::Instant;

/// How much of a statement is kept, in characters.
const KEPT: usize = 4_000;

/// A statement that is underway.
#[derive(Debug)]
pub(crate) struct Audit {
    visitor: Visitor,
    sql: String,
    begun: Instant,
}

impl Audit {
    pub(crate) fn of(visitor: &Visitor, sql: &str) -> Self {
        Self { visitor: visitor.clone(), sql: without_passwords(sql), begun: Instant::now() }
    }

    /// Writes what became of it.
    pub(crate) fn ended(self, rows: u64, error: Option<&ServeError>) {
        let Visitor { identity, door, address } = &self.visitor;
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        tracing::info!(
            target: "tidelake::audit",
            user = identity.user,
            role = identity.role,
            door,
            address,
            outcome = error.map_or("answered", ServeError::kind),
            rows,
            seconds = self.begun.elapsed().as_secs_f64(),
            sql = self.sql,
            "query"
        );
    }
}

/// A statement as it may be kept: nothing after the word password (`ALTER USER x PASSWORD '…'` is refused, but was sent).
pub(crate) fn without_passwords(sql: &str) -> String {
    let lower = sql.to_ascii_lowercase();
    let end = lower.find("password").map_or(sql.len(), |at| at + "password".len());
    let mut kept: String = sql[..end].chars().take(KEPT).collect();
    if kept.len() < sql.len() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_kept() {
        assert_eq!(without_passwords("ALTER USER anna Password 'hush'"), "ALTER USER anna Password…");
        assert_eq!(without_passwords("select 'é'"), "select 'é'");
        assert_eq!(without_passwords(&"é".repeat(5_000)).chars().count(), KEPT + 1);
    }
}
