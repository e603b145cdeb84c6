//! Text without what people write one way or another: case, diacritics, width, spaces, hyphens and other punctuation.
//!
//! "Dyson Air-Wrap™", "DYSON AIRWRAP" and "#dysonairwrap" all fold to `dysonairwrap`, with the places kept where words
//! begin and end. Two digits that something stands between stay apart (`1.5`, `15 14`), and so does what a sentence,
//! a line or an emoji separates. A `+` at a word's end is `plus`.

use crate::text::{is_digit, is_letter_or_mark};
use std::ops::Range;
use unicode_normalization::char::decompose_compatible;

/// Stands where nothing may be joined.
const BREAK: char = ' ';
/// More characters than these between two words are no mere punctuation.
const WIDEST_GAP: usize = 4;
/// What Korean puts behind a noun.
const PARTICLES: [&str; 16] =
    ["을", "를", "은", "는", "이", "가", "에", "의", "로", "으로", "도", "와", "과", "랑", "에서", "이랑"];

/// Folded text.
#[derive(Debug)]
pub(super) struct Folded {
    /// Letters and digits, and a space where nothing may be joined.
    pub text: String,
    /// The source's range of the character that each byte of `text` comes from.
    source: Vec<(u32, u32)>,
    /// What may happen at each position of `text`, and at its end.
    marks: Vec<u8>,
}

const STARTS: u8 = 1;
const ENDS: u8 = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Of a script that sets words apart.
    Letter {
        upper: bool,
    },
    Digit,
    /// Of a script that does not.
    Unspaced,
    Hangul,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Soft,
    Hard,
}

impl Folded {
    /// A caption: what a sentence, a line or an emoji separates stays apart.
    pub(super) fn caption(text: &str) -> Self {
        Self::of(text, true)
    }

    /// A name: everything in it belongs together.
    pub(super) fn name(text: &str) -> Self {
        Self::of(text, false)
    }

    fn of(text: &str, breaks: bool) -> Self {
        let folded = Self {
            text: String::with_capacity(text.len()),
            source: Vec::with_capacity(text.len()),
            marks: Vec::with_capacity(text.len() + 1),
        };
        Folder { folded, breaks, gap: Gap::Hard, width: 0, tag: false, run: 0, last: None }.all(text)
    }

    /// May a word start at this position?
    pub(super) fn starts(&self, at: usize) -> bool {
        self.marks[at] & STARTS != 0
    }

    /// May a word end at this position?
    pub(super) fn ends(&self, at: usize) -> bool {
        self.marks[at] & ENDS != 0
    }

    /// Where a name that reaches to `at` ends, if it does not end inside a word: a plural's s belongs to it, a Korean
    /// particle does not hinder it.
    pub(super) fn end_of_name(&self, at: usize) -> Option<usize> {
        if self.ends(at) {
            return Some(at);
        }
        let rest = &self.text[at..];
        if rest.starts_with('s') && self.ends(at + 1) && self.text[..at].ends_with(|c: char| c.is_ascii_alphabetic()) {
            return Some(at + 1);
        }
        let particle = |p: &&'static str| rest.starts_with(*p) && self.ends(at + p.len());
        PARTICLES.iter().any(particle).then_some(at)
    }

    /// The words, as ranges of the folded text.
    pub(super) fn words(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = (0..self.text.len()).filter(|at| self.starts(*at));
        starts.filter_map(|start| Some(start..(start + 1..=self.text.len()).find(|end| self.ends(*end))?))
    }

    /// The source's bytes that a range of the folded text comes from.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let (start, end) = (self.source[range.start].0, self.source[range.end - 1].1);
        start as usize..end as usize
    }

    /// What stands in the source between the letters before and at a position.
    pub(super) fn between(&self, at: usize) -> Range<usize> {
        let end = self.source[at - 1].1;
        // Both may come from one character, such as ß.
        end as usize..self.source[at].0.max(end) as usize
    }

    /// Does nothing stand between the letters of a range?
    pub(super) fn is_unbroken(&self, range: Range<usize>) -> bool {
        self.source[range].windows(2).all(|pair| pair[0] == pair[1] || pair[0].1 == pair[1].0)
    }

    /// Letters of it.
    pub(super) fn letters(&self) -> usize {
        self.text.chars().filter(|c| c.is_alphabetic()).count()
    }
}

