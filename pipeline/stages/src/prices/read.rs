//! From numbers and the units beside them to prices.

use super::numeral::{Numeral, digit, numerals};
use super::price::{Hints, Kind, Price};
use super::units::{self, Match, Unit, Use};
use super::{around, words};
use std::ops::Range;
use tidelake_schemas::Amount;

/// The prices of a text, from left to right. `taken` are spans that hold none: URLs, hashtags, mentions.
pub(super) fn prices(text: &str, hints: Hints<'_>, taken: &[Range<usize>]) -> Vec<Price> {
    let mut numbers = numerals(text);
    numbers.extend(words::spoken(text));
    numbers.sort_by_key(|number| number.span.start);
    numbers.retain(|n| !taken.iter().any(|span| span.start < n.span.end && n.span.start < span.end));
    if numbers.is_empty() {
        return Vec::new();
    }
    let reader = Reader { text, hints, regional: hints.region.and_then(units::money_of), numbers };
    let found = reader.read();
    if found.is_empty() { reader.bare().into_iter().collect() } else { found }
}

struct Reader<'a> {
    text: &'a str,
    hints: Hints<'a>,
    regional: Option<&'static str>,
    numbers: Vec<Numeral>,
}

/// A number with the money beside it, if there is any.
struct Sum {
    number: usize,
    amount: Amount,
    span: Range<usize>,
    money: Option<Money>,
}

#[derive(Clone)]
struct Money {
    unit: &'static Unit,
    qualified: Option<&'static str>,
    symbol: Range<usize>,
    prefixed: bool,
}

impl<'a> Reader<'a> {
    fn read(&self) -> Vec<Price> {
        let sums = self.sums();
        let mut found = Vec::new();
        let mut i = 0;
        while let Some(sum) = sums.get(i) {
            let range = sums.get(i + 1).filter(|next| self.is_range(sum, next));
            match (range, &sum.money) {
                (Some(next), _) => {
                    let money = sum.money.as_ref().or(next.money.as_ref());
                    let (low, high) = (self.scaled_like(sum, next), next.amount);
                    found.extend(money.map(|m| self.price(low, &sum.span, m, Some(Kind::RangeFrom))));
                    let money = next.money.as_ref().or(money);
                    found.extend(money.map(|m| self.price(high, &next.span, m, Some(Kind::RangeTo))));
                    i += 2;
                }
                (None, Some(money)) => {
                    found.push(self.price(sum.amount, &sum.span, money, None));
                    i += 1;
                }
                (None, None) => i += 1,
            }
        }
        found
    }

    /// 10-20k: the first is in thousands too.
    fn scaled_like(&self, low: &Sum, high: &Sum) -> Amount {
        let plain = self.numbers[high.number].value;
        let factor = [1_000, 1_000_000].into_iter().find(|factor| plain.times(*factor) == Some(high.amount));
        let alike = low.amount == self.numbers[low.number].value && low.amount < plain;
        factor.filter(|_| alike).and_then(|factor| low.amount.times(factor)).unwrap_or(low.amount)
    }

    fn is_range(&self, low: &Sum, high: &Sum) -> bool {
        let between = self.text.get(low.span.end..high.span.start);
        let any_money = low.money.is_some() || high.money.is_some();
        let same = match (&low.money, &high.money) {
            (Some(a), Some(b)) => std::ptr::eq(a.unit, b.unit),
            // "$5 to 10 people" is no range of prices, "5 to 10 $" is.
            (Some(a), None) => a.prefixed && !self.counts_something(high.span.end),
            _ => true,
        };
        let between = between.filter(|_| any_money && same && low.amount < high.amount);
        between.is_some_and(|between| around::joins_range(self.text, low.span.start, between))
    }

    /// Does a noun follow: is the number a count of something?
    fn counts_something(&self, end: usize) -> bool {
        let rest = &self.text[end..];
        rest.starts_with('%') || rest.trim_start_matches(' ').starts_with(char::is_alphabetic)
    }

    /// Every number, with what stands beside it.
    fn sums(&self) -> Vec<Sum> {
        let mut sums: Vec<Sum> = Vec::new();
        let mut from = 0;
        let mut i = 0;
        while i < self.numbers.len() {
            let (sum, after) = self.sum(i, from);
            let (mut sum, next) = match &sum.money {
                Some(money) if !money.prefixed => self.with_hundredths(sum, after),
                _ => (sum, after),
            };
            if self.numbers[i].doubtful && next == i + 1 {
                sum.money = None;
            }
            if sum.money.is_some() {
                from = sum.span.end;
            }
            // A sum can take in numbers beside it: 20 dollars 43 cents.
            i = next;
            sums.push(sum);
        }
        sums
    }

