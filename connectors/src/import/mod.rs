//! Reading recorded files: page answers, whole pages, captures, `.info.json`, personal archives, Research answers.
//!
//! The shape is recognised by content ([`Shape`]); records become observations, what cannot be read becomes
//! [`Reject`]s, and everything else that a person should know becomes a note. Of personal archives only what is
//! about public videos is read; the private sections are named in a note and never copied anywhere.

mod archive;
mod archive_rows;
mod archive_text;
mod archive_zip;
mod capture;
mod challenge;
mod channel_export;
mod comment;
mod counts;
mod detect;
mod envelope;
mod fields;
mod flat_row;
mod hydration;
mod info_json;
mod item;
mod legacy_item;
mod links;
mod music;
mod ndjson;
mod not_understood;
mod oembed;
mod page;
mod raw;
mod read;
mod refusal;
mod research_json;
mod scope;
mod shape;
mod sink;
mod text_extra;
mod user;

#[cfg(test)]
mod tests;

pub use not_understood::NotUnderstood;
pub use shape::Shape;

use crate::drift::Tally;
use crate::source::Reject;
use std::path::Path;
use tidelake_schemas::{Observation, Timestamp};

/// What an import belongs to: given by the caller, so that reading a file again gives the same event ids.
#[derive(Clone, Debug)]
pub struct ImportContext {
    /// The task's name.
    pub task: String,
    /// The task's cycle.
    pub cycle: i64,
    /// Now (the caller's clock).
    pub now: Timestamp,
    /// When the file was last written, where known: the time of observation of records that carry none.
    pub file_time: Option<Timestamp>,
}

/// What a file held.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The shape that was recognised.
    pub shape: Shape,
    /// What was observed, each entity once (the first kept).
    pub observations: Vec<Observation>,
    /// Records that could not be read.
    pub rejects: Vec<Reject>,
    /// What a person should know: sections left out, refusals, duplicates.
    pub notes: Vec<String>,
    /// What the raw records looked like.
    pub seen: Tally,
}

/// Reads one file, whatever of the known shapes it has.
///
/// `path` serves as provenance (its file name) and, for text archives, as the name of the section; the shape is
/// recognised by content.
///
/// # Errors
/// [`NotUnderstood`] when the content has none of the known shapes; its message says what was seen.
pub fn read_file(path: &Path, bytes: &[u8], context: &ImportContext) -> Result<Imported, NotUnderstood> {
    read::read_file(path, bytes, context)
}
