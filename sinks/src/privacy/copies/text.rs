//! Exports that are text: CSV, JSON, JSON lines. Rows that stay are kept as they were written.

use crate::privacy::Suppressions;
use serde_json::Value;
use serde_json::value::RawValue;

/// Whether a value is a name of theirs, or an address that holds one.
pub(super) fn names(erased: &Suppressions, value: &str) -> bool {
    let is_address = || value.starts_with("http://") || value.starts_with("https://");
    erased.holds(None, value.trim()) || (is_address() && erased.marked_in(value))
}

/// A CSV file with a header, without the rows.
pub(super) fn csv(content: &[u8], is_name: &dyn Fn(&str) -> bool) -> Result<(Vec<u8>, usize), String> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(content);
    let (mut new, mut gone, mut record) = (Vec::with_capacity(content.len()), 0, ::csv::ByteRecord::new());
    let mut first = true;
    let mut begin = 0;
    while reader.read_byte_record(&mut record).map_err(|e| e.to_string())? {
        let mut end = usize::try_from(reader.position().byte()).map_err(|e| e.to_string())?;
        // The reader ends a record at the first of the two characters of a line's end.
        end += usize::from(content[..end].ends_with(b"\r") && content[end..].starts_with(b"\n"));
        let named = record.iter().any(|cell| std::str::from_utf8(cell).is_ok_and(is_name));
        if named && !first {
            gone += 1;
        } else {
            new.extend_from_slice(&content[begin..end]);
        }
        (first, begin) = (false, end);
    }
    new.extend_from_slice(&content[begin..]);
    Ok((new, gone))
}

/// A JSON array without the elements; anything else than an array is no rows.
pub(super) fn json(content: &[u8], is_name: &dyn Fn(&str) -> bool) -> Result<(Vec<u8>, usize), String> {
    let rows: Vec<&RawValue> = serde_json::from_slice(content).map_err(|e| e.to_string())?;
    let mut stay = Vec::with_capacity(rows.len());
    for row in &rows {
        if !names_in(is_name, &serde_json::from_str(row.get()).map_err(|e| e.to_string())?) {
            stay.push(row.get());
        }
    }
    let gone = rows.len() - stay.len();
    Ok((format!("[{}]\n", stay.join(",\n")).into_bytes(), gone))
}

/// JSON lines without those.
pub(super) fn lines(content: &[u8], is_name: &dyn Fn(&str) -> bool) -> Result<(Vec<u8>, usize), String> {
    let (mut new, mut gone) = (Vec::with_capacity(content.len()), 0);
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let blank = line.trim_ascii().is_empty();
        if !blank && names_in(is_name, &serde_json::from_slice(line).map_err(|e| e.to_string())?) {
            gone += 1;
        } else {
            new.extend_from_slice(line);
        }
    }
    Ok((new, gone))
}

fn names_in(is_name: &dyn Fn(&str) -> bool, value: &Value) -> bool {
    match value {
        Value::String(text) => is_name(text),
        Value::Number(number) => is_name(&number.to_string()),
        Value::Object(fields) => fields.values().any(|value| names_in(is_name, value)),
        // Lists hold hashtags and mentions, which are others' words.
        Value::Array(_) | Value::Null | Value::Bool(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::PrivacyKey;

    fn erased() -> Suppressions {
        Suppressions::of(PrivacyKey::new(&[1; 32]), "tiktok", ["mia", "7001234567890123456"])
    }

    #[test]
    fn rows_that_stay_are_as_they_were() {
        let erased = erased();
        let is_name = |value: &str| names(&erased, value);
        let csv_text =
            b"author,caption,url\nmia,\"a\n,b\",\nben,\"says, @mia\",x\r\nben,,https://t.co/@mia/video/1\nzoe,1,2\n";
        let (new, gone) = csv(csv_text, &is_name).unwrap();
        assert_eq!(
            (String::from_utf8(new).unwrap().as_str(), gone),
            ("author,caption,url\nben,\"says, @mia\",x\r\nzoe,1,2\n", 2)
        );
        let (new, gone) = json(b"[{\"a\":\"Mia\"}, {\"a\":\"ben\",\"n\":1.50}]", &is_name).unwrap();
        assert_eq!((String::from_utf8(new).unwrap().as_str(), gone), ("[{\"a\":\"ben\",\"n\":1.50}]\n", 1));
        let (new, gone) = lines(b"{\"v\":\"7001234567890123456\"}\n{\"v\":\"7\",\"m\":[\"mia\"]}\n", &is_name).unwrap();
        assert_eq!((String::from_utf8(new).unwrap().as_str(), gone), ("{\"v\":\"7\",\"m\":[\"mia\"]}\n", 1));
        assert!(json(b"{}", &is_name).is_err());
    }
}
