//! The language of a caption: its script where that decides, its trigrams where they are clear, else lingua's n-gram
//! models, which are many times slower.
//!
//! URLs, hashtags, mentions, cashtags and emoji are no evidence. Verdicts are memoised by the letters that remain, so
//! that a caption observed again costs a look-up; the memo never changes an answer.

use crate::script::{self, Evidence, Script};
use crate::trigrams::{self, Look};
use crate::{Caption, Stage, text};
use lingua::{Language as Known, LanguageDetector, LanguageDetectorBuilder};
use moka::sync::Cache;
use std::sync::{Arc, LazyLock};
use tidelake_schemas::{CaptionFindings, Language};

/// Letters that are looked at; more would not change the verdict.
const MAX_BYTES: usize = 1200;
/// Verdicts kept.
const MEMO: u64 = 50_000;
/// Detectors kept, one per set of languages.
const DETECTORS_KEPT: u64 = 1_000;
/// Candidates kept per verdict.
const CANDIDATES: usize = 3;
/// From this confidence on, Marathi is believed.
const MARATHI: f64 = 0.7;
/// Below this confidence the source's own statement decides between our candidates.
const DOUBT: f64 = 0.5;
/// A candidate must have this share of the best one's confidence for that.
const SHARE: f64 = 0.25;

/// Tells the language.
#[derive(Clone, Copy, Debug, Default)]
pub struct LanguageOf;

impl Stage for LanguageOf {
    fn name(&self) -> &'static str {
        "language"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let letters = letters(caption.text, findings);
        findings.language = choose(&verdict(&letters), caption.source_language);
    }
}