    /// The number at `index` with what stands beside it, and the index of the next.
    fn sum(&self, index: usize, from: usize) -> (Sum, usize) {
        let number = &self.numbers[index];
        let spaced = self.spaced_decimals(number);
        let digits_end = spaced.as_ref().map_or(number.span.end, |(end, _)| *end);
        let (end, factor) = multiplier(self.text, digits_end);
        let scaled = |amount: Amount| amount.times(factor).unwrap_or(amount);
        let amount = scaled(spaced.map_or(number.value, |(_, amount)| amount));
        let (end, amount, next) = self.compound(index, end, factor, amount);
        let (prefix, suffix) = (self.prefix(number, from), self.suffix(number, end));
        let start = prefix.map_or(number.span.start, |m| m.start);
        let close = suffix.map_or(end, |m| m.end);
        let Some(money) = self.money(prefix, suffix) else {
            return (Sum { number: index, amount, span: number.span.start..end, money: None }, next);
        };
        let span = if money.prefixed && !self.both(prefix, suffix) { start..end } else { start..close };
        let three =
            number.thousandths.filter(|_| money.unit.currency(money.qualified, self.regional).is_some_and(has_three));
        let amount = three.filter(|_| self.text[number.span.clone()].contains('.')).map_or(amount, scaled);
        (self.accepted(Sum { number: index, amount, span, money: Some(money) }), next)
    }

    /// 1万5千, 2万5000, 3만 5천: a smaller number right behind one that a sign has multiplied belongs to it.
    fn compound(&self, index: usize, end: usize, factor: u64, amount: Amount) -> (usize, Amount, usize) {
        let alone = (end, amount, index + 1);
        let signed = self.text[..end].ends_with(['万', '萬', '만', '千', '천', '億', '亿', '억']);
        let Some(number) = self.numbers.get(index + 1).filter(|_| signed) else { return alone };
        let between = self.text.get(end..number.span.start);
        let (close, smaller) = multiplier(self.text, number.span.end);
        let part = number.value.times(smaller).filter(|part| Amount::whole(1).times(factor).is_some_and(|f| *part < f));
        match part.filter(|_| number.value.is_whole() && matches!(between, Some("" | " "))) {
            Some(part) => (close, amount.plus(part), index + 2),
            None => alone,
        }
    }

    /// `8. 94`: a space after the separator, as typed by hand, when nothing but money follows.
    fn spaced_decimals(&self, number: &Numeral) -> Option<(usize, Amount)> {
        let rest = self.text[number.span.end..].strip_prefix(['.', ','])?.strip_prefix(' ')?;
        let digits = rest.chars().map_while(digit).collect::<Vec<_>>();
        let end = self.text.len() - rest.len() + rest.chars().take(digits.len()).map(char::len_utf8).sum::<usize>();
        let after = units::skip_space(self.text, end);
        let closes = self.text[end..].trim().is_empty() || units::starting_at(self.text, after).is_some();
        let whole = number.value.is_whole() && number.decimals == 0;
        let fits = digits.len() == 2 && whole && closes;
        let hundredths = Amount::from_digits(&digits, &[]).filter(|_| fits)?;
        Some((end, number.value.plus_hundredths(hundredths)))
    }

    fn prefix(&self, number: &Numeral, from: usize) -> Option<Match> {
        if number.spoken {
            return None;
        }
        let head = &self.text[..number.span.start];
        // `$.75,333`: a stray point.
        let head = head.strip_suffix('.').filter(|h| h.ends_with(['$', '€', '£'])).unwrap_or(head);
        let trimmed = head.trim_end_matches([' ', '\u{a0}', '\u{2009}', '\u{202f}']);
        let spaces = head[trimmed.len()..].chars().count();
        if spaces > 2 {
            return None;
        }
        let dotless = trimmed.strip_suffix('.');
        let found = units::ending_at(self.text, trimmed.len());
        let found = found.or_else(|| {
            dotless.and_then(|d| units::ending_at(self.text, d.len())).filter(|m| m.unit.usage == Use::Abbreviation)
        });
        found.filter(|m| m.start >= from && self.may_stand_before(m, number, spaces))
    }

