//! Terms that stand for something, and where a caption says them: in its text, or in the words of its hashtags.

use crate::lower::{Lower, is_word_letter, stands_alone};
use crate::text::{ranges, span};
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::BTreeMap;
use std::ops::Range;
use tidelake_schemas::{CaptionFindings, TextSpan};

/// Terms at least this long may begin a hashtag that was not cut into words: `#recetasfaciles`.
const BEGINS_TAG: usize = 7;

/// A table of names, and the terms that stand for them.
pub(crate) struct Glossary {
    automaton: AhoCorasick,
    terms: Vec<Term>,
}

struct Term {
    /// What follows the last letter may be more letters.
    inflects: bool,
    /// May begin a hashtag that was not cut.
    begins_tag: bool,
    /// The lines of the table that have it, with the weight they give it.
    lines: Vec<(usize, f64)>,
}

/// A term that a caption says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    /// The number of the term: the same words have the same.
    pub term: usize,
    /// Where it stands, in bytes of the caption; in a hashtag, the hashtag.
    pub place: Range<usize>,
    /// The place is a hashtag's.
    pub tagged: bool,
}

impl Glossary {
    /// Reads lines of a number, a weight and terms by `|`; `*` at the end of a term lets letters follow it.
    pub(crate) fn new<'a>(lines: impl IntoIterator<Item = (usize, f64, &'a str)>) -> Self {
        let mut written: BTreeMap<(String, bool), Vec<(usize, f64)>> = BTreeMap::new();
        for (line, weight, terms) in lines {
            for term in terms.split('|').map(str::trim).filter(|term| !term.is_empty()) {
                let bare = term.trim_end_matches('*');
                written.entry((bare.to_lowercase(), term.ends_with('*'))).or_default().push((line, weight));
            }
        }
        let automaton =
            AhoCorasick::builder().match_kind(MatchKind::Standard).build(written.keys().map(|(term, _)| term));
        let terms = written.into_iter().map(|((term, inflects), lines)| Term {
            inflects,
            begins_tag: term.chars().nth(BEGINS_TAG - 1).is_some(),
            lines,
        });
        Self {
            terms: terms.collect(),
            automaton: automaton.unwrap_or_else(|e| unreachable!("terms that are compiled in: {e}")),
        }
    }

    /// The lines that have a term, with their weights.
    pub(crate) fn lines(&self, term: usize) -> &[(usize, f64)] {
        &self.terms[term].lines
    }

    /// What a caption says, from left to right; of terms in one another, the longest.
    pub(crate) fn said(&self, text: &str, found: &CaptionFindings) -> Vec<Said> {
        let text = Text::of(text, found);
        let mut hits: Vec<(Range<usize>, usize)> = self
            .automaton
            .find_overlapping_iter(&text.lower)
            .map(|hit| (hit.range(), hit.pattern().as_usize()))
            .filter(|(range, term)| self.stands(&text, range, *term))
            .collect();
        hits.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut end = 0;
        hits.retain(|(range, _)| {
            let outside = range.end > end;
            end = end.max(range.end);
            outside
        });
        let mut said: Vec<Said> = hits.into_iter().filter_map(|(range, term)| text.place(term, range)).collect();
        said.sort_by_key(|said| (said.place.start, said.term));
        said
    }

    fn stands(&self, text: &Text, range: &Range<usize>, term: usize) -> bool {
        let Term { inflects, begins_tag, .. } = self.terms[term];
        let in_tag = || begins_tag && text.lower[..range.start].ends_with(['#', '＃']) && !text.is_cut(range.start);
        stands_alone(&text.lower, range.clone(), inflects || in_tag())
    }
}

/// What is looked through: the caption in lower case, and below it the words of its hashtags.
struct Text {
    lower: String,
    caption: Lower,
    /// Where the words of each hashtag begin, and the place of the hashtag.
    below: Vec<(usize, Range<usize>)>,
    /// Hashtags, and what is no text.
    tags: Vec<Range<usize>>,
    silent: Vec<Range<usize>>,
}

impl Text {
    fn of(text: &str, found: &CaptionFindings) -> Self {
        let mut caption = Lower::of(text);
        let mut lower = std::mem::take(&mut caption.text);
        let mut below = Vec::with_capacity(found.hashtag_words.len());
        for (words, place) in found.hashtag_words.iter().zip(ranges(&found.hashtag_words)) {
            lower.push('\n');
            below.push((lower.len(), place));
            lower.push_str(&words.text);
        }
        let silent =
            [&found.urls, &found.mentions, &found.cashtags].into_iter().flat_map(|spans| ranges(spans)).collect();
        Self { lower, caption, below, tags: ranges(&found.hashtags).collect(), silent }
    }

    /// Does a hashtag that stands here have words below?
    fn is_cut(&self, start: usize) -> bool {
        let place = self.caption.original(start..start);
        self.below.iter().any(|(_, tag)| tag.start < place.start && place.start < tag.end)
    }

    /// Where in the caption something was found; `None` if it is no text there.
    fn place(&self, term: usize, range: Range<usize>) -> Option<Said> {
        let last = self.below.partition_point(|(start, _)| *start <= range.start);
        if let Some((_, place)) = last.checked_sub(1).map(|i| &self.below[i]) {
            return Some(Said { term, place: place.clone(), tagged: true });
        }
        let place = self.caption.original(range);
        let over = |other: &&Range<usize>| other.start < place.end && place.start < other.end;
        if self.silent.iter().any(|silent| over(&silent)) {
            return None;
        }
        let tag = self.tags.iter().find(over);
        Some(Said { term, place: tag.unwrap_or(&place).clone(), tagged: tag.is_some() })
    }
}

/// What was said as a finding: a hashtag without its `#`.
pub(crate) fn reason(text: &str, said: &Said) -> TextSpan {
    let slice = text.get(said.place.clone()).unwrap_or_default();
    let shown = if said.tagged { slice.trim_start_matches(['#', '＃']) } else { slice };
    span(shown, said.place.start, said.place.end)
}

/// Has a text any letter or digit?
pub(crate) fn has_words(text: &str) -> bool {
    text.contains(|c: char| is_word_letter(c) || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Caption, Stages};

    fn said(text: &str) -> Vec<(usize, String)> {
        let glossary = Glossary::new([(0, 0.5, "dog*|hot dog|recetas|犬"), (1, 0.9, "hot dog|air fryer")]);
        let found = Stages::standard().run(&Caption::plain(text)).findings;
        glossary.said(text, &found).iter().map(|said| (said.term, reason(text, said).text)).collect()
    }

    #[test]
    fn whole_words_and_inflections() {
        assert_eq!(said("Doggies, hotdogs").len(), 1);
        assert_eq!(said("İİ my DOG 犬好き").into_iter().map(|said| said.1).collect::<Vec<_>>(), ["DOG", "犬"]);
    }

    #[test]
    fn the_longest_counts() {
        assert_eq!(said("a hot dog").into_iter().map(|said| said.1).collect::<Vec<_>>(), ["hot dog"]);
    }

    #[test]
    fn hashtags_count_by_their_words() {
        let texts = |text| said(text).into_iter().map(|said| said.1).collect::<Vec<_>>();
        assert_eq!(texts("#airfryer #dogsoftiktok"), ["airfryer", "dogsoftiktok", "dogsoftiktok"]);
        assert_eq!(texts("#recetasfaciles"), ["recetasfaciles"]);
        assert_eq!(texts("@dog https://dog.com"), [""; 0]);
    }
}
