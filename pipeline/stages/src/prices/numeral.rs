//! Numbers as people write them: digits of any script, grouped and with decimals by any locale's habit.

use std::ops::Range;
use tidelake_schemas::Amount;

/// A number in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numeral {
    /// Where its digits stand, with what belongs to them (`25,-`).
    pub span: Range<usize>,
    /// What it says.
    pub value: Amount,
    /// What it says if its only separator, three digits from the end, is a decimal one: 423.923.
    pub thousandths: Option<Amount>,
    /// It has groups of thousands.
    pub grouped: bool,
    /// Digits after the decimal separator.
    pub decimals: usize,
    /// It is written in words.
    pub spoken: bool,
    /// It may be no number at all.
    pub doubtful: bool,
}

/// The value of a decimal digit, in the scripts that people type prices in.
pub(crate) fn digit(c: char) -> Option<u32> {
    /// The zeros: Arabic, Persian, Devanagari, Bengali, Thai, full-width.
    const ZEROS: [u32; 6] = [0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xFF10];
    c.to_digit(10).or_else(|| {
        let code = u32::from(c);
        ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).map(|zero| code - zero)
    })
}

/// Could this byte begin a digit? Most captions hold none, and are done with.
pub(super) fn may_hold_digits(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit() || matches!(b, 0xD9 | 0xDB | 0xE0 | 0xEF))
}

/// The numbers of a text, from left to right.
pub(super) fn numerals(text: &str) -> Vec<Numeral> {
    let mut found = Vec::new();
    if !may_hold_digits(text) {
        return found;
    }
    let mut at = 0;
    while let Some(start) = next_digit(text, at) {
        let runs = Runs::read(text, start);
        at = runs.end();
        found.extend(runs.numeral(text));
    }
    found
}

fn next_digit(text: &str, from: usize) -> Option<usize> {
    text[from..].char_indices().find(|(_, c)| digit(*c).is_some()).map(|(at, _)| from + at)
}

/// Runs of digits with a separator between them.
struct Runs {
    /// Where each run stands, and the separator before it.
    runs: Vec<(char, Range<usize>)>,
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}')
}

const fn is_separator(c: char) -> bool {
    matches!(c, '.' | ',' | '\'' | '’' | '٫' | '٬') || is_space(c)
}

/// The end of the digits that begin at `start`, and how many they are.
fn run(text: &str, start: usize) -> (Range<usize>, usize) {
    let digits = text[start..].chars().take_while(|c| digit(*c).is_some());
    let (count, bytes) = digits.fold((0, 0), |(count, bytes), c| (count + 1, bytes + c.len_utf8()));
    (start..start + bytes, count)
}

impl Runs {
    fn read(text: &str, start: usize) -> Self {
        let (first, count) = run(text, start);
        let mut runs = vec![('\0', first)];
        let mut head = count;
        while let Some(separator) = text[Self::end_of(&runs)..].chars().next().filter(|c| is_separator(*c)) {
            let (next, count) = run(text, Self::end_of(&runs) + separator.len_utf8());
            // A space only parts groups of three, after a group of one to three.
            let grouping = count == 3 && head <= 3 && runs.iter().skip(1).all(|(before, _)| is_space(*before));
            if count == 0 || (is_space(separator) && !grouping) {
                break;
            }
            head = count;
            runs.push((separator, next));
        }
        Self { runs }
    }

    fn end_of(runs: &[(char, Range<usize>)]) -> usize {
        runs.last().map_or(0, |(_, range)| range.end)
    }

    fn end(&self) -> usize {
        Self::end_of(&self.runs)
    }

    fn separators(&self) -> impl DoubleEndedIterator<Item = char> {
        self.runs.iter().skip(1).map(|(separator, _)| *separator)
    }

    fn len(text: &str, range: &Range<usize>) -> usize {
        text[range.clone()].chars().count()
    }

    /// How many of the runs are whole (the rest is the fraction): `None` for what is no number, as 12.05.2024.
    fn whole_runs(&self, text: &str) -> Option<usize> {
        let all = self.runs.len();
        let Some(last) = self.separators().next_back() else { return Some(1) };
        let same = self.separators().filter(|c| *c == last).count();
        let (others, last_len) = (all - 1 - same, Self::len(text, &self.runs[all - 1].1));
        let groups = |count: usize| self.are_groups(text, count).then_some(count);
        match last {
            '٫' if same == 1 => groups(all - 1),
            '.' | ',' if same == 1 && others > 0 => groups(all - 1),
            '.' | ',' if same == 1 && (last_len != 3 || self.starts_like_a_fraction(text)) => Some(all - 1),
            _ => groups(all),
        }
    }

