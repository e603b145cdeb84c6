//! Runs the stages against the suites in `../shared/fixtures/nlp`, where they are at hand; skips otherwise.
#![allow(clippy::print_stdout, reason = "skips and figures are meant to be read")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tidelake_schemas::{CaptionFindings, PriceFinding, TextSpan};
use tidelake_stages::{Caption, LanguageOf, Stages};

fn suite(name: &str) -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/nlp").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not at hand", path.display());
        return Vec::new();
    };
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn text(case: &Value, field: &str) -> String {
    case[field].as_str().unwrap_or_default().to_owned()
}

fn findings(text: &str) -> CaptionFindings {
    Stages::standard().run(&Caption::plain(text)).findings
}

fn texts(spans: &[TextSpan]) -> Vec<&str> {
    spans.iter().map(|span| span.text.as_str()).collect()
}

/// Character offsets of spans, as twitter-text counts them.
fn with_indices(caption: &str, spans: &[TextSpan], name: &str) -> Value {
    let at = |byte: i32| caption[..byte as usize].chars().count();
    spans.iter().map(|span| serde_json::json!({ name: span.text, "indices": [at(span.start), at(span.end)] })).collect()
}

/// What we say to a twitter-text case; `None` for kinds that have no counterpart here.
fn answer(kind: &str, caption: &str) -> Option<Value> {
    let found = findings(caption);
    let list = |spans: &[TextSpan]| Value::from(texts(spans));
    Some(match kind {
        "mentions" | "mentions_from_astral" => list(&found.mentions),
        "mentions_with_indices" => with_indices(caption, &found.mentions, "screen_name"),
        "urls" | "urls_from_astral" => list(&found.urls),
        "urls_with_indices" | "urls_with_directional_markers" => with_indices(caption, &found.urls, "url"),
        "hashtags" | "hashtags_from_astral" => list(&found.hashtags),
        "hashtags_with_indices" => with_indices(caption, &found.hashtags, "hashtag"),
        "cashtags" => list(&found.cashtags),
        "cashtags_with_indices" => with_indices(caption, &found.cashtags, "cashtag"),
        _ => return None,
    })
}

