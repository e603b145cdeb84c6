//! Prices.

use crate::cases::text;
use crate::score::{Score, f1, share};
use serde_json::Value;
use tidelake_schemas::PriceFinding;
use tidelake_stages::{Caption, Stages};

fn prices(case: &Value, hint: Option<&str>, region: Option<&str>) -> Vec<PriceFinding> {
    let caption = Caption { region, currency_hint: hint, ..Caption::plain(text(case, "text")) };
    Stages::standard().run(&caption).findings.prices
}

fn is_amount(found: &PriceFinding, wanted: f64) -> bool {
    found.amount.to_string().parse::<f64>().is_ok_and(|amount| (amount - wanted).abs() < 1e-6)
}

/// The currency is one of those the case allows, or its ambiguous symbol.
fn is_currency(found: &PriceFinding, case: &Value) -> bool {
    let Some(allowed) = case["currency_iso"].as_array() else { return true };
    let symbol = found.symbol.as_deref().map(|symbol| symbol.trim_end_matches('.'));
    found.currency.as_deref().is_some_and(|code| allowed.iter().any(|iso| iso == code) || Some(code) == symbol)
}

fn judged(right: bool, case: &Value, found: &[PriceFinding]) -> Result<(), String> {
    let shown = found.iter().map(|p| format!("{} {:?} {:?}", p.amount, p.currency, p.symbol)).collect::<Vec<_>>();
    if right {
        Ok(())
    } else {
        Err(format!("{} found {shown:?}, wanted {} {}", case["text"], case["amount"], case["currency"]))
    }
}

/// Single prices that name their money; two cases of the suite name no amount.
pub(crate) fn strings(cases: &[Value]) -> Score {
    share(cases, |case| {
        let has_both = case["currency_in_text"] == true && text(case, "text").contains(text(case, "amount_text"));
        let amount = case["amount"].as_f64().filter(|_| has_both)?;
        let found = prices(case, case["currency_hint"].as_str(), None);
        let right = found.first().is_some_and(|price| is_amount(price, amount) && is_currency(price, case));
        Some(judged(right, case, &found))
    })
}

/// The money of single prices, where they name one.
pub(crate) fn currencies(cases: &[Value]) -> Score {
    share(cases, |case| {
        case["currency_iso"].as_array()?;
        let found = prices(case, None, None);
        Some(judged(found.first().is_some_and(|price| is_currency(price, case)), case, &found))
    })
}

/// Amounts and intervals of 35 locales, in digits.
pub(crate) fn locales(cases: &[Value]) -> Score {
    share(cases, |case| {
        if case["has_digit"] != true {
            return None;
        }
        let region = text(case, "locale").split_once('_').map(|(_, region)| region);
        let found = prices(case, None, region);
        let wanted: Vec<f64> =
            ["amount", "amount_min", "amount_max"].iter().filter_map(|name| case[*name].as_f64()).collect();
        let scaled = |price: &PriceFinding, amount: f64| {
            is_amount(price, amount) || (case["minor_unit"] == true && is_amount(price, amount / 100.0))
        };
        let right = found.len() == wanted.len()
            && found.iter().zip(&wanted).all(|(price, amount)| scaled(price, *amount) && is_currency(price, case));
        Some(judged(right, case, &found))
    })
}

/// Places of prices in sentences, most of which name other quantities.
pub(crate) fn spans(cases: &[Value]) -> Score {
    f1(cases, |case| {
        let caption = text(case, "text");
        let found = prices(case, None, None);
        let found = found.iter().map(|price| caption[price.start as usize..price.end as usize].to_owned());
        let wanted = case["prices"].as_array()?.iter().map(|price| text(price, "surface").to_owned());
        Some((found.collect(), wanted.collect()))
    })
}

/// All prices of a caption, and no others.
pub(crate) fn captions(cases: &[Value]) -> Score {
    share(cases, |case| {
        let found = prices(case, None, case["region"].as_str());
        let wanted = case["prices"].as_array()?;
        let is = |price: &PriceFinding, wanted: &Value| {
            is_amount(price, wanted["amount"].as_f64().unwrap_or_default())
                && price.currency.as_deref() == wanted["currency"].as_str()
        };
        let right = found.len() == wanted.len() && found.iter().zip(wanted).all(|(price, wanted)| is(price, wanted));
        judged(right, case, &found).map_err(|miss| format!("{miss} {}", case["prices"])).into()
    })
}
