//! Prices in sentences, and what only looks like them.

use super::price::Hints;
use super::read::prices;

/// Amount, currency and kind of each, and the words they were read from.
fn read<'a>(text: &'a str, region: Option<&str>) -> Vec<(String, String, &'static str, &'a str)> {
    let found = prices(text, Hints { region, currency: None }, &[]);
    found
        .into_iter()
        .map(|p| (p.amount.to_string(), p.currency.unwrap_or_default(), p.kind.name(), &text[p.span]))
        .collect()
}

fn first(text: &str, region: Option<&str>) -> (String, String) {
    read(text, region).into_iter().next().map(|(amount, currency, _, _)| (amount, currency)).unwrap_or_default()
}

#[test]
fn money_of_many_places() {
    for (text, amount, currency) in [
        ("only 1.299,00 € this week", "1299", "EUR"),
        ("CHF 1'299.50 in Zürich", "1299.5", "CHF"),
        ("nur 25,- EUR", "25", "EUR"),
        ("cuesta 3 mil pesos mexicanos", "3000", "MXN"),
        ("всего 1 990 руб. с доставкой", "1990", "RUB"),
        ("chỉ 199k VND", "199000", "VND"),
        ("harga Rp 50 ribu saja", "50000", "IDR"),
        ("١٢٣ ريال سعودي", "123", "SAR"),
        ("只要99人民币", "99", "CNY"),
        ("3万円のバッグ", "30000", "JPY"),
        ("고작 5천원", "5000", "KRW"),
        ("₹1,00,000 prize", "100000", "INR"),
        ("two hundred euros", "200", "EUR"),
        ("5€ 50", "5.5", "EUR"),
        ("12 dollars and 5 cents", "12.05", "dollars"),
        ("a $1.5 million house", "1500000", "$"),
        ("KD 1.250", "1.25", "KWD"),
        ("R1,499 at the mall", "1499", "ZAR"),
    ] {
        assert_eq!(first(text, None), (amount.to_owned(), currency.to_owned()), "{text}");
    }
}

#[test]
fn the_region_decides_between_dollars() {
    for (region, currency) in
        [(None, "$"), (Some("US"), "USD"), (Some("ca"), "CAD"), (Some("AU"), "AUD"), (Some("DE"), "$")]
    {
        assert_eq!(first("was $20", region).1, currency, "{region:?}");
    }
    assert_eq!(first("399 kr", Some("SE")).1, "SEK");
    assert_eq!(first("¥500", Some("JP")).1, "JPY");
    assert_eq!(first("$50 AUD", Some("US")).1, "AUD");
    assert_eq!(first("30 Canadian dollars", Some("US")).1, "CAD");
    assert_eq!(first("£5", None).1, "GBP");
}

#[test]
fn what_the_words_around_say() {
    let kinds =
        |text| read(text, None).into_iter().map(|(amount, _, kind, _)| format!("{amount} {kind}")).collect::<Vec<_>>();
    assert_eq!(kinds("was $40 now $25"), ["40 was", "25 now"]);
    assert_eq!(kinds("between 10 and 20 dollars"), ["10 range_from", "20 range_to"]);
    assert_eq!(kinds("$10-20k"), ["10000 range_from", "20000 range_to"]);
    assert_eq!(kinds("desde 5 €"), ["5 from"]);
    assert_eq!(kinds("all under £10"), ["10 under"]);
    assert_eq!(kinds("$3/kg"), ["3 per_unit"]);
    assert_eq!(kinds("$5 off your order"), ["5 discount"]);
    assert_eq!(kinds("$5 to 10 people"), ["5 price"]);
}

#[test]
fn spans_are_what_was_read() {
    let found = read("😀 AUD $50 or US$4.7 billion!", None);
    assert_eq!(found.iter().map(|f| f.3).collect::<Vec<_>>(), ["$50", "US$4.7 billion"]);
}

#[test]
fn what_only_looks_like_a_price() {
    for text in [
        "10k followers in 3 days",
        "meet at 10:30, call 555-1234",
        "12.05.2024",
        "20% off everything",
        "the new Audi R8 and BMW M3",
        "iPhone 15 Pro Max",
        "Euro 2024 final",
        "top 10 moments of 2023",
        "try 3 of these",
        "lost 20 pounds in 2 months",
        "1080p 60fps",
        "5 ft 10",
        "$TSLA to the moon",
        "part 2 of 3",
        "I'm 6'2",
        "50M views!!",
        "10c outside",
        "PHP 8 is out",
        "one cup of sugar, two eggs",
    ] {
        assert_eq!(read(text, None), [], "{text}");
    }
}

#[test]
fn numbers_without_money_are_prices_only_where_that_is_said() {
    assert_eq!(read("67", None), []);
    let hinted = |text, hint| {
        let found = prices(text, Hints { region: None, currency: Some(hint) }, &[]);
        found.into_iter().map(|p| (p.amount.to_string(), p.currency)).collect::<Vec<_>>()
    };
    assert_eq!(hinted("67", "€"), [("67".into(), Some("EUR".into()))]);
    assert_eq!(hinted("3,20 €", "$"), [("3.2".into(), Some("EUR".into()))]);
    assert_eq!(hinted("40% OFF", "$"), []);
}
