//! How good the stages are: every figure over cases of our own (`tests/cases`) and, where they are at hand, over the
//! public suites in `../shared/fixtures/nlp`.
//!
//! `cargo test -p tidelake-stages --test quality -- --nocapture` prints the figures and what was missed;
//! `TIDELAKE_WRITE_DOCS=1 cargo test --release -p tidelake-stages --test quality` writes `docs/quality.md`.
#![allow(clippy::print_stdout, reason = "figures and skips are meant to be read")]

mod cases;
mod entities;
mod page;
mod prices;
mod score;
mod speed;
mod words;

use score::{Row, Score};

/// Every figure: what it is, its goal, the field's anchor, and who computes it from which cases.
const ROWS: &[Row] = &[
    Row {
        name: "hashtags, F1",
        goal: "1.00",
        anchor: "twitter-text's parser 1.00, a plain regex 0.65",
        own: Some(("entities", 1.0)),
        suite: Some(("twitter_text", 1.0)),
        of: entities::hashtags,
    },
    Row {
        name: "mentions, F1",
        goal: "1.00",
        anchor: "as above",
        own: Some(("entities", 1.0)),
        suite: Some(("twitter_text", 1.0)),
        of: entities::mentions,
    },
    Row {
        name: "cashtags, F1",
        goal: "1.00",
        anchor: "as above",
        own: Some(("entities", 1.0)),
        suite: Some(("twitter_text", 1.0)),
        of: entities::cashtags,
    },
    Row {
        name: "URLs, F1",
        goal: "1.00",
        anchor: "as above",
        own: Some(("entities", 1.0)),
        suite: Some(("twitter_text", 1.0)),
        of: entities::urls,
    },
    Row {
        name: "emoji, exact",
        goal: "1.00",
        anchor: "package `emoji` 1.00",
        own: Some(("emoji", 1.0)),
        suite: Some(("emoji", 1.0)),
        of: entities::emoji,
    },
    Row {
        name: "hashtags as the source lists them, exact",
        goal: "",
        anchor: "",
        own: None,
        suite: Some(("captions", 0.85)),
        of: entities::listed,
    },
    Row {
        name: "language, accuracy",
        goal: "≥ 0.94",
        anchor: "lingua 0.936, py3langid 0.917",
        own: Some(("languages", 0.97)),
        suite: Some(("langid", 0.94)),
        of: words::languages,
    },
    Row {
        name: "price strings, amount and currency",
        goal: "≥ 0.99",
        anchor: "price-parser 0.994",
        own: None,
        suite: Some(("price_parser", 0.99)),
        of: prices::strings,
    },
    Row {
        name: "currencies of price strings",
        goal: "",
        anchor: "",
        own: None,
        suite: Some(("price_currency", 0.95)),
        of: prices::currencies,
    },
    Row {
        name: "prices of many locales, amount and currency",
        goal: "≥ 0.85",
        anchor: "price-parser 0.355",
        own: None,
        suite: Some(("price_duckling", 0.9)),
        of: prices::locales,
    },
    Row {
        name: "prices in sentences with decoys, F1 of spans",
        goal: "≥ 0.90",
        anchor: "quantulum3 0.76",
        own: None,
        suite: Some(("price_quantulum", 0.85)),
        of: prices::spans,
    },
    Row {
        name: "prices in captions, amount and currency, exact",
        goal: "",
        anchor: "",
        own: Some(("prices", 0.95)),
        suite: None,
        of: prices::captions,
    },
    Row {
        name: "sentiment, the reference's numbers to 1e-4",
        goal: "1.00",
        anchor: "VADER itself",
        own: None,
        suite: Some(("sentiment", 1.0)),
        of: words::as_vader,
    },
    Row {
        name: "sentiment and people's ratings of tweets, r",
        goal: "≥ 0.885",
        anchor: "VADER 0.885",
        own: None,
        suite: Some(("sentiment", 0.8)),
        of: words::as_people,
    },
    Row {
        name: "sentiment label in 16 languages, accuracy",
        goal: "",
        anchor: "",
        own: Some(("feelings", 0.9)),
        suite: None,
        of: words::feelings,
    },
    Row {
        name: "calls to action, F1",
        goal: "≥ 0.75",
        anchor: "a list of keywords 0.56",
        own: Some(("calls", 0.9)),
        suite: Some(("cta", 0.85)),
        of: words::calls,
    },
    Row {
        name: "keywords, F1 of ten",
        goal: "≥ 0.18",
        anchor: "YAKE 0.168",
        own: None,
        suite: Some(("keywords", 0.22)),
        of: words::keywords,
    },
    Row {
        name: "words of hashtags, exact",
        goal: "",
        anchor: "",
        own: Some(("hashtag_words", 0.85)),
        suite: None,
        of: words::hashtag_words,
    },
    Row {
        name: "best category, accuracy",
        goal: "",
        anchor: "",
        own: Some(("categories", 0.85)),
        suite: None,
        of: words::categories,
    },
];

/// Each figure over one kind of cases; the test fails with what was missed.
fn hold(which: impl Fn(&Row) -> Option<(Score, f64)>) {
    let mut short = Vec::new();
    for row in ROWS {
        let Some((score, least)) = which(row) else { continue };
        println!("{}: {score}", row.name);
        for missed in &score.missed {
            println!("  {missed}");
        }
        if score.value < least {
            short.push(format!(
                "{} is {:.3}, to be at least {least}:\n  {}",
                row.name,
                score.value,
                score.missed.join("\n  ")
            ));
        }
    }
    assert!(short.is_empty(), "{}", short.join("\n"));
}

#[test]
fn our_own_cases() {
    hold(|row| row.own.map(|(name, least)| ((row.of)(&cases::own(name)), least)));
}

#[test]
fn public_suites() {
    hold(|row| {
        let (name, least) = row.suite?;
        Some(((row.of)(&cases::public(name)?), least))
    });
}

/// `docs/quality.md` says what our own cases give; the rest of it is written where the suites are at hand.
#[test]
fn the_page_is_true() {
    page::hold(ROWS);
}
