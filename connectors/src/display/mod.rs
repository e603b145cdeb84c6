//! TikTok's Display API (`/v2/user/info/`, `/v2/video/list/`, `/v2/video/query/`): accounts whose owners agreed.
//!
//! An owner agrees on TikTok's page ([`DisplayClient::begin_login`], `tidelake login`); what TikTok then gives is kept
//! in the [vault](crate::vault). Access tokens live for hours and are renewed with a refresh token that may change each
//! time: a new one is on the disk before the old one is forgotten, and is asked for under the account's lock, so that no
//! process uses up the token of another.
//!
//! [`DisplaySource`] polls a [`DisplayTask`]. What the owner did not grant is null, and the ledger says so.

mod client;
mod config;
mod covers;
mod fault;
mod login;
mod oauth;
mod poll;
pub mod records;
mod scope;
mod session;
mod source;
mod task;
#[cfg(test)]
mod tests;
mod tokens;

pub use client::{DisplayClient, SetupError};
pub use config::{AUTHORIZE_URL, BASE_URL, DisplayConfig};
pub use login::{AccountState, Callback, LoggedIn, LoginAttempt, Revocation};
pub use scope::{Scope, UnknownScope, VIDEO_FIELDS};
pub use source::DisplaySource;
pub use task::{AccountTask, DisplayTask, OwnVideosTask, TaskError, VideosTask};

/// The connector's name, as in provenance.
pub const CONNECTOR: &str = "display-api";

/// The licence zone of what it brings.
pub const ZONE: &str = "display";

/// The redirect address that the app must have registered, less its port.
pub fn redirect_uri(port: u16) -> String {
    format!("http://127.0.0.1:{port}/callback/")
}
