//! Products that are known without a catalogue: brands and the lines of `data/product_lines.tsv`, whose head explains how
//! they are written. Few and certain rather than many: a line needs its brand or a name that nothing else has.

use super::fold::Folded;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

const LINES: &str = include_str!("../../data/product_lines.tsv");
/// Words a name may have between its brand and its kind.
const WORDS_BETWEEN: usize = 3;

/// A product line in a caption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub brand: &'static str,
    /// In the folded caption.
    pub range: Range<usize>,
    /// Does more than one word say so?
    pub certain: bool,
}

struct Line {
    brand: &'static str,
    steps: Vec<Step>,
}

#[derive(Clone, Default)]
struct Step {
    /// One of these; each is pieces between which a space may stand.
    choices: Vec<Vec<Piece>>,
    /// Words with capitals instead.
    words: bool,
    optional: bool,
    capital: bool,
}

type Piece = Vec<Atom>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Atom {
    Letters(String),
    /// A number of up to so many digits.
    Digits(usize),
}

struct Table {
    /// Finds how lines begin.
    automaton: AhoCorasick,
    /// Of each beginning, lines and the step that begins so.
    begins: Vec<Vec<(usize, usize)>>,
    lines: Vec<Line>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rows = || LINES.lines().filter(|row| !row.starts_with('#')).filter_map(|row| row.split_once('\t'));
    let kinds: BTreeMap<&str, &str> = rows().filter(|(head, _)| head.starts_with('@')).collect();
    let mut lines = Vec::new();
    for (brand, written) in rows().filter(|(head, _)| !head.starts_with('@')) {
        for line in written.split('|') {
            lines.push(Line { brand, steps: line.split_whitespace().map(|step| self::step(step, &kinds)).collect() });
        }
    }
    let mut heads: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        for (i, step) in line.steps.iter().enumerate() {
            for choice in &step.choices {
                if let Some(Atom::Letters(head)) = choice.first().and_then(|piece| piece.first()) {
                    let begins = heads.entry(head.clone()).or_default();
                    if begins.last() != Some(&(at, i)) {
                        begins.push((at, i));
                    }
                }
            }
            if !step.optional {
                break;
            }
        }
    }
    let automaton = AhoCorasickBuilder::new().match_kind(MatchKind::Standard).build(heads.keys());
    let automaton = automaton.unwrap_or_else(|e| unreachable!("lines that are compiled in: {e}"));
    Table { automaton, begins: heads.into_values().collect(), lines }
});

fn step(written: &str, kinds: &BTreeMap<&str, &str>) -> Step {
    let bare = written.trim_start_matches('^').trim_end_matches('?');
    if bare == "~" {
        return Step { words: true, ..Step::default() };
    }
    let words = bare.split('/').flat_map(|word| kinds.get(word).copied().unwrap_or(word).split('/'));
    let choices = words.map(|word| word.split('_').map(piece).collect()).collect();
    Step { choices, words: false, optional: written.ends_with('?'), capital: written.starts_with('^') }
}

fn piece(written: &str) -> Piece {
    let mut atoms: Piece = Vec::new();
    for c in written.chars() {
        match (atoms.last_mut(), c) {
            (Some(Atom::Digits(most)), '#') => *most = 4,
            (_, '#') => atoms.push(Atom::Digits(2)),
            (Some(Atom::Letters(letters)), c) => letters.push(c),
            (_, c) => atoms.push(Atom::Letters(c.to_string())),
        }
    }
    atoms
}

/// The product lines of a caption: from left to right, of those that overlap the longest.
pub(super) fn find(text: &str, folded: &Folded) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for hit in TABLE.automaton.find_overlapping_iter(&folded.text).filter(|hit| folded.starts(hit.start())) {
        for (line, first) in &TABLE.begins[hit.pattern().as_usize()] {
            let Line { brand, steps } = &TABLE.lines[*line];
            let reader = Reader { text, folded, start: hit.start() };
            let Some((end, used)) = reader.steps(&steps[*first..], hit.start(), false) else { continue };
            found.push(Found { brand, range: hit.start()..end, certain: used > 1 });
        }
    }
    found.sort_by_key(|f| (f.range.start, std::cmp::Reverse(f.range.end), !f.certain, f.brand));
    let mut kept: Vec<Found> = Vec::new();
    for one in found {
        if kept.last().is_none_or(|last| last.range.end <= one.range.start) {
            kept.push(one);
        }
    }
    kept
}

/// Reads lines from a caption.
struct Reader<'a> {
    text: &'a str,
    folded: &'a Folded,
    /// Where the line begins.
    start: usize,
}

