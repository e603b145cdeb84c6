//! YouTube's Data API v3: channels, videos, searches and comments, with an API key.
//!
//! A channel is asked for by `channels.list`, its videos by the list of its uploads (`playlistItems.list`), their counts by
//! `videos.list`, fifty at a time. Counts that an owner hides are null. A video that is listed and not given is gone, or
//! private: the API does not say which.
//!
//! Wire facts: the discovery document of `youtube:v3` (googleapis/google-api-python-client,
//! `googleapiclient/discovery_cache/documents/youtube.v3.json`) and developers.google.com/youtube/v3; what each method
//! costs and when quotas are free again: developers.google.com/youtube/v3/determine_quota_cost.

mod client;
mod comments;
mod config;
mod fault;
mod id;
mod names;
mod poll;
pub mod records;
mod source;
mod task;
#[cfg(test)]
mod tests;

pub use client::{SetupError, YoutubeClient};
pub use config::{BASE_URL, YoutubeConfig};
pub use id::{number_of, text_of};
pub use source::YoutubeSource;
pub use task::{ChannelTask, CommentsTask, Order, SearchTask, TaskError, VideosTask, YoutubeTask};

/// The connector's name, as in provenance.
pub const CONNECTOR: &str = "youtube";

/// The platform of its records.
pub const PLATFORM: &str = "youtube";

/// The licence zone of what it brings. YouTube's terms for developers let no data that is not refreshed be kept for more
/// than 30 days.
pub const ZONE: &str = "youtube";
