//! Sentiment: how a caption feels.
//!
//! The numbers are VADER's for every caption, so that they stay comparable with everybody else's. Its lexicon is
//! English: in other languages the label goes by [`feelings`] instead, and 🔥 praises in all of them.

mod feelings;
mod vader;

use crate::{Caption, Stage};
use tidelake_schemas::{CaptionFindings, Sentiment};

/// Scores nearer to 0 than this are neutral, as VADER's authors advise.
const NEUTRAL: f64 = 0.05;

/// The stage: sentiment.
#[derive(Clone, Copy, Debug, Default)]
pub struct SentimentOf;

impl Stage for SentimentOf {
    fn name(&self) -> &'static str {
        "sentiment"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        if caption.text.trim().is_empty() {
            return;
        }
        let vader::Scores { compound, pos, neu, neg } = vader::score(caption.text);
        let own = feelings::compound(caption.text, &findings.language.code, &findings.emojis)
            .or_else(|| feelings::praised(caption.text, &findings.emojis));
        let label = match own.unwrap_or(compound) {
            c if c >= NEUTRAL => "positive",
            c if c <= -NEUTRAL => "negative",
            _ => "neutral",
        };
        findings.sentiment = Some(Sentiment { compound, pos, neu, neg, label: label.into() });
    }
}
