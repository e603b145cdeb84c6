//! One acceptance test per documented fault: the fault in, over real HTTP on the loopback; class, transition, ledger entry
//! and the user's words out. All of them together are `docs/faults.md`:
//!
//! `TIDELAKE_WRITE_DOCS=1 cargo test --workspace --test faults` writes it; without the variable a page that differs from
//! what the run gave fails the test.

#![allow(clippy::missing_panics_doc, reason = "tests fail by panicking")]

mod bench;
mod display;
mod import;
mod oembed;
mod page;
mod research;
mod row;
mod web;

use page::Section;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_fault() {
    let sections: Vec<Section> = vec![
        research::section().await,
        display::section().await,
        display::oauth().await,
        oembed::section().await,
        oembed::short_links().await,
        web::section().await,
        web::states().await,
        import::section(),
    ];
    page::hold(&page::render(&sections));
}