    /// 0.125, and 1234.567: no group stands before the separator.
    fn starts_like_a_fraction(&self, text: &str) -> bool {
        let first = &text[self.runs[0].1.clone()];
        first.chars().count() > 3 || first.chars().all(|c| digit(c) == Some(0))
    }

    /// Groups of three, or of two before a last one of three (lakh and crore).
    fn are_groups(&self, text: &str, count: usize) -> bool {
        let lens = self.runs[..count].iter().map(|(_, range)| Self::len(text, range)).collect::<Vec<_>>();
        let one_separator = self.separators().take(count.saturating_sub(1)).collect::<Vec<_>>();
        let rest = lens.get(1..).unwrap_or_default();
        let (tail, middle) = (rest.last(), rest.split_last().map_or(&[][..], |(_, middle)| middle));
        one_separator.windows(2).all(|pair| pair[0] == pair[1])
            && (count == 1 || lens[0] <= 3)
            && tail.is_none_or(|len| *len == 3)
            && (middle.iter().all(|len| *len == 3) || middle.iter().all(|len| *len == 2))
    }

    fn numeral(&self, text: &str) -> Option<Numeral> {
        let whole = self.whole_runs(text)?;
        let digits = |runs: &[(char, Range<usize>)]| {
            runs.iter().flat_map(|(_, range)| text[range.clone()].chars().filter_map(digit)).collect::<Vec<_>>()
        };
        let fraction = digits(&self.runs[whole..]);
        let ambiguous = whole == 2 && self.runs.len() == 2 && matches!(self.runs[1].0, '.' | ',');
        let point = self.leading_point(text) && whole == 1 && fraction.is_empty();
        let value = if point {
            Amount::from_digits(&[], &digits(&self.runs))?
        } else {
            Amount::from_digits(&digits(&self.runs[..whole]), &fraction)?
        };
        let thousandths =
            if ambiguous { Amount::from_digits(&digits(&self.runs[..1]), &digits(&self.runs[1..])) } else { None };
        let start = self.runs[0].1.start - usize::from(point);
        let span = start..self.end() + round_mark(&text[self.end()..]);
        Some(Numeral {
            span,
            value,
            thousandths,
            grouped: whole > 1,
            decimals: fraction.len(),
            spoken: false,
            doubtful: false,
        })
    }

    /// `.75`, with nothing that the point could belong to.
    fn leading_point(&self, text: &str) -> bool {
        let before = text[..self.runs[0].1.start].strip_suffix('.');
        before.is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric() || c == '.'))
    }
}

/// The bytes of `,-` and the like, which say that nothing comes after the whole.
fn round_mark(rest: &str) -> usize {
    let mut chars = rest.chars();
    match (chars.next(), chars.next()) {
        (Some(first @ (',' | '.')), Some(dash @ ('-' | '–' | '—')))
            if !chars.next().is_some_and(|c| c.is_alphanumeric()) =>
        {
            first.len_utf8() + dash.len_utf8()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        numerals(text).into_iter().map(|n| n.value.to_string()).collect()
    }

    #[test]
    fn separators_mean_what_their_places_say() {
        for (text, value) in [
            ("1.299,00", "1299"),
            ("1,299.00", "1299"),
            ("1 299", "1299"),
            ("1\u{202f}690,54", "1690.54"),
            ("163,900", "163900"),
            ("1,00,000", "100000"),
            ("1'299.50", "1299.5"),
            ("0.125", "0.125"),
            ("1234.567", "1234.567"),
            ("١٢٣", "123"),
            ("١٬٢٣٤٫٥", "1234.5"),
            ("25,-", "25"),
            (".75", "0.75"),
            ("1.11000000000000009770", "1.11"),
        ] {
            assert_eq!(values(text), [value], "{text}");
        }
    }

    #[test]
    fn dates_versions_and_lists_are_no_numbers() {
        assert_eq!(values("12.05.2024"), Vec::<String>::new());
        assert_eq!(values("v1.2.3"), Vec::<String>::new());
        assert_eq!(values("245 23"), ["245", "23"]);
        assert_eq!(values("1, 2, 3"), ["1", "2", "3"]);
    }

    #[test]
    fn three_decimals_are_remembered() {
        let found = numerals("423.923");
        assert_eq!(found[0].value.to_string(), "423923");
        assert_eq!(found[0].thousandths.map(|v| v.to_string()).as_deref(), Some("423.923"));
    }
}
