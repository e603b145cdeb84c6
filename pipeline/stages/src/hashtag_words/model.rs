//! Where the words of an unbroken string are: the most probable cut under a unigram model, if it is probable enough.
//!
//! Dynamic programming over costs (−ln p) as in Norvig, "Natural Language Corpus Data" (2009). The best cut is believed
//! only if it explains the string better than the assumption that this is a name or a word of another language, which
//! costs a fixed amount for each letter; so what is no English is left whole instead of cut into crumbs.

use fst::raw::{Fst, Output};
use std::sync::LazyLock;

/// Words and their costs in tenths; see `words_LICENSE.txt` and `tests/words.rs`.
static WORDS: LazyLock<Fst<&[u8]>> = LazyLock::new(|| {
    let words: &[u8] = include_bytes!("../../data/words.fst");
    Fst::new(words).unwrap_or_else(|e| unreachable!("words that are compiled in: {e}"))
});

/// Longer strings are no sequence of words that anybody reads.
const LONGEST: usize = 48;
/// The cost of a word that the caption itself contains.
const OWN: u32 = 60;
/// Cost of nothing at all, and of each letter, of a word that the model does not know.
const UNKNOWN: (u32, u32) = (40, 27);
/// The same in a caption that is known to be in another language than English.
const UNKNOWN_ELSEWHERE: (u32, u32) = (20, 23);

/// Is this a word of the list?
pub(super) fn is_word(text: &str) -> bool {
    WORDS.contains_key(text)
}

/// The words of `run`, which is in lower case and no word, from the list and from `own`. `None` if it should stay whole.
pub(super) fn cut<'a>(run: &'a str, own: &[String], english: bool) -> Option<Vec<&'a str>> {
    if run.len() > LONGEST {
        return None;
    }
    let mut best = [(u32::MAX, 0); LONGEST + 1];
    best[0] = (0, 0);
    for start in 0..run.len() {
        let (cost, _) = best[start];
        if cost == u32::MAX {
            continue;
        }
        let mut offer = |end: usize, more: u32| {
            let dangling = end == run.len() && end - start == 1;
            if !dangling && cost + more < best[end].0 {
                best[end] = (cost + more, start);
            }
        };
        from_list(&run.as_bytes()[start..], |length, more| offer(start + length, more));
        for word in own.iter().filter(|word| run[start..].starts_with(word.as_str())) {
            offer(start + word.len(), OWN);
        }
    }
    let (fixed, letter) = if english { UNKNOWN } else { UNKNOWN_ELSEWHERE };
    let letters = u32::try_from(run.chars().count()).unwrap_or(0);
    (best[run.len()].0 <= fixed + letter * letters).then(|| trace(run, &best))
}

/// The listed words that `bytes` begins with: lengths and costs.
fn from_list(bytes: &[u8], mut each: impl FnMut(usize, u32)) {
    let (mut node, mut sum) = (WORDS.root(), Output::zero());
    for (at, byte) in bytes.iter().enumerate() {
        let Some(transition) = node.find_input(*byte).map(|i| node.transition(i)) else { return };
        sum = sum.cat(transition.out);
        node = WORDS.node(transition.addr);
        if node.is_final() {
            each(at + 1, u32::try_from(sum.cat(node.final_output()).value()).unwrap_or(u32::MAX / 2));
        }
    }
}

fn trace<'a>(run: &'a str, best: &[(u32, usize)]) -> Vec<&'a str> {
    let (mut words, mut end) = (Vec::new(), run.len());
    while end > 0 {
        let start = best[end].1;
        words.push(&run[start..end]);
        end = start;
    }
    words.reverse();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(run: &str) -> String {
        if is_word(run) {
            return run.to_owned();
        }
        cut(run, &[], true).map_or_else(|| run.to_owned(), |words| words.join(" "))
    }

    #[test]
    fn english() {
        for (run, words) in [
            ("smallbusinesscheck", "small business check"),
            ("tiktokmademebuyit", "tiktok made me buy it"),
            ("learnontiktok", "learn on tiktok"),
            ("dogsoftiktok", "dogs of tiktok"),
            ("therapistsofinstagram", "therapists of instagram"),
            ("iloveyou", "i love you"),
            ("foryoupage", "for you page"),
            ("skincareroutine", "skincare routine"),
            ("dayinmylife", "day in my life"),
            ("gymmotivation", "gym motivation"),
        ] {
            assert_eq!(joined(run), words);
        }
    }

    #[test]
    fn words_stay_whole() {
        for run in
            ["skincare", "makeup", "thrifted", "procreate", "fitness", "grwm", "booktok", "together", "rattlesnake"]
        {
            assert_eq!(joined(run), run);
        }
    }

    #[test]
    fn what_is_no_english_stays_whole() {
        for run in [
            "horadearrasar",
            "xuhuong",
            "policias",
            "ballena",
            "recetasfaciles",
            "kimetsunoyaiba",
            "paratii",
            "granta",
            "mindestlohn",
            "kaicenat",
            "antesydespues",
            "naijatiktok",
            "keşfet",
            "сэлфи",
        ] {
            assert_eq!(joined(run), run);
        }
    }

    #[test]
    fn a_captions_own_words() {
        let own = ["nấu".to_owned(), "phở".to_owned(), "recetas".to_owned(), "fáciles".to_owned()];
        assert_eq!(cut("nấuphở", &own, false), Some(vec!["nấu", "phở"]));
        assert_eq!(cut("recetasfáciles", &own, false), Some(vec!["recetas", "fáciles"]));
    }
}
