//! Hashtags, mentions, cashtags, URLs, emoji.

use crate::cases::text;
use crate::score::{Score, f1, share};
use serde_json::Value;
use std::collections::BTreeSet;
use tidelake_schemas::{CaptionFindings, TextSpan};
use tidelake_stages::{Caption, Stages};

type Of = fn(&CaptionFindings) -> &Vec<TextSpan>;

pub(crate) fn findings(text: &str) -> CaptionFindings {
    Stages::standard().run(&Caption::plain(text)).findings
}

pub(crate) fn hashtags(cases: &[Value]) -> Score {
    entities(cases, "hashtags", "hashtag", |found| &found.hashtags)
}

pub(crate) fn mentions(cases: &[Value]) -> Score {
    entities(cases, "mentions", "screen_name", |found| &found.mentions)
}

pub(crate) fn cashtags(cases: &[Value]) -> Score {
    entities(cases, "cashtags", "cashtag", |found| &found.cashtags)
}

pub(crate) fn urls(cases: &[Value]) -> Score {
    entities(cases, "urls", "url", |found| &found.urls)
}

/// Cases of a kind and its variations; with places in characters, as twitter-text counts, where the case has them.
fn entities(cases: &[Value], kind: &str, name: &str, of: Of) -> Score {
    // Lists and replies are twitter-text's own forms of mentions.
    let is_of_kind = |case: &Value| text(case, "kind").starts_with(kind) && !text(case, "kind").contains("list");
    f1(cases, |case| {
        let wanted = case["expected"].as_array().filter(|_| is_of_kind(case))?;
        let caption = text(case, "text");
        let at = |byte: i32| caption[..byte as usize].chars().count();
        let found = findings(caption);
        let found = of(&found).iter().map(|span| {
            if text(case, "kind").ends_with("_with_indices") || text(case, "kind").ends_with("_directional_markers") {
                serde_json::json!({ name: span.text, "indices": [at(span.start), at(span.end)] }).to_string()
            } else {
                Value::from(span.text.as_str()).to_string()
            }
        });
        Some((found.collect(), wanted.iter().map(Value::to_string).collect()))
    })
}

pub(crate) fn emoji(cases: &[Value]) -> Score {
    share(cases, |case| {
        let found = findings(text(case, "text")).emojis;
        let found: Value = found.iter().map(|span| span.text.as_str()).collect();
        Some(if found == case["emojis"] { Ok(()) } else { Err(format!("{case} found {found}")) })
    })
}

/// Some sources list hashtags in lower case, once each: compared as sets. One source strips them from the caption.
pub(crate) fn listed(cases: &[Value]) -> Score {
    share(cases, |case| {
        let listed = case["hashtags"].as_array().filter(|_| case["source"] != "vn-feed")?;
        let set = |names: Vec<&str>| names.into_iter().map(str::to_lowercase).collect::<BTreeSet<_>>();
        let wanted = set(listed.iter().filter_map(Value::as_str).collect());
        let found = findings(text(case, "caption")).hashtags;
        let found = set(found.iter().map(|span| span.text.as_str()).collect());
        let miss = || format!("{}: more {:?}, less {:?}", case["caption"], &found - &wanted, &wanted - &found);
        Some(if found == wanted { Ok(()) } else { Err(miss()) })
    })
}
