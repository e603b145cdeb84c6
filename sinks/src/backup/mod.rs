//! A lake's tables in another place, with what else is needed to go on: copied, checked, and put back.
//!
//! ```text
//! tables/video_observations/…   each table as it stands in the lake: readable as a Delta table in place
//! state/<id>.json               what the log knew; nothing here looks into it
//! MANIFEST.json                 the backup: every file with its length and SHA-256; written last
//! ```
//!
//! Files of a table are named for good, and none that a manifest names is ever written over. So the next backup to the same
//! place copies what is new, and one that is cut short leaves the one before as it was. Within a table, data comes before
//! the log that speaks of it, and the log in its order: also halfway the copy is a table, of some version.
//!
//! A table whose log has gone other ways than the lake's – an erasure has rewritten the copy ([`reseal`]) – is copied anew
//! beside it; once the manifest no longer names the old one, it is removed.

mod check;
mod copy;
mod manifest;
mod put_back;
mod readable;
mod table;
mod take;

pub use check::{Damage, Edit, Restated, Verified, lakes, reseal, restate, verify};
pub use manifest::{FileEntry, Manifest, TableEntry};
pub use put_back::{begin, finish, into_lake, is_unfinished};
pub use take::{Taken, take};

use crate::lake::LakeError;

/// The manifest's name.
pub const MANIFEST: &str = "MANIFEST.json";
/// The folder of the tables.
const TABLES: &str = "tables";

/// How far a copy or a check is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files that are done.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A store failed.
    #[error("{place}: {why}. What was backed up before is as it was; run it again")]
    Store {
        /// The file, as a URL.
        place: String,
        /// What was answered.
        why: String,
    },
    /// There is no backup.
    #[error("{0} holds no backup: there is no MANIFEST.json. Give the place that `tidelake backup --to` was given")]
    None(String),
    /// The manifest cannot be understood.
    #[error("{place}: {why}. It was written by another release, or damaged; restore from another backup")]
    Manifest {
        /// The file.
        place: String,
        /// Why.
        why: String,
    },
    /// The place holds the backup of another lake.
    #[error("{place} holds a backup of another lake (table {table} is not the same). Choose another place")]
    Another {
        /// The place.
        place: String,
        /// A table that differs.
        table: String,
    },
    /// Files are missing or damaged.
    #[error(
        "{place}: {} of its files are missing or damaged, the first: {}. `tidelake backup --verify {place}` names them all. \
         Nothing was restored: use another backup", damaged.len(), damaged.first().map(ToString::to_string).unwrap_or_default()
    )]
    Damaged {
        /// The place.
        place: String,
        /// The files.
        damaged: Vec<Damage>,
    },
    /// There is a lake where one is to be restored.
    #[error("{lake} holds table {table} already. Restore to an empty place, or move that lake away first")]
    NotEmpty {
        /// The lake.
        lake: String,
        /// A table of it.
        table: String,
    },
    /// Files of a table that cannot be copied as they are.
    #[error("table {table}: {why}")]
    Table {
        /// The table.
        table: String,
        /// Why, and what to do.
        why: String,
    },
    /// A table cannot be read.
    #[error("{0}")]
    Lake(#[from] LakeError),
}
