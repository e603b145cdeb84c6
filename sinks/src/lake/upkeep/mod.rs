//! Upkeep: what keeps tables fast to read and no larger than they need to be, while writers and readers are at work.
//!
//! * [`Compactor`]: few large files in place of many small ones, and the rows of complete dates in order.
//! * [`checkpoint`] and [`clean`]: a short way to the newest version, and no longer a log than is wanted.
//! * [`vacuum`]: deletes files that no version within a grace needs.
//! * [`retain`]: drops dates that are kept no longer.
//! * [`widen`]: gives columns the larger types that messages have since.
//!
//! Nothing here is needed for what lands to be right, and nothing of it loses or doubles a row, wherever it is stopped:
//! files are replaced through [`replace`](super::replace), which is offered only when what was written anew holds what
//! was read. Positions are in the log's checkpoints as they were in its commits. Two may do the same at once; the later
//! one finds it done. delta-rs's own `optimize` and `vacuum` are not used: the one lets a rewrite of the same files
//! through beside it, the other cleans the log of what an audit needs, and finds no file whose tombstone has expired.

mod compact;
mod content;
mod order;
mod repack;
mod retain;
mod tables;
mod trim;
mod vacuum;
mod widen;

pub use compact::{Compactor, Group, UpkeepOptions};
pub use repack::Repacked;
pub use retain::{Dropped, retain};
pub use tables::{Shape, shape, tables};
pub use trim::{Cleaned, checkpoint, clean};
pub use vacuum::{LEAST_GRACE, VacuumOptions, Vacuumed, vacuum};
pub use widen::{Widened, widen};

use super::log::Entry;
use deltalake::DeltaTable;
use tidelake_schemas::Timestamp;

/// The table's version, as the log's objects number it.
fn version(table: &DeltaTable) -> i64 {
    table.version().and_then(|version| i64::try_from(version).ok()).unwrap_or(0)
}

/// An instant so long before another.
fn before(now: Timestamp, time: std::time::Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
}

/// The newest checkpoint that is not newer than a version.
fn checkpoint_until(entries: &[Entry], version: i64) -> Option<i64> {
    let checkpoints = entries.iter().filter(|entry| entry.kind == super::log::Kind::Checkpoint);
    checkpoints.map(|entry| entry.version).filter(|at| *at <= version).max()
}
