//! The lake: Delta tables that carry, in the same commit as their files, how far the log has been read.
//!
//! * [`Lake`]: where the tables are and how to open or create one.
//! * [`TableWriter`]: buffers batches of one table and commits them with positions.
//! * [`commit`]: the commit protocol – what is checked before, what every outcome means.
//! * [`replace`]: other files in place of some, in one commit; [`rewrite`]: gives rows values in new columns by it.
//! * [`current`]: tables of the newest observation per video and creator, kept up as observations land.
//! * [`earlier`]: which rows stand in a log before the one at hand.
//! * [`erasure`]: takes somebody's rows out of every table, old versions and the log's statistics included.
//! * [`ledger`]: what each commit says about the messages it took, and the audit over it.
//! * [`upkeep`]: what keeps tables fast and small: larger files, order, checkpoints, clean logs, nothing kept too long.

pub mod commit;
pub mod current;
pub(crate) mod dates;
pub mod earlier;
pub mod erasure;
mod evolve;
pub mod ledger;
mod location;
mod log;
mod orphans;
pub mod replace;
pub mod rewrite;
pub mod upkeep;
pub mod withdraw;
mod writer;

pub use commit::{CommitError, Outcome};
pub use ledger::{CommitRecord, Counts, PartitionRange};
pub use location::{Lake, LakeError};
pub(crate) use location::{register_stores, table_schema};
pub use writer::{Position, TableWriter, WriterOptions};
