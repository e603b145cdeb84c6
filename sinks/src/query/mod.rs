//! SQL over the lake.
//!
//! [`Engine`] holds one DataFusion session whose tables are the lake's Delta tables ([`tables`]) and whose views give
//! them the flat names analysts use ([`views`]). It only reads ([`guard`]): nothing a query says changes the lake.
//!
//! A query sees one version of every table, the one loaded by [`Engine::open`] or the last [`Engine::refresh`]; a
//! refresh never disturbs a query that is running.

mod binds;
mod current;
mod dialect;
mod engine;
mod error;
pub mod files;
pub mod functions;
mod guard;
mod keys;
mod loaded;
pub mod named;
mod never;
mod options;
mod origins;
mod reads;
mod session;
pub mod split;
mod tables;
mod travel;
mod unused_joins;
pub mod views;
mod visibility;
mod widths;
mod yielding;

pub use binds::{Bind, Binds};
pub use engine::{Answer, ColumnInfo, Engine};
pub use error::QueryError;
pub use keys::Key;
pub use options::{Backend, QueryOptions};
pub use origins::{Origin, Origins};
pub use session::{CATALOG, SCHEMA, Session};
pub use tables::{TableInfo, TableKind};

#[cfg(test)]
mod tests;
