//! How a video could be titled and found.
//!
//! The title is the first sentence or clause of the caption, without links, hashtags and emoji, cut at a word to 60
//! characters: what search results show of a title. A caption of hashtags alone is titled by their words. The words to be
//! found by are its keywords, the words of its hashtags, and its subjects.

use crate::feed_words;
use crate::glossary::has_words;
use crate::text::{is_space, ranges};
use crate::{Caption, Stage};
use tidelake_schemas::{CaptionFindings, Seo, TextSpan};

/// Characters of a title, with the mark that it was cut.
const LONGEST_TITLE: usize = 60;
/// A sentence with fewer characters is no title without the next one: "Wow!"
const SHORTEST_TITLE: usize = 12;
/// Hashtags in a title made of them.
const MOST_TAGS: usize = 4;
/// Words to be found by; of them, keywords before all else.
const MOST_WORDS: usize = 10;
const KEYWORDS_FIRST: usize = 6;

/// The stage: title and words for search.
#[derive(Clone, Copy, Debug, Default)]
pub struct SearchWords;

impl Stage for SearchWords {
    fn name(&self) -> &'static str {
        "seo"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let title = title(&plain(caption.text, findings)).or_else(|| title_of_tags(findings));
        findings.seo = title.map(|title| Seo { title, keywords: search_words(findings) });
    }
}

/// The caption without links, emoji and hashtags, where emoji and hashtags end a clause. Hashtags amid words stay, as words.
fn plain(text: &str, found: &CaptionFindings) -> String {
    let tags = ranges(&found.hashtags).zip(found.hashtags.iter().map(Some));
    let others = [&found.urls, &found.emojis].into_iter().flat_map(|spans| ranges(spans)).map(|place| (place, None));
    let mut spans: Vec<_> = tags.chain(others).collect();
    spans.sort_by_key(|(place, _)| place.start);
    let (mut plain, mut from) = (String::with_capacity(text.len()), 0);
    for (i, (place, tag)) in spans.iter().enumerate() {
        if place.start < from {
            continue;
        }
        plain.push_str(&text[from..place.start]);
        from = place.end;
        let next = spans.get(i + 1).map_or(text.len(), |(next, _)| next.start).max(from);
        let amid = || {
            goes_on(&text[from..next])
                && plain.trim_end_matches(' ').ends_with(|c: char| c.is_alphanumeric() || c == ',')
        };
        match tag {
            Some(tag) if amid() => plain.push_str(words_of(tag, found)),
            _ => plain.push('\n'),
        }
    }
    plain.push_str(&text[from..]);
    plain
}

/// Does a sentence go on in the text after a hashtag?
fn goes_on(text: &str) -> bool {
    let line = text.split('\n').next().unwrap_or_default();
    line.trim_start_matches([' ', ',']).starts_with(char::is_alphanumeric)
}

/// The words of a hashtag, or the hashtag.
fn words_of<'a>(tag: &'a TextSpan, found: &'a CaptionFindings) -> &'a str {
    let at = found.hashtag_words.binary_search_by_key(&tag.start, |words| words.start);
    at.map_or(tag.text.as_str(), |at| found.hashtag_words[at].text.as_str())
}

/// The first sentence with words, and more if it is very short.
fn title(plain: &str) -> Option<String> {
    let mut title = String::new();
    for sentence in sentences(plain).filter(|sentence| has_words(sentence)) {
        if !title.is_empty() {
            if !title.ends_with(['!', '?', '…']) {
                title.push(',');
            }
            title.push(' ');
        }
        let words = sentence.split(is_space).filter(|word| !word.is_empty());
        title.push_str(&words.collect::<Vec<_>>().join(" "));
        let length = title.chars().count();
        if length >= SHORTEST_TITLE || !title.is_ascii() && length >= SHORTEST_TITLE / 2 {
            break;
        }
    }
    let trimmed = title
        .trim_matches(|c: char| is_space(c) || matches!(c, '-' | '–' | '—' | '|' | '•' | ',' | ';' | ':' | '*' | '~'));
    has_words(trimmed).then(|| shortened(trimmed))
}

/// Sentences and clauses; question and exclamation marks stay with them, full stops do not.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let (sentence, tail) = rest.split_at(sentence_end(rest));
            rest = tail;
            sentence.trim_end_matches(['.', '。', '\n', ' ', '|', '।'])
        })
    })
}

