//! Tags: labels in one form, to group captions by.
//!
//! Hashtags in NFKC and lower case, without those that speak to the feed; the subjects of the caption's categories; `price` and
//! `discount` where it names some; and what `data/labels.tsv` knows: `ad`, `giveaway`. In order of appearance.

use crate::feed_words;
use crate::glossary::Glossary;
use crate::{Caption, Stage};
use std::sync::LazyLock;
use tidelake_schemas::CaptionFindings;
use unicode_normalization::{UnicodeNormalization, is_nfkc_quick};

const LABELS: &str = include_str!("../data/labels.tsv");

/// No caption has more tags.
const MOST: usize = 20;

/// The stage: tags.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tags;

impl Stage for Tags {
    fn name(&self) -> &'static str {
        "tags"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let mut all = Vec::new();
        for tag in findings.hashtags.iter().filter(|tag| !feed_words::contains(&tag.text)) {
            all.push((tag.start, normal(&tag.text)));
        }
        for category in &findings.categories {
            let subject = category.name.rsplit('/').next().unwrap_or_default();
            all.push((category.reasons.first().map_or(0, |reason| reason.start), subject.to_owned()));
        }
        all.extend(findings.prices.first().map(|price| (price.start, "price".to_owned())));
        let reduces = |kind: &str| matches!(kind, "percent_off" | "code");
        let offer = findings.offers.iter().find(|offer| reduces(&offer.kind));
        all.extend(offer.map(|offer| (offer.start, "discount".to_owned())));
        all.extend(labels(caption.text, findings));
        findings.tags = in_order(all);
    }
}

fn normal(tag: &str) -> String {
    let lower = tag.to_lowercase();
    match is_nfkc_quick(lower.chars()) {
        unicode_normalization::IsNormalized::Yes => lower,
        _ => lower.nfkc().collect::<String>().to_lowercase(),
    }
}

/// The label of a line, whether hashtags alone say it, and its terms.
fn table() -> impl Iterator<Item = (&'static str, bool, &'static str)> {
    LABELS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, fields.next()? == "hashtags", fields.next()?))
    })
}

static LINES: LazyLock<Vec<(&'static str, bool)>> =
    LazyLock::new(|| table().map(|(label, tags, _)| (label, tags)).collect());

static GLOSSARY: LazyLock<Glossary> =
    LazyLock::new(|| Glossary::new(table().enumerate().map(|(line, (_, _, terms))| (line, 1.0, terms))));

fn labels<'a>(text: &'a str, findings: &CaptionFindings) -> impl Iterator<Item = (i32, String)> + use<'a> {
    GLOSSARY.said(text, findings).into_iter().flat_map(|said| {
        let start = crate::text::offset(said.place.start);
        let lines = GLOSSARY.lines(said.term).iter().map(|(line, _)| LINES[*line]);
        lines.filter(move |(_, tags)| said.tagged || !tags).map(move |(label, _)| (start, label.to_owned()))
    })
}

fn in_order(mut all: Vec<(i32, String)>) -> Vec<String> {
    all.sort_by_key(|(start, _)| *start);
    let mut tags: Vec<String> = Vec::with_capacity(all.len());
    for (_, tag) in all {
        if tags.len() < MOST && !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stages;

    fn tags(text: &str) -> Vec<String> {
        Stages::standard().run(&Caption::plain(text)).findings.tags
    }

    #[test]
    fn one_form() {
        assert_eq!(tags("#Été #ÉTÉ #ｃａｆｅ #fyp #foryou #Viral"), ["été", "cafe"]);
        assert_eq!(tags("no hashtags at all"), [""; 0]);
    }

    #[test]
    fn what_was_found() {
        assert_eq!(
            tags("My skincare haul for $20, 10% off! #Werbung"),
            ["skincare", "price", "discount", "werbung", "ad"]
        );
        assert_eq!(tags("GIVEAWAY time #NewYear"), ["giveaway", "newyear"]);
        assert_eq!(tags("an ad for cars"), tags("an item for cars"));
    }

    #[test]
    fn not_too_many() {
        let text = (0..50).map(|i| format!("#tag{i}x ")).collect::<String>();
        assert_eq!(tags(&text).len(), MOST);
    }
}
