//! What a sandbox is started with.

use crate::{FaultPlan, SimClock, WorldConfig};
use serde::{Deserialize, Serialize};

/// Which clock decides when the daily quota is free again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeBase {
    /// 00:00 UTC of the machine's clock: what a client that really sleeps would wait for.
    #[default]
    Real,
    /// 00:00 UTC of the simulated clock.
    Simulated,
}

/// The daily quota of a project over the video, comment and user endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Requests per day; failed ones count too.
    pub requests: u64,
    /// Items per day.
    pub records: u64,
    /// Whose midnight ends the day.
    pub time_base: TimeBase,
}

impl Default for Quota {
    fn default() -> Self {
        Self { requests: 1000, records: 100_000, time_base: TimeBase::Real }
    }
}

impl Quota {
    /// No quota at all.
    pub fn unlimited() -> Self {
        Self { requests: u64::MAX, records: u64::MAX, time_base: TimeBase::Real }
    }
}

/// The one client that may ask for tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `client_key` of the token request.
    pub client_key: String,
    /// `client_secret` of the token request.
    pub client_secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("client_key", &self.client_key).finish_non_exhaustive()
    }
}

/// Everything a [`Sandbox`](crate::Sandbox) needs.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// TCP port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The world to serve.
    pub world: WorldConfig,
    /// Simulated time. `None`: starts when the last day of the world is over and runs at real speed.
    pub clock: Option<SimClock>,
    /// Troubles from the start; [`Sandbox::set_faults`](crate::Sandbox::set_faults) changes them later.
    pub faults: FaultPlan,
    /// The daily quota.
    pub quota: Quota,
    /// Who may ask for tokens. `None`: every non-empty key and secret.
    pub credentials: Option<Credentials>,
    /// Real seconds a token lives (`expires_in`).
    pub token_seconds: u64,
    /// Simulated seconds a refresh token lives (`refresh_expires_in`). Tokens of owners live by the simulated clock.
    pub refresh_seconds: u64,
    /// Whether a refresh token is replaced when it is used; the old one then is good for nothing.
    pub rotates_refresh_tokens: bool,
    /// Requests per (real) minute, endpoint and owner of the Display API.
    pub display_per_minute: usize,
    /// HTTP status of refused token requests. The real service is known to use 200 with a flat error body.
    pub oauth_error_status: u16,
    /// The one API key that YouTube accepts. `None`: every one.
    pub youtube_key: Option<String>,
    /// Units and searches per day of YouTube's quotas, which end at midnight of the Pacific coast.
    pub youtube_quota: (u64, u64),
    /// The one page token that Facebook accepts; it is of the first creator's page. `None`: every one.
    pub graph_token: Option<String>,
    /// How many searches are remembered; a forgotten one is counted again from its start.
    pub remembered_searches: usize,
    /// Questions about a validation task that find it still processed.
    pub validation_polls: u64,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            port: 0,
            world: WorldConfig::default(),
            clock: None,
            faults: FaultPlan::default(),
            quota: Quota::default(),
            credentials: None,
            token_seconds: 7200,
            refresh_seconds: 180 * 86_400,
            rotates_refresh_tokens: true,
            display_per_minute: 600,
            oauth_error_status: 200,
            youtube_key: None,
            youtube_quota: (10_000, 100),
            graph_token: None,
            remembered_searches: 1024,
            validation_polls: 1,
        }
    }
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The port cannot be bound.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Bind {
        /// The port asked for.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
    /// The world cannot be built.
    #[error("the world cannot be built: {0}")]
    World(String),
    /// The faults file cannot be read.
    #[error("the faults are not valid: {0}")]
    Faults(String),
}
