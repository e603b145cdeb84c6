//! What the data is: Avro schemas, the Rust types that mirror them, Arrow schemas, ids, lineage.
//!
//! No I/O and no clock. The `.avsc` files under `schemas/avro/` are the source of truth; the Rust types and
//! the Arrow schemas are checked against them by tests. Every message is one Avro *single object*: two marker
//! bytes, the schema's Rabin fingerprint, the datum ([`codec`]).

mod amount;
pub mod annotation;
pub mod arrow_schema;
pub mod catalog;
pub mod codec;
pub mod ids;
pub mod json;
pub mod ledger;
pub mod lineage;
pub mod media;
pub mod observation;
pub mod projection;
pub mod task;
pub mod time;
pub mod topics;

pub use amount::Amount;
pub use annotation::{Annotation, AnnotationStatus};
pub use catalog::CatalogEntry;
pub use codec::{Record, SchemaName};
pub use ledger::{CoverageEntry, DeadLetter, DriftIncident};
pub use media::{MediaAddress, MediaEntry, MediaKind, MediaOrder, MediaStatus};
pub use observation::*;
pub use task::{BudgetEntry, Cursor, RouteRest, Suppression, Task, TaskRoute, TopicPosition};
pub use time::Timestamp;
