//! People in the lake: who is erased stays out, who asks is told, who need not know sees pseudonyms.
//!
//! * [`PrivacyKey`]: the key of every hash here; without it a hash tells nothing.
//! * [`Suppressions`]: keyed hashes of who is erased, and what of them a text or a row names ([`rows`], [`payload`]).
//! * [`classes`]: what each column of each table and view says of people.
//! * [`subject`]: everything the lake knows somebody or something by, so that no form of it is forgotten.
//! * [`Receipt`]: what an erasure did, kept without personal data.
//! * [`copies`]: exports and backups; [`access`]: everything that is held about somebody; [`gone`]: videos that are no more.

pub mod access;
pub mod classes;
pub mod copies;
pub mod gone;
mod key;
pub mod payload;
mod receipt;
pub mod rows;
pub mod subject;
mod suppressions;

pub use classes::{Class, classify};
pub use key::{KeyError, PrivacyKey, PseudonymKey};
pub use receipt::{
    CopyErased, Mark, MediaErased, Receipt, ReceiptError, Receipts, Remains, State, TableErased, TopicErased,
};
pub use subject::Subject;
pub use suppressions::{ERASED, Hash, Suppressions};
