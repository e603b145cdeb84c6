//! The words of a caption in their places: what is left when links, mentions, prices, offers and emoji are taken out.

use super::stopwords::StopWords;
use crate::feed_words;
use crate::text::{is_digit, is_letter_or_mark, is_space, ranges};
use std::ops::Range;
use tidelake_schemas::{CaptionFindings, TextSpan};

/// Chinese particles and pronouns: nothing else shows where a word ends.
const PARTICLES: &str =
    "的了在是我你他她它们們不就也都很和与與及把被让讓给給吗嗎呢吧啊呀哦这這那个個着著过過又还還要会會能可来來去到";
/// Longer runs without spaces are clauses.
const LONGEST_HAN: usize = 6;
const LONGEST_UNSPACED: usize = 12;

/// A word in its place.
#[derive(Debug)]
pub(super) struct Word {
    /// Where it stands in the caption; words of a hashtag share the hashtag's place.
    pub place: Range<usize>,
    /// Where it stands in [`Words::lower`].
    pub lower: Range<usize>,
    /// Sentences before it.
    pub sentence: u32,
    /// Nothing but white space is between the word before and this one.
    pub joined: bool,
    /// Begins with a capital.
    pub capital: bool,
    /// Begins with a capital, and not because a sentence begins.
    pub proper: bool,
    /// Two letters or more, all capitals.
    pub acronym: bool,
    /// A word of a hashtag.
    pub tagged: bool,
    /// Begins with a digit.
    pub number: bool,
}

/// All words of a caption.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The words in lower case, with the ends of sentences.
    pub lower: String,
    pub list: Vec<Word>,
    /// How many sentences begin.
    pub sentences: u32,
    /// Nothing has stood since the last word, or since the last sentence.
    joined: bool,
    in_sentence: bool,
    elides: bool,
    chinese: bool,
}

impl Words {
    pub(super) fn of(text: &str, found: &CaptionFindings) -> Self {
        let language = found.language.code.as_str();
        let mut words = Self {
            lower: String::with_capacity(text.len() + 16),
            list: Vec::with_capacity(text.len() / 6),
            elides: matches!(language, "fr" | "it" | "ca"),
            chinese: language == "zh",
            ..Self::default()
        };
        let mut from = 0;
        for (place, tag) in apart(found) {
            if place.start < from {
                continue;
            }
            words.plain(text, from..place.start);
            words.joined = false;
            if let Some(tag) = tag {
                words.tag(tag, place.clone(), &found.hashtag_words);
            }
            from = place.end;
        }
        words.plain(text, from..text.len());
        words.sentences += u32::from(words.in_sentence);
        words.quieten();
        words
    }

    pub(super) fn text(&self, word: usize) -> &str {
        &self.lower[self.list[word].lower.clone()]
    }

    /// A hashtag's words, or the hashtag itself.
    fn tag(&mut self, tag: &TextSpan, place: Range<usize>, several: &[TextSpan]) {
        if feed_words::contains(&tag.text) {
            return;
        }
        let known =
            several.binary_search_by_key(&tag.start, |words| words.start).ok().map(|at| several[at].text.as_str());
        for text in known.unwrap_or(&tag.text).split(' ') {
            let at = self.lower.len();
            self.lower.extend(text.chars().flat_map(char::to_lowercase));
            self.push(Word {
                place: place.clone(),
                lower: at..self.lower.len(),
                sentence: self.sentences,
                joined: self.joined,
                capital: false,
                proper: false,
                acronym: false,
                tagged: true,
                number: text.starts_with(is_digit),
            });
        }
        self.joined = false;
    }

    fn plain(&mut self, text: &str, range: Range<usize>) {
        let mut start = None;
        let mut kind = Kind::Spaced;
        for (offset, c) in text[range.clone()].char_indices() {
            let at = range.start + offset;
            let now = self.kind(c);
            let goes_on = match (start, now) {
                (Some(_), Some(now)) => now == kind,
                (Some(_), None) => {
                    kind == Kind::Spaced && self.joins(c, &text[at + c.len_utf8()..range.end], &text[..at])
                }
                (None, _) => false,
            };
            if goes_on {
                continue;
            }
            if let Some(start) = start.take() {
                self.word(text, start..at, kind);
            }
            match now {
                Some(now) => {
                    self.joined &= at > range.start && text[..at].ends_with(is_space);
                    (start, kind) = (Some(at), now);
                }
                None => self.pass(c),
            }
        }
        if let Some(start) = start {
            self.word(text, start..range.end, kind);
        }
    }

