//! The user's own catalogue of products: what an entry is, how a row of any file becomes one, and what tells two
//! catalogues apart.

use crate::amount::Amount;
use crate::ids;
use crate::observation::Attribute;
use serde::Serialize;
use serde_json::{Map, Value};

/// The names under which columns are known, best first. Every other column is an attribute.
const ID: [&str; 4] = ["id", "sku", "product_id", "item_id"];
const NAME: [&str; 3] = ["name", "title", "product_name"];
const ALIASES: [&str; 3] = ["aliases", "alias", "synonyms"];
const BRAND: [&str; 2] = ["brand", "manufacturer"];
const CATEGORY: [&str; 2] = ["category", "product_type"];
const PRICE: [&str; 1] = ["price"];
const CURRENCY: [&str; 1] = ["currency"];
const URL: [&str; 3] = ["url", "link", "product_url"];
/// A column that holds several attributes, as exports write them.
const ATTRIBUTES: &str = "attributes";
/// A name is a name, not a description.
const LONGEST_NAME: usize = 300;

/// A product of the user's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CatalogEntry {
    /// The user's own id.
    pub id: String,
    /// The product's name.
    pub name: String,
    /// Other names for it, sorted. One that starts with `@` is a handle and counts in mentions only.
    pub aliases: Vec<String>,
    /// Its brand.
    pub brand: Option<String>,
    /// Its category, in the user's words.
    pub category: Option<String>,
    /// Its price.
    pub price: Option<Amount>,
    /// The price's currency, ISO 4217.
    pub currency: Option<String>,
    /// Where it is sold or described.
    pub url: Option<String>,
    /// Other properties, by name.
    pub attributes: Vec<Attribute>,
}

impl CatalogEntry {
    /// Reads a row: columns by their usual names, the others as attributes. Empty and null are unknown.
    ///
    /// # Errors
    /// What the row lacks or holds that cannot be read.
    pub fn of_row(row: &Map<String, Value>) -> Result<Self, String> {
        let mut columns = Columns::of(row);
        let id = columns.text(&ID).ok_or("it has no id (a column id, sku or product_id)")?;
        let name = columns.text(&NAME).ok_or("it has no name (a column name or title)")?;
        if !name.chars().any(char::is_alphanumeric) {
            return Err(format!("the name {name:?} has neither letters nor digits"));
        }
        if name.chars().count() > LONGEST_NAME {
            return Err(format!("the name is longer than {LONGEST_NAME} characters"));
        }
        let mut aliases = columns.take(&ALIASES).map(list).unwrap_or_default();
        aliases.sort();
        aliases.dedup();
        let (brand, category) = (columns.text(&BRAND), columns.text(&CATEGORY));
        let (price, beside) = columns.text(&PRICE).map(|written| price(&written)).transpose()?.unzip();
        let currency = columns.text(&CURRENCY).or(beside.flatten()).map(|code| code.to_uppercase());
        let url = columns.text(&URL);
        Ok(Self { id, name, aliases, brand, category, price, currency, url, attributes: columns.rest() })
    }
}

/// What tells this catalogue from any other: the sum of its entries' digests, whatever their order. 32 hexadecimal
/// digits.
pub fn fingerprint(entries: &[CatalogEntry]) -> String {
    let digest = |entry: &CatalogEntry| ids::digest(&serde_json::to_vec(entry).unwrap_or_default());
    format!("{:032x}", entries.iter().map(digest).fold(0_u128, u128::wrapping_add))
}

/// The columns of a row that are not taken yet, under lower-case names.
struct Columns(Vec<(String, Value)>);

impl Columns {
    fn of(row: &Map<String, Value>) -> Self {
        let name = |given: &str| given.trim_start_matches('\u{feff}').trim().to_lowercase().replace([' ', '-'], "_");
        Self(row.iter().map(|(given, value)| (name(given), value.clone())).collect())
    }

    /// The first of the names that has a value.
    fn take(&mut self, names: &[&str]) -> Option<Value> {
        let known = |name: &&str| self.0.iter().position(|(column, value)| column == name && text(value).is_some());
        names.iter().find_map(known).map(|at| self.0.remove(at).1)
    }

    fn text(&mut self, names: &[&str]) -> Option<String> {
        self.take(names).and_then(|value| text(&value))
    }

    /// What is left, as attributes.
    fn rest(mut self) -> Vec<Attribute> {
        let several = self.take(&[ATTRIBUTES]).map(|value| attributes(&value)).unwrap_or_default();
        let single = |(name, value): (String, Value)| Some(Attribute { name, value: text(&value)? });
        let mut all: Vec<Attribute> = self.0.into_iter().filter_map(single).chain(several).collect();
        all.sort_by(|a, b| (&a.name, &a.value).cmp(&(&b.name, &b.value)));
        all.dedup();
        all
    }
}

