//! Public pages of TikTok over HTTP: what the page of a video, a profile, a hashtag or a sound says in its state document.
//!
//! Off unless the profile is `web` and the section `[web]` names an approval; refused in profile `research`. robots.txt
//! is obeyed, every request carries tidelake's name and the operator's contact, pages are asked for one at a time, and the
//! first refusal ends it: the route then rests for hours. What a page cannot show (a removed or private video) is a fact,
//! written with the website's status code; a page that shows nothing without a reason is a refusal, never "no videos".
//!
//! Documents of every era are read by the readers of [`crate::import`]; what they find is written with zone `web`.

mod client;
mod config;
mod label;
mod poll;
mod source;
mod target;
mod task;
#[cfg(test)]
mod tests;

pub use client::{SetupError, WebClient};
pub use config::{BASE_URL, WebConfig};
pub use source::WebSource;
pub use task::{PageTask, SoundTask, TagTask, TaskError, UserTask, VideosTask};

/// What the browser route shares.
pub(crate) use {
    client::base_url,
    label::Label,
    poll::{refuses, state_of},
    target::{Kind, Target},
    task::{Entries, Entry},
};

/// The connector's name, as in provenance.
pub const CONNECTOR: &str = "web";

/// The licence zone of what public pages bring.
pub const ZONE: &str = "web";