fn sentence_end(text: &str) -> usize {
    let ends = |c: char| matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '।' | '؟');
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let next = text[end..].chars().next();
        let spaced = next.is_none_or(|c| is_space(c) || c == '\n');
        let sentence = matches!(c, '。' | '！' | '？') && !next.is_some_and(ends) || ends(c) && spaced;
        if matches!(c, '\n' | '|') || sentence {
            return end;
        }
    }
    text.len()
}

/// Cut at a word, or in scripts without spaces anywhere, so that the mark still fits.
fn shortened(title: &str) -> String {
    let Some((cut, _)) = title.char_indices().nth(LONGEST_TITLE - 1).filter(|_| title.chars().count() > LONGEST_TITLE)
    else {
        return title.to_owned();
    };
    let end = if title[cut..].starts_with(is_space) { cut } else { title[..cut].rfind(is_space).unwrap_or(cut) };
    let mark = |c: char| !c.is_alphanumeric() && !matches!(c, ')' | '"' | '\'') && !crate::text::is_letter_or_mark(c);
    format!("{}…", title[..end].trim_end_matches(mark))
}

/// The words of the first hashtags that are not for the feed, in title case.
fn title_of_tags(found: &CaptionFindings) -> Option<String> {
    let tags = found.hashtags.iter().filter(|tag| !feed_words::contains(&tag.text) && has_words(&tag.text));
    let mut words: Vec<String> = Vec::new();
    for tag in tags.take(MOST_TAGS) {
        let cased = words_of(tag, found).split(['_', ' ']).map(capitalised).collect::<Vec<_>>().join(" ");
        if !words.contains(&cased) {
            words.push(cased);
        }
    }
    (!words.is_empty()).then(|| shortened(&words.join(", ")))
}

fn capitalised(word: &str) -> String {
    let mut rest = word.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn search_words(found: &CaptionFindings) -> Vec<String> {
    let keywords = || found.keywords.iter().map(|keyword| keyword.text.as_str());
    let tags = found.hashtag_words.iter().filter(|words| !feed_words::contains(&words.text.replace(' ', "")));
    let subjects = found.categories.iter().filter_map(|category| category.name.rsplit('/').next());
    let mut words: Vec<String> = Vec::new();
    let all = keywords().take(KEYWORDS_FIRST).chain(tags.map(|tag| tag.text.as_str())).chain(subjects);
    for word in all.chain(keywords().skip(KEYWORDS_FIRST)) {
        if words.len() < MOST_WORDS && !words.iter().any(|other| other == word) {
            words.push(word.to_owned());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stages;

    fn seo(text: &str) -> Option<Seo> {
        Stages::standard().run(&Caption::plain(text)).findings.seo
    }

    #[test]
    fn titles() {
        for (text, title) in [
            ("Cozy sweaters for fall 🧶 link in bio! #fashion", "Cozy sweaters for fall"),
            ("Wow! This pasta is  great. Try it https://x.com", "Wow! This pasta is great"),
            ("I love my #goldenretriever so much #dogs", "I love my golden retriever so much"),
            ("#smallbusinesscheck #fyp #diy", "Small Business Check, Diy"),
            ("3 tips\nfor you", "3 tips, for you"),
            ("New drop at 3.50 now", "New drop at 3.50 now"),
            ("今日の東京散歩。楽しかった", "今日の東京散歩"),
        ] {
            assert_eq!(seo(text).map(|seo| seo.title).as_deref(), Some(title), "{text}");
        }
    }

    #[test]
    fn long_titles_are_cut_at_a_word() {
        let title = seo(&"extraordinary words ".repeat(9)).map(|seo| seo.title).unwrap_or_default();
        assert_eq!(title, "extraordinary words extraordinary words extraordinary words…");
        assert_eq!(seo(&"字".repeat(99)).map(|seo| seo.title.chars().count()), Some(60));
    }

    #[test]
    fn no_words_no_title() {
        for text in ["", "😀😀", "#fyp #viral", "https://x.com", "..."] {
            assert_eq!(seo(text), None, "{text}");
        }
    }

    #[test]
    fn words_to_be_found_by() {
        let words = seo("Creamy garlic pasta recipe #easydinner").map(|seo| seo.keywords).unwrap_or_default();
        for word in ["easy dinner", "recipes"] {
            assert!(words.contains(&word.to_owned()), "{words:?}");
        }
        assert!(words.len() <= MOST_WORDS);
    }
}