    /// How a character of words is written; `None` for all that parts words.
    fn kind(&self, c: char) -> Option<Kind> {
        if c.is_ascii() {
            return c.is_ascii_alphanumeric().then_some(Kind::Spaced);
        }
        if !(is_letter_or_mark(c) || is_digit(c) || c == '\u{ad}') {
            return None;
        }
        match u32::from(c) {
            0x3005..=0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF => {
                (!(self.chinese && PARTICLES.contains(c))).then_some(Kind::Han)
            }
            0x3040..=0x309F => None,
            0x30A0..=0x30FF | 0x31F0..=0x31FF | 0xFF66..=0xFF9F => Some(Kind::Katakana),
            0xE00..=0xEFF | 0x1000..=0x109F | 0x1780..=0x17FF => Some(Kind::Unspaced),
            _ => Some(Kind::Spaced),
        }
    }

    /// Does a mark between letters belong to the word? `tail` follows it, `head` is all before.
    fn joins(&self, c: char, tail: &str, head: &str) -> bool {
        let after = |fits: fn(char) -> bool| tail.chars().next().is_some_and(fits);
        match c {
            '\'' | '’' | 'ʼ' => !self.elides && after(is_letter_or_mark),
            '-' | '–' | '‐' | '‑' | '\u{200c}' => after(|c| is_letter_or_mark(c) || is_digit(c)),
            '.' | ',' => head.ends_with(is_digit) && after(is_digit),
            _ => false,
        }
    }

    /// Passes what parts words.
    fn pass(&mut self, c: char) {
        if matches!(c, '.' | '!' | '?' | '…' | '\n' | '。' | '！' | '？' | '।' | '؟') {
            self.sentences += u32::from(self.in_sentence);
            self.in_sentence = false;
            self.joined = false;
        } else if !is_space(c) {
            self.joined = false;
        }
    }

    fn word(&mut self, text: &str, place: Range<usize>, kind: Kind) {
        let word = &text[place.clone()];
        let length = || word.chars().count();
        let fits = match kind {
            Kind::Spaced => true,
            Kind::Han => (2..=LONGEST_HAN).contains(&length()),
            Kind::Katakana => (2..=LONGEST_UNSPACED).contains(&length()),
            Kind::Unspaced => (3..=LONGEST_UNSPACED).contains(&length()),
        };
        if !fits {
            self.joined = false;
            return;
        }
        let at = self.lower.len();
        for c in word.chars().filter(|c| *c != '\u{ad}') {
            match c {
                '’' | 'ʼ' => self.lower.push('\''),
                c if c.is_ascii() => self.lower.push(c.to_ascii_lowercase()),
                c => self.lower.extend(c.to_lowercase()),
            }
        }
        let capital = word.starts_with(char::is_uppercase);
        self.push(Word {
            place,
            lower: at..self.lower.len(),
            sentence: self.sentences,
            joined: self.joined,
            capital,
            proper: capital && self.in_sentence,
            acronym: capital && word.len() > 1 && !word.contains(char::is_lowercase),
            tagged: false,
            number: word.starts_with(is_digit),
        });
    }

    fn push(&mut self, word: Word) {
        self.list.push(word);
        (self.joined, self.in_sentence) = (true, true);
    }

    /// Where nearly everything is in capitals, capitals say nothing.
    fn quieten(&mut self) {
        let plain = || self.list.iter().filter(|word| !word.tagged);
        if 2 * plain().filter(|word| word.acronym).count() > plain().count() {
            for word in &mut self.list {
                (word.capital, word.proper, word.acronym) = (false, false, false);
            }
        }
    }
}

/// How words are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// With spaces between them.
    Spaced,
    Han,
    Katakana,
    /// Without, and nothing shows where they end: Thai, Lao, Burmese, Khmer.
    Unspaced,
}

/// The places that are no plain text, from left to right, with the hashtags among them.
fn apart(found: &CaptionFindings) -> Vec<(Range<usize>, Option<&TextSpan>)> {
    let spans = [&found.urls, &found.mentions, &found.cashtags, &found.emojis];
    let mut all: Vec<_> = ranges(&found.hashtags).zip(found.hashtags.iter().map(Some)).collect();
    all.extend(spans.iter().flat_map(|spans| ranges(spans)).map(|place| (place, None)));
    let prices = found.prices.iter().map(|price| (price.start, price.end));
    let offers = found.offers.iter().map(|offer| (offer.start, offer.end));
    let places = prices.chain(offers);
    all.extend(
        places.filter_map(|(start, end)| Some((usize::try_from(start).ok()?..usize::try_from(end).ok()?, None))),
    );
    all.sort_by_key(|(place, _)| place.start);
    all
}

/// Can this word neither begin nor end a keyword?
pub(super) fn is_empty(word: &Word, text: &str, stop: StopWords) -> bool {
    let listed = if word.tagged { stop.contains_tagged(text) } else { stop.contains(text) };
    listed || text.len() < 2
}
