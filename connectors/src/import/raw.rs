//! The bytes of refused records, as they came: parsed JSON has lost the digits of numbers that are too large.

use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// Larger documents are not searched: their refused records keep the bytes that parsing left of them.
const LARGEST: usize = 256 << 20;

/// For each of `payloads` (records, written as JSON after parsing), the bytes it has in `text`, where it is found.
///
/// Records that look the same after parsing are found in the order of the document.
pub(super) fn originals<'a>(text: &'a str, payloads: &[Vec<u8>]) -> Vec<Option<&'a str>> {
    let mut found = vec![None; payloads.len()];
    let mut wanted: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (index, payload) in payloads.iter().enumerate().rev() {
        wanted.entry(payload).or_default().push(index);
    }
    if text.len() <= LARGEST {
        search(text, &mut wanted, &mut found);
    }
    found
}

fn search<'a>(text: &'a str, wanted: &mut HashMap<&[u8], Vec<usize>>, found: &mut [Option<&'a str>]) {
    if wanted.is_empty() {
        return;
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    let written = value.to_string().into_bytes();
    if let Some(indices) = wanted.get_mut(written.as_slice()) {
        if let Some(index) = indices.pop() {
            found[index] = Some(text);
        }
        if indices.is_empty() {
            wanted.remove(written.as_slice());
        }
        return;
    }
    match value {
        Value::Array(_) => {
            let inner = serde_json::from_str::<Vec<&RawValue>>(text).unwrap_or_default();
            inner.into_iter().for_each(|raw| search(raw.get(), wanted, found));
        }
        Value::Object(_) => {
            let inner = serde_json::from_str::<Members>(text).map(|members| members.0).unwrap_or_default();
            inner.into_iter().for_each(|raw| search(raw.get(), wanted, found));
        }
        _ => {}
    }
}

/// The values of an object, in the order of the document.
struct Members<'a>(Vec<&'a RawValue>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> serde::de::Visitor<'de> for Visit {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((_, value)) = map.next_entry::<serde::de::IgnoredAny, &'de RawValue>()? {
                    members.push(value);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_that_parsing_loses_are_found_again() {
        let text = r#"{"a": [{"id": 73207681965695992750}, {"id":73207681965695992751}, {"id": 1}], "b": "x"}"#;
        let value: Value = serde_json::from_str(text).expect("JSON");
        let payload = |index: usize| value["a"][index].to_string().into_bytes();
        assert_eq!(payload(0), payload(1), "both are the same float");
        let found = originals(text, &[payload(0), payload(1), b"{}".to_vec()]);
        assert_eq!(found, [Some(r#"{"id": 73207681965695992750}"#), Some(r#"{"id":73207681965695992751}"#), None]);
    }
}
