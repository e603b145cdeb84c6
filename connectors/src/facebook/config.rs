//! How to reach the Graph API.

use crate::client::{ClientConfig, Route};
use secrecy::SecretString;
use serde::Deserialize;

/// Where the API lives.
pub const BASE_URL: &str = "https://graph.facebook.com";

/// The version that is asked for: each is answered for two years or more
/// (developers.facebook.com/docs/graph-api/guides/versioning).
pub const VERSION: &str = "v25.0";

/// Access to the Graph API, with a page's access token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FacebookConfig {
    /// A page access token, or a system user's for several pages, with `pages_read_engagement`.
    pub access_token: SecretString,
    /// Scheme and host; a path stands before the version.
    #[serde(default = "base_url")]
    pub base_url: String,
    /// `v25.0`
    #[serde(default = "version")]
    pub version: String,
    /// Rate, retries and connections; not of the configuration file.
    #[serde(skip, default = "usual")]
    pub http: ClientConfig,
}

impl FacebookConfig {
    /// The usual settings with this token.
    pub fn new(access_token: SecretString) -> Self {
        Self { access_token, base_url: base_url(), version: version(), http: usual() }
    }
}

fn base_url() -> String {
    BASE_URL.into()
}

fn version() -> String {
    VERSION.into()
}

fn usual() -> ClientConfig {
    ClientConfig::of(Route::Facebook, "page")
}
