//! One line of text or JSON in, findings as JSON out: what `tidelake enrich` does with each line.

use crate::{Caption, Stages};
use serde::Serialize;
use serde_json::Value;
use tidelake_schemas::{
    CallToAction, CaptionFindings, Category, Enrichment, Keyword, Language, Offer, PriceFinding, Product, Sentiment,
    Seo, TextSpan, TransformerFindings, json,
};

/// Fields of a JSON object that may hold the caption, best first.
const TEXT_FIELDS: [&str; 4] = ["text", "caption", "desc", "video_description"];

/// What is reported of one line.
#[derive(Debug, Serialize)]
pub struct Enriched {
    /// The line's own id, if it was JSON that had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The caption.
    pub text: String,
    /// Its language.
    pub language: Language,
    /// Hashtags without `#`.
    pub hashtags: Vec<String>,
    /// Mentions without `@`.
    pub mentions: Vec<String>,
    /// Cashtags without `$`.
    pub cashtags: Vec<String>,
    /// URLs as written.
    pub urls: Vec<String>,
    /// Emoji as written.
    pub emojis: Vec<String>,
    /// Prices, with their UTF-8 byte offsets.
    pub prices: Vec<PriceFinding>,
    /// Reductions and codes, with UTF-8 byte offsets.
    pub offers: Vec<Offer>,
    /// Products, with UTF-8 byte offsets.
    pub products: Vec<Product>,
    /// How it feels; null for captions without words.
    pub sentiment: Option<Sentiment>,
    /// What it asks its reader to do, with UTF-8 byte offsets.
    pub cta: Vec<CallToAction>,
    /// What it is about, best first, with UTF-8 byte offsets.
    pub keywords: Vec<Keyword>,
    /// Normalised labels.
    pub tags: Vec<String>,
    /// Subjects of the taxonomy, best first, with the words that say so.
    pub categories: Vec<Category>,
    /// How the video could be titled and found; null for captions without words.
    pub seo: Option<Seo>,
    /// The words of hashtags that run several together, with the hashtag's byte offsets.
    pub hashtag_words: Vec<TextSpan>,
    /// What transformer models say, where they run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformers: Option<TransformerFindings>,
    /// Hashtags, mentions, cashtags, URLs and emoji with byte offsets.
    pub spans: Spans,
}

/// Findings with their UTF-8 byte offsets.
#[derive(Debug, Serialize)]
pub struct Spans {
    /// Hashtags; the offsets include `#`.
    pub hashtags: Vec<TextSpan>,
    /// Mentions; the offsets include `@`.
    pub mentions: Vec<TextSpan>,
    /// Cashtags; the offsets include `$`.
    pub cashtags: Vec<TextSpan>,
    /// URLs.
    pub urls: Vec<TextSpan>,
    /// Emoji.
    pub emojis: Vec<TextSpan>,
}

/// One line with what is found in its caption.
#[derive(Debug)]
pub struct Found {
    /// The line's own id, if it was JSON that had one.
    pub id: Option<String>,
    /// The caption.
    pub text: String,
    /// What is found in it.
    pub enrichment: Enrichment,
}

/// Runs the stages over one line: plain text, a JSON string, or a JSON object with the caption in `text`, `caption`,
/// `desc` or `video_description`, and beside it perhaps `region` and `currency_hint`. A line that looks like JSON but is
/// none is taken as text.
pub fn find(stages: &Stages, line: &str) -> Found {
    let line = read(line);
    let enrichment = stages.run(&line.caption());
    Found { id: line.id, text: line.text, enrichment }
}

impl Found {
    /// As it is written for programs.
    pub fn report(self) -> Enriched {
        report(self.id, self.text, self.enrichment.findings)
    }
}

/// The id, if any, and the caption of one line, as [`find`] reads it.
pub fn caption(line: &str) -> (Option<String>, String) {
    let Line { id, text, .. } = read(line);
    (id, text)
}

#[derive(Default)]
struct Line {
    id: Option<String>,
    text: String,
    language: Option<String>,
    region: Option<String>,
    currency_hint: Option<String>,
}

