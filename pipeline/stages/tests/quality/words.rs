//! Language, feeling, calls to action, and what a caption is about.

use crate::cases::text;
use crate::entities::findings;
use crate::score::{Score, correlation, share};
use serde_json::Value;
use std::collections::HashSet;

fn judged(right: bool, miss: impl FnOnce() -> String) -> Option<Result<(), String>> {
    Some(if right { Ok(()) } else { Err(miss()) })
}

pub(crate) fn languages(cases: &[Value]) -> Score {
    share(cases, |case| {
        let found = findings(text(case, "text")).language;
        judged(found.code == text(case, "lang"), || {
            format!("{} {} for {}: {}", text(case, "kind"), found.code, text(case, "lang"), text(case, "text"))
        })
    })
}

/// All four numbers of the reference implementation.
pub(crate) fn as_vader(cases: &[Value]) -> Score {
    share(cases, |case| {
        let found = findings(text(case, "text")).sentiment.unwrap_or_default();
        let numbers = [("compound", found.compound), ("pos", found.pos), ("neu", found.neu), ("neg", found.neg)];
        let same = |(name, score): &(&str, f64)| {
            case[*name].as_f64().is_some_and(|wanted| (score - wanted).abs() <= 1e-4 + f64::EPSILON)
        };
        judged(numbers.iter().all(same), || format!("{case} found {numbers:?}"))
    })
}

/// Against the mean of twenty people's ratings.
pub(crate) fn as_people(cases: &[Value]) -> Score {
    let pairs: Vec<(f64, f64)> = cases
        .iter()
        .filter(|case| case["source"] == "tweets")
        .filter_map(|case| Some((findings(text(case, "text")).sentiment?.compound, case["human"].as_f64()?)))
        .collect();
    Score { value: correlation(&pairs), cases: pairs.len(), missed: Vec::new() }
}

pub(crate) fn feelings(cases: &[Value]) -> Score {
    share(cases, |case| {
        let found = findings(text(case, "text"));
        let label = found.sentiment.unwrap_or_default().label;
        judged(label == text(case, "label"), || {
            format!("{label} for {} ({}): {}", text(case, "label"), found.language.code, text(case, "text"))
        })
    })
}

/// F1 of "does it ask for something"; our own cases also say for what.
pub(crate) fn calls(cases: &[Value]) -> Score {
    let (mut hits, mut errors) = (0.0, 0.0);
    let mut missed = Vec::new();
    for case in cases {
        let found = findings(text(case, "text")).calls_to_action;
        let right = match case["type"].as_str() {
            Some(kind) => found.iter().any(|call| call.kind == kind),
            None => !found.is_empty(),
        };
        match case["call_to_action"] == true {
            true if right => hits += 1.0,
            false if found.is_empty() => continue,
            _ => {
                errors += 1.0;
                missed.push(format!("{case} found {found:?}"));
            }
        }
    }
    Score { value: 2.0 * hits / (2.0 * hits + errors), cases: cases.len(), missed }
}

/// Mean over documents of the F1 of the ten best keywords, compared in lower case.
#[allow(clippy::cast_precision_loss, reason = "counts of words")]
pub(crate) fn keywords(cases: &[Value]) -> Score {
    let f1 = |case: &Value| {
        let wanted = case["keywords"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let wanted: HashSet<String> = wanted.map(|word| word.trim().to_lowercase()).collect();
        let found = findings(text(case, "text")).keywords;
        let found: HashSet<String> = found.into_iter().take(10).map(|word| word.text.to_lowercase()).collect();
        2.0 * found.intersection(&wanted).count() as f64 / (found.len() + wanted.len()).max(1) as f64
    };
    let value = cases.iter().map(f1).sum::<f64>() / cases.len() as f64;
    Score { value, cases: cases.len(), missed: Vec::new() }
}

pub(crate) fn hashtag_words(cases: &[Value]) -> Score {
    share(cases, |case| {
        let found = findings(text(case, "text")).hashtag_words;
        let found: Value = found.iter().map(|words| words.text.as_str()).collect();
        judged(found == case["words"], || format!("{case} found {found}"))
    })
}

/// The best category, of which the case may name the upper level only.
pub(crate) fn categories(cases: &[Value]) -> Score {
    share(cases, |case| {
        let found = findings(text(case, "text")).categories;
        let best = found.first().map(|category| category.name.as_str());
        let right = match case["category"].as_str() {
            Some(wanted) => best.is_some_and(|best| best == wanted || best.split('/').next() == Some(wanted)),
            None => best.is_none(),
        };
        judged(right, || format!("{case} found {best:?}"))
    })
}
