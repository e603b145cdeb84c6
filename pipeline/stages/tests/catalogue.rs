//! What a catalogue costs, on a made one of 10,000 and of 100,000 products. Figures, not a test:
//! `cargo test --release -p tidelake-stages --test catalogue -- --ignored --nocapture`.
#![allow(clippy::print_stdout, reason = "figures are meant to be read")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use tidelake_schemas::{CaptionFindings, CatalogEntry};
use tidelake_stages::{Caption, Catalogue, Products, Stage};

const SYLLABLES: [&str; 24] = [
    "al", "ber", "co", "dra", "el", "fi", "gro", "ha", "in", "ju", "ka", "lu", "mer", "no", "or", "pa", "qui", "ra",
    "so", "ta", "ul", "vi", "wen", "zo",
];
const KINDS: [&str; 12] = [
    "Serum",
    "Tumbler",
    "Sneaker",
    "Hair Dryer",
    "Lip Oil",
    "Phone Case",
    "Backpack",
    "Desk Lamp",
    "Blush",
    "Headphones",
    "Water Bottle",
    "Night Cream",
];
const CAPTIONS: [&str; 6] = [
    "okay so I finally tried the viral hair tool everyone talks about and honestly?? worth it 😍 link in bio #fyp #hairtok",
    "GRWM for work ✨ using my favourite lip oil, blush and the night cream from last week. Code ANN10 for 10% off #grwm #makeup",
    "day 3 of packing my backpack for school: desk lamp, water bottle, headphones and snacks! what else do I need? #backtoschool",
    "No puedo creer lo bueno que es esto, lo uso cada día y mi piel está increíble 🥹 #skincare #belleza #parati",
    "Unboxing the new sneaker drop 👟 size 42, black and white. Do you like them or not? tell me in the comments #sneakers",
    "my phone case broke again so here is a full review of the five cheapest ones I could find, part 2 tomorrow #review #tech",
];

/// The next of a fixed sequence (Knuth's MMIX generator), so that every run measures the same.
fn next(seed: &mut u64) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).unwrap_or(0)
}

fn word(seed: &mut u64) -> String {
    (0..2 + next(seed) % 2).map(|_| SYLLABLES[next(seed) % SYLLABLES.len()]).collect()
}

/// Products of 300 brands: "Brand Line Kind 12", and "Line Kind" as an alias.
fn entries(count: usize) -> Vec<CatalogEntry> {
    let mut seed = 7;
    let brands: Vec<String> = (0..300).map(|_| word(&mut seed)).collect();
    (0..count)
        .map(|id| {
            let (brand, line) = (&brands[next(&mut seed) % brands.len()], word(&mut seed));
            let kind = KINDS[next(&mut seed) % KINDS.len()];
            CatalogEntry {
                id: id.to_string(),
                name: format!("{brand} {line} {kind} {}", next(&mut seed) % 90),
                aliases: vec![format!("{line} {kind}")],
                brand: Some(brand.clone()),
                ..CatalogEntry::default()
            }
        })
        .collect()
}

/// MiB that this process holds in memory, where the system says.
fn resident() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split_whitespace().nth(1)?.parse::<f64>().ok()? * 4096.0 / 1_048_576.0)
}

/// Captions without a product and with one, well and badly spelt.
fn captions(entries: &[CatalogEntry]) -> Vec<String> {
    let name = |i: usize| entries.get(i * 37).map_or("", |entry| entry.name.as_str());
    let misspelt = |name: &str| name.char_indices().filter(|(i, _)| *i != 2).map(|(_, c)| c).collect::<String>();
    (0..600)
        .map(|i| match (i % 4, CAPTIONS[i % CAPTIONS.len()]) {
            (0, text) => format!("{} {text}", name(i)),
            (1, text) => format!("{} {text}", misspelt(name(i))),
            (_, text) => text.to_owned(),
        })
        .collect()
}

#[test]
#[ignore = "prints timings"]
fn cost() {
    for count in [0, 10_000, 100_000] {
        let entries = entries(count);
        let captions = captions(&entries);
        let (before, start) = (resident(), Instant::now());
        let stage = match count {
            0 => Products::default(),
            _ => Products::of(Arc::new(Catalogue::new(entries.iter().cloned()).expect("is small"))),
        };
        let (made, after) = (start.elapsed(), resident());
        let mut found = 0;
        let run = |found: &mut usize| {
            for caption in &captions {
                let mut findings = CaptionFindings::default();
                stage.apply(&Caption::plain(caption), &mut findings);
                *found += black_box(findings).products.len();
            }
        };
        run(&mut found);
        // The best of several rounds: what else the machine does is no cost of the catalogue.
        let round = |_| {
            let start = Instant::now();
            run(&mut 0);
            start.elapsed() / u32::try_from(captions.len()).unwrap_or(u32::MAX)
        };
        let each = (0..40).map(round).min().unwrap_or_default();
        let held = before.zip(after).map_or(0.0, |(before, after)| after - before);
        println!(
            "{count} entries: made in {made:?}, {held:.0} MiB; {each:?} per caption, {found} found in {}",
            captions.len()
        );
    }
}