    fn may_stand_before(&self, found: &Match, number: &Numeral, spaces: usize) -> bool {
        /// Abbreviations of money that are more often something else.
        const SHORT: [&str; 24] = [
            "BD", "DA", "DT", "FC", "FG", "Fr", "JD", "KD", "LD", "LE", "LL", "LS", "MK", "MT", "Mt", "Nu", "QR", "RF",
            "RO", "SR", "VT", "Vt", "YR", "ZK",
        ];
        /// Words of money that are everyday words before a number: we won 3 games.
        const EVERYDAY: [&str; 6] = ["won", "real", "peso", "sum", "som", "sol"];
        let exact = number.decimals > 0 || number.grouped;
        let digits = number.span.len();
        let named = &self.text[found.start..found.end];
        let known = || self.alone(found.start..number.span.end) || found.unit.is_of(self.regional);
        match found.unit.usage {
            Use::Symbol => true,
            Use::Abbreviation => {
                // FC 25 is a game, MT 07 a motorcycle, Fr 12.5. a date.
                let short = SHORT.contains(&named.trim_end_matches('.'));
                let date = self.text[number.span.end..].starts_with('.');
                !short || !date && (exact || spaces == 0 || known())
            }
            // Euro 2024 is a championship.
            Use::Word => spaces > 0 && (exact || digits != 4 && !EVERYDAY.contains(&named.to_lowercase().as_str())),
            Use::Code => {
                let year = digits == 4 && (1900..2100).any(|year| number.value == Amount::whole(year));
                let plain = named.chars().all(|c| c.is_ascii_uppercase()) && !units::is_everyday(named) && !year;
                exact || spaces == 0 || plain || known()
            }
            // The Audi R8, but R8,499.
            Use::Weak => exact || digits >= 3 && spaces == 0 && self.text[found.start..].starts_with('R'),
            Use::Minor => false,
        }
    }

    fn suffix(&self, number: &Numeral, end: usize) -> Option<Match> {
        let at = units::skip_space(self.text, end);
        let rest = &self.text[at..];
        // 42 de rupii, 10 mil de pesos; a 20-dollar bill.
        let linked =
            rest.strip_prefix("de ").or_else(|| rest.strip_prefix('-').filter(|r| r.starts_with(char::is_alphabetic)));
        let at = linked.map_or(at, |linked| self.text.len() - linked.len());
        let found = units::starting_at(self.text, at)?;
        let attached = at == end;
        let fits = match found.unit.usage {
            // A symbol that belongs to the next number: 5 $10.
            Use::Symbol => attached || !self.text[found.end..].starts_with(|c| digit(c).is_some()),
            Use::Weak => self.weak_fits(&found, number),
            Use::Minor => self.minor_stands_alone(&found, number),
            _ => true,
        };
        fits.then_some(found)
    }

    fn weak_fits(&self, found: &Match, number: &Numeral) -> bool {
        let named = &self.text[found.start..found.end];
        found.unit.is_of(self.regional)
            || self.alone(number.span.start..found.end)
            || (named == "Ft" && (number.grouped || number.value >= Amount::whole(100)))
    }

    /// Letters for hundredths (`43c`, `1080p`) only count where they can mean nothing else.
    fn minor_stands_alone(&self, found: &Match, number: &Numeral) -> bool {
        let named = &self.text[found.start..found.end];
        let letters = named.chars().count();
        letters > 2 || named == "¢" || (number.value < Amount::whole(100) && found.unit.is_of(self.regional))
    }

    /// Is this all that the text says?
    fn alone(&self, span: Range<usize>) -> bool {
        let idle = |text: &str| text.chars().all(|c| !c.is_alphanumeric());
        idle(&self.text[..span.start]) && idle(&self.text[span.end..])
    }

    fn both(&self, prefix: Option<Match>, suffix: Option<Match>) -> bool {
        matches!((prefix, suffix), (Some(p), Some(s)) if specifies(&p, &s) || specifies(&s, &p))
    }

    /// Of the units on both sides, the one that names the money: the one before, unless the one after says it more
    /// exactly ($50 AUD).
    fn money(&self, prefix: Option<Match>, suffix: Option<Match>) -> Option<Money> {
        let (found, prefixed) = match (prefix, suffix) {
            (Some(p), Some(s)) if specifies(&s, &p) => (s, true),
            (Some(p), _) => (p, true),
            (None, s) => (s?, false),
        };
        Some(Money { unit: found.unit, qualified: found.qualified, symbol: found.start..found.end, prefixed })
    }

