//! Durations ("90s", "1m30s", "6h", "7d") and sizes ("64MiB", "1GB", 1048576).

use serde::de::{Deserialize, Deserializer, Error};
use std::time::Duration;

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

/// Reads a duration; a bare number is seconds.
pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    match NumberOrText::deserialize(from)? {
        NumberOrText::Number(seconds) => Ok(Duration::from_secs(seconds)),
        NumberOrText::Text(text) => parse_duration(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not a duration; write 90s, 1m30s, 6h or 7d"))),
    }
}

/// Reads a size in bytes.
pub(super) fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    match NumberOrText::deserialize(from)? {
        NumberOrText::Number(bytes) => Ok(bytes),
        NumberOrText::Text(text) => parse_bytes(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not a size; write 64MiB, 1GB or a number of bytes"))),
    }
}

/// `90s`, `1m30s`, `250ms`, `6h`, `7d`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest)?;
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total += Duration::from_millis(number.checked_mul(millis)?);
        rest = after;
    }
    Some(total)
}

fn parse_bytes(text: &str) -> Option<u64> {
    let (number, unit, after) = number_and_unit(text.trim())?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    after.is_empty().then(|| number.checked_mul(factor)).flatten()
}

/// Splits `1m30s` into 1, `m` and `30s`.
fn number_and_unit(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start();
    let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
    Some((number, unit[..end].trim(), &unit[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("7d"), Some(Duration::from_secs(604_800)));
        for bad in ["", "soon", "5", "5 parsecs", "-1s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("64MiB"), Some(64 << 20));
        assert_eq!(parse_bytes("1 GB"), Some(1_000_000_000));
        assert_eq!(parse_bytes("12"), Some(12));
        assert_eq!(parse_bytes("12MiB3"), None);
    }
}
