//! Countries: how many creators live there, what they speak and how they write prices.

/// How a price looks.
pub(crate) struct Money {
    before: &'static str,
    after: &'static str,
    group: &'static str,
    decimal: &'static str,
    decimals: bool,
    /// Local units per dollar or so.
    scale: u64,
    digits: Option<char>,
}

const fn money(
    before: &'static str,
    after: &'static str,
    group: &'static str,
    decimal: &'static str,
    scale: u64,
) -> Money {
    Money { before, after, group, decimal, decimals: !decimal.is_empty(), scale, digits: None }
}

impl Money {
    /// The price of `cents` hundredths of a dollar.
    pub(crate) fn format(&self, cents: u64) -> String {
        let amount = cents * self.scale;
        let whole = if self.scale >= 1000 { amount / 100 / 1000 * 1000 } else { amount / 100 };
        let mut number = grouped(whole.max(1), self.group);
        if self.decimals {
            number.push_str(&format!("{}{:02}", self.decimal, amount % 100));
        }
        format!("{}{}{}", self.before, self.localised(number), self.after)
    }

    fn localised(&self, number: String) -> String {
        let Some(zero) = self.digits else { return number };
        let digit = |c: char| c.to_digit(10).and_then(|d| char::from_u32(zero as u32 + d)).unwrap_or(c);
        number.chars().map(digit).collect()
    }
}

fn grouped(number: u64, separator: &str) -> String {
    if number < 1000 {
        return number.to_string();
    }
    format!("{}{}{:03}", grouped(number / 1000, separator), separator, number % 1000)
}

/// A country.
pub(crate) struct Region {
    /// Two letters.
    pub(crate) code: &'static str,
    /// Share of creators.
    pub(crate) weight: u32,
    /// Position of the language in the lexicon.
    pub(crate) language: usize,
    pub(crate) money: Money,
    /// Emoji of the flag.
    pub(crate) flag: &'static str,
}

const fn region(code: &'static str, weight: u32, language: usize, flag: &'static str, money: Money) -> Region {
    Region { code, weight, language, money, flag }
}

/// All countries of the world.
#[rustfmt::skip]
pub(crate) const REGIONS: [Region; 26] = [
    region("US", 190, 0, "🇺🇸", money("$", "", ",", ".", 1)),
    region("GB", 50, 0, "🇬🇧", money("£", "", ",", ".", 1)),
    region("AU", 15, 0, "🇦🇺", money("A$", "", ",", ".", 1)),
    region("PH", 40, 0, "🇵🇭", money("₱", "", ",", "", 56)),
    region("NG", 20, 0, "🇳🇬", money("₦", "", ",", "", 1500)),
    region("MX", 70, 1, "🇲🇽", money("MX$", "", ",", ".", 17)),
    region("ES", 35, 1, "🇪🇸", money("", " €", ".", ",", 1)),
    region("AR", 25, 1, "🇦🇷", money("$ ", "", ".", "", 1000)),
    region("CO", 25, 1, "🇨🇴", money("COP ", "", ".", "", 4000)),
    region("BR", 95, 2, "🇧🇷", money("R$ ", "", ".", ",", 5)),
    region("PT", 8, 2, "🇵🇹", money("", " €", " ", ",", 1)),
    region("FR", 40, 3, "🇫🇷", money("", " €", "\u{202f}", ",", 1)),
    region("CH", 6, 3, "🇨🇭", money("CHF ", "", "’", ".", 1)),
    region("DE", 45, 4, "🇩🇪", money("", " €", ".", ",", 1)),
    region("AT", 6, 4, "🇦🇹", money("€ ", "", ".", ",", 1)),
    region("IT", 35, 5, "🇮🇹", money("€", "", ".", ",", 1)),
    region("TR", 45, 6, "🇹🇷", money("", " TL", ".", ",", 38)),
    region("ID", 105, 7, "🇮🇩", money("Rp", "", ".", "", 16_000)),
    region("VN", 60, 8, "🇻🇳", money("", "₫", ".", "", 25_000)),
    region("SA", 30, 9, "🇸🇦", money("", " ر.س", ",", "", 4)),
    region("EG", 30, 9, "🇪🇬", Money { digits: Some('٠'), ..money("", " ج.م", "٬", "", 48) }),
    region("JP", 45, 10, "🇯🇵", money("¥", "", ",", "", 150)),
    region("KR", 25, 11, "🇰🇷", money("", "원", ",", "", 1350)),
    region("TH", 40, 12, "🇹🇭", money("", " บาท", ",", "", 35)),
    region("RU", 45, 13, "🇷🇺", money("", " ₽", "\u{a0}", "", 95)),
    region("IN", 10, 14, "🇮🇳", money("₹", "", ",", "", 84)),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn price(code: &str, cents: u64) -> String {
        REGIONS.iter().find(|region| region.code == code).map(|region| region.money.format(cents)).unwrap_or_default()
    }

    #[test]
    fn prices_follow_the_country() {
        assert_eq!(price("US", 129_999), "$1,299.99");
        assert_eq!(price("DE", 129_999), "1.299,99 €");
        assert_eq!(price("ID", 1000), "Rp160.000");
        assert_eq!(price("BR", 998), "R$ 49,90");
        assert_eq!(price("EG", 1000), "٤٨٠ ج.م");
    }
}
