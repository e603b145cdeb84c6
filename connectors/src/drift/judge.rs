//! Is it a change, or chance?

use super::DriftKind;
use super::stats::{Form, Numbers, Stats, Type};

/// Nothing is judged against fewer records than this.
pub(super) const FLOOR: u64 = 200;
/// How surprising a share has to be, in nats: 18 is one in 65 million. Some hundred fields are judged at each page.
const SURPRISE: f64 = 18.0;
/// Records of a page have much in common (a creator, a hashtag): so many of them say as much as one.
const ALIKE: f64 = 4.0;
/// The share from which on a field is in every record: then likeness explains no absence.
const ALWAYS: f64 = 0.999;
/// Less than this part of the former share is rarer.
const RARER: f64 = 0.75;
const RARER_OF: u64 = 50;
/// Values of a type that was never seen.
const STRANGERS: u64 = 3;
/// Numbers or texts that a judgement of their form needs.
const VALUES: u64 = 20;
/// Beyond the former range by this factor.
const BEYOND: f64 = 10.0;
/// An enumeration is known from so many texts on.
const ENUMERATED: u64 = 1000;
/// Names of fields whose values are what people write or choose: new ones are no change of the source.
#[rustfmt::skip]
const CONTENT: [&str; 21] = [
    "id", "name", "user", "author", "nick", "handle", "title", "tag", "desc", "text", "region", "country", "lang",
    "locale", "city", "location", "album", "label", "url", "key", "date",
];

/// A change that was found.
pub(super) struct Finding {
    pub(super) kind: DriftKind,
    pub(super) before: String,
    pub(super) after: String,
}

/// What a field was, and what it is in a stretch of records.
pub(super) struct Case<'a> {
    /// The name of the field within its object; `None` for items of lists and members of maps.
    pub(super) name: Option<&'a str>,
    pub(super) base: &'a Stats,
    pub(super) now: &'a Stats,
    /// Pages that the stretch is made of, and those of them that had the field.
    pub(super) pages: u32,
    pub(super) pages_with: u32,
    /// Objects since the field was last there.
    pub(super) gap: u64,
}

