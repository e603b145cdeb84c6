//! Named entities: tokens' labels, put together to words and to runs of words.

use crate::TransformersError;
use crate::model::{Model, best, probabilities, rounded};
use crate::network::Task;
use rust_tokenizers::{Mask, TokenizedInput};
use std::path::Path;
use tch::{Device, TchError, Tensor};
use tidelake_schemas::NamedEntity;

/// A classifier of tokens with labels like `B-PER`, `I-PER` and `O`.
pub(crate) struct Entities(pub Model);

/// The labels' numbers and probabilities of a row's tokens.
type Verdicts = Vec<(usize, f32)>;

impl Entities {
    pub(crate) fn load(path: &Path, device: Device, batch_tokens: usize) -> Result<Self, TransformersError> {
        Ok(Self(Model::load(path, Task::Tokens, device, batch_tokens)?))
    }

    /// For each caption its entities, in order, with spans in UTF-8 bytes.
    pub(crate) fn run(&self, texts: &[String]) -> Result<Vec<Vec<NamedEntity>>, TransformersError> {
        let encoded: Vec<_> = texts.iter().map(|text| self.0.encode(text, None)).collect();
        let verdicts = self.0.run(&encoded, verdicts)?;
        let rows = texts.iter().zip(&encoded).zip(&verdicts);
        Ok(rows
            .map(|((text, tokens), verdicts)| entities(text, &words(text, tokens, verdicts), &self.0.labels))
            .collect())
    }
}

fn verdicts(logits: &Tensor, _: &Tensor) -> Result<Vec<Verdicts>, TchError> {
    let of_row = |row: i64| {
        let scores = probabilities(&logits.f_get(row)?)?;
        Ok(scores.iter().map(|scores| (best(scores), scores[best(scores)])).collect())
    };
    (0..logits.size()[0]).map(of_row).collect()
}

/// A word: where it stands in bytes, and its first token's verdict, which counts for all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Word {
    start: usize,
    end: usize,
    label: usize,
    score: f32,
}

fn words(text: &str, tokens: &TokenizedInput, verdicts: &[(usize, f32)]) -> Vec<Word> {
    // Tokenizers count characters.
    let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let byte = |at: u32| bytes.get(at as usize).copied();
    let mut words: Vec<Word> = Vec::new();
    let rows = tokens.token_offsets.iter().zip(&tokens.mask).zip(verdicts);
    for ((offset, mask), (label, score)) in rows.filter(|((_, mask), _)| **mask != Mask::Special) {
        let Some((start, end)) = offset.as_ref().and_then(|o| Some((byte(o.begin)?, byte(o.end)?))) else { continue };
        let (start, end) = trimmed(text, start, end);
        match words.last_mut() {
            Some(word) if *mask == Mask::Continuation => word.end = word.end.max(end),
            _ if start < end => words.push(Word { start, end, label: *label, score: *score }),
            _ => {}
        }
    }
    words
}

/// Some tokenizers count the space before a word to it.
fn trimmed(text: &str, start: usize, end: usize) -> (usize, usize) {
    let Some(part) = text.get(start..end) else { return (start, start) };
    let leading = part.len() - part.trim_start().len();
    (start + leading, end - (part.len() - part.trim_end().len()).min(part.len() - leading))
}

/// Runs of words of one kind; `B-` begins another, but a word that follows without a space never does.
fn entities(text: &str, words: &[Word], labels: &[String]) -> Vec<NamedEntity> {
    let mut runs: Vec<(&str, Vec<Word>)> = Vec::new();
    let mut before: Option<Word> = None;
    for word in words {
        let label = labels.get(word.label).map_or("O", String::as_str);
        let (prefix, kind) = label.split_once('-').unwrap_or(("I", label));
        let adjacent = before.is_some_and(|before| before.label == word.label && before.end == word.start);
        let follows = before.is_some_and(|before| kind_of(before, labels) == kind);
        match runs.last_mut() {
            _ if kind == "O" => {}
            Some((_, run)) if follows && (prefix != "B" || adjacent) => run.push(*word),
            _ => runs.push((kind, vec![*word])),
        }
        before = Some(*word);
    }
    runs.into_iter().filter_map(|(kind, run)| entity(text, kind, &run)).collect()
}

fn kind_of(word: Word, labels: &[String]) -> &str {
    let label = labels.get(word.label).map_or("O", String::as_str);
    label.split_once('-').map_or(label, |(_, kind)| kind)
}

fn entity(text: &str, kind: &str, run: &[Word]) -> Option<NamedEntity> {
    let (start, end) = (run.first()?.start, run.last()?.end);
    let score = run.iter().map(|word| word.score).sum::<f32>() / run.len() as f32;
    Some(NamedEntity {
        kind: kind.to_owned(),
        text: text.get(start..end)?.to_owned(),
        score: rounded(score),
        start: i32::try_from(start).ok()?,
        end: i32::try_from(end).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [&str; 5] = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"];

    /// Entities of words that are given with their labels.
    fn found(text: &str, labelled: &[(&str, usize)]) -> Vec<(String, String)> {
        let (mut words, mut from) = (Vec::new(), 0);
        for (word, label) in labelled {
            let start = from + text[from..].find(word).expect("is in the text");
            from = start + word.len();
            words.push(Word { start, end: from, label: *label, score: 0.5 });
        }
        let labels = LABELS.map(str::to_owned);
        entities(text, &words, &labels).into_iter().map(|e| (e.kind, e.text)).collect()
    }

    #[test]
    fn words_of_a_kind_run_together_until_another_begins() {
        let text = "Zoë Müller met Ana Ruiz Bob in São Paulo";
        let labelled = [
            ("Zoë", 1),
            ("Müller", 2),
            ("met", 0),
            ("Ana", 2),
            ("Ruiz", 2),
            ("Bob", 1),
            ("in", 0),
            ("São", 3),
            ("Paulo", 4),
        ];
        let expected = [("PER", "Zoë Müller"), ("PER", "Ana Ruiz"), ("PER", "Bob"), ("LOC", "São Paulo")];
        assert_eq!(found(text, &labelled), expected.map(|(k, t)| (k.to_owned(), t.to_owned())));
    }

    #[test]
    fn spaces_are_no_part_of_a_word() {
        assert_eq!(trimmed("a bc ", 1, 5), (2, 4));
        assert_eq!(trimmed("a  ", 1, 3), (3, 3));
        assert_eq!(trimmed("é", 1, 2), (1, 1));
    }
}