#[test]
fn twitter_text() {
    let mut failed = Vec::new();
    let mut passed = 0;
    for case in suite("twitter_text.jsonl") {
        match answer(&text(&case, "kind"), &text(&case, "text")) {
            Some(found) if found != case["expected"] => failed.push(format!("{case}\n  found {found}")),
            Some(_) => passed += 1,
            None => {}
        }
    }
    println!("twitter_text: {passed} passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn emoji() {
    let mut failed = Vec::new();
    let cases = suite("emoji.jsonl");
    for case in &cases {
        let found = findings(&text(case, "text"));
        if Value::from(texts(&found.emojis)) != case["emojis"] {
            failed.push(format!("{case}\n  found {:?}", texts(&found.emojis)));
        }
    }
    println!("emoji: {} of {} passed", cases.len() - failed.len(), cases.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn languages() {
    let mut tally: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for case in suite("langid.jsonl") {
        let found = findings(&text(&case, "text")).language;
        let right = found.code == text(&case, "lang");
        if !right {
            println!("{} {} for {}: {}", text(&case, "kind"), found.code, text(&case, "lang"), text(&case, "text"));
        }
        let (hits, all) = tally.entry(text(&case, "kind")).or_default();
        *hits += usize::from(right);
        *all += 1;
    }
    let (right, cases) = tally.values().fold((0, 0), |(right, cases), (hits, all)| (right + hits, cases + all));
    println!("languages: {right} of {cases}: {tally:?}");
    assert!(right as f64 >= 0.94 * cases as f64);
    for (kind, least) in [("sentence", 0.97), ("word-pair", 0.8), ("single-word", 0.75)] {
        if let Some(&(hits, all)) = tally.get(kind) {
            assert!(hits as f64 >= least * all as f64, "{kind}: {hits} of {all}");
        }
    }
}

fn prices(case: &Value, hint: Option<&str>, region: Option<&str>) -> Vec<PriceFinding> {
    let text = text(case, "text");
    let caption = Caption { region, currency_hint: hint, ..Caption::plain(&text) };
    Stages::standard().run(&caption).findings.prices
}

fn is_amount(found: &PriceFinding, wanted: f64) -> bool {
    found.amount.to_string().parse::<f64>().is_ok_and(|amount| (amount - wanted).abs() < 1e-6)
}

/// The currency is one of those the case allows, or its ambiguous symbol.
fn is_currency(found: &PriceFinding, case: &Value) -> bool {
    let Some(allowed) = case["currency_iso"].as_array() else { return true };
    let symbol = found.symbol.as_deref().map(|symbol| symbol.trim_end_matches('.'));
    found.currency.as_deref().is_some_and(|code| allowed.iter().any(|iso| iso == code) || Some(code) == symbol)
}

#[test]
fn price_strings() {
    let (mut right, mut all) = (0, 0);
    for case in suite("price_parser.jsonl") {
        let Some(amount) = case["amount"].as_f64().filter(|_| case["currency_in_text"] == true) else { continue };
        let found = prices(&case, case["currency_hint"].as_str(), None);
        let fits = found.first().is_some_and(|price| is_amount(price, amount) && is_currency(price, &case));
        all += 1;
        right += usize::from(fits);
        if !fits {
            println!("{case}\n  found {found:?}");
        }
    }
    println!("price strings: {right} of {all}");
    assert!(right * 100 >= all * 98);
}

#[test]
fn prices_of_many_locales() {
    let (mut right, mut all) = (0, 0);
    for case in suite("price_duckling.jsonl").into_iter().filter(|case| case["has_digit"] == true) {
        let region = text(&case, "locale").split_once('_').map(|(_, region)| region.to_owned());
        let found = prices(&case, None, region.as_deref());
        let wanted = ["amount", "amount_min", "amount_max"].iter().filter_map(|name| case[*name].as_f64());
        let wanted = wanted.collect::<Vec<_>>();
        let scale = |price: &PriceFinding, amount: f64| {
            is_amount(price, amount) || (case["minor_unit"] == true && is_amount(price, amount / 100.0))
        };
        let fits = found.len() == wanted.len()
            && found.iter().zip(&wanted).all(|(price, amount)| scale(price, *amount) && is_currency(price, &case));
        all += 1;
        right += usize::from(fits);
        if !fits {
            println!("{case}\n  found {found:?}");
        }
    }
    println!("prices of many locales: {right} of {all}");
    assert!(right * 100 >= all * 90);
}

#[test]
fn sentiment() {
    let cases = suite("sentiment.jsonl");
    for case in &cases {
        let found = findings(&text(case, "text")).sentiment.expect("a caption with words");
        for (name, score) in [("compound", found.compound), ("pos", found.pos), ("neu", found.neu), ("neg", found.neg)]
        {
            let wanted = case[name].as_f64().expect("a score");
            assert!((score - wanted).abs() <= 1e-4 + f64::EPSILON, "{name} {score} {case}");
        }
    }
    println!("sentiment: {} of {0} as the reference", cases.len());
}

#[test]
fn calls_to_action() {
    let (mut hits, mut false_alarms, mut missed) = (0.0_f64, 0.0, 0.0);
    for case in suite("cta.jsonl") {
        let found = findings(&text(&case, "text")).calls_to_action;
        match (case["call_to_action"] == true, found.is_empty()) {
            (true, false) => hits += 1.0,
            (true, true) => missed += 1.0,
            (false, false) => false_alarms += 1.0,
            (false, true) => continue,
        }
    }
    let f1 = 2.0 * hits / (2.0 * hits + false_alarms + missed);
    println!("calls to action: F1 {f1:.3} ({hits} found, {false_alarms} too many, {missed} missed)");
    assert!(f1.is_nan() || f1 >= 0.9, "NaN: the suite is not at hand");
}

/// Some sources list hashtags in lower case, once each, or strip them from the caption: compared as sets, folded.
#[test]
fn captions() {
    let (mut same, mut all) = (0, 0);
    for case in suite("captions.jsonl") {
        let caption = text(&case, "caption");
        let Some(listed) = case["hashtags"].as_array().filter(|_| case["source"] != "vn-feed") else {
            continue;
        };
        let fold =
            |names: Vec<String>| names.into_iter().map(|n| n.to_lowercase()).collect::<std::collections::BTreeSet<_>>();
        let wanted = fold(listed.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        let found = fold(texts(&findings(&caption).hashtags).into_iter().map(str::to_owned).collect());
        all += 1;
        same += usize::from(found == wanted);
        if found != wanted {
            println!("{caption:?}\n  more {:?}\n  less {:?}", &found - &wanted, &wanted - &found);
        }
    }
    println!("captions: hashtags of {same} of {all} as listed");
    assert!(all == 0 || same * 100 >= all * 85);
}

/// Figures, not a test: `cargo test --release -p tidelake-stages --test suites speed -- --ignored --nocapture`.
#[test]
#[ignore = "prints timings"]
fn speed() {
    let read = |name: &str, field: &str| suite(name).iter().map(|case| text(case, field)).collect::<Vec<_>>();
    let language = || Stages::new(vec![Box::new(LanguageOf)]);
    for (what, stages, texts) in [
        ("all stages, cold", Stages::standard(), read("captions.jsonl", "caption")),
        ("all stages", Stages::standard(), read("captions.jsonl", "caption")),
        ("language", language(), read("langid.jsonl", "text")),
    ] {
        let start = std::time::Instant::now();
        for text in &texts {
            std::hint::black_box(stages.run(&Caption::plain(text)));
        }
        println!("{what}: {:.0} texts/s", texts.len() as f64 / start.elapsed().as_secs_f64());
    }
}
