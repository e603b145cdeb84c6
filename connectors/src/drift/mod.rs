//! The drift sentinel: what the records of a source look like, and when that changes.
//!
//! A connector shows each raw record to a [`Tally`], which walks it once and counts, field by field, presence, type and
//! range. A [`Profile`] is the baseline of one source (connector and route): it takes the tally of each page, and says
//! what has changed since. Everything here is pure: no clock, no log, no I/O; memory is bounded whatever a source sends.
//!
//! What is a change and what is chance is decided in `judge`. Fields that lack in a few records, counts that grow and
//! pages of one creator are chance; a renamed field, a number that becomes a text, a count that is 0 in every record is
//! not. An incident opens once and closes when the field looks as before; a change that stays for
//! [`ADOPT`] records becomes the new baseline.

mod field;
mod judge;
mod profile;
mod sample;
mod stats;
mod tally;

#[cfg(test)]
mod tests;

pub use field::ADOPT;
pub use profile::{Change, Moment, Profile};
pub use tally::Tally;

/// What has happened to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// It was never there before.
    Appeared,
    /// It is gone.
    Vanished,
    /// It is there far less often than before.
    Rarer,
    /// Its JSON type, or the form of its text, is another.
    TypeChanged,
    /// Its numbers lie where none lay before.
    Range,
    /// One of few values is a new one.
    NewValue,
    /// A task got nothing where it never got nothing before. Of whole cycles, not of fields.
    SilentZero,
}

impl DriftKind {
    /// As written into incidents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Vanished => "vanished",
            Self::Rarer => "rarer",
            Self::TypeChanged => "type_changed",
            Self::Range => "range",
            Self::NewValue => "new_value",
            Self::SilentZero => "silent_zero",
        }
    }
}

/// What an incident has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentState {
    /// The change goes on.
    Open,
    /// It is as before again.
    Closed,
    /// The change has stayed, and is what later records are compared with.
    Adopted,
}

impl IncidentState {
    /// As written into incidents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Adopted => "adopted",
        }
    }
}
