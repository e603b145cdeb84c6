//! Pure functions from a caption to findings. No I/O, no clock, no Kafka.
//!
//! A [`Stage`] reads a [`Caption`] and what earlier stages found, and adds its own findings. [`Stages::standard`]
//! is the list the pipeline runs. The same caption always gives the same findings.
//!
//! Hashtags, mentions, cashtags and URLs follow twitter-text's rules, with TikTok's differences stated in each room.

mod calls;
mod cashtags;
mod emoji;
mod hashtags;
mod language;
pub mod lines;
mod mentions;
mod ngrams;
mod prices;
mod script;
mod sentiment;
mod source;
mod text;
mod tlds;
mod urls;

pub use calls::CallsToAction;
pub use cashtags::Cashtags;
pub use emoji::Emojis;
pub use hashtags::{Adjacent, Hashtags};
pub use language::LanguageOf;
pub use mentions::Mentions;
pub use prices::Prices;
pub use sentiment::SentimentOf;
pub use urls::Urls;

use tidelake_schemas::{CaptionEntity, CaptionFindings, Enrichment};

/// What a stage gets to see of an observation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caption<'a> {
    /// The caption as observed.
    pub text: &'a str,
    /// Hashtags and mentions the source marks in it, by UTF-16 offset.
    pub entities: &'a [CaptionEntity],
    /// The language the source states, if any.
    pub source_language: Option<&'a str>,
    /// The region the source states, ISO 3166: decides between the dollars of several countries.
    pub region: Option<&'a str>,
    /// The money that is meant where the caption names none, if somebody says so.
    pub currency_hint: Option<&'a str>,
}

impl<'a> Caption<'a> {
    /// A caption of which only the text is known.
    pub fn plain(text: &'a str) -> Self {
        Self { text, ..Self::default() }
    }
}

/// One pure step of enrichment.
pub trait Stage: Send + Sync {
    /// Lower-case name, stable for ever.
    fn name(&self) -> &'static str;
    /// Raised whenever the same caption may give other findings than before.
    fn version(&self) -> u32;
    /// Adds what this stage finds. It may read what earlier stages found.
    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings);
}

/// An ordered list of stages.
pub struct Stages(Vec<Box<dyn Stage>>);

impl Stages {
    /// A list of one's own.
    pub fn new(stages: Vec<Box<dyn Stage>>) -> Self {
        Self(stages)
    }

    /// The stages the pipeline runs: URLs first, since hashtags and mentions inside a URL are none; language last,
    /// since it looks at what the others leave over.
    pub fn standard() -> Self {
        Self(vec![
            Box::new(Urls),
            Box::new(Hashtags::default()),
            Box::new(Mentions),
            Box::new(Cashtags),
            Box::new(Emojis),
            Box::new(Prices),
            Box::new(SentimentOf),
            Box::new(CallsToAction),
            Box::new(LanguageOf),
        ])
    }

    /// `name@version` of each stage, in order.
    pub fn label(&self) -> Vec<String> {
        self.0.iter().map(|stage| format!("{}@{}", stage.name(), stage.version())).collect()
    }

    /// Runs all stages over one caption.
    pub fn run(&self, caption: &Caption<'_>) -> Enrichment {
        let mut findings = CaptionFindings::default();
        for stage in &self.0 {
            stage.apply(caption, &mut findings);
        }
        Enrichment { findings, stages: self.label() }
    }
}

impl Default for Stages {
    fn default() -> Self {
        Self::standard()
    }
}

impl std::fmt::Debug for Stages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stages").field(&self.label()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_every_stage() {
        let stages = Stages::standard();
        let names =
            "urls@1 hashtags@1 mentions@1 cashtags@1 emojis@1 prices@1 sentiment@1 calls_to_action@1 language@2";
        assert_eq!(stages.label().join(" "), names);
        assert_eq!(stages.run(&Caption::plain("x")).stages, stages.label());
    }

    #[test]
    fn source_spans_win_over_own_findings() {
        let entities = [
            CaptionEntity { kind: "hashtag".into(), start_utf16: 3, end_utf16: 8, ..CaptionEntity::default() },
            CaptionEntity { kind: "mention".into(), start_utf16: 9, end_utf16: 19, ..CaptionEntity::default() },
        ];
        let caption = Caption { entities: &entities, ..Caption::plain("😀 #1000 @Kai Cenat #x") };
        let found = Stages::standard().run(&caption).findings;
        let texts = |spans: &[tidelake_schemas::TextSpan]| spans.iter().map(|s| s.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&found.hashtags), ["1000", "x"]);
        assert_eq!(texts(&found.mentions), ["Kai Cenat"]);
        assert_eq!(found.hashtags[0].start, 5);
    }
}
