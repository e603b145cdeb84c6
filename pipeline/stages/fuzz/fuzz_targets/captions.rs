//! Whatever the caption: no panic, every place on character boundaries, the same findings twice.
//!
//! ```sh
//! cargo install cargo-fuzz
//! cd pipeline/stages && cargo +nightly fuzz run captions -- -max_len=600 -max_total_time=300
//! ```

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tidelake_stages::{Caption, Stages};

static STAGES: LazyLock<Stages> = LazyLock::new(Stages::standard);

fuzz_target!(|text: &str| {
    let caption = Caption::plain(text);
    let found = STAGES.run(&caption);
    assert_eq!(found, STAGES.run(&caption));
    let found = found.findings;
    let spans = [&found.hashtags, &found.mentions, &found.cashtags, &found.urls, &found.emojis, &found.hashtag_words];
    let places = spans.into_iter().flatten().map(|span| (span.start, span.end));
    let places = places.chain(found.prices.iter().map(|price| (price.start, price.end)));
    let places = places.chain(found.offers.iter().map(|offer| (offer.start, offer.end)));
    let places = places.chain(found.products.iter().map(|product| (product.start, product.end)));
    let places = places.chain(found.calls_to_action.iter().map(|call| (call.start, call.end)));
    let places = places.chain(found.keywords.iter().map(|keyword| (keyword.start, keyword.end)));
    for (start, end) in places {
        assert!(text.get(start as usize..end as usize).is_some_and(|place| !place.is_empty()), "{start} {end}");
    }
});
