//! The query language of the Research API: reading, checking, and deciding about one video.

use crate::world::{Caption, Video, World};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use std::cmp::Ordering;

/// `end_date` lies at most this many days after `start_date`.
const SPAN_DAYS: i64 = 30;

/// Why a query is refused; the text goes into the error struct of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(pub String);

fn refuse<T>(why: impl Into<String>) -> Result<T, QueryError> {
    Err(QueryError(why.into()))
}

/// What a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldName {
    /// Day of publication, `YYYYMMDD`.
    CreateDate,
    /// Handle of the creator.
    Username,
    /// Two letters.
    RegionCode,
    /// Decimal id.
    VideoId,
    /// Hashtag without `#`.
    HashtagName,
    /// Words of the description.
    Keyword,
    /// Decimal id of the sound.
    MusicId,
    /// Decimal id of an effect.
    EffectId,
    /// `SHORT`, `MID`, `LONG`, `EXTRA_LONG`.
    VideoLength,
    /// Plays.
    ViewCount,
    /// Comments.
    CommentCount,
}

impl FieldName {
    /// All of them with their names on the wire.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::CreateDate, "create_date"),
        (Self::Username, "username"),
        (Self::RegionCode, "region_code"),
        (Self::VideoId, "video_id"),
        (Self::HashtagName, "hashtag_name"),
        (Self::Keyword, "keyword"),
        (Self::MusicId, "music_id"),
        (Self::EffectId, "effect_id"),
        (Self::VideoLength, "video_length"),
        (Self::ViewCount, "view_count"),
        (Self::CommentCount, "comment_count"),
    ];

    fn read(name: &str) -> Result<Self, QueryError> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map_or_else(|| refuse(format!("Invalid field_name: {name}")), |(field, _)| Ok(*field))
    }

    /// Whether the field has an order that `GT` and the like can use.
    fn is_ordered(self) -> bool {
        matches!(self, Self::CreateDate | Self::ViewCount | Self::CommentCount)
    }
}

/// How a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Equal to the one value.
    Eq,
    /// Equal to any of the values.
    In,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
}

impl Operation {
    fn read(name: &str) -> Result<Self, QueryError> {
        match name {
            "EQ" => Ok(Self::Eq),
            "IN" => Ok(Self::In),
            "GT" => Ok(Self::Gt),
            "GTE" => Ok(Self::Gte),
            "LT" => Ok(Self::Lt),
            "LTE" => Ok(Self::Lte),
            _ => refuse(format!("Invalid operation: {name}")),
        }
    }

    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Eq | Self::In => order == Ordering::Equal,
            Self::Gt => order == Ordering::Greater,
            Self::Gte => order != Ordering::Less,
            Self::Lt => order == Ordering::Less,
            Self::Lte => order != Ordering::Greater,
        }
    }
}

/// One condition, checked: its values can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    field: FieldName,
    operation: Operation,
    values: Values,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Values {
    Numbers(Vec<i64>),
    Texts(Vec<String>),
}

impl Condition {
    /// A condition.
    ///
    /// # Errors
    /// When the field does not allow the operation, or a value is not of the field's form.
    pub fn new(field: FieldName, operation: Operation, values: &[&str]) -> Result<Self, QueryError> {
        let is_list = matches!(operation, Operation::Eq | Operation::In);
        if !is_list && !field.is_ordered() {
            return refuse(format!("Invalid operation for {}", name_of(field)));
        }
        if values.is_empty() || (operation != Operation::In && values.len() != 1) {
            return refuse(format!("Invalid number of field_values for {}", name_of(field)));
        }
        Ok(Self { field, operation, values: read_values(field, values)? })
    }

    fn from_json(value: &Value) -> Result<Self, QueryError> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).ok_or(());
        let (Ok(operation), Ok(field)) = (text("operation"), text("field_name")) else {
            return refuse("A condition needs operation, field_name and field_values");
        };
        let Some(values) = value.get("field_values").and_then(Value::as_array) else {
            return refuse("field_values must be a list of strings");
        };
        let Some(values) = values.iter().map(Value::as_str).collect::<Option<Vec<_>>>() else {
            return refuse("field_values must be a list of strings");
        };
        Self::new(FieldName::read(field)?, Operation::read(operation)?, &values)
    }

    fn holds(&self, candidate: &mut Candidate<'_>) -> bool {
        match &self.values {
            Values::Numbers(numbers) => self.holds_number(numbers, candidate),
            Values::Texts(texts) => self.holds_text(texts, candidate),
        }
    }

    fn holds_number(&self, wanted: &[i64], candidate: &mut Candidate<'_>) -> bool {
        let video = candidate.video;
        let value = match self.field {
            FieldName::CreateDate => day_number(candidate.created.date_naive()),
            FieldName::VideoId => video.id(),
            FieldName::MusicId => video.sound().id,
            FieldName::ViewCount => video.stats_at(candidate.at).views,
            FieldName::CommentCount => video.stats_at(candidate.at).comments,
            FieldName::EffectId => return video.effect_ids().iter().any(|id| wanted.contains(id)),
            _ => return false,
        };
        wanted.iter().any(|wanted| self.operation.accepts(value.cmp(wanted)))
    }

    fn holds_text(&self, wanted: &[String], candidate: &mut Candidate<'_>) -> bool {
        let video = candidate.video;
        match self.field {
            FieldName::RegionCode => wanted.iter().any(|code| code == video.region_code()),
            FieldName::Username => wanted.contains(&crate::world::handle_of(&video)),
            FieldName::VideoLength => wanted.iter().any(|name| name == length_name(video.duration())),
            FieldName::HashtagName => {
                candidate.caption().hashtags.iter().any(|tag| wanted.contains(&tag.to_lowercase()))
            }
            FieldName::Keyword => {
                let text = candidate.caption().text.to_lowercase();
                wanted.iter().any(|word| text.contains(word.as_str()))
            }
            _ => false,
        }
    }
}