/// Folds character by character.
struct Folder {
    folded: Folded,
    breaks: bool,
    /// What stands between the last letter and here…
    gap: Gap,
    /// …and how many characters of it.
    width: usize,
    /// Inside a hashtag?
    tag: bool,
    /// Letters since the last place where a word may start.
    run: usize,
    last: Option<Class>,
}

impl Folder {
    fn all(mut self, text: &str) -> Folded {
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, next)| *next);
            let range = (position(at), position(at + c.len_utf8()));
            match class(c) {
                _ if is_ignored(c) => self.extend(range),
                Some(class) => self.letter(c, class, range),
                None if c == '+' && self.gap == Gap::None && !next.is_some_and(char::is_alphanumeric) => {
                    self.push("plus", Class::Letter { upper: false }, range);
                }
                None => self.between(c, next),
            }
        }
        let end = self.folded.text.len();
        self.folded.marks.push(0);
        if self.last.is_some() {
            self.folded.marks[end] |= ENDS;
        }
        self.folded
    }

    fn letter(&mut self, c: char, class: Class, range: (u32, u32)) {
        let mut ascii = [0];
        if c.is_ascii() {
            ascii[0] = c.to_ascii_lowercase() as u8;
            return self.push(std::str::from_utf8(&ascii).unwrap_or_default(), class, range);
        }
        let mut folded = String::new();
        fold(c, &mut folded);
        if folded.is_empty() { self.extend(range) } else { self.push(&folded, class, range) }
    }

    fn push(&mut self, folded: &str, class: Class, range: (u32, u32)) {
        let digits = self.last == Some(Class::Digit) && class == Class::Digit;
        let apart = (self.gap == Gap::Hard && self.breaks) || (self.gap != Gap::None && digits);
        let begins = self.last.is_none() || self.gap != Gap::None || self.turns(class);
        let mut marks = 0;
        if begins {
            (marks, self.run) = (STARTS, 0);
            let ends = if self.last.is_some() { ENDS } else { 0 };
            if apart && self.last.is_some() {
                self.folded.text.push(BREAK);
                self.folded.source.push((range.0, range.0));
                self.folded.marks.push(ends);
            } else {
                marks |= ends;
            }
        }
        for (i, _) in folded.bytes().enumerate() {
            self.folded.source.push(range);
            self.folded.marks.push(if i == 0 { marks } else { 0 });
        }
        self.folded.text.push_str(folded);
        (self.gap, self.width, self.last) = (Gap::None, 0, Some(class));
        self.run += 1;
    }

    /// Does another word begin here, though nothing stands between?
    fn turns(&self, class: Class) -> bool {
        let camel = self.tag
            && self.run > 1
            && (self.last, class) == (Some(Class::Letter { upper: false }), Class::Letter { upper: true });
        let hangul = (self.last == Some(Class::Hangul)) != (class == Class::Hangul);
        camel || hangul || class == Class::Unspaced || self.last == Some(Class::Unspaced)
    }

    /// A mark belongs to the character before it.
    fn extend(&mut self, range: (u32, u32)) {
        let Some(&last) = self.folded.source.last().filter(|last| last.1 == range.0) else { return };
        self.folded.source.iter_mut().rev().take_while(|at| **at == last).for_each(|at| at.1 = range.1);
    }

    fn between(&mut self, c: char, next: Option<char>) {
        self.width += 1;
        self.tag = matches!(c, '#' | '＃');
        // A single letter is an abbreviation: e.l.f. Cosmetics.
        let stop = (c == '.' && self.run > 1) || c == '…';
        let ends_sentence = stop && next.is_none_or(char::is_whitespace);
        let soft = is_soft(c) && !ends_sentence && self.width <= WIDEST_GAP;
        self.gap = self.gap.max(if soft { Gap::Soft } else { Gap::Hard });
    }
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn class(c: char) -> Option<Class> {
    if is_digit(c) {
        return Some(Class::Digit);
    }
    if !is_letter_or_mark(c) {
        return None;
    }
    Some(match c {
        '\u{ac00}'..='\u{d7a3}' | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' => Class::Hangul,
        // Han and kana, and the scripts of Thailand, Laos, Myanmar and Cambodia.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => Class::Unspaced,
        '\u{3005}'..='\u{312f}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' => {
            Class::Unspaced
        }
        '\u{20000}'..='\u{3ffff}' => Class::Unspaced,
        _ => Class::Letter { upper: c.is_uppercase() },
    })
}

