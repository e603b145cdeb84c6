//! The TikTok Research API (`/v2/research/…`): videos by query, comments of videos, accounts by name, the lists of
//! accounts (followers, followed, liked, pinned, reposted), playlists, and batch compliance over stored ids.
//!
//! [`ResearchSource`] polls a [`ResearchTask`] page by page. [`records`] turns the items of answers into
//! observations, also for files that hold such items.

mod client;
mod comments;
mod compliance;
mod config;
mod day;
mod decode;
mod fault;
mod ids;
mod list_task;
mod playlists;
pub mod query;
pub mod records;
mod request;
mod settings;
mod source;
pub mod task;
#[cfg(test)]
mod tests;
mod token;
pub mod track;
mod track_task;
mod user_lists;
mod users;
mod videos;
mod window;

pub use client::ResearchClient;
pub use compliance::GONE as GONE_ROUTE;
pub(crate) use config::duration;
pub use config::{BASE_URL, Patience, ResearchConfig};
pub use day::Day;
pub use ids::{Category, FileIds, IdBatch, IdSource, ListIds};
pub use list_task::{ComplianceTask, MAX_BATCH, PlaylistTask, UserListTask};
pub use query::Query;
pub use source::{ResearchSource, SetupError};
pub use task::ResearchTask;

/// The connector's name, as in provenance.
pub const CONNECTOR: &str = "research-api";

/// The licence zone of what it brings.
pub const ZONE: &str = "research";

/// A digest to recognise a text by.
fn digest(text: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes()).simple().to_string()
}
