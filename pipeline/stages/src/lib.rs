//! Pure functions from a caption to findings. No I/O, no clock, no Kafka.
//!
//! A [`Stage`] reads a [`Caption`] and what earlier stages found, and adds its own findings. [`Stages::standard`]
//! is the list the pipeline runs. The same caption always gives the same findings.
//!
//! Hashtags, mentions, cashtags and URLs follow twitter-text's rules, with TikTok's differences stated in each room.

mod calls;
mod cashtags;
mod categories;
mod emoji;
mod feed_words;
mod glossary;
mod hashtag_words;
mod hashtags;
mod keywords;
mod language;
pub mod lines;
mod lower;
mod mentions;
mod ngrams;
mod offers;
mod prices;
mod products;
mod script;
mod sentiment;
mod seo;
mod source;
mod tags;
mod text;
mod tlds;
mod urls;

pub use calls::CallsToAction;
pub use cashtags::Cashtags;
pub use categories::{Categories, taxonomy};
pub use emoji::Emojis;
pub use hashtag_words::HashtagWords;
pub use hashtags::{Adjacent, Hashtags};
pub use keywords::Keywords;
pub use language::LanguageOf;
pub use mentions::Mentions;
pub use offers::Offers;
pub use prices::Prices;
pub use products::{Catalogue, Products, TooLarge};
pub use sentiment::SentimentOf;
pub use seo::SearchWords;
pub use tags::Tags;
pub use urls::Urls;

use std::sync::Arc;
use tidelake_schemas::projection::CaptionFields;
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

impl<'a> From<&'a CaptionFields> for Caption<'a> {
    fn from(fields: &'a CaptionFields) -> Self {
        Self {
            text: fields.caption.as_deref().unwrap_or_default(),
            entities: &fields.caption_entities,
            source_language: fields.source_language.as_deref(),
            region: fields.region.as_deref(),
            currency_hint: None,
        }
    }
}

/// One pure step of enrichment.
pub trait Stage: Send + Sync {
    /// Lower-case name, stable for ever.
    fn name(&self) -> &'static str;
    /// Raised whenever the same caption may give other findings than before.
    fn version(&self) -> u32;
    /// What a row says of the stage that made it: `name@version`, and behind a `+` what else decides what it finds.
    fn label(&self) -> String {
        format!("{}@{}", self.name(), self.version())
    }
    /// Adds what this stage finds. It may read what earlier stages found.
    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings);
}

/// An ordered list of stages.
pub struct Stages {
    stages: Vec<Box<dyn Stage>>,
    labels: Vec<String>,
}

impl Stages {
    /// A list of one's own.
    pub fn new(stages: Vec<Box<dyn Stage>>) -> Self {
        let labels = stages.iter().map(|stage| stage.label()).collect();
        Self { stages, labels }
    }

    /// The stages the pipeline runs: URLs first, since hashtags and mentions inside a URL are none; language
    /// after all that is no evidence of one, and before the stages that want to know it; subjects and search words last,
    /// since they are made of all the others found.
    pub fn standard() -> Self {
        Self::with_products(Products::default())
    }

    /// [`Self::standard`] with the user's catalogue of products.
    pub fn with_catalogue(catalogue: Arc<Catalogue>) -> Self {
        Self::with_products(Products::of(catalogue))
    }

    fn with_products(products: Products) -> Self {
        Self::new(vec![
            Box::new(Urls),
            Box::new(Hashtags::default()),
            Box::new(Mentions),
            Box::new(Cashtags),
            Box::new(Emojis),
            Box::new(LanguageOf),
            Box::new(Prices),
            Box::new(Offers),
            Box::new(products),
            Box::new(SentimentOf),
            Box::new(CallsToAction),
            Box::new(HashtagWords),
            Box::new(Keywords),
            Box::new(Categories),
            Box::new(Tags),
            Box::new(SearchWords),
        ])
    }

    /// The label of each stage, in order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Each stage, in order.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Stage> {
        self.stages.iter().map(AsRef::as_ref)
    }

    /// Runs all stages over one caption.
    pub fn run(&self, caption: &Caption<'_>) -> Enrichment {
        let mut findings = CaptionFindings::default();
        for stage in &self.stages {
            stage.apply(caption, &mut findings);
        }
        Enrichment { findings, stages: self.labels.clone() }
    }
}

impl Default for Stages {
    fn default() -> Self {
        Self::standard()
    }
}

impl std::fmt::Debug for Stages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stages").field(&self.labels).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_name_every_stage() {
        let stages = Stages::standard();
        let names = "urls@1 hashtags@1 mentions@1 cashtags@1 emojis@1 language@2 prices@1 offers@1 products@1 \
                     sentiment@1 calls_to_action@1 hashtag_words@1 keywords@1 categories@1 tags@1 seo@1";
        assert_eq!(stages.labels().join(" "), names);
        assert_eq!(stages.run(&Caption::plain("x")).stages, stages.labels());
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
