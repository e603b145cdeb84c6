//! The parser and the resolver.

mod corpus;
mod forms;
mod properties;
mod refusals;
mod resolve;
