//! Everything that speaks to a source of observations. Knows no Kafka.
//!
//! A connector implements [`Source`]: it is asked for one page at a time and answers with observations, refused
//! records, the cursor to go on from and a ledger entry that says what was asked, got, and why it stopped.

pub mod annotate;
pub mod browser;
pub mod client;
pub mod display;
pub mod drift;
pub mod facebook;
pub mod import;
pub mod links;
pub mod media;
pub mod native;
pub mod oembed;
pub mod reading;
pub mod recorded;
pub mod research;
pub mod revisit;
pub mod source;
mod turn;
pub mod vault;
pub mod web;
pub mod youtube;

pub use source::{
    Capabilities, CycleContext, Fault, FaultClass, Ledger, Next, Page, Probe, Reject, Source, StopReason,
};
