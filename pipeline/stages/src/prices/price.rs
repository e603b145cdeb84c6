//! What is said of a price, and what one must know to read it.

use std::ops::Range;
use tidelake_schemas::Amount;

/// What a price is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing more is said.
    Price,
    /// What it was before.
    Was,
    /// What it is now.
    Now,
    /// The least of several.
    From,
    /// An upper bound.
    Under,
    /// A lower bound.
    Over,
    /// The lower end of a range.
    RangeFrom,
    /// The upper end of a range.
    RangeTo,
    /// For each of something.
    PerUnit,
    /// What is taken off.
    Discount,
}

impl Kind {
    /// As written out.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Was => "was",
            Self::Now => "now",
            Self::From => "from",
            Self::Under => "under",
            Self::Over => "over",
            Self::RangeFrom => "range_from",
            Self::RangeTo => "range_to",
            Self::PerUnit => "per_unit",
            Self::Discount => "discount",
        }
    }
}

/// A price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Price {
    /// How much.
    pub amount: Amount,
    /// ISO 4217; the symbol as written when it is ambiguous; `None` when no money is named.
    pub currency: Option<String>,
    /// The money as written.
    pub symbol: Option<String>,
    /// What it is said to be.
    pub kind: Kind,
    /// Where it stands, in bytes.
    pub span: Range<usize>,
}

/// What is known beside the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints<'a> {
    /// The region, ISO 3166: decides between the dollars of several countries.
    pub region: Option<&'a str>,
    /// The money that is meant where the text names none: a code, a symbol, or another price. With it, a number
    /// alone is a price.
    pub currency: Option<&'a str>,
}
