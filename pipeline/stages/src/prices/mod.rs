//! Prices: amounts of money as captions name them, in the money and the number forms of any locale.
//!
//! A number is a price because money is named beside it. Follower counts, times, dates, phone numbers and percentages
//! name none. `$`, `kr` and `¥` are several countries' money: the region decides, and without one the symbol is kept.

mod around;
mod numeral;
mod price;
mod read;
mod units;
mod words;

#[cfg(test)]
mod tests;

use crate::text::{offset, ranges};
use crate::{Caption, Stage};
pub(crate) use numeral::digit;
use price::Hints;
use read::prices;
use tidelake_schemas::{CaptionFindings, PriceFinding};

/// The stage: prices.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prices;

impl Stage for Prices {
    fn name(&self) -> &'static str {
        "prices"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let hints = Hints { region: caption.region, currency: caption.currency_hint };
        let taken =
            [&findings.urls, &findings.hashtags, &findings.mentions].into_iter().flat_map(|found| ranges(found));
        let taken = taken.collect::<Vec<_>>();
        findings.prices = prices(caption.text, hints, &taken)
            .into_iter()
            .map(|price| PriceFinding {
                amount: price.amount,
                currency: price.currency,
                symbol: price.symbol,
                kind: price.kind.name().to_owned(),
                start: offset(price.span.start),
                end: offset(price.span.end),
            })
            .collect();
    }
}
