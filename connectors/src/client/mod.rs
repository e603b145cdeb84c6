//! The client layer: what every HTTP route shares, one [`HttpClient`] per (route, credential).
//!
//! A connector asks its [`Profile`] for a [`Grant`] to take a route, makes an [`HttpClient`] with it, and sends
//! [`Request`]s. On the way each request passes
//!
//! 1. the response cache ([`cache`]): answers kept for a while, bounded in bytes;
//! 2. robots.txt ([`robots`]), on routes that read public pages;
//! 3. the circuit breaker ([`breaker`]): a route that fails rests, a route that refuses us rests for hours;
//! 4. the token bucket ([`rate`]), whose rate falls when the route is overloaded or slow, and recovers;
//! 5. the daily budget ([`budget`]), with a reserve for what cannot wait, and a forecast; processes with the same
//!    credential share it by leases ([`lease`]);
//! 6. the wire ([`transport`]): a pool, one honest name, no cookies, no redirects to other hosts.
//!
//! What comes back is held against what was expected ([`classify`], [`soft_block`]): a block that looks like success
//! is a block, never "no videos". Faults that pass by themselves are waited out ([`retry`]); the rest are
//! [`ClientFault`]s that say what happened, and what to do ([`fault`]). [`fallback`] is the table of what to do next:
//! wait, take the next *allowed* route, tell a person. [`HttpClient::snapshot`] is the state of all of it.
//!
//! Nothing here hides what we are: no captcha is solved, no name is changed, no refusal is gone around.

pub mod answer;
pub mod breaker;
pub mod budget;
pub mod cache;
pub mod classify;
pub mod clock;
mod defaults;
mod exchange;
pub mod fallback;
pub mod fault;
mod fault_text;
mod forecast;
pub mod http;
pub mod lease;
mod platforms;
pub mod profile;
pub mod rate;
pub mod redact;
pub mod retry;
pub mod robots;
pub mod snapshot;
pub mod soft_block;
pub mod transport;
pub mod usage;
pub mod wire;

#[cfg(test)]
mod tests;

pub use answer::{Expect, Fingerprint};
pub use clock::{Clock, ToldClock};
pub use fault::{Class, ClientFault};
pub use http::{ClientConfig, HttpClient};
pub use lease::Lender;
pub use profile::{Acknowledgement, Grant, Profile, Route};
pub use snapshot::Snapshot;
pub use usage::Usage;
pub use wire::{Body, Request, Response};
