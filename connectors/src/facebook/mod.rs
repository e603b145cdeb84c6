//! Facebook's Graph API: a page, its videos, reels and posts with their counts, with the page's access token.
//!
//! Wire facts: developers.facebook.com/docs/graph-api (the references `page`, `page/videos`, `video`, `page/feed`, the
//! guides on errors, rate limits and cursors) and the specifications of facebook/facebook-business-sdk-codegen
//! (`api_specs/specs/AdVideo.json`: a video's fields). Not confirmed there, and so to be looked at first when something
//! is off: that `video_reels` can be read (the guide of Reels says so, the reference of the edge says the opposite, users
//! report that it works), that a token is taken in the header `Authorization` (WhatsApp's documentation of the same host
//! says so; tokens in addresses would end up in logs), and that `views` is there for every token.

mod client;
mod config;
mod fault;
mod poll;
pub mod records;
mod source;
mod task;
#[cfg(test)]
mod tests;

pub use client::{FacebookClient, SetupError};
pub use config::{BASE_URL, FacebookConfig, VERSION};
pub use source::FacebookSource;
pub use task::{Edge, FacebookTask, PageTask, TaskError};

/// The connector's name, as in provenance.
pub const CONNECTOR: &str = "facebook";

/// The platform of its records.
pub const PLATFORM: &str = "facebook";

/// The licence zone of what it brings.
pub const ZONE: &str = "facebook";