fn name_of(field: FieldName) -> &'static str {
    FieldName::ALL.iter().find(|(known, _)| *known == field).map_or("", |(_, name)| name)
}

fn length_name(seconds: u32) -> &'static str {
    match seconds {
        0..15 => "SHORT",
        15..=60 => "MID",
        61..=300 => "LONG",
        _ => "EXTRA_LONG",
    }
}

fn read_values(field: FieldName, values: &[&str]) -> Result<Values, QueryError> {
    let bad = |value: &str| QueryError(format!("Invalid field_values for {}: {value}", name_of(field)));
    let texts = |form: fn(&str) -> String, good: fn(&str) -> bool| {
        let read = |value: &&str| if good(value) { Ok(form(value)) } else { Err(bad(value)) };
        values.iter().map(read).collect::<Result<Vec<_>, _>>().map(Values::Texts)
    };
    match field {
        FieldName::RegionCode => texts(str::to_owned, |v| v.len() == 2 && v.bytes().all(|b| b.is_ascii_uppercase())),
        FieldName::VideoLength => texts(str::to_owned, |v| ["SHORT", "MID", "LONG", "EXTRA_LONG"].contains(&v)),
        FieldName::Username | FieldName::HashtagName | FieldName::Keyword => {
            texts(str::to_lowercase, |v| !v.trim().is_empty())
        }
        FieldName::CreateDate => {
            let day = |value: &&str| read_day(value).map(day_number).map_err(|_| bad(value));
            values.iter().map(day).collect::<Result<_, _>>().map(Values::Numbers)
        }
        _ => values.iter().map(|v| v.parse().map_err(|_| bad(v))).collect::<Result<_, _>>().map(Values::Numbers),
    }
}

/// Reads `YYYYMMDD`.
fn read_day(text: &str) -> Result<NaiveDate, QueryError> {
    let is_good = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let day = is_good.then(|| NaiveDate::parse_from_str(text, "%Y%m%d").ok()).flatten();
    day.map_or_else(|| refuse(format!("Invalid date: {text}; use YYYYMMDD")), Ok)
}

fn day_number(day: NaiveDate) -> i64 {
    i64::from(chrono::Datelike::num_days_from_ce(&day))
}

/// A search: days of publication and conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    start: NaiveDate,
    end: NaiveDate,
    all: Vec<Condition>,
    any: Vec<Condition>,
    none: Vec<Condition>,
}

/// A video under examination, with what more than one condition may need.
struct Candidate<'w> {
    video: Video<'w>,
    at: DateTime<Utc>,
    created: DateTime<Utc>,
    caption: Option<Caption>,
}

impl Candidate<'_> {
    fn caption(&mut self) -> &Caption {
        self.caption.get_or_insert_with(|| self.video.caption())
    }
}

impl Query {
    /// Every video of these days, both included (UTC). Unlike a request, the span has no limit.
    pub fn days(start: NaiveDate, end: NaiveDate) -> Self {
        Self { start, end, all: Vec::new(), any: Vec::new(), none: Vec::new() }
    }

    /// Narrowed to videos for which the condition is true.
    #[must_use]
    pub fn and(mut self, condition: Condition) -> Self {
        self.all.push(condition);
        self
    }

    /// With one more of the conditions of which at least one must be true.
    #[must_use]
    pub fn or(mut self, condition: Condition) -> Self {
        self.any.push(condition);
        self
    }

    /// Narrowed to videos for which the condition is false.
    #[must_use]
    pub fn and_not(mut self, condition: Condition) -> Self {
        self.none.push(condition);
        self
    }

    /// Reads `query`, `start_date` and `end_date` of a request body.
    ///
    /// # Errors
    /// With the text of the refusal, when the body breaks a documented rule.
    pub fn from_body(body: &Value) -> Result<Self, QueryError> {
        let day = |name: &str| match body.get(name).and_then(Value::as_str) {
            Some(text) => read_day(text),
            None => refuse(format!("{name} is required")),
        };
        let (start, end) = (day("start_date")?, day("end_date")?);
        check_span(start, end)?;
        let Some(query) = body.get("query").and_then(Value::as_object) else { return refuse("query is required") };
        if let Some(key) = query.keys().find(|key| !["and", "or", "not"].contains(&key.as_str())) {
            return refuse(format!("Unknown key in query: {key}"));
        }
        let list = |name: &str| read_list(query.get(name));
        let found = Self { start, end, all: list("and")?, any: list("or")?, none: list("not")? };
        if found.all.is_empty() && found.any.is_empty() && found.none.is_empty() {
            return refuse("query must hold at least one condition");
        }
        Ok(found)
    }

