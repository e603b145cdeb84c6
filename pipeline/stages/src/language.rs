//! The language of a caption: its script where that decides, else the letters of its words.
//!
//! URLs, hashtags, mentions, cashtags and emoji are no evidence.
//!
//! A confidence is the posterior of the language among those of its script: a softmax over what the text costs each,
//! scaled by [`TEMPERATURE`], since the letters of real texts tell less than those of the models' own; that was fitted
//! to program messages in 35 languages, which no model was made of. Where the script decides, it is 1.

use crate::ngrams::{self, Costs};
use crate::script::{self, Evidence};
use crate::{Caption, Stage, text};
use tidelake_schemas::{CaptionFindings, Language};
use unicode_normalization::UnicodeNormalization;

/// Letters that are looked at; more would not change the verdict.
const MAX_BYTES: usize = 1200;
/// Candidates kept per verdict.
const CANDIDATES: usize = 3;
/// Below this confidence the source's own statement decides between our candidates.
const DOUBT: f64 = 0.5;
/// A candidate must have this share of the best one's confidence for that.
const SHARE: f64 = 0.25;
/// Nats of evidence per half nat of cost; 0.5 would take the models at their word.
const TEMPERATURE: f64 = 0.35;
/// Nats that languages of few speakers must make up for: less than a tenth write Marathi of those who write Hindi, and
/// the others have fewer than three million.
const RARER: [(&str, f64); 5] = [("et", 1.0), ("lt", 1.0), ("lv", 1.0), ("mr", 2.0), ("sl", 1.0)];

/// Tells the language.
#[derive(Clone, Copy, Debug, Default)]
pub struct LanguageOf;

impl Stage for LanguageOf {
    fn name(&self) -> &'static str {
        "language"
    }

    fn version(&self) -> u32 {
        2
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let letters = letters(caption.text, findings);
        findings.language = choose(&verdict(&letters), caption.source_language);
    }
}

type Verdict = Vec<(&'static str, f64)>;

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
fn verdict(letters: &str) -> Verdict {
    match script::evidence(letters) {
        Evidence::None | Evidence::Unknown => Verdict::new(),
        Evidence::Decided(code) => vec![(code, 1.0)],
        Evidence::Shared(script) => posterior(&ngrams::costs(letters, script), ngrams::languages(script)),
    }
}

/// The likeliest languages, with their probabilities.
fn posterior(costs: &Costs, languages: &[&'static str]) -> Verdict {
    let rarer = |code: &str| RARER.iter().find(|(rare, _)| *rare == code).map_or(0.0, |(_, nats)| *nats);
    let nats = languages.iter().zip(costs).map(|(code, &cost)| -f64::from(cost) * TEMPERATURE - rarer(code));
    let mut found: Verdict = languages.iter().copied().zip(nats).collect();
    let best = found.iter().map(|&(_, nats)| nats).fold(f64::MIN, f64::max);
    found.iter_mut().for_each(|(_, nats)| *nats = (*nats - best).exp());
    let all: f64 = found.iter().map(|&(_, weight)| weight).sum();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    found.truncate(CANDIDATES);
    found.iter_mut().for_each(|(_, weight)| *weight = (*weight / all * 1e6).round() / 1e6);
    found
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
    // Letters and accents that come apart are put together, as the n-grams have them.
    if text.contains(|c| ('\u{300}'..='\u{36f}').contains(&c)) {
        text.nfc().for_each(|c| push(out, c));
    } else {
        text.chars().for_each(|c| push(out, c));
    }
}

fn push(out: &mut String, c: char) {
    if out.len() >= MAX_BYTES {
        return;
    }
    match plain(c) {
        '\'' | '’' | 'ʼ' if !out.ends_with([' ', '\'']) && !out.is_empty() => out.push('\''),
        c if text::is_letter_or_mark(c) || matches!(c, '\u{200c}' | '々') => out.extend(c.to_lowercase()),
        _ => push_space(out),
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
            ("To\u{302}i khong bie\u{302}\u{301}t no\u{301}i gi\u{300} nu\u{31b}\u{303}a", "vi"),
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
    }
}
