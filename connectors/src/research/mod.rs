//! The TikTok Research API (`/v2/research/…`): videos by query, comments of videos, accounts by name.
//!
//! [`ResearchSource`] polls a [`ResearchTask`] page by page. [`records`] turns the items of answers into
//! observations, also for files that hold such items.

mod client;
mod comments;
mod config;
mod day;
mod decode;
mod fault;
pub mod query;
mod quota;
pub mod records;
mod source;
pub mod task;
#[cfg(test)]
mod tests;
mod token;
mod users;
mod videos;
mod window;

pub use client::ResearchClient;
pub(crate) use config::duration;
pub use config::{BASE_URL, Patience, ResearchConfig};
pub use day::Day;
pub use query::Query;
pub use source::{ResearchSource, SetupError};
pub use task::ResearchTask;

/// The connector's name, as in provenance.
pub const CONNECTOR: &str = "research-api";

/// The licence zone of what it brings.
pub const ZONE: &str = "research";
