//! What is known of the values of one field.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// More distinct texts than this are no enumeration.
const FEW: usize = 8;
/// Longer texts are no word of an enumeration, in bytes.
const WORD: usize = 24;

/// The JSON type of a value that is not null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Number,
    Text,
    List,
    Object,
}

impl Type {
    pub(super) const ALL: [Self; 5] = [Self::Bool, Self::Number, Self::Text, Self::List, Self::Object];

    /// `None` for null, which says as much as absence.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Bool),
            Value::Number(_) => Some(Self::Number),
            Value::String(_) => Some(Self::Text),
            Value::Array(_) => Some(Self::List),
            Value::Object(_) => Some(Self::Object),
        }
    }

    pub(super) fn name(self) -> &'static str {
        ["boolean", "number", "text", "list", "object"][self as usize]
    }
}

/// What a text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Empty,
    Digits,
    Url,
    Word,
    Prose,
}

impl Form {
    pub(super) const ALL: [Self; 5] = [Self::Empty, Self::Digits, Self::Url, Self::Word, Self::Prose];

    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            Self::Empty
        } else if bytes.iter().all(u8::is_ascii_digit) {
            Self::Digits
        } else if bytes.starts_with(b"https://") || bytes.starts_with(b"http://") {
            Self::Url
        } else if bytes.len() <= WORD && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b)) {
            Self::Word
        } else {
            Self::Prose
        }
    }

    pub(super) fn name(self) -> &'static str {
        ["empty text", "text of digits", "address", "word", "prose"][self as usize]
    }
}

/// Counts of what a field was, over so many objects that could have had it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Stats {
    /// Objects that could have had it (of an item of a list: items).
    pub(super) of: u64,
    /// Those in which it was there and not null.
    pub(super) present: u64,
    pub(super) types: [u64; 5],
    pub(super) forms: [u64; 5],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) numbers: Option<Numbers>,
    /// Its texts, while they are few and words.
    pub(super) words: BTreeMap<String, u64>,
    /// They are not.
    pub(super) open_ended: bool,
}

/// Where numbers lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Numbers {
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) zeros: u64,
}

impl Numbers {
    fn join(&mut self, other: &Self) {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.zeros += other.zeros;
    }
}

impl Stats {
    /// Counts a value that is not null, of a secret only its type. `of` is the caller's to count.
    pub(super) fn count(&mut self, value: &Value, kind: Type, secret: bool) {
        self.present += 1;
        self.types[kind as usize] += 1;
        match value {
            _ if secret => self.open_ended = true,
            Value::Number(number) => self.count_number(number),
            Value::String(text) => self.count_text(text),
            _ => {}
        }
    }

    fn count_number(&mut self, number: &Number) {
        let Some(value) = number.as_f64().filter(|value| value.is_finite()) else { return };
        let one = Numbers { least: value, most: value, zeros: u64::from(value == 0.0) };
        match &mut self.numbers {
            Some(numbers) => numbers.join(&one),
            None => self.numbers = Some(one),
        }
    }

    fn count_text(&mut self, text: &str) {
        let form = Form::of(text);
        self.forms[form as usize] += 1;
        if self.open_ended {
            return;
        }
        if let Some(count) = self.words.get_mut(text) {
            *count += 1;
        } else if form == Form::Word && self.words.len() < FEW {
            self.words.insert(text.to_owned(), 1);
        } else if form != Form::Empty {
            self.end_words();
        }
    }

    fn end_words(&mut self) {
        self.open_ended = true;
        self.words.clear();
    }

    /// Adds what was counted elsewhere.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.of += other.of;
        self.present += other.present;
        add(&mut self.types, &other.types);
        add(&mut self.forms, &other.forms);
        match (&mut self.numbers, &other.numbers) {
            (Some(ours), Some(theirs)) => ours.join(theirs),
            (ours @ None, theirs) => *ours = *theirs,
            (Some(_), None) => {}
        }
        if self.open_ended || other.open_ended {
            return self.end_words();
        }
        for (word, count) in &other.words {
            *self.words.entry(word.clone()).or_default() += count;
        }
        if self.words.len() > FEW {
            self.end_words();
        }
    }

    /// Halves every count, so that what comes weighs more than what was long ago. What was seen at all stays seen.
    pub(super) fn fade(&mut self) {
        let half = |count: &mut u64| *count = count.div_ceil(2);
        half(&mut self.of);
        half(&mut self.present);
        self.types.iter_mut().chain(&mut self.forms).chain(self.words.values_mut()).for_each(half);
        if let Some(numbers) = &mut self.numbers {
            numbers.zeros /= 2;
        }
    }

    pub(super) fn count_of(&self, kind: Type) -> u64 {
        self.types[kind as usize]
    }

    pub(super) fn form_of(&self, form: Form) -> u64 {
        self.forms[form as usize]
    }
}

fn add(ours: &mut [u64; 5], theirs: &[u64; 5]) {
    ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours += theirs);
}
