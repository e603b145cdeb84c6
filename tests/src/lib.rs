//! The outer suite: drives the real binary.
