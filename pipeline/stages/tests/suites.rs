//! Runs the stages against the suites in `../shared/fixtures/nlp`, where they are at hand; skips otherwise.
#![allow(clippy::print_stdout, reason = "skips and figures are meant to be read")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tidelake_schemas::{CaptionFindings, TextSpan};
use tidelake_stages::{Caption, Stages};

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
    println!("languages: {tally:?}");
    for (kind, least) in [("sentence", 0.9), ("word-pair", 0.7), ("single-word", 0.55)] {
        if let Some(&(hits, all)) = tally.get(kind) {
            assert!(hits as f64 >= least * all as f64, "{kind}: {hits} of {all}");
        }
    }
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

/// Figures, not a test: `cargo test -p tidelake-stages --test suites speed -- --ignored --nocapture`.
#[test]
#[ignore = "prints timings"]
fn speed() {
    let captions: Vec<String> = suite("captions.jsonl").iter().map(|case| text(case, "caption")).collect();
    let stages = Stages::standard();
    findings("The models are read now, a first time.");
    findings("Модели читаются сейчас, в первый раз.");
    for round in ["cold", "warm"] {
        let start = std::time::Instant::now();
        for caption in &captions {
            std::hint::black_box(stages.run(&Caption::plain(caption)));
        }
        println!("{round}: {:?} per caption", start.elapsed() / captions.len().max(1) as u32);
    }
}
