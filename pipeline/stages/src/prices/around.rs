//! What the words around a price say of it.

use super::price::Kind;
use std::ops::Range;

/// How far before a price its words are looked for, in bytes.
const BEFORE: usize = 28;

const WAS: &[&str] = &[
    "was",
    "were",
    "before",
    "rrp",
    "msrp",
    "originally",
    "original",
    "regular",
    "statt",
    "früher",
    "avant",
    "antes",
    "era",
    "instead of",
    "voorheen",
    "было",
    "раньше",
    "вместо",
    "eskiden",
    "原价",
    "原價",
    "dari harga",
    "au lieu de",
    "istället för",
    "zamiast",
    "замість",
    "místo",
    "במקום",
    "بدل",
    "بدلا من",
    "mrp",
    "harga asli",
];
const NOW: &[&str] = &[
    "now",
    "now only",
    "jetzt",
    "nur",
    "maintenant",
    "ahora",
    "agora",
    "adesso",
    "nu",
    "сейчас",
    "теперь",
    "şimdi",
    "sekarang",
    "现价",
    "現價",
    "only",
    "just",
    "sale",
];
const FROM: &[&str] = &[
    "from",
    "starting at",
    "starts at",
    "ab",
    "dès",
    "à partir de",
    "a partir de",
    "desde",
    "da",
    "vanaf",
    "från",
    "fra",
    "od",
    "от",
    "từ",
    "mulai",
    "mulai dari",
    "από",
];
const UNDER: &[&str] = &[
    "under",
    "below",
    "less than",
    "up to",
    "max",
    "unter",
    "bis",
    "bis zu",
    "moins de",
    "menos de",
    "meno di",
    "minder dan",
    "under",
    "mindre än",
    "до",
    "менее",
    "dưới",
    "תחת",
    "לא יותר מ",
    "تحت",
    "mai puțin de",
    "最多",
];
const OVER: &[&str] = &[
    "over",
    "above",
    "more than",
    "at least",
    "über",
    "plus de",
    "más de",
    "mais de",
    "più di",
    "meer dan",
    "iznad",
    "более",
    "больше",
    "свыше",
    "melewati",
    "mai scump de",
    "trên",
    "至少",
];
const UNDER_AFTER: &[&str] = &["以下", "以内", "미만", "이하", "or less", "or under"];
const OVER_AFTER: &[&str] = &["以上", "이상", "or more", "and up"];
const OFF_AFTER: &[&str] = &[
    "off",
    "discount",
    "rabatt",
    "de descuento",
    "de desconto",
    "de réduction",
    "de remise",
    "di sconto",
    "korting",
    "скидк",
    "indirim",
];
const OFF_BEFORE: &[&str] = &["save", "ahorra", "spare", "économise", "économisez", "economize", "risparmia"];
const PER_AFTER: &[&str] = &[
    "/",
    "each",
    "per ",
    "a piece",
    "apiece",
    "pro ",
    "par ",
    "por ",
    "al ",
    "pcs",
    "a month",
    "a year",
    "a day",
    "a night",
    "an hour",
    "monthly",
    "за шт",
    "/шт",
];
/// Words that make pounds a weight.
const WEIGHT: &[&str] = &[
    "weigh",
    "lost",
    "lose",
    "losing",
    "gain",
    "lift",
    "bench",
    "squat",
    "deadlift",
    "dropped",
    "heavy",
    "down",
    "shed",
    "burn",
    "lbs",
    "kilo",
    "bajé",
    "perdí",
    "perdi",
    "emagreci",
    "похуде",
    "peso",
];
/// Words between the ends of a range.
const TO: &[&str] = &[
    "-", "–", "—", "~", "〜", "～", "to", "bis", "à", "a", "hasta", "até", "tot", "до", "do", "til", "till", "đến",
    "عد", "عд", "עד", "إلى", "至", "到", "sampai", "ile", "or", "/",
];
/// Words between them where *between* stands before.
const AND: &[&str] = &[
    "and", "und", "et", "y", "e", "en", "och", "og", "и", "i", "și", "si", "и", "و", "ו", "ve", "dan", "და", "ל", "và",
    "si",
];
const BETWEEN: &[&str] = &[
    "between",
    "zwischen",
    "entre",
    "tra",
    "fra",
    "tussen",
    "mellan",
    "mellem",
    "mellom",
    "между",
    "між",
    "między",
    "između",
    "între",
    "بين",
    "בין",
    "antara",
];

