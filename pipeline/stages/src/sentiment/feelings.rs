//! The label of captions in languages other than English.
//!
//! VADER's lexicon is English: of a German caption it sees "die" and "war". Where the caption's language is another one
//! of `data/feelings.tsv`, the label goes by that language's words of feeling, each turned around by a negation beside
//! it, together with what VADER says of the emoji alone. The numbers stay VADER's.

use super::vader;
use crate::lower::{Lower, stands_alone};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;
use tidelake_schemas::TextSpan;

const WORDS: &str = include_str!("../../data/feelings.tsv");
/// What a word of feeling weighs: the mean of VADER's lexicon, about.
const VALENCE: f64 = 1.9;
/// What a negation makes of it, as in VADER.
const NEGATED: f64 = -0.74;
/// Emoji that praise, whatever their names say: VADER takes 🔥 for the word "fire".
const PRAISE: [&str; 2] = ["🔥", "💯"];
/// How many bytes a negation reaches: two or three short words.
const REACH: usize = 14;

#[derive(Clone, Copy, PartialEq)]
enum Word {
    Feeling(f64),
    Negation { of_next: bool, of_last: bool },
}

struct Feelings {
    automaton: AhoCorasick,
    /// What each pattern is, and whether letters may follow it.
    words: Vec<(Word, bool)>,
}

static LANGUAGES: LazyLock<BTreeMap<&'static str, Feelings>> = LazyLock::new(|| {
    let mut lists: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for line in WORDS.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        if let (Some(language), Some(sign), Some(list)) = (fields.next(), fields.next(), fields.next()) {
            lists.entry(language).or_default().extend(list.split('|').map(|word| (sign, word)));
        }
    }
    lists.into_iter().map(|(language, list)| (language, Feelings::of(&list))).collect()
});

impl Feelings {
    fn of(list: &[(&str, &str)]) -> Self {
        let patterns = list.iter().map(|(_, word)| word.trim_end_matches('*'));
        let automaton = AhoCorasickBuilder::new().match_kind(MatchKind::LeftmostLongest).build(patterns);
        let word = |sign: &str| match sign {
            "+" => Word::Feeling(VALENCE),
            "-" => Word::Feeling(-VALENCE),
            _ => Word::Negation { of_next: sign.contains('!'), of_last: sign.contains('<') },
        };
        Self {
            automaton: automaton.unwrap_or_else(|e| unreachable!("words that are compiled in: {e}")),
            words: list.iter().map(|(sign, written)| (word(sign), written.ends_with('*'))).collect(),
        }
    }

    /// The words' valences, added up.
    fn sum(&self, text: &str) -> f64 {
        let lower = Lower::of(text).text;
        let hits = self.automaton.find_iter(&lower).filter_map(|hit| {
            let (word, inflects) = self.words[hit.pattern().as_usize()];
            stands_alone(&lower, hit.range(), inflects).then(|| (word, hit.range()))
        });
        let hits: Vec<(Word, Range<usize>)> = hits.collect();
        let negated = |at: &Range<usize>| {
            hits.iter().any(|(word, negation)| match *word {
                Word::Negation { of_next: true, .. } if is_near(&lower, negation.end, at.start) => true,
                Word::Negation { of_last, .. } => of_last && is_near(&lower, at.end, negation.start),
                Word::Feeling(_) => false,
            })
        };
        let valence = |(word, at): &(Word, Range<usize>)| match *word {
            Word::Feeling(valence) if negated(at) => valence * NEGATED,
            Word::Feeling(valence) => valence,
            Word::Negation { .. } => 0.0,
        };
        hits.iter().map(valence).sum()
    }
}

/// Does one word end, within reach and in the same clause, before another begins?
fn is_near(text: &str, end: usize, start: usize) -> bool {
    const STOPS: [char; 14] = ['.', ',', '!', '?', ';', ':', '\n', '。', '、', '，', '！', '？', '؟', '،'];
    text.get(end..start).is_some_and(|gap| gap.len() <= REACH && !gap.contains(STOPS))
}

/// A compound score by the language's own words and by emoji; `None` where VADER's own is the one to go by.
pub(super) fn compound(text: &str, language: &str, emojis: &[TextSpan]) -> Option<f64> {
    let (praise, others): (Vec<&str>, Vec<&str>) =
        emojis.iter().map(|emoji| emoji.text.as_str()).partition(|emoji| PRAISE.contains(emoji));
    let praised = if praise.is_empty() { 0.0 } else { VALENCE };
    let sum = LANGUAGES.get(language)?.sum(text) + praised;
    let words = sum / (sum * sum + vader::ALPHA).sqrt();
    Some(words + if others.is_empty() { 0.0 } else { vader::score(&others.join(" ")).compound })
}

/// VADER's compound score of English with praising emoji, which then praise what the words do not blame.
pub(super) fn praised(text: &str, emojis: &[TextSpan]) -> Option<f64> {
    emojis.iter().find(|emoji| PRAISE.contains(&emoji.text.as_str()))?;
    let words = PRAISE.iter().fold(text.to_owned(), |text, emoji| text.replace(emoji, " "));
    let words = vader::score(&words).compound;
    let praise = VALENCE / (VALENCE * VALENCE + vader::ALPHA).sqrt();
    Some(if words < 0.0 { words } else { words.max(praise) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_languages_feel() {
        for (language, good, bad) in [
            ("de", "Das Kleid ist wunderschön", "Der Film war nicht gut, die Schlange furchtbar"),
            ("es", "¡Me encanta este lugar, gracias!", "Qué comida tan horrible"),
            ("pt", "amei demais essa receita", "o pior dia, estou triste"),
            ("fr", "Trop belle cette robe", "je n'aime pas du tout"),
            ("ru", "Очень вкусный торт, спасибо", "Это было ужасно"),
            ("tr", "Harika bir gün", "hiç güzel olmadı"),
            ("id", "makanannya enak banget", "film ini tidak bagus"),
            ("vi", "món này ngon quá", "không thích chút nào"),
            ("ja", "このケーキ美味しい", "全然好きじゃない"),
            ("ko", "진짜 맛있어요", "완전 최악이야"),
            ("zh", "这个太棒了", "我不喜欢"),
            ("ar", "هذا المكان جميل جدا", "اليوم حزين"),
            ("hi", "यह बहुत सुंदर है", "यह बहुत बुरा था"),
        ] {
            assert!(compound(good, language, &[]).expect("listed") > 0.05, "{good}");
            assert!(compound(bad, language, &[]).expect("listed") < -0.05, "{bad}");
        }
        assert_eq!(compound("die war in", "de", &[]), Some(0.0));
        assert_eq!(compound("good", "en", &[]), None);
        let fire = [TextSpan { text: "🔥".into(), start: 0, end: 4 }];
        assert!(praised("this dress 🔥", &fire).is_some_and(|score| score > 0.05));
        assert!(praised("worst day ever 🔥", &fire).is_some_and(|score| score < -0.05));
        assert_eq!(praised("this dress", &[]), None);
    }

    #[test]
    fn emoji_speak_too() {
        for emoji in ["😍", "🔥"] {
            let emoji = TextSpan { text: emoji.into(), start: 0, end: 4 };
            assert!(compound("mein Mittagessen", "de", &[emoji]).expect("listed") > 0.05);
        }
    }
}