impl Case<'_> {
    pub(super) fn find(&self) -> Option<Finding> {
        self.presence()
            .or_else(|| self.types())
            .or_else(|| self.forms())
            .or_else(|| self.range())
            .or_else(|| self.words())
    }

    fn presence(&self) -> Option<Finding> {
        let (base, now) = (self.base, self.now);
        if self.name.is_none() || base.of < FLOOR || now.of == 0 {
            return None;
        }
        let was = share(base.present, base.of);
        let always = was >= ALWAYS;
        let alike = if always { 1.0 } else { ALIKE };
        let settled = always || self.pages > 1;
        let found = |kind, after| Some(Finding { kind, before: told(was), after: told(after) });
        if base.present == 0 {
            let new = self.pages_with > 1 && surprise(base, now.present, now.of, ALIKE) >= SURPRISE;
            return if new { found(DriftKind::Appeared, share(now.present, now.of)) } else { None };
        }
        if self.gap > 0 && settled && surprise(base, 0, self.gap, alike) >= SURPRISE {
            return found(DriftKind::Vanished, 0.0);
        }
        let is = share(now.present, now.of);
        let less = is < was * RARER && now.present > 0 && now.of >= RARER_OF && settled;
        if less && surprise(base, now.present, now.of, alike) >= SURPRISE {
            return found(DriftKind::Rarer, is);
        }
        None
    }

    fn types(&self) -> Option<Finding> {
        let (base, now) = (self.base, self.now);
        if base.present < FLOOR {
            return None;
        }
        let is_new = |kind: Type| {
            let (was, is) = (base.count_of(kind), now.count_of(kind));
            match was {
                0 => is >= STRANGERS,
                _ => share(was, base.present) < 0.01 && is >= VALUES && share(is, now.present) > 0.2,
            }
        };
        let new = Type::ALL.into_iter().find(|kind| is_new(*kind))?;
        let before = Type::ALL.into_iter().max_by_key(|kind| base.count_of(*kind))?;
        let after = format!("{} in {} of {}", new.name(), now.count_of(new), now.present);
        Some(Finding { kind: DriftKind::TypeChanged, before: before.name().into(), after })
    }

    /// Texts of digits that are words now, addresses that are empty.
    fn forms(&self) -> Option<Finding> {
        let (was, is) = (self.base.count_of(Type::Text), self.now.count_of(Type::Text));
        if was < FLOOR || is < VALUES {
            return None;
        }
        let fixed = [Form::Digits, Form::Url].into_iter();
        let lost =
            |form: &Form| share(self.base.form_of(*form), was) >= ALWAYS && share(self.now.form_of(*form), is) < 0.5;
        let before = fixed.into_iter().find(lost)?;
        let after = Form::ALL.into_iter().max_by_key(|form| self.now.form_of(*form))?;
        Some(Finding { kind: DriftKind::TypeChanged, before: before.name().into(), after: after.name().into() })
    }

    fn range(&self) -> Option<Finding> {
        let (was, is) = (self.base.numbers?, self.now.numbers?);
        let (many, few) = (self.base.count_of(Type::Number), self.now.count_of(Type::Number));
        if many < FLOOR {
            return None;
        }
        let negative = was.least >= 0.0 && is.least < 0.0;
        let settled = few >= VALUES && self.pages > 1;
        let elsewhere =
            (was.most > 0.0 && is.least > was.most * BEYOND) || (was.least > 0.0 && is.most < was.least / BEYOND);
        let zeros = Stats { of: many, present: was.zeros, ..Stats::default() };
        let all_zero =
            is.zeros == few && share(was.zeros, many) < 0.5 && surprise(&zeros, is.zeros, few, ALIKE) >= SURPRISE;
        if negative || (settled && (elsewhere || all_zero)) {
            return Some(Finding { kind: DriftKind::Range, before: span(&was), after: span(&is) });
        }
        None
    }

    fn words(&self) -> Option<Finding> {
        let (base, now) = (self.base, self.now);
        let known = self.name.is_none_or(|name| {
            let name = name.to_ascii_lowercase();
            CONTENT.iter().any(|part| name.contains(part))
        });
        let total: u64 = base.words.values().sum();
        if known || base.open_ended || base.words.len() < 2 || total < ENUMERATED || self.pages_with < 2 {
            return None;
        }
        let strange = |(word, count): &(&String, &u64)| **count >= STRANGERS && !base.words.contains_key(*word);
        let (after, _) = now.words.iter().find(strange)?;
        let before: Vec<&str> = base.words.keys().map(String::as_str).collect();
        Some(Finding { kind: DriftKind::NewValue, before: before.join(", "), after: after.clone() })
    }
}

/// How surprising it is to find a field in `present` of `of` objects, given the baseline: the log-likelihood ratio of two
/// proportions, in nats. `alike` records count as one.
fn surprise(base: &Stats, present: u64, of: u64, alike: f64) -> f64 {
    let (many, few) = (float(base.of) / alike, float(of) / alike);
    // What was never (or always) so far may be so once in as many records again.
    let was = (float(base.present) + 0.5) / (float(base.of) + 1.0);
    let is = share(present, of);
    let term = |is: f64, was: f64| if is > 0.0 { is * (is / was).ln() } else { 0.0 };
    let divergence = term(is, was) + term(1.0 - is, 1.0 - was);
    many * few / (many + few) * divergence
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

#[allow(clippy::cast_precision_loss, reason = "counts of records stay far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

fn told(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 1.0 { "in less than 1 %".into() } else { format!("in {percent:.0} %") }
}

fn span(numbers: &Numbers) -> String {
    if numbers.least == numbers.most {
        format!("{}", numbers.least)
    } else {
        format!("{} … {}", numbers.least, numbers.most)
    }
}
