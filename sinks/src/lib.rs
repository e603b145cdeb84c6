//! Everything that takes data out: the Delta lake and SQL over it. Knows no Kafka.

pub mod backup;
pub mod catalog;
pub mod copies;
pub mod export;
pub mod format;
pub mod lake;
pub mod media;
mod packing;
pub mod place;
pub mod privacy;
pub mod publish;
pub mod query;
pub mod report;