fn lower_before(text: &str, start: usize) -> String {
    let mut from = start.saturating_sub(BEFORE);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..start].to_lowercase()
}

/// Does the text end with the word, as a word?
fn ends_with_word(text: &str, word: &str) -> bool {
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || c == ':' || c == '(');
    text.strip_suffix(word).is_some_and(|rest| !rest.ends_with(char::is_alphanumeric) || !word.is_ascii())
}

fn starts_with_word(text: &str, word: &str) -> bool {
    let Some(rest) = text.strip_prefix(word) else { return false };
    !word.ends_with(|c: char| c.is_ascii_alphabetic()) || !rest.starts_with(char::is_alphabetic)
}

fn ends_with_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| ends_with_word(text, word))
}

/// What kind of price stands here.
pub(super) fn kind(text: &str, span: &Range<usize>) -> Kind {
    let before = lower_before(text, span.start);
    let after = text[span.end..].trim_start_matches(' ').to_lowercase();
    let follows = |words: &[&str]| words.iter().any(|word| starts_with_word(&after, word));
    if follows(OFF_AFTER) || ends_with_any(&before, OFF_BEFORE) {
        Kind::Discount
    } else if ends_with_any(&before, WAS) || gives_way(&after) {
        Kind::Was
    } else if ends_with_any(&before, NOW) {
        Kind::Now
    } else if follows(UNDER_AFTER) || ends_with_any(&before, UNDER) {
        Kind::Under
    } else if follows(OVER_AFTER) || ends_with_any(&before, OVER) {
        Kind::Over
    } else if ends_with_any(&before, FROM) {
        Kind::From
    } else if is_per_unit(text, span.end) {
        Kind::PerUnit
    } else {
        Kind::Price
    }
}

/// Is it said to be for each of something?
pub(super) fn is_per_unit(text: &str, end: usize) -> bool {
    let after = text[end..].trim_start_matches(' ').to_lowercase();
    // ₹1,499/- is a plain price.
    let whole = after.starts_with("/-") || after.starts_with("/=");
    !whole && !gives_way(&after) && PER_AFTER.iter().any(|word| starts_with_word(&after, word))
}

/// De R$ 199,90 por R$ 99,90: another price follows, which is to be paid instead.
fn gives_way(after: &str) -> bool {
    let rest = ["por ", "par ", "al "].iter().find_map(|word| after.strip_prefix(word));
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit() || "$€£".contains(c)) || rest.starts_with("r$")
    })
}

/// Are these pounds a weight?
pub(super) fn is_weight(text: &str, span: &Range<usize>) -> bool {
    let before = lower_before(text, span.start);
    let after = text[span.end..].trim_start().to_lowercase();
    before.ends_with('±')
        || WEIGHT.iter().any(|word| before.contains(word))
        || [
            "of ",
            "heavier",
            "lighter",
            "dog",
            "cat ",
            "baby",
            "overweight",
            "down",
            "dumbbell",
            "weight",
            "kettlebell",
            "turkey",
        ]
        .iter()
        .any(|word| after.starts_with(word))
}

/// Does what stands between two numbers make them a range?
pub(super) fn joins_range(text: &str, first: usize, between: &str) -> bool {
    let word = between.trim().to_lowercase();
    let word = word.strip_suffix(['$', '€', '£']).map_or(word.as_str(), str::trim);
    TO.contains(&word) || (AND.contains(&word) && ends_with_any(&lower_before(text, first), BETWEEN))
}

/// Is it one of the words that join the larger and the smaller money: 20 dollars *and* 43 cents?
pub(super) fn joins_parts(between: &str) -> bool {
    let word = between.trim().to_lowercase();
    word.is_empty() || word == "&" || AND.contains(&word.as_str())
}
