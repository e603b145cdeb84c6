//! An offline TikTok: the same wire formats, a seeded world, faults on demand.
//!
//! * [`World`]: creators, videos, captions, sounds, view growth and comments. Everything is a pure function of the
//!   seed and an index, so ten million videos cost nothing until somebody looks at one.
//! * [`SimClock`]: simulated time; a demo may run an hour per second, a test sets it by hand.
//! * [`Query`]: the query language of the Research API, evaluated over the world.
//! * [`Sandbox`]: the HTTP server on the loopback, with OAuth, the Research and Display APIs, YouTube's Data API and Facebook's
//!   Graph API over the same world, and of the website the oEmbed route, short links, and the pages of videos, profiles, hashtags and sounds with what their scripts call.
//! * [`FaultPlan`]: the troubles that users of the real service report, switched on by probability or by count.
//! * [`model::ChatModel`]: a model that can be asked about captions.
//!
//! ```no_run
//! use tidelake_sandbox::{Sandbox, SandboxConfig};
//! # async fn demo() -> Result<(), tidelake_sandbox::SandboxError> {
//! let sandbox = Sandbox::start(SandboxConfig::default()).await?;
//! println!("{}", sandbox.base_url());
//! sandbox.stop().await;
//! # Ok(()) }
//! ```

mod clock;
mod config;
mod faults;
pub mod model;
mod query;
mod scan;
mod server;
pub mod world;

pub use clock::SimClock;
pub use config::{Credentials, Quota, SandboxConfig, SandboxError, TimeBase};
pub use faults::{Endpoint, FaultKind, FaultPlan, FaultRule};
pub use query::{Condition, FieldName, Operation, Query, QueryError};
pub use scan::Matches;
pub use server::{QuotaDay, Sandbox, Stats};
pub use world::{World, WorldConfig};
