//! The doors people query the lake through, and queries on several machines.

pub mod cluster;