    /// 20 dollars [and] 43 [cents]; 35 € 99.
    fn with_hundredths(&self, sum: Sum, next: usize) -> (Sum, usize) {
        let Some(number) = self.numbers.get(next) else { return (sum, next) };
        let Some(between) = self.text.get(sum.span.end..number.span.start) else { return (sum, next) };
        let small = number.value < Amount::whole(100) && number.value.is_whole() && sum.amount.is_whole();
        if !small || !around::joins_parts(between) || self.is_minor(&sum) {
            return (sum, next);
        }
        let at = units::skip_space(self.text, number.span.end);
        let cents = units::starting_at(self.text, at).filter(|m| m.unit.usage == Use::Minor);
        let two_digits = number.span.len() == 2 && (between.is_empty() || self.closes(number.span.end));
        let end = match cents {
            Some(cents) => cents.end,
            None if two_digits => number.span.end,
            None => return (sum, next),
        };
        let amount = sum.amount.plus_hundredths(number.value);
        (Sum { amount, span: sum.span.start..end, ..sum }, next + 1)
    }

    fn is_minor(&self, sum: &Sum) -> bool {
        sum.money.as_ref().is_some_and(|money| money.unit.usage == Use::Minor)
    }

    /// Nothing follows that the number could count.
    fn closes(&self, end: usize) -> bool {
        let rest = self.text[end..].trim_start_matches(' ');
        rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '%' | ':' | '-' | '/'))
            || rest.starts_with("dont ")
    }

    /// Takes the money away from sums that are none.
    fn accepted(&self, mut sum: Sum) -> Sum {
        let number = &self.numbers[sum.number];
        let head = &self.text[..number.span.start];
        let tail = &self.text[number.span.end..];
        let clock = head.ends_with(':') && head.trim_end_matches(':').ends_with(|c| digit(c).is_some())
            || tail.strip_prefix(':').is_some_and(|rest| rest.starts_with(|c| digit(c).is_some()));
        let attached = head.chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric() || c == '#' || c == '_');
        let prefixed = sum.money.as_ref().is_some_and(|money| money.prefixed);
        let is_pound = |name: &str| ["pound", "libra", "фунт"].iter().any(|pound| name.starts_with(pound));
        let pounds = sum.money.as_ref().is_some_and(|m| is_pound(&self.text[m.symbol.clone()].to_lowercase()));
        if clock || (attached && !prefixed) || (pounds && around::is_weight(self.text, &sum.span)) {
            sum.money = None;
        }
        sum
    }

    fn price(&self, amount: Amount, span: &Range<usize>, money: &Money, kind: Option<Kind>) -> Price {
        let symbol = self.text[money.symbol.clone()].trim_end_matches('.').to_owned();
        let hinted = self.hinted();
        let currency =
            money.unit.currency(money.qualified, self.regional.or(hinted.filter(|h| money.unit.is_of(Some(h)))));
        let minor = money.unit.usage == Use::Minor;
        let amount = if minor && currency.is_some() { amount.hundredth() } else { amount };
        Price {
            amount,
            currency: Some(currency.map_or_else(|| symbol.clone(), str::to_owned)),
            symbol: Some(self.text[money.symbol.clone()].to_owned()),
            kind: kind.unwrap_or_else(|| around::kind(self.text, span)),
            span: span.clone(),
        }
    }

    /// The currency of the hint, where it names one.
    fn hinted(&self) -> Option<&'static str> {
        let (unit, _) = unit_in(self.hints.currency?)?;
        unit.currency(None, self.regional)
    }

    /// A number without money: a price when a hint says so, or when it has two decimals and stands alone or per piece.
    fn bare(&self) -> Option<Price> {
        let hint = self.hints.currency;
        let price = self.numbers.iter().find(|number| {
            let tail = &self.text[number.span.end..];
            let percent = tail.trim_start_matches(' ').starts_with('%');
            let says_so = self.alone(number.span.clone()) || around::is_per_unit(self.text, number.span.end);
            !percent && (hint.is_some() || (number.decimals >= 2 && says_so))
        })?;
        let named = hint.and_then(unit_in);
        let currency = named.map(|(unit, name)| unit.currency(None, self.regional).map_or(name, str::to_owned));
        let kind = around::kind(self.text, &price.span);
        Some(Price { amount: price.value, currency, symbol: None, kind, span: price.span.clone() })
    }
}

/// Does the first say more exactly what the second says? `AUD` after `$50`.
fn specifies(first: &Match, second: &Match) -> bool {
    first.unit.usage == Use::Code
        && second.unit.usage == Use::Symbol
        && first.unit.currency(None, None).is_some_and(|code| second.unit.is_of(Some(code)))
}

