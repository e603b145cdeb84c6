//! The one place that reads the clock.

use tidelake_schemas::Timestamp;

/// Now, UTC.
pub(crate) fn now() -> Timestamp {
    chrono::Utc::now().into()
}
