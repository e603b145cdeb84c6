//! Every named query over a lake small enough to work its answer out by hand, and the acceptance queries as they were
//! written; what views show; tables as they were; and the page of all of it: `cargo test --workspace --test named_queries`.

mod as_written;
mod bench;
mod compliance;
mod creators;
mod graph;
mod hashtags;
mod page;
mod prices;
mod travel;
mod trust;
mod views;
mod virality;