impl Line {
    fn caption(&self) -> Caption<'_> {
        Caption {
            source_language: self.language.as_deref(),
            region: self.region.as_deref(),
            currency_hint: self.currency_hint.as_deref(),
            ..Caption::plain(&self.text)
        }
    }
}

fn read(line: &str) -> Line {
    let line = line.trim_end_matches(['\r', '\n']);
    let head = line.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let parsed = if head.starts_with(['{', '"']) { json::from_slice(head.as_bytes()).ok() } else { None };
    match parsed {
        Some(Value::String(text)) => Line { text, ..Line::default() },
        Some(Value::Object(fields)) => from_object(&fields),
        _ => Line { text: line.trim_start_matches('\u{feff}').to_owned(), ..Line::default() },
    }
}

fn from_object(fields: &serde_json::Map<String, Value>) -> Line {
    let string = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    Line {
        id: fields.get("id").and_then(as_id),
        text: TEXT_FIELDS.iter().find_map(|name| string(name)).unwrap_or_default(),
        language: string("textLanguage").or_else(|| string("source_language")),
        region: string("region").or_else(|| string("region_code")),
        currency_hint: string("currency_hint"),
    }
}

fn as_id(value: &Value) -> Option<String> {
    match value {
        Value::String(id) => Some(id.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn report(id: Option<String>, text: String, found: CaptionFindings) -> Enriched {
    let texts = |spans: &[TextSpan]| spans.iter().map(|span| span.text.clone()).collect();
    Enriched {
        id,
        text,
        hashtags: texts(&found.hashtags),
        mentions: texts(&found.mentions),
        cashtags: texts(&found.cashtags),
        urls: texts(&found.urls),
        emojis: texts(&found.emojis),
        prices: found.prices,
        offers: found.offers,
        products: found.products,
        sentiment: found.sentiment,
        cta: found.calls_to_action,
        keywords: found.keywords,
        tags: found.tags,
        categories: found.categories,
        seo: found.seo,
        hashtag_words: found.hashtag_words,
        language: found.language,
        transformers: found.transformers,
        spans: Spans {
            hashtags: found.hashtags,
            mentions: found.mentions,
            cashtags: found.cashtags,
            urls: found.urls,
            emojis: found.emojis,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(line: &str) -> Value {
        serde_json::to_value(find(&Stages::standard(), line).report()).expect("JSON")
    }

    #[test]
    fn text_string_and_object() {
        for given in ["hi #a @b 😀", r##""hi #a @b 😀""##, r##"{"caption":"hi #a @b \ud83d\ude00"}"##] {
            let found = line(given);
            assert_eq!(found["hashtags"][0], "a", "{given}");
            assert_eq!(found["mentions"][0], "b", "{given}");
            assert_eq!(found["emojis"][0], "😀", "{given}");
            assert_eq!(found["spans"]["hashtags"][0]["start"], 3, "{given}");
        }
    }

    #[test]
    fn ids_are_strings() {
        assert_eq!(line(r#"{"id":7312345678901234567,"text":"x"}"#)["id"], "7312345678901234567");
        assert_eq!(line(r#"{"id":"a","desc":"x"}"#)["id"], "a");
        assert!(line(r#"{"text":"x"}"#).get("id").is_none());
    }

    #[test]
    fn broken_json() {
        assert_eq!(line("{not json #a")["hashtags"][0], "a");
        assert_eq!(line(r#"{"text":"a\ud83d"}"#)["text"], "a\u{fffd}");
        assert_eq!(line("{}")["text"], "");
    }

    #[test]
    fn fields_in_order() {
        let found = find(&Stages::standard(), r#"{"id":1,"text":""}"#).report();
        let found = serde_json::to_string(&found).expect("JSON");
        let start = r#"{"id":"1","text":"","language":{"code":"und","confidence":0.0},"hashtags":[],"mentions":[],"cashtags":[],"urls":[],"emojis":[],"prices":[],"offers":[],"products":[],"sentiment":null,"cta":[],"keywords":[],"tags":[],"categories":[],"seo":null,"hashtag_words":[],"spans":"#;
        assert!(found.starts_with(start), "{found}");
    }
}