/// A value as text; `None` when there is nothing in it.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.trim().to_owned(),
        Value::Array(items) if items.is_empty() => return None,
        other => other.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

/// An array, an array in a text, or words with `|` between them.
fn list(value: Value) -> Vec<String> {
    let items = match value {
        Value::Array(items) => items,
        Value::String(written) => match serde_json::from_str(&written) {
            Ok(Value::Array(items)) => items,
            _ => written.split('|').map(Value::from).collect(),
        },
        other => vec![other],
    };
    items.iter().filter_map(text).collect()
}

/// An object, or an array of `{name, value}`, or one of these in a text.
fn attributes(value: &Value) -> Vec<Attribute> {
    let pair = |name: &str, value: &Value| Some(Attribute { name: name.to_owned(), value: text(value)? });
    match value {
        Value::Object(fields) => fields.iter().filter_map(|(name, value)| pair(name, value)).collect(),
        Value::Array(items) => items.iter().filter_map(|i| pair(i["name"].as_str()?, &i["value"])).collect(),
        Value::String(written) => match serde_json::from_str(written) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => attributes(&inner),
            _ => pair(ATTRIBUTES, value).into_iter().collect(),
        },
        _ => Vec::new(),
    }
}

/// A plain decimal number, perhaps with a currency's code beside it, as product feeds write it ("15.00 USD").
fn price(written: &str) -> Result<(Amount, Option<String>), String> {
    let refused = || format!("the price {written:?} is no decimal number such as 15.00");
    let code = |word: &&str| word.len() == 3 && word.bytes().all(|b| b.is_ascii_alphabetic());
    let currency = written.split_whitespace().find(code);
    let mut numbers = written.split_whitespace().filter(|word| !code(word));
    let (Some(number), None) = (numbers.next(), numbers.next()) else { return Err(refused()) };
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, ""));
    let digits = |part: &str| part.chars().map(|c| c.to_digit(10)).collect::<Option<Vec<u32>>>();
    let (whole, fraction) = (digits(whole).ok_or_else(refused)?, digits(fraction).ok_or_else(refused)?);
    if whole.is_empty() {
        return Err(refused());
    }
    Ok((Amount::from_digits(&whole, &fraction).ok_or_else(refused)?, currency.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(row: Value) -> Result<CatalogEntry, String> {
        CatalogEntry::of_row(row.as_object().expect("an object"))
    }

    #[test]
    fn columns_are_known_by_their_usual_names() {
        let row = json!({"SKU": 7, "Title": " Airwrap ", "aliases": "air wrap|airwrap i.d.", "brand": "Dyson",
                         "price": "1299,50 eur", "link": "https://x.y", "Colour": "copper", "empty": "", "none": null});
        let found = entry(row).expect("is an entry");
        assert_eq!((found.id.as_str(), found.name.as_str()), ("7", "Airwrap"));
        assert_eq!(found.aliases, ["air wrap", "airwrap i.d."]);
        assert_eq!((found.price.expect("known").to_string(), found.currency), ("1299.5".into(), Some("EUR".into())));
        assert_eq!(found.attributes, [Attribute { name: "colour".into(), value: "copper".into() }]);
        assert_eq!(found.url.as_deref(), Some("https://x.y"));
    }

    #[test]
    fn lists_may_be_arrays_or_texts() {
        let as_arrays =
            json!({"id": "1", "name": "a", "aliases": ["b", "c"], "attributes": [{"name": "x", "value": "1"}]});
        let as_texts = json!({"id": "1", "name": "a", "aliases": "[\"c\",\"b\"]", "attributes": "{\"x\":\"1\"}"});
        assert_eq!(entry(as_arrays), entry(as_texts));
    }

    #[test]
    fn the_second_id_is_an_attribute() {
        let found = entry(json!({"sku": "S", "id": "1", "name": "a"})).expect("is an entry");
        assert_eq!((found.id.as_str(), found.attributes[0].value.as_str()), ("1", "S"));
    }

    #[test]
    fn what_is_refused_says_why() {
        for (row, why) in [
            (json!({"name": "a"}), "no id"),
            (json!({"id": "1", "name": " "}), "no name"),
            (json!({"id": "1", "name": "–"}), "neither letters"),
            (json!({"id": "1", "name": "a", "price": "cheap"}), "cheap"),
            (json!({"id": "1", "name": "a", "price": "-1"}), "-1"),
        ] {
            let said = entry(row).expect_err("is refused");
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn the_order_of_entries_does_not_matter() {
        let entries: Vec<_> = ["1", "2"].map(|id| entry(json!({"id": id, "name": "a"})).expect("is an entry")).to_vec();
        let turned: Vec<_> = entries.iter().rev().cloned().collect();
        assert_eq!(fingerprint(&entries), fingerprint(&turned));
        assert_ne!(fingerprint(&entries), fingerprint(&entries[..1]));
        assert_eq!(fingerprint(&entries).len(), 32);
    }
}