    /// The instants between which its videos were published; the end is excluded.
    pub fn window(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let instant = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
        (
            instant(self.start),
            instant(self.end).checked_add_signed(TimeDelta::days(1)).unwrap_or(DateTime::<Utc>::MAX_UTC),
        )
    }

    /// Whether a search at an instant finds a video.
    pub fn finds(&self, video: Video<'_>, at: DateTime<Utc>) -> bool {
        let created = video.created_at();
        let (start, end) = self.window();
        if created < start || created >= end || video.searchable_from() > at {
            return false;
        }
        let mut candidate = Candidate { video, at, created, caption: None };
        self.all.iter().all(|condition| condition.holds(&mut candidate))
            && (self.any.is_empty() || self.any.iter().any(|condition| condition.holds(&mut candidate)))
            && !self.none.iter().any(|condition| condition.holds(&mut candidate))
    }

    /// The indices of all videos that can match, where the conditions name them; newest first.
    pub(crate) fn named(&self, world: &World) -> Option<Vec<u64>> {
        let named = self.all.iter().find(|condition| condition.field == FieldName::VideoId)?;
        let Values::Numbers(ids) = &named.values else { return None };
        let mut found: Vec<_> = ids.iter().filter_map(|id| world.video_by_id(*id)).map(|v| v.index()).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
        Some(found)
    }

    /// The same for equal queries.
    pub(crate) fn fingerprint(&self) -> u64 {
        crate::world::hash_text(&format!("{self:?}"))
    }
}

fn check_span(start: NaiveDate, end: NaiveDate) -> Result<(), QueryError> {
    match (end - start).num_days() {
        ..0 => refuse("end_date must not be before start_date"),
        0..=SPAN_DAYS => Ok(()),
        _ => refuse("end_date must be no more than 30 days after start_date"),
    }
}

fn read_list(value: Option<&Value>) -> Result<Vec<Condition>, QueryError> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(Condition::from_json).collect(),
        Some(_) => refuse("and, or and not must be lists of conditions"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(condition: Value) -> Value {
        json!({"query": {"and": [condition]}, "start_date": "20260101", "end_date": "20260131"})
    }

    fn problem(condition: Value) -> String {
        Query::from_body(&body(condition)).map_or_else(|e| e.to_string(), |_| String::new())
    }

    #[test]
    fn good_conditions_are_read() {
        for (field, operation, value) in [
            ("create_date", "GTE", "20260105"),
            ("username", "EQ", "luna"),
            ("region_code", "IN", "US"),
            ("video_id", "EQ", "7"),
            ("hashtag_name", "EQ", "fyp"),
            ("keyword", "IN", "Hello World"),
            ("music_id", "EQ", "7"),
            ("effect_id", "EQ", "7"),
            ("video_length", "EQ", "MID"),
            ("view_count", "GT", "100"),
            ("comment_count", "LTE", "9"),
        ] {
            let read = problem(json!({"operation": operation, "field_name": field, "field_values": [value]}));
            assert_eq!(read, "", "{field}");
        }
    }

    #[test]
    fn bad_conditions_are_refused() {
        let said = |field: &str, operation: &str, values: Value| {
            problem(json!({"operation": operation, "field_name": field, "field_values": values}))
        };
        assert_eq!(said("hashtag", "EQ", json!(["x"])), "Invalid field_name: hashtag");
        assert_eq!(said("username", "GT", json!(["x"])), "Invalid operation for username");
        assert_eq!(said("username", "LIKE", json!(["x"])), "Invalid operation: LIKE");
        assert_eq!(said("username", "EQ", json!(["x", "y"])), "Invalid number of field_values for username");
        assert_eq!(said("video_id", "EQ", json!([7])), "field_values must be a list of strings");
        assert_eq!(said("region_code", "EQ", json!(["usa"])), "Invalid field_values for region_code: usa");
        assert_eq!(said("create_date", "EQ", json!(["20261301"])), "Invalid field_values for create_date: 20261301");
    }

    #[test]
    fn windows_have_limits() {
        let window = |start: &str, end: &str| {
            let condition = json!({"operation": "EQ", "field_name": "region_code", "field_values": ["US"]});
            let body = json!({"query": {"and": [condition]}, "start_date": start, "end_date": end});
            Query::from_body(&body).is_ok()
        };
        assert!(window("20260101", "20260131"));
        assert!(!window("20260101", "20260201"));
        assert!(!window("20260102", "20260101"));
        assert!(!window("2026-01-01", "20260102"));
        assert!(Query::from_body(&json!({"query": {}, "start_date": "20260101", "end_date": "20260101"})).is_err());
    }
}
