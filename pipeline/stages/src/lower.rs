//! A caption in lower case, for phrases to be found in, with the way back to its own bytes.

use std::ops::Range;

/// The text in lower case, and where each of its bytes comes from.
pub(crate) struct Lower {
    pub(crate) text: String,
    /// Where lower case took another length: position here, position in the original.
    shifts: Vec<(usize, usize)>,
}

impl Lower {
    pub(crate) fn of(text: &str) -> Self {
        let (mut lower, mut shifts) = (String::with_capacity(text.len()), Vec::new());
        for (at, c) in text.char_indices() {
            let before = lower.len();
            match c {
                '’' | '‘' | 'ʼ' => lower.push('\''),
                c if c.is_ascii() => lower.push(c.to_ascii_lowercase()),
                c => lower.extend(c.to_lowercase()),
            }
            if lower.len() - before != c.len_utf8() {
                shifts.push((lower.len(), at + c.len_utf8()));
            }
        }
        Self { text: lower, shifts }
    }

    /// The bytes of the original that a range of the lower-case text stands for.
    pub(crate) fn original(&self, range: Range<usize>) -> Range<usize> {
        self.at(range.start)..self.at(range.end)
    }

    fn at(&self, position: usize) -> usize {
        let last = self.shifts.partition_point(|(here, _)| *here <= position);
        last.checked_sub(1).map_or(position, |i| self.shifts[i].1 + (position - self.shifts[i].0))
    }
}

/// Letters of scripts that part no words stand alone wherever they stand.
pub(crate) fn is_word_letter(c: char) -> bool {
    c.is_alphanumeric() && !matches!(u32::from(c), 0xE00..=0xEFF | 0x2E80..=0x9FFF | 0xAC00..=0xD7AF)
}

/// Does a found phrase stand for whole words? With `inflects`, letters may follow it.
pub(crate) fn stands_alone(text: &str, range: Range<usize>, inflects: bool) -> bool {
    let (head, phrase, tail) = (&text[..range.start], &text[range.clone()], &text[range.end..]);
    let letter = |c: Option<char>| c.is_some_and(is_word_letter);
    let begins = !(letter(phrase.chars().next()) && letter(head.chars().next_back()));
    let ends = inflects || !(letter(phrase.chars().next_back()) && letter(tail.chars().next()));
    begins && ends
}
