//! The parser of links never panics, and what it finds is found again in its canonical form.
//!
//! ```sh
//! cargo install cargo-fuzz
//! cd connectors && cargo +nightly fuzz run links -- -dict=fuzz/links.dict -max_total_time=300
//! ```

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidelake_connectors::links::{parse, parse_url};

fuzz_target!(|text: &str| {
    _ = parse_url(text);
    if let Ok(link) = parse(text) {
        let canonical = link.canonical();
        assert_eq!(parse(&canonical), Ok(link.clone()), "{canonical}");
        assert_eq!(parse_url(&canonical).map(|again| again.identity()), Ok(link.identity()));
    }
});
