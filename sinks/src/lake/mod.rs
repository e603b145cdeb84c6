//! The lake: Delta tables that carry, in the same commit as their files, how far the log has been read.
//!
//! * [`Lake`]: where the tables are and how to open or create one.
//! * [`TableWriter`]: buffers batches of one table and commits them with positions.
//! * [`commit`]: the commit protocol – what is checked before, what every outcome means.
//! * [`replace`]: other files in place of some, in one commit; [`rewrite`]: gives rows values in new columns by it.
//! * [`ledger`]: what each commit says about the messages it took, and the audit over it.

pub mod commit;
mod evolve;
pub mod ledger;
mod location;
pub mod replace;
pub mod rewrite;
pub mod withdraw;
mod writer;

pub use commit::{CommitError, Outcome};
pub use ledger::{CommitRecord, Counts, PartitionRange};
pub use location::{Lake, LakeError};
pub(crate) use location::{register_stores, table_schema};
pub use writer::{Position, TableWriter, WriterOptions};
