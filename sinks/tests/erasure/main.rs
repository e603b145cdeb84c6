//! Somebody is taken out of the lake: out of rows, older versions, the log's statistics, what lands meanwhile, and copies.

mod bench;
mod copies;
mod gone;
mod pseudonyms;
mod rows;
mod search;
