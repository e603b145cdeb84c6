//! UTC days as the Research API writes them.

use chrono::{Days, NaiveDate, NaiveTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidelake_schemas::Timestamp;

/// A UTC day, written `YYYYMMDD`. Read as `YYYYMMDD` (text or number) and as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

impl Day {
    /// The day an instant falls into.
    pub fn of(instant: Timestamp) -> Self {
        Self(instant.date())
    }

    /// Reads a day.
    pub fn parse(text: &str) -> Option<Self> {
        let dashed = text.len() == 10;
        let plain = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
        let format = if dashed { "%Y-%m-%d" } else { "%Y%m%d" };
        if !dashed && !plain {
            return None;
        }
        NaiveDate::parse_from_str(text, format).ok().map(Self)
    }

    /// The day `days` later (the last day there is at most).
    pub fn plus(self, days: u32) -> Self {
        Self(self.0.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX))
    }

    /// The day `days` earlier (the first day there is at least).
    pub fn minus(self, days: u32) -> Self {
        Self(self.0.checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN))
    }

    /// Days from this day to a later one; 0 when it is not later.
    pub fn until(self, later: Self) -> u32 {
        u32::try_from((later.0 - self.0).num_days()).unwrap_or(0)
    }

    /// 00:00 UTC of this day.
    pub fn start(self) -> Timestamp {
        Timestamp::from(self.0.and_time(NaiveTime::MIN).and_utc())
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.format("%Y%m%d"))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a day as text, e.g. \"20240131\"")]
        enum Form {
            Number(u32),
            Text(String),
        }
        let text = match Form::deserialize(deserializer)? {
            Form::Number(number) => number.to_string(),
            Form::Text(text) => text,
        };
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no day; write YYYYMMDD, e.g. 20240131")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_three_spellings() {
        let day = Day::parse("20240229").expect("a day");
        for json in ["\"20240229\"", "20240229", "\"2024-02-29\""] {
            assert_eq!(serde_json::from_str::<Day>(json).ok(), Some(day), "{json}");
        }
        assert_eq!(serde_json::to_string(&day).ok().as_deref(), Some("\"20240229\""));
        for wrong in ["20230229", "202402", "2024-2-29", "yesterday", ""] {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn arithmetic_across_a_leap_day() {
        let day = Day::parse("20240228").expect("a day");
        assert_eq!(day.plus(2).to_string(), "20240301");
        assert_eq!(day.minus(28).to_string(), "20240131");
        assert_eq!(day.until(day.plus(2)), 2);
        assert_eq!(day.plus(1).until(day), 0);
        assert_eq!(Day::of(day.plus(1).start()), day.plus(1));
    }
}
