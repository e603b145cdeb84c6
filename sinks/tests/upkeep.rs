//! Upkeep of tables that are written to meanwhile: rows and positions stay what they are.

#![allow(clippy::print_stderr, reason = "the measurement says what it found")]

mod upkeep {
    pub(crate) mod faults;
    pub(crate) mod lake;
    pub(crate) mod log;
    pub(crate) mod rewrites;
    pub(crate) mod scale;
    pub(crate) mod types;
}
