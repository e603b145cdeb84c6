//! A quick look at a text's trigrams: settles the clear cases, so that the full models need not be asked, and narrows
//! down the others.
//!
//! `data/trigrams.txt` lists each language's most frequent trigrams. A case is clear when one language explains the
//! text better than every other by a wide margin.

use std::collections::HashMap;
use std::sync::LazyLock;

static LIST: &str = include_str!("../data/trigrams.txt");

/// Cost of a trigram that is not in a language's list, in half nats.
const UNLISTED: u16 = 20;
/// Trigrams a text must have to be judged here.
const LEAST: usize = 8;
/// By how much the best language must lead to be taken, in half nats, and in addition per trigram. On lingua's samples
/// no wrong language led by more than 10.
const LEAD: u32 = 20;
const LEAD_PER_TRIGRAM: f64 = 0.25;
/// Languages further behind the best one than this are ruled out.
const WINDOW: u32 = 24;

/// What the trigrams say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Look {
    /// Clearly this language, with a confidence.
    Clear(&'static str, f64),
    /// One of these.
    Among(Vec<&'static str>),
    /// Too little to go by.
    Dark,
}

struct Table {
    codes: Vec<&'static str>,
    /// Language and gain over an unlisted trigram.
    gains: HashMap<u64, Vec<(u8, u16)>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(read);

fn read() -> Table {
    let mut table = Table { codes: Vec::new(), gains: HashMap::new() };
    for (language, line) in (0_u8..).zip(LIST.lines().filter(|line| !line.starts_with('#'))) {
        let mut words = line.split(' ');
        table.codes.extend(words.next());
        let mut cost = UNLISTED;
        for word in words {
            match word.parse() {
                Ok(level) => cost = level,
                Err(_) => {
                    let gain = UNLISTED.saturating_sub(cost);
                    table.gains.entry(pack(word.chars())).or_default().push((language, gain));
                }
            }
        }
    }
    table
}

fn pack(chars: impl Iterator<Item = char>) -> u64 {
    chars.fold(0, |key, c| key << 21 | u64::from(u32::from(c)))
}

/// Looks at the trigrams of lower-case words.
pub(crate) fn look(words: &str) -> Look {
    let mut scores = vec![0_u32; TABLE.codes.len()];
    let count = add_up(words, &mut scores);
    let Some(best) = (0..scores.len()).max_by_key(|&language| (scores[language], std::cmp::Reverse(language))) else {
        return Look::Dark;
    };
    if count < LEAST || scores[best] < WINDOW {
        return Look::Dark;
    }
    let second = (0..scores.len()).filter(|&language| language != best).map(|language| scores[language]).max();
    let lead = scores[best] - second.unwrap_or(0);
    if lead >= LEAD && f64::from(lead) >= count as f64 * LEAD_PER_TRIGRAM {
        return Look::Clear(TABLE.codes[best], confidence(lead));
    }
    let close = (0..scores.len()).filter(|&language| scores[language] + WINDOW >= scores[best]);
    Look::Among(close.map(|language| TABLE.codes[language]).collect())
}

/// Adds each language's gain over all trigrams; gives their number.
fn add_up(words: &str, scores: &mut [u32]) -> usize {
    const TRIGRAM: u64 = (1 << 63) - 1;
    let mut count = 0;
    for word in words.split(' ') {
        let mut key = 0;
        for (at, c) in word.chars().enumerate() {
            key = (key << 21 | u64::from(u32::from(c))) & TRIGRAM;
            if at < 2 {
                continue;
            }
            count += 1;
            for &(language, gain) in TABLE.gains.get(&key).into_iter().flatten() {
                scores[usize::from(language)] += u32::from(gain);
            }
        }
    }
    count
}

fn confidence(lead: u32) -> f64 {
    let doubt = (-f64::from(lead) / 8.0).exp();
    ((1.0 - doubt) * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_close_and_dark() {
        let clear = |text: &str| match look(text) {
            Look::Clear(code, confidence) if confidence > 0.9 => code,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(clear("this is what everybody should know about the weather"), "en");
        assert_eq!(clear("heute zeige ich euch wie man einen schönen kuchen backt"), "de");
        assert!(
            matches!(look("hoy vamos a preparar una receta que les va a encantar"), Look::Among(codes) if codes.contains(&"es"))
        );
        assert!(
            matches!(look("tidak bisa berjalan ke sekolah"), Look::Among(codes) if codes.contains(&"id") && codes.contains(&"ms"))
        );
        assert_eq!(look("selamat"), Look::Dark);
        assert_eq!(look(""), Look::Dark);
    }
}