impl Reader<'_> {
    /// Where the steps end that begin here, the furthest if they can be read in several ways, and how many there were.
    fn steps(&self, steps: &[Step], at: usize, inside: bool) -> Option<(usize, usize)> {
        let Some((step, rest)) = steps.split_first() else {
            return self.folded.end_of_name(at).map(|end| (end, 0));
        };
        if step.words {
            let mut ends = vec![at];
            while let Some(end) = ends.last().filter(|_| ends.len() <= WORDS_BETWEEN).and_then(|end| self.word(*end)) {
                ends.push(end);
            }
            return ends.into_iter().filter_map(|end| self.steps(rest, end, true)).max();
        }
        let skipped = if step.optional && inside { self.steps(rest, at, true) } else { None };
        let capital = !step.capital || self.is_capital(at);
        let ends = step.choices.iter().filter(|_| capital).filter_map(|choice| self.pieces(choice, at));
        let taken = ends.filter_map(|end| self.steps(rest, end, true)).map(|(end, used)| (end, used + 1)).max();
        taken.max(skipped)
    }

    fn pieces(&self, pieces: &[Piece], at: usize) -> Option<usize> {
        pieces.iter().try_fold(at, |at, piece| self.piece(piece, at))
    }

    /// Where a piece ends: nothing stands between its letters.
    fn piece(&self, piece: &[Atom], at: usize) -> Option<usize> {
        let mut end = at;
        for atom in piece {
            let rest = &self.folded.text[end..];
            end += match atom {
                Atom::Letters(letters) => rest.starts_with(letters.as_str()).then_some(letters.len())?,
                Atom::Digits(most) => {
                    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                    (1..=*most).contains(&digits).then_some(digits)?
                }
            };
        }
        (self.folded.is_unbroken(at..end) && self.follows(at)).then_some(end)
    }

    /// Where the word with a capital ends that begins here.
    fn word(&self, at: usize) -> Option<usize> {
        if at >= self.folded.text.len() || !self.folded.starts(at) || !self.is_capital(at) || !self.follows(at) {
            return None;
        }
        (at + 1..=self.folded.text.len()).find(|end| self.folded.ends(*end))
    }

    /// Does nothing stand before it that sets several products apart?
    fn follows(&self, at: usize) -> bool {
        at == self.start
            || !self.text[self.folded.between(at)].contains([',', ':', '|', '/', '&', '(', '+', '#', '＃', '、', '，'])
    }

    fn is_capital(&self, at: usize) -> bool {
        let start = self.folded.original(at..at + 1).start;
        self.text[start..].starts_with(char::is_uppercase) || self.text[..start].ends_with(['#', '@'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&'static str, &str)> {
        let folded = Folded::caption(text);
        find(text, &folded).into_iter().map(|f| (f.brand, &text[folded.original(f.range)])).collect()
    }

    #[test]
    fn lines_and_models() {
        for (text, brand, name) in [
            ("got the iPhone 15 Pro Max today", "Apple", "iPhone 15 Pro Max"),
            ("iphone16e", "Apple", "iphone16e"),
            ("the galaxy s24 ultra, wow", "Samsung", "galaxy s24 ultra"),
            ("Samsung Galaxy Z Flip 6", "Samsung", "Samsung Galaxy Z Flip 6"),
            ("my PS5 broke", "Sony", "PS5"),
            ("air jordan 1 lows", "Nike", "air jordan 1 lows"),
            ("Dyson Airwrap dupe", "Dyson", "Dyson Airwrap"),
            ("my Stanley Quencher tumblers", "Stanley", "Stanley Quencher tumblers"),
            ("rare beauty blush", "Rare Beauty", "rare beauty blush"),
            ("Rare Beauty Soft Pinch Liquid Blush!", "Rare Beauty", "Rare Beauty Soft Pinch Liquid Blush"),
            ("#iphone15promax #fyp", "Apple", "iphone15promax"),
            ("#AirPodsPro", "Apple", "AirPodsPro"),
            ("New Balance 9060, grey", "New Balance", "New Balance 9060"),
            ("Nike, Adidas Shoes", "Adidas", "Adidas Shoes"),
            ("e.l.f. Halo Glow filter", "e.l.f.", "e.l.f. Halo Glow filter"),
        ] {
            assert_eq!(found(text), [(brand, name)], "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "the galaxy is big",
            "i switch jobs",
            "an apple a day",
            "the stanley cup finals",
            "rare beauty is my favourite",
            "in the ordinary serum aisle",
            "jordan 4 prime minister",
            "model 3",
            "Nike, Puma and other shoes",
            "Nike / shoes",
            "#nike #shoes",
            "psst 5",
            "iphones15x",
            "samsung",
            "dior",
            "my ninja turtle",
            "shark week",
            "prime time",
            "legolas set",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
