//! The doors people query the lake through, and queries on several machines.
//!
//! [`Doors`] opens them: PostgreSQL's protocol, Arrow Flight SQL, HTTP. Whoever comes in is a [`Client`] of the [`Core`], which
//! decides as whom, with what, and for how long its statements run; every one of them only reads. Doors and queries have
//! threads of their own, which yield to everything else.

mod audit;
pub mod cluster;
mod core;
mod doors;
mod error;
mod flight;
mod http;
mod metered;
mod places;
mod postgres;
mod query_log;
mod rows;
mod running;
mod settings;
mod statements;
mod threads;
mod tls;
mod users;

pub use core::{Client, Core, Engines, Visitor};
pub use doors::{Doors, OpenError};
pub use error::ServeError;
pub use rows::Rows;
pub use settings::{DEFAULT_ROLE, HttpSettings, Limits, QueryLog, Settings, TlsFiles, User};
pub use users::{Identity, Users};