type Verdict = Vec<(&'static str, f64)>;

static VERDICTS: LazyLock<Cache<String, Arc<Verdict>>> = LazyLock::new(|| Cache::new(MEMO));

/// The best candidate, or the source's one where we are in doubt and it is among ours.
fn choose(verdict: &Verdict, source: Option<&str>) -> Language {
    let Some(&best) = verdict.first() else {
        return Language::default();
    };
    let stated = source.map(|code| code.split(['-', '_']).next().unwrap_or(code).to_ascii_lowercase());
    let agreed = verdict.iter().find(|(code, share)| stated.as_deref() == Some(code) && *share >= best.1 * SHARE);
    let (code, confidence) = agreed.copied().filter(|_| best.1 < DOUBT).unwrap_or(best);
    Language { code: code.to_owned(), confidence }
}

/// The candidates for cleaned text, best first; empty without evidence.
fn verdict(letters: &str) -> Arc<Verdict> {
    match script::evidence(letters) {
        Evidence::None | Evidence::Unknown => Arc::default(),
        Evidence::Decided(code) => Arc::new(vec![(code, 1.0)]),
        Evidence::Shared(script) => {
            let words = only(letters, script);
            if let Some(known) = VERDICTS.get(words.as_str()) {
                return known;
            }
            let fresh = Arc::new(detect(&words, script));
            VERDICTS.insert(words, Arc::clone(&fresh));
            fresh
        }
    }
}

/// Judges words of one script.
fn detect(words: &str, script: Script) -> Verdict {
    let languages = match script {
        Script::Cyrillic => CYRILLIC_LANGUAGES,
        Script::Arabic => ARABIC_LANGUAGES,
        Script::Devanagari => return hindi_or_marathi(words),
        _ => LATIN_LANGUAGES,
    };
    match trigrams::look(words) {
        Look::Clear(code, confidence) => vec![(code, confidence)],
        Look::Among(codes) => {
            let close: Vec<Known> =
                languages.iter().copied().filter(|&language| codes.contains(&code(language))).collect();
            ask(words, if close.len() < 2 { languages } else { &close })
        }
        Look::Dark => ask(words, languages),
    }
}

/// Hindi, which is far more frequent, unless Marathi is likely.
fn hindi_or_marathi(words: &str) -> Verdict {
    let mut found = ask(words, DEVANAGARI_LANGUAGES);
    let doubtful = found.first().is_some_and(|&(code, confidence)| code == "mr" && confidence < MARATHI);
    if doubtful && found.len() > 1 {
        found.swap(0, 1);
    }
    found
}

/// Asks lingua. Confidences are rounded, since it adds them up in no fixed order.
fn ask(words: &str, languages: &[Known]) -> Verdict {
    let mut found: Verdict = detector(languages)
        .compute_language_confidence_values(words)
        .into_iter()
        .map(|(language, confidence)| (code(language), (confidence * 1e6).round() / 1e6))
        .filter(|&(_, confidence)| confidence > 0.0)
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    found.truncate(CANDIDATES);
    found
}

/// A detector for these languages; they share their models, so that many detectors cost little.
fn detector(languages: &[Known]) -> Arc<LanguageDetector> {
    static DETECTORS: LazyLock<Cache<Vec<Known>, Arc<LanguageDetector>>> = LazyLock::new(|| Cache::new(DETECTORS_KEPT));
    if let Some(built) = DETECTORS.get(languages) {
        return built;
    }
    let built = Arc::new(LanguageDetectorBuilder::from_languages(languages).build());
    DETECTORS.insert(languages.to_vec(), Arc::clone(&built));
    built
}

const DEVANAGARI_LANGUAGES: &[Known] = &[Known::Hindi, Known::Marathi];
const ARABIC_LANGUAGES: &[Known] = &[Known::Arabic, Known::Persian, Known::Urdu];
const CYRILLIC_LANGUAGES: &[Known] = &[Known::Bulgarian, Known::Russian, Known::Serbian, Known::Ukrainian];
const LATIN_LANGUAGES: &[Known] = &[
    Known::Bokmal,
    Known::Catalan,
    Known::Croatian,
    Known::Czech,
    Known::Danish,
    Known::Dutch,
    Known::English,
    Known::Estonian,
    Known::Finnish,
    Known::French,
    Known::German,
    Known::Hungarian,
    Known::Indonesian,
    Known::Italian,
    Known::Latvian,
    Known::Lithuanian,
    Known::Malay,
    Known::Polish,
    Known::Portuguese,
    Known::Romanian,
    Known::Slovak,
    Known::Slovene,
    Known::Spanish,
    Known::Swahili,
    Known::Swedish,
    Known::Tagalog,
    Known::Turkish,
    Known::Vietnamese,
];

/// ISO 639-1, Norwegian as `no`.
fn code(language: Known) -> &'static str {
    match language {
        Known::Arabic => "ar",
        Known::Bokmal => "no",
        Known::Bulgarian => "bg",
        Known::Catalan => "ca",
        Known::Croatian => "hr",
        Known::Czech => "cs",
        Known::Danish => "da",
        Known::Dutch => "nl",
        Known::English => "en",
        Known::Estonian => "et",
        Known::Finnish => "fi",
        Known::French => "fr",
        Known::German => "de",
        Known::Hindi => "hi",
        Known::Hungarian => "hu",
        Known::Indonesian => "id",
        Known::Italian => "it",
        Known::Latvian => "lv",
        Known::Lithuanian => "lt",
        Known::Malay => "ms",
        Known::Marathi => "mr",
        Known::Persian => "fa",
        Known::Polish => "pl",
        Known::Portuguese => "pt",
        Known::Romanian => "ro",
        Known::Russian => "ru",
        Known::Serbian => "sr",
        Known::Slovak => "sk",
        Known::Slovene => "sl",
        Known::Spanish => "es",
        Known::Swahili => "sw",
        Known::Swedish => "sv",
        Known::Tagalog => "tl",
        Known::Turkish => "tr",
        Known::Ukrainian => "uk",
        Known::Urdu => "ur",
        Known::Vietnamese => "vi",
        _ => "und",
    }
}

/// The caption's own words: lower case, single spaces, without what other stages found.
fn letters(caption: &str, findings: &CaptionFindings) -> String {
    let mut out = String::with_capacity(caption.len().min(MAX_BYTES));
    let mut at = 0;
    for (start, end) in gaps(findings) {
        if start >= at {
            push_words(&mut out, &caption[at..start]);
        }
        at = at.max(end);
    }
    push_words(&mut out, &caption[at..]);
    out.truncate(out.trim_end().len());
    out
}