/// The first unit anywhere in a text, and how it is written.
fn unit_in(text: &str) -> Option<(&'static Unit, String)> {
    let starts = text.char_indices().filter(|(i, c)| {
        !c.is_whitespace() && digit(*c).is_none() && !(c.is_alphabetic() && text[..*i].ends_with(char::is_alphabetic))
    });
    starts.filter_map(|(start, _)| units::starting_at(text, start)).find(|m| m.unit.usage != Use::Minor).map(|m| {
        let named = text[m.start..m.end].trim_end_matches('.').to_owned();
        (m.unit, named)
    })
}

/// Money that has thousandths.
fn has_three(currency: &str) -> bool {
    matches!(currency, "KWD" | "BHD" | "OMR" | "JOD" | "TND" | "IQD" | "LYD")
}

/// Where a multiplier after a number ends, and what it multiplies by.
fn multiplier(text: &str, end: usize) -> (usize, u64) {
    /// Attached to the digits, before anything but a letter.
    const LETTERS: [(&str, u64); 7] = [
        ("k", 1_000),
        ("K", 1_000),
        ("к", 1_000),
        ("M", 1_000_000),
        ("m", 1_000_000),
        ("B", 1_000_000_000),
        ("rb", 1_000),
    ];
    /// Of scripts that part no words.
    const SIGNS: [(&str, u64); 8] = [
        ("万", 10_000),
        ("萬", 10_000),
        ("만", 10_000),
        ("億", 100_000_000),
        ("亿", 100_000_000),
        ("억", 100_000_000),
        ("千", 1_000),
        ("천", 1_000),
    ];
    const STEMS: [(&str, u64); 36] = [
        ("tsd", 1_000),
        ("هزار", 1_000),
        ("ألف", 1_000),
        ("الف", 1_000),
        ("مليون", 1_000_000),
        ("میلیون", 1_000_000),
        ("thousand", 1_000),
        ("tausend", 1_000),
        ("mila", 1_000),
        ("mil", 1_000),
        ("mille", 1_000),
        ("тыс", 1_000),
        ("тысяч", 1_000),
        ("tusen", 1_000),
        ("tys", 1_000),
        ("ribu", 1_000),
        ("rb", 1_000),
        ("nghìn", 1_000),
        ("ngàn", 1_000),
        ("bin", 1_000),
        ("juta", 1_000_000),
        ("jt", 1_000_000),
        ("triệu", 1_000_000),
        ("lakh", 100_000),
        ("crore", 10_000_000),
        ("million", 1_000_000),
        ("millón", 1_000_000),
        ("milhão", 1_000_000),
        ("milhões", 1_000_000),
        ("millones", 1_000_000),
        ("milion", 1_000_000),
        ("milyon", 1_000_000),
        ("mio", 1_000_000),
        ("mln", 1_000_000),
        ("млн", 1_000_000),
        ("миллион", 1_000_000),
    ];
    const BILLIONS: [(&str, u64); 8] = [
        ("billion", 1_000_000_000),
        ("bn", 1_000_000_000),
        ("mrd", 1_000_000_000),
        ("mld", 1_000_000_000),
        ("млрд", 1_000_000_000),
        ("миллиард", 1_000_000_000),
        ("tỷ", 1_000_000_000),
        ("מיליון", 1_000_000),
    ];
    let rest = &text[end..];
    if let Some((sign, factor)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return (end + sign.len(), *factor);
    }
    let letter = LETTERS.iter().find(|(letter, _)| {
        let after = rest.strip_prefix(letter);
        after.is_some_and(|after| !after.starts_with(char::is_alphanumeric))
    });
    if let Some((letter, factor)) = letter {
        return (end + letter.len(), *factor);
    }
    let start = units::skip_space(text, end);
    let word = text[start..].split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase();
    let stem = STEMS.iter().chain(&BILLIONS).find(|(stem, _)| {
        // Short ones do not inflect: `mil` is not the beginning of `miles`.
        word == *stem || (stem.chars().count() > 4 && word.starts_with(stem) && word.len() <= stem.len() + 6)
    });
    match stem {
        Some((stem, factor)) => {
            let dot = stem.chars().count() <= 3 && text[start + word.len()..].starts_with('.');
            (start + word.len() + usize::from(dot), *factor)
        }
        None => (end, 1),
    }
}
