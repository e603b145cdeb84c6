//! TikTok's oEmbed route (`https://www.tiktok.com/oembed?url=…`): what a link points at, without an account.
//!
//! [`OembedSource`] polls a list of links ([`OembedTask`]) page by page. An answer names creator and caption of a
//! video, or the name of a profile; it has no counts and no time, so counts are unknown and the time is derived from
//! the id. A link that brings nothing is a fact of the ledger, with the reason that was given: the route does not say
//! whether a video is removed, private or not to be embedded.

mod answer;
mod client;
mod config;
mod poll;
pub mod records;
mod source;
mod task;
#[cfg(test)]
mod tests;

pub use client::OembedClient;
pub use config::{BASE_URL, OembedConfig};
pub use source::{OembedSource, SetupError};
pub use task::{LinksTask, OembedTask, TaskError};

/// The connector's name, as in provenance.
pub const CONNECTOR: &str = "oembed";

/// The route's name, as in provenance.
const ROUTE: &str = "oembed";

/// The licence zone of what it brings.
pub const ZONE: &str = "oembed";