/// What other stages found, in order of appearance.
fn gaps(findings: &CaptionFindings) -> Vec<(usize, usize)> {
    let CaptionFindings { hashtags, mentions, cashtags, urls, emojis, .. } = findings;
    let mut gaps: Vec<_> =
        [hashtags, mentions, cashtags, urls, emojis].into_iter().flatten().map(text::range).collect();
    gaps.sort_unstable();
    gaps
}

fn push_words(out: &mut String, text: &str) {
    push_space(out);
    for c in text.chars() {
        if out.len() >= MAX_BYTES {
            return;
        }
        match plain(c) {
            '\'' | '’' | 'ʼ' if !out.ends_with([' ', '\'']) && !out.is_empty() => out.push('\''),
            c if text::is_letter_or_mark(c) || matches!(c, '\u{200c}' | '々') => out.extend(c.to_lowercase()),
            _ => push_space(out),
        }
    }
}

fn push_space(out: &mut String) {
    if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
}

/// The plain letter behind a mathematical or full-width one, which captions use for looks.
fn plain(c: char) -> char {
    let latin = |index: u32| char::from_u32(if index < 26 { 0x41 + index } else { 0x61 + index - 26 }).unwrap_or(c);
    match c {
        '\u{1d400}'..='\u{1d6a3}' => latin((u32::from(c) - 0x1d400) % 52),
        '\u{ff21}'..='\u{ff3a}' => latin(u32::from(c) - 0xff21),
        '\u{ff41}'..='\u{ff5a}' => latin(u32::from(c) - 0xff41 + 26),
        _ => c,
    }
}

/// The words of one script.
fn only(letters: &str, script: Script) -> String {
    let mut out = String::with_capacity(letters.len());
    for c in letters.chars() {
        match script::of(c) {
            Some(other) if other != script => push_space(&mut out),
            _ if c == ' ' => push_space(&mut out),
            _ => out.push(c),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stages;

    fn language(text: &str) -> Language {
        Stages::standard().run(&Caption::plain(text)).findings.language
    }

    #[test]
    fn no_evidence() {
        for text in ["", "  ", "#hello #world", "@nasa 😀 12:30 !!!", "https://example.com/hello", "ქართული"]
        {
            assert_eq!(language(text), Language::default(), "{text}");
        }
    }

    #[test]
    fn evidence() {
        for (text, code) in [
            ("This is how we do it every morning #fyp", "en"),
            ("Dette er noe av det beste jeg har sett på lenge", "no"),
            ("Kamusta kayong lahat, ang ganda ng araw ngayon", "tl"),
            ("Сьогодні дуже гарний день", "uk"),
            ("یہ بہت اچھا ہے", "ur"),
            ("𝓣𝓱𝓲𝓼 𝓲𝓼 𝓱𝓸𝔀 𝔀𝓮 𝓭𝓸 𝓲𝓽", "en"),
            ("सुबह की चाय", "hi"),
            ("आज सकाळी मी शाळेत गेलो होतो आणि खूप मजा आली", "mr"),
            ("Danes je res lep dan in gremo na sprehod", "sl"),
        ] {
            let found = language(text);
            assert_eq!(found.code, code, "{text}: {found:?}");
            assert!(found.confidence > 0.0 && found.confidence <= 1.0);
        }
    }

    #[test]
    fn the_source_settles_doubts_only() {
        let doubt = vec![("es", 0.4), ("pt", 0.3), ("it", 0.01)];
        assert_eq!(choose(&doubt, Some("pt-BR")).code, "pt");
        assert_eq!(choose(&doubt, Some("it")).code, "es");
        assert_eq!(choose(&vec![("es", 0.9), ("pt", 0.3)], Some("pt")).code, "es");
        assert_eq!(choose(&Vec::new(), Some("pt")).code, "und");
    }

    #[test]
    fn cleaning() {
        let findings = CaptionFindings { hashtags: vec![text::span("b", 2, 4)], ..CaptionFindings::default() };
        assert_eq!(letters("A #b don’t  ЯК 5", &findings), "a don't як");
        assert_eq!(only("a don't як", Script::Latin), "a don't");
    }
}