/// Joiners, marks of direction and variation: neither a letter nor a gap.
fn is_ignored(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// What may stand inside a name.
fn is_soft(c: char) -> bool {
    match c {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => false,
        c if c.is_whitespace() => true,
        '\u{2010}'..='\u{2015}' | '‘' | '’' | '“' | '”' | 'ʼ' | '´' | '·' | '・' | '•' | '™' | '®' | '©' | '°' => {
            true
        }
        '（' | '）' | '＆' | '／' | '－' | '．' | '，' | '、' | '＃' | '＠' => true,
        _ => "-_'`.,:&/|()+\"*#@[]".contains(c),
    }
}

/// Does a sentence, a line or an emoji end in what stands between two words?
pub(super) fn parts(between: &str) -> bool {
    let mut chars = between.chars().peekable();
    while let Some(c) = chars.next() {
        let ends_sentence = matches!(c, '.' | '…') && chars.peek().is_none_or(|next| next.is_whitespace());
        if ends_sentence || !(is_soft(c) || is_ignored(c) || class(c).is_some()) {
            return true;
        }
    }
    false
}

/// Marks that only adorn a letter of their script.
fn is_adornment(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{487}' | '\u{591}'..='\u{5c7}' | '\u{640}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// A character in lower case, without adornments, in its ordinary width.
fn fold(c: char, out: &mut String) {
    match c {
        'ß' | 'ẞ' => out.push_str("ss"),
        'æ' | 'Æ' => out.push_str("ae"),
        'œ' | 'Œ' => out.push_str("oe"),
        'ø' | 'Ø' => out.push('o'),
        'đ' | 'Đ' | 'ð' | 'Ð' => out.push('d'),
        'ł' | 'Ł' => out.push('l'),
        'ı' => out.push('i'),
        'þ' | 'Þ' => out.push_str("th"),
        '\u{ac00}'..='\u{d7a3}' => out.push(c),
        _ => decompose_compatible(c, |part| {
            let kept = !is_adornment(part) && (is_letter_or_mark(part) || is_digit(part));
            if kept {
                out.extend(part.to_lowercase().filter(|lower| !is_adornment(*lower)));
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> String {
        Folded::name(text).text
    }

    fn words(text: &str) -> Vec<&str> {
        let folded = Folded::caption(text);
        folded.words().map(|word| &text[folded.original(word)]).collect()
    }

    #[test]
    fn ways_of_writing_are_one() {
        for written in [
            "Dyson Airwrap",
            "DYSON AIR-WRAP™",
            "dyson_airwrap",
            "Ｄｙｓｏｎ　Ａｉｒｗｒａｐ",
            "#DysonAirwrap",
            "dýson.airwrap",
        ] {
            assert_eq!(name(written), "dysonairwrap", "{written}");
        }
        assert_eq!(name("Crème Brûlée, Straße"), "cremebruleestrasse");
        assert_eq!((name("1.5 l"), name("15 l"), name("S24+")), ("1 5l".into(), "15l".into(), "s24plus".into()));
    }

    #[test]
    fn words_keep_their_places() {
        assert_eq!(words("my AIR-wrap’s 2nd"), ["my", "AIR", "wrap", "s", "2nd"]);
        assert_eq!(words("#MyAirwrap #iPhone é!"), ["My", "Airwrap", "iPhone", "é"]);
        assert_eq!(words("買った5個"), ["買", "っ", "た", "5", "個"]);
    }

    #[test]
    fn sentences_lines_and_emoji_part() {
        assert_eq!(Folded::caption("air. Wrap").text, "air wrap");
        assert_eq!(Folded::caption("air\nwrap").text, "air wrap");
        assert_eq!(Folded::caption("air😀wrap").text, "air wrap");
        assert_eq!(Folded::caption("air, wrap").text, "airwrap");
    }

    #[test]
    fn combining_marks_belong_to_their_letter() {
        let text = "cafe\u{301} x";
        let folded = Folded::caption(text);
        assert_eq!((folded.text.as_str(), &text[folded.original(0..4)]), ("cafex", "cafe\u{301}"));
    }
}
